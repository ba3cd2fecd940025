"""Which files and folders a project passes by."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath


def excluded(name: str, base: str | Path | None, globs: Sequence[str]) -> bool:
    """Whether a glob matches the name of a file, or its path from the folder ``base``, or those of a folder above it.

    However ``name`` is typed, only what stands below ``base`` on the way to it counts. Globs that are absolute are
    matched with absolute paths.
    """
    if base is None or not globs:
        return False
    wanted = [pattern.removeprefix("./").rstrip("/") for pattern in globs]
    return any(fnmatchcase(each, pattern) for each in set(_called(name, base)) for pattern in wanted)


def _called(name: str, base: str | Path) -> Iterator[str]:
    """What a file and the folders above it, up to ``base``, are called: as it is typed, and with its links followed."""
    folder, last = os.path.split(os.path.abspath(name))
    real = os.path.realpath(base)
    paths = {os.path.join(each, last) for each in (folder, os.path.realpath(folder))}
    ways = [PurePath(os.path.relpath(path, real)).parts for path in paths]
    for parts in [each for each in ways if each[:1] != (os.pardir,)] or ways:
        yield from parts
        for end in range(1, len(parts) + 1):
            yield "/".join(parts[:end])
            yield PurePath(real, *parts[:end]).as_posix()
