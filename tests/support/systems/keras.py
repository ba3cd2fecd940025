"""Keras on the JAX backend: functions of keras.activations, activation layers of keras.layers."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras
from keras.src.activations import ALL_OBJECTS_DICT

from tests.support.systems.jax import differentiate
from tests.support.systems.serve import Array, serve


def run(word: str, given: dict[str, Any], x: Array, cotangent: Callable[[tuple[int, ...]], Array]) -> Any:
    """A word of keras.activations, or of keras.layers."""
    keras.config.set_floatx(str(x.dtype))
    function = getattr(keras.activations, word, None)
    if function is None:
        return differentiate(getattr(keras.layers, word)(**given, dtype=str(x.dtype)), x, cotangent)
    return differentiate(lambda x: function(x, **given), x, cotangent)


if __name__ == "__main__":
    serve({"keras": run}, set(vars(keras.activations)) & set(ALL_OBJECTS_DICT))
