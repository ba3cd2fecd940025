"""The ways from Python into kernels: which arrays they take, what they leave of references, and Python's lock."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import actspec
from actspec.kernels import binding
from actspec.kernels import compile as compiler

SOURCE = '''"""A kernel that adds a parameter, and refuses arrays that begin with a number below zero."""
from numba import float64
signature = "intp(float64[:, :], float64[:, :], float64[::1])"
def kernel(x, y, p):
    if x[0, 0] < 0.0:
        return 1
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = x[i, j] + p[0]
    return 0
'''
SHAPE = (2, 3, 4)


def sample(shape: tuple[int, ...] = SHAPE, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    return np.arange(1, 1 + np.prod(shape), dtype=dtype).reshape(shape)


def short(like: npt.NDArray[Any], parameter: float = 0.5) -> Any:
    view = (like.size // like.shape[-1], like.shape[-1])
    return compiler.load(SOURCE).short(like, 1, view, np.array([parameter]))


def misaligned(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    made = np.empty(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    made[...] = x
    return made


class Labelled(np.ndarray[Any, Any]):
    """An array of a class of its own."""


OTHERS = {
    "another shape": lambda x: x[:1],
    "another number of axes": lambda x: x.reshape(6, 4),
    "no axes": lambda x: x[0, 0, 0, ...],
    "another type": lambda x: x.astype(np.float32),
    "another type as wide": lambda x: x.astype(np.int64),
    "another byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "another order": np.asfortranarray,
    "steps": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "backwards": lambda x: x[..., ::-1],
    "one for all": lambda x: np.broadcast_to(x[..., :1], x.shape),
    "an address between two": misaligned,
    "a subclass": lambda x: x.view(Labelled),
    "a list": lambda x: x.tolist(),
    "a number": lambda _: 1.0,
    "a class": lambda x: type(x),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_short_way_takes_no_other_array(name):
    x = sample()
    other = OTHERS[name](x)
    assert short(x)(other, None) is None
    assert short(x)(x, other) is None
    if isinstance(other, np.ndarray) and other.dtype == np.float64 and other.shape == SHAPE:
        expected = other + 0.0
        act = actspec.parse("relu")
        for _ in range(3):
            act(x)
            np.testing.assert_array_equal(act(other), expected)


@pytest.mark.parametrize("shape", [(1,), (7,), (2, 3), (5, 1), (2, 3, 4), (1, 2, 1, 3), (2,) * 20])
def test_the_short_way_gives_a_new_array_or_the_one_that_it_is_given(shape):
    x = sample(shape)
    run = short(x)
    y = run(x, None)
    assert type(y) is np.ndarray
    assert (y.dtype, y.shape, y.flags.carray, y.flags.owndata) == (x.dtype, shape, True, True)
    np.testing.assert_array_equal(y, x + 0.5)
    out = np.empty(shape)
    assert run(x, out) is out
    np.testing.assert_array_equal(out, x + 0.5)
    assert run(out, out) is out
    np.testing.assert_array_equal(out, x + 1.0)


def test_the_short_way_reads_what_is_read_only_and_does_not_write_it():
    x = sample()
    run = short(x)
    x.flags.writeable = False
    np.testing.assert_array_equal(run(x, None), x + 0.5)
    assert run(np.ones(SHAPE), x) is None
    np.testing.assert_array_equal(x, sample())


def test_types_of_one_layout_are_one_type():
    x = sample()
    same = [np.dtype("<f8"), np.dtype("f8", metadata={"unit": "m"}), np.dtype(">f8").newbyteorder()]
    for dtype in same if sys.byteorder == "little" else []:
        np.testing.assert_array_equal(short(x)(x.astype(dtype), None), x + 0.5)


def test_a_kernel_that_refuses_gives_none_and_writes_nothing():
    x = sample()
    x[0, 0, 0] = -1.0
    out = np.zeros(SHAPE)
    assert short(x)(x, None) is None
    assert short(x)(x, out) is None
    assert not out.any()


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2, 3)])
def test_the_short_way_takes_as_many_arguments_as_it_was_made_for(arguments):
    assert short(sample())(*arguments) is None


def test_parameters_are_those_of_the_time_it_was_made():
    x = sample()
    parameters = np.array([2.0])
    run = compiler.load(SOURCE).short(x, 1, (6, 4), parameters)
    parameters[0] = 3.0
    np.testing.assert_array_equal(run(x, None), x + 2.0)


def test_references_are_as_many_after_as_before():
    x, out, other = sample(), np.empty(SHAPE), sample((3,))
    refused = -x
    run, function = short(x), compiler.load(SOURCE).function
    counted = (x, out, other, x.dtype, np.ndarray)

    def counts() -> list[int]:
        gc.collect()
        return [sys.getrefcount(each) for each in counted]

    before = counts()
    for _ in range(1000):
        run(x, None)
        run(x, out)
        run(refused, None)
        run(refused, out)
        run(other, out)
        run(x, other)
        function(x[0], out[0], x.ravel())
        with pytest.raises(TypeError):
            function(x, out, other)
    assert counts() == before
    assert sys.getrefcount(run(x, None)) <= 2


def test_no_memory_for_the_result_is_an_error(monkeypatch):
    failing = ctypes.cast(ctypes.pythonapi.PyErr_NoMemory, ctypes.c_void_p).value
    monkeypatch.setattr(binding, "_numpy_function", lambda _: failing)
    x = sample()
    run = short(x)
    with pytest.raises(MemoryError):
        run(x, None)
    out = np.empty(SHAPE)
    assert run(x, out) is out


def test_the_functions_of_numpy_are_where_its_header_says():
    """PyArray_GetNDArrayCVersion is the first of all, and PyArray_Empty makes arrays."""
    version = ctypes.CFUNCTYPE(ctypes.c_uint)(binding._numpy_function(0))()
    assert version >> 24 in (1, 2)
    empty = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    made = empty(binding._numpy_function(binding._PYARRAY_EMPTY))(0, None, None, 0)
    assert (made.dtype, made.shape) == (np.float64, ())


WRONG = {
    "too few": lambda x, y, _: (x, y),
    "too many": lambda x, y, p: (x, y, p, p),
    "another number of axes": lambda x, y, p: (x, y[0], p),
    "a list": lambda x, y, p: (x.tolist(), y, p),
    "nothing": lambda x, _, p: (x, None, p),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_general_way_refuses_what_is_no_argument(name):
    x = sample((2, 3))
    with pytest.raises(TypeError):
        compiler.load(SOURCE).function(*WRONG[name](x, np.empty_like(x), np.ones(1)))


def test_the_general_way_takes_arrays_of_any_steps_and_of_subclasses():
    x = sample((6, 8))[::-2, ::3]
    y = np.zeros((8, 6)).T[::2, ::-3].view(Labelled)
    assert compiler.load(SOURCE).function(x, y, np.array([0.5])) == 0
    np.testing.assert_array_equal(y, x + 0.5)


NUMBERS = """
signature = "intp(float64[:, :, :], intp, float64[:], intp)"
def kernel(x, i, y, j):
    return i - 2 * j + int(x[1, 0, 2]) + int(y[1])
