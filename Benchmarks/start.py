#!/usr/bin/env python3
"""Times the start of `fisher`: its help, and a run of the tiny GPT until the end of its first step.

    python3 Benchmarks/start.py [--fisher .build/release/fisher] [--turns 7] [--cold]

Files are in the page cache, unless --cold drops it before every turn (as root). A step has ended when its line is in
metrics.jsonl. The loss on held-out data is measured before the first step; the second row leaves nearly all of it out.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TRAIN = ["train", "language", "--preset", "tiny", "--steps", "1"]


def ended(command):
    """Seconds until a command has ended."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def first_step(command):
    """Seconds until the line of the first step is in the run's log."""
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "run", "metrics.jsonl")
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--output", str(log.parent)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (log.exists() and '"step":1,' in log.read_text()):
            if process.poll() is not None:
                raise SystemExit("the run ended without a step")
            time.sleep(0.002)
        seconds = time.perf_counter() - start
        process.wait()
        return seconds


def drop_cache():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fisher", default=str(HERE.parent / ".build/release/fisher"))
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--cold", action="store_true")
    given = parser.parse_args()
    fisher = str(pathlib.Path(given.fisher).absolute())
    rows = [
        ("fisher --help", ended, [fisher, "--help"]),
        ("fisher train language --help", ended, [fisher, "train", "language", "--help"]),
        ("fisher optimizers, which loads libtorch", ended, [fisher, "optimizers"]),
        ("first step, after 128 held-out bytes", first_step, [fisher, *TRAIN, "--validation-bytes", "128"]),
        ("first step, after the preset's 65,536", first_step, [fisher, *TRAIN]),
    ]
    times = {name: [] for name, _, _ in rows}
    if not given.cold:
        for _, measure, command in rows:
            measure(command)
    for _ in range(given.turns):
        for name, measure, command in rows:
            if given.cold:
                drop_cache()
            times[name].append(measure(command))
    print("| | median, s | least, s | most, s |\n|---|---|---|---|")
    for name, found in times.items():
        print(f"| {name} | {statistics.median(found):.3f} | {min(found):.3f} | {max(found):.3f} |")


if __name__ == "__main__":
    main()
