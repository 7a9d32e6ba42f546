"""Small classifiers: `mlp` on vectors, on sixteen batches in turn, and `cnn` on images, on one batch."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F


def classifier(make, *shape: int, batches: int = 1):
    """A network of 10 classes on batches of inputs of a shape, in turn."""

    def network(batch: int):
        inputs, classes = itertools.cycle([torch.randn(batch, *shape) for _ in range(batches)]), torch.arange(batch) % 10
        return make, lambda model: F.cross_entropy(model(next(inputs)), classes)

    return network


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def cnn() -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in [(3, 32), (32, 64), (64, 128)]:
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10))


NETWORKS = {"mlp": classifier(mlp, 784, batches=16), "cnn": classifier(cnn, 3, 32, 32)}
