"""The vector-quantized autoencoder: `vq`, on one batch of images 3 x 32 x 32."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(
            nn.GroupNorm(1, width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


class Autoencoder(nn.Module):
    def __init__(self, channels: int, width: int, blocks: int, halvings: int, codes: int, code_width: int) -> None:
        super().__init__()
        encoder: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
        decoder: list[nn.Module] = [nn.Conv2d(code_width, width, 1)]
        for _ in range(halvings):
            encoder += [nn.ReLU(), nn.Conv2d(width, width, 4, stride=2, padding=1)]
            encoder += [Block(width) for _ in range(blocks)]
            decoder += [Block(width) for _ in range(blocks)]
            decoder += [nn.ReLU(), nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2)]
        encoder += [nn.Conv2d(width, code_width, 1)]
        decoder += [nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1)]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.codebook = nn.Parameter(torch.randn(codes, code_width) / math.sqrt(code_width))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        z = self.encoder(images).permute(0, 2, 3, 1)
        book = self.codebook.detach()
        codes = (z.detach() @ book.T - book.square().sum(1) / 2).argmax(-1)
        chosen = F.embedding(codes, self.codebook)
        through = chosen.detach() + (z - z.detach())
        outputs = self.decoder(through.permute(0, 3, 1, 2))
        return outputs, F.mse_loss(z, chosen.detach()), F.mse_loss(chosen, z.detach())


def vq(batch: int):
    images = torch.rand(batch, 3, 32, 32)
    constant = math.log(2 * math.pi * 0.01) / 2

    def loss(model: nn.Module) -> torch.Tensor:
        outputs, commitment, codebook = model(images)
        likelihood = (images - outputs).square().mean() / (2 * 0.01) + constant
        return likelihood + 0.25 * commitment + codebook

    return lambda: Autoencoder(3, 64, 2, 2, 512, 32), loss


NETWORKS = {"vq": vq}
