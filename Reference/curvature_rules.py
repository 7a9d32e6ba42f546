"""Rules that need more than a gradient, in float64 PyTorch, every matrix written out: AdaHessian and IVON with the
arithmetic of their authors' programs and given draws, TONGA, the correlated FAdam and the trust region of Newton and
Gauss-Newton. For Tests/Fixtures/curvature.

    pip install -r Reference/requirements.txt
    python Reference/curvature_rules.py

The networks, batches and brute-force matrices are those of natural_rules.py. Draws are in the files as
`draws/<step>/<number>/<parameter>`: signs for AdaHessian, standard normal numbers for IVON.
"""

import json
from pathlib import Path

import torch

from natural_rules import MODELS, Problem, STEPS, rms
from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests/Fixtures/curvature"
ADAHESSIAN = {"lr": 0.05, "beta2": 0.9}
IVON = {"lr": 0.3, "ess": 50, "beta2": 0.9, "hess_init": 0.7, "weight_decay": 1e-2}
RULES = {
    "adahessian": ("adahessian", ADAHESSIAN),
    "adahessian-half": ("adahessian", ADAHESSIAN | {"hessian_power": 0.5, "weight_decay": 0.1, "draws": 2}),
    "adahessian-blocks": ("adahessian", ADAHESSIAN | {"block_size": 4}),
    "adahessian-signed": ("adahessian", ADAHESSIAN | {"block_size": 3, "spatial_average": "signed"}),
    "ivon": ("ivon", IVON),
    "ivon-draws": ("ivon", IVON | {"draws": 3, "clip_radius": 0.5}),
    "ivon-squares": ("ivon", IVON | {"hess_approx": "gradsq", "debias": False, "rescale_lr": False}),
    "tonga": ("tonga", {"lr": 0.05, "damping": 1e-2, "decay": 0.8, "rank": 2, "basis_interval": 3}),
    "newton-region": ("newton", {"trust_radius": 0.4, "tolerance": 1e-13}),
    "gauss-newton-region": ("gauss_newton", {"trust_radius": 0.3, "tolerance": 1e-13, "maximum_trust_radius": 0.5}),
    "correlated": ("correlated_fadam", {"lr": 0.02, "labels": "exact", "basis_interval": 10}),
    "correlated-empirical": (
        "correlated_fadam", {"lr": 0.02, "labels": "empirical", "basis_interval": 2, "power": 0.7, "factor_decay": 0.6}),
    "correlated-rank": (
        "correlated_fadam",
        {"lr": 0.02, "basis": "none", "rank": 2, "basis_interval": 3, "correlation": 0.8, "beta2": 0.9}),
    "correlated-rank-one": (
        "correlated_fadam",
        {"lr": 0.02, "basis": "none", "rank": 1, "basis_interval": 2, "correlation": 0.6, "beta2": 0.8, "power": 1.0,
         "epsilon": 1e-3}),
}
LONGER = 9  # updates: three decompositions of TONGA and the low-rank part


def drawn(problem, kind, count):
    """Directions for each parameter."""
    def one(p):
        return 2.0 * torch.randint(0, 2, p.shape) - 1 if kind == "signs" else torch.randn(p.shape)
    return [[one(p) for p in problem.parameters] for _ in range(count)]


def blocks(h, o):
    """The average of each block, as the authors' program does it: |z H z| for vectors, runs of a matrix, kernels."""
    magnitude = o.get("spatial_average", "magnitude") == "magnitude"
    if h.dim() < 2:
        return h.abs()
    if h.dim() > 2:
        return (h.abs() if magnitude else h).mean(dim=tuple(range(2, h.dim())), keepdim=True).abs().expand_as(h)
    pieces = [(p.abs() if magnitude else p).mean().abs().expand_as(p) for p in h.reshape(-1).split(o.get("block_size", 1))]
    return torch.cat(pieces).view_as(h)


