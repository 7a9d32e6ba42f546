"""The Fisher information of a small restricted Boltzmann machine by brute force: every visible and hidden state is listed.

    python Reference/boltzmann.py Tests/Fixtures/claims/boltzmann.json

The score of a visible state is that of the joint distribution of (v, h), averaged over h given v; no hidden unit is summed
over in closed form. As a check the information is compared with minus the expected Hessian, by central differences.
"""

import itertools
import json
import sys

import numpy as np


def states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def joint(theta, n, m):
    """log p(v, h) for every pair, [2^n, 2^m], and the derivatives of the exponent, [2^n, 2^m, parameters]."""
    W, b, c = theta[:n * m].reshape(n, m), theta[n * m:n * m + n], theta[n * m + n:]
    logs, slopes = [], []
    for v in states(n):
        for h in states(m):
            logs.append(sum(v[i] * W[i, j] * h[j] for i in range(n) for j in range(m)) + v @ b + h @ c)
            slopes.append(np.concatenate([np.outer(v, h).ravel(), v, h]))
    logs = np.array(logs)
    logs -= np.log(np.sum(np.exp(logs - logs.max()))) + logs.max()
    return logs.reshape(2 ** n, 2 ** m), np.array(slopes).reshape(2 ** n, 2 ** m, -1)


def marginal(theta, n, m):
    return np.log(np.exp(joint(theta, n, m)[0]).sum(1))


def scores(theta, n, m):
    logs, slopes = joint(theta, n, m)
    p = np.exp(logs)
    given = p / p.sum(1, keepdims=True)
    return np.einsum("vh,vhk->vk", given, slopes) - np.einsum("vh,vhk->k", p, slopes)


def main(path):
    random = np.random.default_rng(7)
    cases = []
    for n, m, spread in [(4, 3, 1.0), (5, 2, 2.0)]:
        theta = random.normal(0, spread, n * m + n + m)
        data = random.multinomial(20, np.ones(2 ** n) / 2 ** n) / 20
        logs, s = marginal(theta, n, m), scores(theta, n, m)
        p = np.exp(logs)
        information = np.einsum("v,vi,vj->ij", p, s, s)
        step, hessian = 1e-4, np.zeros_like(information)
        for k in range(len(theta)):
            shift = np.zeros(len(theta))
            shift[k] = step
            hessian[k] = p @ ((scores(theta + shift, n, m) - scores(theta - shift, n, m)) / (2 * step))
        assert np.abs(hessian + information).max() < 1e-7, "Bartlett's identity"
        assert np.abs(p @ s).max() < 1e-12, "the mean score"
        cases.append({
            "visible": n, "hidden": m, "parameters": theta.tolist(), "data": data.tolist(),
            "logProbabilities": logs.tolist(), "information": information.ravel().tolist(),
            "empirical": np.einsum("v,vi,vj->ij", data, s, s).ravel().tolist(),
            "gradient": (-data @ s).tolist(), "negativeLogLikelihood": float(-data @ logs)})
    with open(path, "w") as file:
        json.dump({"cases": cases}, file, indent=1)
        file.write("\n")


main(sys.argv[1])
