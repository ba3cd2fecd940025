"""The code of kernels: vectors in hot loops, no functions of the C library, the same source for equal structures."""

from __future__ import annotations

import re

import numpy as np
import pytest

import actspec
from actspec.kernels import native, plan
from actspec.kernels.recurrence import Recurrence
from actspec.kernels.schedule import schedule
from tests.support import assembly, built_ins
from tests.support.amount import by_turns, spread

# Memory, and nothing that works on single numbers.
ALLOWED = {"malloc", "free", "memcpy", "memset", "memmove", "*"}
# Comparisons and choices only.
MOVES = {"linear", "relu", "relu6", "reluk", "rect:min", "rect:minmax", "clip", "hardtanh", "hardshrink"}
MOVES |= {"thresholdedrelu", built_ins.fixed("threshold")}


# float64 looks up the bits of 2/pi, which compilers do number by number where vectors are short.
LOOKING_UP = {"sin", "cos", "snake"}

# The same operations make the same code: activations that together have all of them, all of them in a full run.
COMPILED = spread(built_ins.fixed(name) for name in built_ins.SIZED if name != "maxout")


def segments_of(spec: str, dtype: str) -> tuple[plan.Segment, ...]:
    return plan.for_any_rank(actspec.parse(spec).stages, np.dtype(dtype))


def code_of(source: str) -> str:
    scope: dict[str, object] = {}
    exec(compile(source, "<kernel>", "exec"), scope)
    compiled = native.compiled(scope["kernel"], scope["signature"])
    return assembly.emitted(assembly.without_wrappers(compiled.library.get_llvm_str()))


@pytest.mark.parametrize(("spec", "dtype"), by_turns(COMPILED, ["float32", "float64"]))
def test_the_kernel_of_a_built_in_runs_on_vectors_and_calls_no_library(spec, dtype):
    (segment,) = segments_of(spec, dtype)
    assert isinstance(segment, plan.Compiled)
    code = code_of(segment.source(segment.forms[0]))
    assert assembly.called(code) <= ALLOWED
    if spec in LOOKING_UP and dtype == "float64" and "+avx512f" not in assembly.HOST.features:
        return
    # Float arithmetic on single numbers is what is left of a loop, and each of it stands beside the same on vectors.
    assert re.search(r"%[yz]mm\d|\bv\d+\.[24][sd]\b", code)
    if segment.graph.axes is None and spec not in MOVES:
        assert assembly.vector_bits(code, dtype)


@pytest.mark.parametrize("spec", COMPILED)
def test_the_kernel_of_a_derivative_runs_on_vectors_and_calls_no_library(spec):
    (segment,) = segments_of(spec, "float32")
    assert isinstance(segment, plan.Compiled)
    code = code_of(segment.vjp.source(segment.forms[0]))
    assert assembly.called(code) <= ALLOWED
    if segment.vjp.graph.nodes[segment.vjp.graph.output].op != "constant":  # that of steps: a memset of zeros
        assert re.search(r"%[yz]mm\d|\bv\d+\.[24][sd]\b", code)


@pytest.mark.parametrize("mode", ["forward", "vjp"])
def test_a_long_loop_works_on_four_vectors_at_once(mode):
    (segment,) = segments_of("sigmoid", "float32")
    assert isinstance(segment, plan.Compiled)
    code = code_of((segment if mode == "forward" else segment.vjp).source("flat"))
    quotients = re.compile(r"\tvdivps\t[^\n]*%[yz]mm|\tfdiv\tv\d+\.4s")
    assert max(len(quotients.findall(block)) for block in re.split(r"\n(?=\.?LBB)", code)) == 4


def test_a_loop_with_a_root_is_left_to_llvm():
    (segment,) = segments_of("squareplus", "float32")
    assert isinstance(segment, plan.Compiled)
    code = code_of(segment.source("flat"))
    roots = re.compile(r"\tvsqrtps\t[^\n]*%[yz]mm|\tfsqrt\tv\d+\.4s")
    assert 1 <= max(len(roots.findall(block)) for block in re.split(r"\n(?=\.?LBB)", code)) < 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_kernel_of_a_scan_runs_on_vectors(dtype):
    (stage,) = actspec.parse("continuous(tanh, tau=2)").stages
    found = Recurrence(stage, np.dtype(dtype))
    kernel, count = found.fused(stage.readout)
    assert count == 1
    for each in (kernel, found.forward, found.backward):
        assert each is not None
        code = code_of(each.source("scan"))
        assert assembly.called(code) <= ALLOWED
        assert assembly.vector_bits(code, dtype)


@pytest.mark.parametrize("form", ["flat", "rows", "columns", "long rows", "long columns"])
def test_code_is_made_of_the_structure_alone(form):
    def source(spec: str) -> str:
        (segment,) = segments_of(spec, "float64")
        assert isinstance(segment, plan.Compiled)
        return segment.source(form)

    specs = [f"elu({alpha})+leakyrelu({slope})" for alpha in (0.1, 1.0, 7.5) for slope in (0.0, 0.5)]
    specs = [f"{spec}{'' if form == 'flat' else f'+norm:z(eps=1e-{digits})'}" for digits, spec in enumerate(specs, 3)]
    assert len({source(spec).partition("\n")[2] for spec in specs}) == 1


def test_integers_are_part_of_the_structure():
    (first,) = segments_of("tanh[:3]+norm:z", "float64")
    (second,) = segments_of("tanh[:4]+norm:z", "float64")
    assert first.source("rows") != second.source("rows")


def test_what_reductions_wait_for_is_one_pass():
    explained = actspec.explain("relu+tanh+norm:z+sigmoid")
    kinds = [line.split()[0] for line in explained.kernels[0].passes]
    assert kinds == ["map", "reduce", "reduce", "lane", "map", "output"]


def test_a_search_is_a_pass_of_its_own():
    (segment,) = segments_of("sparsemax", "float32")
    assert isinstance(segment, plan.Compiled)
    assert [loop.kind for loop in schedule(segment.graph, keep=True).loops] == ["reduce", "lane", "search", "output"]
    step = segment.source("rows").partition("while True:")[2].partition("break")[0]
    assert re.search(r"for i\w* in range\(0, n\):", step)


def test_a_function_of_the_library_would_be_seen():
    with actspec.registry.scope():

        class Rooted(actspec.Activation):
            """``abs(x)**2.5``."""

            def __call__(self, x):
                return np.abs(x) ** 2.5

        (segment,) = segments_of("rooted", "float32")
    assert "powf" in assembly.called(code_of(segment.source("flat")))
