#!/usr/bin/env python3
"""The networks that `fisher bench step --on-request` trains, in PyTorch.

    training_peers.py --network tiny --batch 16 --threads 2 OPTIMIZER ...

With ", autocast" at the end of its name an optimizer's forward pass is in bfloat16, by torch.autocast. The protocol is that
of the Swift side: each line of standard input names an optimizer by its position and a number of steps, and is answered by
the seconds of a step. The networks are in the folder twins.
"""

import argparse
import contextlib
import os
import sys
import time

import torch
from torch import nn

from twins import networks

AUTOCAST = ", autocast"


def make(name: str, model: nn.Module) -> torch.optim.Optimizer:
    if name == "torch.AdamW(fused)":
        return torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    if name == "pytorch_optimizer.FAdam":
        import pytorch_optimizer

        return pytorch_optimizer.FAdam(model.parameters(), lr=1e-3)
    raise SystemExit(f"training_peers.py: {name} is not known")


def main() -> None:
    known = networks()
    parser = argparse.ArgumentParser(description="Training steps in PyTorch for fisher bench")
    parser.add_argument("--network", choices=known, default="tiny")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("optimizers", nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    create, loss = known[arguments.network](arguments.batch)
    pairs = []
    for full_name in arguments.optimizers:
        name = full_name.removesuffix(AUTOCAST)
        model = create()
        pairs.append((model, make(name, model), name != full_name))

    def step(model: nn.Module, optimizer: torch.optim.Optimizer, casts: bool) -> float:
        with torch.autocast("cpu", torch.bfloat16) if casts else contextlib.nullcontext():
            value = loss(model)
        value.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return value.item()

    for pair in pairs:
        step(*pair)
    print("ready", sum(p.numel() for p in pairs[0][0].parameters()), flush=True)
    for line in sys.stdin:
        position, steps = map(int, line.split())
        begin = time.perf_counter()
        for _ in range(steps):
            step(*pairs[position])
        print((time.perf_counter() - begin) / steps, flush=True)


if __name__ == "__main__":
    main()
