"""Compiled pipelines against their formulas as they are written: values, layouts, long lanes, threads, memory."""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import actspec
from actspec import registry
from actspec.kernels import drive, execute
from tests.support import built_ins
from tests.support.amount import amount, cases
from tests.support.reference import as_written, assert_close, assert_same_bits, slack, wider

POINTWISE, ALONG = [built_ins.fixed(name) for name in built_ins.POINTWISE], built_ins.ALONG
FLOATS = ["f4", "f8"]

pytestmark = pytest.mark.usefixtures("eager_threads")


@pytest.fixture(autouse=True)
def _any_number_of_threads():
    yield
    actspec.set_num_threads(None)


def sample(shape, dtype="f8", seed=0, scale=2.0):
    """Numbers of a normal distribution; small integers for integers, about as many of each truth value."""
    values = np.random.default_rng(seed).normal(0.2, scale, shape)
    return (values > 0) if np.dtype(dtype) == bool else values.astype(dtype)


def check(spec, x, y=None, ulps=16.0, **options):
    """A pipeline on x, or what it gave, is what NumPy makes of its formulas."""
    act = actspec.parse(spec)
    y = act(x) if y is None else y
    if y.dtype.itemsize == 2:
        ulps = 1.0  # it was computed in float32, and rounded once
    if not any(name in str(act) for name in ("norm", "softmax")):
        options.setdefault("axis", ())
    assert_close(y, as_written(act, x), ulps=ulps, slack=4 * slack(act, x), **options)


# ---- types and layouts


def _frozen(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def _unaligned(x):
    room = np.zeros(x.nbytes + 1, np.uint8)
    held = room[1:].view(x.dtype).reshape(x.shape)
    held[...] = x
    return held


LAYOUTS = {
    "C": lambda x: x.copy(),
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 3, axis=0), 2, axis=1)[::3, ::2],
    "strided rows": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "reversed features": lambda x: x[:, ::-1].copy()[:, ::-1],
    "transposed": lambda x: x.T.copy().T,
    "broadcast lanes": lambda x: np.broadcast_to(x[:1], x.shape),
    "broadcast features": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "one number": lambda x: np.broadcast_to(x[:1, :1], x.shape),
    "read-only": _frozen,
    "unaligned": _unaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "byte-swapped and strided": lambda x: np.repeat(x.astype(x.dtype.newbyteorder()), 2, axis=1)[:, ::2],
    "inside of another": lambda x: np.pad(x, 2)[2:-2, 2:-2],
    "0-d": lambda x: x[0, 0].reshape(()),
    "1-d": lambda x: x[0],
    "1-d, strided": lambda x: x[:, 0],
    "1-d, reversed": lambda x: x[-1, ::-1],
    "3-d": lambda x: np.stack([x, x[::-1]]),
    "3-d, permuted": lambda x: np.stack([x, -x if x.dtype.kind == "f" else x]).transpose(1, 0, 2),
    "3-d, permuted and fortran": lambda x: np.asfortranarray(np.stack([x, x]).transpose(2, 0, 1)),
    "4-d, axes of one": lambda x: x[:, None, :, None].transpose(3, 0, 1, 2),
    "one row": lambda x: x[:1],
    "one column": lambda x: x[:, :1],
    "empty": lambda x: x[:0],
    "no features": lambda x: x[:, :0],
    "3-d and empty": lambda x: np.stack([x, x])[:, :0],
}
# What is converted to float64 on its way is so alike for all.
CONVERTED = cases(["sigmoid", "norm:z"], [spec for spec in (*POINTWISE, *ALONG) if spec not in ("sigmoid", "norm:z")])


@pytest.mark.parametrize(
    ("spec", "dtype"),
    [
        *itertools.product([*POINTWISE, *ALONG], ["f2", "f4", "f8"]),
        *itertools.product(CONVERTED, ["?", "i1", "u2", "i4", "u8"]),
    ],
)
def test_every_built_in_is_numpys_formula_in_any_layout(spec, dtype):
    act = actspec.parse(spec)
    for shape in ((21, 5), (3, 67)):
        held = sample(shape, dtype)
        for name, lay_out in LAYOUTS.items():
            x = lay_out(held)
            before = x.tobytes()
            y = act(x)
            check(spec, x, np.asarray(y), note=f"{name} of {shape}")
            assert x.tobytes() == before, name
            assert not np.shares_memory(x, y)


