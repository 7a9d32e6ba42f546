"""The diagonal update rules in float64 NumPy, written from their published equations.

Every rule is a function `rule(theta, g, state, t, options) -> theta` for one parameter
tensor: `g` is the gradient of the loss, `t` counts from 1, `state` is a dictionary that
the rule fills and that starts empty, `options` are the metadata of a fixture. FAdam,
FAdafactor and Adafactor are Algorithms 1, 2 and 4 of Hwang, "FAdam: Adam is a natural
gradient optimizer using diagonal empirical Fisher information", arXiv:2405.12807.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
State = dict[str, Any]
Options = dict[str, Any]
Rule = Callable[[Array, Array, State, int, Options], Array]

SMALLEST_NORMAL = np.finfo(np.float64).tiny


def rms(x: Array) -> float:
    """The root of the mean square, scaled by the largest element so that no square overflows."""
    largest = float(np.max(np.abs(x), initial=0.0))
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.mean((x / largest) ** 2)))


def clipped(x: Array, threshold: float | None) -> Array:
    """`x / max(1, RMS(x) / threshold)`, or `x` where there is no threshold."""
    return x if threshold is None else x / max(1.0, rms(x) / threshold)


def quotient(x: Array, d: Array) -> Array:
    """`x / d`, with zero where `d` is exactly zero and `d` no smaller than the smallest normal number."""
    return np.where(d == 0.0, 0.0, x / np.maximum(d, SMALLEST_NORMAL))


def corrected_decay(beta: float, t: int) -> float:
    """`beta (1 - beta^(t-1)) / (1 - beta^t)`: the decay that makes a moving average unbiased."""
    return beta * (1.0 - beta ** (t - 1)) / (1.0 - beta**t)


def sgd(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Gradient descent with coupled weight decay, momentum and Nesterov's look-ahead."""
    d = g + o["weight_decay"] * theta
    mu = o["momentum"]
    if mu != 0.0:
        state["m"] = d if t == 1 else mu * state["m"] + d
        d = d + mu * state["m"] if o["nesterov"] else state["m"]
    return theta - o["lr"] * d


def adagrad(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Adagrad with epsilon inside the root."""
    g = g + o["weight_decay"] * theta
    state["s"] = state.get("s", 0.0) + g**2
    return theta - o["lr"] * quotient(g, np.sqrt(state["s"] + o["eps"]))


def rmsprop(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """RMSProp with epsilon outside the root."""
    g = g + o["weight_decay"] * theta
    state["v"] = o["beta"] * state.get("v", 0.0) + (1.0 - o["beta"]) * g**2
    return theta - o["lr"] * quotient(g, np.sqrt(state["v"]) + o["eps"])


def adam_direction(g: Array, state: State, t: int, o: Options) -> Array:
    """Adam's step without the learning rate: `mhat / (vhat^power + eps)`, clipped on request."""
    beta1, beta2 = o["beta1"], o["beta2"]
    m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1.0 - beta2) * g**2
    if o.get("corrects_bias", True):
        m = m / (1.0 - beta1**t)
        v = v / (1.0 - beta2**t)
    u = quotient(m, v ** o.get("power", 0.5) + o["eps"])
    return clipped(u, o.get("clip"))


def adam(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Adam (Kingma and Ba, 2014) with coupled weight decay."""
    return theta - o["lr"] * adam_direction(g + o["weight_decay"] * theta, state, t, o)


def adamw(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""
    return theta - o["lr"] * (adam_direction(g, state, t, o) + o["weight_decay"] * theta)


def decayed(theta: Array, g: Array, o: Options) -> Array:
    """The gradient with the coupled weight decay, where it is not decoupled."""
    return g if o.get("decouples_decay", False) else g + o["weight_decay"] * theta


def moved(theta: Array, direction: Array, o: Options) -> Array:
    """A step along `direction`, with the weight decay where it is decoupled."""
    decay = o["weight_decay"] * theta if o.get("decouples_decay", False) else 0.0
    return theta - o["lr"] * (direction + decay)


def amsgrad(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """AMSGrad (Reddi, Kale and Kumar, 2018, Algorithm 2), with Adam's bias corrections on request."""
    beta1, beta2 = o["beta1"], o["beta2"]
    g = decayed(theta, g, o)
    m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0.0) + (1.0 - beta2) * g**2
    w = state["w"] = np.maximum(state.get("w", 0.0), v)
    if o.get("corrects_bias", True):
        m = m / (1.0 - beta1**t)
        w = w / (1.0 - beta2**t)
    return moved(theta, quotient(m, np.sqrt(w) + o["eps"]), o)


