"""Writes `Tests/Fixtures/pytorch-plateau/plateau.json`: learning rates of torch.optim.lr_scheduler.ReduceLROnPlateau.

Settings and losses are drawn from a seed, and the settings are those that a plateau schedule has here: mode "min",
threshold_mode "rel", eps 0. The losses are positive: below zero PyTorch takes a loss for better that is worse than the best
by the threshold, best (1 - threshold), while the schedule here asks for less than best - threshold |best|.
"""

import json
import random
from pathlib import Path

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

FILE = Path(__file__).parent.parent / "Tests" / "Fixtures" / "pytorch-plateau" / "plateau.json"
CASES, LOSSES = 24, 40


def case(draw: random.Random) -> dict[str, object]:
    """One schedule, and the rate after each of its losses."""
    settings = {
        "peak": draw.choice([1.0, 0.1, 2e-3]),
        "factor": draw.choice([0.1, 0.5, 0.9]),
        "patience": draw.choice([0, 1, 2, 5]),
        "threshold": draw.choice([0.0, 1e-4, 0.05]),
        "minimum": draw.choice([0.0, 1e-3, 0.05]),
        "cooldown": draw.choice([0, 1, 3]),
    }
    level, losses = 3.0, []
    for _ in range(LOSSES):
        level *= draw.choice([0.85, 0.97, 0.99999, 1.0, 1.0, 1.1])
        # A loss that is not finite is written as null.
        losses.append(None if draw.random() < 0.03 else level)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=settings["peak"])
    scheduler = ReduceLROnPlateau(
        optimizer,
        mode="min",
        threshold_mode="rel",
        factor=settings["factor"],
        patience=settings["patience"],
        threshold=settings["threshold"],
        min_lr=settings["minimum"],
        cooldown=settings["cooldown"],
        eps=0,
    )
    rates = []
    for loss in losses:
        scheduler.step(float("nan") if loss is None else loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return settings | {"losses": losses, "rates": rates}


if __name__ == "__main__":
    draw = random.Random(0)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps([case(draw) for _ in range(CASES)], separators=(",", ":")) + "\n")
