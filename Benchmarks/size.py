#!/usr/bin/env python3
"""Times steps against size, fits exponents, and writes Benchmarks/SIZE.md, size.svg and size.json.

    size.py [--short] [--fisher PATH] [--panels parameters batch context width] [--threads 2] [--turns 11] [--output FOLDER]

Four questions, a panel of the figure each: the step of elementwise rules by the number of parameters; a whole training step of
the byte-level GPT by its batch, and by its context; the part of a rule in such a step by the width of the layers. At every size
all rules take turns in one process; a time is the median over the turns, with the fastest and the slowest one. An exponent is
the slope of a least-squares line through the logarithms of the upper half of the sizes, which begins at the geometric mean of
the smallest and the largest; its error is the standard error of that slope.

size.json keeps what was measured, and panels that are not named stay as they are in it: with `--panels` and nothing behind it
the page and the figure are only written again. What stands in SIZE.md before the line that marks measurements is kept.
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
import time

from compare import processor
from size_page import figure, page
from size_panels import ELEMENTWISE, MEMORY, PANELS, STEPS

HERE = pathlib.Path(__file__).resolve().parent


def answer(arguments, words, rules, turns):
    """What `fisher bench` measures, of rules in the order of their names."""
    command = [arguments.fisher, "bench", *words, "--threads", str(arguments.threads), "--turns", str(turns), "--json"]
    for name in rules.values():
        command += ["--optimizer", name]
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if found.returncode != 0:
        sys.exit(f"size.py: {shlex.join(command)}\n{found.stderr}")
    return json.loads(found.stdout)


def elementwise(arguments, size, rules, turns):
    """The times of rules on parameters: their number, and by rule milliseconds of a step."""
    words = ["optimizers", "--parameters", "gpt:width={},layers={}".format(*size)]
    width, layers = size
    count = layers * (12 * width + 13) * width + (2 * 256 + 128 + 2) * width
    groups, room = [], 0
    for name in rules:
        need = ELEMENTWISE[name][1] * count
        if not groups or need > room:
            groups.append({})
            room = MEMORY - 8 * count
        groups[-1][name] = rules[name]
        room -= need
    found, triad = {}, []
    for group in groups:
        result = answer(arguments, words, group, turns)
        if result["count"] != count:
            sys.exit(f"size.py: {result['count']} parameters in place of {count}")
        triad.append(result["triadGigabytesASecond"])
        for name, row in zip(group, result["results"]):
            found[name] = {
                "median": row["nanosecondsAParameter"] * count / 1e6, "fastest": row["fastest"] * count / 1e6,
                "slowest": row["slowest"] * count / 1e6, "state": row["stateBytes"]}
    steps = max(1, 20_000_000 // count)
    return {"size": count, "width": width, "layers": layers, "triad": max(triad), "steps": steps, "rules": found}


def steps(arguments, panel, size, rules, turns):
    """The times of whole steps and of their parts, by rule."""
    result = answer(arguments, ["step", *panel.model(size), "--steps", str(STEPS)], rules, turns)
    found = {}
    for name, row in zip(rules, result["results"]):
        found[name] = {
            "median": row["milliseconds"], "fastest": row["fastest"], "slowest": row["slowest"],
            "passes": row["gradientMilliseconds"] + row["dataMilliseconds"], "rule": row["ruleMilliseconds"],
            "rule fastest": row["ruleFastest"], "rule slowest": row["ruleSlowest"], "state": row["stateBytes"]}
    return {"size": size, "steps": STEPS, "rules": found}


def measure(arguments, name):
    """A panel's points from the smallest size to the largest."""
    panel, points, last = PANELS[name], [], {}
    sizes = panel.sizes[::-2][::-1] if arguments.short else panel.sizes
    begin = time.monotonic()
    for size in sizes:
        number = size[0] ** 2 * size[1] if isinstance(size, tuple) else size
        # What a turn of a rule will take: the last exponent and a half more, as curves become steeper.
        expected = {rule: seconds * (number / before) ** growth for rule, (before, seconds, growth) in last.items()}
        rules = {rule: words for rule, words in panel.rules.items()
                 if not points or expected.get(rule, math.inf) <= arguments.longest}
        if not rules:
            break
        total = sum(expected.get(rule, 0) for rule in rules)
        # The first step and a turn that does not count come on top.
        turns = max(3, min(arguments.turns, int(arguments.seconds / total) - 2 if total else arguments.turns))
        point = elementwise(arguments, size, rules, turns) if panel.model is None else steps(arguments, panel, size, rules, turns)
        point["turns"] = turns
        points.append(point)
        for rule in list(last):
            if rule not in rules:
                del last[rule]
        for rule, row in point["rules"].items():
            seconds, growth = row["median"] * point["steps"] / 1e3, panel.growth
            if rule in last:
                growth = max(0, math.log(seconds / last[rule][1]) / math.log(number / last[rule][0])) + 0.5
            last[rule] = (number, seconds, growth)
        print(f"{name} {point['size']}: {turns} turns, {time.monotonic() - begin:.0f} s; "
              + ", ".join(f"{rule} {row['median']:.3g} ms" for rule, row in point["rules"].items()), flush=True)
    return points


def caches():
    """The caches of the first processor, as the system tells them."""
    found = []
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / file).read_text().strip() for file in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fisher", default=str(HERE.parent / ".build/release/fisher"))
    parser.add_argument("--panels", nargs="*", choices=PANELS, default=list(PANELS), help="by default all; none: draw again")
    parser.add_argument("--short", action="store_true", help="every second size, at most 5 turns")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--turns", type=int, help="at most so many turns at a size; by default 11, in the short form 5")
    parser.add_argument("--seconds", type=float, help="turns at a size are to take so long; by default 12, in the short form 5")
    parser.add_argument("--longest", type=float, help="a rule whose turn would take longer is left out; by default 12, or 4")
    parser.add_argument("--output", default=str(HERE), help="the folder of SIZE.md, size.svg and size.json")
    arguments = parser.parse_args()
    arguments.turns = arguments.turns or (5 if arguments.short else 11)
    arguments.seconds = arguments.seconds or (5 if arguments.short else 12)
    arguments.longest = arguments.longest or (4 if arguments.short else 12)
    # fisher sets it for itself, unless it is set.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    folder = pathlib.Path(arguments.output)
    data = folder / "size.json"
    kept = json.loads(data.read_text()) if data.exists() else {}
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True).stdout.strip()
    options = {"--turns": 11, "--seconds": 12.0, "--longest": 12.0}
    own = ["--short"] if arguments.short else []
    for option, usual in options.items():
        value = getattr(arguments, option[2:])
        own += [option, f"{value:g}"] if value != usual and not arguments.short else []
    for name in arguments.panels:
        load, begin = os.getloadavg()[0], time.monotonic()
        kept[name] = {
            "points": measure(arguments, name),
            "date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC", "commit": f"swift-fisher {commit}",
            "machine": f"{processor()}, {os.cpu_count()} cores ({caches()}), {platform.system()} {platform.machine()}, load before "
                       f"{load:.1f}",
            "threads": arguments.threads, "seconds": time.monotonic() - begin,
            "command": shlex.join(["python3", "Benchmarks/size.py", *own, "--panels", name]),
        }
        data.write_text(json.dumps(kept, indent=1) + "\n")
    if not kept:
        sys.exit("size.py: nothing has been measured: name a panel")
    (folder / "size.svg").write_text(figure(kept))
    page(kept, folder / "SIZE.md")
    print(f"written: {folder}/SIZE.md, size.svg, size.json")


if __name__ == "__main__":
    main()
