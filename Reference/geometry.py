"""Geodesics and parallel transport of normal distributions in (mu, sigma), by scipy from the metric alone.

    python Reference/geometry.py Tests/Fixtures/claims/geometry.json

Christoffel's symbols are derived by sympy from diag(1/sigma^2, 2/sigma^2); geodesics are integrated and aimed by Newton's
method, and vectors are transported along them and along straight lines by the equation of parallel transport.
"""

import json
import sys

import numpy as np
import sympy
from scipy.integrate import solve_ivp
from scipy.optimize import fsolve

x = sympy.symbols("mu sigma", positive=True)
G = sympy.diag(1 / x[1] ** 2, 2 / x[1] ** 2)
symbols = [[[sum(G.inv()[i, l] * (G[l, j].diff(x[k]) + G[l, k].diff(x[j]) - G[j, k].diff(x[l])) for l in range(2)) / 2
             for k in range(2)] for j in range(2)] for i in range(2)]
christoffel = sympy.lambdify(x, symbols)
exactly = dict(rtol=1e-12, atol=1e-13, method="DOP853")


def gamma(p, u, v):
    return np.einsum("ijk,j,k->i", np.array(christoffel(*p), float), u, v)


def shoot(start, velocity, vector=None):
    vector = np.zeros(2) if vector is None else vector
    def rate(_, y):
        p, v, u = y[:2], y[2:4], y[4:]
        return np.concatenate([v, -gamma(p, v, v), -gamma(p, u, v)])
    return solve_ivp(rate, (0, 1), np.concatenate([start, velocity, vector]), dense_output=True, **exactly)


def straight(start, end, vector):
    def rate(t, u):
        return -gamma(start + t * (end - start), u, end - start)
    return solve_ivp(rate, (0, 1), vector, **exactly).y[:, -1]


def main(path):
    cases = []
    for start, end, vector in [
            ([0.0, 1.0], [1.0, 1.0], [1.0, 0.0]), ([-0.5, 0.4], [0.8, 1.1], [0.3, -0.2]),
            ([2.0, 0.5], [0.7, 0.9], [-0.1, 0.4]), ([0.3, 0.5], [0.3, 2.0], [0.7, 0.2]),
            ([1.0, 2.0], [1.01, 1.99], [1.0, 1.0])]:
        start, end, vector = map(np.array, (start, end, vector))
        # Aim in log sigma, whose distances are even.
        guess = (end - start) * np.array([1, 1])
        for share in np.linspace(0.1, 1, 10):
            goal = start + share * (end - start)
            guess = fsolve(lambda v: shoot(start, v).y[:2, -1] - goal, guess * (1 if share == 0.1 else share / (share - 0.1))
                           if share > 0.1 else (goal - start), xtol=1e-12)
        found = shoot(start, guess, vector)
        assert np.abs(found.y[:2, -1] - end).max() < 1e-9
        cases.append({
            "start": start.tolist(), "end": end.tolist(), "vector": vector.tolist(),
            "distance": float(np.sqrt((guess[0] ** 2 + 2 * guess[1] ** 2) / start[1] ** 2)),
            "middle": found.sol(0.5)[:2].tolist(), "transported": found.y[4:, -1].tolist(),
            "transportedStraight": straight(start, end, vector).tolist()})
    with open(path, "w") as file:
        json.dump({"cases": cases}, file, indent=1)
        file.write("\n")


main(sys.argv[1])
