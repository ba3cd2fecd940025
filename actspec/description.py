"""What an activation is and what a pipeline does, in words made from the classes themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from actspec import registry
from actspec.activation import Activation
from actspec.dialects import unknown
from actspec.errors import Problem, SpecError
from actspec.kernels import plan
from actspec.kernels.schedule import schedule
from actspec.meanings import Meaning, disagreements
from actspec.parameters import Parameter
from actspec.pipeline import Pipeline, parse
from actspec.plugins import PluginError
from actspec.structure import Sliced


@dataclass(frozen=True, slots=True)
class Description:
    """An activation in words, made from its class.

    ``summary`` and ``formula`` come from the docstring's first line, ``range`` from its section Returns, ``notes`` and
    ``reference`` from theirs; ``family`` is the module that the class stands in. ``disagreements`` are the words of
    other systems that are its name or an alias, and mean something else.
    """

    name: str
    summary: str
    formula: str
    parameters: tuple[Parameter, ...]
    aliases: tuple[str, ...]
    reference: str
    range: str
    notes: str
    family: str
    disagreements: tuple[Meaning, ...]

    @property
    def elsewhere(self) -> str:
        """The disagreements in words."""
        systems: dict[tuple[str, str], list[str]] = {}
        for each in self.disagreements:
            systems.setdefault((each.word, each.spec), []).append(each.system)
        return "; ".join(f"{word} is {spec} in {', '.join(of)}" for (word, spec), of in systems.items())

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.summary}"]
        if self.formula:
            lines.append(f"  formula:    {self.formula}")
        if self.parameters:
            lines.append(f"  parameters: {', '.join(map(str, self.parameters))}")
        if self.aliases:
            lines.append(f"  aliases:    {', '.join(self.aliases)}")
        if self.reference:
            lines.append(f"  reference:  {self.reference}")
        if self.disagreements:
            lines.append(f"  elsewhere:  {self.elsewhere}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class StageExplanation:
    """One stage of a pipeline: its spelling, what it does, whether it is compiled and if not, why.

    ``derivative`` says where its derivative comes from: "automatic", "its own" or "none".
    """

    stage: str
    summary: str
    formula: str
    compiled: bool
    reason: str
    derivative: str


@dataclass(frozen=True, slots=True)
class KernelExplanation:
    """One compiled kernel: the stages that it fuses, their expression graph, its passes over x, and its source.

    ``code`` is what Numba compiles for float32 arrays of two axes; other types, and lanes that lie otherwise in memory
    or are very long, have kernels of their own, made of the same graph.
    """

    stages: str
    graph: tuple[str, ...]
    passes: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the stages of a pipeline do, from left to right, and the kernels that they become; printable."""

    spec: str
    stages: tuple[StageExplanation, ...]
    kernels: tuple[KernelExplanation, ...]

    @property
    def code(self) -> str:
        """The source of the kernels."""
        return "\n\n".join(kernel.code for kernel in self.kernels)

    @property
    def words(self) -> str:
        """The stages without the kernels."""
        lines = [self.spec]
        for number, stage in enumerate(self.stages, 1):
            lines.append(f"{number}. {stage.stage}: {stage.summary}")
            if stage.formula:
                lines.append(f"   formula:  {stage.formula}")
            lines.append(f"   compiled: {'yes' if stage.compiled else f'no, {stage.reason}'}")
            if stage.derivative != "automatic":
                lines.append(f"   derivative: {stage.derivative}")
        return "\n".join(lines)

    def __str__(self) -> str:
        lines = [self.words]
        for kernel in self.kernels:
            lines.append(f"kernel of {kernel.stages}")
            lines += ["   graph:", *(f"     {line}" for line in kernel.graph)]
            lines += ["   passes:", *(f"     {number}. {line}" for number, line in enumerate(kernel.passes, 1))]
        return "\n".join(lines)


def describe(name: str | type[Activation]) -> Description:
    """An activation's summary, formula, parameters, aliases and reference, by its name, an alias or its class.

    SpecError where no activation has the name.

    >>> import actspec
    >>> print(actspec.describe("leaky_relu"))
    leakyrelu: Leaky rectifier
      formula:    x if x > 0 else negative_slope*x
      parameters: negative_slope: float = 0.01
      aliases:    leakyrectify
      reference:  Maas, Hannun, Ng (2013). Rectifier nonlinearities improve neural network acoustic models. ICML \
workshop. Equals torch.nn.functional.leaky_relu.
      elsewhere:  leaky_relu is leakyrelu(negative_slope=0.2) in keras, tf; LeakyReLU is leakyrelu(negative_slope=0.3) \
in keras; leaky-relu is prelu in theanets
    """
    return _describe(_find(name))


