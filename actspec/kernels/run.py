"""Call stages on arrays: the short way for arrays like those before, and the general one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from actspec.errors import UnboundError
from actspec.graph.operand import Operand, Stage
from actspec.kernels.known import Known, is_dense

if TYPE_CHECKING:
    from actspec.kernels.drive import Driver


class Runner:
    """Calls stages, one after the other, on arrays, compiled as far as they can be."""

    __slots__ = ("_driver", "_known", "_parts", "_refusal", "_width")

    _driver: Driver | None
    _known: dict[tuple[np.dtype[Any], tuple[int, ...]], Known]
    _parts: tuple[Stage, ...]
    _refusal: str | None
    _width: int | None

    def __init__(self, parts: tuple[Stage, ...], refusal: str | None = None, width: int | None = None) -> None:
        """Run these stages; ``refusal`` says why they can't be run before they are bound.

        ``width`` is the number of features where stages have learnt values.
        """
        set_slot = object.__setattr__  # a subclass may be immutable otherwise
        set_slot(self, "_driver", None)
        set_slot(self, "_known", {})
        set_slot(self, "_parts", parts)
        set_slot(self, "_refusal", refusal)
        set_slot(self, "_width", width)

    def __call__(self, x: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """Run the stages on x, any real array_like, by the rules of NumPy's ufuncs.

        float32 and float64 keep their type, float16 is computed in float32 and comes back as float16, integers and
        booleans give float64; anything else is a TypeError. The result is new, of x's shape (a scalar for a 0-d x), or
        ``out``, which must match it and may overlap x. No floating-point warning is given.
        """
        # The short way: an array of a type and shape for which the kernel is known. Every name counts here.
        if type(x) is _ndarray:
            known = self._known.get((x.dtype, x.shape))
            if known is not None and (x.flags.carray or is_dense(x)):
                kernel, parameters, view, shape, dtype, _ = known
                if out is None:
                    y = _empty(shape, dtype)
                elif type(out) is _ndarray and out.dtype == dtype and out.shape == shape and out.flags.carray:
                    y = out
                else:
                    return self._drive(x, out)
                if view is None:
                    refused = kernel(x, y, parameters)
                elif len(shape) == 1:  # to add an axis takes half as long as to reshape
                    refused = kernel(x[None], y[None], parameters)
                else:
                    refused = kernel(x.reshape(view), y.reshape(view), parameters)
                return self._drive(x, out) if refused else y
        elif isinstance(x, Operand):
            for stage in self._parts:
                x = stage.follow(x)
            return x
        return self._drive(x, out)

    def _drive(self, x: Any, out: npt.NDArray[Any] | None) -> Any:
        return self._running().run(x, out)

    def _running(self) -> Driver:
        """What runs the stages in general; UnboundError where they can't run."""
        if self._refusal is not None:
            raise UnboundError(self._refusal)
        if self._driver is None:
            from actspec.kernels.drive import Driver  # programs that only read specs never need it

            object.__setattr__(self, "_driver", Driver(self._parts, self._known, self._width))
            assert self._driver is not None
        return self._driver


_ndarray, _empty = np.ndarray, np.empty
