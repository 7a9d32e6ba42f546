#!/usr/bin/env python3
"""Times training steps that processes share, ours and PyTorch's DistributedDataParallel on gloo, in turns.

    processes.py [--fisher PATH] [--network tiny] [--processes 1 2] [--turns 5] [--steps 40] [--batch 16]
    processes.py --model MILLISECONDS MEGABYTES [--latency SECONDS] [--bandwidth BYTES]

Every process has one thread; the batch is shared among the processes. Ours is `fisher train language` with AdamW, whose state
the processes divide, the reference torch.optim.AdamW(fused=True), whose state every process keeps. A line has the medians over
a run's steps in milliseconds, and the last one the median over the turns of the ratio within a turn.

With --model, a table of what a step takes that computes for MILLISECONDS on every rank and has MEGABYTES of gradients, for 8 to
1,024 ranks whose rings have this latency a message and this bandwidth. A ring's all-reduce passes 2 (N - 1) messages of 1 / N
of the bytes, an all-gather N - 1. A step has one all-reduce of the gradients, five of a few numbers, and one all-gather of the
parameters.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def reference(network, steps, batch):
    """A rank of DistributedDataParallel; the first prints the median of its steps."""
    import time

    import torch
    import torch.distributed as dist

    sys.path.insert(0, str(HERE))
    from twins import networks

    torch.set_num_threads(1)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size > 1:
        dist.init_process_group("gloo")
    make, loss = networks()[network](batch // size)
    model = make()
    if size > 1:
        model = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    times = []
    for _ in range(steps):
        begin = time.perf_counter()
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()
        times.append(time.perf_counter() - begin)
    if int(os.environ.get("RANK", "0")) == 0:
        print(1000 * statistics.median(times[5:]))


def environment():
    return dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")


def ours(fisher, network, size, steps, batch):
    """The medians of the passes with the exchange of gradients and of the update, and the bytes of a process's state."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [fisher, "train", "language", "--preset", network, "--set", "optimizer.rule=adamw", "--batch", str(batch),
             "--steps", str(steps), "--evaluate-every", str(steps), "--validation-bytes", "2048", "--threads", "1",
             "--processes", str(size), "--output", folder + "/run"],
            check=True, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        record = json.loads(pathlib.Path(folder + "/run/run.json").read_text())["record"]
    return record["forwardBackwardMilliseconds"], record["optimizerMilliseconds"], record["stateBytes"]


def theirs(network, size, steps, batch):
    text = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(size), __file__, "--reference",
         "--network", network, "--steps", str(steps), "--batch", str(batch)],
        check=True, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return float(text)


def model(compute, megabytes, latency, bandwidth):
    print(f"{'ranks':>6} {'exchange, ms':>13} {'step, ms':>9} {'efficiency':>11}")
    for ranks in [1] + [2**k for k in range(3, 11)]:
        bytes_ = megabytes * 1e6
        ring = (ranks - 1) * (latency + bytes_ / ranks / bandwidth)
        small = 5 * 2 * (ranks - 1) * latency
        exchange = 1000 * (3 * ring + small)
        print(f"{ranks:6} {exchange:13.2f} {compute + exchange:9.2f} {compute / (compute + exchange):11.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fisher", default=str(HERE.parent / ".build/release/fisher"))
    parser.add_argument("--network", default="tiny")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--reference", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=float, nargs=2)
    parser.add_argument("--latency", type=float, default=50e-6)
    parser.add_argument("--bandwidth", type=float, default=1.25e9)
    options = parser.parse_args()
    if options.reference:
        return reference(options.network, options.steps, options.batch)
    if options.model:
        return model(*options.model, options.latency, options.bandwidth)
    ratios = {size: [] for size in options.processes}
    for _ in range(options.turns):
        for size in options.processes:
            passes, update, state = ours(options.fisher, options.network, size, options.steps, options.batch)
            other = theirs(options.network, size, options.steps, options.batch)
            ratios[size].append((passes + update) / other)
            print(f"{size} processes: ours {passes:.1f} + {update:.1f} ms, state {state / 1e6:.2f} MB a process; "
                  f"DistributedDataParallel {other:.1f} ms; ratio {ratios[size][-1]:.3f}", flush=True)
    for size, found in ratios.items():
        print(f"{size} processes: ratio {statistics.median(found):.3f} [{min(found):.3f}, {max(found):.3f}]")


if __name__ == "__main__":
    main()
