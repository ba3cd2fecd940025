"""Bodies that write over an array, or over the elements of it that a condition picks, as much of NumPy is written."""

from __future__ import annotations

import numpy as np
import pytest

import actspec
from actspec import functions, registry
from tests.support.amount import cases
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
            total[total > 2] = 2
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

    class Shared(actspec.Activation):
        """Values of lanes along two axes that are written over, and over arrays."""

        def __call__(self, x):
            mean = x.mean(0, keepdims=True)
            mean *= 2
            y = np.empty_like(x)
            y[...] = x.max(-1, keepdims=True)
            y -= mean
            return y.sum(-1, keepdims=True) * x

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

    LEARNING = actspec.parse("leaky(slope=~0.1)")
    FOLLOWED = [Leaky, InTwo, SameArray, Copies, Filled, Picked, Lanes, Inside, Pieces, Shared]
    AS_WRITTEN = {Otherwise: "takes values together", Mixed: "picks", List: "", Row: "shape"}


@pytest.mark.parametrize("body", FOLLOWED)
def test_bodies_that_write_over_arrays_are_compiled_and_right(body):
    act = actspec.Pipeline(body())
    x = np.r_[sample((20, 7)), [[150.0, np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0]]]
    before = x.copy()
    for given in cases([x], [x.astype("f4")]):
        assert_close(act(given), as_written(act, given), slack=slack(act, given))
    np.testing.assert_array_equal(x, before)
    assert not reason(act)


@pytest.mark.parametrize(
    "body", cases([InTwo, Picked, Lanes], [each for each in FOLLOWED if each not in (InTwo, Picked, Lanes)])
)
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


# What a small array doesn't show: whole numbers and truth values, and two names of one array.
ELSEWHERE = [
    "y = np.where(x > 0, 1, 0); y[x > 3] = .5; return x*y",
    "k = np.where(x > 0, 2, 1); k[...] = np.where(x > 3, 2.5, k); return k*x",
    "n = (x > 3).sum(-1, keepdims=True); n[...] = np.sqrt(n); return x*n",
    "y = np.zeros_like(x > 0); y[x > 100] = 2.5; return x + y",
    "return x*(np.where(x > 0, x > 1, x < -1) + (x > 100))",
    "return x*(np.abs(x > 0) + np.abs(x > 100)) + x*((x > 0)**2 + np.square(x > 100))",
    "return x + np.where(x > 0, 1, 2)//np.where(x > 100, 0, 1)",
    "return x*np.exp(x > 100)",
    "y = np.nan_to_num(x, False); y += x > 100; return x*1",
    "y = functions.stop_gradient(x); y += x > 100; return x*1",
    "y = x**0; z = y; z += x > 100; return x*y",
    "y = x**0; y[...] = np.where(x > 100, 5, 1); return x*y",
    "z = x[x > 0]; w = np.nan_to_num(z, copy=False); w += w > 100; x[x > 0] = z; return x",
    "a, c = np.split(x, 2, axis=-1); y = np.concatenate([a, c], axis=-1); a[a > 100] = 1; return y",
    "a, c = np.split(x, 2, axis=-1); y = np.concatenate([a, a], axis=-1); d, _ = np.split(y, 2, axis=-1); "
    "d[d > 100] = 1; return y",
    "return x - x.mean(axis=(), keepdims=True)",
    "s = x.mean(); y = x.copy(order='F'); y += s; s += 1; return y*s",
]


@pytest.mark.parametrize("body", ELSEWHERE)
def test_nothing_is_followed_that_numpy_does_otherwise(body):
    scope = {"np": np, "functions": functions, "actspec": actspec}
    lines = "".join(f"\n        {line.strip()}" for line in body.split(";"))
    with registry.scope():
        exec(f"class Body(actspec.Activation):\n    def __call__(self, x):{lines}", scope)
        act = actspec.Pipeline(scope["Body"]())
        x = np.array([[150.0, 5, 5, 5], [-1, 2, 0.5, -150], [0, -0.0, 1, 200]])
        assert_close(act(x), as_written(act, x), note=reason(act))


def test_what_is_learnt_goes_with_the_elements_that_are_picked():
    cell = LEARNING.bind(features=3, parameters={"0.slope": np.array([0.1, 0.2, 0.3])})
    x = np.array([[-1.0, 1, -2], [-1, 1, -1]])
    np.testing.assert_allclose(cell(x), [[-0.1, 1, -0.6], [-0.1, 1, -0.3]])
    dx, dparameters = cell.vjp(x, np.ones_like(x))
    np.testing.assert_allclose(dx, [[0.1, 1, 0.3]] * 2)
    np.testing.assert_allclose(dparameters["0.slope"], [-2, 0, -3])


@pytest.mark.parametrize("step", ["x += 1", "x += np.where(x > 100, 1, 0)", "x[x > 1] = 1", "pass"])
def test_an_activation_inside_has_a_copy_of_its_own(step):
    scope = {"np": np, "actspec": actspec}
    with registry.scope():
        body = f"class Inner(actspec.Activation):\n    def __call__(self, x):\n        {step}\n        return x"
        exec(body, scope)

        class Outer(actspec.Activation):
            base: actspec.Activation

            def __call__(self, x):
                y = self.base.formula(x)
                y *= 2
                return x + y

        x, inner = np.array([150.0, 2, -3]), scope["Inner"]()
        want = x + 2 * inner.formula(x)
        for act in (actspec.Pipeline(Outer(inner)), actspec.parse("outer(inner[:2])")):
            np.testing.assert_array_equal(act(x)[:2], want[:2])
            assert not reason(act)


def test_an_error_of_writing_is_numpys():
    with registry.scope():

        class Wide(actspec.Activation):
            def __call__(self, x):
                total = x.sum(-1, keepdims=True)
                total += x
                return total

        class Crossed(actspec.Activation):
            def __call__(self, x):
                total = x.sum(-1, keepdims=True)
                total += x.sum(0, keepdims=True)
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

    for body, error in ((Wide, ValueError), (Crossed, ValueError), (Truth, TypeError), (Apart, ValueError)):
        with pytest.raises(error):
            body()(sample((6, 5)))
