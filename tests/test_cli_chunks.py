"""Splitting: results are those of the pipeline on the whole array, to the last bit, whatever the parts."""

import io
import random
import tempfile

import numpy as np
import pytest

import actspec
from actspec.arrays import result_type
from actspec.cli import chunks, npy, stores
from actspec.cli.summary import Summary
from actspec.cli.transform import transform
from tests.support.amount import cases

SPECS = [
    "tanh",
    "softplus+norm:z",
    "norm:z(axis=0)",
    "norm:z(axis=0)+norm:z",
    "softmax(axis=0)+norm:std(axis=-1)+relu",
    "tanh[1:]+norm:mean(axis=0)",
    "softmax[1]+norm:z(axis=-2)+norm:std",
]
LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "float32": lambda x: x.astype(np.float32),
    "float32 Fortran": lambda x: np.asfortranarray(x.astype(np.float32)),
    "float16": lambda x: x.astype(np.float16),
    "big-endian": lambda x: x.astype(">f4"),
    "int32": lambda x: x.astype(np.int32),
    "uint8": lambda x: np.abs(x).astype(np.uint8),
    "bool": lambda x: x > 0,
}


def saved(array):
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    np.save(file, array)
    file.seek(0)
    return file


def chunked(spec, array):
    """The pipeline's output by way of files, and its summary."""
    summary = Summary()
    with saved(array) as source, tempfile.TemporaryFile() as target:
        store = npy.read(source, "x.npy")
        result = npy.create(target, result_type(store.dtype), store.shape, fortran=store.fortran)
        transform(actspec.parse(spec), store, result, summary, lambda _fraction: None)
        target.seek(0)
        return np.load(target), summary


SHAPES = [(2001,), (501, 7), (7, 501), (2, 1501), (9000, 3), (30, 20, 6), (2, 300, 3)]


# Usually every shape in C's order, and every layout of one shape.
@pytest.mark.parametrize(
    ("shape", "layout"),
    cases(
        [*((shape, "C") for shape in SHAPES), *((SHAPES[1], layout) for layout in LAYOUTS if layout != "C")],
        [(shape, layout) for shape in SHAPES for layout in LAYOUTS if layout != "C" and shape != SHAPES[1]],
    ),
    ids=str,
)
def test_parts_give_the_result_of_the_whole(shape, layout, monkeypatch):
    x = LAYOUTS[layout](np.random.default_rng(7).normal(scale=5, size=shape))
    for spec in SPECS:
        pipeline = actspec.parse(spec)
        try:
            whole = pipeline(x)
        except ValueError:  # an axis that x has not
            continue
        for size in (100, 3000, 40_000):
            monkeypatch.setattr(chunks, "BLOCK_BYTES", size)
            parts, summary = chunked(spec, x)
            assert parts.dtype == whole.dtype
            np.testing.assert_array_equal(parts, whole, err_msg=f"{spec}, blocks of {size} bytes")
            assert summary.facts()["max"] == f"{float(whole.max()):.6g}"


def test_parts_of_an_array_with_one_column_or_row_give_the_result_of_the_whole(monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 256)
    for shape in ((999, 1), (1, 999), (3, 1, 333)):
        x = np.random.default_rng(3).normal(size=shape)
        for spec in ("norm:z", "norm:z(axis=0)+norm:z", "tanh"):
            np.testing.assert_array_equal(chunked(spec, x)[0], actspec.parse(spec)(x))


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (5, 0)], ids=str)
def test_scalars_and_empty_arrays_pass(shape):
    x = np.ones(shape, np.float32)
    got, summary = chunked("tanh", x)
    np.testing.assert_array_equal(got, actspec.parse("tanh")(x))
    assert (got.shape, got.dtype, summary.shape) == (shape, np.float32, shape)


def test_a_formula_that_no_symbol_can_follow_gets_the_whole_array(monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 64)
    seen = []
    with actspec.registry.scope():

        class Sorted(actspec.Activation):
            """The values in order."""

            def __call__(self, x):
                if isinstance(x, np.ndarray):
                    seen.append(x.shape)
                return np.sort(x, axis=None).reshape(x.shape)

        x = np.random.default_rng(0).normal(size=(40, 5))
        got, _ = chunked("tanh+sorted", x)
        np.testing.assert_array_equal(got, actspec.parse("tanh+sorted")(x))
        assert set(seen) == {(40, 5)}


