"""Writes `Tests/Fixtures/likelihoods`: PyTorch's own losses, gradients, divergences and informations.

    python3 -m venv .venv
    .venv/bin/pip install numpy==2.4.6 safetensors==0.8.0 torch==2.13.0
    .venv/bin/python Reference/likelihoods.py

Each file holds `outputs`, `other` (outputs of a second distribution), `vector`, `observed`, `loss` (one number
an observation), `gradient` (of the summed loss in the outputs), `divergence` (KL of the first distribution from
the second, summed over all), `fisher` (the information times `vector`) and, where there is one, `hessian` (the Hessian
of the summed loss times `vector`). Losses and divergences come from torch.nn.functional and
torch.distributions. The information is the Hessian of the divergence where the two distributions meet,
differentiated twice by autograd; PyTorch cannot do that at the kink of the Laplace divergence, where the
information is the integral of the squared score over a fine grid instead.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch import distributions as law
from torch.nn import functional

from tensor_file import Tensors, write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "likelihoods"
MASKED = -100
BINS = torch.tensor([-3.0, -1.5, -0.25, 0.0, 0.5, 2.0, 7.0], dtype=torch.float64)

Law = Callable[[Tensor], law.Distribution]
Loss = Callable[[Tensor, Tensor], Tensor]


def product(function: Callable[[Tensor], Tensor], at: Tensor, vector: Tensor) -> Tensor:
    """The Hessian of a function at a point, times a vector."""
    point = at.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(point), point, create_graph=True)
    return torch.autograd.grad((slope * vector).sum(), point)[0]


def write_case(
    name: str,
    outputs: Tensor,
    observed: Tensor,
    loss: Loss,
    distribution: Law,
    generator: torch.Generator,
    fisher: Callable[[Tensor, Tensor], Tensor] | None = None,
    hessian: bool = True,
    metadata: dict[str, str] | None = None,
) -> None:
    """Writes one likelihood with its answers."""
    other = outputs + 0.5 * torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype)
    vector = torch.randn(outputs.shape, generator=generator, dtype=outputs.dtype)
    point = outputs.clone().requires_grad_()
    losses = loss(point, observed)
    (gradient,) = torch.autograd.grad(losses.sum(), point)

    def divergence(a: Tensor, b: Tensor) -> Tensor:
        return law.kl_divergence(distribution(a), distribution(b)).sum()

    if fisher is None:
        information = product(lambda z: divergence(outputs, z), outputs, vector)
    else:
        information = fisher(outputs, vector)
    answers: dict[str, Tensor] = {
        "outputs": outputs,
        "other": other,
        "vector": vector,
        "observed": observed,
        "loss": losses,
        "gradient": gradient,
        "divergence": divergence(outputs, other),
        "fisher": information,
    }
    if hessian:
        answers["hessian"] = product(lambda z: loss(z, observed).sum(), outputs, vector)
    tensors: Tensors = {key: value.detach().contiguous().numpy() for key, value in answers.items()}
    write_file(FOLDER / f"{name}.safetensors", tensors, metadata or {})


def halves(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """The two halves of the last axis."""
    first, second = outputs.chunk(2, dim=-1)
    return first, second


def categorical_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy, a number a position."""
    flat = functional.cross_entropy(
        logits.flatten(0, -2), targets.flatten(), ignore_index=MASKED, reduction="none"
    )
    return flat.view(targets.shape)


