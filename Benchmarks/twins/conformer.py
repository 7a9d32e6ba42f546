"""The Conformer with connectionist temporal classification: `conformer` on one batch of utterances of 200 frames."""

import torch
from torch import nn
from torch.nn import functional as F

MELS, CLASSES, CHANNELS, WIDTH, BLOCKS, HEADS, KERNEL = 80, 32, 16, 64, 3, 4, 15
FRAMES, LABELS = 200, 12


class FeedForward(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.SiLU(), nn.Linear(4 * WIDTH, WIDTH))


class Attention(nn.Module):
    """Self-attention in both directions with rotary positions, computed once."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.query_key_value, self.output = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        half = WIDTH // HEADS // 2
        angles = torch.arange(positions)[:, None] * 10000.0 ** (-torch.arange(half) / half)
        self.cosine, self.sine = angles.cos(), angles.sin()

    def turned(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * self.cosine - b * self.sine, a * self.sine + b * self.cosine], dim=-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, positions, width = x.shape
        parts = self.query_key_value(self.norm(x)).view(batch, positions, 3, HEADS, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(self.turned(query), self.turned(key), value)
        return self.output(attended.transpose(1, 2).reshape(batch, positions, width))


class Convolution(nn.Module):
    """Norm, pointwise map, GLU, depthwise convolution, norm, SiLU, pointwise map."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.expand = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.depthwise = nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2, groups=WIDTH)
        self.inner_norm, self.contract = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.depthwise(F.glu(self.expand(self.norm(x)), dim=-1).transpose(1, 2)).transpose(1, 2)
        return self.contract(F.silu(self.inner_norm(mixed)))


class Block(nn.Module):
    def __init__(self, positions: int) -> None:
        super().__init__()
        self.before, self.behind = FeedForward(), FeedForward()
        self.attention, self.convolution = Attention(positions), Convolution()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 0.5 * self.before(x)
        x = x + self.attention(x)
        x = x + self.convolution(x)
        return self.norm(x + 0.5 * self.behind(x))


class Conformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, CHANNELS, 3, stride=2, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1)
        self.projection = nn.Linear(CHANNELS * MELS // 4, WIDTH)
        self.blocks = nn.Sequential(*[Block(FRAMES // 4) for _ in range(BLOCKS)])
        self.classifier = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        image = F.relu(self.second(F.relu(self.first(x[:, None]))))
        hidden = self.projection(image.transpose(1, 2).flatten(2))
        return self.classifier(self.blocks(hidden))


def conformer(batch: int):
    features = torch.randn(batch, FRAMES, MELS)
    labels = 1 + (7 * torch.arange(LABELS) + torch.arange(batch)[:, None]) % (CLASSES - 1)
    frames, lengths = torch.full((batch,), FRAMES // 4), torch.full((batch,), LABELS)

    def loss(model: nn.Module) -> torch.Tensor:
        scores = model(features).log_softmax(-1).transpose(0, 1)
        return F.ctc_loss(scores, labels, frames, lengths, reduction="sum") / batch

    return Conformer, loss


NETWORKS = {"conformer": conformer}
