"""Which files can be read and written: by their suffix, with one message for what can't."""

from __future__ import annotations

from pathlib import Path

from actspec.cli.faults import Fault

ARRAYS = (".npy", ".npz")
TABLES = (".csv", ".parquet")


def suffix_of(path: Path) -> str:
    """The suffix that says what a file holds; Fault where it is none of those that are known."""
    suffix = path.suffix.lower()
    if suffix not in (*ARRAYS, *TABLES):
        raise Fault(f"{path}: the name has to end in .npy, .npz, .csv or .parquet, which says what the file holds")
    return suffix


def check_input(path: Path) -> None:
    """Fault (or OSError) where ``path`` is no file with something in it."""
    size = path.stat().st_size
    if path.is_dir():
        raise Fault(f"{path}: this is a folder, not a file")
    if not path.is_file():
        raise Fault(f"{path}: this is no ordinary file: copy what it gives into one first")
    if size == 0:
        raise Fault(f"{path}: the file is empty")
