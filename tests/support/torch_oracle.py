"""What derivatives are compared with: the built-ins in PyTorch's own functions, in float64, differentiated by PyTorch.

A pipeline is walked stage by stage, through groups, slices and base activations; what learns takes its values from a
mapping with the names of a cell's parameters. Where PyTorch's derivative of the plain formula would be NaN (a root at
zero, an exponential too large in the branch that isn't taken), the formula here goes around that.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import actspec
from actspec import Learnable
from actspec.structure import Group, Sliced

Array = npt.NDArray[Any]


@cache
def torch() -> Any:
    """PyTorch; where it is missing, the test that asks for it is skipped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what PyTorch says while it is imported
        return pytest.importorskip("torch", reason="PyTorch is not installed")


@dataclass(frozen=True)
class Differentiated:
    """A pipeline's result, its derivatives, and the states that it ends in, in the order of the stages."""

    y: Array
    dx: Array
    dparameters: dict[str, Array]
    jv: Array
    states: tuple[Array, ...]


def differentiate(
    pipeline: Any,
    x: npt.ArrayLike,
    g: npt.ArrayLike,
    v: npt.ArrayLike,
    *,
    parameters: Mapping[str, npt.ArrayLike] | None = None,
    dparameters: Mapping[str, npt.ArrayLike] | None = None,
    states: Iterable[npt.ArrayLike] | None = None,
    scan: bool = False,
    jitter: np.random.Generator | None = None,
) -> Differentiated:
    """Result, vjp of g, and jvp of v and ``dparameters`` (zero where not given), of a pipeline at x.

    ``parameters`` has a value for each name that the pipeline learns, ``states`` one for each stateful stage (zero
    where not given). With ``scan`` the first axis is time. With ``jitter``, what goes into each stage, and comes out of
    the last one, is off by about a unit in the last place.
    """
    t = torch()
    named = dict(parameters or {})
    whole, *learnt = (_tensor(each, learns=True) for each in (x, *named.values()))
    walk = _Walk(dict(zip(named, learnt, strict=True)), states, jitter)
    stages = actspec.parse(pipeline).stages
    if scan:
        y = t.stack([walk.call(stages, step) for step in whole])
    else:
        y = walk.call(stages, whole if whole.ndim else whole.reshape(1)).reshape(whole.shape)  # a scalar is a feature
    # Backward twice: what comes back is linear in g, and its derivative by g is J, with the same choice at each kink.
    cotangent = _tensor(g, learns=True)
    back = t.autograd.grad(y, [whole, *learnt], cotangent, create_graph=True, materialize_grads=True)
    along = dparameters or {}
    moves = [_tensor(v), *(_tensor(along.get(name, np.zeros(own.shape))) for name, own in walk.values.items())]
    linked = [(each, move) for each, move in zip(back, moves, strict=True) if each.requires_grad]
    jv = t.zeros_like(y)
    if linked:
        outputs, tangents = zip(*linked, strict=True)
        (jv,) = t.autograd.grad(outputs, [cotangent], tangents, materialize_grads=True)
    dx, *dlearnt = map(_array, back)
    return Differentiated(
        _array(y), dx, dict(zip(named, dlearnt, strict=True)), _array(jv), tuple(map(_array, walk.states_after))
    )


def _tensor(values: Any, *, learns: bool = False) -> Any:
    return torch().tensor(np.asarray(values, np.float64), requires_grad=learns)


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().numpy())


