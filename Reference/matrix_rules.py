"""Muon, Shampoo, SOAP and Kronecker FAdam in float64 NumPy, written from their published equations.

Rules as in `rules.py`: `rule(theta, g, state, t, options) -> theta` for one parameter. Written out plainly:
roots by an eigen-decomposition in every step that asks for them, tensors turned by `tensordot`, blocks by
slicing.
"""

import itertools

import numpy as np

from rules import Array, Options, State, adagrad, adam, adamw, fadam, rmsprop, sgd

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
FADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "eps2": 0.01, "clip": 1.0, "weight_decay": 1e-3, "rho": 0.5}
ADAMW = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 1e-2}
GRAFTS = {
    "sgd": (sgd, {"momentum": 0.0, "nesterov": False}),
    "adagrad": (adagrad, {"eps": 1e-10}),
    "rmsprop": (rmsprop, {"beta": 0.99, "eps": 1e-8}),
    "adam": (adam, {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
    "fadam": (fadam, FADAM),
}


def average(state: State, key: object, value: Array, t: int, d: float) -> Array:
    """`sum d^(t-k) x_k / sum d^(t-k)`, kept as numerator and denominator."""
    top, bottom = state.get(key, (0.0, 0.0))
    state[key] = (d * top + value, d * bottom + 1.0)
    return state[key][0] / state[key][1]


def newton_schulz(g: Array, steps: int, eps: float) -> Array:
    """The published iteration, the matrix transposed where it is tall."""
    a, b, c = COEFFICIENTS
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / (np.linalg.norm(x) + eps)
    for _ in range(steps):
        m = x @ x.T
        x = a * x + (b * m + c * m @ m) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def muon(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Muon on tensors of rank two and more, the fallback at its defaults on the others."""
    if g.ndim < 2:
        rule, options = (adamw, ADAMW) if o.get("fallback", "fadam") == "adamw" else (fadam, FADAM)
        return rule(theta, g, state, t, options | {"lr": o["lr"]})
    mu = o["momentum"]
    b = state["b"] = mu * state.get("b", 0.0) + (1.0 - mu) * g
    u = (1.0 - mu) * g + mu * b if o.get("nesterov", True) else b
    matrix = u.reshape(u.shape[0], -1)
    rows, columns = matrix.shape
    scale = 0.2 * max(rows, columns) ** 0.5 if o.get("scale") == "match_rms" else max(1.0, rows / columns) ** 0.5
    step = scale * newton_schulz(matrix, o.get("ns_steps", 5), o.get("eps", 1e-7)).reshape(theta.shape)
    return theta - o["lr"] * (step + o.get("weight_decay", 0.0) * theta)


def unfolding_product(g: Array, axis: int) -> Array:
    """The sum over all other axes of the products of two slices along `axis`."""
    others = [k for k in range(g.ndim) if k != axis]
    return np.tensordot(g, g, axes=(others, others))


def along(g: Array, matrix: Array, axis: int) -> Array:
    """`sum_k matrix[j, k] g[.. k ..]`, k and j at `axis`."""
    return np.moveaxis(np.tensordot(matrix, g, axes=(1, axis)), 0, axis)


def inverse_root(matrix: Array, power: float, eps: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * (np.maximum(values, 0.0) + eps) ** -power) @ vectors.T


def shampoo(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Shampoo by blocks, with grafting and momentum."""
    scalar = g.ndim == 0
    whole = g.reshape(1) if scalar else g
    size = o.get("block", 1024)
    power = 0.5 if whole.ndim == 1 else o.get("exponent") or 1.0 / (2 * whole.ndim)
    step = np.zeros_like(whole)
    starts = [range(0, n, size) for n in whole.shape]
    for corner in itertools.product(*starts):
        place = tuple(slice(s, s + size) for s in corner)
        block = whole[place]
        moved = block
        for axis in range(block.ndim):
            factor = average(state, (corner, axis), unfolding_product(block, axis), t, o["decay"])
            if (t - 1) % o.get("root_interval", 1) == 0:
                state[corner, axis, "root"] = inverse_root(factor, power, o["eps"])
            moved = along(moved, state[corner, axis, "root"], axis)
        step[place] = moved
    step = step.reshape(theta.shape)
    if (graft := o.get("grafting", "none")) != "none":
        rule, options = GRAFTS[graft]
        zero = np.zeros_like(theta)
        taken = rule(zero, g, state.setdefault("graft", {}), t, options | {"lr": 1.0, "weight_decay": 0.0})
        step = step * np.linalg.norm(taken) / (np.linalg.norm(step) + 1e-16)
    if (mu := o.get("momentum", 0.0)) != 0.0:
        step = state["m"] = mu * state.get("m", 0.0) + step
    return theta - o["lr"] * (step + o.get("weight_decay", 0.0) * theta)


def turned(x: Array, bases: list[Array | None], back: bool = False) -> Array:
    """The tensor in the bases' coordinates, or back from them."""
    for axis, q in enumerate(bases):
        if q is not None:
            x = along(x, q if back else q.T, axis)
    return x


def without_noise(x: Array) -> Array:
    """Elements below 32 rounding errors of the whole are zero."""
    return np.where(np.abs(x) <= 32 * np.finfo(np.float64).eps * np.linalg.norm(x), 0.0, x)


def first_basis(factor: Array) -> Array:
    """Eigenvectors, descending; of the null space those of `N diag(2 - k/n) N`, N the projector onto it."""
    values, vectors = np.linalg.eigh(factor)
    n = len(values)
    null = vectors[:, values <= values[-1] * n * np.finfo(np.float64).eps]
    kept = vectors[:, ::-1][:, : n - null.shape[1]]
    projector = null @ null.T
    weights = np.diag(2.0 - np.arange(n) / n)
    inside = np.linalg.eigh(projector @ weights @ projector)[1][:, ::-1][:, : null.shape[1]]
    return np.concatenate([kept, inside], axis=1)


def advance_basis(g: Array, state: State, t: int, o: Options, momentum: str, square: str) -> None:
    """Averages a gradient into the factors; makes the basis, or changes it if it is time."""
    if g.ndim < 2:
        return
    largest = o.get("maximum_dimension", 10000)
    factors = [
        average(state, ("factor", axis), unfolding_product(g, axis), t, o["decay"]) if n <= largest else None
        for axis, n in enumerate(g.shape)
    ]
    if "bases" not in state:
        state["bases"] = [None if f is None else first_basis(f) for f in factors]
    elif (t - 1) % o["basis_interval"] == 0:
        old, new = state["bases"], []
        for axis, (q, f) in enumerate(zip(old, factors)):
            if q is None:
                new.append(None)
                continue
            product = f @ q
            order = np.argsort(-np.sum(q * product, axis=0), kind="stable")
            new.append(np.linalg.qr(product[:, order])[0])
            state[square] = np.take(state[square], order, axis=axis)
        # The momentum keeps its direction: out of the old basis and into the new one.
        state[momentum] = without_noise(turned(turned(state[momentum], old, back=True), new))
        state["bases"] = new


def in_basis(theta: Array, g: Array, state: State, rule) -> Array:
    """`rule(theta', g')` in the basis; what it moves turned back."""
    if g.ndim < 2:
        return rule(theta, g)
    bases = state["bases"]
    turned_g = without_noise(turned(g, bases))
    turned_theta = turned(theta, bases)
    return theta + turned(rule(turned_theta, turned_g) - turned_theta, bases, back=True)


def soap(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Adam in the basis of the gradients before this one, decoupled decay outside it; the first makes the basis."""
    options = {key: o[key] for key in ("lr", "beta1", "beta2", "eps")} | {"weight_decay": 0.0}
    if t == 1:
        state["m"], state["v"] = np.zeros_like(g), np.zeros_like(g)
        moved = theta
    else:
        moved = in_basis(theta, g, state, lambda p, x: adam(p, x, state, t - 1, options))
        moved = moved - o["lr"] * o.get("weight_decay", 0.0) * theta
    advance_basis(g, state, t, o, "m", "v")
    return moved


def kronecker_fadam(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """FAdam in the basis that has seen this gradient, its decay included."""
    options = o | {"decay": o.get("decay_metric", "natural")}
    advance_basis(g, state, t, o, "m", "f")
    return in_basis(theta, g, state, lambda p, x: fadam(p, x, state, t, options))
