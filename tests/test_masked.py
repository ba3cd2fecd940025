"""Bodies that write over an array, or over the elements of it that a condition picks, as much of NumPy is written."""

from __future__ import annotations

import numpy as np
import pytest

import actspec
from actspec import registry
from tests.support.reference import as_written, assert_close, slack
from tests.test_kernels import sample
from tests.test_trace import reason

with registry.scope():

    class Leaky(actspec.Activation):
        """Some elements of a copy are changed where they are."""

        slope: float = 0.1

        def __call__(self, x):
            y = x.copy()
            y[x < 0] *= self.slope
            return y

    class InTwo(actspec.Activation):
        """A result that is filled in two parts, each of elements that are picked."""

        alpha: float = 1.5

        def __call__(self, x):
            y, above = np.empty_like(x), x > 0
            y[above] = x[above]
            y[~above] = self.alpha * (np.exp(x[~above]) - 1)
            return y

    class SameArray(actspec.Activation):
        """Two names of one array, and what small numbers don't show."""

        def __call__(self, x):
            y = x
            y += np.where(x > 100, 1, 0)
            y *= 2
            return x * y

    class Copies(actspec.Activation):
        """What NumPy makes a new array of stays as it was."""

        def __call__(self, x):
            y, z, clipped, same = +x, x**1, np.clip(x, None, None), x.astype(x.dtype, copy=False)
            x -= x.mean(-1, keepdims=True)
            z /= 3
            np.maximum(clipped, 0, out=clipped)
            return x * y + z * clipped + same

    class Filled(actspec.Activation):
        def __call__(self, x):
            np.nan_to_num(x, copy=False)
            x[...] = x + 1
            x[:] = np.tanh(x)
            x[x > 0.9] = 0.9
            return x

    class Picked(actspec.Activation):
        """What is picked is a copy, whatever becomes of the array and of the condition."""

        def __call__(self, x):
            low = x < 0
            z = x[low]
            z *= 2
            x[x < 0] = np.exp(z)
            low |= x > 1
            x[low] = 0.25
            return x

    class Lanes(actspec.Activation):
        """A value for each lane, and a number for all."""

        def __call__(self, x):
            total = x.sum(-1, keepdims=True)
            total += 1
            total *= total
            mean = x.mean()
            mean += x
            return total * mean

    class Inside(actspec.Activation):
        """Another activation that writes over its array writes over a copy."""

        base: actspec.Activation = Leaky()

        def __call__(self, x):
            y = self.base(x)
            y += x
            return y

    class Pieces(actspec.Activation):
        """NumPy's own ways to write where a condition holds."""

        def __call__(self, x):
            y = np.piecewise(x, [x < -1, x > 1], [lambda z, a: a * np.exp(z), 2.0, lambda z, a: a * z], 0.5)
            np.copyto(y, x * x, where=x > 2)
            np.putmask(y, x == 0, -1)
            return y

    class Otherwise(actspec.Activation):
        """Elements that two conditions pick."""

        def __call__(self, x):
            x[x > 0] = x[x < 0].sum()
            return x

    class Mixed(actspec.Activation):
        def __call__(self, x):
            x[x > 1] = 1 + x[x > 1] - x[~(x <= 1)]
            return x

    class List(actspec.Activation):
        def __call__(self, x):
            x[x < 0] = np.arange((x < 0).sum())
            return x

    class Row(actspec.Activation):
        def __call__(self, x):
            x[...] = np.arange(x.shape[-1])
            return x

    FOLLOWED = [Leaky, InTwo, SameArray, Copies, Filled, Picked, Lanes, Inside, Pieces]
    AS_WRITTEN = {Otherwise: "takes values together", Mixed: "picks", List: "", Row: "shape"}


@pytest.mark.parametrize("body", FOLLOWED)
def test_bodies_that_write_over_arrays_are_compiled_and_right(body):
    act = actspec.Pipeline(body())
    x = np.r_[sample((20, 7)), [[150.0, np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0]]]
    before = x.copy()
    for given in (x, x.astype("f4")):
        assert_close(act(given), as_written(act, given), slack=slack(act, given))
    np.testing.assert_array_equal(x, before)
    assert not reason(act)


@pytest.mark.parametrize("body", FOLLOWED)
def test_they_have_the_derivatives_that_differences_show(body):
    act, step = actspec.Pipeline(body()), 1e-6
    x, g, v = (sample((6, 5), seed=seed) for seed in range(3))
    found = np.vdot(g, as_written(act, x + step * v) - as_written(act, x - step * v)) / (2 * step)
    np.testing.assert_allclose(np.vdot(act.vjp(x, g), v), found, rtol=1e-6)


@pytest.mark.parametrize("body", AS_WRITTEN)
def test_what_cannot_be_followed_of_it_runs_as_it_is_written(body):
    act, x = actspec.Pipeline(body()), sample((6, 5))
    assert reason(act)
    assert AS_WRITTEN[body] in reason(act)
    np.testing.assert_array_equal(act(x), as_written(act, x))


def test_an_error_of_writing_is_numpys():
    with registry.scope():

        class Wide(actspec.Activation):
            def __call__(self, x):
                total = x.sum(-1, keepdims=True)
                total += x
                return total

        class Truth(actspec.Activation):
            def __call__(self, x):
                truths = x > 0
                truths += x
                return truths

        class Apart(actspec.Activation):
            def __call__(self, x):
                x[x > 0] = x[x > 1]
                return x

    for body, error in ((Wide, ValueError), (Truth, TypeError), (Apart, ValueError)):
        with pytest.raises(error):
            body()(sample((6, 5)))
