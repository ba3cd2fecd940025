"""Results that no cache holds: the kernels that write past the caches, and when they are taken."""

from __future__ import annotations

import re

import numpy as np
import pytest

import actspec
from actspec.kernels import bypass, execute, plan
from actspec.kernels.execute import Operands
from actspec.kernels.recurrence import Recurrence
from tests.test_codegen import code_of, segments_of

# A loop of each kind: two places in turn, one, short ways; below, lanes whose values are kept, and made of x alone.
FLAT = ("relu", "tanh", "sin")

PAST = re.compile(r"\tv?movntp[sd]\t|\tstnp\t")
"""Stores of machines that go past the caches."""


def kernel_of(spec: str, dtype: str, mode: str = "forward") -> plan.Compiled:
    (segment,) = segments_of(spec, dtype)
    assert isinstance(segment, plan.Compiled)
    return segment if mode == "forward" else segment.vjp


def at(offset: int, like: np.ndarray) -> np.ndarray:
    """Room for an array that begins so many numbers after a boundary."""
    room = np.full(like.size + 64, 7, like.dtype)
    first = -room.ctypes.data % 64 // like.itemsize + offset
    return room[first : first + like.size].reshape(like.shape)


@pytest.mark.parametrize(
    ("spec", "dtype", "mode"),
    [("relu", "float32", "forward"), ("tanh", "float64", "vjp"), ("softmax", "float32", "forward")],
)
def test_vectors_go_past_the_caches(spec, dtype, mode):
    segment = kernel_of(spec, dtype, mode)
    form = segment.forms[0]
    assert PAST.search(code_of(segment.source(f"streamed {form}")))
    assert not PAST.search(code_of(segment.source(form)))


def test_a_scan_and_lanes_that_no_buffer_holds_go_past_the_caches():
    scan = Recurrence(actspec.parse("continuous(tanh,tau=2)")[0], np.dtype("float32")).forward
    assert scan is not None
    for code in (scan.source("streamed scan"), kernel_of("softmax", "float32").source("streamed long rows")):
        assert PAST.search(code_of(code))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spec", FLAT)
def test_elementwise_results_are_the_same_wherever_they_begin(spec, dtype):
    segment = kernel_of(spec, dtype)
    plain, streamed = segment.kernel("flat"), segment.kernel("streamed flat")
    rng = np.random.default_rng(1)
    for rows, count in [(1, 1), (1, 3), (1, 31), (3, 64), (5, 67), (1, 5000), (1, 200_003)]:
        x = rng.normal(0, 3, (rows, count)).astype(dtype)
        x[0, -1] = 1e15  # beyond short ways
        expected = np.empty_like(x)
        assert not plain(x, expected, segment.parameters)
        for offset in range(5):
            y = at(offset, x)
            assert not streamed(x, y, segment.parameters)
            np.testing.assert_array_equal(y, expected)
        assert not streamed(x, x, segment.parameters)
        np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize(
    ("spec", "mode", "form"),
    [
        ("softmax", "forward", "wide rows"),
        ("softmax", "vjp", "rows"),
        ("norm:l2", "forward", "rows"),
        ("norm:l2", "vjp", "wide rows"),
    ],
)
def test_lanes_are_the_same_wherever_they_begin(spec, mode, form):
    segment = kernel_of(spec, "float32", mode)
    plain, streamed = segment.kernel(form), segment.kernel(f"streamed {form}")
    rng = np.random.default_rng(2)
    for rows, count in [(1, 1), (2, 48), (7, 64), (3, 1000), (5, 1024), (2, 5003)]:
        inputs = [rng.normal(0, 3, (rows, count)).astype(np.float32) for _ in segment.graph.inputs]
        expected = np.empty_like(inputs[0])
        assert not plain(*inputs, expected, segment.parameters)
        for offset in range(5):
            y = at(offset, expected)
            assert not streamed(*inputs, y, segment.parameters)
            np.testing.assert_array_equal(y, expected)
        transposed = np.empty((count, rows), np.float32).T
        assert not streamed(*inputs, transposed, segment.parameters)
        np.testing.assert_array_equal(transposed, expected)


