#!/usr/bin/env python3
"""Times fisher's optimizers and training steps and their Python peers in turns, and writes Benchmarks/RESULTS.md.

    compare.py [--short] [--fisher PATH] [--families diagonal matrix] [--sets 1M 124M] [--networks tiny resnet18]
               [--ratios kfac ...] [--threads 1 2 4] [--turns 15] [--output FILE]

In every round each optimizer takes one turn, so that what else the machine does hits all of them. A ratio is
the median over the rounds of the ratio within a round, with a 95 % interval of that median from its order
statistics.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SLOW = {"pytorch_optimizer.FAdam", "pytorch_optimizer.AdaFactor", "torch.Adafactor"}
# What is timed together: ours, peers, the bounds as numerator, denominator, sets, bound, whether the ratio must be
# at most the bound, and the sets.
FAMILIES = {
    "diagonal": (
        ["adamw", "fadam", "fadam:power=0.6", "fadafactor", "adafactor"],
        ["torch.AdamW(fused)", "torch.Adafactor", "pytorch_optimizer.FAdam", "pytorch_optimizer.AdaFactor"],
        [
            ("adamw", "torch.AdamW(fused)", ("1M",), 0.5, True),
            ("adamw", "torch.AdamW(fused)", ("124M",), 1.05, True),
            ("fadam", "torch.AdamW(fused)", ("1M",), 0.8, True),
            ("fadam", "torch.AdamW(fused)", ("124M",), 1.45, True),
            ("fadam:power=0.6", "torch.AdamW(fused)", ("124M",), 2.2, True),
            ("fadam:power=0.6", "fadam", ("1M", "124M"), 1.5, True),
            ("pytorch_optimizer.FAdam", "fadam", ("1M", "124M"), 12.0, False),
            ("fadafactor", "fadam", ("124M",), 1.1, True),
            ("torch.Adafactor", "adafactor", ("1M", "124M"), 4.0, False),
        ],
        ["1M", "124M"],
    ),
    # A turn of these is ten steps, one of which renews the roots or the basis.
    "matrix": (
        ["muon:precision=bfloat16", "muon", "soap", "shampoo:root_interval=10", "kronecker_fadam"],
        # pytorch_optimizer.Shampoo, by singular values, is slower than ScalableShampoo; peers.py knows it too.
        ["pytorch_optimizer.Muon", "pytorch_optimizer.SOAP", "pytorch_optimizer.ScalableShampoo"],
        [
            ("muon", "pytorch_optimizer.Muon", ("3M",), 0.6, True),
            ("muon:precision=bfloat16", "pytorch_optimizer.Muon", ("3M",), 0.6, True),
            ("soap", "pytorch_optimizer.SOAP", ("3M",), 0.6, True),
            ("shampoo:root_interval=10", "pytorch_optimizer.ScalableShampoo", ("3M",), 0.6, True),
        ],
        ["3M"],
    ),
}
# Whole steps: ours, peers, the bounds as above. A rate is the inverse of a time: steps a second of ours over
# theirs is their time over ours. Batches are the usual ones of `fisher bench step`. Names that end with NARROW or
# AUTOCAST have their matrix products in bfloat16.
NARROW, AUTOCAST = ", bfloat16", ", autocast"
GPT_STEPS = (
    ["adamw", "fadam", "adamw" + NARROW, "fadam" + NARROW],
    ["torch.AdamW(fused)", "pytorch_optimizer.FAdam", "torch.AdamW(fused)" + AUTOCAST],
    [
        ("torch.AdamW(fused)", "fadam", 1.15), ("torch.AdamW(fused)", "adamw", 1.15),
        ("torch.AdamW(fused)", "adamw" + NARROW, 1.4), ("torch.AdamW(fused)" + AUTOCAST, "adamw" + NARROW, 1.0),
    ],
)
MODEL_STEPS = (["adamw"], ["torch.AdamW(fused)"], [("torch.AdamW(fused)", "adamw", 0.97)])
# A network's batch and what is timed on it.
NETWORKS = {
    "tiny": (16, GPT_STEPS),
    "small": (16, GPT_STEPS),
    "mlp": (128, MODEL_STEPS),
    "cnn": (128, MODEL_STEPS),
    "conformer": (16, MODEL_STEPS),
    "resnet18": (32, MODEL_STEPS),
    "vq": (32, MODEL_STEPS),
}
# Whole steps of ours beside another of ours: arguments of `fisher bench step`, the optimizer, the one it is compared with,
# and the bound. K-FAC and EKFAC take statistics at the data's labels in every step and invert in every tenth.
EVERY_TENTH = "labels=empirical,inverse_interval=10,learning_rate=0"
RATIOS = {
    "kfac": (["--network", "mlp"], "kfac:" + EVERY_TENTH, "sgd", 3.0),
    "ekfac": (["--network", "mlp"], "ekfac:" + EVERY_TENTH, "sgd", 6.0),
    "adafisher": (["--network", "mlp"], "adafisher:statistics_interval=100,learning_rate=0", "adamw", 1.1),
    "natural_gradient": (
        ["--task", "digits", "--set", "model.network=perceptron", "--batch", "128", "--steps", "20"],
        "natural_gradient", "sgd", 60.0),
}
# What the short form leaves out, in turns and in networks.
SHORT_TURNS, SHORT_NETWORKS = {"family": 7, "tiny": 5, "small": 3}, ["tiny", "small"]


class Peer:
    """A process that takes turns on request."""

    def __init__(self, command: list[str], names: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.names = names
        answer = self.process.stdout.readline().split()
        if not answer or answer[0] != "ready":
            sys.exit(f"compare.py: {command[0]} did not start")
        self.count = int(answer[1])

    def turn(self, name: str, steps: int) -> float:
        # The first step after another process had the machine is not counted.
        return self.request(name, 1) and self.request(name, steps)

    def request(self, name: str, steps: int) -> float:
        self.process.stdin.write(f"{self.names.index(name)} {steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> int:
        """Ends the process; the most memory that it had, in bytes."""
        self.process.stdin.close()
        self.process.stdout.close()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss * 1024


def median(values: list[float]) -> float:
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def interval(values: list[float]) -> tuple[float, float]:
    """The 95 % interval of the median: the widest order statistics that a binomial with p = 1/2 leaves."""
    values, n = sorted(values), len(values)
    below, k = 0.0, 0
    while below + math.comb(n, k) / 2**n <= 0.025:
        below += math.comb(n, k) / 2**n
        k += 1
    k = max(0, k - 1)
    return values[k], values[n - 1 - k]


def turns(arguments: argparse.Namespace, subject: str) -> int:
    """The number of turns of each candidate."""
    return arguments.turns or (SHORT_TURNS[subject] if arguments.short else 15)


def measure(
    arguments: argparse.Namespace, family: str, size: str, threads: int
) -> tuple[int, dict[str, list[float]]]:
    names, peers, _, _ = FAMILIES[family]
    ours = Peer(
        [arguments.fisher, "bench", "optimizers", "--parameters", size, "--threads", str(threads), "--on-request"]
        + [word for name in names for word in ("--optimizer", name)], names)
    theirs = Peer(
        [arguments.python, str(HERE / "peers.py"), "--parameters", size, "--threads", str(threads)] + peers, peers)
    if ours.count != theirs.count:
        sys.exit(f"compare.py: {ours.count} parameters against {theirs.count}")
    steps = 10 if family == "matrix" else max(2, 20_000_000 // ours.count)
    times: dict[str, list[float]] = {name: [] for name in names + peers}
    for turn in range(turns(arguments, "family") + 1):
        for name in times:
            peer = ours if name in names else theirs
            seconds = peer.turn(name, max(1, steps // 4) if name in SLOW else steps)
            if turn > 0:
                times[name].append(seconds)
    ours.close()
    theirs.close()
    return ours.count, times


def measure_steps(arguments: argparse.Namespace, network: str, threads: int) -> tuple[int, dict[str, list[float]]]:
    batch, (names, peers, _) = NETWORKS[network]
    names, peers = ([name for name in group if obstacle(name, arguments) is None] for group in (names, peers))
    common = ["--network", network, "--batch", str(batch), "--threads", str(threads)]
    # Every optimizer in the first precision, then every one in the second.
    precisions = ["float32"] + (["bfloat16"] if names[-1].endswith(NARROW) else [])
    ours = Peer(
        [arguments.fisher, "bench", "step", "--on-request"] + common
        + [word for name in names if not name.endswith(NARROW) for word in ("--optimizer", name)]
        + [word for precision in precisions for word in ("--precision", precision)], names)
    theirs = Peer([arguments.python, str(HERE / "training_peers.py")] + common + peers, peers)
    if ours.count != theirs.count:
        sys.exit(f"compare.py: {network} has {ours.count} parameters against {theirs.count}")
    # Turns of about two seconds: long enough for the clock, short enough to alternate.
    steps = max(1, min(200, round(2 / ours.turn(names[0], 1))))
    times: dict[str, list[float]] = {name: [] for name in names + peers}
    for turn in range(turns(arguments, network) + 1):
        for name in times:
            seconds = (ours if name in names else theirs).turn(name, steps)
            if turn > 0:
                times[name].append(seconds)
    ours.close()
    theirs.close()
    return ours.count, times


def peak_memory(arguments: argparse.Namespace, network: str, threads: int) -> tuple[int, int]:
    """The most memory of a process that trains with AdamW, ours and PyTorch's, in bytes: libraries and programs included."""
    common = ["--network", network, "--batch", str(NETWORKS[network][0]), "--threads", str(threads)]
    found = []
    for command, name in (
        ([arguments.fisher, "bench", "step", "--on-request"] + common + ["--optimizer", "adamw"], "adamw"),
        ([arguments.python, str(HERE / "training_peers.py")] + common + ["torch.AdamW(fused)"], "torch.AdamW(fused)"),
    ):
        peer = Peer(command, [name])
        peer.turn(name, 4)
        found.append(peer.close())
    return found[0], found[1]


