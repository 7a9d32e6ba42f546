"""Fits a logistic regression with statsmodels: coefficients, standard errors and 95 % intervals to compare with.

    python3 -m venv .venv && .venv/bin/pip install statsmodels==0.15.0 numpy safetensors
    .venv/bin/python Reference/logistic_regression.py Tests/Fixtures/statistics/logistic.safetensors
"""

import sys

import numpy as np
import statsmodels.api as sm
from safetensors.numpy import save_file


def main(path):
    random = np.random.default_rng(1)
    x = random.normal(size=(1000, 3))
    logits = x @ np.array([0.8, -1.2, 0.3]) + 0.4
    y = (random.random(1000) < 1 / (1 + np.exp(-logits))).astype(np.float64)
    fit = sm.Logit(y, sm.add_constant(x, prepend=False)).fit(disp=False, tol=1e-14, maxiter=100)
    save_file(
        {"x": x, "y": y, "coefficients": np.ascontiguousarray(fit.params),
         "standard_errors": np.ascontiguousarray(fit.bse),
         "lower": np.ascontiguousarray(fit.conf_int()[:, 0]),
         "upper": np.ascontiguousarray(fit.conf_int()[:, 1])},
        path, metadata={"package": f"statsmodels {sm.__version__ if hasattr(sm, '__version__') else ''}".strip()})
    print(fit.params, fit.bse)


if __name__ == "__main__":
    main(sys.argv[1])
