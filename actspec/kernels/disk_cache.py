"""Compiled kernels on disk: one file each, in a folder of the user's own, and nothing is believed unless it checks out.

A kernel's file begins with a magic word, its key and a SHA-256 of what follows. Beside it stands the source it was
compiled from, for people to read: nothing here reads it back. Whatever goes wrong, kernels work without the folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

VARIABLE = "ACTSPEC_CACHE_DIR"
LIMIT = 256 << 20  # bytes that the folder may hold before the kernels used least recently go

_MAGIC = b"actspec kernel 1"
_HEADER = len(_MAGIC) + 2 * hashlib.sha256().digest_size
_LARGEST = 64 << 20  # bytes of a kernel; a larger file is none of ours
_KERNEL, _SOURCE = ".bin", ".py"
_OURS = re.compile(r"([0-9a-f]{64})(?:\.bin|\.py)")
_TEMPORARY = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{16}\.tmp")
_ABANDONED = 3600.0  # seconds after which a temporary file has no writer any more
_DAY = 86400.0
_TIDY_EVERY = 32  # writes of a process


@dataclass(frozen=True, slots=True)
class Info:
    """The folder, how many kernels it holds, the bytes of its files, and why it can't be used (None: it can)."""

    folder: Path
    kernels: int
    bytes: int
    fault: str | None


def folder() -> Path:
    """Where kernels are kept: ``kernels`` in the user's cache folder, or in the one that ACTSPEC_CACHE_DIR names.

    Raises FileNotFoundError where the user has no home folder.
    """
    chosen = os.environ.get(VARIABLE)
    base = os.path.expanduser(chosen) if chosen else platformdirs.user_cache_dir("actspec", appauthor=False)
    if not chosen and not os.path.isabs(base):  # "~" where no home is known
        raise FileNotFoundError(f"the user has no home folder: set {VARIABLE}")
    return Path(os.path.abspath(base), "kernels")


def read(key: str) -> bytes | None:
    """What was written under a key (64 hexadecimal digits); None where there is nothing that can be trusted."""
    try:
        place = folder()
        if _fault_of(os.stat(place)):
            return None
        path = place / f"{key}{_KERNEL}"
        # Not through a link, and never waiting for the other end of a pipe.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NOFOLLOW | _NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or _fault_of(status) or not _HEADER <= status.st_size <= _LARGEST:
                return None
            text = file.read()
    except (OSError, ValueError):
        return None
    payload = text[_HEADER:]
    if text[:_HEADER] != _header(key, payload):
        return None
    if abs(time.time() - status.st_mtime) > _DAY:
        with suppress(OSError):
            os.utime(path)  # it was used: the oldest ones are evicted
    return payload


def write(key: str, source: str, payload: bytes) -> bool:
    """Keep a kernel and its source under a key; False where it can't be kept, with one warning in a process's life."""
    place = None
    try:
        place = folder()
        with suppress(FileExistsError):  # as a folder, or as something that the next line fails on
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir(mode=0o700)
        fault = _fault_of(os.stat(place))
        if fault:
            raise PermissionError(fault)
        _replace(place, key, _SOURCE, source.encode())
        _replace(place, key, _KERNEL, _header(key, payload) + payload)
    except OSError as error:
        _complain(place, _reason(error))
        return False
    _Writes.count += 1
    if _Writes.count % _TIDY_EVERY == 1:
        tidy(place)
    return True


def info() -> Info:
    """What is kept, and where; nothing is created or changed. FileNotFoundError where the user has no home folder."""
    place = folder()
    files = list(_files(place, _OURS))
    kernels = sum(each.name.endswith(_KERNEL) for each, _ in files)
    return Info(place, kernels, sum(status.st_size for _, status in files), _fault_of_folder(place))


