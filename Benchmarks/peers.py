#!/usr/bin/env python3
"""The Python optimizers that `fisher bench optimizers --on-request` is compared with.

    peers.py --parameters 124M --threads 4 OPTIMIZER ...

Parameters, gradients and the protocol are those of the Swift side: each line of standard input names an
optimizer by its position and a number of steps, and is answered by the seconds of a step.
"""

import argparse
import os
import sys
import time

import torch


def gpt(vocabulary: int, context: int, width: int, blocks: int, untied: bool) -> list[tuple[int, ...]]:
    block = [(width,), (width,), (3 * width, width), (3 * width,), (width, width), (width,), (width,), (width,),
             (4 * width, width), (4 * width,), (width, 4 * width), (width,)]
    head = [(vocabulary, width)] if untied else []
    return [(vocabulary, width), (context, width)] + blocks * block + [(width,), (width,)] + head


SETS = {
    "1M": gpt(256, 128, 128, 4, True),
    "3M": gpt(256, 256, 256, 4, True),
    "124M": gpt(50257, 1024, 768, 12, False),
}


def make(name: str, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    if name == "torch.AdamW(fused)":
        return torch.optim.AdamW(parameters, lr=1e-3, fused=True)
    if name == "torch.Adafactor":
        return torch.optim.Adafactor(parameters)
    import pytorch_optimizer

    if name == "pytorch_optimizer.FAdam":
        return pytorch_optimizer.FAdam(parameters, lr=1e-3)
    if name == "pytorch_optimizer.AdaFactor":
        return pytorch_optimizer.AdaFactor(parameters, lr=1e-3)
    # The intervals are those of the rules they are compared with; the rest is as the library has it.
    if name == "pytorch_optimizer.Muon":
        matrices = [p for p in parameters if p.ndim > 1]
        vectors = [p for p in parameters if p.ndim < 2]
        return pytorch_optimizer.Muon([dict(params=matrices, use_muon=True), dict(params=vectors, use_muon=False)])
    if name == "pytorch_optimizer.SOAP":
        return pytorch_optimizer.SOAP(parameters, precondition_frequency=10)
    if name == "pytorch_optimizer.Shampoo":
        return pytorch_optimizer.Shampoo(parameters, preconditioning_compute_steps=10)
    if name == "pytorch_optimizer.ScalableShampoo":
        return pytorch_optimizer.ScalableShampoo(
            parameters, preconditioning_compute_steps=10, start_preconditioning_step=1)
    raise SystemExit(f"peers.py: {name} is not known")


def main() -> None:
    parser = argparse.ArgumentParser(description="Python peers for fisher bench")
    parser.add_argument("--parameters", choices=SETS, default="1M")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("optimizers", nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    generator = torch.Generator().manual_seed(1)
    parameters = []
    for shape in SETS[arguments.parameters]:
        parameter = torch.nn.Parameter(torch.randn(shape, generator=generator) * 0.02)
        parameter.grad = torch.randn(shape, generator=generator) * 1e-3
        parameters.append(parameter)
    optimizers = [make(name, parameters) for name in arguments.optimizers]
    for optimizer in optimizers:
        optimizer.step()
    print("ready", sum(p.numel() for p in parameters), flush=True)
    for line in sys.stdin:
        position, steps = map(int, line.split())
        optimizer = optimizers[position]
        begin = time.perf_counter()
        for _ in range(steps):
            optimizer.step()
        print((time.perf_counter() - begin) / steps, flush=True)


if __name__ == "__main__":
    main()
