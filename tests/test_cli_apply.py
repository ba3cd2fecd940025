"""actspec apply: kinds of files, columns, keys, and one clear line for whatever is wrong."""

import csv
import errno
import io
import os
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import actspec
from actspec.cli import batches, stores
from actspec.cli.program import program
from actspec.cli.progress import part

X = np.array([[0.5, -2.0], [1e-300, 3.0], [-1.25, 0.1]])
CSV = 'id,a,b,"na,me"\n7,0.5,-2,x\n8,1e-300,3,"y,z"\n9,-1.25,0.1,\n'


@pytest.fixture
def run(capsys):
    def run(*args):
        with pytest.raises(SystemExit) as left:
            program.main(["apply", *map(str, args)], prog_name="actspec")
        return left.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def fails(run, tmp_path, monkeypatch):
    """Checks that a run in tmp_path says one line, ends with 2, and leaves the folder as it was."""
    monkeypatch.chdir(tmp_path)

    def fails(*args):
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        code, out, err = run(*args)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        assert err.count("\n") == 1, err
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
        return err.removeprefix("Error: ").rstrip("\n")

    return fails


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


# .npy


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", ">f4", ">f8", "i8", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_gives_what_the_pipeline_gives(run, tmp_path, dtype, order):
    x = np.asarray(np.arange(24).reshape(2, 4, 3).astype(dtype), order=order)
    np.save(tmp_path / "x.npy", x)
    code, out, err = run("tanh+norm:z", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    want = actspec.parse("tanh+norm:z")(x)
    got = np.load(tmp_path / "y.npy")
    np.testing.assert_array_equal(got, want)
    assert got.dtype == want.dtype
    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path / 'y.npy'}: shape (2, 4, 3), {want.dtype}, min ")
    assert out.count("\n") == 1


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_npy_is_read(run, tmp_path, version):
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array(file, X, version)
    assert run("tanh", tmp_path / "x.npy", "-o", tmp_path / "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), actspec.parse("tanh")(X))


def test_without_an_output_there_is_a_summary(run, tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1, -2], [3, 4]]))
    code, out, err = run("relu", tmp_path / "x.npy")
    facts = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (code, err) == (0, "")
    assert facts.pop("time").endswith(" s")
    assert facts == {"shape": "(2, 2)", "type": "float64", "min": "0", "mean": "2", "max": "4"}
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_the_output_may_be_the_input(run, tmp_path):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "t.csv").write_text(CSV)
    for spec in ("tanh", "norm:z(axis=0)"):
        want = actspec.parse(spec)(np.load(tmp_path / "x.npy"))
        assert run(spec, tmp_path / "x.npy", "-o", tmp_path / "x.npy")[0] == 0
        assert run(spec, tmp_path / "t.csv", "--columns", "a,b", "-o", tmp_path / "t.csv")[0] == 0
        np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), want)
        assert [[float(cell) for cell in row[1:3]] for row in rows(tmp_path / "t.csv")[1:]] == want.tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "x.npy"]


def test_an_output_keeps_its_permissions_and_its_link(run, tmp_path):
    np.save(tmp_path / "x.npy", X)
    real, link = tmp_path / "real.npy", tmp_path / "link.npy"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert run("tanh", tmp_path / "x.npy", "-o", link)[0] == 0
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    np.testing.assert_array_equal(np.load(real), actspec.parse("tanh")(X))


