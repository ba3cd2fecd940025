"""The files to look at, and their text."""

from __future__ import annotations

import codecs
import glob
import io
import os
import stat
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from actspec.lint.document import Document, Format, UnreadableError
from actspec.lint.jsonfile import JSON
from actspec.lint.pythonfile import PYTHON
from actspec.lint.tomlfile import TOML
from actspec.lint.yamlfile import YAML

FORMATS = (YAML, TOML, JSON, PYTHON)
MAX_SIZE = 2_000_000
"""How many bytes a file may have: data take up to a hundred times as much memory, code five hundred times."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


def format_of(name: str) -> Format:
    """The format that a file's name says; UnreadableError where it says none."""
    suffix = os.path.splitext(name)[1].lower()
    for each in FORMATS:
        if suffix in each.suffixes:
            return each
    known = ", ".join(suffix for each in FORMATS for suffix in each.suffixes)
    raise UnreadableError(f"the name has to end in one of {known}, which says how the file is read")


@dataclass(frozen=True)
class Miss:
    """A file or folder that can't be looked at, and why."""

    name: str
    reason: str


def find(names: Iterable[str]) -> Iterator[Path | Miss]:
    """The files that the names stand for: files, folders with all that is in them, and globs. Each file once.

    In folders, files of other formats, hidden files and folders, and those of installed packages are passed by.
    """
    met: set[str] = set()
    for name in names:
        for found in _find(name):
            if isinstance(found, Path):
                if (real := os.path.realpath(found)) in met:
                    continue
                met.add(real)
            yield found


def is_excluded(path: Path, globs: Iterable[str]) -> bool:
    """Whether a glob matches a file's name, that of a folder above it, or its whole path."""
    parts = (path.as_posix(), *path.parts)
    return any(fnmatchcase(part, pattern) for pattern in globs for part in parts)


def _find(name: str) -> Iterator[Path | Miss]:
    if os.path.lexists(name):
        yield from _walk(name) if os.path.isdir(name) else [Path(name)]
    elif glob.has_magic(name):
        matches = sorted(glob.iglob(name, recursive=True))
        for match in matches:
            yield from _walk(match) if os.path.isdir(match) else [Path(match)]
        if not matches:
            yield Miss(name, "no file matches this pattern")
    else:
        yield Miss(name, "no such file or folder")


def _walk(top: str) -> Iterator[Path | Miss]:
    """The files in a folder and those below it, folders that are linked included."""
    pending = [(top, frozenset[tuple[int, int]]())]
    while pending:
        folder, above = pending.pop()
        try:
            status = os.stat(folder)
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield Miss(folder, error.strerror or str(error))
            continue
        here = (status.st_dev, status.st_ino)
        if here in above:
            yield Miss(folder, "this folder is a link to one that it stands in: it was not followed")
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        folders = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if _is_folder(entry):
                folders.append((entry.path, above | {here}))
            elif any(entry.name.lower().endswith(each.suffixes) for each in FORMATS):
                yield Path(entry.path)
        pending += reversed(folders)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself is read as a file, and fails as one
        return False


@dataclass(frozen=True)
class Text:
    """A file's text, and how it is encoded."""

    text: str
    encoding: str
    mark: bytes = b""

    def encode(self, text: str) -> bytes:
        """Another text as the file would hold it."""
        return self.mark + text.encode(self.encoding)


def read(path: Path, format: Format, max_size: int = MAX_SIZE) -> Text:  # noqa: A002  # it is the word for it
    """The text of a file; UnreadableError where there is none, or it is larger than ``max_size`` bytes."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UnreadableError("this is no ordinary file")
        with open(path, "rb") as file:
            return decode(file, format, max_size)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None


def decode(file: IO[bytes], format: Format, max_size: int = MAX_SIZE) -> Text:  # noqa: A002
    """The text in an open file; UnreadableError as for ``read``."""
    data = file.read(max_size + 1)
    if len(data) > max_size:
        raise UnreadableError(f"this has more than {max_size:,} bytes: it was not checked (--max-size sets the limit)")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    encoding = "utf-8"
    if format is PYTHON:
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        except SyntaxError as error:
            raise UnreadableError(f"this is no Python: {error.msg}") from None
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        return Text(data[len(mark) :].decode(encoding), encoding, mark)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"this is not {encoding.upper()} text: byte {len(mark) + error.start + 1:,} is none of it"
        ) from None


def document(name: str, text: str, format: Format) -> Document:  # noqa: A002
    """A text as its format reads it; UnreadableError where it can't."""
    return Document(name, text, format, format.read(text))
