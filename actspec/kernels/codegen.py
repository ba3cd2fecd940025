"""From loops to Python source: a readable function for Numba, in one of six forms.

A kernel works on two-dimensional arrays: lanes, which reductions take together, in rows.

- ``flat``: elementwise work; lanes mean nothing.
- ``rows``: lane after lane, each in buffers of its own; for lanes whose elements are neighbours. ``wide rows`` are
  the same for lanes that are longer than WIDE, whose sums are rounded to float64 now and then.
- ``columns``: several lanes side by side, element after element; for short lanes, and for lanes that are neighbours.
- ``long rows``, ``long columns``: lanes that no buffer holds, block by block, in phases. Each phase starts from x
  and ends in reductions; the last one writes y.

- ``scan``: elementwise work step by step, lanes being steps. The first input is a state of one lane, which each
  step reads and replaces.

Those in ``STREAMED`` have a second form each, ``streamed`` and their name, for results that no cache holds: y is
written past the caches, where its rows begin on boundaries.

Arguments are the inputs (``x``, then ``x1``), ``y``, the parameters ``p``, learnt values ``f`` with one row for each
of their numbers, and ``z``, to whose rows the sums over all lanes are added.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from actspec.graph.expr import Features, Graph, Node, Rank
from actspec.graph.primitives import PRIMITIVES
from actspec.kernels.schedule import REDUCING, Loop, Schedule, cost_of, schedule

WIDE = 2048
"""The most elements that are added up in the kernel's own type, in as many sums as vectors have numbers."""

KEEPING = frozenset({"rows", "wide rows", "columns"})
"""The forms with buffers for costly values."""

STREAMED = frozenset({"flat", "rows", "wide rows", "long rows", "scan"})
"""The forms that may write past the caches."""

BOUNDARY = 16
"""Bytes between the places at which vectors may go past the caches."""

BLOCK = 1024
"""How many elements are taken at a time where they have to be copied; sums are rounded to float64 as often."""

LANES = 256
"""The most lanes side by side."""

THRESHOLD = -1.0
"""Where a search for a threshold starts from: no lane whose largest value is zero has a lower one."""

NEAR = {"float32": 2.0**15, "float64": 2.0**40}
"""Up to which magnitude sines and cosines take the short way, which vecmath's ``near_sin`` is."""

SHORT_WAYS = {
    **dict.fromkeys(("sin", "cos", "sin_squared"), ("{0}", {name: str(bound) for name, bound in NEAR.items()})),
    "steady_squareplus": ("{0} * {0}", {"float32": "2.0**9 * {1}", "float64": "2.0**24 * {1}"}),
    "steady_squareplus_slope": ("{0}", dict.fromkeys(NEAR, "2.0**30")),
    "dish": ("{0}", dict.fromkeys(NEAR, "2.0**60")),
}
"""Functions that have a short way, ``near_`` and their name: what of a magnitude {0} has a bound, and the bound, where
{1} is the second argument.
"""

_PAIRED = 1 << 16
"""From how many elements on a row that costs little is read and written at two places in turn."""

_PAIRED_COST = 14
"""The cost of an element from which arithmetic sets the pace, and not memory."""

_PAGE = 4096
"""Bytes between places that machines take for the same at first: the caches, and stores that loads may wait for."""

_CHUNK = 32
"""How many elements of lanes side by side are added up before the sums are rounded to float64."""

_ROWS = 64
"""The most lanes one after the other that share a block."""

_ROW_BUFFERS = 1 << 15
"""About how many bytes such a block has."""

_LARGE_BUFFERS = 1 << 13
"""The same for arrays that are larger than the caches: reading and writing memory alternate the faster."""

_FETCHED = 1 << 12
"""The most bytes of a row that are asked for while others are computed; machines see longer ones coming."""

_SMALL = 2048
"""The most numbers in all buffers that are kept on the stack."""

_BUFFERS = 1 << 18
"""About how many bytes of buffers are in use at a time."""

MOST_BUFFERS = (1 << 20) - (1 << 15)
"""The most bytes of buffers: with what else a kernel holds, less than a mebibyte."""

SIDE = 64
"""How many lanes side by side pay for larger buffers: with fewer, each row of them is a short way through memory."""


class _Lines:
    """Source code that grows line by line, indented.

    What a loop computes has names of its own: for each name with several values, Numba walks over the code again.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0
        self._loop = self._loops = 0
        self._first: dict[str, int] = {}

    def add(self, *lines: str) -> None:
        self.lines += ["    " * self.depth + (_LOCAL.sub(self._own, line) if self._loop else line) for line in lines]

    def _own(self, match: re.Match[str]) -> str:
        first = self._first.setdefault(match[0], self._loop)
        return match[0] if first == self._loop else f"{match[0]}_{self._loop - first}"

    @contextmanager
    def loop(self) -> Iterator[None]:
        """Lines of a loop of the schedule."""
        self._loops += 1
        self._loop = self._loops
        yield
        self._loop = 0

    def block(self, head: str) -> _Indent:
        self.add(head)
        return _Indent(self)


@dataclass(frozen=True, slots=True)
class _Fold:
    """What a loop takes together of a node's values: how, and the name of its parts and totals."""

    name: str
    kind: str
    argument: int
    result: int


@dataclass
class _Indent:
    lines: _Lines

    def __enter__(self) -> None:
        self.lines.depth += 1

    def __exit__(self, *_error: object) -> None:
        self.lines.depth -= 1


def generate(graph: Graph, form: str) -> str:
    """The source of a kernel for a graph, as a module; equal graphs give equal source."""
    return _Generator(graph, form).module()


_LOCAL = re.compile(r"\b(?:(?:v|from|to)\d+|[ijr]|here|target|place)\b(?!\[[^\]]*\]\s*=\s*stack)")


