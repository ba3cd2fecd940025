"""Syntax tree to activations: names, parameters, values and slices are checked, and every fault is reported."""

from __future__ import annotations

from collections.abc import Sequence

from actspec import catalog, structure
from actspec.activation import Activation
from actspec.errors import Problem, Span, SpecError, shorten
from actspec.parameters import DRAWS, LARGEST, Learnable, Normal, Parameter, Uniform, read_number
from actspec.plugins import PluginError, normalise
from actspec.suggest import closest
from actspec.syntax import Argument, Call, Constant, Draw, Group, Index, Number, Range, Spec, Stage, String, Value
from actspec.syntax import Learnable as LearnableNode
from actspec.vocabulary import Plain, Vocabulary, Word


class _Plain(Plain):
    """The plain language, which tells of a name that is unknown who else has it."""

    def explain_unknown(self, name: str) -> tuple[str, tuple[str, ...]]:
        from actspec.dialects import unknown  # names that are known never need the tables

        return unknown.explain(name)


_PLAIN = _Plain()


def resolve(
    text: str, spec: Spec, problems: tuple[Problem, ...] = (), vocabulary: Vocabulary = _PLAIN
) -> tuple[Activation, ...]:
    """The activations that a spec names, groups laid flat; its names are looked up in the vocabulary.

    SpecError with all faults in the order of the text, the ``problems`` that reading it met included.
    """
    resolver = _Resolver(problems, vocabulary)
    stages = resolver.spec(spec)
    if resolver.problems:
        raise SpecError(text, tuple(sorted(resolver.problems, key=lambda problem: problem.span))) from resolver.cause
    return tuple(stages)


