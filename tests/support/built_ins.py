"""The built-ins as tests over the registry take them: specs with numbers in place of what has to be given or learnt."""

from __future__ import annotations

import actspec
from actspec import registry

CLASSES = {
    name: cls for name in actspec.names() if (cls := registry.find(name).cls).__module__.startswith("actspec.catalog.")
}


def fixed(name: str) -> str:
    """A built-in as a spec that runs unbound: numbers, no two the same, for what has to be given or is learnt."""
    parameters = actspec.describe(name).parameters
    wanted = [each for each in parameters if each.required or isinstance(each.default, actspec.Learnable)]
    given = [f"{each.name}={place + 2 if each.type is int else 0.5**place / 2}" for place, each in enumerate(wanted)]
    return f"{name}({','.join(given)})" if given else name


def learning(name: str) -> str:
    """A built-in as a spec that learns each of its numbers that is a float; 2 for what has to be given."""
    given = [
        f"{each.name}=2"
        if each.required
        else f"{each.name}={'~' * (each.type is float)}{str(each.default).lstrip('~')}"
        for each in actspec.describe(name).parameters
        if each.required or (each.type is float and each.default != float("inf"))
    ]
    return f"{name}({','.join(given)})"


def _runs_unbound(cls: type[actspec.Activation]) -> bool:
    takes_specs = any(each.required and each.type is actspec.Activation for each in cls.__definition__.parameters)
    return not (cls.stateful or cls.draws == "always" or takes_specs)


UNBOUND = [name for name, cls in CLASSES.items() if _runs_unbound(cls)]
"""Those that run unbound, once their parameters have numbers."""

RESIZING = [name for name in UNBOUND if actspec.parse(fixed(name))[0].resizes]
"""Those whose result has another number of features."""

SIZED = [name for name in UNBOUND if name not in RESIZING]
ALONG = [name for name in SIZED if "axis" in {each.name for each in actspec.describe(name).parameters}]
POINTWISE = [name for name in SIZED if name not in ALONG]
