#!/usr/bin/env python3
"""The Python libraries that `fisher bench information --on-request` is compared with.

    information_peers.py NETWORK.json --input 3,32,32 --batch 128 --threads 2 TASK ...

Tasks: plain (torch's forward and backward pass), nngeometry, backpack and vmap (the empirical diagonal with the
gradient), curvlinops (Kronecker factors at the data's labels). Network, batch and protocol are those of the Swift side:
each line of standard input names a task by its position and a number of runs, and is answered by the seconds of a run.
A task that its library cannot do is answered by `unable` and the reason.
"""

import argparse
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, positions, width = x.shape
        q, k, v = (
            part.view(batch, positions, self.heads, width // self.heads).transpose(1, 2)
            for part in self.query_key_value(x).split(width, -1))
        joined = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(joined.transpose(1, 2).reshape(batch, positions, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class GPT(nn.Module):
    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        places = torch.arange(tokens.shape[1]).expand_as(tokens)
        return self.head(self.norm(self.blocks(self.tokens(tokens) + self.positions(places))))


def layer(description: object) -> nn.Module:
    if isinstance(description, str):
        return {"relu": nn.ReLU, "flatten": nn.Flatten, "tanh": nn.Tanh, "gelu": nn.GELU}[description]()
    (name, value), = description.items()
    if name == "linear":
        return nn.Linear(*value)
    if name == "conv2d":
        return nn.Conv2d(value["in"], value["out"], value["kernel"], padding=value.get("padding", 0))
    if name == "max_pool2d":
        return nn.MaxPool2d(value)
    raise SystemExit(f"information_peers.py: no layer {name}")


class Problem:
    def __init__(self, path: str, shape: list[int], batch: int) -> None:
        with open(path, encoding="utf-8") as file:
            description = json.load(file)
        torch.manual_seed(1)
        self.is_gpt = "gpt" in description
        if self.is_gpt:
            sizes = description["gpt"]
            self.model = GPT(**sizes)
            count = batch * sizes["context"]
            numbers = torch.arange(count)
            self.inputs = (numbers * 7 % sizes["vocabulary"]).view(batch, -1)
            self.targets = ((numbers + 1) * 7 % sizes["vocabulary"]).view(batch, -1)
        else:
            self.model = nn.Sequential(*map(layer, description["layers"]))
            self.inputs = torch.randn(batch, *shape)
            self.targets = torch.arange(batch) % self.model(self.inputs[:1]).shape[1]
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]

    def loss(self, reduction: str = "mean") -> torch.Tensor:
        logits = self.model(self.inputs)
        return functional.cross_entropy(logits.flatten(0, -2), self.targets.flatten(), reduction=reduction)


def plain(problem: Problem):
    return lambda: torch.autograd.grad(problem.loss(), problem.parameters)


def vmap(problem: Problem):
    from torch.func import functional_call, grad, vmap

    values = {name: p.detach() for name, p in problem.model.named_parameters()}

    def one(values, x, y):
        logits = functional_call(problem.model, values, (x[None],))
        return functional.cross_entropy(logits.flatten(0, -2), y.reshape(-1), reduction="sum")

    by_sample = vmap(grad(one), in_dims=(None, 0, 0))

    def run():
        found = by_sample(values, problem.inputs, problem.targets)
        return [(g.sum(0), g.square_().sum(0)) for g in found.values()]

    return run


def backpack(problem: Problem):
    if problem.is_gpt:
        raise NotImplementedError("no per-sample squares of LayerNorm and of a user's attention")
    from backpack import backpack, extend
    from backpack.extensions import SumGradSquared

    model, loss = extend(problem.model), extend(nn.CrossEntropyLoss())

    def run():
        with backpack(SumGradSquared()):
            loss(model(problem.inputs), problem.targets).backward()
        found = [(p.grad, p.sum_grad_squared) for p in problem.parameters]
        for p in problem.parameters:
            p.grad = None
        return found

    return run


def nngeometry(problem: Problem):
    from nngeometry.backend import TorchHooksJacobianBackend
    from nngeometry.layercollection import LayerCollection
    from nngeometry.object.pspace import PMatDiag
    from torch.utils.data import DataLoader, TensorDataset

    model, inputs = problem.model, problem.inputs
    if problem.is_gpt:
        # It knows no embeddings: begin behind them.
        places = torch.arange(inputs.shape[1]).expand_as(inputs)
        inputs = (model.tokens(inputs) + model.positions(places)).detach()
        model = nn.Sequential(*model.blocks, model.norm, model.head)

    def score(x, y):
        logits = model(x)
        losses = functional.cross_entropy(logits.flatten(0, -2), y.flatten(), reduction="none")
        return losses.view(len(x), -1).sum(1, keepdim=True)

    layers = LayerCollection.from_model(model)
    generator = TorchHooksJacobianBackend(model=model, function=score, layer_collection=layers)
    examples = DataLoader(TensorDataset(inputs, problem.targets), batch_size=len(inputs))
    # Without the gradient, which would take another pass.
    return lambda: PMatDiag(generator=generator, examples=examples)


def curvlinops(problem: Problem):
    from curvlinops import KFACLinearOperator

    class Transposed(nn.Module):
        """Logits [batch, classes, positions], as the loss wants them."""

        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x).transpose(1, -1) if problem.is_gpt else self.inner(x)

    chosen = [parameter for module in problem.model.modules() if isinstance(module, (nn.Linear, nn.Conv2d))
              for parameter in module.parameters(recurse=False)]
    operator = KFACLinearOperator(
        Transposed(problem.model), nn.CrossEntropyLoss(), chosen, [(problem.inputs, problem.targets)],
        fisher_type="empirical", check_deterministic=False, separate_weight_and_bias=False)
    return operator.compute_kronecker_factors


TASKS = {"plain": plain, "vmap": vmap, "backpack": backpack, "nngeometry": nngeometry, "curvlinops": curvlinops}


def main() -> None:
    parser = argparse.ArgumentParser(description="Python peers for fisher bench information")
    parser.add_argument("network")
    parser.add_argument("--input", default="")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("tasks", nargs="+", choices=TASKS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    shape = [int(size) for size in arguments.input.split(",") if size]
    runs = []
    for name in arguments.tasks:
        # A library that extends a model in place must not slow down the others.
        problem = Problem(arguments.network, shape, arguments.batch)
        try:
            run = TASKS[name](problem)
            run()
            runs.append(run)
        except Exception as error:  # noqa: BLE001: whatever a library says is its answer
            runs.append(f"{type(error).__name__}: {error}".splitlines()[0])
    print("ready", sum(p.numel() for p in problem.parameters), flush=True)
    for line in sys.stdin:
        position, count = map(int, line.split())
        run = runs[position]
        if isinstance(run, str):
            print("unable", run, flush=True)
            continue
        begin = time.perf_counter()
        for _ in range(count):
            run()
        print((time.perf_counter() - begin) / count, flush=True)


if __name__ == "__main__":
    main()
