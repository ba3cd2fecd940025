"""ONNX: models of one operator, by onnx's reference evaluator and by onnxruntime. It has no derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx.reference
import onnxruntime
from onnx import helper, numpy_helper

from tests.support.systems.serve import Array, UnsupportedError, serve

OPSET = 24


def model(word: str, given: dict[str, Any], x: Array) -> onnx.ModelProto:
    """A model of one operator, its further inputs as initialisers."""
    further: dict[str, Array] = {}
    if word == "Clip":
        further = {key: np.array(given[key], x.dtype) for key in ("min", "max") if key in given}
        given = {}
    elif word == "PRelu":
        further = {"slope": np.array([0.25], x.dtype)}
    elif word in ("LayerNormalization", "RMSNormalization"):
        further = {"scale": np.ones(1, x.dtype)}
    names = ["min", "max"] if word == "Clip" else list(further)
    inputs = ["x", *(name if name in further else "" for name in names)]
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        [helper.make_node(word, inputs, ["y"], **given)],
        "one",
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_tensor_value_info("y", kind, x.shape)],
        [numpy_helper.from_array(value, name) for name, value in further.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def refer(word: str, given: dict[str, Any], x: Array, _cotangent: Callable[..., Array]) -> Any:
    """By the reference evaluator."""
    (y,) = onnx.reference.ReferenceEvaluator(model(word, given, x)).run(None, {"x": x})
    return y, None


def run(word: str, given: dict[str, Any], x: Array, _cotangent: Callable[..., Array]) -> Any:
    """By onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            model(word, given, x).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error) and "Type 'tensor(double)'" not in str(error):
            raise
        raise UnsupportedError(str(error)) from error
    (y,) = session.run(None, {"x": x})
    return y, None


if __name__ == "__main__":
    serve({"reference": refer, "onnxruntime": run})
