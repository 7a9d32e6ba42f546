#!/usr/bin/env python3
"""The engine's causal attention with products in bfloat16 against float32: forward and backward pass, in turns, one thread.

    attention.py [--turns 9]

A row for each width of a head and number of positions, with as many heads as make about the same number of elements. In
float32 the inputs are widened and the result rounded, as they are within a network whose other products are in bfloat16.
The ratio is the median over the turns of that within a turn.
"""

import argparse
import statistics
import time

import torch
from torch.nn import functional as F


def seconds(x: torch.Tensor, heads: int, widens: bool) -> float:
    begin = time.perf_counter()
    stacked = x.float() if widens else x
    query, key, value = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in stacked.chunk(3, -1))
    found = F.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2).bfloat16()
    found.backward(torch.ones_like(found))
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=9)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    print("| width of a head | positions | elements | bfloat16, ms | float32, ms | bfloat16 / float32 |")
    print("|---|---|---|---|---|---|")
    for width in (32, 64, 128):
        for positions in (64, 128, 256, 512):
            batch = max(1, (1 << 16) // (positions * width))
            x = torch.randn(batch, positions, 3 * 4 * width, dtype=torch.bfloat16, requires_grad=True)
            times = {widens: [seconds(x, 4, widens) for _ in range(2)] for widens in (False, True)}
            for widens in times:
                times[widens].clear()
            for _ in range(turns):
                for widens, found in times.items():
                    found.append(seconds(x, 4, widens))
            narrow, wide = (1e3 * statistics.median(times[widens]) for widens in (False, True))
            ratio = statistics.median(a / b for a, b in zip(times[False], times[True]))
            print(f"| {width} | {positions} | {width * positions} | {narrow:.2f} | {wide:.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
