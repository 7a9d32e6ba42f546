"""Writes `Tests/Fixtures/vq`: a vector-quantized autoencoder in PyTorch, float64, with our parameter names.

    .venv/bin/python Reference/vector_quantized.py

A file holds `weights/<path>`, `images` [batch, channels, height, width] in [0, 1], `levels`, what came out (`outputs`
[batch, channels, height, width, parameters], `codes`, `commitment`, `codebook_loss`) and `gradients/<path>` of the sum of the
mean negative log-likelihood, 0.25 times the commitment and the codebook loss. `configuration` in the metadata holds the
sizes, `likelihood` the distribution.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tensor_file import Tensors, write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "vq"


class Block(nn.Sequential):
    """A residual block."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.GroupNorm(1, width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Autoencoder(nn.Module):
    """The twin of `VectorQuantizedAutoencoder`, whose codebook learns by gradient."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        width, blocks = sizes["hidden"], sizes["blocks"]
        encoder: list[nn.Module] = [nn.Conv2d(sizes["channels"], width, 3, padding=1)]
        for _ in range(sizes["halvings"]):
            encoder += [nn.ReLU(), nn.Conv2d(width, width, 4, stride=2, padding=1)]
            encoder += [Block(width) for _ in range(blocks)]
        encoder += [nn.Conv2d(width, sizes["codeWidth"], 1)]
        decoder: list[nn.Module] = [nn.Conv2d(sizes["codeWidth"], width, 1)]
        for _ in range(sizes["halvings"]):
            decoder += [Block(width) for _ in range(blocks)]
            decoder += [nn.ReLU(), nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2)]
        decoder += [nn.ReLU(), nn.Conv2d(width, sizes["channels"] * sizes["outputs"], 3, padding=1)]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.codebook = nn.Parameter(torch.randn(sizes["codes"], sizes["codeWidth"]))
        self.channels = sizes["channels"]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Outputs, codes, commitment and codebook loss."""
        z = self.encoder(images).permute(0, 2, 3, 1)
        codes = torch.cdist(z.detach().flatten(0, 2), self.codebook.detach()).argmin(1)
        chosen = self.codebook[codes].reshape(z.shape)
        through = z + (chosen - z).detach()
        out = self.decoder(through.permute(0, 3, 1, 2)).unflatten(1, (self.channels, -1))
        return (
            out.permute(0, 1, 3, 4, 2), codes.reshape(z.shape[:-1]),
            F.mse_loss(z, chosen.detach()), F.mse_loss(chosen, z.detach()),
        )


def negative_log_likelihood(outputs: Tensor, levels: Tensor, count: int, likelihood: str) -> Tensor:
    """The mean over channels of pixels."""
    if likelihood == "categorical":
        return F.cross_entropy(outputs.flatten(0, -2), levels.flatten())
    x = levels.double() / (count - 1)
    half = 0.5 / (count - 1)
    first = outputs[..., 0]
    if likelihood == "gaussian":
        return F.gaussian_nll_loss(first, x, torch.full_like(x, 0.01), full=True)
    if likelihood == "gaussian_learned":
        low = 2 * math.log(half)
        log_variance = low + F.softplus(outputs[..., 1] - low)
        return F.gaussian_nll_loss(first, x, log_variance.exp(), full=True, eps=0)
    low = math.log(3.2 * half)
    scale = (low + F.softplus(outputs[..., 1] - low)).exp()
    u = 0.8 * x + 0.1
    return -(torch.distributions.Laplace(first, scale).log_prob(u.logit()) - (u * (1 - u)).log()).mean()


def rename(path: str) -> str:
    """Our path of one of PyTorch's."""
    return "quantizer.codebook" if path == "codebook" else path


def main() -> None:
    """Writes a file for each likelihood."""
    torch.set_default_dtype(torch.float64)
    for seed, (likelihood, outputs) in enumerate(
        [("categorical", 5), ("gaussian", 1), ("gaussian_learned", 2), ("logit_laplace", 2)]
    ):
        torch.manual_seed(seed)
        sizes = {
            "height": 8, "width": 4, "channels": 1 + 2 * (seed % 2), "outputs": outputs, "codes": 6,
            "codeWidth": 3, "hidden": 4, "blocks": 1, "halvings": 1 + seed % 2, "restartAfter": 0,
        }
        model = Autoencoder(sizes)
        levels = torch.randint(0, 5, (3, sizes["channels"], sizes["height"], sizes["width"]))
        images = levels.double() / 4
        out, codes, commitment, codebook = model(images)
        loss = negative_log_likelihood(out, levels, 5, likelihood)
        (loss + 0.25 * commitment + codebook).backward()
        tensors: Tensors = {
            "images": images.numpy(), "levels": levels.numpy(), "outputs": out.detach().contiguous().numpy(),
            "codes": codes.numpy(), "commitment": commitment.detach().reshape(1).numpy(),
            "codebook_loss": codebook.detach().reshape(1).numpy(), "loss": loss.detach().reshape(1).numpy(),
        }
        for name, parameter in model.named_parameters():
            tensors[f"weights/{rename(name)}"] = parameter.detach().numpy()
            tensors[f"gradients/{rename(name)}"] = parameter.grad.numpy()
        # Swift's names and defaults of the sizes.
        full = sizes | {"learning": "gradient", "decay": 0.99}
        write_file(
            FOLDER / f"{likelihood}.safetensors", tensors,
            {"configuration": json.dumps(full), "likelihood": likelihood},
        )


main()