def test_a_plan_splits_where_axes_collide():
    def planned(spec, ndim):
        runs = chunks.plan(actspec.parse(spec), (100,) * ndim, 8)
        assert not any(run.streamed for run in runs)
        return [(str(run.stages), sorted(run.coupled)) for run in runs]

    assert planned("tanh+relu", 1) == [("tanh+relu", [])]
    assert planned("relu+softmax+tanh+norm:z(axis=0)+norm:std(axis=0)", 2) == [
        ("relu+softmax+tanh", [1]),
        ("norm:z(axis=0)+norm:std(axis=0)", [0]),
    ]
    assert planned("softmax+norm:z(axis=0)", 3) == [("softmax+norm:z(axis=0)", [0, 2])]
    assert planned("tanh+softmax", 1) == [("tanh+softmax", [0])]


@pytest.mark.parametrize("fortran", [False, True])
@pytest.mark.parametrize("coupled", [(), (0,), (1,), (0, 2)], ids=str)
def test_blocks_cover_each_element_once_and_keep_coupled_axes_whole(coupled, fortran, monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK_BYTES", 500)
    seen = np.zeros((13, 9, 11), np.intp)
    for block in chunks.blocks(seen.shape, frozenset(coupled), 8, fortran=fortran):
        seen[block] += 1
        for axis, cut in enumerate(block):
            assert cut.stop - cut.start >= 2
            if axis in coupled:
                assert cut == slice(0, seen.shape[axis])
    assert (seen == 1).all()


@pytest.mark.parametrize("fortran", [False, True])
def test_stores_read_and_write_any_block(fortran, monkeypatch):
    monkeypatch.setattr(stores, "_DIRECT", 64)
    monkeypatch.setattr(stores, "_SLAB", 256)
    rng, choice = np.random.default_rng(5), random.Random(5)
    for shape in ((7,), (5, 6), (4, 5, 6), (3, 4, 5, 6)):
        x = np.asarray(rng.normal(size=shape), order="F" if fortran else "C")
        for _ in range(60):
            block = tuple(
                slice(*sorted(choice.sample(range(length + 1), 2))) if choice.random() < 0.6 else slice(0, length)
                for length in shape
            )
            with saved(x) as file:
                store = npy.read(file, "x.npy")
                np.testing.assert_array_equal(store.read(block), x[block])
                want = x.copy()
                want[block] = rng.normal(size=want[block].shape)
                store.write(block, want[block])
                file.seek(0)
                np.testing.assert_array_equal(np.load(file), want)


def test_a_store_notices_a_file_that_shrank():
    with saved(np.arange(100.0)) as file:
        store = npy.read(file, "x.npy")
        file.truncate(500)
        with pytest.raises(Exception, match=r"x\.npy: the file is cut short"):
            store.read((slice(0, 100),))


def test_a_summary_counts_nan_apart_and_takes_infinities():
    summary = Summary()
    summary.shape, summary.dtype = (5,), "float32"
    for part in ([1.0, np.nan], [np.nan, np.nan], [3.0]):
        summary.add(np.array(part, np.float32))
    facts = summary.facts()
    assert [facts[name] for name in ("min", "mean", "max", "nan")] == ["1", "2", "3", "3"]
    summary.add(np.array([np.inf, -np.inf]))
    assert summary.facts()["mean"] == "nan"
    assert summary.facts()["max"] == "inf"


def test_a_summary_of_nothing_has_no_values():
    assert list(Summary().facts()) == ["shape", "type", "time"]


def test_a_file_is_read_without_unpickling():
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("a pickle was read",)

    file = io.BytesIO()
    np.save(file, np.array([Trap()], dtype=object), allow_pickle=True)
    with tempfile.TemporaryFile() as real:
        real.write(file.getvalue())
        real.seek(0)
        with pytest.raises(Exception, match="pickled Python objects, which are never read"):
            npy.read(real, "x.npy")
