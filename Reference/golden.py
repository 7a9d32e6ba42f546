"""Checks and writes files of optimizer trajectories, with the rules of `rules.py`.

    python Reference/golden.py check DIR             recompute every file of a folder
    python Reference/golden.py write DIR [--seed N]  every rule in every regime
    python Reference/golden.py options DIR           the options that `write` leaves alone
    python Reference/golden.py relatives DIR         AdaDelta, AMSGrad, AdaMax, Yogi and LaProp in every regime

A file holds `parameters/<name>`, `gradients/<step>/<name>` and `expected/<name>` (after
the last step), with the metadata `rule`, `options` (JSON), `regime` and `steps`.
"""

import argparse
import json
import sys
import zlib
from pathlib import Path

import numpy as np

from rules import Options, run
from tensor_file import Tensors, read_file, write_file

SHAPES = {"weight": (6, 5), "bias": (5,), "kernel": (4, 3, 2, 2), "gain": (7,), "scale": (1,)}
STEPS = 6
REGIMES = ("normal", "tiny", "huge", "zero-first", "dead-rows", "mixed-scale")
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}

FADAM: Options = {
    "lr": 1e-3,
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "eps2": 0.01,
    "clip": 1.0,
    "weight_decay": 1e-3,
    "rho": 0.5,
}
ADAM: Options = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
SGD: Options = {"lr": 0.01, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}

OPTION_SETS: dict[str, list[Options]] = {
    "sgd": [
        SGD,
        SGD | {"lr": 0.03, "momentum": 0.8, "weight_decay": 0.05},
        SGD | {"lr": 0.02, "momentum": 0.95, "nesterov": True, "weight_decay": 0.01},
    ],
    "adagrad": [
        {"lr": 0.01, "eps": 1e-10, "weight_decay": 0.0},
        {"lr": 0.05, "eps": 1e-4, "weight_decay": 0.02},
    ],
    "rmsprop": [
        {"lr": 1e-3, "beta": 0.99, "eps": 1e-8, "weight_decay": 0.0},
        {"lr": 2e-3, "beta": 0.8, "eps": 1e-5, "weight_decay": 0.03},
    ],
    "adam": [ADAM, ADAM | {"lr": 2e-3, "beta1": 0.7, "beta2": 0.98, "eps": 1e-6, "weight_decay": 0.05}],
    "adamw": [
        ADAM | {"weight_decay": 0.01},
        ADAM | {"lr": 2e-3, "beta1": 0.7, "beta2": 0.98, "eps": 1e-6, "weight_decay": 0.2},
    ],
    "adafactor": [
        {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-30, "clip": 1.0, "weight_decay": 1e-3},
        {"lr": 2e-3, "beta1": 0.6, "beta2": 0.95, "eps": 1e-20, "clip": 0.7, "weight_decay": 5e-3},
    ],
    "fadam": [
        FADAM,
        FADAM | {"lr": 2e-3, "clip": 1.5, "weight_decay": 0.03, "rho": 0.6},
        FADAM | {"beta1": 0.6, "beta2": 0.95, "eps": 1e-4, "eps2": 0.2, "clip": 0.4},
        FADAM | {"eps": 1e-30, "rho": 1.0},
        FADAM | {"beta1": 0.0, "weight_decay": 0.0, "rho": 0.4},
    ],
    "fadafactor": [
        FADAM,
        FADAM | {"lr": 2e-3, "clip": 1.5, "weight_decay": 0.03, "rho": 0.6},
        FADAM | {"beta1": 0.6, "beta2": 0.95, "eps": 1e-4, "eps2": 0.2, "clip": 0.4},
    ],
}

