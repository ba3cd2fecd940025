"""Kernels as functions of Python: built-in ones, which CPython calls with their arguments in memory.

Their code is that of ``entries``, which reads what it is told of a kernel from words: addresses and numbers.
"""

from __future__ import annotations

import ctypes
import enum
import importlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt


class GeneralWords(enum.IntEnum):
    """The words of the general way into a kernel."""

    KERNEL = 0
    """The address of its wrapper."""
    NDARRAY = 1
    COUNT = 2
    WORDS = 3
    """How many words its arguments take."""
    RANKS = 4
    """How many axes the first argument has, and after it those of the others."""


class ShortWords(enum.IntEnum):
    """The words of the short way into a kernel."""

    KERNEL = 0
    """The address of its wrapper."""
    NDARRAY = 1
    NONE = 2
    EMPTY = 3
    """The address of PyArray_Empty."""
    COUNT = 4
    """How many arrays it takes."""
    DTYPE = 5
    TYPE_NUMBER = 6
    ELEMENTS = 7
    ROWS = 8
    LENGTH = 9
    ROW_STEP = 10
    STEP = 11
    PARAMETERS = 12
    NUMBERS = 13
    """How many parameters there are."""
    RANK = 14
    SHAPE = 15
    """The length of their first axis, and after it those of the others."""


POINTER: Final = ctypes.sizeof(ctypes.c_void_p)
HEADER: Final = object.__basicsize__
"""How many bytes an object has before its fields, of which the last are its type's address."""

_METH_FASTCALL: Final = 0x80
_PYARRAY_EMPTY: Final = 184
"""The place of PyArray_Empty in the table of functions that NumPy has for C."""


def general(entry: int, kernel: int, ranks: Sequence[int]) -> Callable[..., Any]:
    """The function of a kernel's arguments: arrays with so many axes, and integers, which have 0.

    ``entry`` and ``kernel`` are the addresses of the code of ``entries`` and of the kernel's wrapper.
    """
    taken = sum(1 + 2 * each for each in ranks)
    return _built_in(entry, np.array([kernel, id(np.ndarray), len(ranks), taken, *ranks], np.intp))


def short(
    entry: int, kernel: int, count: int, like: npt.NDArray[Any], view: Sequence[int], parameters: npt.NDArray[Any]
) -> Callable[..., Any]:
    """The function of ``count`` arrays of the type and shape of another one, the last of which is ``out``, or None.

    It runs a kernel on them as lanes of the shape ``view``, and gives the result: ``out``, or a new array. It gives
    None for any other arrays, and where the kernel refuses them. The addresses are as for ``general``.
    """
    dtype = np.dtype(like.dtype.char)  # the one that is there as long as NumPy
    rows, length = view
    numbers = np.array(parameters, np.float64).view(np.intp)
    words = np.zeros(ShortWords.SHAPE + like.ndim + numbers.size, np.intp)
    words[: ShortWords.SHAPE + like.ndim] = (
        kernel,
        id(np.ndarray),
        id(None),
        _numpy_function(_PYARRAY_EMPTY),
        count,
        id(dtype),
        dtype.num,
        like.size,
        rows,
        length,
        length * dtype.itemsize,
        dtype.itemsize,
        words[ShortWords.SHAPE + like.ndim :].ctypes.data,
        parameters.size,
        like.ndim,
        *like.shape,
    )
    words[ShortWords.SHAPE + like.ndim :] = numbers
    return _built_in(entry, words)


class _Definition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("code", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


@cache
def _definition(entry: int) -> int:
    """The address of one for the code of an entry; it is never freed, as functions may be called while Python ends."""
    made = _Definition(b"kernel", entry, _METH_FASTCALL, b"A kernel that actspec generated.")
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(made))
    return ctypes.addressof(made)


def _built_in(entry: int, words: npt.NDArray[Any]) -> Callable[..., Any]:
    made: Callable[..., Any] = _new()(_definition(entry), words, None)
    return made


@cache
def _new() -> Any:
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return prototype(("PyCFunction_NewEx", ctypes.pythonapi))


@cache
def _numpy_function(place: int) -> int:
    """The address of one of the functions that NumPy has for C."""
    table = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API  # where NumPy's header for C looks
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    start: int = prototype(("PyCapsule_GetPointer", ctypes.pythonapi))(table, None)
    return ctypes.c_size_t.from_address(start + place * POINTER).value