def test_the_next_rows_are_read_where_there_is_time():
    gradient = kernel_of("softmax", "float32", "vjp")
    loops = re.split(r"\n(?= *for i\w* in )", gradient.source("streamed rows"))
    (slow,) = [loop for loop in loops if "falling_exp(" in loop and "for i" in loop]
    assert "touch(" in slow
    assert sum("= touch(" in loop for loop in loops) == 1
    # In the caches there is nothing to wait for, one input is asked for, and cheap loops have no time.
    assert "touch" not in gradient.source("rows")
    assert "touch" not in kernel_of("softmax", "float32").source("streamed rows")
    assert "touch" not in kernel_of("norm:layer", "float32", "vjp").source("streamed rows")


@pytest.fixture
def no_caches(monkeypatch):
    """Take all arrays to be larger than the caches; returns a function that does so, and a set of the forms taken."""
    taken = set()
    whole = plan.Compiled.kernel

    def kernel(segment, form):
        taken.add(form)
        return whole(segment, form)

    def start():
        monkeypatch.setattr(execute, "_STREAMED", 0)
        monkeypatch.setattr(plan.Compiled, "kernel", kernel)
        return taken

    return start


@pytest.mark.usefixtures("eager_threads")
@pytest.mark.parametrize(
    ("spec", "shape"), [("relu", (300, 1024)), ("norm:z", (300, 1024)), ("swiglu", (300, 1024)), ("relu", (301, 1001))]
)
def test_calls_give_the_same(spec, shape, no_caches):
    act, other = actspec.parse(spec), actspec.parse(spec)
    x = np.random.default_rng(3).normal(0, 3, shape).astype(np.float32)
    g = np.ones_like(act(x))
    expected, slope = act(x), act.vjp(x, g)
    taken = no_caches()
    for _ in range(2):  # the second time by the short way
        np.testing.assert_array_equal(other(x), expected)
        np.testing.assert_array_equal(other.vjp(x, g), slope)
    assert any(form.startswith("streamed") for form in taken)


def test_a_scan_gives_the_same(no_caches):
    xs = np.random.default_rng(4).normal(0, 2, (20, 3, 1100)).astype(np.float32)
    act = actspec.parse("continuous(tanh,tau=2)+relu")
    expected = act.bind(dtype=np.float32).scan(xs)
    taken = no_caches()
    np.testing.assert_array_equal(act.bind(dtype=np.float32).scan(xs), expected)
    assert "streamed scan" in taken


def test_only_large_results_that_begin_on_boundaries_go_past_the_caches():
    large = np.zeros((1, 1 << 22), np.float32)
    y = at(0, large)

    def streamed(form, x, y):
        return execute._is_streamed(form, Operands((x,), y))

    assert streamed("flat", large, y)
    assert not streamed("flat", large[:, : 1 << 20], y[:, : 1 << 20])  # no cache is too small for this
    assert not streamed("flat", large, at(1, large))
    assert not streamed("flat", large, large)  # in place: it has been read
    assert not streamed("flat", large[:, ::2], y[:, ::2])
    assert streamed("rows", large.reshape(-1, 1024), y.reshape(-1, 1024))
    assert streamed("long rows", large[:, :4_000_001], y[:, :4_000_001])
    assert not streamed("columns", large.reshape(-1, 16), y.reshape(-1, 16))
    # Rows that end within a line of the cache.
    assert not streamed("rows", large[0, :4_000_000].reshape(-1, 100), y[0, :4_000_000].reshape(-1, 100))


def test_only_vectors_of_loops_are_told():
    code = """
define void @f(ptr %y, <8 x float> %v, float %s) {
entry:
  store <8 x float> %v, ptr %y, align 4, !tbaa !3
  br label %vector.body

vector.body:
  store <8 x float> %v, ptr %y, align 4, !tbaa !3
  store <8 x float> %v, ptr %y, align 4
  store float %s, ptr %y, align 4, !tbaa !3
  br label %rest

rest:
  ret void
}

!1 = !{!"actspec"}
!2 = !{!"past the caches", !1, i64 0}
!3 = !{!2, !2, i64 0}
"""
    told = bypass.told(code)
    assert told is not None
    lines = [line for line in told.split("\n") if "nontemporal" in line]
    assert lines == ["  store <8 x float> %v, ptr %y, align 16, !nontemporal !4"]
    assert told.endswith("!4 = !{i32 1}\n")
    assert bypass.told(code.replace("past the caches", "other")) is None