OUTS = {
    "C": lambda shape, dtype: np.empty(shape, dtype),
    "fortran": lambda shape, dtype: np.empty(shape, dtype, order="F"),
    "strided": lambda shape, dtype: np.empty((2 * shape[0], 3 * shape[1]), dtype)[::2, ::3],
    "reversed": lambda shape, dtype: np.empty(shape, dtype)[::-1, ::-1],
    "byte-swapped": lambda shape, dtype: np.empty(shape, np.dtype(dtype).newbyteorder()),
    "unaligned": lambda shape, dtype: _unaligned(np.zeros(shape, dtype)),
    "inside of another": lambda shape, dtype: np.zeros((shape[0] + 2, shape[1] + 3), dtype)[1:-1, 2:-1],
}
# Every form of kernels, and what runs on converted blocks, on views of slices, and as it is written.
FORMS = {
    "flat": ("tanh+elu(0.3)", (41, 33)),
    "rows": ("tanh+norm:z", (37, 71)),
    "wide rows": ("tanh+norm:z", (9, 5003)),
    "columns": ("tanh+norm:z", (333, 7)),
    "columns along axis 0": ("softmax(axis=0)", (29, 300)),
    "slices": ("softmax[:3]+norm:max[3:]+tanh[::2]", (150, 9)),
    "slices of wide rows": ("norm:z[5:-2]+softplus[-1]", (20, 90)),
    "slices along axis 0": ("norm:z(axis=0)[1:4]+elu", (50, 6)),
    "segments": ("norm:mean+norm:z(axis=0)+relu", (60, 20)),
    "as written between kernels": ("tanh+maxout(2,slope=-1,intercept=1)+norm:z", (60, 20)),
    "long rows": ("tanh+norm:z", (3, 90_000)),
    "long columns": ("norm:z(axis=0)", (70_000, 3)),
    "long and sliced": ("norm:z[3:]+tanh[::2]+softmax[:-5]", (2, 70_001)),
}


