"""Writes `Tests/Fixtures/conformer`: small Conformers in PyTorch, float64, their logits and gradients.

    .venv/bin/python Reference/conformer.py

The twin computes each utterance alone, without padding; the batch that it writes is padded with large numbers, which must
reach nothing. A file holds `parameters/<name>` under our names, `features` [batch, frames, mels], `logits/<utterance>`,
`projection/<utterance>` (the loss is the sum of logits times projections) and `gradients/<name>`; sizes, frame counts and
labels are in its metadata.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tensor_file import Tensors, write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "conformer"
FRAMES = [19, 12, 5]
LABELS = [[1, 4, 2], [3], []]


@dataclass(frozen=True)
class Configuration:
    """The sizes of a model, under our names."""

    mels: int = 10
    classes: int = 6
    channels: int = 3
    width: int = 8
    layers: int = 2
    heads: int = 2
    kernel: int = 5
    dropout: float = 0.0
    norm: str = "layer"
    head: str = "ctc"
    predictionWidth: int = 5
    predictionContext: int = 0
    jointWidth: int = 7


class Subsampling(nn.Module):
    """Two convolutions of stride 2 with rectifiers, and a linear map."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, c.channels, 3, stride=2, padding=1)
        self.second = nn.Conv2d(c.channels, c.channels, 3, stride=2, padding=1)
        self.projection = nn.Linear(c.channels * -(-c.mels // 4), c.width)

    def forward(self, x: Tensor) -> Tensor:
        image = self.second(self.first(x[:, None]).relu()).relu()
        return self.projection(image.permute(0, 2, 1, 3).flatten(2))


class FeedForward(nn.Module):
    """Norm, linear, SiLU, linear."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(c.width)
        self.expand = nn.Linear(c.width, 4 * c.width)
        self.contract = nn.Linear(4 * c.width, c.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(functional.silu(self.expand(self.norm(x))))


def turned(x: Tensor) -> Tensor:
    """Rotary positions as products of complex numbers; x is [batch, heads, positions, width]."""
    half = x.shape[-1] // 2
    positions = torch.arange(x.shape[2], dtype=x.dtype)
    frequencies = 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
    rotation = torch.polar(torch.ones(x.shape[2], half, dtype=x.dtype), positions[:, None] * frequencies)
    product = torch.complex(x[..., :half], x[..., half:]) * rotation
    return torch.cat([product.real, product.imag], dim=-1)


class Attention(nn.Module):
    """Self-attention in both directions with rotary positions."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.heads = c.heads
        self.queryKeyValue = nn.Linear(c.width, 3 * c.width)
        self.output = nn.Linear(c.width, c.width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        split = self.queryKeyValue(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        scores = turned(query) @ turned(key).transpose(-1, -2) / (width // self.heads) ** 0.5
        return self.output((scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, length, width))


class Convolution(nn.Module):
    """Norm, pointwise convolution, GLU, depthwise convolution, norm, SiLU, pointwise convolution."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(c.width)
        self.expand = nn.Linear(c.width, 2 * c.width)
        self.depthwise = nn.Conv1d(c.width, c.width, c.kernel, padding=c.kernel // 2, groups=c.width)
        if c.norm == "layer":
            self.innerNorm = nn.LayerNorm(c.width)
        else:
            self.batchNorm = nn.BatchNorm1d(c.width)
        self.contract = nn.Linear(c.width, c.width)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.depthwise(functional.glu(self.expand(self.norm(x)), dim=-1).transpose(1, 2))
        if hasattr(self, "innerNorm"):
            inner = self.innerNorm(mixed.transpose(1, 2))
        else:
            inner = self.batchNorm(mixed).transpose(1, 2)
        return self.contract(functional.silu(inner))


class Block(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, norm."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.firstFeedForward = FeedForward(c)
        self.attentionNorm = nn.LayerNorm(c.width)
        self.attention = Attention(c)
        self.convolution = Convolution(c)
        self.secondFeedForward = FeedForward(c)
        self.finalNorm = nn.LayerNorm(c.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.firstFeedForward(x)
        x = x + self.attention(self.attentionNorm(x))
        x = x + self.convolution(x)
        return self.finalNorm(x + 0.5 * self.secondFeedForward(x))


class Transducer(nn.Module):
    """Prediction network and joint."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.embedding = nn.Embedding(c.classes, c.predictionWidth)
        self.length = c.predictionContext
        if self.length == 0:
            self.recurrent = nn.LSTM(c.predictionWidth, c.predictionWidth, batch_first=True)
        else:
            self.context = nn.Linear(self.length * c.predictionWidth, c.predictionWidth)
        self.encodingMap = nn.Linear(c.width, c.jointWidth)
        self.predictionMap = nn.Linear(c.predictionWidth, c.jointWidth, bias=False)
        self.output = nn.Linear(c.jointWidth, c.classes)

    def forward(self, encodings: Tensor, labels: list[int]) -> Tensor:
        if self.length == 0:
            predictions = self.recurrent(self.embedding(torch.tensor([[0, *labels]])))[0]
        else:
            seen = [0] * self.length + labels
            windows = [seen[u : u + self.length] for u in range(len(labels) + 1)]
            predictions = self.context(self.embedding(torch.tensor([windows])).flatten(2)).tanh()
        pairs = self.encodingMap(encodings)[:, :, None] + self.predictionMap(predictions)[:, None]
        return self.output(pairs.tanh())


class Conformer(nn.Module):
    """The encoder with one of its heads."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.subsampling = Subsampling(c)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.classifier = nn.Linear(c.width, c.classes) if c.head == "ctc" else None
        self.transducer = Transducer(c) if c.head == "transducer" else None

    def forward(self, features: Tensor, labels: list[int]) -> Tensor:
        x = self.subsampling(features)
        for block in self.blocks:
            x = block(x)
        return self.classifier(x) if self.transducer is None else self.transducer(x, labels)


OUR_NAMES = {
    "weight_ih_l0": "inputMap.weight",
    "bias_ih_l0": "inputMap.bias",
    "weight_hh_l0": "recurrentMap.weight",
    "bias_hh_l0": "recurrentMap.bias",
    "running_mean": "runningMean",
    "running_var": "runningVariance",
}


def our_name(name: str) -> str:
    """What we call a tensor of PyTorch's."""
    parent, _, last = name.rpartition(".")
    return f"{parent}.{OUR_NAMES.get(last, last)}"


def randomise(model: nn.Module, generator: torch.Generator) -> None:
    """Gives every tensor random numbers: matrices scaled by their inputs, variances positive, norms around one."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        scale = tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.3
        offset = 1.0 if "orm.weight" in name else 0.0
        tensor.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else offset + scale * drawn)


def write_case(name: str, c: Configuration, seed: int) -> None:
    """Writes one model with its answers."""
    generator = torch.Generator().manual_seed(seed)
    model = Conformer(c).double().eval()
    randomise(model, generator)
    features = torch.full((len(FRAMES), max(FRAMES) + 6, c.mels), 1e3, dtype=torch.float64)
    tensors: Tensors = {
        f"parameters/{our_name(n)}": t.numpy().copy()
        for n, t in model.state_dict().items()
        if t.is_floating_point()
    }
    loss = torch.zeros((), dtype=torch.float64)
    for k, (count, labels) in enumerate(zip(FRAMES, LABELS)):
        own = torch.randn((1, count, c.mels), generator=generator, dtype=torch.float64)
        features[k, :count] = own[0]
        logits = model(own, labels)[0]
        projection = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
        loss = loss + (logits * projection).sum()
        tensors |= {f"logits/{k}": logits.detach().numpy(), f"projection/{k}": projection.numpy()}
    loss.backward()
    tensors["features"] = features.numpy()
    for n, parameter in model.named_parameters():
        tensors[f"gradients/{our_name(n)}"] = parameter.grad.numpy()
    metadata = {
        "configuration": json.dumps(asdict(c)), "frames": json.dumps(FRAMES), "labels": json.dumps(LABELS),
    }
    write_file(FOLDER / f"{name}.safetensors", tensors, metadata)


def main() -> None:
    """Writes every kind of head and norm."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plain = Configuration()
    cases = {
        "ctc": plain,
        "ctc-batch-norm": replace(plain, norm="batch"),
        "transducer": replace(plain, head="transducer"),
        "transducer-context": replace(plain, head="transducer", predictionContext=2),
    }
    for seed, (name, configuration) in enumerate(cases.items()):
        write_case(name, configuration, 40 + seed)
    print(f"{len(cases)} files written to {FOLDER}")


if __name__ == "__main__":
    main()
