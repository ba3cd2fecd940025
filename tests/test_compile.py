"""Compiling kernels: once per source in a process, once per machine on disk, and the right one whatever happens."""

import gc
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numba.core import config, event

import actspec
from actspec.kernels import compile as compiler
from actspec.kernels import disk_cache
from tests.support.amount import cases

CHECKOUT = Path(actspec.__file__).parents[1]

SOURCE = '''"""x * p[0] + {offset}"""
from actspec.kernels.machine import fma, numba_function
multiply_add = numba_function(fma)
signature = "void(float32[:, :], float32[:, :], float64[::1])"
def kernel(x, y, p):
    factor = np_float32(p[0])
    for i in range(x.shape[0]):
        row, out = x[i], y[i]
        for j in range(row.shape[0]):
            out[j] = multiply_add(row[j], factor, np_float32({offset}))
'''.replace("signature", "from numpy import float32 as np_float32\nsignature", 1)

# What each process of the tests below begins with.
BEGINNING = f"""
import sys
import numpy as np
from numba.core import event
from actspec.kernels import compile, disk_cache

SOURCE = {SOURCE!r}

class Events(event.Listener):
    starts = 0
    def on_start(self, _event):
        self.starts += 1
    def on_end(self, _event):
        pass

compilations = Events()
event.register("numba:compile", compilations)

def run(source):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    y = np.empty_like(x)
    compile.load(source).function(x, y, np.array([2.0]))
    return y

def check(offset):
    expected = np.arange(6).reshape(2, 3) * 2 + offset
    assert (run(SOURCE.format(offset=offset)) == expected).all()
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The folder of kernels, not yet created, of a process that has neither kernels nor complaints."""
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache._Writes, "complained", False)
    return tmp_path / "cache" / "kernels"


def start(code, path=CHECKOUT, **environment):
    """A process that runs the code after BEGINNING."""
    environment = os.environ | {"PYTHONPATH": str(path)} | environment
    command = [sys.executable, "-P", "-c", BEGINNING + code]  # -P: not the folder that it starts in
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """What it printed, as JSON."""
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    return json.loads(out or "null")


def spawn(code, **environment):
    return finish(start(code, **environment))


COUNT = """
import json
counts = compile.counts()
assert counts.compiled == (compilations.starts > 0)
print(json.dumps([counts.compiled, counts.loaded, "actspec.kernels.machine" in sys.modules]))
"""
COMPILED, LOADED = [1, 0, True], [0, 1, False]


def checked(offset=1.5):
    return f"check({offset})" + COUNT


def kernels(place):
    return sorted(place.glob("*.bin"))


# in one process


class Compilations(event.Listener):
    def __init__(self):
        self.count = 0

    def on_start(self, _event):
        self.count += 1

    def on_end(self, _event):
        pass


def function(source):
    return compiler.load(source).function


def run(source):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    y = np.empty_like(x)
    function(source)(x, y, np.array([2.0]))
    return y


def test_a_source_is_compiled_once():
    source = SOURCE.format(offset=101)
    before, seen = compiler.counts(), Compilations()
    with event.install_listener("numba:compile", seen):
        np.testing.assert_array_equal(run(source), np.arange(6).reshape(2, 3) * 2 + 101)
        assert compiler.load(source) is compiler.load(source)
    assert seen.count == 1
    assert compiler.counts() == compiler.Counts(before.compiled + 1, before.loaded)


def test_kernels_outlive_garbage_collection():
    source = SOURCE.format(offset=102)
    for _ in range(3):
        run(source)
        gc.collect()
    np.testing.assert_array_equal(run(source), np.arange(6).reshape(2, 3) * 2 + 102)


def test_it_leaves_no_module_behind():
    run(SOURCE.format(offset=103))
    assert not [name for name in sys.modules if name.startswith("actspec_kernel_")]


