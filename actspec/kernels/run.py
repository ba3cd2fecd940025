"""Call stages on arrays: the short way for arrays like those before, and the general one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from actspec.errors import UnboundError
from actspec.graph.operand import Operand, Stage
from actspec.kernels.known import Short, no_way

if TYPE_CHECKING:
    from actspec.kernels.drive import Driver


class Runner:
    """Calls stages, one after the other, on arrays, compiled as far as they can be."""

    __slots__ = ("_driver", "_known", "_latest", "_parts", "_refusal", "_width")

    _driver: Driver | None
    _known: dict[tuple[int, tuple[int, ...]], Short]
    _latest: Short
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
        set_slot(self, "_latest", no_way)
        set_slot(self, "_parts", parts)
        set_slot(self, "_refusal", refusal)
        set_slot(self, "_width", width)

    def __call__(self, x: npt.ArrayLike, out: npt.NDArray[Any] | None = None) -> Any:
        """Run the stages on x, any real array_like, by the rules of NumPy's ufuncs.

        float32 and float64 keep their type, float16 is computed in float32 and comes back as float16, integers and
        booleans give float64; anything else is a TypeError. The result is new, of x's shape (a scalar for a 0-d x), or
        ``out``, which must match it and may overlap x. No floating-point warning is given.
        """
        y = self._latest(x, out)
        if y is not None:
            return y
        if isinstance(x, Operand):
            for stage in self._parts:
                x = stage.follow(x)
            return x
        if type(x) is np.ndarray and (short := self._known.get((x.dtype.num, x.shape))) is not None:
            object.__setattr__(self, "_latest", short)
            y = short(x, out)
        return self._running().run(x, out) if y is None else y

    def _running(self) -> Driver:
        """What runs the stages in general; UnboundError where they can't run."""
        if self._refusal is not None:
            raise UnboundError(self._refusal)
        if self._driver is None:
            from actspec.kernels.drive import Driver  # programs that only read specs never need it

            object.__setattr__(self, "_driver", Driver(self._parts, self._known, self._width))
            assert self._driver is not None
        return self._driver