# What converts and what doesn't shows in these; a full run has more in float32, some of which compile for long.
IN_ALL_TYPES = cases(
    ["flat", "rows", "wide rows", "columns"],
    ["columns along axis 0", "slices", "slices along axis 0", "long rows", "long columns"],
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", [2, 5, -1, -3])
def test_any_count_of_numbers_that_lie_apart_is_read_and_written(dtype, step):
    act = actspec.parse("relu")
    for count in (*range(1, 35), 1023, 1024, 1025, 2051):
        x, y = (np.full(count * abs(step) + 16, -7.0, dtype) for _ in range(2))
        places = np.arange(count) * abs(step) + 8
        x[places[:: np.sign(step)]] = np.arange(1, count + 1)
        part = slice(8, 8 + (count - 1) * abs(step) + 1, abs(step))
        apart, into = x[part][:: np.sign(step)], y[part][:: np.sign(step)]
        np.testing.assert_array_equal(act(apart), np.arange(1, count + 1))
        act(np.arange(1, count + 1).astype(dtype), out=into)
        np.testing.assert_array_equal(y, x)  # and nothing beside them
        y[part] = -7
        act(apart, out=into)
        np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(
    ("form", "dtype"),
    [*((form, "f8") for form in FORMS), *itertools.product(IN_ALL_TYPES, ["f2", "f4"])],
)
def test_out_may_have_any_layout_and_be_x_itself_or_overlap_it(form, dtype):
    spec, shape = FORMS[form]
    act, values = actspec.parse(spec), sample(shape, dtype)
    plain = act(values)
    assert_close(plain, wider(spec, values), axis=None, ulps=1 if dtype == "f2" else 64)
    for name, make in OUTS.items():
        out = make(shape, dtype)
        assert act(values, out=out) is out
        assert_same(out, plain, f"into {name}")
        x = make(shape, dtype)  # in place
        x[...] = values
        assert act(x, out=x) is x
        assert_same(x, plain, f"in place, {name}")
    width = shape[1]
    for shift in (1, -1, width, -width, 3 * width + 2):
        room = np.zeros(values.size + 2 * abs(shift), dtype)
        x = room[abs(shift) :][: values.size].reshape(shape)
        out = room[abs(shift) + shift :][: values.size].reshape(shape)
        x[...] = values
        act(x, out=out)
        assert_same(out, plain, f"shifted by {shift}")
    for name, view in {"rows": np.s_[::-1], "features": np.s_[:, ::-1], "both": np.s_[::-1, ::-1]}.items():
        x = values.copy()
        act(x, out=x[view])
        assert_same(x[view], plain, f"the other way round, {name}")
    square = values[: min(shape), : min(shape)].copy()
    expected = act(square.copy())
    act(square, out=square.T)
    assert_same(square.T, expected, "transposed")


def assert_same(got, want, note=""):
    """Equal but for the order of sums, which depends on the layout."""
    kind = want.dtype.newbyteorder("=")
    assert_close(got.astype(kind), want.astype(kind), ulps=1 if kind.itemsize == 2 else 8, axis=None, note=note)


def test_only_the_elements_of_out_are_written():
    for spec, (rows, width) in FORMS.values():
        room = np.full((2 * rows + 1, 2 * width + 3), 7.0)
        mine = np.zeros(room.shape, bool)
        mine[1::2, 1:-2:2] = True
        out = room[1::2, 1:-2:2]
        actspec.parse(spec)(sample((rows, width)), out=out)
        assert (room[~mine] == 7).all(), spec


# ---- random compositions

PARAMETRISED = [
    *("elu({})", "leakyrelu({})", "scaledtanh({},{})", "relu(max={})", "clip(-{},{})", "softlif(sigma={})"),
    *("prelu(slope={})", "lgrelu({},{})", "selu({},{})"),
]
PLAIN = ["linear", "sigmoid", "tanh", "softplus", "relu", "rect:min", "rect:minmax", "veryleakyrectify", "gaussian"]
LANES = ["softmax(axis=@)", "softmax(axis=@,floor=0.01)", "norm:mean(axis=@)"]
LANES += ["norm:max(axis=@,eps={})", "norm:std(axis=@,eps={})", "norm:z(axis=@,eps={})", "norm:z(axis=@)"]
SLICES = ["[0]", "[-1]", "[3]", "[-4]", "[:3]", "[2:]", "[-3:]", "[:-2]", "[1:4]", "[-4:-1]", "[::2]", "[1::3]"]
SLICES += ["[1:-1:2]", "[-5::2]", "[:40]", "[2:4]"]


def template(draw, depth=2):
    """A composition with places for numbers, {}, and axes, @."""
    stages = []
    for _ in range(draw.randint(1, 4 if depth == 2 else 2)):
        if depth and draw.random() < 0.25:
            stage = f"({template(draw, depth - 1)})"
        else:
            stage = draw.choice(draw.choices([PARAMETRISED, PLAIN, LANES], (3, 3, 4))[0])
        stages.append(stage + (draw.choice(SLICES) if draw.random() < 0.3 else ""))
    return "+".join(stages)


def filled(draw, made, axis):
    text = made.replace("@", str(axis))
    return text.format(*(round(draw.uniform(0.2, 2), 3) for _ in range(text.count("{}"))))


# Lanes that are short or lie side by side, and long ones whose elements are neighbours: axis, shape, order of the axes.
NARROW = [(-1, (37, 7), "C"), (-1, (5, 3, 8), "C"), (0, (9, 21), "C"), (0, (61, 6), "C"), (-1, (300, 6), "F")]
NARROW += [(0, (2, 44), "C"), (1, (3, 8, 9), "C")]
WIDE = [(-1, (5, 61), "C"), (-1, (53,), "C"), (-1, (2, 3, 50), "C"), (-1, (7, 111), "C"), (0, (70, 66), "F")]
WIDE += [(-1, (2, 1500), "C"), (0, (130, 55), "F")]
MIXED = [(-1, (5, 61), "C"), (0, (9, 21), "C"), (1, (4, 6, 7), "C"), (1, (3, 50, 6), "C"), (-2, (2, 60, 5), "F")]
MIXED += [(1, (5, 61), "C"), (0, (61, 9), "F")]

# Each is run with seven draws of parameters and shapes, 504 in all, which share kernels: equal structure, equal source.
TEMPLATES = amount(72, 72, "ACTSPEC_TEST_TEMPLATES")


@pytest.mark.parametrize("seed", range(TEMPLATES))
def test_random_compositions_are_numpys_formulas(seed):
    draw = random.Random(seed)
    cases = draw.choices([NARROW, WIDE, MIXED], (5, 5, 1))[0]
    dtype = "f4" if seed % 5 == 4 else "f8"
    while True:
        made = template(draw)
        try:
            actspec.validate(filled(draw, made, 0))
        except actspec.SpecError:  # a slice inside a slice that selects nothing
            continue
        break
    if "[" in made and seed % 3:  # slices along other axes than the last are kernels of their own
        cases = [(-1, shape, "C") for _, shape, _ in cases]
    for axis, shape, order in cases:
        act = actspec.parse(filled(draw, made, axis))
        x = np.array(sample(shape, dtype, seed=draw.randrange(99)), order=order)
        try:
            want = as_written(act, x)
        except IndexError:  # one feature of a slice that has fewer here
            with pytest.raises(IndexError):
                act(x)
            continue
        y = act(x)
        ulps = 32 * len(act)
        assert_close(y, want, ulps=ulps, slack=4 * slack(act, x), axis=None, note=f"{act} {shape}")
        out = x.copy()
        act(out, out=out)
        assert_close(out, y, ulps=ulps, slack=4 * slack(act, x), axis=None, note=f"in place: {act} {shape}")


# ---- NaN and infinities


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("spec", POINTWISE)
def test_nan_infinities_and_the_ends_of_the_range_go_as_numpy_sends_them(spec, dtype):
    limits = np.finfo(dtype)
    ends = [
        np.nan,
        np.inf,
        limits.max,
        limits.tiny,
        limits.smallest_subnormal,
        0.0,
        1.0,
        88.0,
        89.5,
        104.0,
        710.0,
        746.0,
    ]
    x = np.array([*ends, *(-np.array(ends))], dtype)
    x = np.concatenate([x, sample(50, dtype)])
    check(spec, x)
    for number in range(x.size):  # alone, at the end of a vector and in the middle of one
        check(spec, x[number : number + 1])
    if dtype == "f4":
        with np.errstate(all="ignore"):
            half = x.astype("f2")
        check(spec, half)


SPOILED = ["tanh+norm:z", "softmax[:3]+norm:max[3:]", "norm:mean+softplus+softmax", "norm:std[1:]+elu"]
SPOILERS = [np.nan, np.inf, -np.inf]
# Wide rows are a form of their own, of which some stand for all.
SPOILED_WIDE = cases([*SPOILED, "norm:z", "softmax"], ALONG)


@pytest.mark.parametrize(
    ("spec", "dtype"), [*itertools.product(ALONG, FLOATS), *((spec, FLOATS[n % 2]) for n, spec in enumerate(SPOILED))]
)
def test_nan_and_infinities_spoil_their_own_lane_alone(spec, dtype):
    act = actspec.parse(spec)
    for shape in ((19, 6), (35, 5), (6, 67), (3, 3001))[: 4 if spec in SPOILED_WIDE else 3]:
        whole = sample(shape, dtype)
        clean = act(whole)
        for number, spoiler in enumerate([*SPOILERS, *SPOILERS]):
            x = whole.copy()
            lane, place = (5 * number + 1) % shape[0], (7 * number) % shape[1]
            x[lane, place] = spoiler
            if number >= len(SPOILERS):
                x[lane, (place + 3) % shape[1]] = -spoiler
            y = act(x)
            rest = np.arange(shape[0]) != lane
            assert_same_bits(y[rest], clean[rest], f"{shape}: the other lanes")
            check(spec, x[lane], y[lane], note=f"{shape} {spoiler} at {lane}, {place}")


@pytest.mark.parametrize("spec", ["norm:z", "norm:max", "softmax", "norm:mean"])
@pytest.mark.parametrize(("shape", "axis"), [((2, 200_000), -1), ((200_000, 20), 0)], ids=str)
def test_nan_and_infinities_spoil_their_own_long_lane_alone(spec, shape, axis):
    act = actspec.parse(f"{spec}(axis={axis})")
    whole = sample(shape, "f4")
    clean = act(whole)
    for spoiler in SPOILERS:
        x = whole.copy()
        place = (1, 150_001) if axis else (150_001, 1)
        x[place] = spoiler
        y, want = act(x), as_written(act, x)
        free = 0 if axis else 1
        assert_same_bits(np.delete(y, 1, free), np.delete(clean, 1, free))
        np.testing.assert_array_equal(np.isnan(y), np.isnan(want))
        np.testing.assert_array_equal(np.isinf(y), np.isinf(want))


def test_lanes_of_huge_numbers_have_finite_results_where_numpy_has():
    for dtype in FLOATS:
        most = np.finfo(dtype).max
        for shape in ((20, 5), (4, 100)):
            x = np.full(shape, most / 200, dtype) * np.linspace(-1, 1, shape[1], dtype=dtype)
            for spec in ("norm:mean", "norm:max", "softmax"):
                check(spec, x)


# ---- long lanes

LONG = cases(
    [
        ("tanh+norm:z", (1, 3_000_000), "f4"),
        ("tanh+norm:z", (3, 400_000), "f8"),
        ("softmax", (3_000_000,), "f4"),
        ("norm:z(axis=0)", (400_000, 3), "f8"),
        ("softmax(axis=0)", (200_000, 40), "f4"),
        ("norm:z(axis=1)", (2, 150_000, 3), "f4"),
        ("norm:mean+norm:z", (3, 400_000), "f4"),
        ("norm:z[3:]+tanh[::2]+softmax[:-5]", (2, 300_000), "f8"),
    ],
    [
        ("norm:max", (3, 400_000), "f8"),
        ("norm:std(axis=0)+elu", (400_000, 3), "f4"),
        ("norm:mean[1]+norm:max[-200000:]", (1, 300_000), "f4"),
        ("norm:z(axis=0)[1:]", (200_000, 4), "f4"),
    ],
)


@pytest.mark.parametrize(("spec", "shape", "dtype"), LONG)
def test_long_lanes_are_as_exact_as_float64(spec, shape, dtype):
    act, x = actspec.parse(spec), sample(shape, dtype)
    want = wider(act, x)
    for y in (act(x), act(np.array(x, order="F")), act(x, out=x.copy())):
        # Rounded in each stage, but sums don't grow less exact with their length.
        assert_close(y, want, ulps=16 * len(act), axis=None)


with registry.scope():

    class Total(actspec.Activation):
        def __call__(self, x):
            return x * 0 + np.sum(x, axis=-1, keepdims=True)

    class Average(actspec.Activation):
        def __call__(self, x):
            return x * 0 + np.mean(x, axis=-1, keepdims=True)


@pytest.mark.parametrize("shape", [(10_000_000,), (100, 100_000), (1_000_000, 10), (1000, 10_000)], ids=str)
def test_the_mean_of_many_float32_is_that_of_float64(shape):
    x = np.random.default_rng(1).random(10_000_000, dtype="f4").reshape(shape)
    for held in (x, x[..., ::-1]):
        mean = Average()(held)[..., 0].astype("f8")
        exact = held.astype("f8").mean(axis=-1)
        assert (np.abs(mean - exact) <= 1e-6 * exact).all()


@pytest.mark.parametrize("shape", [(3, 20), (64, 20), (3, 5000), (3, 300_000)], ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_sum_of_float64_is_nearly_exact(shape, order):
    drawn = np.random.default_rng(2)
    x = np.array(drawn.normal(0, 1, shape) * 10 ** drawn.uniform(-6, 6, shape), order=order)
    sums = Total()(x)[:, 0]
    for row, total in zip(x, sums, strict=True):
        assert abs(total - math.fsum(row)) <= 8 * np.finfo("f8").eps * math.fsum(np.abs(row))


# ---- the same bits, whatever the number of threads and the parts that an array comes in

# Some are so large that kernels treat them otherwise, and their parts are not.
BIG = {
    "flat": ("tanh+elu(0.3)", (2200, 1001), "f4"),
    "flat, two places in turn": ("leakyrelu", (1400, 1001), "f4"),
    "flat, strided": ("tanh+elu(0.3)", (1400, 1001), "f8"),
    "rows": ("tanh+norm:z", (5300, 401), "f4"),
    "rows of float64": ("softmax", (2000, 333), "f8"),
    "wide rows": ("tanh+norm:z", (90, 9001), "f4"),
    "columns": ("tanh+norm:z", (240_001, 9), "f4"),
    "columns along axis 0": ("norm:z(axis=0)", (50, 9001), "f8"),
    "slices": ("softmax[:3]+norm:max[3:]", (60_001, 8), "f4"),
    "long rows": ("tanh+norm:z", (2, 1_000_001), "f4"),
    "long columns": ("norm:z(axis=0)", (200_001, 19), "f4"),
    "long columns of float64": ("softmax(axis=0)", (100_001, 6), "f8"),
    "middle axis": ("norm:z(axis=1)", (40, 130, 70), "f4"),
    "half": ("tanh+norm:z", (3000, 201), "f2"),
    "half, flat": ("gaussian", (3000, 201), "f2"),
    "swapped": ("norm:z", (3000, 201), ">f8"),
    "integers": ("tanh+norm:z", (3000, 201), "i4"),
    "as written": ("tanh+maxout(2,slope=-1,intercept=1)+norm:z", (3000, 201), "f8"),
}


def big(name):
    spec, shape, dtype = BIG[name]
    x = sample(shape, dtype)
    return actspec.parse(spec), x[::2] if name == "flat, strided" else x


@pytest.mark.parametrize("name", BIG)
def test_the_number_of_threads_changes_no_bit(name):
    act, x = big(name)
    results = []
    for threads in (1, 2, 5, 5):
        actspec.set_num_threads(threads)
        results.append(act(x))
        inside = x.astype(results[0].dtype)
        results.append(act(inside, out=inside))
    for result in results[1:]:
        assert_same_bits(result, results[0])
    assert_close(results[0], wider(act, x), axis=None, ulps=1 if results[0].dtype.itemsize == 2 else 64)


@pytest.mark.parametrize(
    ("spec", "size", "shared"),
    [("relu", 2_000_000, False), ("relu", 3_000_000, True), ("mish", 300_000, False), ("mish", 500_000, True)],
)
def test_threads_share_what_costs_enough(spec, size, shared, monkeypatch):
    monkeypatch.undo()  # what makes threads eager
    actspec.set_num_threads(2)
    numbers, share = [], execute.threads.share
    monkeypatch.setattr(
        execute.threads, "share", lambda work, count, among: (numbers.append(among), share(work, count, among))
    )
    act, x = actspec.parse(spec), np.ones(size, np.float32)
    for _ in range(2):  # the second array is like the first one
        act(x)
    assert numbers == [2, 2] * shared


def _places(shape, axis, cuts):
    for start, stop in itertools.pairwise([0, *cuts, shape[axis]]):
        yield (slice(None),) * axis + (slice(start, stop),)


@pytest.mark.parametrize("name", BIG)
def test_parts_of_an_array_give_the_bits_of_the_whole(name):
    act, x = big(name)
    whole = act(x)
    coupled = 1 if "axis=1" in str(act) else 0 if "axis=0" in str(act) else x.ndim - 1
    free = range(x.ndim) if "flat" in name else [axis for axis in range(x.ndim) if axis != coupled]
    if name == "long rows":
        pytest.skip("there are but two lanes")
    for axis in free:
        length = x.shape[axis]
        for cuts in ((2,), (length // 3, length // 2), (length - 2,), (7, 9, 12)):
            for part in _places(x.shape, axis, [cut for cut in cuts if 2 <= cut <= length - 2]):
                assert_same_bits(act(x[part]), whole[part], f"{part} as a view")


@pytest.mark.parametrize("name", ["flat", "rows", "columns", "slices", "half"])
def test_copies_of_parts_give_the_bits_of_the_whole(name):
    act, x = big(name)
    whole = act(x)
    for part in _places(x.shape, 0, [2, 40, 47, 500]):
        assert_same_bits(act(x[part].copy()), whole[part])
        if name == "flat":
            assert_same_bits(act(np.asfortranarray(x[part])), whole[part])


# ---- the number of threads


def start(code, **environment):
    """A process that runs the code: its exit code, stdout and stderr."""
    environment = os.environ | {"PYTHONPATH": str(Path(actspec.__file__).parents[1])} | environment
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("threads", [1, 2])
def test_large_arrays_like_those_before_may_overlap_their_results_too(threads):
    actspec.set_num_threads(threads)
    act, size, moved = actspec.parse("relu"), 1_000_000, 333
    room = np.random.default_rng(9).normal(size=size + moved).astype(np.float32)
    x = room[:-moved]
    expected = np.maximum(x, 0)
    for _ in range(2):  # the second array is like the first one
        kept = x.copy()
        assert np.array_equal(act(kept), expected)
        assert np.array_equal(act(kept, out=kept), expected)
        assert np.array_equal(act.vjp(x, expected), expected)
        there = room.copy()
        assert np.array_equal(act(there[:-moved], out=there[moved:]), expected)
        there = room.copy()
        assert np.array_equal(act.vjp(there[:-moved], expected, out=there[moved:]), expected)


@pytest.mark.parametrize("given", ["1", "3", " 7 "])
def test_the_environment_sets_the_number_of_threads(given):
    code = (
        "import actspec; print(actspec.get_num_threads()); actspec.set_num_threads(2); print(actspec.get_num_threads())"
    )
    assert start(code, ACTSPEC_NUM_THREADS=given) == (0, f"{int(given)}\n2\n", "")


def test_without_it_threads_are_as_many_as_cores():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert start("import actspec; print(actspec.get_num_threads())", ACTSPEC_NUM_THREADS="") == (0, f"{cores}\n", "")


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", "٣"])
def test_a_bad_number_of_threads_is_an_error_that_names_the_variable(given):
    code = """
import actspec, numpy as np
print(actspec.parse("relu")([1.0]))
for call in (actspec.get_num_threads, lambda: actspec.parse("relu")(np.ones(1_500_000))):
    try:
        call()
    except ValueError as error:
        print(error)
actspec.set_num_threads(1)
print(actspec.parse("relu")(np.ones(1_500_000)).sum())
"""
    exit_code, out, error = start(code, ACTSPEC_NUM_THREADS=given, PYTHONIOENCODING="utf-8", PYTHONUTF8="1")
    assert exit_code == 0, error
    first, *told, last = out.splitlines()
    assert first == "[1.]"
    assert len(told) == 2
    for each in told:
        assert "ACTSPEC_NUM_THREADS" in each
        assert repr(given) in each
    assert last == "1500000.0"


@pytest.mark.parametrize("given", [0, -3, 1.0, "2", True])
def test_a_bad_number_given_to_set_num_threads_is_an_error_and_changes_nothing(given):
    actspec.set_num_threads(3)
    with pytest.raises((TypeError, ValueError), match=r"\bn\b"):
        actspec.set_num_threads(given)
    assert actspec.get_num_threads() == 3


# ---- Python threads, forks


def test_many_python_threads_call_with_threads_of_their_own_at_once():
    actspec.set_num_threads(3)
    names = ["flat", "rows", "columns", "slices", "long columns", "half"]
    acts, inputs = zip(*map(big, names), strict=True)
    expected = [act(x) for act, x in zip(acts, inputs, strict=True)]
    gate = threading.Barrier(8)

    def work(number):
        gate.wait(60)
        for turn in range(6):
            each = (number + turn) % len(names)
            assert_same_bits(acts[each](inputs[each]), expected[each])

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result(120)


def test_a_kernel_that_many_threads_want_first_at_once_is_right():
    with registry.scope():

        class Fresh(actspec.Activation):
            def __call__(self, x):
                return np.tanh(x) * 0.73219 + np.mean(x, axis=-1, keepdims=True)

        act, x = actspec.parse("fresh"), sample((30, 70))
        gate = threading.Barrier(8)

        def work():
            gate.wait(60)
            return act(x)

        with ThreadPoolExecutor(8) as pool:
            results = [each.result(120) for each in [pool.submit(work) for _ in range(8)]]
    for each in results:
        assert_same_bits(each, results[0])
    check(act, x, results[0])


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


def _in_child(work):
    """The exit code of a forked child that does some work: 0 where that returns True."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_kernels_and_threads_work_in_a_forked_child():
    actspec.set_num_threads(3)
    cases = [big(name) for name in ("flat", "rows", "long columns")]
    expected = [act(x) for act, x in cases]

    def work():
        right = all(np.array_equal(act(x), y) for (act, x), y in zip(cases, expected, strict=True))
        started = sum(each.name.startswith("actspec-") for each in threading.enumerate())
        fresh = actspec.parse("gaussian+norm:max+elu+norm:mean")  # compiled in the child
        x = sample((9, 8))
        return right and started == 2 and np.allclose(fresh(x), as_written(fresh, x))

    for _ in range(3):
        assert _in_child(work) == 0
    assert all(np.array_equal(act(x), y) for (act, x), y in zip(cases, expected, strict=True))


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_other_threads_are_in_the_middle_of_calls_is_safe():
    actspec.set_num_threads(2)
    (act, x), done = big("rows"), threading.Event()
    expected = act(x)

    def busy():
        while not done.is_set():
            act(x)

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for each in threads:
        each.start()
    try:
        codes = [_in_child(lambda: np.array_equal(act(x), expected)) for _ in range(8)]
    finally:
        done.set()
        for each in threads:
            each.join()
    assert codes == [0] * 8


def _pooled(seed):
    x = sample((3000, 201), "f4", seed=seed)
    return actspec.parse("tanh+norm:z")(x)[::1000]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_pool_of_forked_processes_works():
    expected = [_pooled(seed) for seed in range(4)]
    with multiprocessing.get_context("fork").Pool(3) as pool:
        for got, want in zip(pool.map(_pooled, range(4)), expected, strict=True):
            assert_same_bits(got, want)


# ---- warnings, memory


@pytest.mark.parametrize("spec", ["tanh", "tanh+norm:z", "swiglu"])
def test_arrays_like_those_before_take_the_short_way_read_only_ones_too(spec, monkeypatch):
    act, x = actspec.Pipeline(*actspec.parse(spec).stages), sample((3, 8), "f4")
    y, g = act(x), np.ones_like(act(x))
    dx = act.vjp(x, g)
    x.flags.writeable = g.flags.writeable = y.flags.writeable = dx.flags.writeable = False

    def general(*_arguments):
        raise AssertionError("the general way")

    for name in ("run", "_differentiate"):
        monkeypatch.setattr(drive.Driver, name, general)
    assert_same_bits(act(x), y)
    assert_same_bits(act(x, out=np.empty_like(y)), y)
    assert_same_bits(act.vjp(x, g), dx)
    assert_same_bits(act.vjp(x, g, out=np.empty_like(dx)), dx)
    for call in (lambda: act(x, out=y), lambda: act.vjp(x, g, out=dx), lambda: act(x.tolist())):
        with pytest.raises(AssertionError, match="the general way"):
            call()


def test_nothing_is_printed_whatever_goes_wrong_in_numbers():
    specs = cases(
        ["tanh+norm:z", "norm:max(axis=0)", "norm:z[2:]", "elu+maxout(2,slope=1e300,intercept=1)"],
        ["softmax", "elu", "scaledtanh(1,1e6)", "softlif", "gaussian+norm:std(eps=0)"],
    )
    code = """
import warnings; warnings.simplefilter("always")
import numpy as np, actspec
actspec.set_num_threads(3)
ends = np.array([np.nan, np.inf, -np.inf, 6e4, -6e4, 0, 1e-7, 709], "f8")
for spec in SPECS:
    act = actspec.parse(spec)
    for dtype in ("f2", "f4", "f8", ">f8"):
        for shape in ((5, 8), (40_000, 8), (2, 300_000)):
            x = np.resize(ends, shape).astype(dtype)
            act(x, out=act(x).astype(dtype))
"""
    assert start(code.replace("SPECS", repr(specs))) == (0, "", "")


def test_nothing_warns_in_a_caller_that_wants_errors():
    actspec.set_num_threads(3)
    for name in BIG:
        act, x = big(name)
        if x.dtype.kind == "f":
            x = x.copy()
            x.flat[::17], x.flat[5::19], x.flat[3] = np.inf, 6e4, np.nan
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            act(x)
            with pytest.raises(FloatingPointError):
                np.float64(1) / np.float64(0)


@pytest.mark.skipif(sys.platform == "win32", reason="the platform has no resource module")
def test_scratch_stays_small_whatever_the_array():
    code = """
import resource, sys
import numpy as np, actspec

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 2**20

x = np.empty(100_000_000, "f4")
x.reshape(1000, -1)[:] = np.linspace(-3, 3, 100_000, dtype="f4")
actspec.set_num_threads(2)
for spec, shape in CASES:
    act = actspec.parse(spec)
    small = np.ones((3, *shape[1:]), "f4") if len(shape) == 2 and shape[1] < 10**6 else np.ones((1, 300_000), "f4")
    act(small, out=small)  # Numba, and the kernel
    tall = np.ones((30_000, 2), "f4")
    act(tall, out=tall)
    held = x.reshape(shape)
    before = peak()
    act(held, out=held)
    print(spec, shape, round(peak() - before))
"""
    cases = [
        ("tanh+elu", (100_000_000,)),
        ("tanh+norm:z", (100_000, 1000)),
        ("softmax", (10_000_000, 10)),
        ("norm:z", (1, 100_000_000)),
        ("norm:z(axis=0)", (1_000_000, 100)),
        ("norm:max(axis=0)", (50_000_000, 2)),
        ("softmax[:3]+norm:max[3:]", (10_000_000, 10)),
    ]
    exit_code, out, error = start(code.replace("CASES", repr(cases)))
    assert (exit_code, error) == (0, "")
    for line in out.splitlines():
        assert int(line.rsplit(maxsplit=1)[1]) < 40, out
    assert len(out.splitlines()) == len(cases)


def test_the_short_way_and_the_long_one_give_the_same():
    for spec, shape in (
        ("tanh+norm:z", (40, 70)),
        ("tanh", (3000,)),
        ("softmax(axis=0)", (30, 20)),
        ("elu", (7, 8, 9)),
    ):
        act, x = actspec.parse(spec), sample(shape, "f4")
        first = act(x)  # the long way, which tells the short one
        assert_same_bits(act(x), first)
        assert_same_bits(act(x, out=np.empty_like(x)), first)
        inside = x.copy()
        assert_same_bits(act(inside, out=inside), first)
        for other in (x.astype("f8"), x[..., ::-1], x.astype(x.dtype.newbyteorder())):
            check(spec, other)
        assert_same_bits(act(x), first)


@pytest.mark.parametrize("spec", ["tanh", "relu", "norm:z", "softmax"])
def test_overlap_is_seen_whatever_the_strides_of_axes_of_length_one(spec):
    act = actspec.parse(spec)
    for shape in ((1, 5), (5, 1), (1, 1, 300)):
        act(np.zeros(shape))  # from now on arrays of this shape take the short way
        line = np.random.default_rng(0).normal(size=310)
        size = int(np.prod(shape))
        for shift in (1, 2, 5):
            room = line.copy()
            x, out = (room[None, start : start + size] for start in (0, shift))
            x, out = (each.reshape(shape) if len(shape) == 3 or shape[1] == 1 else each for each in (x, out))
            expected = act(x.copy())
            np.testing.assert_array_equal(act(x, out=out), expected)


def test_long_pipelines_are_several_kernels():
    pipeline = actspec.parse("+".join(["tanh", "norm:z"] * 128))
    x = np.random.default_rng(0).normal(size=(6, 50))
    kernels = actspec.explain(pipeline).kernels
    assert 2 < len(kernels) < 100
    assert len({kernel.code for kernel in kernels}) <= 2
    assert np.isfinite(pipeline(x)).all()
