"""Results of long runs, each in a file of its own, so that a run goes on where another one was broken off."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kept(folder: Path, name: str, asked: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result that a file in the folder has for the same question, or a new one, which is written there."""
    path = folder / f"{re.sub('[^a-z0-9.=-]+', '_', name.lower())}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["asked"] == asked:
            result: dict[str, Any] = found["result"]
            return result
    result = measure()
    folder.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps({"asked": asked, "result": result}, indent=1) + "\n", encoding="utf-8")
    whole.replace(path)
    return result