def adahessian(problem, o, memory, t, draws):
    g = problem.flat(problem.loss(), create=True)
    total = 0
    for z in draws:
        flat = torch.cat([part.reshape(-1) for part in z])
        total = total + flat * problem.flat(g @ flat)
    hessian = (total / len(draws)).detach()
    b1, b2, k = 0.9, o["beta2"], o.get("hessian_power", 1)
    moves = []
    for i, (p, g, h) in enumerate(zip(problem.parameters, problem.split(g.detach()), problem.split(hessian))):
        own = memory.setdefault(i, {"m": 0, "v": 0})
        own["m"] = b1 * own["m"] + (1 - b1) * g
        own["v"] = b2 * own["v"] + (1 - b2) * blocks(h, o) ** 2
        denominator = own["v"].sqrt() ** k / (1 - b2 ** t) ** (k / 2) + 1e-4
        step = own["m"] / (1 - b1 ** t) / denominator + o.get("weight_decay", 0) * p.detach()
        moves.append((-o["lr"] * step).reshape(-1))
    return torch.cat(moves)


def ivon(problem, o, memory, t, draws):
    b1, b2, n, delta = 0.9, o["beta2"], o["ess"], o["weight_decay"]
    theta = torch.cat([p.detach().reshape(-1) for p in problem.parameters])
    h = memory.setdefault("h", torch.full_like(theta, o["hess_init"]))
    m = memory.get("m", torch.zeros_like(theta))
    g, gx, gg = 0, 0, 0
    for eps in draws:
        noise = torch.cat([part.reshape(-1) for part in eps]) / (n * (h + delta)).sqrt()
        problem.add(noise)
        found = problem.flat(problem.loss())
        problem.add(-noise)
        g, gx, gg = g + found / len(draws), gx + noise * found / len(draws), gg + found ** 2 / len(draws)
    m = memory["m"] = b1 * m + (1 - b1) * g
    f = gg * n if o.get("hess_approx") == "gradsq" else gx * (h + delta) * n
    h = memory["h"] = b2 * h + (1 - b2) * f + 0.5 * (1 - b2) ** 2 * (h - f) ** 2 / (h + delta)
    mhat = m / (1 - b1 ** t) if o.get("debias", True) else m
    step = (mhat + delta * theta) / (h + delta)
    if "clip_radius" in o:
        step = step.clamp(-o["clip_radius"], o["clip_radius"])
    return -o["lr"] * (o["hess_init"] + delta if o.get("rescale_lr", True) else 1) * step


def average(memory, key, g, decay, o, t):
    """C <- b C + (1 - b) g g^T as a dense matrix, of which only the leading eigenpairs are kept every b updates."""
    share = decay * (1 - decay ** (t - 1)) / (1 - decay ** t)
    c = memory.get(key, torch.zeros(len(g), len(g)))
    if t > 1 and (t - 1) % o["basis_interval"] == 0:
        values, vectors = torch.linalg.eigh(c)
        values, vectors = values[-o["rank"]:], vectors[:, -o["rank"]:]
        c = vectors * values.clamp(min=0) @ vectors.T
    memory[key] = share * c + (1 - share) * torch.outer(g, g)
    return memory[key]


def tonga(problem, o, memory, t):
    moves = []
    for i, g in enumerate(problem.split(problem.flat(problem.loss()))):
        c = average(memory, i, g.reshape(-1), o["decay"], o, t)
        moves.append(-o["lr"] * torch.linalg.solve(c + o["damping"] * torch.eye(len(c)), g.reshape(-1)))
    return torch.cat(moves)


def power(matrix, exponent):
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * values ** exponent @ vectors.T


