"""Activation functions as a language: name, compose, check and run them.

>>> import actspec
>>> act = actspec.parse("tanh+norm:z")
>>> act([[0.0, 1.0, 2.0]]).round(3)
array([[-1.386,  0.449,  0.937]])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from actspec import catalog, functions, registry
from actspec.activation import Activation
from actspec.errors import DerivativeError, LayerError, Problem, RegistryError, SpecError, UnboundError
from actspec.parameters import Learnable, Normal, Parameter, Uniform, parameter
from actspec.pipeline import Pipeline, parse, validate
from actspec.registry import names

if TYPE_CHECKING:
    from actspec.description import Description, Explanation, describe, explain
    from actspec.kernels.threads import get_num_threads, set_num_threads
    from actspec.layers import LayerSpec, parse_layers
    from actspec.plant import Plant

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "DerivativeError",
    "Description",
    "Explanation",
    "LayerError",
    "LayerSpec",
    "Learnable",
    "Normal",
    "Parameter",
    "Pipeline",
    "Plant",
    "Problem",
    "RegistryError",
    "SpecError",
    "UnboundError",
    "Uniform",
    "__version__",
    "catalog",
    "describe",
    "explain",
    "functions",
    "get_num_threads",
    "names",
    "parameter",
    "parse",
    "parse_layers",
    "registry",
    "set_num_threads",
    "validate",
]

# What a program that only reads specs never needs is imported when it is first asked for.
_LATER = {
    **dict.fromkeys(("Description", "Explanation", "describe", "explain"), "actspec.description"),
    **dict.fromkeys(("LayerSpec", "parse_layers"), "actspec.layers"),
    "Plant": "actspec.plant",
    **dict.fromkeys(("get_num_threads", "set_num_threads"), "actspec.kernels.threads"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'actspec' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