def explain(spec: str | Pipeline | Activation | type[Activation] | None) -> Explanation:
    """What each stage of a spec does, whether it is compiled, and if not, why; ``print`` it.

    >>> import actspec
    >>> print(actspec.explain("tanh+norm:mean"))
    tanh+norm:mean
    1. tanh: Hyperbolic tangent
       formula:  tanh(x)
       compiled: yes
    2. norm:mean: Centring along an axis
       formula:  x - mean(x)
       compiled: yes
    kernel of tanh+norm:mean
       graph:
         v0 = x
         v1 = tanh(v0)
         v2 = mean(v1) along the lane
         v3 = subtract(v1, v2)
         y = v3
       passes:
         1. map v1; reads v0; computes v1
         2. reduce v2; reads v1
         3. output v3; reads v1; computes v3
    """
    pipeline = parse(spec)
    reasons: list[str] = []
    kernels: list[KernelExplanation] = []
    dtype = np.dtype(np.float32)
    if pipeline.needs_binding():
        from actspec.cell import explain_bound

        reasons, found = explain_bound(pipeline, dtype)
        kernels = [_explain_kernel(*each) for each in found]
    else:
        segments = plan.for_any_rank(pipeline.stages, dtype)
        why = {id(stage): reason for stage, reason in plan.reasons(segments)}
        reasons = [why.get(id(stage), "") for stage in pipeline.stages]
        kernels = [_explain_kernel(each.title, each, each.forms[0]) for each in plan.kernels(segments)]
    stages = tuple(map(_explain, pipeline.stages, reasons))
    return Explanation(str(pipeline), stages, tuple(kernels))


def _explain_kernel(title: str, segment: plan.Compiled, form: str) -> KernelExplanation:
    lines = tuple(schedule(segment.graph, keep=bool(segment.axes)).lines())
    return KernelExplanation(title, tuple(segment.graph.lines()), lines, segment.source(form))


def _explain(stage: Activation, written: str) -> StageExplanation:
    described = [_describe(type(each)) for each in _named(stage)]
    summary = " then ".join(each.summary for each in described if each.summary)
    formula = " then ".join(each.formula for each in described if each.formula)
    if isinstance(stage, Sliced):
        features = str(stage)[str(stage).rindex("[") :]
        summary += f", on feature{'' if stage.single else 's'} {features} of the last axis"
    owns = {each.own_derivative is not None for each in _named(stage)}
    derivative = "its own" if True in owns else "none" if written else "automatic"
    return StageExplanation(str(stage), summary, formula, not written, written, derivative)


def _named(stage: Activation) -> list[Activation]:
    """The activations with a name that a stage runs in turn."""
    return [stage] if not isinstance(stage, Sliced) else [inner for each in stage.base.stages for inner in _named(each)]


def _find(name: str | type[Activation]) -> type[Activation]:
    if isinstance(name, type) and issubclass(name, Activation):
        return name
    if not isinstance(name, str):
        raise TypeError(f"name must be a str or an Activation class, not {type(name).__name__}")
    try:
        entry = registry.find(name)
    except PluginError as error:
        raise SpecError(name, (Problem((0, len(name)), str(error)),)) from error
    if entry is None:
        raise SpecError(name, (Problem((0, len(name)), *unknown.explain(name)),))
    found: type[Activation] = entry.cls
    return found


def _describe(cls: type[Activation]) -> Description:
    head, sections = _sections(cls.__doc__ or "")
    summary, formula = _first_line(head)
    definition = cls.__definition__
    return Description(
        name=definition.name,
        summary=summary,
        formula=formula or _source_formula(getattr(cls, "sample") if cls.draws == "always" else cls.__formula__),  # noqa: B009  # mypy knows of no such method
        parameters=definition.parameters,
        aliases=definition.aliases,
        reference=sections.get("References", ""),
        range=sections.get("Returns", ""),
        notes=sections.get("Notes", ""),
        family=cls.__module__.rpartition(".")[2],
        disagreements=disagreements(definition.name) if definition.registered else (),
    )


_FORMULA = re.compile(r"[\s:,]*``(.+?)``")
_HEADING = re.compile(r"^[ \t]*(\w+)\n[ \t]*-{3,}[ \t]*$", re.MULTILINE)


def _sections(doc: str) -> tuple[str, dict[str, str]]:
    """A docstring's text before its first section, and its sections by heading, each on one line."""
    head, *rest = _HEADING.split(doc)
    return head, {title: " ".join(text.split()) for title, text in zip(rest[::2], rest[1::2], strict=True)}


def _first_line(head: str) -> tuple[str, str]:
    """Summary and formula of a docstring's first paragraph: ``Rectifier: ``max(x, 0)``.``"""
    paragraph = " ".join(head.strip().partition("\n\n")[0].split())
    match = _FORMULA.search(paragraph)
    formula = match[1] if match else ""
    return _FORMULA.sub("", paragraph).rstrip(".") if match is None else _without(paragraph, match), formula


def _without(paragraph: str, match: re.Match[str]) -> str:
    return (paragraph[: match.start()] + paragraph[match.end() :]).strip().rstrip(".")


def _source_formula(body: Callable[..., object] | None) -> str:
    """The expression that a body of one statement returns, for classes whose docstring states no formula."""
    import inspect  # slow to import, and the built-ins don't need it
    import textwrap

    if body is None:
        return ""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    except (OSError, TypeError, SyntaxError):
        return ""
    function = tree.body[0]
    statements = function.body if isinstance(function, ast.FunctionDef) else []
    last = statements[-1] if statements else None
    if not isinstance(last, ast.Return) or last.value is None or any(map(_is_statement, statements[:-1])):
        return ""
    return ast.unparse(last.value).replace("self.", "").replace("np.", "")


def _is_statement(node: ast.stmt) -> bool:
    """Whether a line of a body does anything (a docstring doesn't)."""
    return not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