def adamax(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """AdaMax (Kingma and Ba, 2015, Algorithm 2), with epsilon added to the gradient's magnitude."""
    beta1, beta2 = o["beta1"], o["beta2"]
    g = decayed(theta, g, o)
    m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * g
    u = state["u"] = np.maximum(beta2 * state.get("u", 0.0), np.abs(g) + o["eps"])
    return moved(theta, quotient(m / (1.0 - beta1**t), u), o)


def yogi(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Yogi (Zaheer et al., 2018, Algorithm 2); on request with the corrections of the authors' program."""
    beta1, beta2 = o["beta1"], o["beta2"]
    g = decayed(theta, g, o)
    m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * g
    former = state.get("v", np.full_like(g, o.get("initial_square", 1e-6)))
    v = state["v"] = former - (1.0 - beta2) * np.sign(former - g**2) * g**2
    correction = np.sqrt(1.0 - beta2**t) / (1.0 - beta1**t) if o.get("corrects_bias", False) else 1.0
    return moved(theta, correction * quotient(m, np.sqrt(v) + o["eps"]), o)


def laprop(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """LaProp (Ziyin, Wang and Ueda, 2020, Algorithm 1); its decay is decoupled unless said otherwise."""
    o = {"decouples_decay": True} | o
    beta1, beta2 = o["beta1"], o["beta2"]
    g = decayed(theta, g, o)
    v = state["v"] = beta2 * state.get("v", 0.0) + (1.0 - beta2) * g**2
    n = quotient(g, np.sqrt(v / (1.0 - beta2**t)) + o["eps"])
    m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * n
    return moved(theta, m / (1.0 - beta1**t), o)


def adadelta(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """AdaDelta (Zeiler, 2012, Algorithm 1), times a learning rate."""
    beta, eps = o["beta"], o["eps"]
    g = g + o["weight_decay"] * theta
    v = state["v"] = beta * state.get("v", 0.0) + (1.0 - beta) * g**2
    former = state.get("s", 0.0)
    delta = quotient(g, np.sqrt(v + eps)) * np.sqrt(former + eps)
    state["s"] = beta * former + (1.0 - beta) * delta**2
    return theta - o["lr"] * delta

def full_diagonal(squares: Array, beta: float, added: float, state: State) -> Array:
    """A moving average of `squares` by element, `added` to each after averaging."""
    f = beta * state.get("f", 1.0) + (1.0 - beta) * squares + added
    state["f"] = f
    return f


def factored_diagonal(squares: Array, beta: float, added: float, state: State) -> Array:
    """The same from row and column sums, `R C / sum(R)`; tensors of rank 0 and 1 keep the full one."""
    if squares.ndim < 2:
        return full_diagonal(squares, beta, added, state)
    matrix = squares.reshape(squares.shape[0], -1)
    rows, columns = matrix.shape
    r = beta * state.get("r", np.ones(rows)) + (1.0 - beta) * matrix.sum(axis=1) + columns * added
    c = beta * state.get("c", np.ones(columns)) + (1.0 - beta) * matrix.sum(axis=0) + rows * added
    state["r"], state["c"] = r, c
    total = r.sum()
    f = np.zeros_like(matrix) if total == 0.0 else np.outer(r, c) / total
    return f.reshape(squares.shape)


def epsilon_hat(g: Array, f: Array, o: Options) -> float:
    """The epsilon of one step, which enters the denominator as `epsilon_hat^(2 rho)`."""
    match o.get("epsilon_rule", "adaptive"):
        case "adaptive":
            return min(o["eps"], o["eps2"] * rms(g))
        case "fixed":
            return o["eps"]
        case "per_size":
            return o["eps"] / g.size
        case "accumulated":  # EAdam: epsilon is already inside the average
            return 0.0
        case "fraction_of_maximum":
            return o["eps2"] * float(np.max(f)) ** 0.5
        case other:
            raise ValueError(f"unknown epsilon_rule {other!r}")


def fisher(theta: Array, g: Array, state: State, t: int, o: Options, diagonal: Callable[..., Array]) -> Array:
    """Steps 6 to 14 of Algorithm 1, for any estimate of the Fisher's diagonal."""
    beta1, rho, clip = o["beta1"], o["rho"], o["clip"]
    added = o["eps"] if o.get("epsilon_rule") == "accumulated" else 0.0
    f = diagonal(g**2, corrected_decay(o["beta2"], t), added, state)
    d = f**rho + epsilon_hat(g, f, o) ** (2.0 * rho)

    correction = 1.0 - beta1**t if o.get("corrects_momentum_bias", False) else 1.0
    if o.get("momentum", "natural") == "natural":
        n = clipped(quotient(g, d), clip)
        m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * n
        step = m / correction
    else:
        m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * g
        step = clipped(quotient(m / correction, d), clip)

    match o.get("decay", "natural"):
        case "natural":
            w = clipped(quotient(theta, d), clip)
        case "euclidean":
            w = theta
        case "none":
            w = np.zeros_like(theta)
        case other:
            raise ValueError(f"unknown decay {other!r}")
    return theta - o["lr"] * (step + o["weight_decay"] * w)


def fadam(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Fisher Adam, Algorithm 1."""
    return fisher(theta, g, state, t, o, full_diagonal)


def fadafactor(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Fisher Adafactor, Algorithm 2."""
    return fisher(theta, g, state, t, o, factored_diagonal)


def adafactor(theta: Array, g: Array, state: State, t: int, o: Options) -> Array:
    """Adafactor, Algorithm 4: the learning rate inside the momentum, the decay outside it."""
    beta1 = o["beta1"]
    f = factored_diagonal(g**2 + o["eps"], corrected_decay(o["beta2"], t), 0.0, state)
    n = clipped(quotient(g, np.sqrt(f)), o["clip"])
    m = state["m"] = beta1 * state.get("m", 0.0) + (1.0 - beta1) * o["lr"] * n
    return theta - (m + o["weight_decay"] * theta)


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        sgd,
        adagrad,
        rmsprop,
        adadelta,
        adam,
        adamw,
        amsgrad,
        adamax,
        yogi,
        laprop,
        adafactor,
        fadam,
        fadafactor,
    )
}


def run(rule: str, options: Options, theta: Array, gradients: list[Array]) -> Array:
    """One parameter after a step along each of `gradients`, all in float64."""
    theta = theta.astype(np.float64)
    state: State = {}
    for t, g in enumerate(gradients, start=1):
        theta = RULES[rule](theta, g.astype(np.float64), state, t, options)
    return theta