# The rules that came after the files of `write`; `write` leaves them alone.
RELATIVES: dict[str, list[Options]] = {
    "adadelta": [
        {"lr": 1.0, "beta": 0.9, "eps": 1e-6, "weight_decay": 0.0},
        {"lr": 0.5, "beta": 0.7, "eps": 1e-4, "weight_decay": 0.05},
    ],
    "amsgrad": [
        ADAM,
        ADAM | {"lr": 2e-3, "beta1": 0.7, "beta2": 0.9, "corrects_bias": False, "weight_decay": 0.05},
        ADAM | {"beta2": 0.95, "eps": 1e-5, "decouples_decay": True, "weight_decay": 0.2},
    ],
    "adamax": [
        ADAM | {"lr": 2e-3},
        ADAM | {"lr": 5e-3, "beta1": 0.6, "beta2": 0.8, "eps": 0.0, "weight_decay": 0.05},
    ],
    "yogi": [
        ADAM | {"lr": 1e-2, "eps": 1e-3},
        ADAM | {"beta1": 0.7, "beta2": 0.9, "eps": 1e-6, "initial_square": 0.0, "weight_decay": 0.05},
        ADAM | {"beta2": 0.95, "corrects_bias": True, "initial_square": 0.01},
    ],
    "laprop": [
        ADAM | {"lr": 4e-4, "eps": 1e-15},
        ADAM | {"lr": 2e-3, "beta1": 0.7, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.2},
        ADAM | {"lr": 2e-3, "decouples_decay": False, "weight_decay": 0.05},
    ],
}

# name, rule, regime, options
FURTHER_OPTIONS: list[tuple[str, str, str, Options]] = [
    ("momentum", "sgd", "normal", SGD | {"momentum": 0.9, "weight_decay": 0.02}),
    ("momentum", "sgd", "zero-first", SGD | {"momentum": 0.7}),
    ("clip", "adam", "normal", ADAM | {"clip": 0.6, "weight_decay": 0.05}),
    ("clip", "adam", "mixed-scale", ADAM | {"clip": 0.3}),
    ("power", "adam", "normal", ADAM | {"power": 0.75, "eps": 1e-4}),
    ("uncorrected", "adam", "zero-first", ADAM | {"corrects_bias": False, "eps": 1e-6}),
    (
        "simplified",
        "adam",
        "normal",
        ADAM | {"lr": 1e-6, "beta1": 0.0, "eps": 0.0, "power": 1.0, "corrects_bias": False},
    ),
    ("clip", "adamw", "dead-rows", ADAM | {"clip": 0.5, "weight_decay": 0.1}),
    ("power", "adamw", "tiny", ADAM | {"power": 0.4, "weight_decay": 0.1}),
    (
        "uncorrected",
        "adamw",
        "mixed-scale",
        ADAM | {"corrects_bias": False, "clip": 1.0, "weight_decay": 0.1},
    ),
    ("fixed-epsilon", "fadam", "tiny", FADAM | {"epsilon_rule": "fixed"}),
    ("fixed-epsilon", "fadam", "dead-rows", FADAM | {"epsilon_rule": "fixed", "eps": 1e-2, "rho": 0.7}),
    ("epsilon-per-size", "fadam", "tiny", FADAM | {"epsilon_rule": "per_size", "rho": 0.6}),
    ("accumulated-epsilon", "fadam", "dead-rows", FADAM | {"epsilon_rule": "accumulated"}),
    (
        "accumulated-epsilon",
        "fadam",
        "zero-first",
        FADAM | {"epsilon_rule": "accumulated", "eps": 1e-3, "rho": 0.7},
    ),
    ("fraction-of-maximum", "fadam", "normal", FADAM | {"epsilon_rule": "fraction_of_maximum"}),
    (
        "fraction-of-maximum",
        "fadam",
        "mixed-scale",
        FADAM | {"epsilon_rule": "fraction_of_maximum", "eps2": 1e-6},
    ),
    ("raw-momentum", "fadam", "normal", FADAM | {"momentum": "raw", "clip": 0.5}),
    (
        "raw-momentum-corrected",
        "fadam",
        "zero-first",
        FADAM | {"momentum": "raw", "corrects_momentum_bias": True, "clip": 0.5},
    ),
    ("corrected-momentum", "fadam", "normal", FADAM | {"corrects_momentum_bias": True}),
    ("unclipped", "fadam", "mixed-scale", FADAM | {"clip": None}),
    ("euclidean-decay", "fadam", "dead-rows", FADAM | {"decay": "euclidean", "weight_decay": 0.1}),
    ("no-decay", "fadam", "dead-rows", FADAM | {"decay": "none", "weight_decay": 0.1}),
    ("exponent", "fadafactor", "dead-rows", FADAM | {"rho": 0.35, "weight_decay": 0.05}),
    ("raw-momentum", "fadafactor", "mixed-scale", FADAM | {"momentum": "raw", "rho": 0.8, "clip": 0.5}),
]


