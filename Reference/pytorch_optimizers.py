"""Writes `Tests/Fixtures/pytorch`: torch.optim's own answers for the rules that it shares with us.

The files have the format of `golden.py`, with the metadata `dtype` besides. The numbers of
a case are the same in float64 and in float32: those of float64 are rounded to float32 first.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch

from golden import SHAPES, gradient
from rules import Options
from tensor_file import Tensors, write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "pytorch"
STEPS = 10
ADAM: Options = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
SGD: Options = {"lr": 0.01, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}

# name, rule, regime, options
CASES: list[tuple[str, str, str, Options]] = [
    ("plain", "sgd", "normal", SGD),
    ("decay", "sgd", "normal", SGD | {"lr": 0.05, "weight_decay": 0.1}),
    ("momentum", "sgd", "normal", SGD | {"momentum": 0.9}),
    ("momentum-decay", "sgd", "zero-first", SGD | {"momentum": 0.7, "weight_decay": 0.02}),
    (
        "nesterov",
        "sgd",
        "normal",
        SGD | {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02},
    ),
    ("default", "adam", "normal", ADAM),
    ("default", "adam", "mixed-scale", ADAM),
    (
        "tuned",
        "adam",
        "normal",
        ADAM | {"lr": 3e-3, "beta1": 0.8, "beta2": 0.95, "eps": 1e-5, "weight_decay": 0.1},
    ),
    ("default", "adamw", "normal", ADAM | {"weight_decay": 0.01}),
    ("default", "adamw", "zero-first", ADAM | {"weight_decay": 0.01}),
    (
        "tuned",
        "adamw",
        "normal",
        ADAM | {"lr": 3e-3, "beta1": 0.8, "beta2": 0.95, "eps": 1e-5, "weight_decay": 0.3},
    ),
    ("default", "rmsprop", "normal", {"lr": 0.01, "beta": 0.99, "eps": 1e-8, "weight_decay": 0.0}),
    ("tuned", "rmsprop", "normal", {"lr": 3e-3, "beta": 0.9, "eps": 1e-6, "weight_decay": 0.05}),
    ("default", "adadelta", "normal", {"lr": 1.0, "beta": 0.9, "eps": 1e-6, "weight_decay": 0.0}),
    ("default", "adadelta", "zero-first", {"lr": 1.0, "beta": 0.9, "eps": 1e-6, "weight_decay": 0.0}),
    ("tuned", "adadelta", "normal", {"lr": 0.3, "beta": 0.7, "eps": 1e-4, "weight_decay": 0.05}),
    ("default", "adamax", "normal", ADAM | {"lr": 2e-3}),
    ("default", "adamax", "mixed-scale", ADAM | {"lr": 2e-3}),
    (
        "tuned",
        "adamax",
        "normal",
        ADAM | {"lr": 3e-3, "beta1": 0.8, "beta2": 0.95, "eps": 1e-5, "weight_decay": 0.1},
    ),
    ("default", "amsgrad", "normal", ADAM),
    ("default", "amsgrad", "mixed-scale", ADAM),
    (
        "tuned",
        "amsgrad",
        "normal",
        ADAM | {"lr": 3e-3, "beta1": 0.8, "beta2": 0.7, "eps": 1e-5, "weight_decay": 0.1},
    ),
    (
        "decoupled",
        "amsgrad",
        "normal",
        ADAM | {"lr": 3e-3, "beta2": 0.7, "decouples_decay": True, "weight_decay": 0.3},
    ),
]


def make_optimizer(rule: str, o: Options, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    """The optimizer of torch.optim that `rule` names, in its plain single-tensor implementation."""
    common = {"lr": o["lr"], "weight_decay": o["weight_decay"], "foreach": False}
    match rule:
        case "sgd":
            return torch.optim.SGD(parameters, momentum=o["momentum"], nesterov=o["nesterov"], **common)
        case "adam":
            return torch.optim.Adam(parameters, betas=(o["beta1"], o["beta2"]), eps=o["eps"], **common)
        case "adamw":
            return torch.optim.AdamW(parameters, betas=(o["beta1"], o["beta2"]), eps=o["eps"], **common)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, alpha=o["beta"], eps=o["eps"], **common)
        case "adadelta":
            return torch.optim.Adadelta(parameters, rho=o["beta"], eps=o["eps"], **common)
        case "adamax":
            return torch.optim.Adamax(parameters, betas=(o["beta1"], o["beta2"]), eps=o["eps"], **common)
        case "amsgrad":
            kind = torch.optim.AdamW if o.get("decouples_decay", False) else torch.optim.Adam
            betas = (o["beta1"], o["beta2"])
            return kind(parameters, betas=betas, eps=o["eps"], amsgrad=True, **common)
    raise ValueError(f"unknown rule {rule!r}")


def write_case(rule: str, name: str, regime: str, options: Options, dtype: type[np.floating]) -> None:
    """Writes one trajectory of torch.optim."""
    stem = f"{rule}-{name}-{regime}"
    rng = np.random.default_rng([1, zlib.crc32(stem.encode())])
    draw = {n: np.ones(s) if n == "gain" else rng.standard_normal(s) for n, s in SHAPES.items()}
    start = {n: a.astype(np.float32).astype(dtype) for n, a in draw.items()}
    tensors: Tensors = {f"parameters/{n}": a for n, a in start.items()}

    parameters = {n: torch.from_numpy(a.copy()).requires_grad_() for n, a in start.items()}
    optimizer = make_optimizer(rule, options, list(parameters.values()))
    for t in range(1, STEPS + 1):
        for n, parameter in parameters.items():
            g = gradient(rng, SHAPES[n], regime, t).astype(np.float32).astype(dtype)
            tensors[f"gradients/{t}/{n}"] = g
            parameter.grad = torch.from_numpy(g.copy())
        optimizer.step()
    tensors |= {f"expected/{n}": p.detach().numpy() for n, p in parameters.items()}

    kind = np.dtype(dtype).name
    metadata = {
        "rule": rule,
        "options": json.dumps(options),
        "regime": regime,
        "steps": str(STEPS),
        "dtype": kind,
    }
    write_file(FOLDER / f"{stem}-{kind}.safetensors", tensors, metadata)


def main() -> None:
    """Writes every case in both precisions."""
    for name, rule, regime, options in CASES:
        for dtype in (np.float64, np.float32):
            write_case(rule, name, regime, options, dtype)
    print(f"{2 * len(CASES)} files written to {FOLDER}")


if __name__ == "__main__":
    main()