def clear() -> int:
    """Remove all kernels, their sources and what broken writes left: the number of files. OSError where it can't."""
    place = folder()
    removed = 0
    for pattern in (_OURS, _TEMPORARY):
        for each, _ in list(_files(place, pattern)):
            with suppress(FileNotFoundError):  # another process was faster
                os.unlink(each.path)
                removed += 1
    return removed


def tidy(place: Path) -> None:
    """Remove what broken writes left, and the kernels used least recently where there are more than LIMIT bytes."""
    now = time.time()
    with suppress(OSError):
        for each, status in list(_files(place, _TEMPORARY)):
            if abs(now - status.st_mtime) > _ABANDONED:
                _unlink(each.path)
        kernels: dict[str, list[tuple[str, os.stat_result]]] = {}
        for each, status in _files(place, _OURS):
            kernels.setdefault(each.name.partition(".")[0], []).append((each.path, status))
        total = sum(status.st_size for files in kernels.values() for _, status in files)
        for files in sorted(kernels.values(), key=lambda files: max(status.st_mtime for _, status in files)):
            if total <= LIMIT:
                break
            for path, status in files:
                _unlink(path)
                total -= status.st_size


class _Writes:
    """What this process did: kernels written, and whether it complained."""

    count = 0
    complained = False


_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)


def _header(key: str, payload: bytes) -> bytes:
    return _MAGIC + bytes.fromhex(key) + hashlib.sha256(payload).digest()


def _fault_of(status: os.stat_result) -> str | None:
    """Why a folder or file isn't the user's own; None where it is."""
    if hasattr(os, "geteuid"):  # elsewhere the user's folders are closed to others by the system
        if status.st_uid != os.geteuid():
            return "it belongs to another user"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "other users can write to it"
    return None


def _fault_of_folder(place: Path) -> str | None:
    try:
        status = os.stat(place)
        fault = _fault_of(status) if stat.S_ISDIR(status.st_mode) else f"{place} is not a folder"
    except (FileNotFoundError, NotADirectoryError):
        place = next(each for each in place.parents if os.path.lexists(each))  # where it would be created
        fault = None if place.is_dir() else f"{place} is not a folder"
    except OSError as error:
        fault = _reason(error)
    return fault or (None if os.access(place, os.W_OK | os.X_OK) else f"{place} is not writable")


def _files(place: Path, pattern: re.Pattern[str]) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """Files whose whole name fits the pattern; no links, and nothing where there is no folder."""
    try:
        entries = os.scandir(place)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for each in entries:
            if pattern.fullmatch(each.name):
                with suppress(FileNotFoundError):
                    status = each.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield each, status


@contextmanager
def _temporary(place: Path, key: str) -> Iterator[tuple[int, Path]]:
    path = place / f".{key}.{secrets.token_hex(8)}.tmp"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | _NOFOLLOW, 0o600)
    try:
        yield descriptor, path
    finally:
        _unlink(path)  # it is gone already where all went well


def _replace(place: Path, key: str, suffix: str, text: bytes) -> None:
    """Write a file under a name of its own, then put it in its place at once."""
    with _temporary(place, key) as (descriptor, path):
        # Not flushed to the disk: what a power failure tears apart fails its check, and is compiled again.
        with open(descriptor, "wb") as file:
            file.write(text)
        target = place / f"{key}{suffix}"
        if target.is_dir() and not target.is_symlink():
            target.rmdir()  # somebody's empty folder; one that holds something is left alone, and is an error
        os.replace(path, target)


def _unlink(path: str | Path) -> None:
    with suppress(OSError):
        os.unlink(path)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _complain(place: Path | None, reason: str) -> None:
    if _Writes.complained:
        return
    _Writes.complained = True
    named = "no folder for compiled kernels" if place is None else f"compiled kernels can't be kept in {place}"
    warnings.warn(
        f"{named}: {reason}. They work, but each process compiles its own. "
        f"Set {VARIABLE} to a folder that you own and can write to.",
        RuntimeWarning,
        stacklevel=2,
    )