class _Walk:
    """Calls of a pipeline one after the other, with values for what learns and states that go on."""

    def __init__(
        self, values: dict[str, Any], states: Iterable[npt.ArrayLike] | None, jitter: np.random.Generator | None
    ) -> None:
        self.values = values
        self.states_after: list[Any] = [] if states is None else list(map(_tensor, states))
        self._begin: list[Any] = []
        self._jitter = jitter

    def call(self, stages: Iterable[actspec.Activation], x: Any) -> Any:
        self._begin, self.states_after = self.states_after, []
        return self._jittered(self._run(stages, x, ""))

    def _run(self, stages: Iterable[actspec.Activation], x: Any, prefix: str) -> Any:
        for number, stage in enumerate(stages):
            x = self._stage(stage, x, f"{prefix}{number}")
        return x

    def _stage(self, stage: actspec.Activation, x: Any, place: str) -> Any:
        if isinstance(stage, Group):
            return self._run(stage.stages, x, f"{place}.")
        if isinstance(stage, Sliced):
            chosen = torch().arange(x.shape[-1])[stage.selected(tuple(x.shape))]
            if not chosen.numel():
                return x
            return x.index_copy(-1, chosen, self._stage(stage.base, x.index_select(-1, chosen), place))
        x = self._jittered(x)
        given = {each.name: self._value(value, f"{place}.{each.name}") for each, value in stage._items()}
        if stage.stateful:
            number = len(self.states_after)
            before = self._begin[number] if number < len(self._begin) else torch().zeros_like(x)
            rate = given["dt"] / given["tau"]
            self.states_after.append((1 - rate) * before + rate * x)
            return self._stage(given["base"], self.states_after[number], f"{place}.base")
        return formulas()[stage.__definition__.name](SimpleNamespace(**given), x)

    def _value(self, value: Any, name: str) -> Any:
        return self.values[name] if isinstance(value, Learnable) else value

    def _jittered(self, x: Any) -> Any:
        if self._jitter is None:
            return x
        return x * _tensor(1 + np.finfo(np.float64).eps * self._jitter.integers(-1, 2, tuple(x.shape)))


