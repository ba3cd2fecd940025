"""The limits of the language, and the words that it keeps for values."""

from typing import Final

MAX_CHARACTERS: Final = 4096
MAX_STAGES: Final = 256
MAX_NESTING: Final = 32

RESERVED: Final = frozenset({"true", "false", "none", "inf", "nan"})
