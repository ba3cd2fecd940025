"""Names of test cases that are the same in every process, as tests that run side by side need them."""

from __future__ import annotations

FIXED = {
    "prelu": "prelu(slope=0.25)",
    "lgrelu": "lgrelu(gain=2,leak=0.5)",
    "maxout": "maxout(3,slope=2,intercept=1)",
    "threshold": "threshold(0.5,-1)",
    "xielu": "xielu(alpha_p=0.8,alpha_n=0.8)",
}
"""Built-ins that need a value for a parameter or learn one, with numbers in place."""


def shown(value: object) -> str:
    """A value as Python shows it, without its place in memory."""
    return repr(value).partition(" at 0x")[0]
