"""From graph to loops: what is computed together, what is kept between loops and in which buffer.

Reductions, and slices of the features, end a level: what needs their results comes after them. Within a level, costly
values that are needed again go into a buffer; cheap ones are computed anew where they are needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actspec.graph.expr import Graph, Node, Rank
from actspec.graph.primitives import PRIMITIVES

_COSTLY = 12
"""The cost from which a value is kept: reading it back from cache costs about one instruction."""


REDUCING = frozenset({"reduce", "search"})
"""The kinds of loops that take the values of a lane together."""


@dataclass(frozen=True, slots=True)
class Loop:
    """One walk over the elements that have some features.

    ``kind`` is "map" (``results`` are kept), "reduce" (along the lane), "search" (the same for one result that is
    found step by step, each of which walks along the lane), "take" or "put" (of a slice), "lane" (values of which there
    is one for each lane), "total" (added up over all lanes) or "output". ``loads`` are kept values that it reads,
    ``computes`` what it computes of them, in order; ``results`` are among both.
    """

    kind: str
    features: int
    results: tuple[int, ...]
    loads: tuple[int, ...] = ()
    computes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Loops in their order, and the number of the buffer of each kept value (the inputs have the first ones)."""

    graph: Graph
    loops: tuple[Loop, ...]
    buffers: dict[int, int]

    @property
    def phases(self) -> tuple[Loop, ...]:
        """The loops that end in reductions, for which what follows has to wait."""
        return tuple(loop for loop in self.loops if loop.kind in REDUCING)

    @property
    def buffer_count(self) -> int:
        """The number of buffers, those of the inputs included."""
        return 1 + max(self.buffers.values())

    def lines(self) -> Iterable[str]:
        """The loops as text, one a line."""
        for loop in self.loops:
            names = ", ".join(f"v{each}" for each in loop.results)
            where = f" of features {self.graph.features[loop.features]}" if loop.features else ""
            made = f"; computes {', '.join(f'v{each}' for each in loop.computes)}" if loop.computes else ""
            read = f"; reads {', '.join(f'v{each}' for each in loop.loads)}" if loop.loads else ""
            yield f"{loop.kind} {names}{where}{read}{made}"


def cost_of(nodes: Iterable[Node]) -> int:
    """About how many instructions it takes to compute these for a vector of numbers."""
    return sum(PRIMITIVES[node.op].cost for node in nodes if node.op in PRIMITIVES)


def schedule(graph: Graph, *, keep: bool, reuse_input: bool = True) -> Schedule:
    """The loops of a graph; with ``keep``, costly values are kept from loop to loop, else each starts from the inputs.

    With ``reuse_input``, the buffer of an input may serve another value after its last use.
    """
    levels = graph.levels
    wanted = {graph.output, *(each.node for each in graph.sums)}
    needed = _needed(graph, wanted)
    kept = _kept(graph, levels, needed, wanted) if keep else set(graph.inputs)
    loops: list[Loop] = []
    given = tuple(index for index in needed if graph.nodes[index].op == "feature" and graph.across)
    if given:
        loops.append(Loop("lane", 0, given))
    for level in range(1 + max(levels[index] for index in needed)):
        here = [index for index in needed if levels[index] == level]
        after = [index for index in needed if levels[index] == level + 1]
        mapped = [index for index in here if index in kept and graph.nodes[index].op not in ("input", "take", "put")]
        reduced = [index for index in after if graph.nodes[index].op == "reduce"]
        searched = [index for index in reduced if graph.nodes[index].detail == "threshold"]
        added = [index for index in reduced if index not in searched]
        for kind, results in (("map", mapped), ("reduce", added)):
            for features in dict.fromkeys(graph.nodes[index].features for index in results):
                found = [index for index in results if graph.nodes[index].features == features]
                loops.append(_loop(graph, kind, features, found, kept))
        loops += [_loop(graph, "search", graph.nodes[index].features, [index], kept) for index in searched]
        done = (*reduced, *given)
        lanes = [index for index in after if graph.nodes[index].rank is Rank.LANE and index not in done]
        if lanes:
            loops.append(Loop("lane", 0, tuple(lanes)))
        for index in after:
            node = graph.nodes[index]
            if node.op in ("take", "put"):
                loops.append(Loop(node.op, node.features, (index,), tuple(arg for arg in node.args if arg in kept)))
    for features in dict.fromkeys(each.features for each in graph.sums):  # before the output takes a buffer over
        totals = [each.node for each in graph.sums if each.features == features]
        loops.append(_loop(graph, "total", features, list(dict.fromkeys(totals)), kept))
    loops.append(_loop(graph, "output", 0, [graph.output], kept))
    return Schedule(graph, tuple(loops), _buffers(graph, loops, kept, reuse_input=reuse_input))


