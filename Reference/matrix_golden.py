"""Writes trajectories of the rules of `matrix_rules.py`, in the form of `golden.py`'s files.

    python Reference/matrix_golden.py Tests/Fixtures/matrix

Some runs go on from a state (`state/<key>`, as the package saves it). Where a basis changes, the factors
have full rank by then: of a null space, QR makes what rounding makes of it.
"""

import argparse
import json
import sys
import zlib
from pathlib import Path

import numpy as np

from golden import FADAM, gradient
from matrix_rules import kronecker_fadam, muon, shampoo, soap
from rules import Options
from tensor_file import Tensors, write_file

RULES = {rule.__name__: rule for rule in (muon, shampoo, soap, kronecker_fadam)}
SQUARE = {"square": (5, 5), "kernel": (4, 3, 2, 2), "vector": (7,), "scale": (1,)}
SHAPES = SQUARE | {"tall": (12, 5), "wide": (4, 9), "scalar": ()}
LONG = SQUARE | {"tall": (6, 4), "wide": (4, 6)}

MUON: Options = {"lr": 0.02, "momentum": 0.9}
SHAMPOO: Options = {"lr": 0.01, "decay": 0.9, "eps": 1e-8}
SOAP: Options = {"lr": 3e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "decay": 0.9, "basis_interval": 2}
SOAP |= {"weight_decay": 0.0}
KRONECKER = FADAM | {"decay": 0.9, "basis_interval": 2}

# name, rule, shapes, regime, steps before the file begins, steps, options
CASES: list[tuple[str, str, dict[str, tuple[int, ...]], str, int, int, Options]] = [
    *(("0", "muon", SHAPES, regime, 0, 5, MUON) for regime in ("normal", "tiny", "huge", "zero-first", "dead-rows")),
    ("plain", "muon", SHAPES, "normal", 0, 4, MUON | {"nesterov": False, "momentum": 0.0, "fallback": "adamw"}),
    ("match-rms", "muon", SHAPES, "normal", 0, 4, MUON | {"scale": "match_rms", "weight_decay": 0.1, "ns_steps": 3}),
    *(("0", "shampoo", SHAPES, regime, 0, 5, SHAMPOO) for regime in ("normal", "tiny", "zero-first", "dead-rows")),
    ("0", "shampoo", SHAPES, "huge", 0, 5, SHAMPOO | {"eps": 1e5}),
    ("natural", "shampoo", SHAPES, "normal", 0, 5, SHAMPOO | {"exponent": 0.5, "eps": 1e-4}),
    ("mean", "shampoo", SHAPES, "normal", 0, 5, SHAMPOO | {"decay": 1.0, "momentum": 0.8, "weight_decay": 0.1}),
    ("blocks", "shampoo", SHAPES, "normal", 0, 5, SHAMPOO | {"block": 3, "root_interval": 2, "eps": 1e-4}),
    *((graft, "shampoo", SHAPES, "normal", 0, 4, SHAMPOO | {"grafting": graft, "eps": 1e-6})
      for graft in ("sgd", "adagrad", "rmsprop", "adam", "fadam")),
    *(("0", "soap", SQUARE, regime, 0, 6, SOAP) for regime in ("normal", "huge", "dead-rows")),
    ("long", "soap", SHAPES, "normal", 0, 6, SOAP),
    ("0", "soap", SQUARE, "zero-first", 0, 6, SOAP),
    ("one-sided", "soap", LONG, "normal", 0, 6, SOAP | {"maximum_dimension": 5, "weight_decay": 0.1}),
    ("identity", "soap", SHAPES, "normal", 0, 5, SOAP | {"maximum_dimension": 0}),
    ("resumed", "soap", SHAPES, "normal", 3, 5, SOAP),
    ("mean", "soap", SQUARE, "normal", 0, 6, SOAP | {"decay": 1.0, "basis_interval": 1}),
    *(("0", "kronecker_fadam", SQUARE, regime, 0, 6, KRONECKER) for regime in ("normal", "huge", "dead-rows")),
    ("long", "kronecker_fadam", SHAPES, "normal", 0, 6, KRONECKER),
    ("0", "kronecker_fadam", SQUARE, "zero-first", 0, 6, KRONECKER),
    ("one-sided", "kronecker_fadam", LONG, "normal", 0, 6,
     KRONECKER | {"maximum_dimension": 5, "rho": 0.7, "clip": 0.6}),
    ("raw", "kronecker_fadam", SQUARE, "normal", 0, 6,
     KRONECKER | {"momentum": "raw", "decay_metric": "euclidean", "weight_decay": 0.1}),
    ("resumed", "kronecker_fadam", SHAPES, "normal", 3, 5, KRONECKER),
]


def saved(rule: str, state: dict, g: np.ndarray) -> Tensors:
    """A parameter's state under the package's names."""
    square = "v" if rule == "soap" else "f"
    found = {"momentum": state["m"], "fisher": state[square]}
    if g.ndim >= 2:
        factors = [state["factor", axis][0] / state["factor", axis][1] for axis in range(g.ndim)]
        found["factors"] = np.concatenate([f.ravel() for f in factors])
        found["bases"] = np.concatenate([q.ravel() for q in state["bases"]])
    return {name: np.asarray(value, dtype=np.float64).copy() for name, value in found.items()}


def write_case(path: Path, rule: str, shapes: dict[str, tuple[int, ...]], regime: str, before: int, steps: int,
               options: Options) -> None:
    """Writes one trajectory; its random numbers depend on the file's name alone."""
    rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
    tensors: Tensors = {}
    counts = {"updates": before, "skipped": 0, "skipped_in_a_row": 0}
    if before:
        tensors |= {f"state/optimizer/{key}": np.array(value, dtype=np.int64) for key, value in counts.items()}
    for name, shape in shapes.items():
        theta, state = rng.standard_normal(shape), {}
        for t in range(1, before + steps + 1):
            if t == before + 1:
                tensors[f"parameters/{name}"] = np.array(theta)
                if before:
                    tensors[f"state/parameter/{name}/step"] = np.array(before, dtype=np.int64)
                    kept = saved(rule, state, theta)
                    tensors |= {f"state/parameter/{name}/{key}": value for key, value in kept.items()}
            g = np.asarray(gradient(rng, shape, regime, t))
            if t > before:
                tensors[f"gradients/{t - before}/{name}"] = g
            theta = np.asarray(RULES[rule](theta, g, state, t, options))
        tensors[f"expected/{name}"] = theta
    metadata = {"rule": rule, "options": json.dumps(options), "regime": regime, "steps": str(steps)}
    write_file(path, tensors, metadata)


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    for name, rule, shapes, regime, before, steps, options in CASES:
        path = folder / f"{rule}-{name}-{regime}.safetensors"
        write_case(path, rule, shapes, regime, before, steps, options)
    print(f"{len(CASES)} files written to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