def metric_step(g, theta, memory, t, o, low_rank):
    """FAdam's step with the dense metric."""
    b1, b2, c, decay = 0.9, o.get("beta2", 0.999), 1.0, 1e-3
    rho, kappa = o.get("power", 0.5), o.get("correlation", 0.5)
    b2hat = b2 * (1 - b2 ** (t - 1)) / (1 - b2 ** t)
    f = memory["f"] = b2hat * memory.get("f", 1) + (1 - b2hat) * g ** 2
    eh = torch.minimum(torch.tensor(o.get("epsilon", 1e-8)), 0.01 * rms(g))
    if low_rank is None:
        metric = torch.diag((f ** rho + eh ** (2 * rho)).reshape(-1))
    else:
        diagonal = f.reshape(-1) - kappa * low_rank.diagonal()
        d = diagonal ** rho + eh ** (2 * rho)
        scale = d ** (-1 / (2 * rho))
        inner = torch.eye(len(d)) + kappa * scale[:, None] * low_rank * scale
        metric = d[:, None] ** 0.5 * power(inner, rho) * d ** 0.5
    inverse = torch.linalg.inv(metric)

    def clipped(x):
        return x / max(1, rms(x) / c)

    n = clipped((inverse @ g.reshape(-1)).view_as(g))
    m = memory["m"] = b1 * memory.get("m", 0) + (1 - b1) * n
    return -o["lr"] * (m + decay * clipped((inverse @ theta.reshape(-1)).view_as(theta)))


def factors(problem, layers, labels):
    """A and S of each linear layer by hooks: a backward pass for every class, or at the data's labels."""
    found = {}
    inputs, outputs = {}, {}
    hooks = []
    for layer in layers:
        def keep(module, given, made, key=layer):
            inputs[key], outputs[key] = given[0], made
        hooks.append(layer.register_forward_hook(keep))
    z = problem.network(problem.x)
    for hook in hooks:
        hook.remove()
    rows = z.reshape(-1, z.shape[-1])
    if labels == "empirical":
        losses = [(1, problem.negative_log_likelihood(z, problem.y))]
    elif problem.kind == "categorical":
        p = rows.softmax(-1).detach()
        # By the factor of diag(p) - p p^T that takes one class of each row at a time.
        losses = [(p[r, k].item(), -rows[r].log_softmax(-1)[k]) for r in range(len(rows)) for k in range(rows.shape[1])]
    else:
        losses = [(1, rows[r, k]) for r in range(len(rows)) for k in range(rows.shape[1])]
    for layer in layers:
        a = inputs[layer].detach().reshape(-1, inputs[layer].shape[-1])
        a = torch.cat([a, torch.ones(len(a), 1)], 1)
        s = 0
        for weight, loss in losses:
            d = torch.autograd.grad(loss, outputs[layer], retain_graph=True)[0].reshape(len(a), -1)
            s = s + weight * d.T @ d
        found[layer] = (a.T @ a / len(a), s / problem.count)
    return found


def correlated(problem, o, memory, t):
    g = problem.flat(problem.loss())
    split = dict(zip(problem.parameters, problem.split(g)))
    moves = {}
    if o.get("basis") != "none":
        layers = [m for m in problem.network if isinstance(m, torch.nn.Linear)]
        new = factors(problem, layers, o["labels"])
        decay = o.get("factor_decay", 0.95)
        for number, layer in enumerate(layers):
            own = memory.setdefault(("layer", number), {"age": 0, "a": 0, "s": 0, "inner": {}})
            weight = decay * own["age"] + 1
            keep = decay * own["age"] / weight
            own["age"] = weight
            own["a"] = keep * own["a"] + (1 - keep) * new[layer][0]
            own["s"] = keep * own["s"] + (1 - keep) * new[layer][1]
            if (t - 1) % o["basis_interval"] == 0:
                qs, qa = torch.linalg.eigh(own["s"])[1], torch.linalg.eigh(own["a"])[1]
                if "qs" in own:
                    m = own["qs"] @ own["inner"]["m"] @ own["qa"].T
                    own["inner"]["m"] = qs.T @ m @ qa
                own["qs"], own["qa"] = qs, qa
            joined = torch.cat([split[layer.weight], split[layer.bias][:, None]], 1)
            theta = torch.cat([layer.weight.detach(), layer.bias.detach()[:, None]], 1)
            step = metric_step(own["qs"].T @ joined @ own["qa"], own["qs"].T @ theta @ own["qa"], own["inner"], t, o, None)
            step = own["qs"] @ step @ own["qa"].T
            moves[layer.weight], moves[layer.bias] = step[:, :-1], step[:, -1]
    for number, p in enumerate(problem.parameters):
        if p in moves:
            continue
        low = average(memory, ("c", number), split[p].reshape(-1), o["beta2"], o, t) if o.get("rank") else None
        moves[p] = metric_step(split[p], p.detach(), memory.setdefault(("own", number), {}), t, o, low)
    return torch.cat([moves[p].reshape(-1) for p in problem.parameters])


