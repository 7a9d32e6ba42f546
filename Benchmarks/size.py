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

HERE = pathlib.Path(__file__).resolve().parent
MARK = "<!-- What follows is written by Benchmarks/size.py; what stands above is kept. -->"
# Parameters, gradients and states of one process, in bytes.
MEMORY = 9e9
# A GPT's width and layers: both grow, as they do from one published model to the next.
MODELS = [(64, 1), (64, 4), (128, 2), (128, 4), (192, 4), (256, 4), (256, 8), (384, 6), (512, 8), (768, 8), (1024, 14), (1024, 28)]
# What is timed by the number of parameters, with the bytes of state a parameter.
ELEMENTWISE = {
    "sgd": ("sgd:momentum=0.9", 4), "adamw": ("adamw", 8), "adam": ("adam", 8), "fadam": ("fadam", 8),
    "adafactor": ("adafactor", 4.1), "fadafactor": ("fadafactor", 4.1),
}
# Steps leave the weights where they are, so that no time depends on where a rule leads. Roots, bases and inverses are renewed in
# every tenth step, and a turn has ten.
STILL, STEPS = "learning_rate=0", 10
LAYERED = f"labels=empirical,inverse_interval=10,{STILL}"
MATRIX = {
    "adamw": f"adamw:{STILL}",
    "adafisher": f"adafisher:statistics_interval=10,{STILL}",
    "muon": f"muon:{STILL}",
    "muon, bfloat16": f"muon:precision=bfloat16,{STILL}",
    "shampoo": f"shampoo:root_interval=10,{STILL}",
    "soap": f"soap:basis_interval=10,{STILL}",
    "kronecker_fadam": f"kronecker_fadam:basis_interval=10,{STILL}",
    "kfac": f"kfac:{LAYERED}",
    "ekfac": f"ekfac:{LAYERED}",
}
WHOLE = {"sgd": f"sgd:{STILL}"} | {name: MATRIX[name] for name in ("adamw", "muon", "soap", "kfac", "ekfac")}
PASSES = "forward and backward"


class Panel:
    """A question: sizes, rules, and the exponent by which turns are planned until two sizes are known."""

    def __init__(self, title, axis, value, sizes, rules, growth, model=None):
        self.title, self.axis, self.value, self.sizes = title, axis, value, sizes
        self.rules, self.growth, self.model = rules, growth, model


