"""Write docs/dialects.md from the tables of the dialects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import actspec
from actspec import dialects
from actspec.dialects import words
from actspec.dialects.tables import Entry, Table, distinct
from actspec.meanings import PLAIN, Meaning, meanings, shown_numbers
from actspec.parameters import MISSING, spell
from actspec.plugins import normalise

PAGE = Path(__file__).with_name("dialects.md")

HEAD = """\
# Dialects

This page is generated: change the tables in `actspec/dialects/` and run `python docs/make_dialects.py`.

The same word means different numbers in different systems: `leaky_relu(-2)` is -0.4 in Keras and -0.02 in PyTorch. Say
which system a spec was written for, and it is read as that system means it: its names, its defaults, its parameters.

```python
>>> import actspec
>>> actspec.parse("leaky_relu", dialect="keras")
actspec.parse('leakyrelu(negative_slope=0.2)')
>>> actspec.parse("HardSigmoid(alpha=0.3) + Softmax", dialect="onnx")
actspec.parse('hardsigmoid(slope=0.3)+softmax')
>>> actspec.parse("gelu", dialect="jax") == actspec.parse("gelu(approximate='tanh')", dialect="torch")
True
```

The pipeline is the same as any other, and spelled in actspec's own names. `spell` goes the other way, or says what the
system can't express. What it gives reads back to the same pipeline.

```python
>>> actspec.parse("leakyrelu(0.2) + gelu_tanh").spell("jax")
'leaky_relu(negative_slope=0.2)+gelu'
>>> actspec.parse("gaussian").spell("torch")
Traceback (most recent call last):
...
ValueError: PyTorch can't express 'gaussian': no word of it reads back as 'gaussian'
```

- Composition, groups, slices, `~` and values are the language's own in every dialect, and so is what takes a spec as a
  parameter, `continuous(tanh)`. Every other name has to be one of the system's.
- A name as the system spells it comes first, so that Keras' layer `LeakyReLU` and its function `leaky_relu` keep their
  own defaults. Otherwise case, `_` and `-` don't count, as in the plain language.
- `validate` and `parse_layers` take a `dialect` too. Without one, names mean what actspec documents. Where a system
  means something else, `actspec.describe` says so, and `actspec show leaky_relu --dialects` shows who means what.
- Parameters that don't change values, such as PyTorch's `inplace`, are read and forgotten.
- ONNX keeps its numbers in float32. Here they are what was written: `LeakyRelu` has the slope 0.01, for which a runtime
  takes the float32 nearest to it.
"""

EXACTNESS = """\
## How it is held

Tests run each word of PyTorch, Keras (on JAX), JAX, ONNX (its reference evaluator and onnxruntime), Hugging Face and
PaddlePaddle against the system itself: every name, its defaults and two other settings, float32 and float64, values and
gradients. In float32 a system's values are within 4 units in the last place of what actspec's formula gives in float64,
and in float64 within 1e-12, but where the system is the inexact one:

| system | words | how far off |
|---|---|---|
| all but JAX's and Keras' exact one | gelu in the negative tail | no digit is right below -5 or -8 |
| PyTorch, Keras, PaddlePaddle | tanhshrink near 0 | four of seven digits are right |
| Keras | squareplus below 0 | five of seven digits are right |
| Keras | tanh, LayerNormalization, RMSNormalization | computed in float32 in float64 too |
| PaddlePaddle | elu, celu, log_sigmoid, mish, softplus near their zeros | digits cancel |
| PaddlePaddle | hardsigmoid, rrelu, selu, stanh | parameters are float32 numbers in float64 too |
| onnxruntime | Elu, Celu, Selu, Sigmoid, Swish near their zeros | digits cancel |
| ONNX | HardSwish, HardSigmoid near their zeros | digits cancel |
| Hugging Face | laplace, xielu, sqrtsoftplus | digits cancel; linear beyond 20 |
| Hugging Face | gelu_fast | ten digits are right: its sqrt(2/pi) has ten |
| PyTorch | hardsigmoid's derivative | a float32 number in float64 too |

