"""The power b of y = a x^b by least squares on logarithms, with Student's 95 % interval, as scipy has them.

    python Reference/power_law.py

The numbers are in HierarchyTests.swift, powersAreThoseOfLeastSquares.
"""

import numpy as np
from scipy import stats

x = np.log([10.0, 20.0, 40.0, 80.0, 160.0])
y = np.log([3.0, 7.0, 15.0, 40.0, 70.0])
fit = stats.linregress(x, y)
half = stats.t.ppf(0.975, len(x) - 2) * fit.stderr
print(f"{fit.slope:.12f} {fit.slope - half:.12f} {fit.slope + half:.12f}")
