"""Quantiles, p-values and powers of the comparison's statistics, by scipy and statsmodels.

    python3 -m venv .venv && .venv/bin/pip install scipy==1.17.1 statsmodels==0.15.0 pandas==3.1.1
    .venv/bin/python Reference/comparison_statistics.py Tests/Fixtures/statistics/comparison.json
"""

import json
import sys

import numpy as np
from scipy import optimize, stats
from statsmodels.formula.api import ols
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired


def dunnett_probability(t, k, nu):
    """P(max |T_i| <= t) at correlation 1/2: 600 by 400 nodes, ten times as many as the library takes."""
    x, wx = np.polynomial.legendre.leggauss(600)
    y, wy = np.polynomial.legendre.leggauss(400)
    y, wy = 9 * y, 9 * wy
    low, top = max(0.0, 1 - 12 / np.sqrt(2 * nu)), 1 + 12 / np.sqrt(2 * nu)
    s, ws = (low + top) / 2 + (top - low) / 2 * x, (top - low) / 2 * wx
    root = np.sqrt(0.5)
    inside = stats.norm.cdf((t * s[:, None] + root * y) / root) - stats.norm.cdf((root * y - t * s[:, None]) / root)
    inner = (inside ** k) @ (wy * stats.norm.pdf(y))
    return float(np.sum(ws * 2 * s * nu * stats.chi2.pdf(nu * s * s, nu) * inner))


def dunnett(k, nu, level=0.05):
    return optimize.brentq(lambda t: dunnett_probability(t, k, nu) - (1 - level), 1.5, 40, xtol=1e-8)


def main(path):
    random = np.random.default_rng(3)
    found = {}
    found["dunnett"] = [
        {"comparisons": k, "degrees": nu, "critical": dunnett(k, nu)}
        for k, nu in [(2, 4), (3, 12), (5, 20), (9, 36), (3, 200), (4, 2)]]

    # scipy's own test, which integrates by quasi-Monte Carlo: its p-values agree to about 1e-4.
    control, *others = [random.normal(m, 1, 6) for m in (0.0, 0.3, 1.2, -1.9)]
    test = stats.dunnett(*others, control=control, random_state=np.random.default_rng(1))
    found["dunnettTest"] = {
        "degrees": 4 * 5, "statistics": test.statistic.tolist(), "probabilities": test.pvalue.tolist()}

    p = [0.01, 0.04, 0.03, 0.005, 0.8, 0.012]
    found["holm"] = {"raw": p, "adjusted": multipletests(p, method="holm")[1].tolist()}
    found["sidak"] = {"raw": p, "adjusted": multipletests(p, method="sidak")[1].tolist()}

    power = TTestPower()
    found["power"] = [
        {"size": size, "seeds": n, "level": level, "power": float(power.power(size, n, level))}
        for size, n, level in [(0.5, 5, 0.05), (1.0, 5, 0.05), (2.0, 3, 0.05), (0.3, 40, 0.05), (1.5, 8, 0.01)]]
    found["seeds"] = [
        {"size": size, "power": wanted,
         "seeds": int(np.ceil(power.solve_power(effect_size=size, alpha=0.05, power=wanted) - 1e-9))}
        for size in (0.2, 0.5, 1.0, 1.5) for wanted in (0.8, 0.9)]

    found["chiSquare"] = [
        {"degrees": nu, "probability": q, "value": float(stats.chi2.ppf(q, nu))}
        for nu in (2, 4, 9, 100) for q in (0.025, 0.5, 0.975)]

    # A comparison of a baseline and three optimizers from six seeds; the seeds matter to all alike.
    seeds = random.normal(0, 0.05, 6)
    table = np.array([2.3 + shift + seeds + random.normal(0, sd, 6)
                      for shift, sd in ((0, 0.01), (-0.03, 0.01), (0.002, 0.004), (0.01, 0.03))])
    margin = 0.02
    differences = table[1:] - table[0]
    t, raw = stats.ttest_1samp(differences, 0, axis=1)
    equivalence = [ttost_paired(row, table[0], -margin, margin)[0] for row in table[1:]]
    pairs = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if b > a]
    pair_raw = [stats.ttest_rel(table[b], table[a]).pvalue for a, b in pairs]
    half = stats.t.ppf((1 + 0.95 ** (1 / 3)) / 2, 5) * differences.std(axis=1, ddof=1) / np.sqrt(6)
    rows = [{"loss": float(table[i, j]), "rule": str(i), "seed": str(j)} for i in range(4) for j in range(6)]
    import pandas
    fit = ols("loss ~ C(rule) + C(seed)", pandas.DataFrame(rows)).fit()
    critical = dunnett(3, int(fit.df_resid))
    error = float(np.sqrt(2 * fit.mse_resid / 6))
    found["table"] = {
        "losses": table.tolist(), "margin": margin,
        "means": differences.mean(axis=1).tolist(),
        "own": {
            "half": half.tolist(),
            "probabilities": multipletests(raw, method="sidak")[1].tolist(),
            "equivalence": multipletests(equivalence, method="holm")[1].tolist(),
            "pairs": [[b, a] for a, b in pairs],
            "pairProbabilities": multipletests(pair_raw, method="holm")[1].tolist()},
        "pooled": {
            "half": critical * error,
            "probabilities": [
                float(1 - dunnett_probability(abs(d) / error, 3, int(fit.df_resid)))
                for d in differences.mean(axis=1)]}}
    with open(path, "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
