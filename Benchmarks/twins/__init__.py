"""The networks of `fisher bench step` in PyTorch: a file for each kind, found by the names in its NETWORKS.

A network is a function of the batch that returns

    make()        a model, with weights of its own
    loss(model)   the loss of one step's batch, made anew or the same each time as the Swift side has it

Its name is that of `--network`, and both sides must have the same number of parameters.
"""

import importlib
import pathlib
from typing import Callable

import torch
from torch import nn

Network = tuple[Callable[[], nn.Module], Callable[[nn.Module], torch.Tensor]]


def networks() -> dict[str, Callable[[int], Network]]:
    """All networks by name."""
    found: dict[str, Callable[[int], Network]] = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        if path.stem != "__init__":
            found |= importlib.import_module(f"twins.{path.stem}").NETWORKS
    return found
