"""The limits of the language."""

from typing import Final

MAX_CHARACTERS: Final = 4096
MAX_STAGES: Final = 256
MAX_NESTING: Final = 32
