#!/usr/bin/env python3
"""The same GPT in PyTorch that `fisher bench step --on-request` trains.

    training_peers.py --size tiny --batch 16 --threads 2 OPTIMIZER ...

The protocol is that of the Swift side: each line of standard input names an optimizer by its position and a
number of steps, and is answered by the seconds of a step.
"""

import argparse
import os
import sys
import time

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


def make(name: str, model: nn.Module) -> torch.optim.Optimizer:
    if name == "torch.AdamW(fused)":
        return torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    if name == "pytorch_optimizer.FAdam":
        import pytorch_optimizer

        return pytorch_optimizer.FAdam(model.parameters(), lr=1e-3)
    raise SystemExit(f"training_peers.py: {name} is not known")


def main() -> None:
    parser = argparse.ArgumentParser(description="Training steps in PyTorch for fisher bench")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("optimizers", nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    context = SIZES[arguments.size][0]
    text = torch.randint(0, 256, (1 << 20,))
    pairs = []
    for name in arguments.optimizers:
        model = GPT(*SIZES[arguments.size])
        pairs.append((model, make(name, model)))

    def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> float:
        starts = torch.randint(0, len(text) - context, (arguments.batch,))
        windows = text[starts[:, None] + torch.arange(context + 1)]
        loss = F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

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