def gradient(rng: np.random.Generator, shape: tuple[int, ...], regime: str, step: int) -> np.ndarray:
    """A random gradient of the kind that `regime` names."""
    g = rng.standard_normal(shape)
    match regime:
        case "tiny":
            return 1e-9 * g
        case "huge":
            return 1e8 * g
        case "zero-first" if step == 1:
            return np.zeros(shape)
        case "dead-rows" if len(shape) > 1:
            g[0] = 0.0
        case "mixed-scale":
            return g * 10.0 ** rng.uniform(-7.0, 2.0, shape)
    return 0.1 * g


def write_case(path: Path, rule: str, regime: str, options: Options, seed: int) -> None:
    """Writes one trajectory; its random numbers depend on the seed and the file's name alone."""
    rng = np.random.default_rng([seed, zlib.crc32(path.stem.encode())])
    parameters = {n: np.ones(s) if n == "gain" else rng.standard_normal(s) for n, s in SHAPES.items()}
    steps = range(1, STEPS + 1)
    gradients = {t: {n: gradient(rng, s, regime, t) for n, s in SHAPES.items()} for t in steps}
    tensors: Tensors = {f"parameters/{n}": theta for n, theta in parameters.items()}
    tensors |= {f"gradients/{t}/{n}": g for t in steps for n, g in gradients[t].items()}
    for name, theta in parameters.items():
        tensors[f"expected/{name}"] = run(rule, options, theta, [gradients[t][name] for t in steps])
    metadata = {"rule": rule, "options": json.dumps(options), "regime": regime, "steps": str(STEPS)}
    write_file(path, tensors, metadata)


def worst_error(path: Path) -> tuple[float, float]:
    """The largest relative error of an element of `path`, and what its dtype allows.

    In float64 each element is compared with itself; in float32, where rounding is added to
    elements near zero, with the largest of its tensor.
    """
    tensors, metadata = read_file(path)
    options = json.loads(metadata["options"])
    steps = range(1, int(metadata["steps"]) + 1)
    worst, dtype = 0.0, "float64"
    for key, expected in tensors.items():
        if not key.startswith("expected/"):
            continue
        name, dtype = key.removeprefix("expected/"), expected.dtype.name
        got = run(
            metadata["rule"],
            options,
            tensors[f"parameters/{name}"],
            [tensors[f"gradients/{t}/{name}"] for t in steps],
        )
        scale = np.abs(expected) if dtype == "float64" else np.max(np.abs(expected))
        error = float(np.max(np.abs(got - expected) / np.maximum(scale, np.finfo(dtype).tiny)))
        worst = max(worst, error) if np.isfinite(error) else np.inf
    return worst, TOLERANCE[dtype]


def check(folder: Path) -> int:
    """Prints the error of every file of `folder`; 1 where there is none or one is too large."""
    paths = sorted(folder.glob("*.safetensors"))
    failures, worst = 0, 0.0
    for path in paths:
        error, allowed = worst_error(path)
        failures += error > allowed
        worst = max(worst, error)
        print(f"{error:9.2e}  {path.name}{'  TOO LARGE' if error > allowed else ''}")
    print(f"{len(paths)} files, {failures} too far, worst relative error {worst:.2e}")
    return int(failures > 0 or not paths)


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=("check", "write", "options", "relatives"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if arguments.mode == "check":
        return check(folder)
    if arguments.mode == "options":
        cases = FURTHER_OPTIONS
    else:
        cases = [
            (str(i), rule, regime, options)
            for rule, sets in (RELATIVES if arguments.mode == "relatives" else OPTION_SETS).items()
            for i, options in enumerate(sets)
            for regime in REGIMES
        ]
    for name, rule, regime, options in cases:
        write_case(folder / f"{rule}-{name}-{regime}.safetensors", rule, regime, options, arguments.seed)
    print(f"{len(cases)} files written to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