@pytest.mark.parametrize(
    ("source", "error"),
    [("def kernel(:", SyntaxError), ("signature = 1 / 0", ZeroDivisionError), ("signature = 'void()'", AttributeError)],
)
def test_a_source_that_is_none_raises_what_python_raises(source, error, place):
    for _ in range(2):
        with pytest.raises(error):
            compiler.load(source)
    assert not [name for name in sys.modules if name.startswith("actspec_kernel_")]
    assert kernels(place) == []


def test_errors_show_the_line_of_the_source():
    source = "signature = 'void(float64[::1])'\ndef kernel(x):\n    x.frobnicate()\n"
    with pytest.raises(Exception, match=r"x\.frobnicate"):
        compiler.load(source)


def test_division_by_zero_is_as_in_numpy():
    kernel = function("signature = 'void(float64[::1])'\ndef kernel(x):\n    x[0] = x[1] / x[2]\n")
    x = np.array([5.0, 1.0, 0.0])
    kernel(x)
    assert x[0] == np.inf


def test_the_key_depends_on_source_and_machine(monkeypatch):
    keys = {compiler.key_of("a"), compiler.key_of("b")}
    for name, value in (("OPT", 1), ("CPU_NAME", "generic"), ("CPU_FEATURES", "+avx"), ("LOOP_VECTORIZE", 0)):
        with monkeypatch.context() as patch:
            patch.setattr(config, name, value)
            keys.add(compiler.key_of("a"))
    for name in ("_versions", "_text_of_ours"):
        with monkeypatch.context() as patch:
            patch.setattr(compiler, name, lambda: "another")
            keys.add(compiler.key_of("a"))
    assert len(keys) == 8
    monkeypatch.setattr(config, "NUMBA_NUM_THREADS", 1)
    assert compiler.key_of("a") in keys


def test_the_key_depends_on_the_text_of_our_modules():
    names = dict(compiler._modules(compiler.importlib.resources.files("actspec.kernels")))
    assert {"compile.py", "machine.py"} < names.keys()
    assert set(os.listdir(CHECKOUT / "actspec" / "kernels" / "vecmath")) - {"__pycache__"} <= names.keys()


def test_what_was_edited_meanwhile_is_not_kept(monkeypatch, place):
    texts = iter(["before", "after"])
    changing = compiler.cache(lambda: next(texts))
    monkeypatch.setattr(compiler, "_text_of_ours", changing)
    run(SOURCE.format(offset=104))
    assert kernels(place) == []


def test_a_kernel_that_holds_objects_of_its_process_is_not_kept(place):
    source = """
import ctypes
from numba import types
label = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x + 1)
signature = "void(float64[::1])"
def kernel(x):
    x[0] = label(x[0])
"""
    x = np.array([1.0])
    function(source)(x)
    assert x[0] == 2.0
    assert kernels(place) == []


def test_a_folder_that_can_not_be_used_is_told_once_and_harms_nothing(place):
    place.parent.write_bytes(b"")
    with pytest.warns(RuntimeWarning, match=f"can't be kept in {place}") as caught:
        results = [run(SOURCE.format(offset=offset)) for offset in (105, 106)]
    assert len(caught) == 1
    np.testing.assert_array_equal(results[0], np.arange(6).reshape(2, 3) * 2 + 105)
    np.testing.assert_array_equal(results[1], results[0] + 1)


# in a process after another


def test_a_kept_kernel_is_loaded_without_compiling(place):
    assert spawn(checked()) == COMPILED
    (kernel,) = kernels(place)
    before = kernel.stat()
    assert spawn(checked()) == LOADED
    after = kernel.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert kernel.with_suffix(".py").read_text() == SOURCE.format(offset=1.5)


def test_loaded_kernels_outlive_garbage_collection():
    assert spawn(checked()) == COMPILED
    code = """
import gc
for _ in range(100):
    check(1.5)
    gc.collect()
try:
    compile.load(SOURCE.format(offset=1.5)).function(1)
except TypeError as error:
    assert "bad argument" in str(error)
"""
    assert spawn(code + COUNT) == LOADED


