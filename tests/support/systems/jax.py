"""JAX: functions of jax.nn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from tests.support.systems.serve import Array, serve

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_jit", True)  # each operation is compiled once, not each function


def run(word: str, given: dict[str, Any], x: Array, cotangent: Callable[[tuple[int, ...]], Array]) -> Any:
    """A word of jax.nn."""
    return differentiate(lambda x: getattr(jax.nn, word)(x, **given), x, cotangent)


def differentiate(function: Any, x: Array, cotangent: Callable[[tuple[int, ...]], Array]) -> tuple[Array, Array]:
    """What a function makes of x, and what x gets."""
    y, back = jax.vjp(function, jax.numpy.asarray(x))
    (dx,) = back(jax.numpy.asarray(cotangent(y.shape), y.dtype))
    return y, dx


# What jax.nn has beside activations.
OTHERS = {
    *("dot_product_attention", "get_scaled_dot_general_config", "log1mexp", "logmeanexp", "logsumexp", "one_hot"),
    *("scaled_dot_general", "scaled_matmul"),
}

if __name__ == "__main__":
    public = {name for name, value in vars(jax.nn).items() if callable(value) and not name.startswith("_")}
    serve({"jax": run}, public - OTHERS)
