"""PaddlePaddle: layers of paddle.nn, functions of paddle.nn.functional."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import paddle

from tests.support.systems.serve import Array, serve

MODULE = "paddle.nn.functional.activation"


def run(word: str, given: dict[str, Any], x: Array, cotangent: Callable[[tuple[int, ...]], Array]) -> Any:
    """A word of paddle.nn, of paddle.nn.functional, or of paddle itself."""
    paddle.set_default_dtype(str(x.dtype))
    if word in ("maxout", "Maxout") and x.ndim < 4:  # of images alone, and along axis 1 of itself
        y, dx = run(word, {"axis": -1} | given, x[np.newaxis], lambda shape: cotangent(shape[1:])[np.newaxis])
        return y[0], dx[0]
    module = getattr(paddle.nn, word, None)
    leaf = paddle.to_tensor(x, stop_gradient=False)
    if inspect.isclass(module):
        layer = module(**given)
        layer.eval()
        y = layer(leaf)
    elif word == "prelu":
        y = paddle.nn.functional.prelu(leaf, paddle.to_tensor([given.get("init", 0.25)], dtype=str(x.dtype)))
    elif word == "rrelu":
        y = paddle.nn.functional.rrelu(leaf, training=False, **given)
    else:
        y = (getattr(paddle.nn.functional, word, None) or getattr(paddle, word))(leaf, **given)
    (dx,) = paddle.grad([y], [leaf], [paddle.to_tensor(cotangent(tuple(y.shape)))])
    return y.numpy(), dx.numpy()


if __name__ == "__main__":
    functional = vars(paddle.nn.functional).items()
    own = {name for name, value in functional if getattr(value, "__module__", "") == MODULE and not name.endswith("_")}
    serve({"paddle": run}, own)