class _Resolver:
    """Collects faults on its way, so that one reading finds them all; a faulty part resolves to None or nothing."""

    def __init__(self, problems: tuple[Problem, ...], vocabulary: Vocabulary) -> None:
        self.problems = list(problems)
        self.vocabulary = vocabulary
        self.cause: Exception | None = None

    def report(self, span: Span, reason: str, suggestions: tuple[str, ...] = ()) -> None:
        self.problems.append(Problem(span, reason, suggestions))

    def spec(self, spec: Spec) -> list[Activation]:
        resolved = [self.stage(stage) for stage in spec.stages]
        return [inner for stage in resolved if stage is not None for inner in stage.stages]

    def composed(self, spec: Spec) -> Activation | None:
        stages = self.spec(spec)
        return structure.group(stages) if stages else None

    def stage(self, stage: Stage) -> Activation | None:
        body = stage.body
        base = self.composed(body.spec) if isinstance(body, Group) else self.call(body)
        return base if stage.slice is None else self.slice(base or catalog.Linear(), stage.slice)

    def slice(self, base: Activation, cut: Index | Range) -> Activation | None:
        """``base`` on the features of a slice; what stands for a faulty base doesn't matter."""
        try:
            if isinstance(cut, Index):
                index = self.whole(cut.at)
                return None if index is None else structure.one_feature(base, index)
            bounds = [None if bound is None else self.whole(bound) for bound in (cut.start, cut.stop, cut.step)]
            return structure.features(base, *bounds)
        except ValueError as error:
            self.report(cut.span, str(error))
            return None

    def whole(self, number: Number) -> int | None:
        value = self.number(number)
        if isinstance(value, float):
            self.report(number.span, f"a slice takes whole numbers, not {number}")
        elif value is not None and abs(value) > LARGEST:
            self.report(number.span, "the number is too large for a slice")
        else:
            return value
        return None

    def number(self, number: Number) -> int | float | None:
        try:
            return read_number(number.text)
        except ValueError as error:
            self.report(number.span, str(error))
            return None

    def call(self, call: Call) -> Activation | None:
        word = self.word(call)
        if word is None:
            for argument in call.arguments:
                self.nested(argument.value)
            return None
        number = [] if call.number is None else [Argument(None, call.number, call.number.span, call.number.span)]
        faults = len(self.problems)
        given = self.match(word.name, call.name_span, word.parameters, [*number, *call.arguments])
        values = {each.name: self.value(each, given[each.name].value) for each in word.parameters if each.name in given}
        if len(self.problems) > faults:
            return None
        try:
            return word.make(**values)
        except (TypeError, ValueError) as error:  # a check of parameters that a learnable one confuses included
            self.report(call.span, str(error))
            return None

    def word(self, call: Call) -> Word | None:
        """What the name of a call stands for."""
        try:
            word = self.vocabulary.find(call.name)
        except PluginError as error:
            self.cause = self.cause or error
            self.report(call.name_span, str(error))
            return None
        if word is None:
            self.report(call.name_span, *self.vocabulary.explain_unknown(call.name))
        return word

    def nested(self, value: Value) -> None:
        """Find the faults inside a value that no parameter takes."""
        if isinstance(value, Spec):
            self.spec(value)

    def match(
        self, name: str, name_span: Span, declared: Sequence[Parameter], arguments: Sequence[Argument]
    ) -> dict[str, Argument]:
        """The arguments by parameter: positional ones in declared order, then those with a name."""
        if all(each.name is None for each in arguments) and len(arguments) <= len(declared):
            given = {each.name: argument for each, argument in zip(declared, arguments, strict=False)}
            self.check_required(name, name_span, declared, given, [])
            return given
        keys = {normalise(each.name): each.name for each in declared}
        listed = ", ".join(keys.values())
        given = {}
        # What the arguments that found no parameter may have meant, None for any: it isn't missing then as well.
        strays: list[tuple[str, ...] | None] = []
        named = False
        unnamed = [argument for argument in arguments if argument.name is None]
        if len(unnamed) > len(declared):
            takes = f"at most {len(declared)} ({listed})" if declared else "none"
            extra = (unnamed[len(declared)].span[0], unnamed[-1].span[1])
            self.report(extra, f"{name} has too many parameters: it takes {takes}")
        for position, argument in enumerate(arguments):
            if argument.name is None and named:
                self.report(argument.span, "a value without a name can't follow one with a name")
                strays.append(None)
            elif argument.name is None and position >= len(declared):
                pass  # reported above, with all others
            elif argument.name is None:
                given[declared[position].name] = argument
                continue
            else:
                named = True
                key = keys.get(normalise(argument.name))
                if key is None:
                    takes = f"it takes {listed}" if declared else "it takes none"
                    reason = f"{name} has no parameter {argument.name!r}: {takes}"
                    near = closest(argument.name, keys.values(), parts=True)
                    self.report(argument.name_span, reason, near)
                    strays.append(near or None)
                elif key in given:
                    self.report(argument.name_span, f"parameter {key!r} is given twice")
                else:
                    given[key] = argument
                    continue
            self.nested(argument.value)
        self.check_required(name, name_span, declared, given, strays)
        return given

    def check_required(
        self,
        name: str,
        name_span: Span,
        declared: Sequence[Parameter],
        given: dict[str, Argument],
        strays: list[tuple[str, ...] | None],
    ) -> None:
        for each in declared:
            if (
                each.required
                and each.name not in given
                and not any(near is None or each.name in near for near in strays)
            ):
                self.report(name_span, f"{name} needs its parameter {each.name!r}: {each.expected}")

    def value(self, declared: Parameter, value: Value) -> object:
        raw: object
        if isinstance(value, Spec):
            if declared.type is not Activation:
                shown = shorten(str(value))
                hint = f": put it in quotes, '{shown}'" if declared.type is str else ""
                self.report(value.span, f"{declared.name} must be {declared.expected}, not {shown!r}{hint}")
                return None
            return self.composed(value)
        if isinstance(value, LearnableNode):
            raw = self.learnable(declared.name, value)
        elif isinstance(value, Number):
            raw = self.number(value)
        else:
            assert isinstance(value, (Constant, String))
            raw = value.value
        if raw is None and not (isinstance(value, Constant) and value.value is None):
            return None
        try:
            return declared.coerce(raw, shorten(str(value)))
        except (TypeError, ValueError) as error:
            self.report(value.span, str(error))
            return None

    def learnable(self, name: str, node: LearnableNode) -> Learnable | None:
        faults = len(self.problems)
        start = self.draw(node.start) if isinstance(node.start, Draw) else self.number(node.start)
        if start is None or len(self.problems) > faults:
            return None
        if not isinstance(node.start, Number):
            return Learnable(start)
        try:
            return Learnable(Parameter(name, float, start=True).coerce(start, shorten(node.start.text)))
        except ValueError as error:
            self.report(node.start.span, str(error))
            return None

    def draw(self, draw: Draw) -> Normal | Uniform | None:
        cls = DRAWS.get(normalise(draw.name))
        if cls is None:
            reason = f"unknown distribution {draw.name!r}: a learnable parameter starts from normal or uniform"
            self.report(draw.name_span, reason, closest(draw.name, DRAWS))
            return None
        faults = len(self.problems)
        given = self.match(draw.name.lower(), draw.name_span, cls.parameters, draw.arguments)
        values = {each.name: self.value(each, given[each.name].value) for each in cls.parameters if each.name in given}
        if len(self.problems) > faults:
            return None
        try:
            return cls(**values)  # type: ignore[arg-type]
        except ValueError as error:
            self.report(draw.span, str(error))
            return None
