"""Run stages on arrays: types, layouts, ``out=`` and overlap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import Array, check_out, real_array, result_type
from actspec.graph.expr import NO_AXIS
from actspec.graph.operand import Stage, features_after
from actspec.kernels import execute, gradients, layout, plan
from actspec.kernels.execute import Operands, is_plain, learnt_rows
from actspec.kernels.forward import Learnt, learnt_values, run_all
from actspec.kernels.gradients import Sums
from actspec.kernels.known import Known, Short
from actspec.kernels.plan import Compiled, Segment, Split


class Driver:
    """The general way of arrays through stages; ``known`` is where it keeps what takes the short way from now on.

    ``width`` is the number of features where stages have learnt values.
    """

    def __init__(
        self,
        stages: tuple[Stage, ...],
        known: dict[tuple[int, tuple[int, ...]], Short],
        width: int | None = None,
    ) -> None:
        self._stages = stages
        self._known = known
        self._width = width
        self._resizes = any(stage.resizes for stage in stages)
        self._plans: dict[tuple[np.dtype[Any], int], tuple[Segment, ...]] = {}
        self._known_derivatives: dict[tuple[str, int, tuple[int, ...]], Short] = {}

    def run(self, x: Any, out: npt.NDArray[Any] | None) -> Any:
        """The result for any real array_like, as ``Runner`` describes it."""
        values = real_array(x, "x")
        result = result_type(values.dtype)
        shape = self.shape_out(values.shape)
        if out is not None:
            check_out(out, shape, result)
            if np.may_share_memory(values, out) and (self._resizes or not layout.is_same(values, out)):
                values = values.copy()
        y = _room(values, shape, result) if out is None else out
        if values.ndim:
            self._run(values, y)
        else:
            self._run(values.reshape(1), y.reshape(-1))
        return y[()] if out is None else out

    def shape_out(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the result for an x of this shape; a scalar is a row of one feature."""
        if not self._resizes:
            return shape
        width = shape[-1] if shape else 1
        if self._width is not None and width != self._width:
            return shape  # refused in a moment
        return (*shape[:-1], features_after(self._stages, width))

    def segments(self, ndim: int, dtype: np.dtype[Any]) -> tuple[Segment, ...]:
        """What the stages are for arrays of ``ndim`` axes, computed in a float type."""
        key = (dtype, ndim)
        if key not in self._plans:
            self._plans[key] = plan.segments(self._stages, ndim, dtype, width=self._width)
        return self._plans[key]

    def _run(self, x: npt.NDArray[Any], y: npt.NDArray[Any]) -> None:
        computed = computed_type(y.dtype)
        segments = self.segments(x.ndim, computed)
        learnt = self._learnt(computed)
        with np.errstate(all="ignore"):
            self._check(x, segments, computed)
            if not x.size:
                return
            safe = not any(plan.reasons(segments))  # what a formula raises leaves out as it was
            if self._resizes:
                given = x.view(np.ndarray) if is_plain(x, computed) else x.astype(computed, order="K", subok=False)
                target = y if safe and is_plain(y, computed) else np.empty(y.shape, computed)
                run_all(segments, given, target, learnt)
                if target is not y:
                    np.copyto(y, target, casting="unsafe")
                elif is_plain(x, computed):
                    _keep(self._known, (x.dtype.num, x.shape), _short_in_parts("run", x, segments, y.shape))
            elif safe and is_plain(y, computed):
                if not is_plain(x, computed):
                    np.copyto(y, x, casting="unsafe")
                    x = y
                run_all(segments, x, y, learnt)
                if len(segments) == 1 and isinstance(segments[0], Compiled):
                    self._remember(x, segments[0])
            elif len(segments) == 1 and isinstance(segments[0], Compiled) and _converted(segments[0], x, y, learnt):
                pass
            else:
                between = x.astype(computed, order="K", subok=False)
                run_all(segments, between, between, learnt)
                np.copyto(y, between, casting="unsafe")

    def _learnt(self, dtype: np.dtype[Any]) -> dict[int, npt.NDArray[Any]]:
        """The learnt values as they are now."""
        if self._width is None:
            return {}
        return learnt_values(self._stages, dtype)

    def _remember(self, x: Array, segment: Compiled) -> None:
        """Let the next array of this type and shape take the short way, where one call of a kernel is all."""
        _keep(self._known, (x.dtype.num, x.shape), _short_of(x, segment))

    def _check(self, x: npt.NDArray[Any], segments: tuple[Segment, ...], computed: np.dtype[Any]) -> None:
        """Raise what the formulas as they are written raise, where they can't run on an array of this shape."""
        if self._width is not None and x.shape[-1] != self._width:
            raise ValueError(f"x must have the {self._width} features that it was bound to, not {x.shape[-1]}")
        wrong = not plan.have_features(segments, x.shape[-1])
        if self._resizes:
            wrong = wrong or self.shape_out(x.shape)[-1] != plan.width_out(segments, x.shape[-1])
        if (wrong or not x.size) and x.shape[-1] <= _MOST_PROBED and self._width != 0:
            self._probe(x.shape, computed)
        if wrong:
            raise ValueError(f"a formula's result doesn't fit an x with {x.shape[-1]} features")

    def _probe(self, shape: tuple[int, ...], computed: np.dtype[Any]) -> None:
        """Run the formulas as they are written on a small array, for what they raise."""
        probe: Array = np.ones([1] * (len(shape) - 1) + [shape[-1]], computed)
        for stage in self._stages:
            if probe.shape[-1] or stage.resizes:
                probe = stage.formula(probe)
            else:  # there is no largest of no numbers, and no matter; a feature that a slice names is missed
                if hasattr(stage, "width_of"):
                    stage.width_of(0)
                stage.formula(np.ones((*probe.shape[:-1], 1), computed))

    # derivatives

    def vjp(self, x: Any, g: Any, out: npt.NDArray[Any] | None) -> tuple[Any, Sums]:
        """What x gets where the result gets g, and what learnt values get, by their numbers."""
        sums: Sums = {}
        if (y := self._short("vjp", x, g, out)) is not None:
            return y, sums

        def run(segments: tuple[Segment, ...], x: Array, g: Array, y: Array, learnt: Learnt) -> None:
            gradients.vjp(segments, x, g, y, learnt, None if self._width is None else sums)

        return self._differentiate("vjp", run, x, (g, "g"), out), sums

    def jvp(self, x: Any, v: Any, out: npt.NDArray[Any] | None, changes: Learnt) -> Any:
        """How the result changes where x changes by v, and learnt values by ``changes``."""
        if (y := self._short("jvp", x, v, out)) is not None:
            return y

        def run(segments: tuple[Segment, ...], x: Array, v: Array, y: Array, learnt: Learnt) -> None:
            given = {number: changes.get(number, np.zeros_like(values)) for number, values in learnt.items()}
            gradients.jvp(segments, x, v, y, learnt, given)

        return self._differentiate("jvp", run, x, (v, "v"), out)

    def derivative(self, x: Any, out: npt.NDArray[Any] | None) -> Any:
        """The derivative of each element of the result by that of x."""
        if (y := self._short("derivative", x, out)) is not None:
            return y

        def run(segments: tuple[Segment, ...], x: Array, _x: Array, y: Array, learnt: Learnt) -> None:
            gradients.derivative(segments, x, y, learnt)

        return self._differentiate("derivative", run, x, None, out)

    def jacobian(self, x: Any) -> Any:
        """The derivatives of each row of the result by that of x: ``[..., i, j]`` is that of element i by j."""
        values = np.atleast_1d(real_array(x, "x"))
        shape = self.shape_out(values.shape)
        dtype = result_type(values.dtype)
        gradients.check_rows(self.segments(values.ndim, computed_type(dtype)), values.ndim)
        return gradients.jacobian(lambda g: self.vjp(values, g, None)[0], shape, values.shape[-1], dtype)

    def _short(self, what: str, x: Any, *others: Any) -> Any:
        """The result for arrays like those before; None where they aren't."""
        if type(x) is not np.ndarray or (short := self._known_derivatives.get((what, x.dtype.num, x.shape))) is None:
            return None
        return short(x, *others)

    def _differentiate(
        self,
        what: str,
        run: Callable[..., None],
        x: Any,
        other: tuple[Any, str] | None,
        out: npt.NDArray[Any] | None,
    ) -> Any:
        """Call ``run`` with segments and plain arrays: x, what comes with it, and where to write."""
        values = real_array(x, "x")
        result = result_type(values.dtype)
        computed = computed_type(result)
        whole = self.shape_out(values.shape)
        if out is not None:
            check_out(out, whole if what == "jvp" else values.shape, result)
        given = values if other is None else _matching(*other, whole if what == "vjp" else values.shape, result=whole)
        y = _room(values, whole if what == "jvp" else values.shape, result) if out is None else out
        shape = values.shape or (1,)
        segments = self.segments(len(shape), computed)
        if any(reason.startswith(NO_AXIS) for _, reason in plan.reasons(segments)):
            self._probe(shape, computed)
        gradients.check_known(segments)
        if what == "derivative":
            gradients.check_elementwise(segments)
        with np.errstate(all="ignore"):
            self._check(values.reshape(shape), segments, computed)
            if values.size:
                alone = gradients.is_one_kernel(segments, shape)
                inputs = [_plain(each, computed, y, alone=alone) for each in (values, given)]
                target = y if is_plain(y, computed) else np.empty_like(y, dtype=computed)
                run(segments, *(each.reshape(each.shape or (1,)) for each in (*inputs, target)), self._learnt(computed))
                if target is not y:
                    np.copyto(y, target, casting="unsafe")
                elif values.ndim and is_plain(values, computed):
                    if alone:
                        short = _short_of(values, getattr(segments[0], what))
                    else:
                        short = _short_in_parts(what, values, segments, whole)
                    _keep(self._known_derivatives, (what, values.dtype.num, values.shape), short)
        return y[()] if out is None else out


