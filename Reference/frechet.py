"""Writes `Tests/Fixtures/frechet`: Frechet distances between sets of features, by NumPy and SciPy in float64.

    .venv/bin/python Reference/frechet.py

A file holds `features` [images, features], `reference` and `distance`: |m - m'|^2 + tr(C + C' - 2 (C C')^1/2) with the
covariances of `numpy.cov` and the root of a general matrix by `scipy.linalg.sqrtm` (Schur's method), which shares nothing
with the symmetric decompositions of the package. `singular` has fewer images than features: its covariances are singular,
and its root is taken by the eigenvalues of C C', which are real and not negative.
"""

from pathlib import Path

import numpy as np
from scipy.linalg import sqrtm

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "frechet"


def distance(x: np.ndarray, y: np.ndarray, *, singular: bool) -> float:
    """The Frechet distance of the normal distributions of two sets of rows."""
    c, d = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    if singular:
        cross = np.sqrt(np.clip(np.linalg.eigvals(c @ d).real, 0, None)).sum()
    else:
        cross = np.trace(sqrtm(c @ d)).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(c) + np.trace(d) - 2 * cross)


def main() -> None:
    """Writes three pairs of sets."""
    rng = np.random.default_rng(3)
    mix = rng.normal(size=(6, 6))
    cases = {
        "independent": (rng.normal(size=(40, 6)), 2 * rng.normal(size=(50, 6)) + 1, False),
        "correlated": (rng.normal(size=(60, 6)) @ mix, rng.normal(size=(30, 6)) @ mix.T - 0.5, False),
        "singular": (rng.normal(size=(5, 8)), rng.normal(size=(6, 8)) + 0.3, True),
    }
    for name, (x, y, singular) in cases.items():
        value = np.array([distance(x, y, singular=singular)])
        write_file(
            FOLDER / f"{name}.safetensors", {"features": x, "reference": y, "distance": value}, {}
        )


main()