class _Generator:
    def __init__(self, graph: Graph, form: str) -> None:
        self.graph = graph
        self.streamed = form.startswith("streamed ")
        self.form = form = form.removeprefix("streamed ")
        self.plan: Schedule = schedule(graph, keep=form in KEEPING, reuse_input=form == "columns")
        self.inputs = graph.inputs
        self.names = tuple(f"x{number or ''}" for number in range(len(self.inputs)))
        self.rows_of_learnt = {number: row for row, number in enumerate(graph.learnt)}
        self.out = _Lines()
        self.real = graph.dtype.name
        self.way = "long"
        self.compensated = graph.dtype.itemsize == 8
        self.reductions = [index for loop in self.plan.phases for index in loop.results]

    # names

    def name(self, index: int, lane: str = "") -> str:
        """How a node is called inside a loop: a scalar, a lane's value or an element's."""
        node = self.graph.nodes[index]
        if node.rank is Rank.ELEMENT:
            return f"v{index}"
        if node.rank is Rank.LANE:  # truth values are kept as numbers
            return f"(a{index}{lane} != 0)" if node.truth else f"a{index}{lane}"
        return f"s{index}" if node.truth else f"c{index}"

    def expression(self, index: int, lane: str = "", *, scalar: bool = False) -> str:
        node = self.graph.nodes[index]
        if node.op == "feature":
            row = self.rows_of_learnt[node.detail]
            return (
                f"f{row}[{self.place}]"
                if node.rank is Rank.ELEMENT
                else f"f{row}[{f'row + {lane[1:-1]}' if lane else 'row'}]"
            )
        if node.op == "at":
            return f"{self.place_in_lane} == {self.name(node.args[0], lane)}"
        names = [f"s{arg}" if scalar else self.name(arg, lane) for arg in node.args]
        if node.op in ("maximum", "minimum") and not scalar:
            for place, other in ((0, 1), (1, 0)):
                given = self.graph.nodes[node.args[place]]
                # Parameters are never NaN. Of zeros, the one that is given counts, as NumPy has it.
                if given.op == "parameter" or (given.op == "constant" and given.detail == given.detail):
                    bound, value = names[place], names[other]
                    return f"where({bound} {'>=' if node.op == 'maximum' else '<='} {value}, {bound}, {value})"
        code = PRIMITIVES[node.op].code.format(*names)
        if self.way != "long" and self.has_short_way(node):
            near, short = self.is_near(index, f"absolute({names[0]})"), f"near_{code}"
            code = short if self.way == "short" else f"where({near}, {short}, {code})"
        if node.op == "exp" and node.rank is Rank.ELEMENT and self.never_positive(node.args[0]):
            code = f"falling_{code}"
        return re.sub(r"\breal\b", "float64", code) if scalar else code

    def never_positive(self, index: int) -> bool:
        """Whether a value is an element less the largest of its lane, or the least one less an element; NaN is none."""
        nodes = self.graph.nodes
        if nodes[index].op != "subtract":
            return False
        sides = []
        for arg in nodes[index].args:
            while nodes[arg].op == "stop_gradient":
                arg = nodes[arg].args[0]
            sides.append(arg)
        return any(
            nodes[lane].op == "reduce" and nodes[lane].detail == extreme and nodes[lane].args == (other,)
            for lane, other, extreme in ((sides[1], sides[0], "max"), (sides[0], sides[1], "min"))
        )

    @property
    def place(self) -> str:
        """The place of an element in the part of its lane that the kernel is given."""
        return {"columns": "j", "long rows": "start + i", "long columns": "j"}.get(self.form, "i")

    @property
    def place_in_lane(self) -> str:
        """The place of an element in its whole lane, exact whatever the kernel's type is."""
        return f"float64({self.place})" if self.form in KEEPING else f"(float64({self.place}) + begin)"

    def lane_type(self, index: int) -> str:
        """The type of a lane's value."""
        node = self.graph.nodes[index]
        return "float64" if node.op == "reduce" and node.detail == "first" else "real"

    # the module

    def module(self) -> str:
        {
            "flat": self.flat,
            "rows": self.rows,
            "wide rows": self.rows,
            "columns": self.columns,
            "long rows": self.long_rows,
            "long columns": self.long_columns,
            "scan": self.scan,
        }[self.form]()
        body = "\n".join(self.out.lines)
        used = sorted(set(re.findall(r"\b([a-z_][a-z_0-9]*)\(", body)) - _PYTHON)
        imports = [f"from numba import float64, {self.real} as real" if self.real != "float64" else _DOUBLE]
        if re.search(r"\b(inf|nan)\b", body):
            imports.append("from math import inf, nan")
        imports.append(f"from actspec.kernels.operations import {', '.join(used)}")
        arrays = ", ".join([f"{self.real}[:, :]"] * (len(self.inputs) + 1) + ["float64[::1]"])
        arrays += f", {self.real}[:, :]" * bool(self.rows_of_learnt) + ", float64[:, :]" * bool(self.graph.sums)
        extra = {
            "long rows": ", float64[:, :], float64[:, :], intp",
            "long columns": ", float64[:, :], float64[:, :], intp",
        }
        signature = f"{'intp' if self.form not in extra else 'void'}({arrays}{extra.get(self.form, '')})"
        return "\n".join(
            [
                f'"""A kernel; {self.real}, {"streamed " * self.streamed}{self.form}."""',
                "",
                *sorted(imports),
                "",
                f'signature = "{signature}"',
                "",
                "",
                body,
                "",
            ]
        )

    def head(self, *more: str) -> None:
        """What all forms begin with. Where x and y lie side by side, but overlap, nothing is done, and 1 returned."""
        out, arrays = self.out, (*self.names, "y")
        given = ["f"] * bool(self.rows_of_learnt) + ["z"] * bool(self.graph.sums)
        out.add(f"def kernel({', '.join((*arrays, 'p', *given, *more))}):")
        out.depth += 1
        out.add("rows, n = x.shape")
        out.add(*(f"{name}_row, {name}_step = {name}.strides" for name in arrays))
        out.add(f"{', '.join(f'{name}_start' for name in arrays)} = {', '.join(f'pointer({name})' for name in arrays)}")
        out.add(f"size = {self.graph.dtype.itemsize}")
        if not more and self.form != "scan":
            with out.block(f"if {' | '.join(f'overlap({name}, y)' for name in self.names)}:"):
                out.add("return 1")
        for row in range(len(self.rows_of_learnt)):
            out.add(f"f{row} = advanced(pointer(f), {row} * f.strides[0])")
        for row in range(len(self.graph.sums)):
            out.add(f"z{row} = advanced(pointer(z), {row} * z.strides[0])")
        self.scalars("n" if not more else "lanes[0, 0]")

    def scalars(self, count: str) -> None:
        """Parameters, constants and what is made of them: in float64, as Python does, then in the kernel's type."""
        nodes = self.graph.nodes
        needed = {index for loop in self.plan.loops for index in (*loop.computes, *loop.results)}
        if self.graph.carried is not None:
            needed.add(self.graph.carried)
        for index in range(len(nodes) - 1, -1, -1):
            if index in needed:
                needed.update(nodes[index].args)
        self.widths(count)
        results = {self.graph.output, self.graph.carried, *(each.node for each in self.graph.sums)}
        scalars = [index for index in sorted(needed) if nodes[index].rank is Rank.SCALAR]
        for index in scalars:
            node = nodes[index]
            if node.op == "constant":
                value = repr(node.detail)
            elif node.op == "parameter":
                value = f"p[{node.detail}]"
            elif node.op == "count":
                value = f"float64({_width(node.features)})" if count == "n" else "lanes[0, 0]"
            else:
                value = self.expression(index, scalar=True)
            self.out.add(f"s{index} = {value}")
            used = any(nodes[user].rank is not Rank.SCALAR and index in nodes[user].args for user in needed)
            if not node.truth and (used or index in results):
                self.out.add(f"c{index} = real(s{index})")

    def widths(self, count: str) -> None:
        """How many features each slice has, and where it begins."""
        used = {loop.features for loop in self.plan.loops}
        used |= {node.features for node in self.graph.nodes}
        for number, features in enumerate(self.graph.features):
            if features is None or number not in used:
                continue
            whole = _width(features.parent)
            self.out.add(f"first{number} = {_bound(features.start, whole, '0')}")
            if features.single:
                self.out.add(f"n{number} = 1")
                continue
            stop = _bound(features.stop, whole, whole)
            self.out.add(f"n{number} = max(0, ({stop} - first{number} + {features.step - 1}) // {features.step})")
        if count != "n":
            assert len(self.graph.features) == 1

    def tell_size(self) -> None:
        self.out.add(f"large = p[{len(self.graph.parameters)}] != 0.0  # beyond the caches, memory sets the pace")

    # elementwise

    def flat(self) -> None:
        self.head()
        out = self.out
        self.joined_rows()
        self.block_buffers()
        self.bounds()
        self.tell_size()
        out.add(f"fetched = large & (n * size >= {_FETCHED // 8}) & (n * size <= {_FETCHED})")
        with out.block("for row in range(rows):"):
            self.fetch("row + 1")
            self.write_blocks()
        self.finish()

    def finish(self) -> None:
        self.settle()
        self.out.add("return 0")

    def settle(self) -> None:
        if self.streamed:
            self.out.add("settle()")

    def write(self, target: str, value: str) -> None:
        """Write an element of the result."""
        self.out.add(f"stream({target}, i, {value})" if self.streamed else f"{target}[i] = {value}")

    def scan(self) -> None:
        self.head()
        out = self.out
        out.add("state, rows = x_start, y.shape[0]")
        if self.streamed:
            with out.block(f"if not ({_BEGINS}):"):
                out.add("return 1")
        assert self.graph.carried is not None
        results = {self.graph.output, self.graph.carried, *(each.node for each in self.graph.sums)}
        every = replace(self.plan.loops[-1], computes=self.elements_of(results))
        with out.block("for row in range(rows):"):
            for name in (*self.names[1:], "y"):
                out.add(f"{name}_here = advanced({name}_start, row * {name}_row)")
            reads = {index: f"{name}_here[i]" for index, name in zip(self.inputs, self.names, strict=True)}
            reads[self.inputs[0]] = "state[i]"
            with out.block("for i in range(n):"):
                for index, place in reads.items():
                    out.add(f"v{index} = {place}")
                self.compute(replace(every, loads=()), {})
                for loop in self.totals:
                    self.add_to_sums(loop, "i")
                self.write("y_here", self.name(self.graph.output))
                out.add(f"state[i] = {self.name(self.graph.carried)}")
        self.finish()

    def elements_of(self, results: set[int]) -> tuple[int, ...]:
        """What is computed for each element to get some results."""
        found = set(results)
        for index in range(len(self.graph.nodes) - 1, -1, -1):
            if index in found:
                found.update(self.graph.nodes[index].args)
        nodes = self.graph.nodes
        return tuple(
            index for index in sorted(found) if nodes[index].rank is Rank.ELEMENT and nodes[index].op != "input"
        )

    def joined_rows(self) -> None:
        joined = " and ".join(f"{name}_row == n * {name}_step" for name in (*self.names, "y"))
        with self.out.block(f"if {joined}:"):
            self.out.add("rows, n = 1, rows * n")

    def block_buffers(self) -> None:
        out = self.out
        for name in self.names:
            out.add(f"{name}_copied = {name}_step != size or same({name}_start, y_start)")
        out.add("buffered = y_step != size" if not self.streamed else f"buffered = not ({_BEGINS})")
        copied = " or ".join(f"{name}_copied" for name in self.names)
        out.add(f"block = {BLOCK}" if self.short_ways else f"block = {BLOCK} if {copied} or buffered else max(n, 1)")
        for name in (*self.names, "y"):
            out.add(f"{name}_block = stack({BLOCK}, real)")

    def block_source(self) -> dict[int, str]:
        """Fetch a block of each input; returns how to read its elements."""
        out = self.out
        for name in self.names:
            out.add(f"{name}_source = advanced({name}_start, row * {name}_row + start * {name}_step)")
            with out.block(f"if {name}_copied:"):
                out.add(f"gather({name}_block, {name}_source, m, {name}_step)", f"{name}_source = {name}_block")
        return {index: f"{name}_source[i]" for index, name in zip(self.inputs, self.names, strict=True)}

    def write_blocks(self) -> None:
        """A row of y, block by block."""
        out = self.out
        with out.block("for start in range(0, n, block):"):
            out.add("m = min(block, n - start)")
            loads = self.block_source()
            for loop in self.totals:
                if not self.graph.across:
                    with out.block("for i in range(m):"):
                        self.compute(loop, loads)
                        self.add_to_sums(loop, "start + i")
            out.add("target = place = advanced(y_start, row * y_row + start * y_step)")
            with out.block("if buffered:"):
                out.add("target = y_block")
            if self.short_ways:
                self.take_short_ways(loads)
            else:
                self.write_block(loads)
            with out.block("if buffered:"):
                out.add("scatter(place, y_block, m, y_step)")

    def write_block(self, loads: dict[int, str]) -> None:
        if self.paired:
            self.write_halves()
        with self.out.block("for i in range(2 * half, m):" if self.paired else "for i in range(m):"):
            self.compute(self.plan.loops[-1], loads)
            if self.way == "short":
                for index in self.measured:
                    self.out.add(f"bits{index} = larger(bits{index}, size_bits({self.name(index)}))")
            self.write("target", self.name(self.graph.output))

    def take_short_ways(self, loads: dict[int, str]) -> None:
        """A block by short ways; and where one of its numbers is too far off for them, or NaN, once more by either way,
        so that no result depends on other elements.
        """
        out, measured = self.out, self.measured
        out.add(*(f"bits{index} = size_bits(real(0.0))" for index in measured))
        self.way = "short"
        self.write_block(loads)
        self.way = "either"
        out.add(*(f"reach{index} = number_of(bits{index})" for index in measured))
        near = (self.is_near(index, f"reach{self.graph.nodes[index].args[0]}") for index in self.short_ways)
        with out.block(f"if not ({' and '.join(near)}):"):
            self.write_block(loads)
        self.way = "long"

    @property
    def paired(self) -> bool:
        """Whether memory sets the pace of a row: it is the faster for being read and written at two places in turn."""
        plain = self.form == "flat" and not (self.totals or self.rows_of_learnt or self.short_ways)
        return plain and not self.is_slow(self.plan.loops[-1])

    def write_halves(self) -> None:
        """Two parts of a long row side by side, a quarter of a page apart but for whole pages."""
        out, page = self.out, _PAGE // self.graph.dtype.itemsize
        out.add(f"half = m // 2 // {page} * {page} - {page // 4} if m >= {_PAIRED} else 0")
        for name in self.names:
            out.add(f"{name}_second = advanced({name}_source, half * size)")
        out.add("second = advanced(target, half * size)")
        with out.block("for each in range(half):"):
            for part, target in (("source", "target"), ("second", "second")):
                pairs = zip(self.inputs, self.names, strict=True)
                with out.loop():
                    out.add("i = each")
                    self.compute(self.plan.loops[-1], {index: f"{name}_{part}[i]" for index, name in pairs})
                    self.write(target, self.name(self.graph.output))

    @property
    def short_ways(self) -> list[int]:
        """The functions of a row's elements that have a short way."""
        return [index for index in self.plan.loops[-1].computes if self.has_short_way(self.graph.nodes[index])]

    def has_short_way(self, node: Node) -> bool:
        """Whether a function has a short way; where it has a bound, that is the same for all elements."""
        return node.op in SHORT_WAYS and all(self.graph.nodes[arg].rank is Rank.SCALAR for arg in node.args[1:])

    @property
    def measured(self) -> list[int]:
        """What these are functions of."""
        return list(dict.fromkeys(self.graph.nodes[index].args[0] for index in self.short_ways))

    def is_near(self, index: int, magnitude: str) -> str:
        """The condition for the short way of a function."""
        return f"{SHORT_WAYS[self.graph.nodes[index].op][0].format(magnitude)} <= near{index}"

    def bounds(self) -> None:
        """Up to where short ways may be taken."""
        for index in self.short_ways:
            node = self.graph.nodes[index]
            bound = SHORT_WAYS[node.op][1][self.real].format(*(f"s{arg}" for arg in node.args))
            self.out.add(f"near{index} = real({bound})")

    @property
    def totals(self) -> list[Loop]:
        """The loops that add up over all lanes."""
        return [loop for loop in self.plan.loops if loop.kind == "total"]

    def add_to_sums(self, loop: Loop, place: str, lane: str = "") -> None:
        for row, each in enumerate(self.graph.sums):
            if each.node in loop.results and each.features == loop.features:
                self.out.add(f"z{row}[{place}] += float64({self.name(each.node, lane)})")

    def compute(self, loop: Loop, loads: dict[int, str], lane: str = "") -> None:
        """The statements of a loop's body, but for what becomes of the results."""
        for index in loop.loads:
            self.out.add(f"v{index} = {loads[index]}")
        for index in loop.computes:
            self.out.add(f"v{index} = {self.expression(index, lane)}")

    # lane after lane

    def rows(self) -> None:
        self.head()
        out, plan = self.out, self.plan
        bytes_each = plan.buffer_count * self.graph.dtype.itemsize
        out.add("width = (n + 15) // 16 * 16  # maps run over whole vectors")
        room = str(_ROW_BUFFERS // bytes_each)
        self.tell_size()
        out.add(f"fetched = large & (n * size <= {_FETCHED})")
        room = f"({_LARGE_BUFFERS // bytes_each} if large else {room})"
        out.add(f"most = min({_ROWS}, max(1, {room} // max(width, 1)), rows)")
        numbers = sorted({*range(plan.buffer_count), self.home})
        self.allocate_buffers(numbers, "width")
        for index in self.lane_values():
            out.add(f"a{index} = stack({_ROWS}, {self.lane_type(index)})")
        out.add("pace = width * size", "ragged = n != width")
        for number, name in enumerate(self.names):
            out.add(f"{name}_aliased = same({name}_start, y_start)")
            out.add(f"{name}_copied = {name}_step != size or {name}_aliased")
            if self.mapped(number):  # maps may read a little beyond a lane, but not beyond the last one
                with out.block(f"if ragged and ({name}_row < 0 or {name}_row + n * size < pace):"):
                    out.add(f"{name}_copied = True")
                with out.block(f"if ragged and not {name}_copied:"):
                    out.add(f"gather(b{number}, advanced({name}_start, (rows - 1) * {name}_row), n, size)")
                    self.zeros(f"b{number}")
        if self.streamed:
            out.add(f"straight = {_BEGINS}")
        else:
            self.find_home()
        for name in self.names:
            out.add(f"{name}_pace = pace if {name}_copied else {name}_row")
        with out.block("for row in range(0, rows, most):"):
            out.add("m = min(most, rows - row)")
            if not self.streamed:
                out.add(f"home = advanced(y_start, row * y_row) if straight else b{self.home}")
                out.add("y_last = rows - 1 - row if spilling else -1")
            for number, name in enumerate(self.names):
                out.add(f"{name}_source = advanced({name}_start, row * {name}_row)")
                if self.mapped(number):
                    out.add(f"{name}_last = rows - 1 - row if ragged and not {name}_copied else -1")
                with out.block(f"if {name}_copied:"):
                    with out.block("for r in range(m):"):
                        out.add(f"here = advanced(b{number}, r * pace)")
                        out.add(f"gather(here, advanced({name}_source, r * {name}_row), n, {name}_step)")
                        self.zeros("here")
                    out.add(f"{name}_source = b{number}")
            waiting = list(plan.loops)
            while waiting:
                loop = waiting.pop(0)
                with out.loop():
                    if waiting and is_one_walk(loop, waiting[0]):
                        self.row_map_and_reduction(loop, waiting.pop(0))
                    else:
                        self.row_loop(loop)
        self.release_buffers()

    def find_home(self) -> None:
        """Where values are kept until the output replaces them: in y itself, where that can be."""
        out = self.out
        out.add("straight = y_step == size", "spilling = False")
        if self.spills:  # and write a little beyond it, where the next one comes to stand
            apart = " and ".join(f"not {name}_aliased" for name in self.names)
            with out.block("if straight and ragged:"):
                out.add(f"spilling = straight = y_row == n * size and n >= 16 and {apart}")
        elif self.kept_home:
            out.add("straight = straight and not ragged")
        out.add("home_row = y_row if straight else pace")

    def allocate_buffers(self, numbers: Iterable[int], width: str) -> None:
        """Buffers for ``most`` lanes; on the stack where they are small, as asking for room takes its time."""
        out, numbers = self.out, tuple(numbers)
        out.add(f"each = {width} * most", f"small = {len(numbers)} * each <= {_SMALL}")
        out.add(f"room = stack({_SMALL}, real) if small else allocate({len(numbers)} * each + 64, real)")
        out.add("b = room if small else aligned(room)")
        for place, number in enumerate(numbers):
            out.add(f"b{number} = advanced(b, {place} * each * size)")

    def release_buffers(self) -> None:
        with self.out.block("if not small:"):
            self.out.add("release(room)")
        self.finish()

    def zeros(self, row: str) -> None:
        """Fill up the last vector of a row."""
        with self.out.block("for i in range(n, width):"):
            self.out.add(f"{row}[i] = 0")

    @cached_property
    def touching(self) -> tuple[Loop | None, tuple[int, ...]]:
        """A loop in whose arithmetic there is time to read the next block of some inputs, and their numbers: those of a
        first loop that has none. Machines see a row coming once they read it, but not from one to the next. Where there
        is one input, to ask for it takes less.
        """
        first, *others = self.plan.loops
        waits = first.kind == "reduce" and not self.is_slow(first)
        if self.streamed and len(self.inputs) > 1 and waits:
            for loop, after in itertools.pairwise(others):
                if self.is_slow(loop) and is_one_walk(loop, after):
                    return loop, tuple(self.inputs.index(index) for index in first.loads if index in self.inputs)
        return None, ()

    def is_slow(self, loop: Loop) -> bool:
        """Whether arithmetic sets the pace of a loop, and not memory."""
        return cost_of(self.graph.nodes[index] for index in loop.computes) >= _PAIRED_COST

    def look_ahead(self, loop: Loop) -> tuple[int, ...]:
        """The inputs whose next block is read in a loop, with where it lies; in the same block where it isn't so."""
        found = self.touching[1] if loop is self.touching[0] else ()
        for number in found:
            name = self.names[number]
            there = f"advanced({name}_start, min(row + m + r, rows - 1) * {name}_row)"
            apart = f"n == width and not {name}_copied"
            here = self.row_address(self.inputs[number])
            self.out.add(f"ahead{number} = {there} if {apart} else {here}", f"seen{number} = size_bits(real(0.0))")
        return found

    def fetch(self, row: str) -> None:
        """Ask for a row of each input, where it is ``fetched``: then it comes while another one is computed."""
        for name in self.names:
            self.out.add(f"expect(advanced({name}_start, ({row}) * {name}_row), n * size, fetched)")

    def mapped(self, number: int) -> bool:
        """Whether a map reads an input."""
        return any(loop.kind == "map" and self.inputs[number] in loop.loads for loop in self.plan.loops)

    @property
    def kept_home(self) -> bool:
        """Whether values are kept where the output comes to stand."""
        return self.home < self.plan.buffer_count

    @property
    def spills(self) -> bool:
        """Whether what is kept there is written once, from the first lane to the last."""
        writers = [
            loop
            for loop in self.plan.loops
            if loop.kind in ("map", "take", "put") and self.home in {self.plan.buffers[index] for index in loop.results}
        ]
        return len(writers) == 1 and writers[0].kind == "map" and len(self.graph.features) == 1

    def row_pointers(self, loads: tuple[int, ...]) -> dict[int, str]:
        """The addresses of the kept values of one lane; returns how to read them."""
        for index in loads:
            self.out.add(f"from{index} = {self.row_address(index)}")
        return {index: f"from{index}[i]" for index in loads}

    def row_address(self, index: int) -> str:
        if index in self.inputs:
            number = self.inputs.index(index)
            name = self.names[number]
            last = f"b{number} if r == {name}_last else " if self.mapped(number) else ""
            return f"{last}advanced({name}_source, r * {name}_pace)"
        number = self.plan.buffers[index]
        return self.home_row if number == self.home else f"advanced(b{number}, r * pace)"

    @property
    def home_row(self) -> str:
        """Where the output comes to stand: in y, or in a buffer."""
        if self.streamed:
            return f"advanced(b{self.home}, r * pace)"
        return f"b{self.home} if r == y_last else advanced(home, r * home_row)"

    @property
    def home(self) -> int:
        """The buffer in which the output replaces what it is made of, or one of its own where it is made of x alone."""
        loads = [index for index in self.plan.loops[-1].loads if index not in self.inputs]
        return max((self.plan.buffers[index] for index in loads), default=self.plan.buffer_count)

    def row_loop(self, loop: Loop) -> None:
        out = self.out
        width = _width(loop.features)
        with out.block("for r in range(m):"):
            if loop.kind == "map":
                loads = self.row_pointers(loop.loads)
                for index in loop.results:
                    out.add(f"to{index} = {self.row_address(index)}")
                padded = "width" if not loop.features else f"({width} + 15) // 16 * 16"
                with out.block(f"for i in range({padded}):"):
                    self.compute(loop, loads, "[r]")
                    for index in loop.results:
                        out.add(f"to{index}[i] = v{index}")
            elif loop.kind == "reduce":
                loads = self.row_pointers(loop.loads)
                self.row_reduction(loop, loads, width)
                for fold in self.folds(loop):
                    out.add(f"a{fold.result}[r] = {self.reduced(fold, width)}")
            elif loop.kind == "search":
                self.row_search(loop, self.row_pointers(loop.loads), width)
            elif loop.kind == "lane":
                for index in loop.results:
                    out.add(f"a{index}[r] = {self.expression(index, '[r]')}")
            elif loop.kind in ("take", "put"):
                self.row_move(loop)
            elif loop.kind == "total" and self.graph.across:
                self.add_to_sums(loop, "row + r", "[r]")
            elif loop.kind == "total":
                loads = self.row_pointers(loop.loads)
                with out.block(f"for i in range({width}):"):
                    self.compute(loop, loads, "[r]")
                    self.add_to_sums(loop, "i", "[r]")
            else:
                if not self.touching[0]:
                    self.fetch("row + m + r")  # what the next block reads
                loads = self.row_pointers(loop.loads)
                out.add("place = advanced(y_start, (row + r) * y_row)")
                out.add(f"target = {'place if straight else ' * self.streamed}{self.home_row}")
                with out.block("for i in range(n):"):
                    self.compute(loop, loads, "[r]")
                    self.write("target", self.name(self.graph.output, "[r]"))
                with out.block(f"if not straight{' or r == y_last' * (not self.streamed)}:"):
                    out.add("scatter(place, target, n, y_step)")

    def row_map_and_reduction(self, mapped: Loop, reduced: Loop) -> None:
        """Keep values and take them together in one go; what fills up the last vector doesn't count."""
        out = self.out
        width = _width(mapped.features)
        loads = tuple(sorted({*mapped.loads, *reduced.loads} - {*mapped.results}))
        computes = tuple(sorted({*mapped.computes, *reduced.computes}))
        both = Loop("map", mapped.features, mapped.results, loads, computes)
        with out.block("for r in range(m):"):
            addresses = self.row_pointers(loads)
            for index in mapped.results:
                out.add(f"to{index} = {self.row_address(index)}")
            ahead = self.look_ahead(mapped)
            self.start_total(reduced)
            padded = "width" if not mapped.features else f"({width} + 15) // 16 * 16"
            with self.sum_blocks(padded) as (first, last):
                self.start_parts(reduced)
                with out.block(f"for i in range({first}, {last}):"):
                    self.compute(both, addresses, "[r]")
                    out.add(*(f"seen{number} = touch(seen{number}, ahead{number}[i])" for number in ahead))
                    for index in mapped.results:
                        out.add(f"to{index}[i] = v{index}")
                    for fold in self.folds(reduced):
                        out.add(f"part{fold.name} = {self.joined(fold, '[r]')}")
                with out.block(f"if {last} > {width}:  # what fills up the last vector doesn't count"):
                    again = self.row_pointers(reduced.loads)
                    self.part_loop(reduced, again, f"range({first}, {width})", "[r]")
                self.join_parts(reduced)
            out.add(*(f"touched(seen{number})" for number in ahead))
            for fold in self.folds(reduced):
                out.add(f"a{fold.result}[r] = {self.reduced(fold, width)}")

    def folds(self, loop: Loop) -> list[_Fold]:
        """What a loop takes together; of a threshold, by how much values are above it, and how many are."""
        found = []
        for index in loop.results:
            node = self.graph.nodes[index]
            if loop.kind == "search":
                found += [_Fold(f"{index}{kind}", kind, node.args[0], index) for kind in ("excess", "number")]
            else:
                found.append(_Fold(str(index), str(node.detail), node.args[0], index))
        return found

    def start_total(self, loop: Loop) -> None:
        for fold in self.folds(loop):
            self.out.add(f"total{fold.name} = lost{fold.name} = float64({_IDENTITIES[fold.kind]})")

    def start_parts(self, loop: Loop, lane: str = "") -> None:
        for fold in self.folds(loop):
            self.out.add(f"part{fold.name}{lane} = {self.lane_type(fold.result)}({_IDENTITIES[fold.kind]})")

    def row_reduction(self, loop: Loop, loads: dict[int, str], width: str) -> None:
        """Sums in the kernel's type over a block, and over the blocks in float64."""
        self.start_total(loop)
        with self.sum_blocks(width) as (first, last):
            self.part_loop(loop, loads, f"range({first}, {last})", "[r]")
            self.join_parts(loop)

    @contextmanager
    def sum_blocks(self, width: str) -> Iterator[tuple[str, str]]:
        """The elements that are added up in the kernel's type: a block of wide lanes at a time, others at once."""
        if self.form == "wide rows":
            with self.out.block(f"for start in range(0, {width}, {BLOCK}):"):
                self.out.add(f"stop = min(start + {BLOCK}, {width})")
                yield "start", "stop"
        else:
            yield "0", width

    def row_search(self, loop: Loop, loads: dict[int, str], width: str) -> None:
        """Newton's steps up to a threshold, until no fewer values are above it."""
        out = self.out
        (index,) = loop.results
        out.add(f"a{index}[r] = real({THRESHOLD})", f"above{index} = inf")
        with out.block("while True:"):
            self.row_reduction(loop, loads, width)
            excess, number = map(self.total, self.folds(loop))
            out.add(f"a{index}[r] = real(float64(a{index}[r]) + ({excess} - 1.0) / max({number}, 1.0))")
            with out.block(f"if not {number} < above{index}:"):
                out.add("break")
            out.add(f"above{index} = {number}")

    def part_loop(self, loop: Loop, loads: dict[int, str], elements: str, lane: str = "") -> None:
        out = self.out
        self.start_parts(loop)
        with out.block(f"for i in {elements}:"):
            self.compute(loop, loads, lane)
            for fold in self.folds(loop):
                out.add(f"part{fold.name} = {self.joined(fold, lane)}")

    def joined(self, fold: _Fold, lane: str) -> str:
        """A reduction's part with one more element."""
        join, node = _JOIN[fold.kind], self.graph.nodes[fold.argument]
        product = node.op == "multiply" and fold.argument not in self.plan.buffers
        if join == "add_to" and product and fold.kind in ("sum", "mean"):
            first, second = (self.name(arg, lane) for arg in node.args)
            return f"add_product_to(part{fold.name}, {first}, {second})"
        return f"{join}(part{fold.name}, {self.folded(fold, lane)})"

    def folded(self, fold: _Fold, lane: str) -> str:
        """What an element gives to a reduction."""
        value, result = (self.name(index, lane) for index in (fold.argument, fold.result))
        return {
            "first": f"where({value}, {self.place_in_lane}, float64(inf))",
            "excess": f"where({value} <= {result}, real(0.0), {value} - {result})",  # NaN counts
            "number": f"where({value} > {result}, real(1.0), real(0.0))",
        }.get(fold.kind, value)

    def join_parts(self, loop: Loop, lane: str = "") -> None:
        """Add the parts to the totals; in float64, what rounding loses is kept as well."""
        out = self.out
        for fold in self.folds(loop):
            total, lost, part = (f"{each}{fold.name}{lane}" for each in ("total", "lost", "part"))
            if _JOIN[fold.kind] != "add_to":
                out.add(f"{total} = {_JOIN_LANES[fold.kind].format(total, f'float64({part})')}")
            elif self.compensated:
                out.add(f"{lost} += sum_error({total}, {part})", f"{total} += {part}")
            else:
                out.add(f"{total} += float64({part})")

    def keeps_lost(self, fold: _Fold) -> bool:
        """Whether a reduction makes up for what rounding loses."""
        return self.compensated and _JOIN[fold.kind] == "add_to"

    def total(self, fold: _Fold, lane: str = "") -> str:
        """All parts together."""
        total = f"total{fold.name}{lane}"
        return f"({total} + lost{fold.name}{lane})" if self.keeps_lost(fold) else total

    def reduced(self, fold: _Fold, width: str, lane: str = "") -> str:
        """A reduction's result in its type, from its total."""
        total = self.total(fold, lane)
        return f"real({total} / {width})" if fold.kind == "mean" else f"{self.lane_type(fold.result)}({total})"

    def row_move(self, loop: Loop) -> None:
        out, index = self.out, loop.results[0]
        features, number = self.moved(index)
        out.add(f"here = {self.row_address(index)}")
        if loop.kind == "take":
            source = f"advanced({self.row_address(loop.loads[0])}, first{number} * size)"
            out.add(f"gather(here, {source}, n{number}, {features.step} * size)")
            return
        whole, part = self.graph.nodes[index].args
        if whole in self.inputs or self.plan.buffers[whole] != self.plan.buffers[index]:
            out.add(f"gather(here, {self.row_address(whole)}, {_width(loop.features)}, size)")
        out.add(f"place = advanced(here, first{number} * size)")
        if self.graph.nodes[part].rank is Rank.ELEMENT:
            out.add(f"scatter(place, {self.row_address(part)}, n{number}, {features.step} * size)")
        else:
            with out.block(f"for i in range(n{number}):"):
                out.add(f"place[i * {features.step}] = {self.name(part, '[r]')}")

    def moved(self, index: int) -> tuple[Features, int]:
        features: Features = self.graph.nodes[index].detail
        return features, self.graph.features.index(features)

    # lanes side by side

    def columns(self) -> None:
        self.head()
        out, plan = self.out, self.plan
        bytes_each = plan.buffer_count * self.graph.dtype.itemsize
        large, small = MOST_BUFFERS // bytes_each, _BUFFERS // bytes_each
        out.add(f"most = min({LANES}, max(16, {small} // max(n, 1), min({SIDE}, {large} // max(n, 1))) // 16 * 16)")
        with out.block("if rows < most:"):
            out.add("most = (rows + 15) // 16 * 16  # loops run over whole vectors")
        self.allocate_buffers(range(plan.buffer_count), "n")
        self.lane_arrays()
        with out.block("for row in range(0, rows, most):"):
            out.add("m = min(most, rows - row)", "lanes = (m + 15) // 16 * 16")
            for number, name in enumerate(self.names):
                with out.block("for j in range(n):"):
                    out.add(f"here = advanced(b{number}, j * lanes * size)")
                    out.add(f"gather(here, advanced({name}_start, row * {name}_row + j * {name}_step), m, {name}_row)")
                    with out.block("for r in range(m, lanes):"):
                        out.add("here[r] = 0")
            for loop in plan.loops:
                with out.loop():
                    self.column_loop(loop)
        self.release_buffers()

    def lane_arrays(self) -> None:
        out = self.out
        for loop in self.plan.phases:
            for fold in self.folds(loop):
                kind = self.lane_type(fold.result)
                out.add(f"total{fold.name}, part{fold.name} = stack({LANES}, float64), stack({LANES}, {kind})")
                if self.keeps_lost(fold):
                    out.add(f"lost{fold.name} = stack({LANES}, float64)")
            if loop.kind == "search" and self.form == "columns":
                out.add(f"above{loop.results[0]} = stack({LANES}, float64)")
        for index in self.lane_values():
            out.add(f"a{index} = stack({LANES}, {self.lane_type(index)})")

    def lane_values(self) -> list[int]:
        kinds = {*REDUCING, "lane"}
        return sorted(index for loop in self.plan.loops if loop.kind in kinds for index in loop.results)

    def column_loop(self, loop: Loop) -> None:
        out = self.out
        width = _width(loop.features)
        if loop.kind == "map":
            with out.block(f"for j in range({width}):"):
                loads = self.column_pointers(loop.loads)
                for index in loop.results:
                    out.add(f"to{index} = advanced(b{self.plan.buffers[index]}, j * lanes * size)")
                with out.block("for r in range(lanes):"):
                    self.compute(loop, loads, "[r]")
                    for index in loop.results:
                        out.add(f"to{index}[r] = v{index}")
        elif loop.kind == "reduce":
            self.column_reduction(loop, width, "lanes", self.column_pointers)
            with out.block("for r in range(lanes):"):
                for fold in self.folds(loop):
                    out.add(f"a{fold.result}[r] = {self.reduced(fold, width, '[r]')}")
        elif loop.kind == "search":
            self.column_search(loop, width)
        elif loop.kind == "lane":
            given = all(self.graph.nodes[index].op == "feature" for index in loop.results)  # none beyond the last lane
            with out.block(f"for r in range({'m' if given else 'lanes'}):"):
                for index in loop.results:
                    out.add(f"a{index}[r] = {self.expression(index, '[r]')}")
            if given:
                with out.block("for r in range(m, lanes):"):
                    for index in loop.results:
                        out.add(f"a{index}[r] = 0")
        elif loop.kind in ("take", "put"):
            self.column_move(loop)
        elif loop.kind == "total" and self.graph.across:
            with out.block("for r in range(m):"):
                self.add_to_sums(loop, "row + r", "[r]")
        elif loop.kind == "total":
            self.column_totals(loop, width, self.column_pointers)
        else:
            with out.block("for j in range(n):"):
                loads = self.column_pointers(loop.loads)
                out.add("here = advanced(b0, j * lanes * size)")
                with out.block("for r in range(lanes):"):
                    self.compute(loop, loads, "[r]")
                    out.add(f"here[r] = {self.name(self.graph.output, '[r]')}")
                out.add("scatter(advanced(y_start, row * y_row + j * y_step), here, m, y_row)")

    def column_totals(self, loop: Loop, width: str, read: Callable[[tuple[int, ...]], dict[int, str]]) -> None:
        """Sums over the lanes side by side, element by element."""
        out = self.out
        mine = [(row, each) for row, each in enumerate(self.graph.sums) if each.node in loop.results]
        with out.block(f"for j in range({width}):"):
            loads = read(loop.loads)
            for row, _ in mine:
                out.add(f"sum{row} = real(0.0)")
            with out.block("for r in range(m):"):
                self.compute(loop, loads, "[r]")
                for row, each in mine:
                    out.add(f"sum{row} = add_to(sum{row}, {self.name(each.node, '[r]')})")
            for row, _ in mine:
                out.add(f"z{row}[j] += float64(sum{row})")

    def column_pointers(self, loads: tuple[int, ...]) -> dict[int, str]:
        """The addresses of the kept values of one element; returns how to read them."""
        for index in loads:
            self.out.add(f"from{index} = advanced(b{self.plan.buffers[index]}, j * lanes * size)")
        return {index: f"from{index}[r]" for index in loads}

    def column_reduction(
        self, loop: Loop, width: str, lanes: str, read: Callable[[tuple[int, ...]], dict[int, str]]
    ) -> None:
        """Sums of lanes side by side; ``read`` fetches an element of each, and says how to read it."""
        out = self.out
        every_lane = f"for r in range({lanes}):"
        with out.block(every_lane):
            self.start_totals(loop)
        with out.block(f"for start in range(0, {width}, {_CHUNK}):"):
            with out.block(every_lane):
                self.start_parts(loop, "[r]")
            with out.block(f"for j in range(start, min(start + {_CHUNK}, {width})):"):
                loads = read(loop.loads)
                with out.block(every_lane):
                    self.compute(loop, loads, "[r]")
                    self.add_to_parts(loop)
            with out.block(every_lane):
                self.join_parts(loop, "[r]")

    def column_search(self, loop: Loop, width: str) -> None:
        """As for lane after lane, each until it moves no more."""
        out = self.out
        (index,) = loop.results
        with out.block("for r in range(lanes):"):
            out.add(f"a{index}[r], above{index}[r] = real({THRESHOLD}), inf")
        out.add("moving = True")
        with out.block("while moving:"):
            self.column_reduction(loop, width, "lanes", self.column_pointers)
            excess, number = (self.total(fold, "[r]") for fold in self.folds(loop))
            out.add("moving = False")
            with out.block("for r in range(lanes):"):
                # A lane that has stopped stays, as rounding may put a value above its threshold once more.
                further = f"real(float64(a{index}[r]) + ({excess} - 1.0) / max({number}, 1.0))"
                out.add(f"a{index}[r] = where(above{index}[r] >= 0.0, {further}, a{index}[r])")
                out.add(f"fewer = {number} < above{index}[r]", "moving = moving or fewer")
                out.add(f"above{index}[r] = where(fewer, {number}, -1.0)")

    def start_totals(self, loop: Loop) -> None:
        for fold in self.folds(loop):
            self.out.add(f"total{fold.name}[r] = float64({_IDENTITIES[fold.kind]})")
            if self.keeps_lost(fold):
                self.out.add(f"lost{fold.name}[r] = 0.0")

    def add_to_parts(self, loop: Loop) -> None:
        for fold in self.folds(loop):
            part = f"part{fold.name}[r]"
            self.out.add(f"{part} = {_JOIN_LANES[fold.kind].format(part, self.folded(fold, '[r]'))}")

    def column_move(self, loop: Loop) -> None:
        out, index = self.out, loop.results[0]
        features, number = self.moved(index)
        mine = f"b{self.plan.buffers[index]}"
        if loop.kind == "take":
            with out.block(f"for j in range(n{number}):"):
                there = f"(first{number} + j * {features.step}) * lanes * size"
                source = f"advanced(b{self.plan.buffers[loop.loads[0]]}, {there})"
                out.add(f"gather(advanced({mine}, j * lanes * size), {source}, lanes, size)")
            return
        whole, part = self.graph.nodes[index].args
        if self.plan.buffers[whole] != self.plan.buffers[index]:
            out.add(f"gather({mine}, b{self.plan.buffers[whole]}, {_width(loop.features)} * lanes, size)")
        with out.block(f"for j in range(n{number}):"):
            out.add(f"here = advanced({mine}, (first{number} + j * {features.step}) * lanes * size)")
            if self.graph.nodes[part].rank is Rank.ELEMENT:
                out.add(f"gather(here, advanced(b{self.plan.buffers[part]}, j * lanes * size), lanes, size)")
            else:
                with out.block("for r in range(lanes):"):
                    out.add(f"here[r] = {self.name(part, '[r]')}")

    # lanes that no buffer holds

    def long_rows(self) -> None:
        """``lanes`` holds the count and the reductions' results so far, ``parts`` takes this block's part of them.

        A search's part is what one step needs, and its result so far is where the next one starts from. The last row of
        ``parts`` says at which place of the lane the block begins.
        """
        self.head("lanes", "parts", "phase")
        out, phases = self.out, self.plan.phases
        self.where_block_begins()
        self.block_buffers()
        out.add(f"block = {BLOCK}", "row = 0")
        for number, loop in enumerate(phases):
            with out.block(f"if phase == {number}:"):
                self.known_lanes(number)
                self.start_total(loop)
                with out.block("for start in range(0, n, block):"):
                    out.add("m = min(block, n - start)")
                    self.part_loop(loop, self.block_source(), "range(m)")
                    self.join_parts(loop)
                for place, first, second in self.parts_of(loop):
                    out.add(f"parts[{place}, 0], parts[{place + 1}, 0] = {first}, {second}")
        with out.block(f"if phase == {len(phases)}:"):
            self.known_lanes(len(phases))
            self.write_blocks()
            self.settle()
        if self.totals and self.graph.across:
            with out.block(f"if phase == {len(phases) + 1}:"):
                self.known_lanes(len(phases))
                for loop in self.totals:
                    self.add_to_sums(loop, "row")

    def parts_of(self, loop: Loop, lane: str = "") -> Iterator[tuple[int, str, str]]:
        """What a block gives: rows of ``parts``, each pair by the number of its first one."""
        if loop.kind == "search":
            excess, number = (self.total(fold, lane) for fold in self.folds(loop))
            yield 2 * self.reductions.index(loop.results[0]), excess, number
            return
        for fold in self.folds(loop):
            lost = f"lost{fold.name}{lane}" if not lane or self.keeps_lost(fold) else "0.0"
            yield 2 * self.reductions.index(fold.result), f"total{fold.name}{lane}", lost

    def where_block_begins(self) -> None:
        if any(node.op == "at" for node in self.graph.nodes):
            self.out.add(f"begin = parts[{2 * len(self.reductions)}, 0]")

    def known_lanes(self, phase: int) -> None:
        for values in self.known(phase, "0", ""):
            self.out.add(*values)

    def known(self, phase: int, column: str, lane: str) -> Iterator[list[str]]:
        """The lane values that the reductions of earlier phases give, those of one loop at a time."""
        done = 0
        for loop in self.plan.loops:
            if loop.kind in REDUCING:
                if done == phase and loop.kind == "reduce":
                    return
                places = {index: 1 + self.reductions.index(index) for index in loop.results}
                yield [
                    f"a{index}{lane} = {self.lane_type(index)}(lanes[{place}, {column}])"
                    for index, place in places.items()
                ]
                if done == phase:
                    return
                done += 1
            elif loop.kind == "lane":
                yield [f"a{index}{lane} = {self.expression(index, lane)}" for index in loop.results]

    def long_columns(self) -> None:
        """As for long rows, with a column of ``lanes`` and ``parts`` for each lane."""
        self.head("lanes", "parts", "phase")
        out, phases = self.out, self.plan.phases
        self.where_block_begins()
        for name in (*self.names, "y"):
            out.add(f"{name}_block = stack({LANES}, real)")
        self.lane_arrays()
        with out.block(f"for row in range(0, rows, {LANES}):"):
            out.add(f"m = min({LANES}, rows - row)")
            for number, loop in enumerate(phases):
                with out.block(f"if phase == {number}:"):
                    self.known_columns(number)
                    self.column_reduction(loop, "n", "m", self.gathered_lanes)
                    for place, first, second in self.parts_of(loop, "[r]"):
                        with out.block("for r in range(m):"):
                            out.add(f"parts[{place}, row + r] = {first}")
                            out.add(f"parts[{place + 1}, row + r] = {second}")
            with out.block(f"if phase == {len(phases)}:"):
                self.known_columns(len(phases))
                for loop in self.totals:
                    if not self.graph.across:
                        self.column_totals(loop, "n", self.gathered_lanes)
                last = self.plan.loops[-1]
                with out.block("for j in range(n):"):
                    loads = self.gathered_lanes(last.loads)
                    with out.block("for r in range(m):"):
                        self.compute(last, loads, "[r]")
                        out.add(f"y_block[r] = {self.name(self.graph.output, '[r]')}")
                    out.add("scatter(advanced(y_start, row * y_row + j * y_step), y_block, m, y_row)")
            if self.totals and self.graph.across:
                with out.block(f"if phase == {len(phases) + 1}:"):
                    self.known_columns(len(phases))
                    with out.block("for r in range(m):"):
                        for loop in self.totals:
                            self.add_to_sums(loop, "row + r", "[r]")

    def gathered_lanes(self, _loads: tuple[int, ...]) -> dict[int, str]:
        """An element of each lane of the inputs, side by side; they are all that long lanes are computed from."""
        for name in self.names:
            self.out.add(
                f"gather({name}_block, advanced({name}_start, row * {name}_row + j * {name}_step), m, {name}_row)"
            )
        return {index: f"{name}_block[r]" for index, name in zip(self.inputs, self.names, strict=True)}

    def known_columns(self, phase: int) -> None:
        for values in self.known(phase, "row + r", "[r]"):
            with self.out.block("for r in range(m):"):
                self.out.add(*values)


_BEGINS = "y_step == size and on_boundary(y_start, y_row if rows > 1 else 0)"
_DOUBLE = "from numba import float64, float64 as real"
_PYTHON = frozenset({"range", "min", "max", "kernel", "float64", "real"})
_JOIN = {
    "sum": "add_to",
    "mean": "add_to",
    "prod": "multiply_to",
    "max": "largest_of",
    "min": "least_of",
    "first": "least_of",
    "excess": "add_to",
    "number": "add_to",
}
_JOIN_LANES = {
    "add_to": "{} + {}",
    "multiply_to": "{} * {}",
    "largest_of": "largest_of({}, {})",
    "least_of": "least_of({}, {})",
}
_JOIN_LANES = {kind: _JOIN_LANES[join] for kind, join in _JOIN.items()}
_IDENTITIES = {
    "sum": "0.0",
    "mean": "0.0",
    "prod": "1.0",
    "max": "-inf",
    "min": "inf",
    "first": "inf",
    "excess": "0.0",
    "number": "0.0",
}


def _width(features: int) -> str:
    return f"n{features}" if features else "n"


def _bound(bound: int | None, whole: str, default: str) -> str:
    if bound is None:
        return default
    return f"min({bound}, {whole})" if bound >= 0 else f"max(0, {whole} - {-bound})"


def is_one_walk(loop: Loop, after: Loop) -> bool:
    """Whether what a loop keeps of a lane is taken together as it is computed."""
    return (loop.kind, after.kind) == ("map", "reduce") and loop.features == after.features


def counted(graph: Graph) -> tuple[tuple[tuple[int, str], ...], ...]:
    """What the driver of a long kernel has to know: for each phase, the numbers and kinds of its reductions."""
    numbers = itertools.count()
    return tuple(
        tuple((next(numbers), str(graph.nodes[index].detail)) for index in loop.results)
        for loop in schedule(graph, keep=False).phases
    )
