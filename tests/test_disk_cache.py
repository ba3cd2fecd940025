"""The folder of compiled kernels: what it gives back, what it refuses, and what it survives."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

import actspec
from actspec.kernels import disk_cache

KEY, OTHER = "ab" * 32, "cd" * 32
CHECKOUT = str(Path(actspec.__file__).parents[1])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of kernels, not yet created, of a process that has neither written nor complained."""
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache._Writes, "count", 0)
    monkeypatch.setattr(disk_cache._Writes, "complained", False)
    return tmp_path / "cache" / "kernels"


@pytest.fixture
def kept(place):
    """The file of a kernel that is kept."""
    assert disk_cache.write(KEY, "source", b"payload")
    return place / f"{KEY}.bin"


def names(place):
    return sorted(path.name for path in place.iterdir())


def python(code):
    """What a process of its own prints."""
    settings = {"env": os.environ | {"PYTHONPATH": CHECKOUT}, "timeout": 30, "check": True}
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **settings).stdout


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


def complaint(call, *args):
    """What a call that fails to keep a kernel warns of."""
    with pytest.warns(RuntimeWarning) as caught:
        assert call(*args) is False
    (warning,) = caught
    return str(warning.message)


def test_what_was_written_is_read(kept):
    assert disk_cache.read(KEY) == b"payload"
    assert disk_cache.read(OTHER) is None
    assert names(kept.parent) == [f"{KEY}.bin", f"{KEY}.py"]
    assert kept.with_suffix(".py").read_text() == "source"


def test_only_the_owner_can_look_into_it(kept):
    assert mode(kept.parent) == 0o700
    assert {mode(path) for path in kept.parent.iterdir()} == {0o600}


def test_it_lies_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(disk_cache.platformdirs, "user_cache_dir", lambda *_args, **_options: str(tmp_path / "actspec"))
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", "")
    assert disk_cache.folder() == tmp_path / "actspec" / "kernels"
    monkeypatch.delenv("ACTSPEC_CACHE_DIR")
    assert disk_cache.folder() == tmp_path / "actspec" / "kernels"


def test_a_relative_folder_and_one_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", "here")
    assert disk_cache.folder() == tmp_path / "here" / "kernels"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", "~/there")
    assert disk_cache.folder() == tmp_path / "there" / "kernels"


