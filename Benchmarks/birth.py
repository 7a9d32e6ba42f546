#!/usr/bin/env python3
"""How fast a gradient is read right after its product has made it, again, and when it has left the caches.

    birth.py [--threads 1] [--rows 3072] [--columns 768] [--terms 128 1024]

A step surveys the gradients before it writes anything. A hook of the backward pass could read each one as soon as it is made: that
pays where the first of the three rates, in GB/s, is well above the last.
"""

import argparse
import statistics
import time

import torch


def rate(matrix: torch.Tensor) -> float:
    begin = time.perf_counter()
    torch.linalg.vector_norm(matrix)
    return matrix.numel() * matrix.element_size() / (time.perf_counter() - begin) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, default=3072)
    parser.add_argument("--columns", type=int, default=768)
    parser.add_argument("--terms", type=int, nargs="+", default=[128, 1024])
    parser.add_argument("--turns", type=int, default=24)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    products = {
        "MKL": lambda x, y: x @ y.t(),
        "oneDNN": lambda x, y: torch.ops.mkldnn._linear_pointwise(x, y, None, "none", [], None),
    }
    print("| product by | terms | just made, GB/s | again | cold |\n|---|---|---|---|---|")
    for terms in given.terms:
        x, y = torch.randn(given.rows, terms), torch.randn(given.columns, terms)
        for name, product in products.items():
            made, first, second = [], [], []
            for _ in range(given.turns):
                made.append(product(x, y))
                first.append(rate(made[-1]))
                second.append(rate(made[-1]))
            # The others have passed through the caches since.
            last = [rate(matrix) for matrix in made]
            rates = " | ".join(f"{statistics.median(list):.1f}" for list in (first, second, last))
            print(f"| {name} | {terms} | {rates} |")


if __name__ == "__main__":
    main()