@cache
def formulas() -> dict[str, Callable[[Any, Any], Any]]:
    """The built-ins by name, as functions of their parameters (numbers, or tensors where learnt) and x."""
    t = torch()
    f = t.nn.functional

    def is_number(*values: Any) -> bool:
        return not any(isinstance(each, t.Tensor) for each in values)

    def bounded(x: Any, low: Any, high: Any) -> Any:
        if is_number(low, high):
            return f.hardtanh(x, low, high)
        return t.minimum(t.maximum(x, t.as_tensor(low, dtype=x.dtype)), t.as_tensor(high, dtype=x.dtype))

    def leaky(x: Any, slope: Any) -> Any:
        if is_number(slope):
            return f.leaky_relu(x, slope)
        return f.prelu(x.reshape(-1, x.shape[-1]), slope.reshape(-1)).reshape(x.shape)

    def elu(x: Any, alpha: Any) -> Any:
        if is_number(alpha):
            return f.elu(x, alpha)
        return t.where(x > 0, x, alpha * t.expm1(t.clamp_max(x, 0)))

    def selu(p: Any, x: Any) -> Any:
        usual = is_number(p.scale, p.alpha) and (p.scale, p.alpha) == (1.0507009873554805, 1.6732632423543772)
        return f.selu(x) if usual else p.scale * elu(x, p.alpha)

    def softplus(x: Any, beta: Any = 1.0, threshold: float = 50.0) -> Any:
        if is_number(beta):
            return f.softplus(x, beta, min(threshold, 50.0))  # there log(1 + exp(x)) is x to the last bit
        return t.where(beta * x > threshold, x, f.softplus(beta * x, threshold=50) / beta)

    def normal(x: Any) -> Any:
        return t.special.erfc(x * -math.sqrt(0.5)) / 2

    def squareplus(p: Any, x: Any) -> Any:
        root = t.sqrt(x * x + p.b)
        return t.where(x < 0, p.b / 2 / (root - x), (x + root) / 2)

    def relu(p: Any, x: Any) -> Any:
        if is_number(p.negative_slope, p.threshold) and p.negative_slope == p.threshold == 0:
            return bounded(f.relu(x), -math.inf, p.max)
        return bounded(t.where(x > p.threshold, x, p.negative_slope * (x - p.threshold)), -math.inf, p.max)

    def threshold(x: Any, at: Any, value: Any) -> Any:
        if is_number(at, value):
            return f.threshold(x, at, value)
        return t.where(x > at, x, t.as_tensor(value, dtype=x.dtype))

    def celu(x: Any, alpha: Any) -> Any:
        if is_number(alpha):
            return f.celu(x, alpha)
        return t.where(x > 0, x, alpha * t.expm1(t.clamp_max(x, 0) / alpha))

    def shrink(x: Any, lambd: Any, bias: Any) -> Any:
        return t.where(abs(x) > lambd, x - bias * t.sign(x), 0.0)

    def xielu(p: Any, x: Any) -> Any:
        below = (t.expm1(t.clamp_max(x, p.eps)) - x) * p.alpha_n + p.beta * x
        return t.where(x > 0, p.alpha_p * x * x + p.beta * x, below)

    def softlif(p: Any, x: Any) -> Any:
        z = x / p.sigma
        far = z < -37  # there softplus(z) is exp(z) to the last bit
        near = t.log1p(1 / (p.sigma * softplus(t.where(far, 0.0, z))))
        tail = t.where(far, z, -37.0)
        sigma = t.as_tensor(p.sigma, dtype=x.dtype)
        logarithm = t.where(far, t.log1p(sigma * t.exp(tail)) - t.log(sigma) - tail, near)
        return p.amp / (p.tau_ref + p.tau_rc * logarithm)

    def softmax(p: Any, x: Any) -> Any:
        y = f.softmax(x, dim=p.axis)
        return y if is_number(p.floor) and p.floor == 0 else t.where(y > p.floor, y, p.floor)

    def sparsemax(p: Any, x: Any) -> Any:
        x = x.transpose(p.axis, -1)
        largest = t.sort(x, descending=True)[0]
        sums, counts = t.cumsum(largest, -1) - 1, t.arange(1, x.shape[-1] + 1)
        count = t.sum(counts * largest > sums, -1, keepdim=True)
        return t.relu(x - t.gather(sums, -1, count - 1) / count).transpose(p.axis, -1)

    def layer(p: Any, x: Any) -> Any:
        variance, mean = t.var_mean(x, dim=p.axis, unbiased=False, keepdim=True)
        return (x - mean) / t.sqrt(variance + p.eps) * p.gain + p.shift

    def std(p: Any, x: Any) -> Any:
        variance = t.var(x, dim=p.axis, unbiased=False, keepdim=True)
        spread = variance > 0
        return t.where(spread, t.sqrt(t.where(spread, variance, 1.0)), 0.0) + p.eps

    def maxout(p: Any, x: Any) -> Any:
        if is_number(p.slope, p.intercept):
            return p.slope * x + p.intercept
        return t.amax(p.slope * x[..., None] + p.intercept, dim=-1)

    return {
        "linear": lambda _, x: x * 1,
        "sigmoid": lambda _, x: t.sigmoid(x),
        "tanh": lambda _, x: t.tanh(x),
        "scaledtanh": lambda p, x: p.scale_out * t.tanh(p.scale_in * x),
        "softplus": lambda p, x: softplus(x, p.beta, p.threshold),
        "softmax": softmax,
        "relu": relu,
        "relu6": lambda _, x: f.relu6(x),
        "reluk": lambda p, x: bounded(x, 0.0, p.n),
        "relu2": lambda _, x: t.square(f.relu(x)),
        "thresholdedrelu": lambda p, x: threshold(x, p.theta, 0.0),
        "threshold": lambda p, x: threshold(x, p.threshold, p.value),
        "rrelu": lambda p, x: leaky(x, (p.lower + p.upper) / 2),
        "celu": lambda p, x: celu(x, p.alpha),
        "hardshrink": lambda p, x: f.hardshrink(x, p.lambd) if is_number(p.lambd) else shrink(x, p.lambd, 0.0),
        "softshrink": lambda p, x: f.softshrink(x, p.lambd) if is_number(p.lambd) else shrink(x, p.lambd, p.lambd),
        "shrink": lambda p, x: shrink(x, p.lambd, p.bias),
        "hardtanh": lambda p, x: bounded(x, p.min, p.max),
        # PyTorch's own hardsigmoid has the slope of float32, 0.1666666716, in float64 too.
        "hardsigmoid": lambda p, x: bounded(p.slope * x + p.offset, 0.0, 1.0),
        "hardswish": lambda _, x: f.hardswish(x),
        "hard_mish": lambda _, x: 0.5 * x * t.clamp(x + 2, 0, 2),
        "clippedlinear": lambda p, x: bounded(p.slope * x + p.offset, p.min, p.max),
        "xielu": xielu,
        "rect:min": lambda _, x: bounded(x, -math.inf, 1.0),
        "rect:minmax": lambda _, x: bounded(x, 0.0, 1.0),
        "leakyrelu": lambda p, x: leaky(x, p.negative_slope),
        "veryleakyrectify": lambda _, x: leaky(x, 1 / 3),
        "elu": lambda p, x: elu(x, p.alpha),
        "selu": selu,
        "gaussian": lambda _, x: t.exp(-x * x),
        "clip": lambda p, x: bounded(x, p.min, p.max),
        "softlif": softlif,
        "log_softmax": lambda p, x: f.log_softmax(x, dim=p.axis),
        "softmin": lambda p, x: f.softmin(x, dim=p.axis),
        "sparsemax": sparsemax,
        "hardmax": lambda p, x: x * 0 + t.zeros_like(x).scatter(p.axis, t.argmax(x, p.axis, keepdim=True), 1.0),
        "norm:l2": lambda p, x: f.normalize(x, dim=p.axis, eps=p.eps),
        "norm:rms": lambda p, x: x / t.sqrt(t.mean(x * x, p.axis, keepdim=True) + p.eps) * p.gain,
        "norm:layer": layer,
        "norm:mean": lambda p, x: x - t.mean(x, dim=p.axis, keepdim=True),
        "norm:max": lambda p, x: x / (t.amax(t.abs(x), dim=p.axis, keepdim=True) + p.eps),
        "norm:std": lambda p, x: x / std(p, x),
        "norm:z": lambda p, x: (x - t.mean(x, dim=p.axis, keepdim=True)) / std(p, x),
        "prelu": lambda p, x: leaky(x, p.slope),
        "lgrelu": lambda p, x: t.where(x > 0, p.gain * x, p.leak * x),
        "maxout": maxout,
        "gelu": lambda _, x: x * normal(x),
        "gelu_tanh": lambda _, x: f.gelu(x, approximate="tanh"),
        "quick_gelu": lambda _, x: x * t.sigmoid(1.702 * x),
        "gelu_10": lambda _, x: t.clip(x * normal(x), -10, 10),
        "silu": lambda p, x: x * t.sigmoid(p.beta * x),
        "mish": lambda _, x: f.mish(x),
        "dish": lambda _, x: x / 2 * (1 + x / t.sqrt(1 + x * x)),
        "lisht": lambda _, x: x * t.tanh(x),
        "stanh": lambda p, x: p.scale_b * t.tanh(p.scale_a * x),
        "softsign": lambda _, x: f.softsign(x),
        "sparse_sigmoid": lambda _, x: t.clip(x + 1, 0, 2) / 2,
        "laplace": lambda p, x: normal((x - p.mu) / p.sigma),
        "sqrtsoftplus": lambda _, x: t.sqrt(softplus(x)),
        "logsigmoid": lambda _, x: f.logsigmoid(x),
        "tanhshrink": lambda _, x: f.tanhshrink(x),
        "squareplus": squareplus,
        "sparse_plus": lambda _, x: t.where(x >= 1, x, t.clamp_min(x + 1, 0) ** 2 / 4),
        "exponential": lambda _, x: t.exp(x),
        "sin": lambda _, x: t.sin(x),
        "cos": lambda _, x: t.cos(x),
        "snake": lambda p, x: x + t.sin(p.frequency * x) ** 2 / p.frequency,
    }
