"""Finds the polynomials of the power f^rho = exp2(rho log2 f) in Sources/CKernels/Power.h, and measures the error of
the whole arithmetic in float32.

    python3 Reference/power_polynomials.py

Remez exchange in 60 digits (mpmath, numpy). log2(1 + t) / t with weight t for mantissas between the square roots of a
half and of two, and 2^x relative to itself for x in [-1/2, 1/2].
"""

import mpmath as mp
import numpy as np

mp.mp.dps = 60


def remez(function, weight, low, high, degree):
    """The polynomial p of least largest |weight (function - p)|, and that error."""
    count = degree + 2
    points = [
        (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)
    ]
    for _ in range(30):
        rows = mp.matrix(count, count)
        right = mp.matrix(count, 1)
        for row, x in enumerate(points):
            for power in range(degree + 1):
                rows[row, power] = x**power
            rows[row, degree + 1] = (-1) ** row / weight(x)
            right[row] = function(x)
        solution = mp.lu_solve(rows, right)
        coefficients = [solution[k] for k in range(degree + 1)]

        def error(x):
            return weight(x) * (function(x) - mp.polyval(coefficients[::-1], x))

        grid = [low + (high - low) * mp.mpf(k) / 2000 for k in range(2001)]
        errors = [error(x) for x in grid]
        extremes, start = [], 0
        for k in range(1, len(grid) + 1):
            if k == len(grid) or mp.sign(errors[k]) != mp.sign(errors[start]):
                best = max(range(start, k), key=lambda j: abs(errors[j]))
                extremes.append(grid[best])
                start = k
        if len(extremes) < count:
            break
        while len(extremes) > count:
            extremes.pop(0 if abs(error(extremes[0])) < abs(error(extremes[-1])) else -1)
        points = extremes
    return coefficients, max(abs(e) for e in errors)


def logarithm(degree):
    low, high = mp.sqrt(mp.mpf(1) / 2) - 1, mp.sqrt(2) - 1
    quotient = lambda t: mp.log(1 + t, 2) / t if t != 0 else 1 / mp.log(2)
    return remez(quotient, lambda t: abs(t) + mp.mpf(10) ** -12, low, high, degree)


def exponential(degree):
    return remez(lambda x: mp.mpf(2) ** x, lambda x: mp.mpf(2) ** -x, mp.mpf(-1) / 2, mp.mpf(1) / 2, degree)


def float32_power(f, rho, log_coefficients, exp_coefficients):
    """The arithmetic of POWER, without fused multiply-adds."""
    single = np.float32
    high = np.array([rho], dtype=single).view(np.uint32) & np.uint32(0xFFFFF000)
    high = high.view(single)[0]
    low = single(rho - float(high))
    bits = f.view(np.int32)
    exponent = (bits - np.int32(0x3F3504F3)) >> 23
    t = (bits - (exponent << 23)).view(single) - single(1)
    e = exponent.astype(single)
    q = np.full_like(t, single(log_coefficients[-1]) * single(rho))
    for c in log_coefficients[-2::-1]:
        q = q * t + single(c) * single(rho)
    whole = e * high
    rest = q * t + e * low
    magic = single(12582912)
    shifted = (whole + rest) + magic
    n = shifted - magic
    x = (whole - n) + rest
    p = np.full_like(x, single(exp_coefficients[-1]))
    for c in exp_coefficients[-2::-1]:
        p = p * x + single(c)
    return (p.view(np.uint32) + (shifted.view(np.uint32) << np.uint32(23))).view(single)


def main():
    exp_degree, log_degree = 5, 6
    for degree in (5, 6, 7):
        print(f"log2(1 + t) / t, degree {degree}: error {mp.nstr(logarithm(degree)[1], 3)}")
    log_coefficients, _ = logarithm(log_degree)
    exp_coefficients, error = exponential(exp_degree)
    print(f"2^x, degree {exp_degree}: relative error {mp.nstr(error, 3)}")
    for name, coefficients in (("log2", log_coefficients), ("exp2", exp_coefficients)):
        print(name, ", ".join(mp.nstr(c, 10) for c in coefficients))
    logs = [float(c) for c in log_coefficients]
    exps = [float(c) for c in exp_coefficients]
    generator = np.random.default_rng(1)
    f = np.exp2(generator.uniform(-126, 127.9, 4_000_000)).astype(np.float32)
    for rho in (0.1, 0.3, 0.4, 0.55, 0.6, 0.7, 0.9, 0.999):
        exact = np.power(f.astype(np.float64), rho)
        found = float32_power(f, rho, logs, exps).astype(np.float64)
        print(f"rho {rho}: largest relative error {np.max(np.abs(found / exact - 1)):.2e}")


if __name__ == "__main__":
    main()
