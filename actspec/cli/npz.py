"""The .npz format: a zip archive of .npy files, each taken through a temporary file rather than through memory."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from actspec.cli import npy, stores
from actspec.cli.faults import Fault
from actspec.cli.stores import File, Store

_COPY = 1 << 20


class Archive:
    """An open .npz file: its arrays by their keys."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        self.members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    def choose(self, wanted: Sequence[str]) -> list[str]:
        """The keys to work on: those wanted, or all; Fault where one is missing."""
        for key in wanted:
            if key not in self.members:
                known = ", ".join(map(repr, self.members))
                raise Fault(f"{self._path}: there is no array {key!r}; its arrays are {known}")
        if not self.members:
            raise Fault(f"{self._path}: the archive is empty")
        return [key for key in self.members if key in wanted or not wanted]

    @contextmanager
    def array(self, key: str) -> Iterator[Store]:
        """The array of a key."""
        with stores.temporary_file() as file:
            self.copy(key, file)
            file.seek(0)
            yield npy.read(file, f"{self._path}, array {key!r}")

    def copy(self, key: str, into: IO[bytes]) -> None:
        """Copy the .npy file of a key as it is."""
        with _damage(self._path), self._archive.open(self.members[key]) as member:
            shutil.copyfileobj(member, into, _COPY)


@contextmanager
def read(path: Path) -> Iterator[Archive]:
    """Open an .npz file."""
    with _damage(path):
        archive = zipfile.ZipFile(path)
    with archive:
        yield Archive(path, archive)


@contextmanager
def entry(archive: zipfile.ZipFile, key: str, like: zipfile.ZipInfo | None = None) -> Iterator[IO[bytes]]:
    """Where to write the .npy file of a key in an archive, compressed as ``like`` is."""
    info = zipfile.ZipInfo(f"{key}.npy" if like is None else like.filename)
    info.compress_type = zipfile.ZIP_STORED if like is None else like.compress_type
    info.external_attr = 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as member:
        yield member


def copy(file: File, into: IO[bytes]) -> None:
    """Copy a file from its start."""
    file.seek(0)
    shutil.copyfileobj(file, into, _COPY)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """What zipfile says about an archive that it can't read, in one line."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Fault(f"{path}: this is no .npz file, or a damaged one: {error}") from error