def test_a_new_output_has_the_permissions_of_any_new_file(run, tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert run("tanh", tmp_path / "x.npy", "-o", tmp_path / "y.npy")[0] == 0
    assert (tmp_path / "y.npy").stat().st_mode == (tmp_path / "x.npy").stat().st_mode


def test_suffixes_have_no_case(run, tmp_path):
    np.save(tmp_path / "x.npy", X)
    os.rename(tmp_path / "x.npy", tmp_path / "X.NPY")
    assert run("tanh", tmp_path / "X.NPY")[0] == 0


# .npz


def archive(path, **options):
    arrays = {"w": X, "bias": np.arange(3, dtype=np.float32), "names": np.array(["a", "b"])}
    (np.savez_compressed if options.get("compressed") else np.savez)(path, **arrays)
    return arrays


@pytest.mark.parametrize("compressed", [False, True])
def test_npz_works_on_the_keys_and_passes_the_others_on(run, tmp_path, compressed):
    arrays = archive(tmp_path / "x.npz", compressed=compressed)
    code, out, _ = run("tanh+relu", tmp_path / "x.npz", "--key", "bias", "--key", "w", "-o", tmp_path / "y.npz")
    assert code == 0
    assert [line.partition(":")[0].rpartition(" ")[2] for line in out.splitlines()] == ["w", "bias"]
    with np.load(tmp_path / "y.npz") as got:
        assert list(got) == list(arrays)
        for key in ("w", "bias"):
            np.testing.assert_array_equal(got[key], actspec.parse("tanh+relu")(arrays[key]))
            assert got[key].dtype == arrays[key].dtype
        np.testing.assert_array_equal(got["names"], arrays["names"])
    with zipfile.ZipFile(tmp_path / "y.npz") as written:
        kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        assert {info.compress_type for info in written.infolist()} == {kind}
        assert written.testzip() is None


def test_npz_works_on_every_array_unless_told(run, tmp_path):
    np.savez(tmp_path / "x.npz", a=X, b=-X)
    assert run("relu", tmp_path / "x.npz", "-o", tmp_path / "y.npz")[0] == 0
    with np.load(tmp_path / "y.npz") as got:
        assert {key: got[key].tolist() for key in got} == {
            "a": np.maximum(X, 0).tolist(),
            "b": np.maximum(-X, 0).tolist(),
        }
    code, out, _ = run("relu", tmp_path / "x.npz")
    assert code == 0
    assert [line.split() for line in out.splitlines() if line.startswith("array")] == [["array", "a"], ["array", "b"]]


def test_one_array_of_an_npz_goes_into_any_file(run, tmp_path, fails):
    archive(tmp_path / "x.npz")
    assert run("tanh", "x.npz", "--key", "w", "-o", "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load("y.npy"), actspec.parse("tanh")(X))
    message = fails("tanh", "x.npz", "-o", "z.npy")
    assert message == "z.npy: it has room for one array, and x.npz has 'w', 'bias', 'names': choose one with --key"


def test_npz_faults(fails, tmp_path):
    archive(tmp_path / "x.npz")
    assert fails("tanh", "x.npz", "--key", "q") == "x.npz: there is no array 'q'; its arrays are 'w', 'bias', 'names'"
    assert fails("tanh", "x.npz", "-o", "y.npz").startswith("x.npz, array 'names': an array of real numbers")
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[300] ^= 255
    (tmp_path / "bits.npz").write_bytes(data)
    assert fails("tanh", "bits.npz", "-o", "y.npz").startswith("bits.npz")
    (tmp_path / "half.npz").write_bytes(data[:200])
    assert fails("tanh", "half.npz").startswith("half.npz: this is no .npz file, or a damaged one")
    with zipfile.ZipFile(tmp_path / "none.npz", "w"):
        pass
    assert fails("tanh", "none.npz") == "none.npz: the archive is empty"
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as text:
        text.writestr("readme.txt", "hello")
    assert fails("tanh", "text.npz").startswith("text.npz, array 'readme.txt': this is no .npy file")


# .csv


def test_csv_columns_change_in_place_and_the_others_pass(run, tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    code, out, _ = run("tanh[1:]", tmp_path / "t.csv", "--columns", "b, a", "-o", tmp_path / "u.csv")
    assert code == 0
    assert "shape (3, 2), float64" in out
    a = actspec.parse("tanh")(X[:, 0])
    assert rows(tmp_path / "u.csv") == [
        ["id", "a", "b", "na,me"],
        ["7", repr(float(a[0])), "-2.0", "x"],
        ["8", repr(float(a[1])), "3.0", "y,z"],
        ["9", repr(float(a[2])), "0.1", ""],
    ]


def test_csv_numbers_read_back_the_same(run, tmp_path):
    x = np.random.default_rng(1).normal(size=(300, 3)) * 10.0 ** np.arange(-150, 150, 100)
    x[5] = [np.nan, np.inf, -np.inf]
    np.save(tmp_path / "x.npy", x)
    assert run("linear", tmp_path / "x.npy", "-o", tmp_path / "x.csv")[0] == 0
    assert run("linear", tmp_path / "x.csv", "-o", tmp_path / "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x)


def test_float32_goes_through_csv_unharmed(run, tmp_path):
    x = np.random.default_rng(1).normal(size=50).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    assert run("linear", tmp_path / "x.npy", "-o", tmp_path / "x.csv")[0] == 0
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "x.csv").astype(np.float32), x)
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "x.csv"), x)


