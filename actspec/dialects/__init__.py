"""Dialects: the activation names of other systems, with their parameters and defaults, as one data file a system."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

from actspec.dialects import tables
from actspec.dialects.tables import Table
from actspec.errors import did_you_mean
from actspec.suggest import closest

NAMES: Final = ("torch", "keras", "jax", "tf", "onnx", "huggingface", "paddle", "theanets", "lasagne")


def load(name: str) -> Table:
    """The table of a dialect, read when it is first asked for; ValueError where there is none of that name."""
    if not isinstance(name, str):
        raise TypeError(f"dialect must be a str or None, not {type(name).__name__}")
    if name not in NAMES:
        near = closest(name, NAMES, parts=True)
        hint = f"; {did_you_mean(near)}" if near else ""
        raise ValueError(f"unknown dialect {name!r}: it is one of {', '.join(NAMES)}{hint}")
    return _load(name)


@cache
def _load(name: str) -> Table:
    text = files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tables.read(name, tomllib.loads(text))
