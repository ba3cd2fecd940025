"""The libraries that actspec is compared with: what each of them runs for an activation, where it can."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rounds import Program

import actspec

PEERS = ("NumPy formula", "NumPy", "SciPy", "numexpr", "torch", "torch.compile", "jax.jit")
RIVALS = ("NumPy formula", "NumPy", "SciPy", "torch", "torch.compile", "jax.jit")

# What the peers have, by the name of the activation: from the library's own function where there is one.
# s is the activation with its parameters, y the array to write to, or None.

NUMPY: dict[str, Callable[..., Any]] = {
    "linear": lambda _, x, y: np.copyto(y, x) if y is not None else x.copy(),
    "tanh": lambda _, x, y: np.tanh(x, out=y),
    "softplus": lambda _, x, y: np.logaddexp(x, x.dtype.type(0), out=y),
    "relu": lambda s, x, y: np.maximum(x, 0, out=y) if s.max == math.inf else np.clip(x, 0, s.max, out=y),
    "rect:min": lambda _, x, y: np.minimum(x, 1, out=y),
    "rect:minmax": lambda _, x, y: np.clip(x, 0, 1, out=y),
    "clip": lambda s, x, y: np.clip(x, s.min, s.max, out=y),
    # For slopes from 0 to 1, as they are by default.
    "leakyrelu": lambda s, x, y: np.maximum(x, x * s.negative_slope, out=y),
    "prelu": lambda s, x, y: np.maximum(x, x * s.slope, out=y),
    "veryleakyrectify": lambda _, x, y: np.maximum(x, x / 3, out=y),
    "rrelu": lambda s, x, y: np.maximum(x, x * ((s.lower + s.upper) / 2), out=y),
    "relu6": lambda _, x, y: np.clip(x, 0, 6, out=y),
    "reluk": lambda s, x, y: np.clip(x, 0, s.n, out=y),
    "relu2": lambda _, x, y: np.square(np.maximum(x, 0, out=y), out=y),
    "exponential": lambda _, x, y: np.exp(x, out=y),
    "sin": lambda _, x, y: np.sin(x, out=y),
    "cos": lambda _, x, y: np.cos(x, out=y),
    "softsign": lambda _, x, y: np.divide(x, np.add(np.abs(x, out=y), 1, out=y), out=y),
    "lisht": lambda _, x, y: np.multiply(x, np.tanh(x, out=y), out=y),
    "tanhshrink": lambda _, x, y: np.subtract(x, np.tanh(x, out=y), out=y),
    "sparse_sigmoid": lambda _, x, y: np.multiply(np.clip(np.add(x, 1, out=y), 0, 2, out=y), 0.5, out=y),
    "hardtanh": lambda s, x, y: np.clip(x, s.min, s.max, out=y),
    "softshrink": lambda s, x, y: np.subtract(x, np.clip(x, -s.lambd, s.lambd, out=y), out=y),
    "hardsigmoid": lambda s, x, y: np.clip(np.add(np.multiply(x, s.slope, out=y), s.offset, out=y), 0, 1, out=y),
    "clippedlinear": lambda s, x, y: np.clip(
        np.add(np.multiply(x, s.slope, out=y), s.offset, out=y), s.min, s.max, out=y
    ),
}


def _scipy() -> dict[str, Callable[..., Any]]:
    from scipy import special, stats

    found = {
        "sigmoid": lambda _, x, y: special.expit(x, out=y),
        "softmax": lambda s, x, _y: special.softmax(x, axis=s.axis),
        "log_softmax": lambda s, x, _y: special.log_softmax(x, axis=s.axis),
        "norm:z": lambda s, x, _y: stats.zscore(x, axis=s.axis),
    }
    if hasattr(special, "softplus"):
        found["softplus"] = lambda _, x, y: special.softplus(x, out=y)
    return found


# Parameters are p_name: they get the type of x, which numexpr keeps.
NUMEXPR = {
    "linear": "x",
    "tanh": "tanh(x)",
    "scaledtanh": "p_scale_out*tanh(p_scale_in*x)",
    "sigmoid": "1/(1 + exp(-x))",
    "softplus": "where(x > 0, x, 0) + log1p(exp(-abs(x)))",
    "relu": "where(x > 0, where(x < p_max, x, p_max), 0)",
    "rect:min": "where(x < 1, x, 1)",
    "rect:minmax": "where(x > 0, where(x < 1, x, 1), 0)",
    "clip": "where(x > p_min, where(x < p_max, x, p_max), p_min)",
    "leakyrelu": "where(x > 0, x, p_negative_slope*x)",
    "veryleakyrectify": "where(x > 0, x, x/3)",
    "prelu": "where(x > 0, x, p_slope*x)",
    "lgrelu": "where(x > 0, p_gain*x, p_leak*x)",
    "elu": "where(x > 0, x, p_alpha*expm1(x))",
    "selu": "p_scale*where(x > 0, x, p_alpha*expm1(x))",
    "gaussian": "exp(-x*x)",
    "relu6": "where(x > 0, where(x < 6, x, 6), 0)",
    "reluk": "where(x > 0, where(x < p_n, x, p_n), 0)",
    "relu2": "where(x > 0, x*x, 0)",
    "gelu_tanh": "x/(1 + exp(-1.5957691216057308*(x + 0.044715*x*x*x)))",
    "quick_gelu": "x/(1 + exp(-1.702*x))",
    "silu": "x/(1 + exp(-p_beta*x))",
    "mish": "x*tanh(log1p(exp(x)))",
    "dish": "0.5*x*(1 + x/sqrt(1 + x*x))",
    "lisht": "x*tanh(x)",
    "stanh": "p_scale_b*tanh(p_scale_a*x)",
    "softsign": "x/(1 + abs(x))",
    "sqrtsoftplus": "sqrt(where(x > 0, x, 0) + log1p(exp(-abs(x))))",
    "logsigmoid": "where(x < 0, x, 0) - log1p(exp(-abs(x)))",
    "tanhshrink": "x - tanh(x)",
    "squareplus": "0.5*(x + sqrt(x*x + p_b))",
    "exponential": "exp(x)",
    "sin": "sin(x)",
    "cos": "cos(x)",
    "snake": "x + sin(p_frequency*x)**2/p_frequency",
    "thresholdedrelu": "where(x > p_theta, x, 0)",
    "threshold": "where(x > p_threshold, x, p_value)",
    "rrelu": "where(x > 0, x, (p_lower + p_upper)/2*x)",
    "celu": "where(x > 0, x, p_alpha*expm1(x/p_alpha))",
    "hardtanh": "where(x > p_min, where(x < p_max, x, p_max), p_min)",
    "hardshrink": "where(abs(x) > p_lambd, x, 0)",
    "softshrink": "where(x > p_lambd, x - p_lambd, where(x < -p_lambd, x + p_lambd, 0))",
    "shrink": "where(x > p_lambd, x - p_bias, where(x < -p_lambd, x + p_bias, 0))",
    "hardswish": "where(x > -3, where(x < 3, x*(x + 3)/6, x), 0)",
    "hard_mish": "where(x > -2, where(x < 0, x*(x + 2)/2, x), 0)",
    "softlif": (
        "p_amp/(p_tau_ref + p_tau_rc*log1p(1/(p_sigma*(where(x > 0, x/p_sigma, 0) + log1p(exp(-abs(x/p_sigma)))))))"
    ),
    "above": "where(x > 1, x, 0)",
}


def _torch(t: Any) -> dict[str, Callable[..., Any]]:
    nn = t._C._nn  # the functions of torch.nn.functional, with their out=
    f = t.nn.functional

    def lgrelu(s: Any, x: Any, y: Any) -> Any:
        return t.where(x > 0, s.gain * x, s.leak * x, out=y)

    def gaussian(_: Any, x: Any, y: Any) -> Any:
        squared = t.mul(x, x, out=y)
        return t.exp(t.neg(squared, out=y), out=y)

    def softlif(s: Any, x: Any, y: Any) -> Any:
        rate = t.mul(f.softplus(x / s.sigma, threshold=math.inf), s.sigma, out=y)
        logarithm = t.log1p(t.reciprocal(rate, out=y), out=y)
        return t.div(s.amp, logarithm * s.tau_rc + s.tau_ref, out=y)

    def xielu(s: Any, x: Any, y: Any) -> Any:
        below = (t.expm1(t.clamp_max(x, s.eps)) - x) * s.alpha_n + s.beta * x
        return t.where(x > 0, s.alpha_p * x * x + s.beta * x, below, out=y)

    def norm_z(s: Any, x: Any, y: Any) -> Any:
        deviation, mean = t.std_mean(x, dim=s.axis, correction=0, keepdim=True)
        return t.div(x - mean, deviation + s.eps, out=y)

    # Along the last axis, with gain one and shift zero, as they are by default.
    def rms(s: Any, x: Any, _y: Any) -> Any:
        return f.rms_norm(x, x.shape[-1:], eps=s.eps)

    def layer(s: Any, x: Any, y: Any) -> Any:
        if y is None:
            return f.layer_norm(x, x.shape[-1:], eps=s.eps)
        spare = [x.new_empty((*x.shape[:-1], 1)) for _ in range(2)]
        t.ops.aten.native_layer_norm.out(x, x.shape[-1:], None, None, s.eps, out0=y, out1=spare[0], out2=spare[1])
        return y

    return {
        "linear": lambda _, x, y: x.clone() if y is None else y.copy_(x),
        "tanh": lambda _, x, y: t.tanh(x, out=y),
        "scaledtanh": lambda s, x, y: t.mul(t.tanh(t.mul(x, s.scale_in, out=y), out=y), s.scale_out, out=y),
        "sigmoid": lambda _, x, y: t.sigmoid(x, out=y),
        "softplus": lambda _, x, y: nn.softplus(x, out=y),
        "relu": lambda s, x, y: t.clamp_min(x, 0, out=y) if s.max == math.inf else t.clamp(x, 0, s.max, out=y),
        "rect:min": lambda _, x, y: t.clamp_max(x, 1, out=y),
        "rect:minmax": lambda _, x, y: t.clamp(x, 0, 1, out=y),
        "clip": lambda s, x, y: t.clamp(x, s.min, s.max, out=y),
        "leakyrelu": lambda s, x, y: nn.leaky_relu(x, s.negative_slope, out=y),
        "veryleakyrectify": lambda _, x, y: nn.leaky_relu(x, 1 / 3, out=y),
        "prelu": lambda s, x, y: nn.leaky_relu(x, s.slope, out=y),
        "lgrelu": lgrelu,
        "elu": lambda s, x, y: nn.elu(x, s.alpha, out=y),
        "selu": lambda s, x, y: nn.elu(x, s.alpha, s.scale, out=y),
        "gaussian": gaussian,
        "relu6": lambda _, x, y: t.clamp(x, 0, 6, out=y),
        "reluk": lambda s, x, y: t.clamp(x, 0, s.n, out=y),
        "relu2": lambda _, x, y: t.square(t.clamp_min(x, 0, out=y), out=y),
        "gelu": lambda _, x, y: nn.gelu(x, out=y),
        "gelu_tanh": lambda _, x, y: nn.gelu(x, approximate="tanh", out=y),
        "gelu_10": lambda _, x, y: t.clamp(nn.gelu(x, out=y), -10, 10, out=y),
        "quick_gelu": lambda _, x, y: t.mul(x, t.sigmoid(1.702 * x), out=y),
        "silu": lambda s, x, y: nn.silu(x, out=y) if s.beta == 1 else t.mul(x, t.sigmoid(s.beta * x), out=y),
        "mish": lambda _, x, y: f.mish(x) if y is None else t.ops.aten.mish.out(x, out=y),
        "dish": lambda _, x, y: t.mul(0.5 * x, x * t.rsqrt(1 + x * x) + 1, out=y),
        "lisht": lambda _, x, y: t.mul(x, t.tanh(x, out=y), out=y),
        "stanh": lambda s, x, y: t.mul(t.tanh(s.scale_a * x), s.scale_b, out=y),
        "softsign": lambda _, x, y: t.div(x, 1 + t.abs(x), out=y),
        "sparse_sigmoid": lambda _, x, y: t.mul(t.clamp(x + 1, 0, 2), 0.5, out=y),
        "laplace": lambda s, x, y: t.special.ndtr((x - s.mu) / s.sigma, out=y),
        "sqrtsoftplus": lambda _, x, y: t.sqrt(nn.softplus(x, out=y), out=y),
        "logsigmoid": lambda _, x, y: t.neg(nn.softplus(-x, out=y), out=y),
        "tanhshrink": lambda _, x, y: t.sub(x, t.tanh(x, out=y), out=y),
        "squareplus": lambda s, x, y: t.mul(x + t.sqrt(x * x + s.b), 0.5, out=y),
        "exponential": lambda _, x, y: t.exp(x, out=y),
        "sin": lambda _, x, y: t.sin(x, out=y),
        "cos": lambda _, x, y: t.cos(x, out=y),
        "snake": lambda s, x, y: t.add(x, t.square(t.sin(s.frequency * x)) / s.frequency, out=y),
        "thresholdedrelu": lambda s, x, y: t.threshold(x, s.theta, 0, out=y),
        "threshold": lambda s, x, y: t.threshold(x, s.threshold, s.value, out=y),
        "rrelu": lambda s, x, y: nn.leaky_relu(x, (s.lower + s.upper) / 2, out=y),
        "celu": lambda s, x, y: nn.elu(x, s.alpha, 1, 1 / s.alpha, out=y),
        "xielu": xielu,
        "hardtanh": lambda s, x, y: nn.hardtanh(x, s.min, s.max, out=y),
        "hardshrink": lambda s, x, y: t.hardshrink(x, s.lambd, out=y),
        "softshrink": lambda s, x, y: nn.softshrink(x, s.lambd, out=y),
        "hardsigmoid": lambda _, x, y: nn.hardsigmoid(x, out=y),
        "hardswish": lambda _, x, y: nn.hardswish(x, out=y),
        "hard_mish": lambda _, x, y: t.mul(x * 0.5, t.clamp(x + 2, 0, 2), out=y),
        "clippedlinear": lambda s, x, y: t.clamp(x * s.slope + s.offset, s.min, s.max, out=y),
        "softlif": softlif,
        "softmax": lambda s, x, y: t.softmax(x, s.axis, out=y),
        "log_softmax": lambda s, x, y: t.log_softmax(x, s.axis, out=y),
        "softmin": lambda s, x, y: t.softmax(-x, s.axis, out=y),
        "glu": lambda _, x, y: nn.glu(x, -1, out=y),
        "swiglu": lambda _, x, y: t.mul(x.chunk(2, -1)[0], f.silu(x.chunk(2, -1)[1]), out=y),
        "norm:l2": lambda s, x, y: f.normalize(x, dim=s.axis, eps=s.eps, out=y),
        "norm:rms": rms,
        "norm:layer": layer,
        "norm:mean": lambda s, x, y: t.sub(x, x.mean(s.axis, keepdim=True), out=y),
        "norm:max": lambda s, x, y: t.div(x, x.abs().amax(s.axis, keepdim=True) + s.eps, out=y),
        "norm:std": lambda s, x, y: t.div(x, t.std(x, s.axis, correction=0, keepdim=True) + s.eps, out=y),
        "norm:z": norm_z,
        "above": lambda _, x, y: t.mul(x, x > 1, out=y),
    }


def _jax(n: Any, nn: Any) -> dict[str, Callable[..., Any]]:
    def norm_z(s: Any, x: Any) -> Any:
        return (x - x.mean(s.axis, keepdims=True)) / (x.std(s.axis, keepdims=True) + s.eps)

    def xielu(s: Any, x: Any) -> Any:
        below = (n.expm1(n.minimum(x, s.eps)) - x) * s.alpha_n + s.beta * x
        return n.where(x > 0, s.alpha_p * x * x + s.beta * x, below)

    def softlif(s: Any, x: Any) -> Any:
        return s.amp / (s.tau_ref + s.tau_rc * n.log1p(1 / (s.sigma * nn.softplus(x / s.sigma))))

    return {
        "linear": lambda _, x: n.copy(x),
        "tanh": lambda _, x: n.tanh(x),
        "scaledtanh": lambda s, x: s.scale_out * n.tanh(s.scale_in * x),
        "sigmoid": lambda _, x: nn.sigmoid(x),
        "softplus": lambda _, x: nn.softplus(x),
        "relu": lambda s, x: nn.relu(x) if s.max == math.inf else n.clip(x, 0, s.max),
        "rect:min": lambda _, x: n.minimum(x, 1),
        "rect:minmax": lambda _, x: n.clip(x, 0, 1),
        "clip": lambda s, x: n.clip(x, s.min, s.max),
        "leakyrelu": lambda s, x: nn.leaky_relu(x, s.negative_slope),
        "veryleakyrectify": lambda _, x: nn.leaky_relu(x, 1 / 3),
        "prelu": lambda s, x: nn.leaky_relu(x, s.slope),
        "lgrelu": lambda s, x: n.where(x > 0, s.gain * x, s.leak * x),
        "elu": lambda s, x: nn.elu(x, s.alpha),
        "selu": lambda s, x: s.scale * nn.elu(x, s.alpha),
        "gaussian": lambda _, x: n.exp(-x * x),
        "relu6": lambda _, x: nn.relu6(x),
        "reluk": lambda s, x: n.clip(x, 0, s.n),
        "relu2": lambda _, x: n.square(nn.relu(x)),
        "gelu": lambda _, x: nn.gelu(x, approximate=False),
        "gelu_tanh": lambda _, x: nn.gelu(x),
        "gelu_10": lambda _, x: n.clip(nn.gelu(x, approximate=False), -10, 10),
        "quick_gelu": lambda _, x: x * nn.sigmoid(1.702 * x),
        "silu": lambda s, x: nn.silu(x) if s.beta == 1 else x * nn.sigmoid(s.beta * x),
        "mish": lambda _, x: nn.mish(x),
        "dish": lambda _, x: 0.5 * x * (1 + x / n.sqrt(1 + x * x)),
        "lisht": lambda _, x: x * n.tanh(x),
        "stanh": lambda s, x: s.scale_b * n.tanh(s.scale_a * x),
        "softsign": lambda _, x: nn.soft_sign(x),
        "sparse_sigmoid": lambda _, x: nn.sparse_sigmoid(x),
        "sqrtsoftplus": lambda _, x: n.sqrt(nn.softplus(x)),
        "logsigmoid": lambda _, x: nn.log_sigmoid(x),
        "tanhshrink": lambda _, x: x - n.tanh(x),
        "squareplus": lambda s, x: nn.squareplus(x, s.b),
        "sparse_plus": lambda _, x: nn.sparse_plus(x),
        "exponential": lambda _, x: n.exp(x),
        "sin": lambda _, x: n.sin(x),
        "cos": lambda _, x: n.cos(x),
        "snake": lambda s, x: x + n.square(n.sin(s.frequency * x)) / s.frequency,
        "thresholdedrelu": lambda s, x: n.where(x > s.theta, x, 0),
        "threshold": lambda s, x: n.where(x > s.threshold, x, s.value),
        "rrelu": lambda s, x: nn.leaky_relu(x, (s.lower + s.upper) / 2),
        "celu": lambda s, x: nn.celu(x, s.alpha),
        "xielu": xielu,
        "hardtanh": lambda s, x: n.clip(x, s.min, s.max),
        "hardshrink": lambda s, x: n.where(n.abs(x) > s.lambd, x, 0),
        "softshrink": lambda s, x: n.where(n.abs(x) > s.lambd, x - s.lambd * n.sign(x), 0),
        "shrink": lambda s, x: n.where(n.abs(x) > s.lambd, x - s.bias * n.sign(x), 0),
        "hardsigmoid": lambda _, x: nn.hard_sigmoid(x),
        "hardswish": lambda _, x: nn.hard_swish(x),
        "hard_mish": lambda _, x: 0.5 * x * n.clip(x + 2, 0, 2),
        "clippedlinear": lambda s, x: n.clip(s.slope * x + s.offset, s.min, s.max),
        "softlif": softlif,
        "softmax": lambda s, x: nn.softmax(x, s.axis),
        "log_softmax": lambda s, x: nn.log_softmax(x, s.axis),
        "softmin": lambda s, x: nn.softmax(-x, s.axis),
        "glu": lambda _, x: nn.glu(x),
        "swiglu": lambda _, x: n.split(x, 2, -1)[0] * nn.silu(n.split(x, 2, -1)[1]),
        "norm:l2": lambda s, x: x / n.maximum(n.linalg.norm(x, axis=s.axis, keepdims=True), s.eps),
        "norm:rms": lambda s, x: x / n.sqrt(n.mean(x * x, s.axis, keepdims=True) + s.eps),
        "norm:layer": lambda s, x: nn.standardize(x, s.axis, epsilon=s.eps),
        "norm:mean": lambda s, x: x - x.mean(s.axis, keepdims=True),
        "norm:max": lambda s, x: x / (n.abs(x).max(s.axis, keepdims=True) + s.eps),
        "norm:std": lambda s, x: x / (x.std(s.axis, keepdims=True) + s.eps),
        "norm:z": norm_z,
        "above": lambda _, x: x * (x > 1),
    }


class Peers:
    """The installed peers, imported as they are needed; ``missing`` says which are not, and why."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.missing: dict[str, str] = {}
        self._wanted = wanted
        self._tables: dict[str, Any] = {}
        loads = {"SciPy": _scipy, "numexpr": self._numexpr, "torch": self._torch, "jax.jit": self._jax}
        for peer, load in loads.items():
            if peer in wanted or (peer == "torch" and "torch.compile" in wanted):
                try:
                    self._tables[peer] = load()
                except Exception as error:  # one that fails to import is as good as none
                    self.missing[peer] = f"{type(error).__name__}: {error}".splitlines()[0]
        if "torch" in self.missing and "torch.compile" in wanted:
            self.missing["torch.compile"] = self.missing["torch"]

    def _numexpr(self) -> Any:
        import numexpr

        numexpr.set_num_threads(actspec.get_num_threads())
        return numexpr

    def _torch(self) -> Any:
        import torch

        torch.set_num_threads(actspec.get_num_threads())
        return torch, _torch(torch)

    def _jax(self) -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax, _jax(jax.numpy, jax.nn)

    def program(self, peer: str, stages: tuple[actspec.Activation, ...], x: Any, y: Any) -> Program | None:
        """What the peer runs for stages; None where it isn't wanted or installed, or has no such function.

        y is the array to write to, or None for a new one.
        """
        if peer not in self._wanted or peer in self.missing:
            return None
        names = [stage.__definition__.name for stage in stages]
        if peer == "NumPy formula":
            return partial(_formulas, stages, x)
        if peer == "NumPy":
            return _chain([NUMPY.get(name) for name in names], stages, x, y)
        if peer == "SciPy":
            own = self._tables[peer]
            if not any(name in own for name in names):
                return None
            return _chain([own.get(name) or NUMPY.get(name) for name in names], stages, x, y)
        if peer == "numexpr":
            if len(stages) != 1 or names[0] not in NUMEXPR:
                return None
            given = {f"p_{each.name}": getattr(stages[0], each.name) for each in stages[0].__definition__.parameters}
            used = {name: np.array(value, x.dtype) for name, value in given.items() if name in NUMEXPR[names[0]]}
            evaluate = self._tables[peer].evaluate
            return partial(evaluate, NUMEXPR[names[0]], {"x": x, **used}, out=y)
        if peer == "jax.jit":
            jax, own = self._tables[peer]
            if not all(name in own for name in names):
                return None
            return self._jitted(jax, [own[name] for name in names], stages, x)
        torch, own = self._tables["torch"]
        if not all(name in own for name in names):
            return None
        chain = [own[name] for name in names]
        x, y = torch.from_numpy(x), None if y is None else torch.from_numpy(y)
        if peer == "torch":
            return _chain(chain, stages, x, y)
        return self._compiled(torch, chain, stages, x, y)

    def _jitted(self, jax: Any, chain: list[Any], stages: tuple[Any, ...], x: Any) -> Program:
        def whole(x: Any) -> Any:
            for stage, function in zip(stages, chain, strict=True):
                x = function(stage, x)
            return x

        jitted, given = jax.jit(whole), jax.numpy.asarray(x)
        return lambda: jitted(given).block_until_ready()

    def _compiled(self, torch: Any, chain: list[Any], stages: tuple[Any, ...], x: Any, y: Any) -> Program:
        def whole(x: Any, y: Any) -> Any:
            for stage, function in zip(stages, chain, strict=True):
                x = function(stage, x, None)
            return x if y is None else y.copy_(x)

        torch._dynamo.reset()  # or it stops compiling after some cases
        return partial(torch.compile(whole, fullgraph=True, dynamic=False), x, y)


def _formulas(stages: tuple[actspec.Activation, ...], x: Any) -> Any:
    for stage in stages:
        x = stage.formula(x)
    return x


def _chain(functions: list[Any], stages: tuple[Any, ...], x: Any, y: Any) -> Program | None:
    """Functions one after the other, the last of them into y."""
    if None in functions:
        return None
    if len(functions) == 1:
        return partial(functions[0], stages[0], x, y)

    def run() -> Any:
        value = x
        for stage, function in zip(stages[:-1], functions[:-1], strict=True):
            value = function(stage, value, None)
        return functions[-1](stages[-1], value, y)

    return run
