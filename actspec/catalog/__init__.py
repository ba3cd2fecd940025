"""The built-in activations, by family; importing this package registers them."""

from actspec.catalog.hard import ClippedLinear, HardMish, HardSigmoid, HardSwish, HardTanh
from actspec.catalog.learnable import XIELU, LGReLU, Maxout, PReLU
from actspec.catalog.norms import NormL2, NormLayer, NormMax, NormMean, NormRMS, NormStd, NormZ
from actspec.catalog.rectifiers import (
    Clip,
    LeakyReLU,
    RectMin,
    RectMinMax,
    ReLU,
    ReLU2,
    ReLU6,
    ReLUK,
    RReLU,
    Threshold,
    ThresholdedReLU,
    VeryLeakyRectify,
)
from actspec.catalog.shrinking import HardShrink, Shrink, SoftShrink
from actspec.catalog.sigmoids import ScaledTanh, Sigmoid, Tanh
from actspec.catalog.smooth import CELU, Elu, Gaussian, Linear, Selu, Softplus
from actspec.catalog.softmaxes import Hardmax, LogSoftmax, Softmax, Softmin, Sparsemax
from actspec.catalog.spiking import SoftLIF
from actspec.catalog.stateful import Continuous
from actspec.catalog.stochastic import GumbelSoftmax

__all__ = [
    "CELU",
    "XIELU",
    "Clip",
    "ClippedLinear",
    "Continuous",
    "Elu",
    "Gaussian",
    "GumbelSoftmax",
    "HardMish",
    "HardShrink",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "Hardmax",
    "LGReLU",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Maxout",
    "NormL2",
    "NormLayer",
    "NormMax",
    "NormMean",
    "NormRMS",
    "NormStd",
    "NormZ",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU2",
    "ReLU6",
    "ReLUK",
    "RectMin",
    "RectMinMax",
    "ScaledTanh",
    "Selu",
    "Shrink",
    "Sigmoid",
    "SoftLIF",
    "SoftShrink",
    "Softmax",
    "Softmin",
    "Softplus",
    "Sparsemax",
    "Tanh",
    "Threshold",
    "ThresholdedReLU",
    "VeryLeakyRectify",
]