def test_csv_without_a_header_has_columns_by_number(run, tmp_path):
    (tmp_path / "t.csv").write_text("1,-2\n-3,4\n")
    assert run("relu", tmp_path / "t.csv", "-o", tmp_path / "u.csv")[0] == 0
    assert (tmp_path / "u.csv").read_text() == "1.0,0.0\n0.0,4.0\n"
    assert run("relu", tmp_path / "t.csv", "--columns", "1", "-o", tmp_path / "u.csv")[0] == 0
    assert (tmp_path / "u.csv").read_text() == "1,0.0\n-3,4.0\n"


def test_csv_keeps_its_line_ends_and_drops_its_mark(run, tmp_path):
    (tmp_path / "t.csv").write_bytes('\ufeffa,b\r\n1,"x\ny"\r\n\r\n'.encode())
    assert run("relu", tmp_path / "t.csv", "--columns", "a", "-o", tmp_path / "u.csv")[0] == 0
    assert (tmp_path / "u.csv").read_bytes() == b'a,b\r\n1.0,"x\ny"\r\n'


def test_a_csv_of_names_alone_stays_one(run, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    for spec in ("tanh", "norm:z(axis=0)"):
        assert run(spec, tmp_path / "t.csv", "-o", tmp_path / "u.csv")[0] == 0
        assert (tmp_path / "u.csv").read_text() == "a,b\n"


@pytest.mark.parametrize("spec", ["tanh+norm:z", "norm:z(axis=0)+tanh[1]", "norm:z(axis=0)+norm:z", "softmax(axis=0)"])
def test_tables_in_batches_give_the_result_of_the_whole(run, tmp_path, monkeypatch, spec):
    x = np.random.default_rng(2).normal(size=(101, 3))
    monkeypatch.setattr(batches, "BATCH_CELLS", 40)
    lines = [f"{number},{a!r},{b!r},t{number},{c!r}" for number, (a, b, c) in enumerate(x.tolist())]
    (tmp_path / "t.csv").write_text("\n".join(["n,a,b,t,c", *lines]) + "\n")
    want = actspec.parse(spec)(x)
    for name in ("u.csv", "u.parquet"):
        assert run(spec, tmp_path / "t.csv", "--columns", "a,b,c", "-o", tmp_path / name)[0] == 0
    got = rows(tmp_path / "u.csv")
    assert got[0] == ["n", "a", "b", "t", "c"]
    assert [row[3] for row in got[1:]] == [f"t{number}" for number in range(101)]
    np.testing.assert_array_equal([[float(row[index]) for index in (1, 2, 4)] for row in got[1:]], want)
    table = pq.read_table(tmp_path / "u.parquet")
    np.testing.assert_array_equal(np.column_stack([table[name].to_numpy() for name in "abc"]), want)
    assert table["n"].to_pylist()[-1] == "100"
    assert run(spec, tmp_path / "u.parquet", "--columns", "c,b,a")[0] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b\n1,2\n3,x\n",
            "line 3, column 'b': 'x' is not a number; choose the columns that hold numbers with --columns",
        ),
        ("a,b\n1,\n", "line 2, column 'b': '' is not a number"),
        ("a,b\n1,1_000\n", "line 2, column 'b': '1_000' is not a number"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells where the first line has 2"),
        ("1,2\n3,4,5\n", "line 2: 3 cells where the first line has 2"),
        ("a,b\n1,2\n\n3,4\n", "line 3: a blank line"),
        ("a\n1\n\n3\n", "line 3: a blank line"),
        ('a,b\n1,"2\n', "line 2: unexpected end of data"),
        ('a,b\n1,"2"x\n', "line 2: ',' expected after '\"'"),
        ("\n\n", "the file holds blank lines only"),
        ("", "the file is empty"),
        (b"a,b\n1,\xff\n", "this is not UTF-8 text (it holds the byte 0xff): convert it first"),
    ],
)
def test_csv_faults_name_their_place(fails, tmp_path, text, message):
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert message in fails("tanh", "t.csv", "-o", "u.csv")


