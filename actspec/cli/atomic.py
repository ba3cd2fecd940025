"""Files that appear under their name only once they are whole."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from actspec.cli.faults import Fault


@contextmanager
def replacing(path: Path) -> Iterator[io.BufferedRandom]:
    """A temporary file beside ``path``, which takes its place when the block ends well and is removed otherwise.

    What stood at ``path`` stays readable until then, and gives its permissions to the new file.
    """
    final = Path(os.path.realpath(path))  # a link stays a link
    if final.is_dir():
        raise Fault(f"{path}: this is a folder: name a file in it")
    if not final.parent.is_dir():
        raise Fault(f"{path}: there is no folder {str(path.parent)!r}: create it first")
    temporary = final.with_name(f".actspec-{secrets.token_hex(6)}.tmp")
    try:
        # Not the tempfile module: its files are readable by their owner alone.
        with open(temporary, "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(final, temporary)
        os.replace(temporary, final)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
