#!/usr/bin/env python3
"""Times training steps that processes share, ours and PyTorch's DistributedDataParallel on gloo, in turns.

    processes.py [--fisher PATH] [--network tiny] [--processes 1 2] [--turns 5] [--steps 40] [--batch 16]
    processes.py --link LATENCY BANDWIDTH [--processes 2 4 8] [--batch 16] ...
    processes.py --model MILLISECONDS MEGABYTES [--latency SECONDS] [--bandwidth BYTES]

Every process has one thread; the batch is shared among the processes. Ours is `fisher train language` with AdamW, whose state
the processes divide ("divided") or each keep ("kept"), the reference torch.optim.AdamW(fused=True), whose state every process
keeps. A line has the medians over a run's steps in milliseconds, and the last ones the median over the turns of the ratio within
a turn.

With --link, our steps at the loopback interface and with links of a latency in seconds and a bandwidth in bytes a second
(link.py, as root), and what the model says of the difference.

With --model, a table of what a step takes that computes for MILLISECONDS on every rank and has MEGABYTES of gradients, for 8 to
1,024 ranks. gloo's operations are rings, whatever the size: a message of 1 / N of the bytes goes N - 1 times to the next rank in an
all-gather and twice as often in an all-reduce. A message leaves when its receiver has asked for it, which
costs a second latency, except where a few numbers leave most of the ring's messages empty. A step of `fisher train` without
clipping has all-reduces of the gradients in buckets and of the agreement on the step, above 8 MB of weights also of the norms,
and all-gathers of the counts and of the parameters. What the backward pass hides of the buckets is not in the model.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import link

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


def ours(fisher, network, size, steps, batch, links=None, divides=True):
    """The medians of the passes with the exchange of gradients and of the update, and the bytes of a process's state."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            fisher, "train", "language", "--preset", network, "--set", "optimizer.rule=adamw", "--batch", str(batch),
            "--steps", str(steps), "--evaluate-every", str(steps), "--validation-bytes", "2048", "--threads", "1",
            "--set", f"training.divided_state={str(divides).lower()}", "--output", folder + "/run"]
        if links:
            link.run(size, command, *links, environment())
        else:
            subprocess.run([*command, "--processes", str(size)], check=True, env=environment(), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        record = json.loads(pathlib.Path(folder + "/run/run.json").read_text())["record"]
    return record["forwardBackwardMilliseconds"], record["optimizerMilliseconds"], record["stateBytes"]


def theirs(network, size, steps, batch):
    text = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(size), __file__, "--reference",
         "--network", network, "--steps", str(steps), "--batch", str(batch)],
        check=True, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return float(text)


def ring(ranks, bytes_, passes):
    """The messages that follow each other, and the bytes that each rank sends, when bytes go once or twice around a ring."""
    return passes * (ranks - 1), passes * (ranks - 1) / ranks * bytes_


# Of a step: what goes around a ring, by its share of the gradients' bytes and the times it goes around. The gradients are added
# in buckets.
STEP = {"sizes and counts": (0, 1), "agreement": (0, 2), "parameters": (1, 1)}
NORMS = {"norms": (0, 2)}


def exchange(ranks, megabytes, latency, bandwidth):
    """The milliseconds of a step's exchanges."""
    seconds = 0.0
    bytes_ = 1e6 * megabytes
    buckets = math.ceil(bytes_ / min(max(bytes_ / 8, 2**20), 25 * 2**20))
    # Two at a time, by gloo's two threads: their messages wait together, and share the bandwidth.
    pairs = math.ceil(buckets / 2)
    gradients = [(1 / pairs, 2)] * pairs
    operations = [*gradients, *STEP.values(), *(NORMS.values() if megabytes > 8.4 else [])]
    for share, passes in operations:
        messages, bytes_ = ring(ranks, share * 1e6 * megabytes, passes)
        seconds += messages * latency * (2 if share or ranks <= 4 else 1) + bytes_ / bandwidth
    return 1000 * seconds


def model(compute, megabytes, latency, bandwidth):
    print(f"{'ranks':>6} {'exchange, ms':>13} {'step, ms':>9} {'efficiency':>11}")
    for ranks in [1] + [2**k for k in range(3, 11)]:
        time = exchange(ranks, megabytes, latency, bandwidth)
        print(f"{ranks:6} {time:13.2f} {compute + time:9.2f} {compute / (compute + time):11.2f}")


def linked(options):
    """Steps over links beside the model."""
    for size in options.processes:
        near = ours(options.fisher, options.network, size, options.steps, options.batch)
        far = ours(options.fisher, options.network, size, options.steps, options.batch, options.link)
        predicted = sum(near[:2]) + exchange(size, options.megabytes, *options.link)
        print(f"{size} processes: {sum(near[:2]):.1f} ms at the loopback interface, {far[0]:.1f} + {far[1]:.1f} = "
              f"{sum(far[:2]):.1f} over the links, predicted {predicted:.1f}, ratio {predicted / sum(far[:2]):.2f}", flush=True)


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
    parser.add_argument("--link", type=float, nargs=2, metavar=("LATENCY", "BANDWIDTH"))
    parser.add_argument("--megabytes", type=float, default=3.5, help="of gradients, for the model beside --link")
    parser.add_argument("--latency", type=float, default=50e-6)
    parser.add_argument("--bandwidth", type=float, default=1.25e9)
    options = parser.parse_args()
    if options.reference:
        return reference(options.network, options.steps, options.batch)
    if options.model:
        return model(*options.model, options.latency, options.bandwidth)
    if options.link:
        return linked(options)
    ratios = {}
    for _ in range(options.turns):
        for size in options.processes:
            other = theirs(options.network, size, options.steps, options.batch)
            for kind in ["divided", "kept"] if size > 1 else ["one process"]:
                passes, update, state = ours(
                    options.fisher, options.network, size, options.steps, options.batch, divides=kind != "kept")
                found = ratios.setdefault((size, kind), [])
                found.append((passes + update) / other)
                print(f"{size} processes, {kind}: ours {passes:.1f} + {update:.1f} ms, state {state / 1e6:.2f} MB a process; "
                      f"DistributedDataParallel {other:.1f} ms; ratio {found[-1]:.3f}", flush=True)
    for (size, kind), found in ratios.items():
        print(f"{size} processes, {kind}: ratio {statistics.median(found):.3f} [{min(found):.3f}, {max(found):.3f}]")


if __name__ == "__main__":
    main()