def _needed(graph: Graph, results: Iterable[int]) -> list[int]:
    """The nodes that these results depend on, in order."""
    found = set(results)
    for index in range(len(graph.nodes) - 1, -1, -1):
        if index in found:
            found.update(graph.nodes[index].args)
    return sorted(found)


def _kept(graph: Graph, levels: tuple[int, ...], needed: list[int], results: set[int]) -> set[int]:
    """The nodes whose values go into buffers."""
    costly: set[int] = set()
    costs: dict[int, int] = {}
    for index in needed:
        node = graph.nodes[index]
        if node.rank is not Rank.ELEMENT or node.op not in PRIMITIVES:
            continue
        cost = PRIMITIVES[node.op].cost + sum(costs.get(arg, 0) for arg in node.args if arg not in costly)
        costs[index] = cost
        if cost >= _COSTLY:
            costly.add(index)
    # Outside: whether a value is needed by anything but a costly one of its own level, which the same loop computes.
    outside = set(results)
    for index in reversed(needed):
        node = graph.nodes[index]
        for arg in node.args:
            later = node.op in ("reduce", "take", "put") or levels[index] > levels[arg]
            if later or (index in outside and index not in costly):
                outside.add(arg)
    kept = {index for index in costly if index in outside}
    for index in needed:
        node = graph.nodes[index]
        if node.op in ("input", "take", "put"):
            kept.add(index)
        if node.op in ("take", "put"):
            kept.update(arg for arg in node.args if graph.nodes[arg].rank is Rank.ELEMENT)
    return kept


def _loop(graph: Graph, kind: str, features: int, results: list[int], kept: set[int]) -> Loop:
    sources = [arg for index in results for arg in graph.nodes[index].args] if kind in REDUCING else results
    loads: set[int] = set()
    computes: set[int] = set()
    waiting = list(sources)
    while waiting:
        index = waiting.pop()
        node = graph.nodes[index]
        if node.rank is not Rank.ELEMENT or index in loads or index in computes:
            continue
        if index in kept and not (kind == "map" and index in results):
            loads.add(index)
        else:
            computes.add(index)
            waiting += node.args
    return Loop(kind, features, tuple(results), tuple(sorted(loads)), tuple(sorted(computes)))


def _buffers(graph: Graph, loops: list[Loop], kept: set[int], *, reuse_input: bool) -> dict[int, int]:
    """A buffer for each kept value, given up after its last use, so that another one may have it."""
    last = {index: number for number, loop in enumerate(loops) for index in loop.loads}
    buffers = {index: number for number, index in enumerate(graph.inputs)}
    free: list[int] = []
    count = len(buffers)
    for number, loop in enumerate(loops):
        made = [index for index in loop.results if index in kept and loop.kind in ("map", "take", "put")]
        # A loop reads an element before it writes one in its place; a take reads other places.
        ending = [
            index for index in loop.loads if last[index] == number and (reuse_input or graph.nodes[index].op != "input")
        ]
        if loop.kind in ("map", "put"):
            reusable = (
                ending if loop.kind == "map" else [each for each in ending if each == graph.nodes[made[0]].args[0]]
            )
            free += [buffers[index] for index in reusable]
            ending = [index for index in ending if index not in reusable]
        for index in made:
            if free:
                buffers[index] = free.pop()
            else:
                buffers[index] = count
                count += 1
        free += [buffers[index] for index in ending]
    return buffers
