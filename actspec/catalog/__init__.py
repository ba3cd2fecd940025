"""The built-in activations, by family; importing this package registers them."""

from actspec.catalog.learnable import LGReLU, Maxout, PReLU
from actspec.catalog.norms import NormMax, NormMean, NormStd, NormZ, Softmax
from actspec.catalog.rectifiers import Clip, LeakyReLU, RectMin, RectMinMax, ReLU, VeryLeakyRectify
from actspec.catalog.sigmoids import ScaledTanh, Sigmoid, Tanh
from actspec.catalog.smooth import Elu, Gaussian, Linear, Selu, Softplus
from actspec.catalog.spiking import SoftLIF
from actspec.catalog.stateful import Continuous
from actspec.catalog.stochastic import GumbelSoftmax

__all__ = [
    "Clip",
    "Continuous",
    "Elu",
    "Gaussian",
    "GumbelSoftmax",
    "LGReLU",
    "LeakyReLU",
    "Linear",
    "Maxout",
    "NormMax",
    "NormMean",
    "NormStd",
    "NormZ",
    "PReLU",
    "ReLU",
    "RectMin",
    "RectMinMax",
    "ScaledTanh",
    "Selu",
    "Sigmoid",
    "SoftLIF",
    "Softmax",
    "Softplus",
    "Tanh",
    "VeryLeakyRectify",
]
