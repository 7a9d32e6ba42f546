"""The exponents, the figure and the page of what size.py has measured."""

import math

from size_panels import PANELS, PASSES

MARK = "<!-- What follows is written by Benchmarks/size.py; what stands above is kept. -->"


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
    lines = curves(name, points)
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
