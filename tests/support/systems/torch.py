"""PyTorch: modules of torch.nn, functions of torch.nn.functional."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from tests.support.systems.serve import Array, serve


def run(word: str, given: dict[str, Any], x: Array, cotangent: Callable[[tuple[int, ...]], Array]) -> Any:
    """A word of torch.nn, or of torch.nn.functional."""
    if word in ("LayerNorm", "layer_norm", "RMSNorm", "rms_norm"):
        # Without eps, that of RMS norm is another one for each type.
        given = {"normalized_shape": x.shape[-1:], "eps": 1e-5 if "ayer" in word else 2.0**-23} | given
    module = getattr(torch.nn, word, None)
    if inspect.isclass(module):
        takes = inspect.signature(module).parameters
        if "dim" in takes:
            given = {"dim": -1} | given
        function = module(**given).to(torch.float64 if x.dtype == "float64" else torch.float32).eval()
    else:
        named = getattr(torch.nn.functional, word)
        if word in ("softmax", "softmin", "log_softmax"):
            given = {"dim": -1} | given
        if word == "prelu":
            given = {"weight": torch.tensor([given.get("init", 0.25)], dtype=torch.from_numpy(x).dtype)}
        function = lambda x: named(x, **given)  # noqa: E731
    return differentiate(function, x, cotangent)


def differentiate(function: Any, x: Array, cotangent: Callable[[tuple[int, ...]], Array]) -> tuple[Array, Array]:
    """What a function makes of x, and what x gets."""
    leaf = torch.from_numpy(x.copy()).requires_grad_()
    y = function(leaf)
    (dx,) = torch.autograd.grad(y, [leaf], torch.from_numpy(cotangent(tuple(y.shape))), materialize_grads=True)
    return y.detach().numpy(), dx.numpy()


if __name__ == "__main__":
    serve({"torch": run}, set(torch.nn.modules.activation.__all__) - {"MultiheadAttention"})
