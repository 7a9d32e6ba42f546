"""What size.py measures: a panel of the figure for each question, its sizes and its rules."""

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