def test_loading_imports_nothing_but_numba():
    assert spawn(checked()) == COMPILED
    code = """
import json
import numba
before = set(sys.modules)
check(1.5)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    assert spawn(code) == []


# A function that is too long to be inlined, and keeps its name.
MAKER = """
import numba
def made(limit):
    @numba.njit(error_model="numpy")
    def inner(v, n):
        total = 0.0
        for k in range(n):
            LINES
        return total
    return inner
""".replace("LINES", "; ".join(["total = total / (total + v) + limit / (v + k)"] * 60))
USER = """
from maker import made
inner = made({limit})
signature = "void(float64[::1])"
def kernel(x):
    for i in range(x.shape[0]):
        x[i] = inner(x[i], i + 1) + inner(x[i] * 0.5, i + 2) + inner(x[i] * 0.25, i + 3)
"""


def test_functions_of_one_name_in_kernels_of_several_processes_are_told_apart(tmp_path, place):
    (tmp_path / "maker.py").write_text(MAKER)
    path = os.pathsep.join([str(CHECKOUT), str(tmp_path)])

    def results(*limits):
        code = f"""
import json
results = []
for limit in {limits}:
    x = np.ones(3)
    kernel = compile.load({USER!r}.format(limit=limit)).function
    kernel(x)
    results.append(x.tolist())
print(json.dumps([compile.counts().compiled, results]))
"""
        with start(code, path=path) as process:
            return finish(process)

    (count, first), (other, second) = results(1.0), results(7.0)
    assert (count, other) == (1, 1)
    assert first != second
    assert len(kernels(place)) == 2
    assert results(1.0, 7.0) == [0, first + second]
    assert results(7.0, 1.0, 9.0)[1][:2] == second + first


@pytest.fixture(scope="module")
def a_kernel(tmp_path_factory):
    """The folder with one kernel in it, to be copied."""
    folder = tmp_path_factory.mktemp("kept")
    assert spawn(checked(), ACTSPEC_CACHE_DIR=str(folder)) == COMPILED
    return folder


@pytest.fixture
def kept(a_kernel, place):
    """The file of a kernel that is kept."""
    shutil.copytree(a_kernel, place.parent)
    (kernel,) = kernels(place)
    return kernel


def swap_for_folder(path):
    path.unlink()
    path.mkdir()


def swap_for_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def swap_for_another_kernel(path):
    with start("check(9.5)") as process:
        assert finish(process) is None
    (other,) = set(kernels(path.parent)) - {path}
    other.replace(path)


FAULTS = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "garbage": lambda path: path.write_bytes(os.urandom(5000)),
    "a folder": swap_for_folder,
    "a link": swap_for_link,
    "another kernel": swap_for_another_kernel,
    "writable by all": lambda path: path.chmod(0o666),
}


# What the cache refuses is test_disk_cache's; these are of files whose text isn't whole, and is another's.
USUAL = ["cut", "another kernel"]


@pytest.mark.parametrize("fault", cases(USUAL, [fault for fault in FAULTS if fault not in USUAL]))
def test_a_bad_file_is_compiled_again_and_replaced(kept, fault):
    FAULTS[fault](kept)
    assert spawn(checked()) == COMPILED
    assert spawn(checked()) == LOADED


def test_a_kernel_that_needs_what_is_not_here_is_compiled_again(kept):
    payload = disk_cache.read(kept.stem)
    size = 4 + int.from_bytes(payload[:4], "little")
    names = json.loads(payload[4:size])
    assert "PyType_IsSubtype" in names["externals"]
    names["externals"].append("no_such_function_anywhere")
    text = json.dumps(names).encode()
    disk_cache.write(kept.stem, "", len(text).to_bytes(4, "little") + text + payload[size:])
    assert spawn(checked()) == COMPILED


@pytest.mark.parametrize(
    "setting", ["NUMBA_BOUNDSCHECK", "NUMBA_DEBUGINFO", "NUMBA_DISABLE_JIT", "NUMBA_EXTEND_VARIABLE_LIFETIMES"]
)
@pytest.mark.usefixtures("kept")
def test_settings_that_kernels_overrule_share_them(setting):
    assert spawn(checked(), **{setting: "1"}) == LOADED


def test_no_setting_turns_the_compiler_off_or_bounds_checks_on():
    code = """
