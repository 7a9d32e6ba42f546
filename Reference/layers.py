"""Writes `Tests/Fixtures/layers`: layers of PyTorch in float64 with their outputs and gradients.

    python3 -m venv .venv && .venv/bin/pip install -r Reference/requirements.txt
    .venv/bin/python Reference/layers.py

A file is one layer. It holds `parameters/<name>` under our names, `inputs`, `output`,
`projection` (the loss is the sum of output times projection), `gradients/<name>` and
`gradients/inputs`; where a call changes the layer, `after/<name>`. `layer` in the
metadata describes it in the form of a network specification.
"""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from tensor_file import Tensors, write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "layers"

OUR_NAMES = {
    "running_mean": "runningMean",
    "running_var": "runningVariance",
    "weight_ih_l0": "inputMap.weight",
    "bias_ih_l0": "inputMap.bias",
    "weight_hh_l0": "recurrentMap.weight",
    "bias_hh_l0": "recurrentMap.bias",
}


class FirstOutput(nn.Module):
    """The hidden states alone, of a layer that also gives its last state."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)[0]


def convolution(rank: int, **options: object) -> tuple[nn.Module, dict[str, object]]:
    """A convolution of PyTorch and its description."""
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[rank]
    names = {"in": "in_channels", "out": "out_channels", "kernel": "kernel_size"}
    theirs = {
        names.get(key, key): tuple(value) if isinstance(value, list) else value
        for key, value in options.items()
    }
    return kind(**theirs), {f"conv{rank}d": options}


def convolutions() -> dict[str, tuple[nn.Module, dict[str, object], list[int]]]:
    """Convolutions with every option varied, alone and together."""
    lines = {
        "conv1d-plain": {"in": 3, "out": 4, "kernel": 3},
        "conv1d-strided": {"in": 3, "out": 4, "kernel": 4, "stride": 3, "padding": 2, "bias": False},
        "conv1d-grouped": {"in": 4, "out": 6, "kernel": 3, "padding": 3, "dilation": 2, "groups": 2},
        "conv1d-depthwise": {"in": 3, "out": 6, "kernel": 2, "stride": 2, "groups": 3},
    }
    images = {
        "conv2d-plain": {"in": 2, "out": 3, "kernel": 3},
        "conv2d-pointwise": {"in": 4, "out": 5, "kernel": 1, "bias": False},
        "conv2d-padded": {"in": 1, "out": 4, "kernel": 3, "stride": 1, "padding": 1},
        "conv2d-strided": {"in": 2, "out": 4, "kernel": [3, 2], "stride": [2, 3], "padding": [2, 1]},
        "conv2d-dilated": {"in": 3, "out": 2, "kernel": [2, 3], "dilation": [3, 2], "padding": [1, 2]},
        "conv2d-grouped": {
            "in": 4, "out": 6, "kernel": 3, "stride": 2, "padding": 2, "dilation": [1, 2], "groups": 2,
        },
        "conv2d-depthwise": {"in": 3, "out": 3, "kernel": 3, "padding": 1, "groups": 3, "bias": False},
    }
    cases = {name: (*convolution(1, **o), [2, o["in"], 11]) for name, o in lines.items()}
    return cases | {name: (*convolution(2, **o), [2, o["in"], 7, 8]) for name, o in images.items()}


def others() -> dict[str, tuple[nn.Module, object, list[int]]]:
    """Every other layer."""
    return {
        "linear": (nn.Linear(4, 5), {"linear": [4, 5]}, [3, 4]),
        "linear-positions": (
            nn.Linear(4, 5, bias=False), {"linear": {"in": 4, "out": 5, "bias": False}}, [2, 3, 4],
        ),
        "layer-norm": (nn.LayerNorm(6), {"layer_norm": 6}, [2, 3, 6]),
        "group-norm": (nn.GroupNorm(2, 6), {"group_norm": {"groups": 2, "channels": 6}}, [2, 6, 3, 4]),
        "group-norm-vectors": (
            nn.GroupNorm(3, 6, eps=0.1), {"group_norm": {"groups": 3, "channels": 6, "epsilon": 0.1}}, [4, 6],
        ),
        "batch-norm-vectors": (nn.BatchNorm1d(4), {"batch_norm": 4}, [5, 4]),
        "batch-norm-lines": (
            nn.BatchNorm1d(3, eps=0.01, momentum=0.3),
            {"batch_norm": {"channels": 3, "epsilon": 0.01, "momentum": 0.3}},
            [2, 3, 5],
        ),
        "batch-norm-images": (nn.BatchNorm2d(3), {"batch_norm": 3}, [2, 3, 4, 5]),
        "batch-norm-evaluated": (nn.BatchNorm2d(3).eval(), {"batch_norm": 3}, [2, 3, 4, 5]),
        "lstm": (FirstOutput(nn.LSTM(3, 4, batch_first=True)), {"lstm": [3, 4]}, [2, 5, 3]),
        "max-pool": (nn.MaxPool2d(2), {"max_pool2d": 2}, [2, 3, 6, 7]),
        "max-pool-overlapping": (
            nn.MaxPool2d((3, 2), stride=(2, 1), padding=1),
            {"max_pool2d": {"kernel": [3, 2], "stride": [2, 1], "padding": 1}},
            [2, 3, 6, 7],
        ),
        "max-pool-dilated": (
            nn.MaxPool2d(2, stride=1, dilation=2),
            {"max_pool2d": {"kernel": 2, "stride": 1, "dilation": 2}},
            [2, 3, 6, 7],
        ),
        "average-pool": (nn.AvgPool2d(2), {"average_pool2d": 2}, [2, 3, 6, 7]),
        "average-pool-padded": (
            nn.AvgPool2d(3, stride=2, padding=1),
            {"average_pool2d": {"kernel": 3, "stride": 2, "padding": 1}},
            [2, 3, 6, 7],
        ),
        "adaptive-average-pool": (
            nn.AdaptiveAvgPool2d((2, 3)), {"adaptive_average_pool2d": [2, 3]}, [2, 3, 5, 7],
        ),
        "flatten": (nn.Flatten(), "flatten", [2, 3, 2, 2]),
        "tanh": (nn.Tanh(), "tanh", [3, 4]),
        "relu": (nn.ReLU(), "relu", [3, 4]),
        "sigmoid": (nn.Sigmoid(), "sigmoid", [3, 4]),
        "gelu": (nn.GELU(), "gelu", [3, 4]),
        "gelu-tanh": (nn.GELU(approximate="tanh"), "gelu_tanh", [3, 4]),
    }


class PositionEmbedding(nn.Module):
    """Learned vectors for positions, and a class token if there is to be one."""

    def __init__(self, positions: int, width: int, token: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(positions + token, width))
        if token:
            self.classToken = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "classToken"):
            x = torch.cat([self.classToken.expand(x.shape[0], 1, -1), x], dim=1)
        return x + self.weight


class SelfAttention(nn.Module):
    """Softmax of scaled products, written out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.queryKeyValue, self.output, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        q, k, v = self.queryKeyValue(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        seen = torch.softmax(q @ k.transpose(2, 3) / (d // self.heads) ** 0.5, dim=-1) @ v
        return self.output(seen.transpose(1, 2).reshape(n, t, d))


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def sequences() -> dict[str, tuple[nn.Module, object, list[int]]]:
    """The layers of a vision transformer."""
    token = {"position_embedding": {"positions": 4, "width": 6, "class_token": True}}
    return {
        "tokens": (Function(lambda x: x.flatten(2).transpose(1, 2)), "tokens", [2, 3, 4, 5]),
        "mean-over-positions": (Function(lambda x: x.mean(1)), "mean_over_positions", [2, 4, 3]),
        "first-position": (Function(lambda x: x[:, 0]), "first_position", [2, 4, 3]),
        "position-embedding": (PositionEmbedding(4, 6, False), {"position_embedding": [4, 6]}, [3, 4, 6]),
        "position-embedding-token": (PositionEmbedding(4, 6, True), token, [3, 4, 6]),
        "self-attention": (SelfAttention(6, 2), {"self_attention": [6, 2]}, [2, 5, 6]),
    }


class GraphConvolution(nn.Module):
    """Kipf and Welling's propagation, the matrix written out, of rows that hold a graph and its nodes' vectors."""

    def __init__(self, inputs: int, outputs: int, keep_graph: bool) -> None:
        super().__init__()
        self.map, self.keep_graph = nn.Linear(inputs, outputs), keep_graph

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        graph, features = x[..., :n], x[..., n:]
        looped = graph + torch.eye(n, dtype=x.dtype)
        scale = torch.diag_embed(looped.sum(2) ** -0.5)
        y = scale @ looped @ scale @ features @ self.map.weight.T + self.map.bias
        return torch.cat([graph, y], 2) if self.keep_graph else y


def graphs(generator: torch.Generator) -> dict[str, tuple[nn.Module, object, Tensor]]:
    """Graph convolutions on random graphs, one with weighted edges, one with a node that has none."""
    drawn = torch.rand([2, 6, 6], generator=generator, dtype=torch.float64)
    plain = (drawn > 0.5).double().triu(1)
    plain[1, 0] = 0
    weighted = drawn.triu(1)

    def rows(upper: Tensor) -> Tensor:
        features = torch.randn([2, 6, 3], generator=generator, dtype=torch.float64)
        return torch.cat([upper + upper.transpose(1, 2), features], 2).requires_grad_()

    return {
        "graph-convolution": (GraphConvolution(3, 4, False), {"graph_convolution": [3, 4]}, rows(plain)),
        "graph-convolution-kept": (
            GraphConvolution(3, 4, True), {"graph_convolution": {"in": 3, "out": 4, "keep_graph": True}},
            rows(weighted),
        ),
    }


def our_name(name: str) -> str:
    """What we call a tensor of PyTorch's."""
    name = name.removeprefix("inner.")
    return OUR_NAMES.get(name, name)


def randomise(layer: nn.Module, generator: torch.Generator) -> None:
    """Gives every parameter and buffer random numbers, variances positive ones."""
    for name, tensor in layer.state_dict().items():
        if not tensor.is_floating_point():
            continue
        drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        tensor.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn * 0.5)


def write_case(name: str, layer: nn.Module, description: object, inputs: Tensor, draw: torch.Generator) -> None:
    """Writes one layer with its answers."""
    layer = layer.double()
    randomise(layer, draw)
    before = {n: t.clone() for n, t in layer.state_dict().items() if t.is_floating_point()}
    output = layer(inputs)
    projection = torch.randn(output.shape, generator=draw, dtype=torch.float64)
    (output * projection).sum().backward()

    tensors: Tensors = {f"parameters/{our_name(n)}": t.numpy() for n, t in before.items()}
    tensors |= {"inputs": inputs.detach().numpy(), "output": output.detach().numpy()}
    tensors["projection"] = projection.numpy()
    for n, parameter in layer.named_parameters():
        tensors[f"gradients/{our_name(n)}"] = parameter.grad.numpy()
    if inputs.grad is not None:
        tensors["gradients/inputs"] = inputs.grad.numpy()
    for n, buffer in layer.named_buffers():
        if buffer.is_floating_point():
            tensors[f"after/{our_name(n)}"] = buffer.numpy()
    metadata = {"layer": json.dumps(description), "training": str(layer.training).lower()}
    write_file(FOLDER / f"{name}.safetensors", {n: t.copy() for n, t in tensors.items()}, metadata)


def main() -> None:
    """Writes every layer."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(30)
    torch.manual_seed(0)
    cases = convolutions() | others()
    for name, (layer, description, shape) in cases.items():
        inputs = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        write_case(name, layer, description, inputs, generator)
    numbers = torch.randint(5, (3, 4), generator=generator)
    write_case("embedding", nn.Embedding(5, 3), {"embedding": [5, 3]}, numbers, generator)
    gates = {"silu": nn.SiLU(), "glu": nn.GLU()}
    for name, layer in gates.items():
        inputs = torch.randn([3, 4], generator=generator, dtype=torch.float64, requires_grad=True)
        write_case(name, layer, name, inputs, generator)
    others_of_transformers = sequences()
    for name, (layer, description, shape) in others_of_transformers.items():
        inputs = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        write_case(name, layer, description, inputs, generator)
    others_on_graphs = graphs(generator)
    for name, (layer, description, inputs) in others_on_graphs.items():
        write_case(name, layer, description, inputs, generator)
    count = len(cases) + len(gates) + len(others_of_transformers) + len(others_on_graphs) + 1
    print(f"{count} files written to {FOLDER}")


if __name__ == "__main__":
    main()
