"""Layer-wise optimizers in PyTorch, float64, by their definitions: a backward pass for every sample (and class), every
matrix formed, inverted or decomposed as a whole. For Tests/Fixtures/layerwise.

    pip install -r Reference/requirements.txt
    python Reference/layerwise.py

A file holds `weights/<name>`, `batches/<step>/inputs` and `targets`, and `expected/<name>`, the weights after the last
step. Metadata: `model` (the description of the network), `rule`, `options`, `steps`.

Conventions: the loss is the mean over N observations (samples, or positions of sequences); s is the gradient of an
observation's, or a sequence's summed, -log p; averages are sum d^(t-k) x_k / sum d^(t-k) over the steps that gather.
"""

import copy
import json
import math
import zlib
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests/Fixtures/layerwise"

MODELS = {
    "mlp": (
        {"layers": [{"linear": [4, 6]}, "tanh", {"linear": [6, 3]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)),
        lambda: (torch.randn(16, 4), torch.randint(0, 3, (16,)))),
    "regression": (
        {"layers": [{"linear": [3, 5]}, "tanh", {"linear": [5, 2]}], "likelihood": "gaussian"},
        lambda: nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)),
        lambda: (torch.randn(14, 3), torch.randn(14, 2))),
    "cnn": (
        {"layers": [{"conv2d": {"in": 2, "out": 3, "kernel": 3, "stride": 2, "padding": 1}}, "tanh",
                    {"conv2d": {"in": 3, "out": 4, "kernel": 2, "stride": 1, "padding": 0}}, "tanh", "flatten",
                    {"linear": [16, 3]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Tanh(), nn.Conv2d(3, 4, 2), nn.Tanh(),
                              nn.Flatten(), nn.Linear(16, 3)),
        lambda: (torch.randn(24, 2, 6, 6), torch.randint(0, 3, (24,)))),
    # So few images that no factor of the convolutions has full rank under `reduce`.
    "thin": (
        {"layers": [{"conv2d": {"in": 2, "out": 6, "kernel": 3, "stride": 1, "padding": 1}}, "tanh",
                    {"conv2d": {"in": 6, "out": 4, "kernel": 2, "stride": 1, "padding": 0}}, "tanh", "flatten",
                    {"linear": [36, 5]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 4, 2), nn.Tanh(),
                              nn.Flatten(), nn.Linear(36, 5)),
        lambda: (torch.randn(4, 2, 4, 4), torch.randint(0, 5, (4,)))),
    # So few samples that the gradient is better kept as a product of rows.
    "wide": (
        {"layers": [{"linear": [20, 16]}, "tanh", {"linear": [16, 12]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 12)),
        lambda: (torch.randn(3, 20), torch.randint(0, 12, (3,)))),
    "sequence": (
        {"layers": [{"embedding": {"entries": 7, "width": 4}}, {"linear": [4, 6]}, "gelu_tanh", {"linear": [6, 4]},
                    {"layer_norm": {"width": 4}}, {"linear": [4, 7]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 6), nn.GELU(approximate="tanh"), nn.Linear(6, 4),
                              nn.LayerNorm(4), nn.Linear(4, 7)),
        lambda: (torch.randint(0, 7, (8, 5)), torch.randint(0, 7, (8, 5)))),
}

KFAC = {"learning_rate": 0.05, "damping": 0.01, "decay": 0.9, "momentum": 0.0, "pi": True, "damping_style": "factored",
        "labels": "exact", "weight_sharing": "expand", "statistics_interval": 1, "inverse_interval": 1,
        "kl_clip": None, "weight_decay": 0.0, "fallback": "sgd", "fallback_learning_rate": None}
ADA = {"learning_rate": 0.01, "beta": 0.9, "damping": 1e-2, "decay": 0.8, "statistics_interval": 1,
       "normalisation": "min_max", "compatibility": "paper", "weight_decay": 0.0}

CASES = [
    ("kfac-wide", "kfac", "wide", 4, {"labels": "empirical", "kl_clip": 1e-3}),
    ("kfac-wide-intervals", "kfac", "wide", 7, {"statistics_interval": 2, "inverse_interval": 3, "momentum": 0.5}),
]
for model in MODELS:
    if model in ("wide", "thin"):
        continue
    for rule in ["kfac", "ekfac"]:
        CASES += [
            (f"{rule}-{model}-exact", rule, model, 4, {}),
            (f"{rule}-{model}-intervals", rule, model, 7,
             {"labels": "empirical", "statistics_interval": 2, "inverse_interval": 3, "momentum": 0.7}),
        ]
    CASES += [
        (f"kfac-{model}-reduce", "kfac", model, 3, {"weight_sharing": "reduce", "pi": False, "labels": "empirical"}),
        (f"kfac-{model}-exact-damping", "kfac", model, 4,
         {"damping_style": "exact", "labels": "empirical", "kl_clip": 1e-4, "weight_decay": 0.1}),
        (f"adafisher-{model}", "adafisher", model, 5, {}),
        (f"adafisher-{model}-none", "adafisher", model, 5,
         {"normalisation": "none", "statistics_interval": 2, "weight_decay": 0.05}),
        (f"adafisher-{model}-mean", "adafisher", model, 3, {"normalisation": "mean"}),
        (f"adafisher-{model}-official", "adafisher", model, 5,
         {"compatibility": "official_code", "statistics_interval": 2}),
        (f"adafisherw-{model}", "adafisherw", model, 4, {"statistics_interval": 3, "weight_decay": 0.1}),
    ]


def losses(kind, z, y):
    """-log p summed over everything."""
    if kind == "categorical":
        return F.cross_entropy(z.flatten(0, -2), y.flatten(), reduction="sum")
    return (0.5 * (z - y) ** 2 + 0.5 * math.log(2 * math.pi)).sum()


def capture(network, x, scalar):
    """Each layer's inputs and output gradients of one scalar of the outputs, and the gradients of all parameters."""
    kept, handles = {}, []
    for name, layer in network.named_children():
        if list(layer.parameters()):
            def hook(layer, inputs, output, name=name):
                output.retain_grad()
                kept[name] = (inputs[0].detach(), output)
            handles.append(layer.register_forward_hook(hook))
    network.zero_grad()
    scalar(network(x)).backward()
    for handle in handles:
        handle.remove()
    gradients = {k: torch.zeros_like(p) if p.grad is None else p.grad.clone() for k, p in network.named_parameters()}
    return gradients, {name: (a, out.grad.detach()) for name, (a, out) in kept.items()}


def rows(layer, a, s):
    """One sample's inputs with a trailing 1 and output gradients, a row for each position."""
    if isinstance(layer, nn.Conv2d):
        a = F.unfold(a, layer.kernel_size, layer.dilation, layer.padding, layer.stride)[0].T
        s = s[0].flatten(1).T
    else:
        a, s = a.reshape(-1, a.shape[-1]), s.reshape(-1, s.shape[-1])
    return torch.cat([a, torch.ones(len(a), 1)], 1), s


def passes(network, kind, x, y, labels):
    """For every sample: scalars whose gradients' outer products add up to the sample's information."""
    for n in range(len(x)):
        xn, yn = x[n:n + 1], y[n:n + 1]
        if labels == "empirical":
            yield xn, [lambda z, yn=yn: losses(kind, z, yn)]
            continue
        z = network(xn).detach()
        scalars = []
        if kind == "gaussian":
            # Unit variance: the Fisher of the outputs is the identity.
            scalars = [lambda z, k=k: z[0, k] for k in range(z.shape[-1])]
        else:
            p = z.softmax(-1).reshape(-1, z.shape[-1])
            for t in range(len(p)):
                for k in range(p.shape[1]):
                    # sqrt(p_k) grad log p(k) at one position; others are independent of it.
                    scalars.append(lambda z, t=t, k=k, w=p[t, k].sqrt().item():
                                   -w * z.reshape(-1, z.shape[-1]).log_softmax(-1)[t, k])
        yield xn, scalars


# Factors without full rank. Last, because a case's position is its seed.
for model in ["cnn", "thin", "sequence"]:
    CASES.append((f"ekfac-{model}-reduce", "ekfac", model, 7, {"weight_sharing": "reduce", "labels": "empirical"}))
CASES.append(("ekfac-thin-exact", "ekfac", "thin", 3, {}))
# Cases whose seed is their title's checksum: AdaFisher with the root of its information, and with another power.
NAMED_CASES = [
    (f"adafisher-{model}-root", "adafisher", model, 5, {"power": 0.5, "statistics_interval": 2})
    for model in ("mlp", "cnn", "sequence", "regression")
] + [("adafisherw-mlp-power", "adafisherw", "mlp", 5, {"power": 0.7, "weight_decay": 0.1})]


def linear_layers(network):
    return {name: m for name, m in network.named_children() if isinstance(m, (nn.Linear, nn.Conv2d))}


def matrix(layer, gradients, name):
    return torch.cat([gradients[f"{name}.weight"].flatten(1), gradients[f"{name}.bias"][:, None]], 1)


def canonical(M):
    """Eigenvectors, ascending; of the null space those of `N diag(2 - k/n) N`, N the projector onto it."""
    values, vectors = torch.linalg.eigh(M)
    n = len(M)
    null = vectors[:, values <= values[-1] * n * torch.finfo(M.dtype).eps]
    projector = null @ null.T
    inside = torch.linalg.eigh(projector @ torch.diag(2 - torch.arange(n) / n) @ projector)[1]
    return torch.cat([inside[:, n - null.shape[1]:], vectors[:, null.shape[1]:]], 1)


class Average:
    def __init__(self):
        self.top, self.bottom = 0.0, 0.0

    def update(self, x, decay):
        self.top, self.bottom = decay * self.top + x, decay * self.bottom + 1

    @property
    def value(self):
        return self.top / self.bottom


def run(kind, network, batches, rule, o):
    layers = linear_layers(network)
    state = {name: {"A": Average(), "S": Average(), "e": Average(), "m": None} for name in layers}
    momenta, diagonals = {}, {}
    eta = o["learning_rate"]
    reached = {f"{name}.{part}" for name in layers for part in ("weight", "bias")}
    for t, (x, y) in enumerate(batches, 1):
        count = y.numel() if kind == "categorical" else len(x)
        gradient, _ = capture(network, x, lambda z: losses(kind, z, y) / count)
        gathers = (t - 1) % o["statistics_interval"] == 0
        labels = o.get("labels", "empirical")
        samples = []
        if gathers:
            for xn, scalars in passes(network, kind, x, y, labels):
                samples.append([capture(network, xn, scalar) for scalar in scalars])
        if rule in ("kfac", "ekfac"):
            kronecker(t, rule, o, network, layers, state, samples, count, gradient, eta)
            step = {k: None for k in gradient if k not in reached}
            with torch.no_grad():
                for k in step:
                    network.get_parameter(k).sub_((o["fallback_learning_rate"] or eta) * gradient[k])
        else:
            adafisher(t, rule, o, network, layers, momenta, diagonals, samples, count, gradient, eta)


def kronecker(t, rule, o, network, layers, state, samples, count, gradient, eta):
    steps = {}
    renews = (t - 1) % o["inverse_interval"] == 0
    root = math.sqrt(o["damping"])
    for name, layer in layers.items():
        own = state[name]
        G = matrix(layer, gradient, name)
        if samples:
            A, terms, S = 0.0, 0, 0.0
            for scalars in samples:
                for number, (_, kept) in enumerate(scalars):
                    a, s = rows(layer, *kept[name])
                    if o["weight_sharing"] == "reduce":
                        a, s = a.mean(0, keepdim=True), s.sum(0, keepdim=True)
                    S = S + s.T @ s
                    if number == 0:
                        A, terms = A + a.T @ a, terms + len(a)
            own["A"].update(A / terms, o["decay"])
            own["S"].update(S / count, o["decay"])
        A, S = own["A"].value, own["S"].value
        if renews:
            pi = math.sqrt((A.trace() / len(A)) / (S.trace() / len(S))) if o["pi"] else 1
            own["left"] = torch.linalg.inv(S + root / pi * torch.eye(len(S)))
            own["right"] = torch.linalg.inv(A + pi * root * torch.eye(len(A)))
            own["bases"] = (torch.linalg.eigh(S), torch.linalg.eigh(A))
            own["canonical"] = (canonical(S), canonical(A))
        (ls, QS), (la, QA) = own["bases"]
        if rule == "ekfac":
            QS, QA = own["canonical"]
        if rule == "ekfac" and samples:
            e = 0.0
            for scalars in samples:
                for whole, _ in scalars:
                    e = e + (QS.T @ matrix(layer, whole, name) @ QA) ** 2
            own["e"].update(e / count, o["decay"])
        if rule == "ekfac":
            V = QS @ ((QS.T @ G @ QA) / (own["e"].value + o["damping"])) @ QA.T
        elif o["damping_style"] == "exact":
            V = QS @ ((QS.T @ G @ QA) / (torch.outer(ls, la) + o["damping"])) @ QA.T
        else:
            V = own["left"] @ G @ own["right"]
        steps[name] = (V, G)
    nu = 1.0
    if o["kl_clip"]:
        nu = min(1.0, math.sqrt(o["kl_clip"] / abs(sum((eta ** 2 * V * G).sum() for V, G in steps.values()))))
    for name, (V, _) in steps.items():
        own = state[name]
        own["m"] = nu * V if own["m"] is None else o["momentum"] * own["m"] + nu * V
        with torch.no_grad():
            for part, change in (("weight", own["m"][:, :-1]), ("bias", own["m"][:, -1])):
                p = network.get_parameter(f"{name}.{part}")
                p.sub_(eta * (change.reshape(p.shape) + o["weight_decay"] * p))


def normalised(v, how):
    if how == "min_max":
        return (v - v.min()) / (v.max() - v.min() + 1e-6)
    return v / (v.mean() + 1e-6) if how == "mean" else v


def adafisher(t, rule, o, network, layers, momenta, diagonals, samples, count, gradient, eta):
    official = o["compatibility"] == "official_code"

    def average(key, x):
        if official:
            diagonals[key] = 0.08 * diagonals.get(key, torch.ones_like(x)) + 0.008 * normalised(x, "min_max")
        else:
            diagonals.setdefault(key, Average()).update(x, o["decay"])

    def use(key):
        return diagonals[key] if official else normalised(diagonals[key].value, o["normalisation"])

    metric = {}
    for name, module in network.named_children():
        if not list(module.parameters()):
            continue
        if name in layers:
            if samples:
                h, terms, s2 = 0.0, 0, 0.0
                for ((_, kept),) in samples:
                    a, s = rows(module, *kept[name])
                    h, terms, s2 = h + (a ** 2).sum(0), terms + len(a), s2 + (s ** 2).sum(0)
                average((name, "h"), h / terms)
                average((name, "s"), s2 / count)
            whole = torch.outer(use((name, "s")), use((name, "h")))
            metric[f"{name}.weight"] = whole[:, :-1].reshape(module.weight.shape)
            metric[f"{name}.bias"] = whole[:, -1]
        else:
            for part, _ in module.named_parameters():
                key = f"{name}.{part}"
                if samples:
                    average(key, sum(whole[key] ** 2 for ((whole, _),) in samples) / count)
                metric[key] = use(key)
    for key, g in gradient.items():
        p = network.get_parameter(key)
        if rule == "adafisher":
            g = g + o["weight_decay"] * p.detach()
        momenta[key] = o["beta"] * momenta.get(key, torch.zeros_like(g)) + (1 - o["beta"]) * g
        step = momenta[key] / (1 - o["beta"] ** t) / (metric[key] + o["damping"]) ** o.get("power", 1.0)
        if rule == "adafisherw":
            step = step + o["weight_decay"] * p.detach()
        with torch.no_grad():
            p.sub_(eta * step)


def main():
    torch.set_default_dtype(torch.float64)
    seeded = [*enumerate(CASES), *((zlib.crc32(case[0].encode()), case) for case in NAMED_CASES)]
    for seed, (title, rule, model, steps, changes) in seeded:
        specification, make, draw = MODELS[model]
        torch.manual_seed(seed)
        network = make()
        options = dict(KFAC if rule in ("kfac", "ekfac") else ADA)
        options.update(changes)
        if rule == "ekfac":
            options.pop("damping_style")
        batches = [draw() for _ in range(steps)]
        tensors = {f"weights/{k}": v.detach().numpy().copy() for k, v in network.state_dict().items()}
        for step, (x, y) in enumerate(batches, 1):
            tensors[f"batches/{step}/inputs"], tensors[f"batches/{step}/targets"] = x.numpy(), y.numpy()
        run(specification["likelihood"], network, batches, rule, options)
        tensors.update({f"expected/{k}": v.detach().numpy().copy() for k, v in network.state_dict().items()})
        write_file(FOLDER / f"{title}.safetensors", tensors, {
            "model": json.dumps(specification), "rule": rule, "options": json.dumps(options), "steps": str(steps)})


if __name__ == "__main__":
    main()