_MOST_PROBED = 1 << 20
_MOST_KNOWN = 64


def _keep(cache: dict[Any, Short], key: Any, short: Short | None) -> None:
    if short is not None:
        if len(cache) >= _MOST_KNOWN:
            cache.clear()
        cache[key] = short


def _short_of(x: Array, segment: Compiled) -> Short | None:
    """The short way for arrays like x through a kernel, where one call of it is all."""
    inner = not segment.axes or max(segment.axes) == x.ndim - 1
    if not inner or not x.flags.c_contiguous or segment.graph.learnt:
        return None
    ((view,),) = layout.lanes((x,), segment.axes) or ((x,),)
    form = execute.form_of(segment, view, side_by_side=False)
    if form.startswith("long"):
        return None
    parameters = execute.parameters_for(segment, x)
    if not execute.worth_sharing(segment, x):
        return segment.short(form, x, view.shape, parameters)
    shapes = (x.shape,) * (len(segment.graph.inputs) + 1)
    return Known(execute.shared(segment, form), parameters, x.dtype, shapes, view.shape)


def _short_in_parts(what: str, x: Array, segments: tuple[Segment, ...], whole: tuple[int, ...]) -> Short | None:
    """The short way through kernels of parts for arrays like x, whose result has the shape ``whole``, where they are
    all.
    """
    split = segments[0] if len(segments) == 1 else None
    if not isinstance(split, Split) or not x.flags.c_contiguous:
        return None
    parts, into = split.parts, split.graph.into
    shapes: tuple[tuple[int, ...], ...]
    if what == "vjp":
        run, shapes = execute.in_parts(split.vjp, (parts, into), parts, x), (x.shape, whole, x.shape)
    elif what == "jvp":
        run, shapes = execute.in_parts(split.jvp, (parts, parts), into, x), (x.shape, x.shape, whole)
    else:
        run, shapes = execute.in_parts(split.kernels, (parts,), into, x), (x.shape, whole)
    return None if run is None else Known(run, np.empty(0), x.dtype, shapes)


