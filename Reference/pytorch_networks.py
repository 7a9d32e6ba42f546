"""Writes `Tests/Fixtures/convert`: small PyTorch networks as `state_dict`s, and their outputs.

An MLP, a CNN with batch normalization, nested sequences, a network with named modules, and residual networks of 18, 34
and 50 layers with torchvision's names, which a few lines of torch build here. Every number is random, running
averages included. With `load FILE NAME` it loads a file that `fisher convert --to-pytorch` wrote into the network of
that name, strictly, and prints the largest difference of its outputs.
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "convert"


class Block(nn.Module):
    """A residual block of torchvision: two convolutions, or three that first narrow the channels."""

    def __init__(self, inputs: int, width: int, stride: int, deep: bool) -> None:
        super().__init__()
        outputs = width * (4 if deep else 1)
        shapes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        if not deep:
            shapes = [(inputs, width, 3, stride), (width, width, 3, 1)]
        self.count = len(shapes)
        for n, (a, b, kernel, step) in enumerate(shapes, 1):
            setattr(self, f"conv{n}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{n}", nn.BatchNorm2d(b))
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for n in range(1, self.count + 1):
            y = getattr(self, f"bn{n}")(getattr(self, f"conv{n}")(y))
            y = y.relu() if n < self.count else y
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    """A residual network with torchvision's names; the stem is that for large or for small images."""

    def __init__(self, blocks: list[int], deep: bool, width: int, classes: int, large: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False) if large else nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        inputs = width
        for stage, count in enumerate(blocks):
            layers = []
            for block in range(count):
                layers.append(Block(inputs, width << stage, 2 if stage > 0 and block == 0 else 1, deep))
                inputs = (width << stage) * (4 if deep else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


NETWORKS = {
    "mlp": lambda: nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6, bias=False), nn.ReLU(), nn.Linear(6, 3)),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, (3, 2), stride=(1, 2), groups=2, bias=False),
        nn.GroupNorm(3, 6),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(24, 3),
    ),
    "nested": lambda: nn.Sequential(
        nn.Sequential(nn.Linear(4, 6), nn.Tanh()), nn.LayerNorm(6), nn.Sequential(nn.Linear(6, 2))
    ),
    "named": lambda: nn.Sequential(
        OrderedDict(embed=nn.Embedding(9, 4), flat=nn.Flatten(), last=nn.Linear(12, 3), first=nn.Linear(3, 2))
    ),
    "resnet18": lambda: ResNet([2, 2, 2, 2], deep=False, width=2, classes=3, large=False),
    "resnet34": lambda: ResNet([3, 4, 6, 3], deep=False, width=1, classes=2, large=True),
    "resnet50": lambda: ResNet([3, 4, 6, 3], deep=True, width=1, classes=2, large=False),
}
INPUTS = {"mlp": (4, 5), "cnn": (2, 2, 8, 8), "nested": (3, 4), "resnet18": (2, 3, 16, 16), "resnet34": (2, 3, 64, 64)}


def randomise(network: nn.Module, generator: torch.Generator) -> None:
    """Gives every parameter and average random numbers; norms' weights and variances are around one."""
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            tensor.fill_(7)
            continue
        scale = 0.2 if tensor.ndim < 2 else 1.0 / max(tensor[0].numel(), 1) ** 0.5
        tensor.copy_(scale * torch.randn(tensor.shape, generator=generator))
        if tensor.ndim == 1 and (name.endswith("weight") or name.endswith("var")):
            tensor.abs_().add_(0.9)


def outputs(name: str, network: nn.Module, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs for a network, and its outputs for them."""
    if name == "named":
        inputs = torch.randint(9, (4, 3), generator=generator)
    else:
        inputs = torch.randn(INPUTS.get(name, (2, 3, 16, 16)), generator=generator)
    with torch.no_grad():
        return inputs, network.eval()(inputs)


def main() -> None:
    """Writes every network and its answers, or loads a file into one."""
    torch.set_num_threads(1)
    for seed, (name, make) in enumerate(NETWORKS.items()):
        generator = torch.Generator().manual_seed(seed)
        network = make()
        randomise(network, generator)
        inputs, answers = outputs(name, network, generator)
        if sys.argv[1:2] == ["load"]:
            if sys.argv[3] == name:
                fresh = make()
                print(fresh.load_state_dict(load_file(sys.argv[2]), strict=True))
                print("largest difference", (fresh.eval()(inputs) - answers).abs().max().item())
            continue
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        save_file(network.state_dict(), folder / "state.safetensors")
        write_file(folder / "answers.safetensors", {"inputs": inputs.numpy(), "outputs": answers.numpy()}, {})


if __name__ == "__main__":
    main()