def own_ratio(arguments: argparse.Namespace, name: str, threads: int) -> str:
    """The row of a rule of ours beside another of ours, in whole steps."""
    options, optimizer, other, bound = RATIOS[name]
    command = [arguments.fisher, "bench", "step", "--json", "--threads", str(threads), "--turns",
               str(turns(arguments, "family")), "--optimizer", other, "--optimizer", optimizer] + options
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    result = json.loads(answer.stdout)["results"][1]
    where = options[1] if options[0] == "--network" else "digits, 64-32-10"
    return (f"| {optimizer} / {other} | {where} | {threads} | {result['ratio']:.2f} | {result['lowerQuartile']:.2f} to "
            f"{result['upperQuartile']:.2f} (middle half) | <= {bound} | {'yes' if result['ratio'] <= bound else 'no'} |")


LIMITS = """
import sys, time, torch
torch.set_num_threads(int(sys.argv[1]))
def rate(work, run):
    times = []
    for _ in range(9):
        begin = time.perf_counter(); run(); times.append(time.perf_counter() - begin)
    return work / sorted(times)[4] / 1e9
a, b, c = (torch.ones(32 << 20) for _ in range(3))
print(rate(8 * a.numel(), lambda: b.copy_(a)), rate(12 * a.numel(), lambda: torch.add(a, b, alpha=3, out=c)), end=" ")
for dtype in (torch.float32, torch.bfloat16):
    x, y = (torch.randn(1024, 1024).to(dtype) for _ in range(2))
    print(rate(2 * 1024**3, lambda: x @ y), end=" ")
"""