source = "signature = 'void(float64[::1], intp)'\\ndef kernel(x, i):\\n    x[0] = x[i]\\n"
x = np.arange(10.0)
compile.load(source).function(x[:2], 5)
assert x[0] == 5
from numba.core import config
print(compilations.starts, end="")
assert (config.DISABLE_JIT, config.BOUNDSCHECK) == (1, 1)
"""
    assert spawn(code, NUMBA_BOUNDSCHECK="1", NUMBA_DISABLE_JIT="1") == 1


@pytest.mark.parametrize("setting", ["NUMBA_OPT=1", "NUMBA_CPU_NAME=generic"])
@pytest.mark.usefixtures("kept")
def test_settings_that_change_the_code_have_kernels_of_their_own(setting):
    name, value = setting.split("=")
    assert spawn(checked(), **{name: value}) == COMPILED
    assert spawn(checked(), **{name: value}) == LOADED
    assert spawn(checked()) == LOADED


def test_it_works_from_a_zip_file(tmp_path, kept):
    with zipfile.ZipFile(tmp_path / "actspec.zip", "w") as archive:
        for each in sorted((CHECKOUT / "actspec").rglob("*.py")):
            archive.write(each, each.relative_to(CHECKOUT))
    with start(checked(), path=tmp_path / "actspec.zip") as process:
        assert finish(process) == LOADED
    assert kept.exists()


def test_an_edited_module_has_kernels_of_its_own(tmp_path, kept):
    shutil.copytree(CHECKOUT / "actspec", tmp_path / "actspec", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "actspec" / "kernels" / "machine.py").open("a") as file:
        file.write("# edited\n")
    with start(checked(), path=tmp_path) as process:
        assert finish(process) == COMPILED
    assert len(kernels(kept.parent)) == 2


# many at once


def test_two_processes_may_compile_the_same_kernel(place):
    for started in [start(checked()) for _ in range(2)]:
        assert finish(started) in (COMPILED, LOADED)
    assert len(list(place.iterdir())) == 2
    assert spawn(checked()) == LOADED


def test_many_threads_compile_a_source_once():
    code = """
import threading
source, barrier, found = SOURCE.format(offset=1.5), threading.Barrier(8), []
def load():
    barrier.wait()
    found.append(compile.load(source))
threads = [threading.Thread(target=load) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(found) == 8 and len(set(map(id, found))) == 1
assert compilations.starts == 1
"""
    assert spawn(code + checked()) == COMPILED


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_while_another_thread_compiles():
    code = """
import os, signal, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # later Pythons warn of forks beside threads
check(0.5)
compiling = threading.Event()
class Began(Events):
    def on_start(self, _event):
        compiling.set()
event.register("numba:compile", Began())
thread = threading.Thread(target=check, args=(1.5,))
thread.start()
assert compiling.wait(30)
child = os.fork()
if child == 0:
    signal.alarm(30)
    for offset in (0.5, 1.5, 2.5):
        check(offset)
    os._exit(0)
thread.join()
_, status = os.waitpid(child, 0)
check(3.5)
print(status)
"""
    assert spawn(code) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_child_uses_and_compiles_kernels():
    code = """
import os, signal
check(1.5)
child = os.fork()
if child == 0:
    signal.alarm(30)
    check(1.5)
    check(2.5)
    assert compile.counts() == compile.Counts(2, 0)
    os._exit(0)
_, status = os.waitpid(child, 0)
check(2.5)
assert compile.counts() == compile.Counts(1, 1)
print(status)
"""
    assert spawn(code) == 0
