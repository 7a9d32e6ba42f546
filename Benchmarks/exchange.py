#!/usr/bin/env python3
"""Times what a step exchanges, between gloo processes of this machine, and fits a latency and a bandwidth.

    exchange.py [--processes 2 3 4 6 8] [--seconds 2] [--link LATENCY BANDWIDTH] [--turns 3]

One thread a process. Operations: an all-reduce of three numbers, of 3.5 MB and of 14 MB, and an all-gather of 3.5 MB in all. A
time is the median of the fastest tenth of a process's calls, and the least over the turns, so that what else the machine does
has little part in it. With --link the processes are as many hosts, whose links have this latency in seconds and this bandwidth in
bytes a second (as root; see link.py). The fit is to the two smallest numbers of processes; the others are predicted by it.
"""

import argparse
import os
import statistics
import subprocess
import sys

import link
from processes import ring

SIZES = {"all-reduce, 24 B": 24, "all-reduce, 3.5 MB": 3_520_000, "all-reduce, 14 MB": 14_080_000, "all-gather, 3.5 MB": 3_520_000}


def operations(size):
    """The operations by name."""
    import torch
    import torch.distributed as dist

    def reduction(count):
        tensor = torch.zeros(count)
        return lambda: dist.all_reduce(tensor)

    part = torch.zeros(880_000 // size)
    whole = torch.zeros(part.numel() * size)
    return {
        "all-reduce, 24 B": reduction(6), "all-reduce, 3.5 MB": reduction(880_000),
        "all-reduce, 14 MB": reduction(3_520_000), "all-gather, 3.5 MB": lambda: dist.all_gather_into_tensor(whole, part),
    }


def rank(seconds):
    """Times every operation; the first rank prints the seconds of a call."""
    import time

    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    for name, call in operations(dist.get_world_size()).items():
        call()
        # All make as many calls: those that fill the time of the first.
        begin = time.perf_counter()
        call()
        count = torch.tensor([min(max(int(seconds / (time.perf_counter() - begin)), 10), 2000)])
        dist.broadcast(count, 0)
        times = []
        for _ in range(int(count)):
            begin = time.perf_counter()
            call()
            times.append(time.perf_counter() - begin)
        fastest = sorted(times)[:max(1, len(times) // 10)]
        if dist.get_rank() == 0:
            print(name, statistics.median(fastest), statistics.median(times), sep="\t", flush=True)
    dist.barrier()
    dist.destroy_process_group()


def timed(size, options):
    """The seconds of a call by name, the fastest and the median."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")
    command = [sys.executable, __file__, "--rank", "--seconds", str(options.seconds)]
    if options.link:
        text = link.run(size, command, *options.link, environment)
    else:
        text = subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--no-python", "--nproc-per-node", str(size), *command], check=True,
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    rows = [line.split("\t") for line in text.splitlines() if line.count("\t") == 2]
    return {name: (float(fast), float(median)) for name, fast, median in rows}


def fitted(points):
    """Latency and seconds a byte of times that are sums of both: least squares of the relative errors."""
    a = b = c = d = e = 0.0
    for hops, bytes_, seconds in points:
        x, y = hops / seconds, bytes_ / seconds
        a, b, c, d, e = a + x * x, b + x * y, c + y * y, d + x, e + y
    determinant = a * c - b * b
    return (d * c - e * b) / determinant, (a * e - b * d) / determinant


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[2, 3, 4, 6, 8])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--link", type=float, nargs=2, metavar=("LATENCY", "BANDWIDTH"))
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank:
        return rank(options.seconds)
    found = {}
    for _ in range(options.turns):
        for size in options.processes:
            for name, (fast, median) in timed(size, options).items():
                before = found.get((name, size), (fast, median))
                found[name, size] = (min(before[0], fast), min(before[1], median))
    passes = {name: 1 if name.startswith("all-gather") else 2 for name in SIZES}
    points = [(*ring(size, SIZES[name], passes[name]), found[name, size][0])
              for name in SIZES for size in sorted(options.processes)[:2]]
    latency, per_byte = fitted(points)
    print(f"latency {1e6 * latency:.0f} us a message, bandwidth {1e-6 / per_byte:.0f} MB/s")
    for name in SIZES:
        for size in options.processes:
            hops, bytes_ = ring(size, SIZES[name], passes[name])
            fast, median = found[name, size]
            predicted = hops * latency + bytes_ * per_byte
            print(f"{name:20} {size:3} processes: {1000 * fast:9.3f} ms (median {1000 * median:9.3f}), predicted "
                  f"{1000 * predicted:9.3f}, ratio {predicted / fast:.2f}")


if __name__ == "__main__":
    main()
