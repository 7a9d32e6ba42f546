"""Fisher information of small networks in PyTorch, by brute force in float64: a backward pass for every sample and
class. For Tests/Fixtures/information.

    pip install -r Reference/requirements.txt
    python Reference/information.py

Conventions: sums over samples divided by the number of samples (a sample is one observation); parameters in the order
of the layers, weight before bias, row-major; the bias is the last input of a Kronecker factor. A of a convolution is
the mean over samples and positions of patches (`expand`), S the sum over positions, the mean over samples.
"""

import json
import math
from pathlib import Path

import torch
from torch import nn

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests/Fixtures/information"
MODELS = {
    "mlp-categorical": (
        {"layers": [{"linear": [4, 5]}, "tanh", {"linear": [5, 3]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)), [7, 4]),
    "mlp-gaussian": (
        {"layers": [{"linear": [4, 5]}, "relu", {"linear": [5, 2]}], "likelihood": "gaussian"},
        lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), [6, 4]),
    "mlp-bernoulli": (
        {"layers": [{"linear": [3, 4]}, "tanh", {"linear": [4, 2]}], "likelihood": "bernoulli"},
        lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), [6, 3]),
    "cnn-categorical": (
        {"layers": [{"conv2d": {"in": 1, "out": 2, "kernel": 3, "stride": 1, "padding": 1}}, "relu", "flatten",
                    {"linear": [32, 3]}], "likelihood": "categorical"},
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)), [5, 1, 4, 4]),
}


def negative_log_likelihood(kind, outputs, target):
    if kind == "categorical":
        return nn.functional.cross_entropy(outputs, target, reduction="sum")
    if kind == "bernoulli":
        return nn.functional.binary_cross_entropy_with_logits(outputs, target, reduction="sum")
    return (0.5 * (outputs - target) ** 2 + 0.5 * math.log(2 * math.pi)).sum()


def own_labels(kind, outputs):
    """Every observation that the model may make, or points that stand for all, with their weights."""
    if kind == "categorical":
        p = outputs.softmax(-1)[0]
        return [(torch.tensor([c]), p[c].item()) for c in range(len(p))]
    if kind == "bernoulli":
        p = outputs.sigmoid()[0]
        made = []
        for bits in range(2 ** len(p)):
            y = torch.tensor([float(bits >> k & 1) for k in range(len(p))], dtype=torch.float64)
            weight = torch.where(y > 0, p, 1 - p).prod().item()
            made.append((y[None], weight))
        return made
    # A normal distribution of unit variance: the points mean +- sqrt(d) e_j have its first two moments.
    d = outputs.shape[1]
    made = []
    for j in range(d):
        for sign in (1, -1):
            y = outputs.detach().clone()
            y[0, j] += sign * math.sqrt(d)
            made.append((y, 1 / (2 * d)))
    return made


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (specification, make, shape) in MODELS.items():
        torch.manual_seed(3)
        torch.set_default_dtype(torch.float64)
        network, kind = make(), specification["likelihood"]
        x = torch.randn(shape)
        width = network(x).shape[1]
        if kind == "categorical":
            y = torch.randint(0, width, (shape[0],))
        elif kind == "bernoulli":
            y = torch.randint(0, 2, (shape[0], width)).double()
        else:
            y = torch.randn(shape[0], width)
        parameters = list(network.parameters())

        def scores(label, n):
            """The gradient for one sample, and each layer's inputs and output gradients."""
            kept = {}
            handles = []
            for key, layer in network.named_children():
                if list(layer.parameters()):
                    def hook(layer, inputs, output, key=key):
                        output.retain_grad()
                        kept[key] = (layer, inputs[0].detach(), output)
                    handles.append(layer.register_forward_hook(hook))
            network.zero_grad()
            negative_log_likelihood(kind, network(x[n:n + 1]), label).backward()
            for handle in handles:
                handle.remove()
            g = torch.cat([p.grad.flatten() for p in parameters]).clone()
            factors = {}
            for key, (layer, a, output) in kept.items():
                s = output.grad
                if isinstance(layer, nn.Conv2d):
                    a = nn.functional.unfold(a, layer.kernel_size, layer.dilation, layer.padding, layer.stride)[0].T
                    s = s[0].flatten(1).T
                a = torch.cat([a, torch.ones(len(a), 1)], 1)
                factors[key] = (a.T @ a / len(a), s.T @ s)
            return g, factors

        count = shape[0]
        size = sum(p.numel() for p in parameters)
        found = {source: torch.zeros(size, size) for source in ["exact", "empirical"]}
        kronecker = {}
        mean = torch.zeros(size)
        for n in range(count):
            g, factors = scores(y[n:n + 1], n)
            mean += g / count
            found["empirical"] += torch.outer(g, g) / count
            for key, (a, s) in factors.items():
                add(kronecker, f"empirical/kronecker/{key}/A", a / count)
                add(kronecker, f"empirical/kronecker/{key}/S", s / count)
                add(kronecker, f"exact/kronecker/{key}/A", a / count)
            for label, weight in own_labels(kind, network(x[n:n + 1]).detach()):
                g, factors = scores(label, n)
                found["exact"] += weight * torch.outer(g, g) / count
                for key, (_, s) in factors.items():
                    add(kronecker, f"exact/kronecker/{key}/S", weight * s / count)
        tensors = {f"weights/{key}": p.detach() for key, p in network.named_parameters()}
        tensors |= {"inputs": x, "targets": y}
        for source, matrix in found.items():
            tensors[f"{source}/full"] = matrix
        tensors["minibatch/full"] = torch.outer(mean, mean)
        tensors |= kronecker
        write_file(FOLDER / f"{name}.safetensors", {k: v.contiguous().numpy() for k, v in sorted(tensors.items())},
              {"specification": json.dumps(specification)})
        print(name, size, "parameters")


def add(table, key, value):
    table[key] = table[key] + value if key in table else value


if __name__ == "__main__":
    main()
