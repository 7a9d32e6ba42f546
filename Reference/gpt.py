"""Writes `Tests/Fixtures/gpt`: a small GPT in PyTorch, its logits, its loss and its gradients.

The parameters are the same numbers in float32 and in float64, so that the float64 files
also say how exact the float32 ones are.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tensor_file import Tensors, write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "gpt"
BATCH, LENGTH = 3, 7


@dataclass(frozen=True)
class Configuration:
    """The shape of a GPT."""

    vocabulary: int = 11
    width: int = 12
    heads: int = 3
    layers: int = 2
    context: int = 9
    tied: bool = True


class Attention(nn.Module):
    """Causal self-attention; queries, keys and values are the thirds of one projection."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.heads = c.heads
        self.queryKeyValue = nn.Linear(c.width, 3 * c.width)
        self.output = nn.Linear(c.width, c.width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        split = self.queryKeyValue(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // self.heads)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)
        return self.output((weights @ value).transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    """Two linear maps around GELU in its tanh approximation."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.expand = nn.Linear(c.width, 4 * c.width)
        self.contract = nn.Linear(4 * c.width, c.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(functional.gelu(self.expand(x), approximate="tanh"))


class Block(nn.Module):
    """A pre-norm residual block."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.attentionNorm = nn.LayerNorm(c.width, eps=1e-5)
        self.attention = Attention(c)
        self.feedForwardNorm = nn.LayerNorm(c.width, eps=1e-5)
        self.feedForward = FeedForward(c)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attentionNorm(x))
        return x + self.feedForward(self.feedForwardNorm(x))


class GPT(nn.Module):
    """Token and position embeddings, blocks, a final norm, and a head of its own or the embedding's."""

    def __init__(self, c: Configuration) -> None:
        super().__init__()
        self.tokenEmbedding = nn.Embedding(c.vocabulary, c.width)
        self.positionEmbedding = nn.Embedding(c.context, c.width)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.finalNorm = nn.LayerNorm(c.width, eps=1e-5)
        self.head = None if c.tied else nn.Linear(c.width, c.vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokenEmbedding(tokens) + self.positionEmbedding(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        x = self.finalNorm(x)
        return x @ self.tokenEmbedding.weight.T if self.head is None else self.head(x)


def randomise(model: GPT, generator: torch.Generator) -> None:
    """Gives every parameter, norms and biases too, random float32 numbers; norm weights are around one."""
    for name, parameter in model.named_parameters():
        is_matrix = parameter.ndim == 2 and "Embedding" not in name
        scale = 1.0 / math.sqrt(parameter.shape[-1]) if is_matrix else 0.3
        offset = 1.0 if name.endswith("Norm.weight") else 0.0
        parameter.data = offset + scale * torch.randn(parameter.shape, generator=generator)


def write_case(tied: bool, dtype: torch.dtype, label: str) -> None:
    """Writes one model with its answers."""
    c = Configuration(tied=tied)
    generator = torch.Generator().manual_seed(20 + tied)
    model = GPT(c)
    randomise(model, generator)
    model = model.to(dtype)
    inputs, targets = torch.randint(c.vocabulary, (2, BATCH, LENGTH), generator=generator)
    logits = model(inputs)
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()

    named = dict(model.named_parameters())
    tensors: Tensors = {f"parameters/{n}": p.detach().numpy() for n, p in named.items()}
    tensors |= {"inputs": inputs.numpy(), "targets": targets.numpy()}
    tensors |= {"logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
    tensors |= {f"gradients/{n}": p.grad.numpy() for n, p in named.items() if p.grad is not None}
    metadata = {key: str(value).lower() for key, value in asdict(c).items()}
    write_file(FOLDER / f"{'tied' if tied else 'untied'}-{label}.safetensors", tensors, metadata)


def main() -> None:
    """Writes both kinds of head in both precisions."""
    torch.set_num_threads(1)
    for tied in (True, False):
        write_case(tied, torch.float32, "f32")
        write_case(tied, torch.float64, "f64")
    print(f"4 files written to {FOLDER}")


if __name__ == "__main__":
    main()
