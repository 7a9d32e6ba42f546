"""Rules with a whole Fisher information, by brute force in float64 PyTorch: every unit's gradient by its own backward
pass, every matrix written out and inverted. For Tests/Fixtures/natural.

    pip install -r Reference/requirements.txt
    python Reference/natural_rules.py

A unit is a sample, or a whole sequence; N counts observations (positions of a sequence). Rows of J are the gradients
of the units' summed losses; the loss is their sum over N. Parameters in the order of the layers, weight before bias,
row-major.
"""

import json
import math
from pathlib import Path

import torch
from torch import nn

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests/Fixtures/natural"
MODELS = {
    "mlp": (
        {"layers": [{"linear": [4, 5]}, "tanh", {"linear": [5, 3]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), [7, 4], None),
    "regression": (
        {"layers": [{"linear": [3, 4]}, "tanh", {"linear": [4, 2]}], "likelihood": "gaussian"},
        lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), [6, 3], None),
    "cnn": (
        {"layers": [{"conv2d": {"in": 1, "out": 2, "kernel": 3, "stride": 1, "padding": 1}}, "tanh", "flatten",
                    {"linear": [32, 3]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(32, 3)),
        [5, 1, 4, 4], None),
    "sequence": (
        {"layers": [{"embedding": [6, 4]}, {"layer_norm": 4}, {"linear": [4, 5]}, "tanh", {"linear": [5, 6]}],
         "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Embedding(6, 4), nn.LayerNorm(4), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 6)),
        [4, 3], 6),
}
RULES = {
    "natural-exact": ("natural_gradient", {"lr": 0.3, "damping": 1e-2}),
    "natural-exact-cg": ("natural_gradient", {"lr": 0.3, "damping": 1e-2, "solver": "cg", "tolerance": 1e-13}),
    "natural-empirical": ("natural_gradient", {"lr": 0.2, "damping": 1e-2, "source": "empirical"}),
    "natural-empirical-cg": (
        "natural_gradient", {"lr": 0.2, "damping": 1e-2, "source": "empirical", "solver": "cg", "tolerance": 1e-13}),
    "natural-accumulated": ("natural_gradient", {"lr": 1.0, "damping": 0.5, "accumulated": True}),
    "diagonal": ("diagonal_natural_gradient", {"lr": 1e-4, "beta2": 0.9}),
    "diagonal-exact": ("diagonal_natural_gradient", {"lr": 1e-2, "beta2": 0.9, "source": "exact", "damping": 1e-3}),
    "diagonal-improved": (
        "diagonal_natural_gradient", {"lr": 1e-2, "beta2": 0.9, "source": "improved", "damping": 1e-3}),
    "gauss-newton": ("gauss_newton", {"lr": 0.5, "damping": 0.1, "tolerance": 1e-13}),
    "gauss-newton-fixed": ("gauss_newton", {"lr": 0.5, "damping": 0.1, "adaptive_damping": False, "tolerance": 1e-13}),
    "newton": ("newton", {"lr": 0.5, "damping": 0.5, "solver": "dense"}),
    "ief": ("ief", {"lr": 0.1, "damping": 1e-2}),
    "mfac": ("mfac", {"lr": 0.1, "damping": 1e-2, "history": 3}),
    "fadam-empirical": ("fadam", {"lr": 1e-2, "source": "empirical"}),
    "fadam-exact": ("fadam", {"lr": 1e-2, "source": "exact", "power": 1.0, "beta2": 0.9}),
    "fadam-improved": ("fadam", {"lr": 1e-2, "source": "improved"}),
    "fadafactor-empirical": ("fadafactor", {"lr": 1e-2, "source": "empirical"}),
}
STEPS = 4


class Problem:
    """A network on one batch: losses, gradients and matrices."""

    def __init__(self, network, kind, x, y):
        self.network, self.kind, self.x, self.y = network, kind, x, y
        self.parameters = list(network.parameters())
        self.count = y.numel() if kind == "categorical" else y.shape[0]

    def negative_log_likelihood(self, z, y):
        if self.kind == "categorical":
            return nn.functional.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1), reduction="sum")
        return (0.5 * (z - y) ** 2 + 0.5 * math.log(2 * math.pi)).sum()

    def loss(self):
        return self.negative_log_likelihood(self.network(self.x), self.y) / self.count

    def flat(self, value, create=False):
        found = torch.autograd.grad(value, self.parameters, create_graph=create, retain_graph=True)
        return torch.cat([g.reshape(-1) for g in found])

    def scores(self):
        """J, and the squared lengths of the gradients in the outputs."""
        rows, squares = [], []
        for n in range(len(self.x)):
            z = self.network(self.x[n:n + 1])
            loss = self.negative_log_likelihood(z, self.y[n:n + 1])
            squares.append((torch.autograd.grad(loss, z, retain_graph=True)[0] ** 2).sum())
            rows.append(self.flat(loss))
        return torch.stack(rows), torch.stack(squares)

    def exact(self):
        total = 0
        for n in range(len(self.x)):
            z = self.network(self.x[n:n + 1])
            z = z.reshape(-1, z.shape[-1])
            for t in range(len(z)):
                if self.kind == "categorical":
                    for c, p in enumerate(z[t].softmax(-1).detach()):
                        s = self.flat(-z[t].log_softmax(-1)[c])
                        total = total + p * torch.outer(s, s)
                else:
                    for j in range(z.shape[1]):
                        s = self.flat(z[t, j])
                        total = total + torch.outer(s, s)
        return total / self.count

    def hessian(self):
        g = self.flat(self.loss(), create=True)
        return torch.stack([self.flat(v) for v in g]).detach()

    def add(self, change):
        start = 0
        with torch.no_grad():
            for p in self.parameters:
                p += change[start:start + p.numel()].view_as(p)
                start += p.numel()

    def split(self, vector):
        return [part.view_as(p) for part, p in zip(vector.split([p.numel() for p in self.parameters]),
                                                   self.parameters)]


def diagonal(problem, source):
    if source == "exact":
        return problem.exact().diagonal()
    if source == "minibatch":
        return problem.flat(problem.loss()) ** 2
    j, s = problem.scores()
    return ((j ** 2) / (s[:, None] if source == "improved" else 1)).sum(0) / problem.count


def rms(x):
    return (x ** 2).mean().sqrt()


def fadam(problem, g, f, memory, t, o, factored):
    b1, b2, eps, eps2, c, decay = 0.9, o.get("beta2", 0.999), 1e-8, 0.01, 1.0, 1e-3
    rho = o.get("power", 0.5)
    b2hat = b2 * (1 - b2 ** (t - 1)) / (1 - b2 ** t)
    moves = []
    for k, (theta, g, new) in enumerate(zip(problem.parameters, problem.split(g), problem.split(f))):
        own = memory.setdefault(k, {"m": torch.zeros_like(g)})
        if factored and g.dim() >= 2:
            matrix = new.reshape(len(new), -1)
            own["r"] = b2hat * own.get("r", 1) + (1 - b2hat) * matrix.sum(1)
            own["c"] = b2hat * own.get("c", 1) + (1 - b2hat) * matrix.sum(0)
            f = (torch.outer(own["r"], own["c"]) / own["r"].sum()).view_as(g)
        else:
            f = own["f"] = b2hat * own.get("f", 1) + (1 - b2hat) * new
        d = f ** rho + torch.minimum(torch.tensor(eps), eps2 * rms(g)) ** (2 * rho)
        n = g / d
        own["m"] = b1 * own["m"] + (1 - b1) * n / max(1, rms(n) / c)
        w = theta.detach() / d
        moves.append(-o["lr"] * (own["m"] + decay * w / max(1, rms(w) / c)))
    return torch.cat([m.reshape(-1) for m in moves])


def change(rule, o, problem, memory, t):
    g = problem.flat(problem.loss())
    identity = torch.eye(len(g))
    if rule == "natural_gradient":
        if o.get("source", "exact") == "exact":
            f = problem.exact()
        else:
            j, _ = problem.scores()
            f = j.T @ j / problem.count
        if o.get("accumulated"):
            memory["I"] = memory.get("I", o["damping"] * identity) + problem.count * f
            return -o["lr"] * torch.linalg.solve(memory["I"], problem.count * g)
        return -o["lr"] * torch.linalg.solve(f + o["damping"] * identity, g)
    if rule == "diagonal_natural_gradient":
        f = diagonal(problem, o.get("source", "minibatch"))
        memory["f"] = o["beta2"] * memory.get("f", 0) + (1 - o["beta2"]) * f
        metric = memory["f"] + o.get("damping", 0)
        return torch.where(metric > 0, -o["lr"] * g / metric, 0)
    if rule in ("gauss_newton", "newton"):
        damping = memory.get("damping", o["damping"])
        matrix = problem.hessian() if rule == "newton" else problem.exact()
        d = -o["lr"] * torch.linalg.solve(matrix + damping * identity, g)
        if o.get("adaptive_damping", True):
            before = problem.loss().item()
            problem.add(d)
            decrease = before - problem.loss().item()
            problem.add(-d)
            predicted = -(g @ d + d @ matrix @ d / 2).item()
            rho = decrease / predicted if predicted > 0 else -1
            memory["damping"] = damping * (1.5 if rho < 0.25 else 2 / 3 if rho > 0.75 else 1)
        return d
    if rule == "ief":
        j, s = problem.scores()
        return -o["lr"] * j.T @ torch.linalg.solve(j @ j.T + o["damping"] * torch.eye(len(j)), s)
    if rule == "mfac":
        m = o["history"]
        memory["ring"] = (memory.get("ring", []) + [g])[-m:]
        rows = torch.stack(memory["ring"])
        return -o["lr"] * torch.linalg.solve(o["damping"] * identity + rows.T @ rows / m, g)
    return fadam(problem, g, diagonal(problem, o["source"]), memory, t, o, rule == "fadafactor")


def main():
    torch.set_default_dtype(torch.float64)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for model, (specification, make, shape, entries) in MODELS.items():
        for name, (rule, options) in RULES.items():
            if model == "regression" and not name.startswith(("natural", "gauss", "newton")):
                continue
            torch.manual_seed(5)
            network, kind, memory = make(), specification["likelihood"], {}
            tensors = {f"weights/{key}": p.detach().clone() for key, p in network.named_parameters()}
            for t in range(1, STEPS + 1):
                if entries:
                    x = torch.randint(0, entries, shape)
                    y = torch.randint(0, entries, shape)
                else:
                    x = torch.randn(shape)
                    width = network(x).shape[1]
                    y = torch.randint(0, width, shape[:1]) if kind == "categorical" else torch.randn(shape[0], width)
                tensors |= {f"inputs/{t}": x, f"targets/{t}": y}
                problem = Problem(network, kind, x, y)
                problem.add(change(rule, options, problem, memory, t).detach())
            tensors |= {f"expected/{key}": p.detach() for key, p in network.named_parameters()}
            write_file(
                FOLDER / f"{model}-{name}.safetensors",
                {k: v.contiguous().numpy() for k, v in sorted(tensors.items())},
                {"specification": json.dumps(specification), "rule": rule, "options": json.dumps(options),
                 "steps": str(STEPS)})
    print(len(list(FOLDER.glob("*.safetensors"))), "files")


if __name__ == "__main__":
    main()