@pytest.mark.parametrize("target", ["u.csv", "u.parquet"])
def test_a_fault_after_many_rows_leaves_nothing(fails, tmp_path, monkeypatch, target):
    monkeypatch.setattr(batches, "BATCH_CELLS", 1000)
    (tmp_path / "t.csv").write_text("a\n" + "1\n" * 9000 + "oops\n")
    assert "line 9002, column 'a'" in fails("tanh", "t.csv", "-o", target)


def test_a_row_far_down_is_named_by_its_line(fails, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_CELLS", 10)
    (tmp_path / "t.csv").write_text("a\n" + '"1\n"\n' * 20 + "oops\n")
    assert "line 42, column 'a': 'oops' is not a number" in fails("tanh", "t.csv")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("a,q", "t.csv: there is no column 'q'; its columns are 'id', 'a', 'b', 'na,me'"),
        ("a,a", "--columns 'a,a': the column 'a' is named twice"),
        ("", "--columns ''"),
        ("a,", "t.csv: there is no column ''"),
        ('"a', "--columns '\"a': give the names of columns with commas between them"),
        ('"na,me"', "line 2, column 'na,me': 'x' is not a number"),
    ],
)
def test_columns_that_can_not_be_chosen(fails, tmp_path, columns, message):
    (tmp_path / "t.csv").write_text(CSV)
    assert message in fails("tanh", "t.csv", "--columns", columns, "-o", "u.csv")


def test_a_name_that_two_columns_share_can_not_be_chosen(fails, run, tmp_path):
    (tmp_path / "t.csv").write_text("a,a,b\n1,2,3\n")
    assert fails("tanh", "t.csv", "--columns", "a") == "t.csv: several columns are called 'a': rename them first"
    assert run("relu", "t.csv", "-o", "u.csv")[0] == 0
    assert (tmp_path / "u.csv").read_text() == "a,a,b\n1.0,2.0,3.0\n"


# .parquet