The worst errors of PyTorch's and JAX's elementwise functions, and of actspec's, stand in
[performance.md](performance.md#accuracy).

Keras' sparsemax of 3.15 is left out: where several features share, it takes off too much, and its rows don't sum to
one. Words of TensorFlow, theanets and Lasagne are taken from their sources.
"""

DISAGREEMENTS = """\
## Words that mean different things

What each word stands for alone, with its defaults, and what that makes of -2 and 2. A star marks functions whose
features depend on each other: their numbers are those of the row (-2, 2), of which gates make one.
"""

NAMES = """\
## One activation, many names

The words of each system by the activation that they stand for. Where a word's defaults aren't those of actspec, they
stand behind it.
"""


def render() -> str:
    """The whole page."""
    tables = [dialects.load(name) for name in dialects.NAMES]
    lines = [HEAD, DISAGREEMENTS, *_disagreements(tables), NAMES, *_names(tables)]
    for table in tables:
        lines += _system(table)
    lines.append(EXACTNESS)
    return "\n".join(lines).rstrip("\n") + "\n"


def _disagreements(tables: list[Table]) -> Iterator[str]:
    yield "| word | system | stands for | at -2 | at 2 |"
    yield "|---|---|---|---|---|"
    for word in _contested(tables):
        told = ""
        for group in _groups(word):
            first = group[0]
            systems = ", ".join(_spoken(each, word) for each in group)
            low, high = (f"{number}*" if number and first.coupled else number for number in shown_numbers(first))
            shown = f"`{word}`" if word != told else ""
            yield f"| {shown} | {systems} | `{first.spec}` | {low} | {high} |"
            told = word
    yield ""


def _contested(tables: list[Table]) -> list[str]:
    """The words on which systems disagree, each as it is spelled first."""
    spelled: dict[str, str] = {}
    for name in (*actspec.names(), *(name for table in tables for name in table.names)):
        key = normalise(name)
        if "_" in name or key not in spelled:  # hard_sigmoid reads better than hardsigmoid
            spelled[key] = name.lower()
    return sorted(name for name in spelled.values() if len(_groups(name)) > 1)


def _groups(word: str) -> list[list[Meaning]]:
    """The systems' meanings of a word, those that are the same together; words of another name left out."""
    groups: list[list[Meaning]] = []
    for each in meanings(word):
        if normalise(each.word) != normalise(word) and each.system != PLAIN:
            continue
        group = next((group for group in groups if group[0].spec == each.spec), None)
        if group is None:
            groups.append([each])
        else:
            group.append(each)
    return groups


def _spoken(meaning: Meaning, word: str) -> str:
    return meaning.system if meaning.word == word or meaning.system == PLAIN else f"{meaning.system} `{meaning.word}`"


def _names(tables: list[Table]) -> Iterator[str]:
    yield f"| actspec | {' | '.join(table.name for table in tables)} |"
    yield f"|---|{'---|' * len(tables)}"
    targets = {case.target for table in tables for entry in table.entries for case in entry.cases}
    for target in sorted(targets):
        cells = ["<br>".join(_calls(table, target)) for table in tables]
        yield f"| `{target}` | {' | '.join(cells)} |"
    yield ""


def _calls(table: Table, target: str) -> Iterator[str]:
    """How a system writes an activation: its words, with the values that choose it, and what they stand for."""
    for entry in table.entries:
        case = next((case for case in entry.cases if case.target == target), None)
        if case is None:
            continue
        defaults = {each.name: each.default for each in words.parameters(entry)}
        given = ",".join(f"{key}={spell(value)}" for key, value in case.when if value != defaults[key])
        for name in distinct(entry.names):
            written = f"{name}({given})" if given else name
            yield f"`{written}`{_own_defaults(written, table.name, target)}"


def _own_defaults(written: str, dialect: str, target: str) -> str:
    try:
        spec = str(actspec.parse(written, dialect))
    except actspec.SpecError:
        return ""  # it needs a parameter
    return "" if spec == target else f" ({spec.removeprefix(target).strip('()').replace(',', ', ')})"


def _system(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    yield ""
    yield f"`dialect={table.name!r}`: {table.source}."
    yield ""
    yield "| words | stands for | parameters | |"
    yield "|---|---|---|---|"
    for entry in table.entries:
        names = ", ".join(f"`{name}`" for name in entry.names)
        yield f"| {names} | {', '.join(_targets(entry))} | {', '.join(_parameters(entry))} | {entry.note} |"
    yield ""


def _targets(entry: Entry) -> Iterator[str]:
    for case in entry.cases:
        fixed = ",".join(f"{key}={spell(value)}" for key, value in case.fixed)
        target = f"`{case.target}({fixed})`" if fixed else f"`{case.target}`"
        when = ", ".join(f"`{key}={spell(value)}`" for key, value in case.when)
        yield f"{target} for {when}" if when else target


def _parameters(entry: Entry) -> Iterator[str]:
    for given, each in zip(entry.inputs, words.parameters(entry), strict=True):
        default = "" if each.default is MISSING else f"={spell(each.default)}"
        is_other = given.sets is not None and given.sets != given.name
        sets = f" ({given.sets}{' squared' * given.squared})" if is_other else ""
        yield f"`{given.name}{default}`" + sets + " (no effect)" * given.no_effect


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