def bernoulli_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over the bits that were observed."""
    seen = targets != MASKED
    terms = functional.binary_cross_entropy_with_logits(
        logits, torch.where(seen, targets, 0.0), weight=seen.to(logits.dtype), reduction="none"
    )
    return terms.sum(-1)


def pixel_loss(logits: Tensor, levels: Tensor) -> Tensor:
    """Cross-entropy over the levels of each channel, computed a channel at a time; one number a subpixel."""
    count = logits.shape[1] // levels.shape[1]
    channels = [
        functional.cross_entropy(logits[:, c * count : (c + 1) * count], levels[:, c], reduction="none")
        for c in range(levels.shape[1])
    ]
    return torch.stack(channels, dim=1)


def learned_normal(outputs: Tensor) -> law.Normal:
    """The normal distribution of means and log-variances."""
    mean, log_variance = halves(outputs)
    return law.Normal(mean, (log_variance / 2).exp())


def two_hot(values: Tensor) -> Tensor:
    """The weights of the bins, by searching for the bins beside each value."""
    right = np.clip(np.searchsorted(BINS.numpy(), values.numpy(), side="right"), 1, len(BINS) - 1)
    left = right - 1
    lower, upper = BINS[left], BINS[right]
    weights = torch.zeros((*values.shape, len(BINS)), dtype=torch.float64)
    weights.scatter_(-1, torch.from_numpy(left)[..., None], ((upper - values) / (upper - lower))[..., None])
    weights.scatter_(-1, torch.from_numpy(right)[..., None], ((values - lower) / (upper - lower))[..., None])
    return weights


def two_hot_loss(logits: Tensor, values: Tensor) -> Tensor:
    """Cross-entropy against the weights of the bins."""
    flat = functional.cross_entropy(logits.flatten(0, -2), two_hot(values).flatten(0, -2), reduction="none")
    return flat.view(values.shape)


def laplace(outputs: Tensor) -> law.Laplace:
    """The distribution of the logit."""
    location, log_scale = halves(outputs)
    return law.Laplace(location, log_scale.exp())


def logit_laplace_loss(outputs: Tensor, intensities: Tensor) -> Tensor:
    """The density of a Laplace variable behind a sigmoid."""
    mapped = 0.8 * intensities + 0.1
    density = law.TransformedDistribution(laplace(outputs), [law.transforms.SigmoidTransform()])
    return -density.log_prob(mapped).sum(-1)


def laplace_fisher(outputs: Tensor, vector: Tensor) -> Tensor:
    """The integral of the score's outer product over quantiles, times a vector.

    Quantiles between the points of a uniform grid stand for the distribution. The kink of the density falls
    between two of them; the tails, cut at 0.5/n, leave the score of the scale short by about log(n)^2/n.
    """
    count = 400_000
    uniform = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    answer = torch.zeros_like(outputs)
    half = outputs.shape[-1] // 2
    for row in range(outputs.shape[0]):
        for j in range(half):
            both = [j, j + half]
            pair = outputs[row, both].expand(count, 2).clone().requires_grad_()
            distribution = law.Laplace(pair[:, 0], pair[:, 1].exp())
            draws = distribution.icdf(uniform).detach()
            (score,) = torch.autograd.grad(-distribution.log_prob(draws).sum(), pair)
            information = score.T @ score / count
            answer[row, both] = information @ vector[row, both]
    return answer


def main() -> None:
    """Writes every likelihood, in float64."""
    torch.set_num_threads(1)
    g = torch.Generator().manual_seed(5)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=g, dtype=torch.float64)

    targets = torch.randint(6, (4, 3), generator=g)
    targets[1, 2] = MASKED
    targets[3, 0] = MASKED
    write_case(
        "categorical",
        2 * normal(4, 3, 6),
        targets,
        categorical_loss,
        lambda z: law.Categorical(logits=z),
        g,
    )

    bits = torch.randint(2, (5, 4), generator=g).double()
    bits[0, 1] = MASKED
    bits[2] = MASKED
    bits[4, 3] = 0.3
    write_case("bernoulli", 3 * normal(5, 4), bits, bernoulli_loss, lambda z: law.Bernoulli(logits=z), g)

    def normal_loss(variance: float) -> Loss:
        return lambda z, y: -law.Normal(z, variance**0.5).log_prob(y).sum(-1)

    for variance in (1.0, 0.35):
        write_case(
            f"gaussian-{variance}",
            normal(3, 2, 4),
            normal(3, 2, 4),
            normal_loss(variance),
            lambda z, v=variance: law.Normal(z, torch.full_like(z, v**0.5)),
            g,
            metadata={"variance": str(variance)},
        )
    write_case(
        "gaussian-learned",
        normal(5, 6),
        normal(5, 3),
        lambda z, y: functional.gaussian_nll_loss(
            halves(z)[0], y, halves(z)[1].exp(), full=True, reduction="none", eps=1e-12
        ).sum(-1),
        learned_normal,
        g,
        hessian=False,
    )

    values = torch.rand((6,), generator=g, dtype=torch.float64) * 10 - 3
    values[0], values[1], values[2] = BINS[0], BINS[-1], BINS[3]
    write_case(
        "two-hot",
        normal(6, len(BINS)),
        values,
        two_hot_loss,
        lambda z: law.Categorical(logits=z),
        g,
        metadata={"bins": ",".join(str(b) for b in BINS.tolist())},
    )

    intensities = torch.rand((4, 3), generator=g, dtype=torch.float64)
    intensities[0, 0], intensities[0, 1] = 0.0, 1.0
    write_case(
        "logit-laplace",
        0.7 * normal(4, 6),
        intensities,
        logit_laplace_loss,
        laplace,
        g,
        fisher=laplace_fisher,
        hessian=False,
    )

    levels = torch.randint(256, (1, 3, 1, 2), generator=g)
    logits = normal(1, 3 * 256, 1, 2)
    write_case(
        "pixels",
        logits,
        levels,
        pixel_loss,
        lambda z: law.Categorical(logits=z.view(1, 3, 256, 1, 2).movedim(2, -1)),
        g,
    )
    print(f"{len(list(FOLDER.glob('*.safetensors')))} files in {FOLDER}")


if __name__ == "__main__":
    main()
