"""Contract section 3, for the forward call: which arrays go in, which come out, and what is never touched."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import actspec
from actspec import registry
from tests.support import built_ins

# Every kind of body that a user may write; scoped, so that no other test meets these names.
with registry.scope():

    class InPlace(actspec.Activation):
        def __call__(self, x):
            x *= 2
            x += 1
            return x

    class Flipped(actspec.Activation):
        """Returns a view of its input."""

        def __call__(self, x):
            return x[..., ::-1] if x.ndim else x

    class Itself(actspec.Activation):
        def __call__(self, x):
            return x

    class Branching(actspec.Activation):
        """A Python branch on data."""

        def __call__(self, x):
            return np.abs(x) if np.any(x < 0) else 2 * x

    class Masked(actspec.Activation):
        def __call__(self, x):
            x[x < 0] = 0
            return x

    class Spread(actspec.Activation):
        """Returns a read-only broadcast array."""

        def __call__(self, x):
            return np.broadcast_to(np.max(x, axis=-1, keepdims=True), x.shape) if x.ndim else x

    class Calling(actspec.Activation):
        base: actspec.Activation = InPlace

        def __call__(self, x):
            return x + self.base(x) + actspec.parse("tanh")(x)

    BUILT_INS = [name for name in built_ins.SIZED if name == built_ins.fixed(name)]
    ROWS = [name for name in BUILT_INS if "axis" in {p.name for p in actspec.describe(name).parameters}]
    CUSTOM = ["inplace", "flipped", "itself", "branching", "masked", "spread", "calling"]
    COMPOSED = [
        "tanh+norm:z",
        "softmax[:2]+softplus[2:]",
        "(relu+norm:z)[1:3]",
        "tanh[::2]",
        "prelu(slope=0.25)",
        "lgrelu(gain=2,leak=0.5)",
        "maxout(3,slope=2,intercept=1)",
        "inplace+tanh",
        "tanh+inplace+norm:max",
        "inplace[1:]",
        "(inplace+masked)[:2]",
        "spread+inplace",
        "flipped+inplace+flipped",
        "calling(masked+inplace)",
    ]
    PIPELINES = {spec: actspec.parse(spec) for spec in [*BUILT_INS, *CUSTOM, *COMPOSED]}

every = pytest.mark.parametrize("act", PIPELINES.values(), ids=PIPELINES.keys())


def sample(shape=(4, 6), dtype=np.float64, seed=0):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(dtype)


def plain(x):
    """The same values, C-contiguous, native, writable."""
    x = np.asarray(x)
    return np.array(x, dtype=x.dtype.newbyteorder("="), order="C", copy=True)


def assert_same(y, expected):
    """Equal but for the order in which sums were taken."""
    y, expected = np.asarray(y), np.asarray(expected)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    finite = np.abs(expected[np.isfinite(expected)])
    eps = 16 * np.finfo(expected.dtype).eps
    np.testing.assert_allclose(y, expected, rtol=eps, atol=eps * (float(finite.max()) if finite.size else 0))


# ---- types


floats = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])


@every
@floats
def test_floats_keep_their_type(act, dtype):
    y = act(sample(dtype=dtype))
    assert type(y) is np.ndarray
    assert y.dtype == dtype
    assert y.shape == (4, 6)


@every
def test_integers_and_booleans_are_computed_in_float64(act):
    for dtype in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"):
        x = np.arange(24).reshape(4, 6).astype(dtype)
        y = act(x)
        assert y.dtype == np.float64
        np.testing.assert_array_equal(y, act(x.astype(np.float64)))


@every
def test_float16_is_computed_in_float32(act):
    x = sample(dtype=np.float16)
    np.testing.assert_array_equal(act(x), act(x.astype(np.float32)).astype(np.float16))


def test_float16_does_not_overflow_half_way():
    with registry.scope():

        class ThereAndBack(actspec.Activation):
            def __call__(self, x):
                assert x.dtype == np.float32
                return x * 1000 / 1000

        assert ThereAndBack()(np.float16(60000)) == 60000
        # ... nor between the stages of a pipeline
        scaled = actspec.parse("lgrelu(gain=1000, leak=1)+lgrelu(gain=0.001, leak=1)")
        np.testing.assert_array_equal(scaled(np.array([60000], np.float16)), np.array([60000], np.float16))


REFUSED = {
    "complex64": np.ones(3, np.complex64),
    "complex128": np.ones(3, np.complex128),
    "complex scalar": 1j,
    "object": np.array([1, 2.0], object),
    "huge int": 10**400,
    "None": None,
    "list of None": [1.0, None],
    "str": "tanh",
    "str array": np.array(["a"]),
    "bytes array": np.array([b"a"]),
    "datetime64": np.array(["2020-01-01"], "datetime64[D]"),
    "timedelta64": np.array([1], "timedelta64[s]"),
    "structured": np.zeros(3, [("a", "f8")]),
    "dict": {"a": 1},
    "set": {1.0},
    "function": sample,
    "empty object": np.empty(0, object),
    "masked": np.ma.masked_array([1.0, 2.0], [True, False]),
}
if np.dtype(np.longdouble).itemsize > 8:
    REFUSED["longdouble"] = np.ones(3, np.longdouble)
    REFUSED["longdouble scalar"] = np.longdouble(1)


@pytest.mark.parametrize("x", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_type_is_a_type_error_that_names_the_argument(x):
    for act in (PIPELINES["tanh"], PIPELINES["tanh"][0], PIPELINES["inplace"]):
        with pytest.raises(TypeError, match=r"\bx\b"):
            act(x)


def test_a_ragged_list_is_an_error_that_names_the_argument():
    with pytest.raises((TypeError, ValueError), match=r"\bx\b"):
        PIPELINES["tanh"]([1.0, [2.0, 3.0]])


# ---- layouts

LAYOUTS = {
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "strided": lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda x: plain(x[::-1, ::-1])[::-1, ::-1],
    "transposed": lambda x: plain(x.T).T,
    "fortran": np.asfortranarray,
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
    "a view": lambda x: np.pad(x, 1)[1:-1, 1:-1],
    "list": lambda x: x.tolist(),
    "tuple": lambda x: tuple(map(tuple, x.tolist())),
    "memoryview": lambda x: memoryview(plain(x)),
}


def _frozen(x):
    x = plain(x)
    x.flags.writeable = False
    return x


@every
def test_a_layout_does_not_change_the_result(act):
    x = sample()
    for lay_out in LAYOUTS.values():
        assert_same(act(lay_out(x)), act(x))


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_byte_swapped_result_is_native(act, dtype):
    x = sample(dtype=dtype)
    y = act(x.astype(x.dtype.newbyteorder()))
    assert y.dtype.isnative
    np.testing.assert_array_equal(y, act(x))


@every
def test_a_broadcast_input_works(act):
    row = sample((6,))
    x = np.broadcast_to(row, (4, 6))
    assert_same(act(x), act(plain(x)))
    np.testing.assert_array_equal(x, np.broadcast_to(sample((6,)), (4, 6)))


@every
def test_a_read_only_input_works_and_gives_a_writable_result(act):
    x = _frozen(sample())
    y = act(x)
    assert_same(y, act(sample()))
    assert y.flags.writeable


@pytest.mark.parametrize("name", [*BUILT_INS, *CUSTOM])
def test_a_scalar_is_one_feature(name):
    act = PIPELINES[name]
    for value in (2.0, 2, True, np.float32(2), np.float16(2), np.array(-2.0), np.int8(2)):
        y = act(value)
        expected = act(np.asarray(value)[None])
        assert np.shape(y) == ()
        assert isinstance(y, np.floating)
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y, expected[0])


@pytest.mark.parametrize("name", [*BUILT_INS, *CUSTOM])
def test_a_1d_input_is_a_row(name):
    x = sample((1, 6))
    assert_same(PIPELINES[name](x[0]), PIPELINES[name](x)[0])


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_an_empty_input_gives_an_empty_result(act, dtype):
    for shape in [(0,), (0, 6), (3, 0), (2, 0, 5), (0, 0)]:
        y = act(np.empty(shape, dtype))
        assert (y.shape, y.dtype) == (shape, _result(dtype))


@pytest.mark.parametrize("shape", [(0,), (0, 6), (3, 0), (2, 0, 5), (0, 0)])
def test_an_empty_out_matches_an_empty_input(shape):
    for spec in ("tanh", "norm:z", "inplace"):
        out = np.empty(shape)
        assert PIPELINES[spec](np.empty(shape), out=out) is out
        with pytest.raises(ValueError, match=r"\bout\b"):
            PIPELINES[spec](np.empty(shape), out=np.empty((*shape, 0)))


def _result(dtype):
    return np.dtype(dtype) if np.dtype(dtype).kind == "f" else np.dtype(np.float64)


def test_an_empty_list_is_an_empty_array():
    assert PIPELINES["tanh"]([]).shape == (0,)
    assert PIPELINES["norm:z"]([[], []]).shape == (2, 0)


@every
def test_many_axes_work(act):
    x = sample((2, 3, 4, 6))
    y = act(x)
    assert y.shape == x.shape
    assert_same(y, act(plain(x)))


def test_other_array_likes_work_and_give_plain_arrays():
    class Holder:
        def __init__(self, held):
            self.held = held

        def __array__(self, dtype=None, copy=None):
            return self.held

    class Sub(np.ndarray):
        pass

    held = sample()
    for x in (Holder(held), held.view(Sub), range(3), [np.float32(1), 2]):
        y = PIPELINES["inplace"](x)
        assert type(y) is np.ndarray
    np.testing.assert_array_equal(held, sample())


def test_a_memory_mapped_file_is_read_and_not_written(tmp_path):
    np.save(tmp_path / "x.npy", sample())
    for mode in ("r", "r+", "c"):
        x = np.load(tmp_path / "x.npy", mmap_mode=mode)
        assert_same(PIPELINES["inplace"](x), PIPELINES["inplace"](sample()))
        np.testing.assert_array_equal(x, sample())
        del x


@st.composite
def laid_out(draw):
    """An array of any shape, float type, order, stride, offset and byte order."""
    dtype = np.dtype(draw(st.sampled_from(["f2", "f4", "f8"]))).newbyteorder(draw(st.sampled_from("<>")))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
    steps = [draw(st.sampled_from([1, 2, 3, -1, -2])) for _ in shape]
    bigger = tuple(side * abs(step) for side, step in zip(shape, steps, strict=True))
    x = np.random.default_rng(draw(st.integers(0, 9))).normal(0, 2, bigger).astype(dtype)
    x = np.array(x, order=draw(st.sampled_from("CF")))
    x = x[tuple(slice(None, None, step) for step in steps)]
    x = x.transpose(draw(st.permutations(range(x.ndim))))
    if x.shape[0] and draw(st.booleans()):
        x = np.broadcast_to(x[:1], (3, *x.shape[1:]))
    if draw(st.booleans()) and x.flags.writeable:
        x.flags.writeable = False
    return x


HYPOTHESIS_SPECS = ["tanh", "relu", "tanh+norm:z", "softmax", "norm:max(axis=0)", *CUSTOM, "inplace[1:]"]


@settings(max_examples=300)
@given(x=laid_out(), spec=st.sampled_from(HYPOTHESIS_SPECS))
def test_any_layout_equals_the_plain_array(x, spec):
    act = PIPELINES.get(spec) or actspec.parse(spec)
    before = plain(x)
    y = act(x)
    assert_same(y, act(before))
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(x, y)


# ---- x is never modified, and never returned


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_x_is_never_modified(act, dtype):
    x = sample(dtype=dtype)
    before = x.tobytes()
    act(x)
    act(x, out=np.empty(x.shape, _result(dtype)))
    act.stages[0](x)
    assert x.tobytes() == before


@every
@floats
def test_a_result_is_new_each_time(act, dtype):
    x = sample(dtype=dtype)
    y, again = act(x), act(x)
    assert not np.shares_memory(x, y)
    assert not np.shares_memory(y, again)
    y[...] = 77
    np.testing.assert_array_equal(x, sample(dtype=dtype))
    assert_same(act(x), again)


def test_a_body_that_fails_leaves_x_and_out_alone():
    with registry.scope():

        class Failing(actspec.Activation):
            def __call__(self, x):
                x[...] = 0
                raise RuntimeError("on purpose")

        x, out = sample(), np.full((4, 6), 5.0)
        for call in (lambda: Failing()(x), lambda: Failing()(x, out=out), lambda: Failing()(x, out=x)):
            with pytest.raises(RuntimeError, match="on purpose"):
                call()
        np.testing.assert_array_equal(x, sample())
        np.testing.assert_array_equal(out, np.full((4, 6), 5.0))


# ---- out


@every
@floats
def test_out_is_filled_and_returned(act, dtype):
    x = sample(dtype=dtype)
    out = np.full(x.shape, np.nan, dtype)
    assert act(x, out=out) is out
    assert_same(out, act(x))
    assert act.stages[0](x, out=out) is out


@every
def test_out_may_be_x_itself(act):
    x = sample()
    expected = act(x)
    assert act(x, out=x) is x
    assert_same(x, expected)


@every
def test_out_may_be_a_shifted_view_of_the_buffer_of_x(act):
    expected = act(sample())
    for shift in (-3, -1, 1, 3):
        buffer = np.zeros(30)
        x, out = buffer[3:27].reshape(4, 6), buffer[3 + shift : 27 + shift].reshape(4, 6)
        x[...] = sample()
        assert act(x, out=out) is out
        assert_same(out, expected)


@every
def test_out_may_be_x_the_other_way_round(act):
    for view in (lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::-1]):
        x = sample((6, 6))
        expected = act(plain(x))
        act(x, out=view(x))
        assert_same(view(x), expected)


@every
def test_out_may_have_any_layout(act):
    x = sample()
    for out in (
        np.empty((4, 6), order="F"),
        np.empty((8, 18))[::2, ::3],
        np.empty((4, 6), np.dtype("f8").newbyteorder()),
        np.empty((6, 4)).T[::-1],
    ):
        assert act(x, out=out) is out
        assert_same(plain(out), act(x))


def test_out_writes_between_the_lines_of_nothing_else():
    buffer = np.full((8, 18), 5.0)
    PIPELINES["tanh"](sample(), out=buffer[::2, ::3])
    rest = np.ones((8, 18), bool)
    rest[::2, ::3] = False
    assert (buffer[rest] == 5).all()


def test_out_of_a_byte_swapped_x_may_be_x_or_native():
    x = sample().astype(np.dtype("f8").newbyteorder())
    expected = PIPELINES["tanh"](sample())
    assert_same(PIPELINES["tanh"](x, out=np.empty((4, 6))), expected)
    PIPELINES["tanh"](x, out=x)
    assert_same(plain(x), expected)


def test_out_of_a_scalar_is_a_0d_array():
    out = np.empty(())
    assert PIPELINES["tanh"](2.0, out=out) is out
    assert out == pytest.approx(np.tanh(2.0), rel=1e-15)


def test_out_of_integers_is_float64():
    out = np.empty(3)
    PIPELINES["tanh"]([1, 2, 3], out=out)
    np.testing.assert_array_max_ulp(out, np.tanh([1.0, 2.0, 3.0]), 2)
    with pytest.raises(TypeError, match="out"):
        PIPELINES["tanh"](np.arange(3), out=np.empty(3, np.int64))


BAD_OUT = {
    "float32": (np.empty((4, 6), np.float32), TypeError),
    "float16": (np.empty((4, 6), np.float16), TypeError),
    "int": (np.empty((4, 6), np.int64), TypeError),
    "complex": (np.empty((4, 6), np.complex128), TypeError),
    "object": (np.empty((4, 6), object), TypeError),
    "list": ([[0.0] * 6] * 4, TypeError),
    "tuple of arrays": ((np.empty((4, 6)),), TypeError),
    "a number": (1.0, TypeError),
    "masked": (np.ma.zeros((4, 6)), TypeError),
    "transposed": (np.empty((6, 4)), ValueError),
    "one axis more": (np.empty((1, 4, 6)), ValueError),
    "broadcastable": (np.empty((4, 1)), ValueError),
    "empty": (np.empty((0, 6)), ValueError),
    "read-only": (_frozen(np.ones((4, 6))), ValueError),
    "broadcast": (np.lib.stride_tricks.as_strided(np.ones(6), (4, 6), (0, 8)), ValueError),
}


@pytest.mark.parametrize("case", BAD_OUT)
def test_a_bad_out_is_an_error_that_names_it_before_any_work(case):
    out, error = BAD_OUT[case]
    before = np.array(out, copy=True) if isinstance(out, np.ndarray) else out
    calls = []
    with registry.scope():

        class Counted(actspec.Activation):
            def __call__(self, x):
                calls.append(x)
                return x

        with pytest.raises(error, match=r"\bout\b"):
            actspec.parse("counted+tanh")(sample(), out=out)
    assert not calls
    if isinstance(out, np.ndarray) and out.dtype != object and out.size:
        assert out.tobytes() == before.tobytes()


# ---- NaN, infinities, warnings

NASTY = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, -5e-324, 800.0, -800.0, 88.8, -104.0, 1e-160, 1.0]


# hardmax takes NaN for the largest, as numpy.argmax does.
WITHOUT_NAN = ("masked", "(inplace+masked)[:2]", "hardmax")


@pytest.mark.parametrize("spec", [spec for spec in PIPELINES if spec not in WITHOUT_NAN])
def test_nan_goes_through(spec):
    x = sample()
    x[1] = np.nan
    y = PIPELINES[spec](x)
    touched = np.isnan(y[1])
    assert touched.all(), spec
    if spec not in ("branching",):
        assert np.isfinite(y[[0, 2, 3]]).all()


def test_nan_and_infinities_go_as_numpys_formula_sends_them():
    with registry.scope():

        class Odd(actspec.Activation):
            def __call__(self, x):
                return np.log(x) + x * 0 + np.maximum(x, 1) / x

        x = np.array(NASTY)
        with np.errstate(all="ignore"):
            expected = np.log(x) + x * 0 + np.maximum(x, 1) / x
            low = plain(x.astype(np.float32))
            expected_low = np.log(low) + low * 0 + np.maximum(low, 1) / low
        np.testing.assert_array_equal(Odd()(x), expected)
        np.testing.assert_array_equal(Odd()(low), expected_low)


@every
@floats
def test_nothing_warns_even_where_numpy_would_raise(act, dtype):
    with np.errstate(all="ignore"):
        grid = np.array(NASTY).astype(dtype)
        rows = np.array([list(row) for row in itertools.islice(itertools.permutations(grid, 6), 0, 4000, 37)], dtype)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        act(rows)
        act(grid[:6])
        act(rows, out=rows)
        with contextlib.suppress(IndexError):  # a slice of a scalar's last axis
            act(grid[0])
        act(np.empty((0, 3), dtype))
        act.stages[0](np.full((2, 6), np.inf, dtype))


def test_seterr_of_the_caller_holds_again_after_the_call():
    old = np.seterr(all="raise")
    try:
        PIPELINES["softplus"]([1e308, -1e308])
        with pytest.raises(TypeError):
            PIPELINES["softplus"]("a")
        assert set(np.geterr().values()) == {"raise"}
        with pytest.raises(FloatingPointError):
            np.float64(1) / np.float64(0)
    finally:
        np.seterr(**old)


# ---- axes


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("axis", range(-3, 3))
def test_axis_is_the_axis_that_is_normalised(name, axis):
    x = sample((3, 4, 5))
    default = PIPELINES[name]
    expected = np.moveaxis(default(np.moveaxis(x, axis, -1)), -1, axis)
    assert_same(actspec.parse(f"{name}(axis={axis})")(x), expected)
    assert not np.allclose(expected, default(x)) or axis in (-1, 2)


@pytest.mark.parametrize("name", ROWS)
def test_rows_do_not_mix(name):
    x = sample()
    assert_same(PIPELINES[name](x), np.stack([PIPELINES[name](row) for row in x]))


@pytest.mark.parametrize("shape", [(4, 6), (0, 6)], ids=str)
@pytest.mark.parametrize("spec", [*(f"{name}(axis=5)" for name in ROWS), "tanh[6]", "tanh[-7]"])
def test_an_axis_or_feature_that_is_not_there_is_an_index_error(spec, shape):
    with pytest.raises(IndexError):
        actspec.parse(spec)(np.ones(shape))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 3, 7, 1000])
@pytest.mark.parametrize("name", [name for name in ROWS if name.startswith("norm:")])
def test_a_constant_row_stays_finite(name, width, dtype):
    for value in (0.0, -0.0, 0.1, 1.0, -3.3, 1000.1, -60000.0, 1e-7):
        y = PIPELINES[name](np.full((2, width), value, dtype))
        if dtype == np.float16:  # its largest number is 65504, which norm:std passes at once
            y = PIPELINES[name](np.full((2, width), value, np.float16).astype(np.float32))
        assert np.isfinite(y).all(), value


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 3, 7, 10, 1000])
def test_a_constant_row_is_centred_to_zero_up_to_rounding(width, dtype):
    for value in (0.1, 1000.1, -3.3e7):
        y = PIPELINES["norm:mean"](np.full(width, value, dtype))
        # a sum runs in as many parts as vectors have numbers, and each of its additions rounds
        assert (np.abs(y) <= 16 * np.finfo(dtype).eps * abs(value)).all(), value


# ---- threads and processes


def test_many_threads_call_one_pipeline_at_once():
    acts = [PIPELINES[spec] for spec in ("tanh+norm:z", "inplace+tanh", "softmax[:2]+softplus[2:]", "calling")]
    inputs = [sample((50, 8), seed=seed) for seed in range(8)]
    expected = [[act(x) for act in acts] for x in inputs]
    gate = threading.Barrier(8)

    def work(number):
        gate.wait(30)
        for _ in range(20):
            with np.errstate(all="raise"):
                for act, right in zip(acts, expected[number], strict=True):
                    np.testing.assert_array_equal(act(inputs[number]), right)
                    np.testing.assert_array_equal(act(inputs[number], out=inputs[number].copy()), right)
            assert str(actspec.parse(f"elu({number})+tanh")) in (f"elu(alpha={number})+tanh", "elu+tanh")
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_may_call_a_pipeline():
    act, x = PIPELINES["tanh+norm:z"], sample()
    expected = act(x)  # so that whatever the parent sets up is there before the fork
    child = os.fork()
    if child == 0:
        code = 1
        try:
            same = np.array_equal(act(x), expected) and np.allclose(actspec.parse("relu+softmax")(x).sum(-1), 1)
            code = 0 if same else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(act(x), expected)


def test_an_array_may_have_as_many_axes_as_numpy_takes():
    x = np.arange(2.0).reshape((1,) * 63 + (2,))
    for spec in ("relu", "norm:z(axis=5)", "tanh[0]"):
        act = actspec.parse(spec)
        np.testing.assert_allclose(act(x), act[0].formula(x))
