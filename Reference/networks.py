"""Writes `Tests/Fixtures/networks`: ResNets and vision transformers of PyTorch in float64, logits and gradients.

    python3 -m venv .venv && .venv/bin/pip install -r Reference/requirements.txt
    .venv/bin/python Reference/networks.py

The residual networks have torchvision's arithmetic and order of parameters, the transformers PyTorch's
`scaled_dot_product_attention`. The k-th tensor of a network (parameters and running averages in the order of the
modules) has the elements of `formula`, which the tests repeat, so that a file holds only `logits`, `loss`, `norms` (of each
gradient), `sums` (of each gradient times the formula of 1000 + k), and `after` (sums of the running averages after the
call in training).
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "networks"


def formula(k: int, shape: list[int], spread: float = 1.0) -> Tensor:
    """Numbers that look random and are the same everywhere."""
    count = int(np.prod(shape))
    positions = torch.arange(count, dtype=torch.float64)
    return (spread * torch.sin(1.7 * positions + 0.9 * k + 0.3 * positions * positions % 7)).reshape(shape)


class Block(nn.Module):
    """A block of a residual network; its shortcut comes last, as in torchvision."""

    def __init__(self, layers: list[nn.Module], shortcut: nn.Module | None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.layers(x) + (x if self.shortcut is None else self.shortcut(x)))


def norm(kind: str, channels: int) -> nn.Module:
    """Batch normalization, or group normalization with half the channels as groups."""
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(channels // 2, channels)


def resnet(depth: int, stem: str, width: int, kind: str, channels: int, classes: int) -> nn.Module:
    """ResNet-18 or -50 of any width."""

    def conv(i: int, o: int, k: int, stride: int = 1) -> nn.Module:
        return nn.Conv2d(i, o, k, stride, k // 2, bias=False)

    layers = [conv(channels, width, *((3,) if stem == "cifar" else (7, 2))), norm(kind, width), nn.ReLU()]
    if stem == "imagenet":
        layers.append(nn.MaxPool2d(3, 2, 1))
    blocks, expansion = ([2, 2, 2, 2], 1) if depth == 18 else ([3, 4, 6, 3], 4)
    inputs = width
    for stage, count in enumerate(blocks):
        w = width * 2**stage
        for b in range(count):
            s = 2 if stage > 0 and b == 0 else 1
            out = w * expansion
            if depth == 18:
                inner = [conv(inputs, w, 3, s), norm(kind, w), nn.ReLU(), conv(w, w, 3), norm(kind, w)]
            else:
                inner = [conv(inputs, w, 1), norm(kind, w), nn.ReLU(), conv(w, w, 3, s), norm(kind, w), nn.ReLU()]
                inner += [conv(w, out, 1), norm(kind, out)]
            short = nn.Sequential(conv(inputs, out, 1, s), norm(kind, out)) if s > 1 or inputs != out else None
            layers.append(Block(inner, short))
            inputs = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


class Transformer(nn.Module):
    """A vision transformer."""

    def __init__(self, side: int, patch: int, width: int, layers: int, heads: int, token: bool, classes: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, patch, patch)
        # A module of its own: PyTorch lists a module's own parameters before those of its parts.
        self.added = nn.ParameterList([torch.zeros((side // patch) ** 2 + token, width)])
        if token:
            self.added.append(torch.zeros(width))
        self.blocks = nn.ModuleList(
            nn.ModuleList([
                nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width), nn.LayerNorm(width),
                nn.Linear(width, 4 * width), nn.Linear(4 * width, width),
            ])
            for _ in range(layers)
        )  # fmt: skip
        self.norm, self.head, self.heads = nn.LayerNorm(width), nn.Linear(width, classes), heads

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        has_token = len(self.added) > 1
        if has_token:
            x = torch.cat([self.added[1].expand(len(x), 1, -1), x], dim=1)
        x = x + self.added[0]
        for norm1, qkv, out, norm2, expand, contract in self.blocks:
            n, t, d = x.shape
            q, k, v = (
                part.reshape(n, t, self.heads, -1).transpose(1, 2) for part in qkv(norm1(x)).chunk(3, dim=-1)
            )
            x = x + out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, d))
            x = x + contract(F.gelu(expand(norm2(x))))
        x = self.norm(x)
        return self.head(x[:, 0] if has_token else x.mean(1))


def write_case(name: str, model: nn.Module, side: int, channels: int, training: bool) -> None:
    """Writes the answers of one network."""
    model = model.double().train(training)
    tensors = [(n, t) for n, t in model.state_dict().items() if t.is_floating_point()]
    for k, (n, tensor) in enumerate(tensors):
        values = formula(k, list(tensor.shape))
        fan = max(1, tensor[0].numel()) if tensor.dim() > 1 else 1
        tensor.copy_(values.abs() + 0.5 if n.endswith("running_var") else values / fan**0.5)
    inputs = formula(500, [4, channels, side, side])
    logits = model(inputs)
    targets = torch.arange(4) % logits.shape[1]
    loss = F.cross_entropy(logits, targets, reduction="sum")
    loss.backward()
    gradients = [p.grad for p in model.parameters()]
    answers = {
        "logits": logits.detach().numpy(), "loss": np.array([loss.item()]),
        "norms": np.array([g.norm().item() for g in gradients]),
        "sums": np.array([(g * formula(1000 + k, list(g.shape))).sum().item() for k, g in enumerate(gradients)]),
        "after": np.array([t.sum().item() for n, t in tensors if "running" in n] or [0.0]),
    }  # fmt: skip
    write_file(FOLDER / f"{name}.safetensors", answers, {"training": str(training).lower()})


def main() -> None:
    """Writes every network, and checks the published numbers of parameters."""
    torch.set_num_threads(1)
    for depth, published in [(18, 11_689_512), (50, 25_557_032)]:
        assert sum(p.numel() for p in resnet(depth, "imagenet", 64, "batch", 3, 1000).parameters()) == published
    write_case("resnet18-cifar", resnet(18, "cifar", 4, "batch", 3, 5), 16, 3, True)
    write_case("resnet18-evaluated", resnet(18, "cifar", 4, "batch", 3, 5), 16, 3, False)
    write_case("resnet18-group", resnet(18, "imagenet", 4, "group", 1, 3), 32, 1, True)
    write_case("resnet50-imagenet", resnet(50, "imagenet", 4, "batch", 3, 5), 48, 3, True)
    write_case("vit-mean", Transformer(8, 2, 12, 2, 3, False, 5), 8, 3, True)
    write_case("vit-token", Transformer(8, 4, 8, 2, 2, True, 5), 8, 3, True)


if __name__ == "__main__":
    main()
