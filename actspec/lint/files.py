"""The files to look at, and their text."""

from __future__ import annotations

import codecs
import glob
import io
import os
import re
import stat
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from actspec.lint.document import Document, Format, UnreadableError
from actspec.lint.jsonfile import JSON, JSON_WITH_COMMENTS
from actspec.lint.pythonfile import PYTHON
from actspec.lint.tomlfile import TOML
from actspec.lint.yamlfile import YAML

FORMATS = (YAML, TOML, JSON, JSON_WITH_COMMENTS, PYTHON)
STDIN = "<stdin>"
"""What the standard input is called, which is YAML, unless it is given a name."""
MAX_SIZE = 2_000_000
"""How many bytes a file may have: data take up to three hundred times as much memory, code a thousand times."""

_SUFFIXES = ", ".join(suffix for each in FORMATS for suffix in each.suffixes)
_NO_FORMAT = f"no file that matches this pattern ends in one of {_SUFFIXES}"
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


def format_of(name: str) -> Format:
    """The format that a file's name says; UnreadableError where it says none."""
    if name == STDIN:
        return YAML
    suffix = os.path.splitext(name)[1].lower()
    for each in FORMATS:
        if suffix in each.suffixes:
            return each
    raise UnreadableError(f"the name has to end in one of {_SUFFIXES}, which says how the file is read")


@dataclass(frozen=True)
class Miss:
    """A file or folder that can't be looked at, and why; ``place`` is a line and a column, if it is known where."""

    name: str
    reason: str
    place: tuple[int, int] | None = None

    def __str__(self) -> str:
        where = "" if self.place is None else ":{}:{}".format(*self.place)
        name = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in self.name)
        return f"{name}{where}: {self.reason}"


Excludes = Callable[[str], bool]
"""Whether a file or folder of that name is passed by."""


def find(names: Iterable[str], excludes: Excludes = lambda _name: False) -> Iterator[Path | Miss]:
    """The files that the names stand for: files, folders with all that is in them, and globs. Each file once.

    In folders, files of other formats, hidden files and folders, and those of installed packages are passed by; of what
    a glob matches, files of other formats. What is excluded is neither given nor entered.
    """
    met: set[str | Miss] = set()
    walked: set[_Id] = set()
    for name in names:
        for found in _find(name, excludes, walked):
            once = os.path.realpath(found) if isinstance(found, Path) else found
            if once not in met:
                met.add(once)
                yield found


def _find(name: str, excludes: Excludes, walked: set[_Id]) -> Iterator[Path | Miss]:
    if os.path.lexists(name):
        yield from _all_in(name, excludes, walked)
    elif glob.has_magic(name):
        matches: set[str] = set()
        for found in _expand(name, excludes):
            if isinstance(found, Miss):
                yield found
            else:
                matches.add(found)
        wanted = sorted(match for match in matches if os.path.isdir(match) or _has_format(match))
        for match in wanted:
            yield from _all_in(match, excludes, walked)
        if not wanted:
            yield Miss(name, _NO_FORMAT if matches else "no file matches this pattern")
    else:
        yield Miss(name, "no such file or folder")


def _expand(pattern: str, excludes: Excludes) -> Iterator[str | Miss]:
    """What a pattern matches. Its ``**`` is a folder and all below it, each once, as in ``_walk``."""
    parts = re.split(r"[/\\]" if os.sep == "\\" else "/", pattern)
    if "**" not in parts:
        yield from glob.iglob(pattern)
        return
    at = parts.index("**")
    after = at + 1
    while after < len(parts) and parts[after] in ("**", ""):
        after += 1
    above, below = "/".join(parts[:at]) or "/"[: at and 1], "/".join(parts[after:])
    walked: set[_Id] = set()
    for top in _expand(above, excludes) if glob.has_magic(above) else [above]:
        if isinstance(top, Miss):
            yield top
            continue
        if not os.path.isdir(top or os.curdir):
            continue
        if not below or excludes(top or os.curdir):  # what is excluded matches all the same: it is no wrong pattern
            yield top or os.curdir
            continue
        for folder in _walk(top, excludes, walked):
            if isinstance(folder, Miss):
                yield folder
            else:
                yield from _expand(os.path.join(glob.escape(folder.path), below), excludes)


def _all_in(name: str, excludes: Excludes, walked: set[_Id]) -> Iterator[Path | Miss]:
    """A file, or the files in a folder and those below it."""
    if excludes(name):
        return
    if not os.path.isdir(name):
        yield Path(name)
        return
    for folder in _walk(name, excludes, walked):
        if isinstance(folder, Miss):
            yield folder
            continue
        for entry in folder.files:
            if _has_format(entry):
                path = os.path.join(folder.path, entry)
                if not excludes(path):
                    yield Path(path)


def _has_format(name: str) -> bool:
    return any(name.lower().endswith(each.suffixes) for each in FORMATS)


@dataclass(frozen=True)
class _Folder:
    """A folder and the names of the files in it."""

    path: str
    files: list[str]


_Id = tuple[int, int]
"""The device and the inode of a folder, which all its names share."""


def _walk(top: str, excludes: Excludes, walked: set[_Id]) -> Iterator[_Folder | Miss]:
    """A folder and those below it, folders that are linked included: each that is not in ``walked``, which grows."""
    pending = [(top, frozenset[_Id]())]
    while pending:
        path, above = pending.pop()
        try:
            status = os.stat(path or os.curdir)
            here = (status.st_dev, status.st_ino)
            if here in above:
                yield _miss(path, "this folder is a link to one that it stands in: it was not followed")
            if here in walked:
                continue
            walked.add(here)
            with os.scandir(path or os.curdir) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield _miss(path, error.strerror or str(error))
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        files, folders = [], []
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED:
                continue
            if not _is_folder(entry):
                files.append(entry.name)
            elif not excludes(below := os.path.join(path, entry.name)):
                folders.append((below, above | {here}))
        yield _Folder(path, files)
        pending += reversed(folders)


def _miss(path: str, reason: str) -> Miss:
    return Miss(str(Path(path)), reason)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself is read as a file, and fails as one
        return False


@dataclass(frozen=True)
class Text:
    """A file's text, and how it is encoded; ``exact`` says whether it is encoded as the file was."""

    text: str
    encoding: str
    mark: bytes = b""
    exact: bool = True

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
    if looks := _wide(data):
        raise UnreadableError(f"this looks like {looks} text: save it as UTF-8")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    encoding = "utf-8"
    if format is PYTHON:
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        except SyntaxError as error:
            raise UnreadableError(f"this is no Python: {error.msg}") from None
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"this is not {encoding.upper()} text: byte {len(mark) + error.start + 1:,} is none of it"
        ) from None
    except (LookupError, UnicodeError):  # Python has codecs that aren't for text, and some that refuse all
        raise UnreadableError(f"this can't be read as {encoding} text: save it as UTF-8") from None
    return Text(text, encoding, mark, exact=encoding == "utf-8" or mark + _encoded(text, encoding) == data)


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeError:
        return b""


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32, where data begin with its byte order mark or as Latin letters do in it."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    head = data[:64]
    even, odd = any(head[::2]), any(head[1::2])
    return "UTF-16" if len(head) > 3 and even != odd and all(head[::2] if even else head[1::2]) else None


def document(name: str, text: str, format: Format) -> Document:  # noqa: A002
    """A text as its format reads it; UnreadableError where it can't."""
    return Document(name, text, format, format.read(text))
