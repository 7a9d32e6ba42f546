#!/usr/bin/env python3
"""Differences of losses between studies of one plan in two precisions, paired by seed, with 95 % intervals.

    precision.py FLOAT32 BFLOAT16

The arguments are folders that `fisher compare ... --precision float32` and `--precision bfloat16` wrote. A line for each
optimizer: the mean and the standard deviation over the seeds in float32, and the mean of the paired differences with its
interval by Student's t.
"""

import json
import math
import pathlib
import sys


def losses(folder: str) -> dict[str, dict[int, float]]:
    document = json.loads((pathlib.Path(folder) / "results.json").read_text())
    return {
        entry["label"]: {run["seed"]: run["finalValidationLoss"] for run in entry["runs"]}
        for entry in document["entries"]
    }


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def deviation(values: list[float]) -> float:
    return math.sqrt(sum((x - mean(values)) ** 2 for x in values) / (len(values) - 1))


def quantile(freedom: int, probability: float = 0.975) -> float:
    """Student's t, by bisection on Simpson's rule over the density."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def below(t: float, pieces: int = 2000) -> float:
        step = t / pieces
        terms = [(1 + (k * step) ** 2 / freedom) ** (-(freedom + 1) / 2) for k in range(pieces + 1)]
        return 0.5 + scale * step / 3 * (terms[0] + terms[-1] + 4 * sum(terms[1:-1:2]) + 2 * sum(terms[2:-1:2]))

    low, high = 0.0, 200.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < probability else (low, middle)
    return high


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    wide, narrow = map(losses, sys.argv[1:])
    print("| optimizer | seeds | float32 | deviation over seeds | bfloat16 less float32, paired | 95 % interval |")
    print("|---|---|---|---|---|---|")
    for label, own in wide.items():
        seeds = sorted(set(own) & set(narrow.get(label, {})))
        if len(seeds) < 2:
            sys.exit(f"precision.py: {label} has fewer than two seeds in both")
        differences = [narrow[label][seed] - own[seed] for seed in seeds]
        half = quantile(len(seeds) - 1) * deviation(differences) / math.sqrt(len(seeds))
        center = mean(differences)
        print(f"| {label} | {len(seeds)} | {mean([own[s] for s in seeds]):.4f} | {deviation([own[s] for s in seeds]):.4f} "
              f"| {center:+.4f} | {center - half:+.4f} to {center + half:+.4f} |")


if __name__ == "__main__":
    main()
