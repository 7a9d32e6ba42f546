"""Fisher information of small networks in PyTorch, by brute force in float64: a backward pass for every sample and
class, or for every factor of the likelihood's information where its observations are numbers. For
Tests/Fixtures/information.

    pip install -r Reference/requirements.txt
    python Reference/information.py

Conventions: sums over samples divided by the number of samples (a sample is one observation); parameters in the order
of the layers, weight before bias, row-major; the bias is the last input of a Kronecker factor. A of a convolution is
the mean over samples and positions of patches (`expand`), S the sum over positions, the mean over samples.
"""

import json
import math
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.distributions import Laplace

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests/Fixtures/information"
BINS = [-2.0, -0.5, 0.0, 1.0, 4.0]


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def perceptron(width):
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, width))


def described(width, likelihood):
    return {"layers": [{"linear": [4, 5]}, "tanh", {"linear": [5, width]}], "likelihood": likelihood}


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
    # Layers inside layers, norms among them.
    "residual-categorical": (
        {"layers": [{"linear": [4, 4]},
                    {"residual": [{"layer_norm": 4}, {"linear": [4, 4]}, "tanh", {"sequential": [{"linear": [4, 4]}]}]},
                    {"batch_norm": 4}, {"group_norm": [1, 4]}, {"dropout": 0.5}, {"linear": [4, 3]}],
         "likelihood": "categorical"},
        lambda: nn.Sequential(
            nn.Linear(4, 4),
            Residual(nn.LayerNorm(4), nn.Linear(4, 4), nn.Tanh(), nn.Sequential(nn.Linear(4, 4))),
            nn.BatchNorm1d(4), nn.GroupNorm(1, 4), nn.Dropout(0.5), nn.Linear(4, 3)), [7, 4]),
    # The other likelihoods.
    "mlp-gaussian-variance": (described(2, {"gaussian": {"variance": 0.25}}), lambda: perceptron(2), [6, 4]),
    "mlp-gaussian-learned": (described(4, "gaussian_learned_variance"), lambda: perceptron(4), [6, 4]),
    "mlp-logit-laplace": (described(4, "logit_laplace"), lambda: perceptron(4), [6, 4]),
    "mlp-two-hot": (described(5, {"two_hot": BINS}), lambda: perceptron(5), [6, 4]),
    "cnn-pixels": (
        {"layers": [{"conv2d": {"in": 1, "out": 6, "kernel": 3, "padding": 1}}],
         "likelihood": {"categorical_pixels": {"levels": 3}}},
        lambda: nn.Sequential(nn.Conv2d(1, 6, 3, padding=1)), [3, 1, 2, 2]),
}


def name_of(likelihood):
    return likelihood if isinstance(likelihood, str) else next(iter(likelihood))