def test_parquet_keeps_types_and_order(run, tmp_path):
    table = pa.table(
        {
            "when": pa.array([0, 1, None], pa.timestamp("s")),
            "a": pa.array([1.0, -2.0, 0.5], pa.float32()),
            "tags": pa.array([["x"], [], None], pa.list_(pa.string())),
            "b": pa.array([3.0, 0.0, -1.0], pa.float32()),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    assert run("tanh", tmp_path / "t.parquet", "--columns", "b,a", "-o", tmp_path / "u.parquet")[0] == 0
    got = pq.read_table(tmp_path / "u.parquet")
    assert got.schema.equals(pq.read_schema(tmp_path / "t.parquet"))
    for name in ("when", "tags"):
        assert got[name].to_pylist() == table[name].to_pylist()
    for name in "ab":
        np.testing.assert_array_equal(got[name].to_numpy(), actspec.parse("tanh")(table[name].to_numpy()))


@pytest.mark.parametrize(
    ("types", "result"),
    [("f4 f4", "float32"), ("f4 f8", "float64"), ("f4 i8", "float64"), ("i4 ?", "float64"), ("f2 f2", "float16")],
)
def test_parquet_columns_share_a_type(run, tmp_path, types, result):
    columns = {f"c{index}": np.array([0, 1, 1]).astype(kind) for index, kind in enumerate(types.split())}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert run("tanh", tmp_path / "t.parquet", "-o", tmp_path / "u.npy")[0] == 0
    got = np.load(tmp_path / "u.npy")
    assert got.dtype == result
    np.testing.assert_array_equal(got, actspec.parse("tanh")(np.column_stack(list(columns.values()))))
    assert run("tanh", tmp_path / "t.parquet", "-o", tmp_path / "u.parquet")[0] == 0
    assert pq.read_table(tmp_path / "u.parquet")["c0"].to_numpy().dtype == result


def test_parquet_goes_into_csv(run, tmp_path, fails):
    table = pa.table({"a": [1.5, -1.0], "t": ["x", None], "d": pa.array([0, 1], pa.date32()), "l": [[1], [2]]})
    pq.write_table(table.drop_columns("l"), tmp_path / "t.parquet")
    assert run("relu", "t.parquet", "--columns", "a", "-o", "u.csv")[0] == 0
    assert (tmp_path / "u.csv").read_text() == "a,t,d\n1.5,x,1970-01-01\n0.0,,1970-01-02\n"
    pq.write_table(table, tmp_path / "t.parquet")
    assert "column 'l': list" in fails("relu", "t.parquet", "--columns", "a", "-o", "u.csv")


def test_an_empty_parquet_stays_empty(run, tmp_path):
    pq.write_table(pa.table({"a": pa.array([], pa.float32())}), tmp_path / "t.parquet")
    assert run("tanh", tmp_path / "t.parquet", "-o", tmp_path / "u.parquet")[0] == 0
    assert pq.read_table(tmp_path / "u.parquet").schema.equals(pa.schema([("a", pa.float32())]))


def test_parquet_faults(fails, tmp_path):
    pq.write_table(pa.table({"a": [1.0, None, 2.0], "t": ["x", "y", "z"]}), tmp_path / "t.parquet")
    message = fails("tanh", "t.parquet", "--columns", "a")
    assert message == "t.parquet, row 1 (the first is 0), column 'a': a missing value is not a number"
    assert "column 't': it holds string, not numbers; choose" in fails("tanh", "t.parquet")
    assert "there is no column 'q'" in fails("tanh", "t.parquet", "--columns", "q")
    pq.write_table(pa.table({}), tmp_path / "none.parquet")
    assert fails("tanh", "none.parquet") == "none.parquet: the table has no columns"
    (tmp_path / "half.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:100])
    assert fails("tanh", "half.parquet").startswith("half.parquet: this is no .parquet file, or a damaged one: ")


def test_without_pyarrow_the_way_to_get_it_is_told(fails, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a\n1\n")
    monkeypatch.delitem(sys.modules, "actspec.cli.parquet", raising=False)
    monkeypatch.delattr("actspec.cli.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = "a .parquet file needs pyarrow: pip install 'actspec[parquet]'"
    assert fails("tanh", "t.csv", "-o", "t.parquet") == message


# from one kind to another


@pytest.mark.parametrize("source", ["x.npy", "x.npz", "x.csv", "x.parquet"])
@pytest.mark.parametrize("target", ["y.npy", "y.npz", "y.csv", "y.parquet"])
@pytest.mark.parametrize("spec", ["tanh", "norm:z(axis=0)"])
def test_every_kind_goes_into_every_kind(run, tmp_path, source, target, spec):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", X)
    (tmp_path / "x.csv").write_text("a,b\n" + "".join(f"{a!r},{b!r}\n" for a, b in X.tolist()))
    pq.write_table(pa.table({"a": X[:, 0], "b": X[:, 1]}), tmp_path / "x.parquet")
    assert run(spec, tmp_path / source, "-o", tmp_path / target)[0] == 0
    path = tmp_path / target
    if target == "y.npy":
        got = np.load(path)
    elif target == "y.npz":
        got = np.load(path)["arr_0"]
    elif target == "y.csv":
        got = np.loadtxt(path, delimiter=",", skiprows=int(source in ("x.csv", "x.parquet")))
    else:
        table = pq.read_table(path)
        assert table.column_names == (["a", "b"] if source in ("x.csv", "x.parquet") else ["0", "1"])
        got = np.column_stack([column.to_numpy() for column in table.columns])
    np.testing.assert_array_equal(got, actspec.parse(spec)(X))


def test_chosen_columns_alone_make_an_array(run, tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    assert run("relu", tmp_path / "t.csv", "--columns", "b,a", "-o", tmp_path / "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), np.maximum(X[:, ::-1], 0))


def test_an_array_of_other_than_rows_and_columns_makes_no_table(fails, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 4)))
    message = fails("tanh", "x.npy", "-o", "y.csv")
    assert message == "y.csv: a table has rows and columns, an array of shape (2, 3, 4) has not: write .npy"


# what is wrong with the files


def npy_bytes(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_header(text):
    """An .npy file of version 1.0 with this header and a little data."""
    header = text.encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 99999999999999999999), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 3), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,),",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3, }",
        "{'descr': [('a', '<f8')], 'fortran_order': 'no', 'shape': (3,), }",
        "((((((((((",
        "",
        "\\",
    ],
)
def test_damaged_npy_headers(fails, tmp_path, header):
    (tmp_path / "x.npy").write_bytes(npy_header(header))
    assert fails("tanh", "x.npy", "-o", "y.npy").startswith("x.npy: this is no .npy file, or a damaged one: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.npy: the file is empty"),
        (b"hello, world", "x.npy: this is no .npy file, or a damaged one: "),
        (npy_bytes(X)[:100], "x.npy: this is no .npy file, or a damaged one: "),
        (npy_bytes(X)[:-9], "x.npy: the file is cut short: 9 bytes of its array of shape (3, 2), float64, are missing"),
        (npy_bytes(X.astype(complex)), "x.npy: an array of real numbers"),
        (npy_bytes(np.array(["a"])), "x.npy: an array of real numbers"),
        (npy_bytes(np.array([None])), "x.npy: it holds pickled Python objects, which are never read"),
        (npy_bytes(np.zeros(3, "f8,f8")), "x.npy: an array of real numbers"),
        (npy_bytes(np.zeros(3, np.longdouble)), "x.npy: an array of real numbers"),
        (b"\x93NUMPY\x04\x00" + npy_bytes(X)[8:], "x.npy: an .npy file of version 4.0"),
    ],
)
def test_npy_faults(fails, tmp_path, data, message):
    (tmp_path / "x.npy").write_bytes(data)
    assert fails("tanh", "x.npy", "-o", "y.npy").startswith(message)


