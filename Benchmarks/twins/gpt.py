"""The byte-level GPT: `gpt` on one batch of sequences, and `tiny`, `small`, `base` on windows of a text."""

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {"tiny": (128, 128, 4, 4), "small": (256, 384, 6, 6), "base": (512, 768, 12, 12)}


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, positions, width = x.shape
        parts = self.query_key_value(self.attention_norm(x)).view(batch, positions, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).reshape(batch, positions, width))
        return x + self.contract(F.gelu(self.expand(self.feed_forward_norm(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(256, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 256, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        return self.head(self.norm(self.blocks(hidden)))


def cross_entropy(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def language(size: str):
    def network(batch: int):
        context = SIZES[size][0]
        text = torch.randint(0, 256, (1 << 20,))

        def loss(model: nn.Module) -> torch.Tensor:
            starts = torch.randint(0, len(text) - context, (batch,))
            windows = text[starts[:, None] + torch.arange(context + 1)]
            return cross_entropy(model, windows[:, :-1], windows[:, 1:])

        return lambda: GPT(*SIZES[size]), loss

    return network


def gpt(batch: int):
    tokens = (torch.arange(batch * 64) * 7 % 256).view(batch, 64)
    following = ((torch.arange(batch * 64) + 1) * 7 % 256).view(batch, 64)
    return lambda: GPT(64, 128, 4, 4), lambda model: cross_entropy(model, tokens, following)


NETWORKS = {"gpt": gpt} | {size: language(size) for size in SIZES}
