"""Activation functions as a language: name, compose, check and run them.

>>> import actspec
>>> act = actspec.parse("tanh+norm:z")
>>> act([[0.0, 1.0, 2.0]]).round(3)
array([[-1.381,  0.437,  0.944]])
"""

from actspec import functions, registry
from actspec.activation import Activation
from actspec.describe import Description, Explanation, describe, explain
from actspec.errors import LayerError, Problem, RegistryError, SpecError, UnboundError
from actspec.layers import LayerSpec, parse_layers
from actspec.parameters import Learnable, Normal, Parameter, Uniform, parameter
from actspec.pipeline import Pipeline, parse, validate
from actspec.registry import names

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Description",
    "Explanation",
    "LayerError",
    "LayerSpec",
    "Learnable",
    "Normal",
    "Parameter",
    "Pipeline",
    "Problem",
    "RegistryError",
    "SpecError",
    "UnboundError",
    "Uniform",
    "__version__",
    "describe",
    "explain",
    "functions",
    "names",
    "parameter",
    "parse",
    "parse_layers",
    "registry",
    "validate",
]