def language(width=128, layers=4, context=128, batch=8):
    """Arguments of `fisher bench step` for the byte-level GPT with heads of 32 elements."""
    sizes = {"width": width, "layers": layers, "heads": max(1, width // 32), "context": context}
    return ["--task", "language", "--batch", str(batch)] + [
        word for key, value in sizes.items() for word in ("--set", f"model.{key}={value}")]


PANELS = {
    "parameters": Panel(
        "Step of elementwise rules, by parameters", "parameters", "ms per step", MODELS, {k: v[0] for k, v in ELEMENTWISE.items()}, 1.2),
    "batch": Panel(
        "Whole training step, by batch", "windows of 128 bytes in a batch", "ms per step", [1, 2, 4, 8, 16, 32, 64], WHOLE, 1,
        lambda size: language(batch=size)),
    "context": Panel(
        "Whole training step, by context", "bytes in a window, 2 windows in a batch", "ms per step", [32, 64, 128, 256, 512, 1024, 2048],
        WHOLE, 1.3, lambda size: language(context=size, batch=2)),
    "width": Panel(
        "Statistics and rule of a step, by width", "width of the layer", "ms per step", [32, 48, 64, 96, 128, 192, 256, 384, 512],
        MATRIX, 2, lambda size: language(width=size, layers=1)),
}


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


def curves(name, points):
    """By rule the sizes with the median, the fastest and the slowest time; for widths of the rule alone, and of both passes."""
    part = "rule" if name == "width" else ""
    keys = (part or "median", f"{part} fastest".strip(), f"{part} slowest".strip())
    found = {rule: [] for rule in PANELS[name].rules}
    for point in points:
        for rule, row in point["rules"].items():
            found[rule].append((point["size"], *(row[key] for key in keys)))
        if name == "width":
            # Every rule has both passes: the middle one of their medians.
            passes = sorted(row["passes"] for row in point["rules"].values())
            found.setdefault(PASSES, []).append((point["size"], passes[len(passes) // 2], passes[0], passes[-1]))
    return {rule: values for rule, values in found.items() if values}


def fitted(points):
    """Slope of the least-squares line through logarithms, and its standard error; nan where there are too few points."""
    if len(points) < 2:
        return math.nan, math.nan
    x, y = ([math.log(value) for value in values] for values in zip(*points))
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    square = sum((a - middle_x) ** 2 for a in x)
    slope = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y)) / square
    rest = sum((b - middle_y - slope * (a - middle_x)) ** 2 for a, b in zip(x, y))
    return slope, math.sqrt(rest / (len(x) - 2) / square) if len(x) > 2 else math.nan


def halves(values):
    """The lower and the upper half of a curve by the logarithm of the size."""
    middle = math.sqrt(values[0][0] * values[-1][0]) * (1 - 1e-9)
    return [v for v in values if v[0] <= middle * (1 + 1e-6)], [v for v in values if v[0] >= middle]


def exponents(values):
    """Exponents of the upper half: of the medians with the error, of the fastest and the slowest turns; others of the medians."""
    lower, upper = halves(values)
    slope, error = fitted([(v[0], v[1]) for v in upper])
    return {
        "slope": slope, "error": error, "fastest": fitted([(v[0], v[2]) for v in upper])[0],
        "slowest": fitted([(v[0], v[3]) for v in upper])[0], "lower": fitted([(v[0], v[1]) for v in lower])[0],
        "last": fitted([(v[0], v[1]) for v in values[-2:]])[0], "from": upper[0][0], "to": upper[-1][0], "points": len(upper)}


def shown(size):
    """A size for people: 0.09 M, 25 M, 512."""
    if size < 10_000:
        return str(size)
    return f"{size / 1e6:.2f} M" if size < 1e6 else f"{size / 1e6:.3g} M"


def ms(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def ratio(value):
    return "-" if math.isnan(value) else f"{value:.2f}"


# The figure.

INK, MINOR, GRID = "#17202a", "#5b6672", "#e4e7eb"
COLORS = {
    "sgd": "#39424d", "adamw": "#0072b2", "adam": "#2f9bd6", "fadam": "#d55e00", "adafactor": "#b8609a", "fadafactor": "#009e73",
    "adafisher": "#2f9bd6", "muon": "#d55e00", "muon, bfloat16": "#d55e00", "shampoo": "#39424d", "soap": "#009e73",
    "kronecker_fadam": "#009e73", "kfac": "#b8609a", "ekfac": "#c98a00", PASSES: MINOR,
}
DASHED = {"muon, bfloat16": "7 4", "kronecker_fadam": "7 4", "adam": "7 4", PASSES: "2.5 3.5"}
LEFT, PLOT, LABELS, TOP, HEIGHT, BOTTOM, GAP = 66, 310, 196, 56, 320, 54, 18


def decades(low, high):
    """Powers of ten that a range on a logarithmic axis spans."""
    return [10.0**k for k in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]


def text(x, y, words, color=INK, anchor="start", size=14, extra=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" font-size="{size}" text-anchor="{anchor}"{extra}>{words}</text>'


def spread(wanted, distance, low, high):
    """Places near the wanted ones, in their order from above to below, no two nearer than a distance."""
    places, order = list(wanted), sorted(range(len(wanted)), key=lambda i: wanted[i])
    for above, below in zip(order, order[1:]):
        places[below] = max(places[below], places[above] + distance)
    over = max(places, default=0) - high
    if over > 0:
        places[order[-1]] -= over
        for below, above in zip(order[::-1], order[-2::-1]):
            places[above] = min(places[above], places[below] - distance)
    return [max(place, low) for place in places]


def mark(rule, x, y):
    """A disk, or a square for the second of two curves of a color."""
    if rule in DASHED:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{COLORS[rule]}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="{COLORS[rule]}"/>'


def drawn(letter, name, points, left, top):
    """A panel: axes, curves with the range of the turns, and labels with the exponents."""
    panel, lines = PANELS[name], curves(name, points)
    sizes = [point["size"] for point in points]
    low_x, high_x = min(sizes) / 1.15, max(sizes) * 1.15
    values = [value for line in lines.values() for v in line for value in v[2:]]
    low_y, high_y = min(values) / 1.3, max(values) * 1.3
    right, bottom = left + PLOT, top + HEIGHT

    def place_x(value):
        return left + PLOT * math.log(value / low_x) / math.log(high_x / low_x)

    def place_y(value):
        return bottom - HEIGHT * math.log(value / low_y) / math.log(high_y / low_y)

    parts = [text(left, top - 16, f"{letter}. {panel.title}", size=16, extra=' font-weight="bold"')]
    for value in decades(low_y, high_y):
        y = place_y(value)
        parts.append(f'<path d="M{left} {y:.1f}H{right}" stroke="{GRID}"/>')
        parts.append(text(left - 8, y + 5, f"{value:g}" if value < 1000 else f"{value:,.0f}", MINOR, "end"))
    ticks = decades(low_x, high_x) if name == "parameters" else sizes
    after = math.inf
    for value in reversed(ticks):
        x = place_x(value)
        parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="{GRID}"/>')
        if after - x > 34:
            parts.append(text(x, bottom + 19, f"{value / 1e6:g} M" if name == "parameters" else str(value), MINOR, "middle"))
            after = x
    parts.append(f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="{MINOR}"/>')
    parts.append(text(left + PLOT / 2, bottom + 42, panel.axis, INK, "middle"))
    parts.append(text(left - 48, top + HEIGHT / 2, panel.value, INK, "middle",
                      extra=f' transform="rotate(-90 {left - 48} {top + HEIGHT / 2})"'))
    ends = []
    for rule, line in lines.items():
        dash = f' stroke-dasharray="{DASHED[rule]}"' if rule in DASHED else ""
        path = "L".join(f"{place_x(v[0]):.1f} {place_y(v[1]):.1f}" for v in line)
        parts.append(f'<path d="M{path}" fill="none" stroke="{COLORS[rule]}" stroke-width="2"{dash}/>')
        for v in line:
            x = place_x(v[0])
            parts.append(f'<path d="M{x:.1f} {place_y(v[2]):.1f}V{place_y(v[3]):.1f}" stroke="{COLORS[rule]}" opacity="0.6"/>')
            parts.append(mark(rule, x, place_y(v[1])))
        ends.append(place_y(line[-1][1]))
    for (rule, line), end, y in zip(lines.items(), ends, spread(ends, 20, top + 4, bottom)):
        x = place_x(line[-1][0])
        parts.append(f'<path d="M{x + 6:.1f} {end:.1f}L{right + 10} {y:.1f}H{right + 18}" fill="none" stroke="{COLORS[rule]}" '
                     'opacity="0.6"/>')
        parts.append(mark(rule, right + 22, y))
        parts.append(text(right + 32, y + 5, f"{rule.replace('_', ' ')}  {ratio(exponents(line)['slope'])}"))
    return parts


def figure(kept):
    """The four panels as one SVG."""
    width, height = LEFT + PLOT + LABELS + GAP, TOP + HEIGHT + BOTTOM
    parts = []
    for position, name in enumerate(name for name in PANELS if name in kept):
        column, row = position % 2, position // 2
        parts += drawn("abcd"[list(PANELS).index(name)], name, kept[name]["points"], column * width + LEFT, row * height + TOP)
    count = sum(name in kept for name in PANELS)
    total_x, total_y = width * min(2, count), height * ((count + 1) // 2) + 26
    note = ("Medians; vertical lines reach from the fastest to the slowest turn. The numbers are exponents, fitted over the upper "
            "half of the sizes.")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_x} {total_y}" width="{total_x}" height="{total_y}" role="img" '
        'aria-label="Time of steps against parameters, batch, context and width, on logarithmic axes" '
        "font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\">",
        f'<rect width="{total_x}" height="{total_y}" fill="#ffffff"/>', *parts,
        text(LEFT, total_y - 12, note, MINOR, size=13), "</svg>", ""])


# The page.

def crossing(line, other):
    """Where a curve comes to lie above another, between sizes by their logarithms; None if it does not."""
    theirs = {v[0]: v[1] for v in other}
    gaps = [(v[0], math.log(v[1] / theirs[v[0]])) for v in line if v[0] in theirs]
    for (a, below), (b, above) in zip(gaps, gaps[1:]):
        if below < 0 <= above:
            return a * (b / a) ** (-below / (above - below))
    return None


def table(name, points):
    """Medians by size, and how far the turns of a row lie apart at most."""
    panel, lines = PANELS[name], curves(name, points)
    values = {rule: {v[0]: v for v in line} for rule, line in lines.items()}
    head = {"parameters": "parameters (width, layers)", "batch": "batch", "context": "context", "width": "width"}[name]
    rows = [f"| {head} | " + " | ".join(lines) + " | turns | slowest / fastest, at most |", "|---" * (len(lines) + 3) + "|"]
    for point in points:
        size = point["size"]
        label = f"{shown(size)} ({point['width']}, {point['layers']})" if name == "parameters" else str(size)
        cells = [ms(values[rule][size][1]) if size in values[rule] else "-" for rule in lines]
        widest = max(v[size][3] / v[size][2] for rule, v in values.items() if size in v and rule != PASSES)
        rows.append(f"| {label} | " + " | ".join(cells) + f" | {point['turns']} | {widest:.2f} |")
    return rows + [""]


def section(letter, name, panel_data):
    """A panel's page: how it was measured, times, exponents."""
    panel, points = PANELS[name], panel_data["points"]
    lines = curves(name, points)
    subject = {
        "parameters": "`fisher bench optimizers --parameters gpt:width=W,layers=L`: GPTs of 256 bytes and 128 positions. A turn "
                      "passes over about 20 million parameters, or makes one step.",
        "batch": "`fisher bench step --task language`, width 128, 4 layers, context 128, 0.88 M parameters; a turn is ten steps.",
        "context": "`fisher bench step --task language`, width 128, 4 layers, 2 windows in a batch; a turn is ten steps. The "
                   "table of positions has a row for each byte of the context.",
        "width": "`fisher bench step --task language`, one layer, heads of 32, context 128, batch 8; a turn is ten steps. The time "
                 "is that of the statistics and the rule; forward and backward stand beside it. A rule whose turn "
                 "would take longer than `--longest` seconds is left out.",
    }[name]
    rows = [f"## {letter}. {panel.title}", "", subject, "",
            "Rules: " + "; ".join(f"`{words}`" for words in panel.rules.values()) + ".", "",
            f"Measured {panel_data['date']} with {panel_data['commit']} on {panel_data['machine']}, {panel_data['threads']} threads, "
            f"in {panel_data['seconds'] / 60:.1f} minutes. Milliseconds:", ""]
    rows += table(name, points)
    if name == "parameters":
        rows += ["Nanoseconds a parameter, and STREAM's triad on this machine at that time, GB/s:", "",
                 "| parameters | " + " | ".join(lines) + " | triad |", "|---" * (len(lines) + 2) + "|"]
        for point in points:
            cells = [f"{1e6 * row['median'] / point['size']:.3f}" for row in point["rules"].values()]
            rows.append(f"| {shown(point['size'])} | " + " | ".join(cells) + f" | {point['triad']:.0f} |")
        rows.append("")
    rows += ["| rule | exponent, upper half | standard error | of the fastest turns | of the slowest turns | sizes | exponent, "
             "lower half | of the last two sizes |", "|---|---|---|---|---|---|---|---|"]
    for rule, line in lines.items():
        e = exponents(line)
        rows.append(f"| {rule} | {ratio(e['slope'])} | {ratio(e['error'])} | {ratio(e['fastest'])} | {ratio(e['slowest'])} "
                    f"| {shown(e['from'])} to {shown(e['to'])}, {e['points']} | {ratio(e['lower'])} "
                    f"| {ratio(e['last'])} |")
    rows.append("")
    if name == "width":
        rows += ["The rule's part beside forward and backward:", "",
                 "| rule | at the least width | at its largest width | takes as long as both passes from width |", "|---|---|---|---|"]
        passes = {v[0]: v[1] for v in lines[PASSES]}
        for rule, line in lines.items():
            if rule == PASSES:
                continue
            first, last = line[0], line[-1]
            start, end = first[1] / passes[first[0]], last[1] / passes[last[0]]
            where = crossing(line, lines[PASSES])
            words = f"{where:.0f}" if where else "the least on" if start >= 1 and end >= 1 else "none of these"
            rows.append(f"| {rule} | {start:.2f} ({first[0]}) | {end:.2f} ({last[0]}) | {words} |")
        rows.append("")
    return rows


def page(kept, path):
    """SIZE.md: what stood above the mark, and the measurements."""
    above = "# Cost against size\n\n![Time of steps against size](size.svg)\n"
    if path.exists() and MARK in path.read_text():
        above = path.read_text().split(MARK)[0].rstrip() + "\n"
    rows = [above, MARK, "",
            "Medians over the turns, in which all rules of a size take part one after another. An exponent is the slope of a "
            "least-squares line through the logarithms of sizes and times over the upper half of the sizes, from the geometric mean of "
            "the smallest and the largest on; its error is the standard error of the slope. The same slope of the fastest and of the "
            "slowest turns stands beside it.", ""]
    commands = {kept[name]["command"]: None for name in PANELS if name in kept}
    rows += ["Command" + ("s" if len(commands) > 1 else "") + ": " + ", ".join(f"`{command}`" for command in commands)
             + "; OMP_WAIT_POLICY is passive.", ""]
    for name in PANELS:
        if name in kept:
            rows += section("abcd"[list(PANELS).index(name)], name, kept[name])
    path.write_text("\n".join(rows).rstrip() + "\n")


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