def test_a_user_without_home_folder_is_told(monkeypatch, place, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACTSPEC_CACHE_DIR", "")
    monkeypatch.setattr(disk_cache.platformdirs, "user_cache_dir", lambda *_args, **_options: "~/.cache/actspec")
    assert disk_cache.read(KEY) is None
    told = complaint(disk_cache.write, KEY, "source", b"payload")
    assert "the user has no home folder" in told
    assert "ACTSPEC_CACHE_DIR" in told
    assert names(tmp_path) == []
    assert not place.exists()


# files that can't be trusted


def flip(path, position):
    text = bytearray(path.read_bytes())
    text[position] ^= 1
    path.write_bytes(text)


def swap_for_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def swap_for_folder(path):
    path.unlink()
    path.mkdir()


def swap_for_pipe(path):
    path.unlink()
    os.mkfifo(path)


def swap_for_another_kernel(path):
    disk_cache.write(OTHER, "other source", b"other payload")
    path.with_name(f"{OTHER}.bin").replace(path)


def make_huge(path):
    with path.open("ab") as file:
        file.truncate(1 << 40)


FAULTS = {
    "empty": lambda path: path.write_bytes(b""),
    "a header alone": lambda path: path.write_bytes(path.read_bytes()[: disk_cache._HEADER]),
    "cut in the header": lambda path: path.write_bytes(path.read_bytes()[:20]),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "garbage": lambda path: path.write_bytes(os.urandom(5000)),
    "another format": lambda path: flip(path, len(disk_cache._MAGIC) - 1),
    "another key": lambda path: flip(path, len(disk_cache._MAGIC)),
    "a flipped bit": lambda path: flip(path, -1),
    "a foreign file": lambda path: path.write_bytes(b"\x7fELF" + b"\0" * 1000),
    "huge": make_huge,
    "another kernel": swap_for_another_kernel,
    "a folder": swap_for_folder,
    "a link": swap_for_link,
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "a link to itself": lambda path: (path.unlink(), path.symlink_to(path)),
    "a pipe": swap_for_pipe,
    "writable by its group": lambda path: path.chmod(0o620),
    "writable by all": lambda path: path.chmod(0o602),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_not_what_was_written_is_refused_and_replaced(kept, fault):
    FAULTS[fault](kept)
    assert disk_cache.read(KEY) is None
    assert disk_cache.write(KEY, "source", b"payload")
    assert disk_cache.read(KEY) == b"payload"
    assert not kept.is_symlink()
    assert mode(kept) == 0o600


def test_a_link_is_replaced_and_not_followed(kept, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    kept.unlink()
    kept.symlink_to(precious)
    assert disk_cache.write(KEY, "source", b"payload")
    assert precious.read_bytes() == b"precious"


def test_a_folder_with_something_in_it_is_left_alone(kept):
    swap_for_folder(kept)
    (kept / "precious").touch()
    assert disk_cache.read(KEY) is None
    assert str(kept.parent) in complaint(disk_cache.write, KEY, "source", b"payload")
    assert names(kept) == ["precious"]
    assert not [name for name in names(kept.parent) if name.endswith(".tmp")]


def owned_by_another(path):
    """A stand-in for fstat, to which the file belongs to another user."""
    fstat = os.fstat

    def changed(descriptor):
        status = fstat(descriptor)
        if status.st_ino != path.stat().st_ino:
            return status
        return os.stat_result([*status[:4], status.st_uid + 1, *status[5:10]])

    return changed


def test_a_file_of_another_user_is_refused(kept, monkeypatch):
    monkeypatch.setattr(os, "fstat", owned_by_another(kept))
    assert disk_cache.read(KEY) is None


def test_a_file_of_another_user_is_replaced(kept):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(kept, 12345, -1)
    assert disk_cache.read(KEY) is None
    assert disk_cache.write(KEY, "source", b"payload")
    assert disk_cache.read(KEY) == b"payload"


# folders that can't be used


@pytest.mark.parametrize("bits", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(kept, bits):
    kept.parent.chmod(bits)
    assert disk_cache.read(KEY) is None
    told = complaint(disk_cache.write, OTHER, "source", b"payload")
    assert f"can't be kept in {kept.parent}: other users can write to it" in told
    assert disk_cache.info().fault == "other users can write to it"
    assert f"{OTHER}.bin" not in names(kept.parent)


@pytest.mark.usefixtures("kept")
def test_a_folder_of_another_user_is_not_used(monkeypatch):
    euid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: euid + 1)
    assert disk_cache.read(KEY) is None
    assert "it belongs to another user" in complaint(disk_cache.write, OTHER, "source", b"payload")
    assert disk_cache.info().fault == "it belongs to another user"


@pytest.mark.parametrize("level", ["kernels", "cache"])
def test_a_file_in_the_place_of_a_folder(place, level):
    blocker = place if level == "kernels" else place.parent
    blocker.parent.mkdir(parents=True, exist_ok=True)
    blocker.write_bytes(b"precious")
    assert disk_cache.read(KEY) is None
    assert f"{place}: Not a directory. " in complaint(disk_cache.write, KEY, "source", b"payload")
    assert blocker.read_bytes() == b"precious"
    assert disk_cache.info() == disk_cache.Info(place, 0, 0, f"{blocker} is not a folder")
    assert disk_cache.clear() == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EMFILE])
def test_a_folder_that_takes_no_file(kept, monkeypatch, code):
    opened = os.open

    def full(path, flags, *args, **options):
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code), path)
        return opened(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", full)
    told = complaint(disk_cache.write, OTHER, "source", b"payload")
    assert f"can't be kept in {kept.parent}: {os.strerror(code)}. " in told
    assert "ACTSPEC_CACHE_DIR" in told
    assert disk_cache.read(KEY) == b"payload"


def test_a_folder_that_can_not_be_created(place, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "mkdir", refuse)
    assert disk_cache.read(KEY) is None
    assert f"{place}: Permission denied" in complaint(disk_cache.write, KEY, "source", b"payload")


def test_it_complains_once(place):
    place.parent.write_bytes(b"")
    complaint(disk_cache.write, KEY, "source", b"payload")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not disk_cache.write(KEY, "source", b"payload")


def test_a_write_that_fails_half_way_leaves_nothing(place):
    code = """
import resource, sys, warnings
from actspec.kernels import disk_cache
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        assert not disk_cache.write("ab" * 32, "source", bytes(1_000_000))
print(len(caught))
"""
    assert python(code) == "1\n"
    assert names(place) == [f"{KEY}.py"]


# many at once, and sudden death

WRITER = """
import os, time
from actspec.kernels import disk_cache
def stuck(source, target):
    print("half way", flush=True)
    time.sleep(60)
os.replace = stuck
disk_cache.write("ab" * 32, "source", b"payload" * 10)
"""


def test_a_writer_that_is_killed_leaves_no_kernel(kept):
    disk_cache.clear()
    environment = os.environ | {"PYTHONPATH": CHECKOUT}
    command = [sys.executable, "-c", WRITER]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "half way\n"
        writer.send_signal(signal.SIGKILL)
    (left,) = names(kept.parent)
    assert left.endswith(".tmp")
    assert disk_cache.read(KEY) is None
    disk_cache.tidy(kept.parent)
    assert names(kept.parent) == [left]  # its writer may be at work
    age(kept.with_name(left), 7200)
    assert disk_cache.write(OTHER, "source", b"payload")
    disk_cache.tidy(kept.parent)
    assert names(kept.parent) == [f"{OTHER}.bin", f"{OTHER}.py"]


def test_readers_never_see_a_half_written_kernel(kept):
    payloads = [bytes([i]) * (100_000 + i) for i in range(4)]
    disk_cache.write(KEY, "source", payloads[0])
    stop, failed = threading.Event(), []

    def write(payload):
        while not stop.is_set():
            if not disk_cache.write(KEY, "source", payload):
                failed.append("a write")

    writers = [threading.Thread(target=write, args=(payload,)) for payload in payloads]
    for writer in writers:
        writer.start()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        if disk_cache.read(KEY) not in payloads:
            failed.append("a read")
    stop.set()
    for writer in writers:
        writer.join()
    assert failed == []
    assert names(kept.parent) == [f"{KEY}.bin", f"{KEY}.py"]


# what is in it, and what has to go


def test_info_counts_and_changes_nothing(place):
    assert disk_cache.info() == disk_cache.Info(place, 0, 0, None)
    assert not place.parent.exists()
    disk_cache.write(KEY, "source", b"payload")
    size = sum(path.stat().st_size for path in place.iterdir())
    (place / "notes.txt").write_text("mine")
    assert disk_cache.info() == disk_cache.Info(place, 1, size, None)


def test_clear_removes_its_own_files_alone(kept, tmp_path):
    folder, precious = kept.parent, tmp_path / "precious"
    precious.write_text("precious")
    foreign = ["notes.txt", f"{KEY}.txt", f"x{KEY}.bin", f"{KEY[:-1]}.bin", f"{KEY.upper()}.bin", f"{KEY}.bin.tmp"]
    for name in foreign:
        (folder / name).touch()
    (folder / f"{OTHER}.bin").symlink_to(precious)
    (folder / f"{'12' * 32}.bin").mkdir()
    (folder / f".{KEY}.{'0' * 16}.tmp").touch()
    assert disk_cache.clear() == 3
    assert names(folder) == sorted([*foreign, f"{OTHER}.bin", f"{'12' * 32}.bin"])
    assert precious.read_text() == "precious"
    assert disk_cache.clear() == 0


def test_there_is_nothing_to_clear_where_there_is_no_folder(place):
    assert disk_cache.clear() == 0
    assert not place.exists()


def test_kernels_used_least_recently_are_evicted(place, monkeypatch):
    keys = [f"{i:064x}" for i in range(5)]
    for i, key in enumerate(keys):
        disk_cache.write(key, "source", bytes(1000))
        for path in place.glob(f"{key}.*"):
            age(path, (10 - i) * 100_000)
    assert disk_cache.read(keys[0]) is not None  # it is used again
    monkeypatch.setattr(disk_cache, "LIMIT", 3500)
    disk_cache.tidy(place)
    assert {name[:64] for name in names(place)} == {keys[0], keys[3], keys[4]}
    assert disk_cache.info().bytes <= 3500


def test_writing_tidies_now_and_then(place, monkeypatch):
    seen = []
    monkeypatch.setattr(disk_cache, "tidy", seen.append)
    for _ in range(disk_cache._TIDY_EVERY + 1):
        disk_cache.write(KEY, "source", b"payload")
    assert seen == [place, place]


def test_it_needs_no_compiler():
    assert python("import sys, actspec.kernels.disk_cache; print('numba' in sys.modules)") == "False\n"
