#!/usr/bin/env python3
"""Times fisher's estimates of the Fisher information and Python libraries in turns; writes Benchmarks/INFORMATION.md.

    pip install -r Benchmarks/requirements-information.txt
    information.py [--fisher PATH] [--python PATH] [--threads 1 2] [--turns 15] [--output FILE]

In every round each task runs once, so that what else the machine does hits all of them. A ratio is the median over the
rounds of a task's time over that of a plain forward and backward pass of the same engine in the same round, with a 95 %
interval of that median from its order statistics.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import subprocess
import sys

from compare import interval, median, processor

HERE = pathlib.Path(__file__).resolve().parent
OURS = ["plain", "diagonal", "kronecker", "sampled_kronecker", "diagonal_kronecker", "ekfac"]
PEERS = ["plain", "nngeometry", "backpack", "vmap", "curvlinops"]
# network's file, task, bound of its ratio to a plain pass
BOUNDS = {("mlp.json", "diagonal"): 1.35, ("cnn.json", "diagonal"): 2.2, ("gpt.json", "diagonal"): 1.22,
          ("gpt.json", "kronecker"): 1.5}
LIBRARIES = ["torch", "nngeometry", "backpack-for-pytorch", "curvlinops-for-pytorch"]
SLOW = {"vmap"}


class Process:
    """A process that takes turns on request."""

    def __init__(self, command: list[str], tasks: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.tasks = tasks
        answer = self.process.stdout.readline().split()
        if not answer or answer[0] != "ready":
            sys.exit(f"information.py: {command[0]} did not start")
        self.count = int(answer[1])

    def turn(self, task: str) -> float | str:
        self.process.stdin.write(f"{self.tasks.index(task)} 1\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return answer.removeprefix("unable ").strip() if answer.startswith("unable") else float(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def measure(arguments: argparse.Namespace, case: dict, threads: int) -> dict[tuple[str, str], list[float] | str]:
    options = [str(HERE / "networks" / case["file"]), "--batch", str(case["batch"]), "--threads", str(threads),
               "--input", ",".join(map(str, case["input"]))]
    ours = Process([arguments.fisher, "bench", "information", *options, "--on-request"]
                   + [word for task in OURS for word in ("--task", task)], OURS)
    theirs = Process([arguments.python, str(HERE / "information_peers.py"), *options, *PEERS], PEERS)
    if ours.count != theirs.count:
        sys.exit(f"information.py: {ours.count} parameters against {theirs.count}")
    keys = [("fisher", task) for task in OURS] + [("PyTorch", task) for task in PEERS]
    times: dict[tuple[str, str], list[float] | str] = {key: [] for key in keys}
    for turn in range(arguments.turns + 2):
        for key in keys:
            if isinstance(times[key], str) or (key[1] in SLOW and turn % 5 != 2):
                continue
            taken = (ours if key[0] == "fisher" else theirs).turn(key[1])
            if isinstance(taken, str):
                times[key] = taken
            elif turn > 1:
                times[key].append((turn, taken))
    ours.close()
    theirs.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fisher", default=str(HERE.parent / ".build/release/fisher"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--output", default=str(HERE / "INFORMATION.md"))
    arguments = parser.parse_args()
    # fisher sets it for itself: both sides wait alike.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    versions = subprocess.run(
        [arguments.python, "-c", "import importlib.metadata as m, sys; "
         "print(*(n + ' ' + m.version(n) for n in sys.argv[1:]), sep=', ')", *LIBRARIES],
        capture_output=True, text=True, check=True).stdout.strip()
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    text = [
        "# Estimates of the Fisher information side by side", "",
        f"- Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"- Machine: {processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; load before "
        f"{os.getloadavg()[0]:.1f}",
        f"- swift-fisher {commit.stdout.strip()}, {versions}",
        f"- OMP_WAIT_POLICY: {os.environ.get('OMP_WAIT_POLICY', 'not set')}",
        f"- Command: `{shlex.join(['python', 'Benchmarks/information.py', *sys.argv[1:]])}`",
        f"- {arguments.turns} rounds (a fifth of them for vmap); in each every task runs once. Ratios are medians of the "
        "rounds' ratios to a plain forward and backward pass of the same side, with a 95 % interval. nngeometry's "
        "diagonal does not include the gradient, nor that of the GPT the embeddings.", "",
    ]
    rows, tables = [], []
    for case in json.loads((HERE / "networks/cases.json").read_text()):
        for threads in arguments.threads:
            times = measure(arguments, case, threads)
            tables += [f"## {case['name']}, batch {case['batch']}, {threads} thread{'s' if threads > 1 else ''}", "",
                       "| | task | ms | ratio | 95 % interval |", "|---|---|---|---|---|"]
            for (side, task), values in times.items():
                if isinstance(values, str) or not values:
                    tables.append(f"| {side} | {task} | - | - | {values or 'not run'} |")
                    continue
                plain = dict(times[side, "plain"])
                ratios = [seconds / plain[turn] for turn, seconds in values]
                low, high = interval(ratios)
                tables.append(f"| {side} | {task} | {1e3 * median([s for _, s in values]):.2f} | {median(ratios):.2f} "
                              f"| {low:.2f} to {high:.2f} |")
                bound = BOUNDS.get((case["file"], task))
                if side == "fisher" and bound is not None:
                    rows.append(f"| {task} | {case['name']} | {threads} | {median(ratios):.2f} | {low:.2f} to "
                                f"{high:.2f} | <= {bound} | {'yes' if low <= bound else 'no'} |")
            tables.append("")
            print("\n".join(tables[-len(times) - 5:]), flush=True)
    text += ["| estimate | network | threads | median | 95 % interval | bound | reached |",
             "|---|---|---|---|---|---|---|"] + rows + [""] + tables
    pathlib.Path(arguments.output).write_text("\n".join(text).rstrip() + "\n")
    print("\n".join(rows))
    print(f"written: {arguments.output}")


if __name__ == "__main__":
    main()