def limits(arguments: argparse.Namespace, threads: int) -> str:
    """What the machine does at most, measured in PyTorch."""
    found = subprocess.run(
        [arguments.python, "-c", LIMITS, str(threads)], capture_output=True, text=True, check=True).stdout.split()
    copy, triad, single, narrow = map(float, found)
    return (f"| {threads} | {copy:.0f} | {triad:.0f} | {single:.0f} | {narrow:.0f} |")


def compared(
    times: dict[str, list[float]], bounds: list[tuple], size: str, threads: int, kind: str,
    arguments: argparse.Namespace
) -> list[str]:
    """The rows of the ratios that have a bound at this size."""
    rows = []
    for top, bottom, sets, bound, at_most in bounds:
        if size not in sets:
            continue
        reason = obstacle(top, arguments) or obstacle(bottom, arguments)
        if reason is not None and kind == "step":
            rows.append(f"| steps/s of {bottom} / {top} | {size} | {threads} | not measurable here: {reason} | "
                        f"| >= {bound} | |")
            continue
        ratios = [a / b for a, b in zip(times[top], times[bottom])]
        low, high = interval(ratios)
        reached = median(ratios) <= bound if at_most else median(ratios) >= bound
        name = f"{top} / {bottom}" if kind == "optimizer" else f"steps/s of {bottom} / {top}"
        rows.append(f"| {name} | {size} | {threads} | {median(ratios):.2f} | {low:.2f} to {high:.2f} "
                    f"| {'<=' if at_most else '>='} {bound} | {'yes' if reached else 'no'} |")
    return rows