def least_in_ball(g, b, radius):
    """The point where the conjugate gradients from zero end or leave the ball, by explicit vectors."""
    p, r = torch.zeros_like(g), g.clone()
    d = -r
    for _ in range(10 * len(g)):
        if r.norm() <= 1e-13 * g.norm():
            return p, False
        curvature = d @ b @ d
        alpha = (r @ r) / curvature
        if curvature <= 0 or (p + alpha * d).norm() >= radius:
            # The positive root of |p + tau d|^2 = radius^2.
            roots = torch.tensor([d @ d, 2 * p @ d, p @ p - radius ** 2])
            tau = (-roots[1] + (roots[1] ** 2 - 4 * roots[0] * roots[2]).sqrt()) / (2 * roots[0])
            return p + tau * d, True
        following = r + alpha * (b @ d)
        p, d, r = p + alpha * d, -following + (following @ following) / (r @ r) * d, following
    return p, False


def region(problem, o, memory, rule):
    g = problem.flat(problem.loss())
    matrix = problem.hessian() if rule == "newton" else problem.exact()
    radius = memory.get("radius", o["trust_radius"])
    d, outside = least_in_ball(g, matrix, radius)
    before = problem.loss().item()
    problem.add(d)
    decrease = before - problem.loss().item()
    problem.add(-d)
    ratio = decrease / -(g @ d + d @ matrix @ d / 2).item()
    if ratio < 0.25:
        radius = d.norm().item() / 4
    elif ratio > 0.75 and outside:
        radius = min(2 * radius, o.get("maximum_trust_radius", float("inf")))
    memory["radius"] = radius
    return d if ratio > 1e-4 else torch.zeros_like(d)


def main():
    torch.set_default_dtype(torch.float64)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for model, (specification, make, shape, entries) in MODELS.items():
        for name, (rule, options) in RULES.items():
            linear = model in ("mlp", "regression")
            if name in ("correlated", "correlated-empirical") and not linear:
                continue
            if name.startswith("correlated-rank") and model == "regression":
                continue
            torch.manual_seed(5)
            network, kind, memory = make(), specification["likelihood"], {}
            names = [key for key, _ in network.named_parameters()]
            tensors = {f"weights/{key}": p.detach().clone() for key, p in network.named_parameters()}
            steps = LONGER if "basis_interval" in options else STEPS
            for t in range(1, steps + 1):
                if entries:
                    x = torch.randint(0, entries, shape)
                    y = torch.randint(0, entries, shape)
                else:
                    x = torch.randn(shape)
                    width = network(x).shape[1]
                    y = torch.randint(0, width, shape[:1]) if kind == "categorical" else torch.randn(shape[0], width)
                tensors |= {f"inputs/{t}": x, f"targets/{t}": y}
                problem = Problem(network, kind, x, y)
                if rule in ("adahessian", "ivon"):
                    draws = drawn(problem, "signs" if rule == "adahessian" else "normal", options.get("draws", 1))
                    for number, one in enumerate(draws):
                        tensors |= {f"draws/{t}/{number}/{key}": part for key, part in zip(names, one)}
                    move = {"adahessian": adahessian, "ivon": ivon}[rule](problem, options, memory, t, draws)
                elif rule == "tonga":
                    move = tonga(problem, options, memory, t)
                elif rule == "correlated_fadam":
                    move = correlated(problem, options, memory, t)
                else:
                    move = region(problem, options, memory, rule)
                problem.add(move.detach())
            tensors |= {f"expected/{key}": p.detach() for key, p in network.named_parameters()}
            write_file(
                FOLDER / f"{model}-{name}.safetensors",
                {k: v.contiguous().numpy() for k, v in sorted(tensors.items())},
                {"specification": json.dumps(specification), "rule": rule, "options": json.dumps(options),
                 "steps": str(steps)})
    print(len(list(FOLDER.glob("*.safetensors"))), "files")


if __name__ == "__main__":
    main()