def computed_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which kernels compute a result of this one."""
    return np.dtype(np.float32) if dtype.itemsize == 2 else dtype.newbyteorder("=")


def _room(x: npt.NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """A new array, laid out as x where it has its shape."""
    return np.empty_like(x, dtype=dtype, subok=False) if shape == x.shape else np.empty(shape, dtype)


def _matching(value: Any, name: str, shape: tuple[int, ...], *, result: tuple[int, ...]) -> npt.NDArray[Any]:
    values = real_array(value, name)
    if values.shape != shape:
        whose = "the result" if name == "g" and shape == result else "x"
        raise ValueError(f"{name} must have the shape {shape} of {whose}, not {values.shape}")
    return values


def _plain(array: npt.NDArray[Any], computed: np.dtype[Any], y: npt.NDArray[Any], *, alone: bool) -> npt.NDArray[Any]:
    """The array in a kernel's type, and apart from y unless one kernel does all and both are the same."""
    if not is_plain(array, computed):
        return array.astype(computed, order="K", subok=False)
    array = array.view(np.ndarray)
    return array.copy() if np.may_share_memory(array, y) and not (alone and layout.is_same(array, y)) else array


def _converted(segment: Compiled, x: npt.NDArray[Any], y: npt.NDArray[Any], learnt: Learnt) -> bool:
    return execute.run_converted(segment, Operands((x,), y, learnt_rows(segment, learnt, y.shape[-1])))