"""


def test_the_general_way_takes_and_gives_integers():
    run = compiler.load(NUMBERS).function
    x, y = sample(), np.arange(8.0)[::3]
    assert run(x, -(2**62), y, 5) == -(2**62) - 10 + 15 + 3
    assert run(x, 7, y, True) == 7 - 2 + 15 + 3
    for wrong in (1.5, "1", None, np.int64(1), 2**70):
        with pytest.raises(TypeError):
            run(x, wrong, y, 0)


@pytest.mark.parametrize(
    ("signature", "result", "told"),
    [
        ("float64(float64[:])", "x[0]", "gives intp or nothing, not float64"),
        ("void(float32)", "None", "takes arrays and intp, not float32"),
    ],
)
def test_other_signatures_are_told(signature, result, told):
    with pytest.raises(TypeError, match=told):
        compiler.load(f"signature = {signature!r}\ndef kernel(x):\n    return {result}\n")


HOLDING = """
import ctypes
held = ctypes.CFUNCTYPE(ctypes.c_int)({address})
signature = "intp(float64[:, :], float64[:, :], float64[::1])"
def kernel(x, y, p):
    y[0, 0] = held()
    return 0
"""


def test_long_calls_let_go_of_the_lock_of_python():
    address = ctypes.cast(ctypes.pythonapi.PyGILState_Check, ctypes.c_void_p).value
    kernel = compiler.load(HOLDING.format(address=address))
    held = {}
    for count in (1, 511, 512, 10_000):
        x = np.zeros((1, count))
        held[count] = kernel.short(x, 1, (1, count), np.zeros(1))(x, None)[0, 0]
    assert held == {1: 1, 511: 1, 512: 0, 10_000: 0}
    x, y = np.zeros((1, 1)), np.ones((1, 1))
    kernel.function(x, y, np.zeros(1))
    assert y[0, 0] == 0


@pytest.mark.parametrize("spec", ["tanh", "softmax", "tanh+norm:z", "glu", "softmax(axis=0)"])
def test_arrays_in_turn_take_ways_of_their_own(spec):
    act = actspec.parse(spec)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in [(4, 6), (6, 4), (24,)] for dtype in ("f4", "f8", "f2")]
    arrays = [x for x in arrays if x.ndim > 1 or "axis" not in spec]
    expected = [actspec.parse(f"{spec}+linear")(x) for x in arrays]
    gradients = [act.vjp(x, y) for x, y in zip(arrays, expected, strict=True)]
    for _ in range(3):
        for x, y, g in zip(arrays, expected, gradients, strict=True):
            for result, wanted in ((act(x), y), (act(x, out=np.empty_like(y)), y), (act.vjp(x, y), g)):
                assert result.dtype == x.dtype
                np.testing.assert_array_equal(result, wanted)


def test_kernels_may_be_called_while_python_ends():
    code = """
import os, sys
import numpy as np, actspec
act, x = actspec.parse("tanh"), np.ones((4, 5))
for _ in range(3):
    act(x)
class Last:
    def __init__(self):
        self.act, self.x, self.numbers, self.write = act, x, range(5000), os.write
    def __del__(self):
        kept = [each * 1.5 for each in self.numbers]  # where freed memory is used again
        self.write(1, str(self.act(self.x).tolist() == 4 * [5 * [0.7615941559557649]]).encode())
sys.last = Last()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True", "")


def test_types_that_have_no_hash_are_told_like_others():
    act = actspec.parse("relu")
    for what in (act, act.derivative):
        with pytest.raises(TypeError, match="x must be an array of real numbers"):
            what(np.array(["a"], np.dtypes.StringDType(na_object=[1])))
