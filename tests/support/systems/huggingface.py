"""Hugging Face: what ACT2FN of transformers makes of its keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch
from transformers.activations import ACT2FN

from tests.support.systems.serve import Array, serve
from tests.support.systems.torch import differentiate


def run(word: str, given: dict[str, Any], x: Array, cotangent: Callable[[tuple[int, ...]], Array]) -> Any:
    """The module of a key."""
    assert not given
    dtype = torch.from_numpy(x).dtype
    module = ACT2FN[word]
    if word == "xielu":
        module = type(module)(dtype=dtype)  # its usual bfloat16 has two digits
    return differentiate(module.to(dtype), x, cotangent)


if __name__ == "__main__":
    serve({"huggingface": run}, ACT2FN)
