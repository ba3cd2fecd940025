"""Hypothesis strategies for specs: valid ones built from the registry, and texts that are nearly specs."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import strategies as st

import actspec
from actspec.parameters import Parameter, spell

ALPHABET = "abnxz019.-+~:=,()[]'\"\\ \n\t_eE" + "é中\u200b\x00\U0001f600"

ORDERED = (("min", "max"), ("lower", "upper"))  # parameters of which the first must not be above the second


def _number(draw: Callable[[st.SearchStrategy[float]], float], parameter: Parameter) -> float:
    low = parameter.ge if parameter.ge is not None else parameter.gt
    high = parameter.le if parameter.le is not None else parameter.lt
    return draw(
        st.floats(
            -1e300 if low is None else low,
            1e300 if high is None else high,
            exclude_min=parameter.gt is not None,
            exclude_max=parameter.lt is not None,
        )
    )


@st.composite
def spellings(draw: st.DrawFn, name: str) -> str:
    """A name as a writer may spell it: any case, ``_`` and ``-`` anywhere inside, spaces around colons."""
    style = draw(st.integers(0, 4))
    if style == 0:
        return name
    if style == 1:
        return name.upper()
    if style == 2:
        return name.replace(":", " : ")
    cut = draw(st.integers(1, len(name)))
    if name[cut - 1 : cut] == ":" or name[cut : cut + 1] == ":":
        return name
    return f"{name[:cut]}{'_-'[style - 3]}{name[cut:]}"


@st.composite
def values(draw: st.DrawFn, parameter: Parameter, depth: int) -> str:
    """A value for a parameter, inside its domain."""
    if parameter.type is float:
        kind = draw(st.integers(0, 5))
        number = spell(_number(draw, parameter))
        if kind == 0:
            return f"~{number}"
        if kind == 1:
            return f"~ normal({draw(st.floats(-9, 9))!r}, {draw(st.floats(0, 9))!r})"
        if kind == 2:
            return f"~Uniform(high={draw(st.floats(5, 9))!r}, low={draw(st.floats(-9, 4))!r})"
        return number if kind < 5 else f" {number} "
    if parameter.type is bool:
        return draw(st.sampled_from(["true", "false"]))
    if parameter.type is int:
        low = int(parameter.ge) if parameter.ge is not None else -(2**31) + 1
        return str(draw(st.integers(low, 2**31 - 1)))
    if parameter.type is actspec.Activation:
        return draw(specs(depth=depth - 1))
    raise AssertionError(f"no strategy for {parameter}")


@st.composite
def calls(draw: st.DrawFn, depth: int) -> str:
    """One activation with some of its parameters, by position or by name."""
    usable = [name for name in actspec.names() if depth > 0 or name != "continuous"]
    described = actspec.describe(draw(st.sampled_from(usable)))
    text = draw(spellings(draw(st.sampled_from([described.name, *described.aliases]))))
    given = []
    positional = True
    for parameter in described.parameters:
        if not parameter.required and draw(st.booleans()):
            positional = False
            continue
        value = draw(values(parameter, depth))
        by_name = not positional or draw(st.booleans())
        positional = not by_name
        given.append(f"{parameter.name} = {value}" if by_name else value)
    for low, high in ORDERED:
        if any(each.name == low for each in described.parameters):
            bounds = sorted(draw(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))))
            given = [f"{low}={spell(bounds[0])}", f"{high} = {spell(bounds[1])}"]
    if described.name == "celu":
        given = [spell(draw(st.floats(-1e9, 1e9).filter(bool)))]
    return f"{text}({','.join(given)})" if given else text


@st.composite
def slices(draw: st.DrawFn) -> str:
    """Nothing, an index or a range that can select something."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return f"[{draw(st.integers(-9, 9))}]"
    if kind == 1:
        start = draw(st.integers(-9, 9))
        return f"[ {start} : {start + 3 if not -4 < start < 0 else ''} ]"
    if kind == 2:
        return f"[::{draw(st.integers(1, 4))}]"
    return "[:]" if kind == 3 else ""


def _takes_all(body: str) -> bool:
    """Whether a slice can't hold it, as it changes the number of features."""
    try:
        return any(stage.resizes for stage in actspec.parse(body))
    except actspec.SpecError:  # a limit is passed
        return False


@st.composite
def specs(draw: st.DrawFn, depth: int = 3) -> str:
    """A valid spec: stages, groups and slices, at most ``depth`` levels deep."""
    stages = []
    for _ in range(draw(st.integers(1, 3))):
        grouped = depth > 0 and draw(st.integers(0, 4)) == 0
        body = f"({draw(specs(depth=depth - 1))})" if grouped else draw(calls(depth))
        stages.append(body if _takes_all(body) else body + draw(slices()))
    return draw(st.sampled_from(["+", " + ", "\n+\t"])).join(stages)


def mutate(text: str, source: random.Random, other: str) -> str:
    """The text with one to four random edits: characters, runs, or a piece of another spec."""
    for _ in range(source.randint(1, 4)):
        start = source.randint(0, len(text))
        end = min(len(text), start + source.randint(0, 4))
        piece = source.choice(
            [
                "",
                source.choice(ALPHABET),
                text[start:end] * 2,
                other[: source.randint(0, 12)],
                chr(source.randint(0, 0x2FFF)),
            ]
        )
        text = text[:start] + piece + text[end:]
    return text