def obstacle(name: str, arguments: argparse.Namespace) -> str | None:
    """Why an optimizer cannot be timed in whole steps here; None if it can."""
    if name.startswith("pytorch_optimizer.") and not arguments.has_pytorch_optimizer:
        return "pytorch_optimizer is not installed"
    if name.endswith((NARROW, AUTOCAST)):
        words = pathlib.Path("/proc/cpuinfo").read_text().split()
        if {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words):
            return "the processor has no instructions for bfloat16 products"
    return None


def products(arguments: argparse.Namespace) -> str:
    """The library of large products and why, in the words of `fisher doctor`."""
    words = subprocess.run([arguments.fisher, "doctor"], capture_output=True, text=True).stdout.splitlines()
    found = [line.split(None, 1)[1].strip() for line in words if line.strip().lower().startswith("products")]
    return found[0] if found else "the engine's own library"


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fisher", default=str(HERE.parent / ".build/release/fisher"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--families", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--sets", nargs="+", help="by default 1M and 124M; 3M for the family matrix")
    parser.add_argument("--networks", nargs="*", choices=NETWORKS)
    parser.add_argument("--ratios", nargs="*", choices=RATIOS, default=list(RATIOS), help="our rules beside ours")
    parser.add_argument("--short", action="store_true", help="fewer turns and networks: at most 20 minutes")
    parser.add_argument("--threads", nargs="+", type=int)
    parser.add_argument("--turns", type=int, help="by default 15; in the short form 3 to 7")
    parser.add_argument("--output", default=str(HERE / "RESULTS.md"))
    arguments = parser.parse_args()
    # fisher sets it for itself: both sides wait alike.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    cores = os.cpu_count() or 1
    threads = arguments.threads or sorted({1, min(2, cores)} | (set() if arguments.short else {cores}))
    if arguments.networks is None:
        arguments.networks = SHORT_NETWORKS if arguments.short else list(NETWORKS)
    versions = subprocess.run(
        [arguments.python, "-c", "import torch, importlib.metadata as m; print(torch.__version__, "
         "next((d.version for d in m.distributions(name='pytorch_optimizer')), 'not installed'))"],
        capture_output=True, text=True, check=True).stdout.strip().split(" ", 1)
    arguments.has_pytorch_optimizer = versions[1] != "not installed"
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    text = [
        "# Optimizers side by side", "",
        f"- Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC",
        f"- Machine: {processor()}, {cores} cores, {platform.system()} {platform.machine()}; load before "
        f"{os.getloadavg()[0]:.1f}",
        f"- swift-fisher {commit.stdout.strip()}, torch {versions[0]}, pytorch_optimizer {versions[1]}",
        f"- OMP_WAIT_POLICY: {os.environ.get('OMP_WAIT_POLICY', 'not set')}",
        f"- Command: `{shlex.join(['python', 'Benchmarks/compare.py'] + sys.argv[1:])}`",
        f"- {turns(arguments, 'family')} rounds"
        + (" (networks fewer)" if arguments.short and arguments.turns is None else "")
        + "; in each every optimizer takes one turn. Medians of the turns; ratios are "
        "medians of the rounds' ratios with a 95 % interval. A turn begins with a step that is not timed. A bound is "
        "reached where the median reaches it.",
        f"- Large float32 products of ours are made by {products(arguments)}.", "",
        "What the machine does at most, in PyTorch: copies and sums of vectors of 134 MB, and products of 1024 x 1024, float32 by "
        "MKL.", "", "| threads | copy, GB/s | a + 3 b, GB/s | float32, GFLOP/s | bfloat16, GFLOP/s |", "|---|---|---|---|---|",
    ] + [limits(arguments, count) for count in threads] + [""]
    rows, tables = [], []
    for family in arguments.families:
        for size in arguments.sets or FAMILIES[family][3]:
            for count in threads:
                parameters, times = measure(arguments, family, size, count)
                tables += [
                    f"## {size}: {parameters} parameters, {family} rules, {count} thread{'s' if count > 1 else ''}",
                    "", "| optimizer | ns/parameter | fastest | slowest |", "|---|---|---|---|"]
                for name, values in times.items():
                    scale = 1e9 / parameters
                    tables.append(f"| {name} | {median(values) * scale:.3f} | {min(values) * scale:.3f} "
                                  f"| {max(values) * scale:.3f} |")
                tables.append("")
                rows += compared(times, FAMILIES[family][2], size, count, "optimizer", arguments)
                print("\n".join(tables[-len(times) - 4:]), flush=True)
    for network in arguments.networks:
        for count in threads:
            parameters, times = measure_steps(arguments, network, count)
            tables += [f"## {network}: {parameters} parameters, whole steps of {NETWORKS[network][0]}, {count} "
                       f"thread{'s' if count > 1 else ''}", "",
                       "| optimizer | steps a second | ms per step | fastest | slowest |", "|---|---|---|---|---|"]
            for name, values in times.items():
                tables.append(f"| {name} | {1 / median(values):.2f} | {median(values) * 1e3:.2f} "
                              f"| {min(values) * 1e3:.2f} | {max(values) * 1e3:.2f} |")
            tables.append("")
            bounds = [(top, bottom, (network,), bound, False) for top, bottom, bound in NETWORKS[network][1][2]]
            rows += compared(times, bounds, network, count, "step", arguments)
            print("\n".join(tables[-len(times) - 4:]), flush=True)
        own, other = peak_memory(arguments, network, threads[-1])
        rows.append(f"| peak memory of adamw / torch.AdamW(fused), {own / 1e6:.0f} / {other / 1e6:.0f} MB | {network} "
                    f"| {threads[-1]} | {own / other:.2f} | one each | <= 1.0 | {'yes' if own <= other else 'no'} |")
    for name in arguments.ratios:
        for count in threads:
            rows.append(own_ratio(arguments, name, count))
            print(rows[-1], flush=True)
    text += ["| ratio | parameters or model | threads | median | 95 % interval | bound | reached |",
             "|---|---|---|---|---|---|---|"] + rows + [""] + tables
    pathlib.Path(arguments.output).write_text("\n".join(text).rstrip() + "\n")
    print("\n".join(rows))
    print(f"written: {arguments.output}")


if __name__ == "__main__":
    main()