def test_paths_that_lead_nowhere(fails, tmp_path):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "x.txt").write_text("1")
    os.mkfifo(tmp_path / "pipe.csv")
    suffixes = "the name has to end in .npy, .npz, .csv or .parquet, which says what the file holds"
    assert fails("tanh", "none.npy") == "none.npy: no such file"
    assert fails("tanh", "folder.npy") == "folder.npy: this is a folder, not a file"
    assert fails("tanh", "pipe.csv").startswith("pipe.csv: this is no ordinary file")
    assert fails("tanh", "x.txt") == f"x.txt: {suffixes}"
    assert fails("tanh", "x.npy", "-o", "y") == f"y: {suffixes}"
    assert fails("tanh", "x.npy", "-o", "no/y.npy") == "no/y.npy: there is no folder 'no': create it first"
    assert fails("tanh", "x.npy", "-o", "folder.npy") == "folder.npy: this is a folder: name a file in it"
    assert "name too long" in fails("tanh", "x.npy", "-o", "y" * 300 + ".npy").lower()
    assert "not a directory" in fails("tanh", "x.npy/x.npy").lower()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_files_without_permission(fails, tmp_path):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "x.npy").chmod(0)
    assert fails("tanh", "x.npy") == "x.npy: permission denied"


def test_options_for_another_kind_of_file(fails, tmp_path):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "t.csv").write_text(CSV)
    assert fails("tanh", "x.npy", "--columns", "a").startswith("--columns names columns of a .csv or .parquet file")
    assert fails("tanh", "t.csv", "--key", "a").startswith("--key names an array of an .npz file")


