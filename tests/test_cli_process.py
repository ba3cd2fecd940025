"""actspec apply as a process: memory, signals, sudden death, and limits of the system."""

import os
import pty
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import actspec
from actspec.cli import chunks
from tests.support.amount import FULL, amount

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(actspec.__file__).parents[1])}
MIB = 1 << 20

# Of files that are read and written whole a quarter will do, which is still more than any limit below leaves room for.
PART = amount(4, 1)


def command(*args):
    return [sys.executable, "-m", "actspec", "apply", *map(str, args)]


def sparse(path, shape, dtype="f8", fortran=False):
    """An .npy file of zeros that takes no room on the disk."""
    with path.open("wb") as file:
        header = {"descr": np.dtype(dtype).str, "fortran_order": fortran, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return path


def peak(*args):
    """The most memory that a command held, in MiB."""
    # A process of its own starts it: a child's peak begins with that of its parent, and pytest's is large.
    measure = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", measure, *map(str, command(*args))], env=ENVIRONMENT, stdout=subprocess.PIPE, check=True
    )
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / MIB


def test_a_large_file_takes_little_memory(tmp_path):
    shape = (1_000_000 // PART, 100)
    source = sparse(tmp_path / "x.npy", shape)
    assert source.stat().st_size > 760 * MIB // PART
    assert peak("tanh+norm:z", source, "-o", tmp_path / "y.npy") < 280
    written = np.load(tmp_path / "y.npy", mmap_mode="r")
    assert (written.shape, written.dtype) == (shape, np.float64)


@pytest.mark.parametrize(
    ("spec", "shape", "fortran"),
    [
        ("norm:z(axis=0)", (1_000_000 // PART, 100), False),
        ("softmax", (1_000_000 // PART, 100), True),
        ("softmax", (100, 1_000_000 // PART), False),
        ("softlif", (100_000_000 // PART,), False),
    ],
)
def test_no_layout_takes_much_memory(tmp_path, spec, shape, fortran):
    assert peak(spec, sparse(tmp_path / "x.npy", shape, fortran=fortran)) < 300


@pytest.mark.parametrize(
    ("spec", "shape", "fortran", "most"),
    [
        ("tanh+norm:z", (100_000_000 // PART,), False, 200),
        ("softlif+norm:z+relu", (60_000_000 // PART,), False, 160),
        ("norm:z(axis=0)", (25_000_000 // PART, 4), False, 200),
        ("norm:z(axis=0)+softmax", (25_000_000 // PART, 4), True, 280),
        ("softmax[1:]", (2, 50_000_000 // PART), False, 200),
    ],
)
def test_what_couples_more_than_memory_takes_little(tmp_path, spec, shape, fortran, most):
    assert peak(spec, sparse(tmp_path / "x.npy", shape, fortran=fortran)) < most


def test_the_most_that_is_held_at_once_takes_little(tmp_path):
    source = sparse(tmp_path / "x.npy", (chunks.LANE_BYTES // 8, 3), "i8")
    assert peak("softlif+norm:z(axis=0)+softlif", source, "-o", tmp_path / "y.npy") < 280


def _heed_signals():
    # nohup and background jobs pass on that these are ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_many_stages_that_take_turns_take_little(tmp_path):
    shape = (1_000_000, 64) if FULL else (125_000, 256)
    source = sparse(tmp_path / "x.npy", shape, "f4")
    assert peak("softlif+norm:z(axis=0)+softlif+norm:z(axis=0)+softlif+norm:z", source) < 270


class Running:
    """A run that takes minutes, caught while it writes."""

    def __init__(self, folder):
        self.folder = folder
        self.source = sparse(folder / "x.npy", (40_000, 100_000), "f4")
        self.output = folder / "y.npy"
        self.output.write_bytes(b"precious")
        self.process = subprocess.Popen(
            command("softlif", self.source, "-o", self.output),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_signals,
        )

    def wait_until_it_writes(self):
        deadline = time.monotonic() + 30
        while not any(path.stat().st_size > MIB for path in self.temporary()):
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)

    def temporary(self):
        return [path for path in self.folder.iterdir() if path not in (self.source, self.output)]

    def end(self, number):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def running(tmp_path):
    run = Running(tmp_path)
    try:
        run.wait_until_it_writes()
        yield run
    finally:
        run.process.kill()
        run.process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_quietly_and_leaves_nothing(running, number, code):
    assert running.end(number) == (code, "", "")
    assert running.temporary() == []
    assert running.output.read_bytes() == b"precious"


def test_a_killed_run_leaves_no_half_file_under_the_final_name(running):
    assert running.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert running.output.read_bytes() == b"precious"
    assert all(path.name.endswith(".tmp") for path in running.temporary())


def limited(kind, size, *args):
    """A command under a limit of the system."""
    return subprocess.run(
        command(*args),
        env=ENVIRONMENT | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(kind, (size, size)),
    )


@pytest.mark.parametrize("target", ["y.npz", "y.csv", "y.parquet"])
@pytest.mark.parametrize("source", ["x.csv", "x.npy"])
def test_no_kind_of_output_outgrows_the_limit_with_a_traceback(tmp_path, source, target):
    x = np.random.default_rng(0).normal(size=(20_000, 3))
    np.save(tmp_path / "x.npy", x)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",")
    done = limited(resource.RLIMIT_FSIZE, 100_000, "tanh", tmp_path / source, "-o", tmp_path / target)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert "larger than a file may be" in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv", "x.npy"]


def test_an_output_that_outgrows_the_limit_is_told_in_one_line(tmp_path):
    source, output = sparse(tmp_path / "x.npy", (1000, 3000)), tmp_path / "y.npy"
    output.write_bytes(b"precious")
    done = limited(resource.RLIMIT_FSIZE, 10 * MIB, "tanh", source, "-o", output)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {output}: the output is larger than a file may be here: nothing was written\n"
    assert output.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.npy", "y.npy"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't limit the address space")
def test_an_array_that_memory_can_not_hold_is_told_in_one_line(tmp_path):
    source = sparse(tmp_path / "x.npy", (4, 75_000_000), "f4")
    spec = "(norm:z(axis=0)+norm:z)[1:]"
    done = limited(resource.RLIMIT_AS, 1000 * MIB, spec, source, "-o", tmp_path / "y.npy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: not enough memory")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_long_work_shows_a_bar_on_a_terminal(tmp_path):
    source = sparse(tmp_path / "x.npy", (40_000, 100_000), "f4")
    leader, follower = pty.openpty()
    environment = ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(
        command("softlif", source), env=environment, stdout=subprocess.PIPE, stderr=follower, text=True
    )
    os.close(follower)
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    shown = ""
    try:
        while "x.npy" not in shown or "%" not in shown:
            shown += os.read(leader, 1 << 16).decode()
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate()
        os.close(leader)
    assert process.returncode == 143


def test_short_work_shows_no_bar(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(3))
    leader, follower = pty.openpty()
    done = subprocess.run(command("tanh", tmp_path / "x.npy"), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    with pytest.raises(OSError, match=r"\[Errno 5\]"):  # nothing was written before the other end closed
        os.read(leader, 1)
    os.close(leader)
    assert done.returncode == 0