def pixels(outputs):
    """[n, channels * 3, h, w] as [n, channels, h, w, 3]."""
    n, width, h, w = outputs.shape
    return outputs.reshape(n, width // 3, 3, h, w).permute(0, 1, 3, 4, 2)


def two_hot_weights(values):
    """The weights of the bins for values, by the definition: value = sum of weight times place, over two neighbors."""
    weights = torch.zeros(len(values), len(BINS))
    for n, value in enumerate(values.tolist()):
        k = max(j for j in range(len(BINS) - 1) if BINS[j] <= value)
        weights[n, k + 1] = (value - BINS[k]) / (BINS[k + 1] - BINS[k])
        weights[n, k] = 1 - weights[n, k + 1]
    return weights


def negative_log_likelihood(kind, outputs, target):
    if kind == "categorical":
        return nn.functional.cross_entropy(outputs, target, reduction="sum")
    if kind == "categorical_pixels":
        return nn.functional.cross_entropy(pixels(outputs).flatten(0, -2), target.flatten(), reduction="sum")
    if kind == "two_hot":
        return -(two_hot_weights(target) * outputs.log_softmax(-1)).sum()
    if kind == "bernoulli":
        return nn.functional.binary_cross_entropy_with_logits(outputs, target, reduction="sum")
    if kind == "gaussian_learned_variance":
        mean, log_variance = outputs.chunk(2, -1)
        return -torch.distributions.Normal(mean, (0.5 * log_variance).exp()).log_prob(target).sum()
    if kind == "logit_laplace":
        place, log_scale = outputs.chunk(2, -1)
        u = 0.8 * target + 0.1
        return -(Laplace(place, log_scale.exp()).log_prob(u.logit()) - (u * (1 - u)).log()).sum()
    return -torch.distributions.Normal(outputs, VARIANCE[0] ** 0.5).log_prob(target).sum()


VARIANCE = [1.0]


def own_labels(kind, outputs):
    """Every observation that the model may make, or points that stand for all, with their weights; None where the sum is
    made of factors instead."""
    if kind == "categorical":
        p = outputs.softmax(-1)[0]
        return [(torch.tensor([c]), p[c].item()) for c in range(len(p))]
    if kind == "two_hot":
        # An observed bin is the value at its place.
        p = outputs.softmax(-1)[0]
        return [(torch.tensor([BINS[c]]), p[c].item()) for c in range(len(p))]
    if kind == "bernoulli":
        p = outputs.sigmoid()[0]
        made = []
        for bits in range(2 ** len(p)):
            y = torch.tensor([float(bits >> k & 1) for k in range(len(p))], dtype=torch.float64)
            weight = torch.where(y > 0, p, 1 - p).prod().item()
            made.append((y[None], weight))
        return made
    if kind == "gaussian":
        # The points mean +- sqrt(d variance) e_j have the distribution's first two moments.
        d = outputs.shape[1]
        made = []
        for j in range(d):
            for sign in (1, -1):
                y = outputs.detach().clone()
                y[0, j] += sign * math.sqrt(d * VARIANCE[0])
                made.append((y, 1 / (2 * d)))
        return made
    return None


def output_factors(kind, outputs):
    """Vectors b in the outputs' shape with sum b b^T = E[s s^T], s the gradient of -log p in the outputs: by numerical
    integration over the observations of one element, the elements being independent."""
    if kind == "categorical_pixels":
        p = pixels(outputs).softmax(-1)
        made = []
        for index in range(p[..., 0].numel()):
            row = p.flatten(0, -2)[index]
            for c in range(3):
                b = torch.zeros_like(p).flatten(0, -2)
                b[index] = row.sqrt()[c] * (row - nn.functional.one_hot(torch.tensor(c), 3))
                n, channels, h, w, levels = p.shape
                made.append(b.reshape(p.shape).permute(0, 1, 4, 2, 3).reshape(n, channels * levels, h, w))
        return made
    d = outputs.shape[1] // 2
    made = []
    for j in range(d):
        place, log_scale = outputs[0, j].item(), outputs[0, d + j].item()
        block = torch.zeros(2, 2)
        if kind == "gaussian_learned_variance":
            deviation = math.exp(0.5 * log_scale)
            # Gauss and Hermite's rule is exact for polynomials of this degree.
            x, w = map(torch.tensor, hermite(8))
            weights, s = w, torch.stack([-x / deviation, 0.5 * (1 - x ** 2)])
        else:
            # |x| of the standardized Laplace has an exponential distribution, its sign is a coin.
            x, w = map(torch.tensor, laguerre(8))
            scale = math.exp(log_scale)
            s = torch.cat([torch.stack([-sign / scale * torch.ones_like(x), 1 - x]) for sign in (1, -1)], 1)
            weights = torch.cat([w, w]) / 2
        block = (s * weights) @ s.T
        values, vectors = torch.linalg.eigh(block)
        for value, vector in zip(values, vectors.T):
            b = torch.zeros_like(outputs)
            b[0, j], b[0, d + j] = vector * value.clamp(min=0).sqrt()
            made.append(b)
    return made


def hermite(count):
    x, w = numpy.polynomial.hermite_e.hermegauss(count)
    return x, w / w.sum()


def laguerre(count):
    return numpy.polynomial.laguerre.laggauss(count)


def observed(kind, outputs, count):
    width = outputs.shape[1]
    if kind == "categorical":
        return torch.randint(0, width, (count,))
    if kind == "categorical_pixels":
        return torch.randint(0, 3, pixels(outputs).shape[:-1])
    if kind == "bernoulli":
        return torch.randint(0, 2, (count, width)).double()
    if kind == "two_hot":
        return torch.rand(count) * (BINS[-1] - BINS[0]) + BINS[0]
    if kind == "logit_laplace":
        return torch.rand(count, width // 2)
    return torch.randn(count, width // 2 if kind == "gaussian_learned_variance" else width)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (specification, make, shape) in MODELS.items():
        torch.manual_seed(3)
        torch.set_default_dtype(torch.float64)
        network, kind = make(), name_of(specification["likelihood"])
        VARIANCE[0] = 0.25 if name == "mlp-gaussian-variance" else 1.0
        x = torch.randn(shape)
        network.eval()
        y = observed(kind, network(x), shape[0])
        parameters = list(network.parameters())
        for key, value in network.named_buffers():
            if key.endswith("running_mean"):
                value.copy_(torch.randn_like(value))
            elif key.endswith("running_var"):
                value.copy_(torch.rand_like(value) + 0.5)
        for key, value in network.named_parameters():
            if value.ndim == 1 and key.split(".")[-1] == "weight":
                value.data += 0.3 * torch.randn_like(value)

        def scores(label, n, factor=None):
            """The gradient for one sample of -log p, or of the outputs along a vector; each layer's inputs and output
            gradients."""
            kept = {}
            handles = []
            for key, layer in network.named_modules():
                if isinstance(layer, (nn.Linear, nn.Conv2d)):
                    def hook(layer, inputs, output, key=key):
                        output.retain_grad()
                        kept[key] = (layer, inputs[0].detach(), output)
                    handles.append(layer.register_forward_hook(hook))
            network.zero_grad()
            made = network(x[n:n + 1])
            made.retain_grad()
            loss = negative_log_likelihood(kind, made, label) if factor is None else (made * factor).sum()
            loss.backward()
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
            return g, factors, made.grad.square().sum().item()

        count = shape[0]
        # An image has an observation for each channel of each pixel.
        observations = y.numel() if kind == "categorical_pixels" else count
        size = sum(p.numel() for p in parameters)
        found = {source: torch.zeros(size, size) for source in ["exact", "empirical", "improved"]}
        kronecker = {}
        mean = torch.zeros(size)
        for n in range(count):
            g, factors, slope = scores(y[n:n + 1], n)
            mean += g / observations
            found["empirical"] += torch.outer(g, g) / observations
            # Wu et al. 2024: each sample's square over that of its gradient in the outputs.
            found["improved"] += torch.outer(g, g) / slope / observations
            for key, (a, s) in factors.items():
                for source, weight in [("exact", None), ("empirical", 1), ("improved", 1 / slope)]:
                    add(kronecker, f"{source}/kronecker/{key}/A", a / count)
                    if weight is not None:
                        add(kronecker, f"{source}/kronecker/{key}/S", weight * s / observations)
            outputs = network(x[n:n + 1]).detach()
            labels = own_labels(kind, outputs)
            if labels is None:
                passes = [(scores(None, n, b), 1.0) for b in output_factors(kind, outputs)]
            else:
                passes = [(scores(label, n), weight) for label, weight in labels]
            for (g, factors, _), weight in passes:
                found["exact"] += weight * torch.outer(g, g) / observations
                for key, (_, s) in factors.items():
                    add(kronecker, f"exact/kronecker/{key}/S", weight * s / observations)
        tensors = {f"weights/{key}": p.detach() for key, p in network.named_parameters()}
        tensors |= {f"weights/{key}": b for key, b in network.named_buffers() if b.is_floating_point()}
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