# what is wrong with the spec


def test_a_bad_spec_is_shown_with_its_caret(run, tmp_path):
    code, out, err = run("relu+tahn", tmp_path / "x.npy")
    assert (code, out) == (2, "")
    assert err == "Error: unknown activation 'tahn'\n  relu+tahn\n       ^^^^\ndid you mean 'tanh'?\n"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tanh[7]", "tanh[7] can't run on an array of shape (3, 2): tanh[7] names feature 7 of a last axis of 2"),
        ("norm:z(axis=2)", "norm:z(axis=2) can't run on an array of shape (3, 2): axis 2 is out of bounds"),
        ("prelu", "'prelu' learns its slope: bind it before you call it"),
        ("continuous(tanh)", "'continuous' remembers its earlier inputs: bind it before you call it"),
    ],
)
def test_specs_that_do_not_fit_the_array(fails, tmp_path, spec, message):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "x.csv").write_text("1,2\n3,4\n5,6\n")
    for name in ("x.npy", "x.csv"):
        assert fails(spec, name, "-o", "y.npy").startswith(message)


def test_a_custom_formula_that_fails_is_named(fails, tmp_path):
    np.save(tmp_path / "x.npy", X)
    with actspec.registry.scope():

        class Moody(actspec.Activation):
            """Never in the mood."""

            def __call__(self, _x):
                raise ZeroDivisionError("not\ntoday")

        assert fails("tanh+moody", "x.npy") == "tanh+moody can't run on an array of shape (3, 2): not today"


# while it writes


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk quota"), (errno.EIO, "Input/output error")],
)
@pytest.mark.parametrize("target", ["y.npy", "y.npz", "y.csv", "y.parquet"])
def test_an_output_that_can_not_be_written_leaves_what_was_there(fails, tmp_path, monkeypatch, number, message, target):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / target).write_text("precious")

    def fail(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    assert fails("tanh", "x.npy", "-o", target).startswith(f"{target}: {message}")
    assert (tmp_path / target).read_text() == "precious"


def test_a_full_disk_is_named_where_it_is(fails, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "t.csv").write_text(CSV)

    class Full:
        def write(self, _data):
            raise OSError(errno.ENOSPC, "full")

    original = stores.write
    monkeypatch.setattr(stores, "write", lambda _file, values, *name: original(Full(), values, *name))
    assert fails("tanh", "x.npy", "-o", "y.npy").startswith("y.npy: the disk is full: nothing was written")
    message = fails("norm:z(axis=0)", "t.csv", "--columns", "a", "-o", "u.csv")
    assert message.startswith("the folder for temporary files (TMPDIR): the disk is full")


def test_too_little_memory_is_told_in_one_line(fails, tmp_path):
    np.save(tmp_path / "x.npy", X)
    with actspec.registry.scope():

        class Greedy(actspec.Activation):
            """Wants too much."""

            def __call__(self, _x):
                raise MemoryError

        message = fails("greedy", "x.npy", "-o", "y.npy")
    assert message.startswith("not enough memory: greedy needs all of the array of shape (3, 2)")


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit(143)])
def test_an_interrupt_removes_what_was_begun(run, tmp_path, monkeypatch, how):
    np.save(tmp_path / "x.npy", X)

    def interrupt(_descriptor):
        raise how

    monkeypatch.setattr(os, "fsync", interrupt)
    code, out, err = run("tanh", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    assert (code, out, err) == (130 if how is KeyboardInterrupt else 143, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_parts_of_the_work_add_up():
    seen = []
    part(part(seen.append, 1, 2), 0, 4)(0.5)
    assert seen == [0.5625]
