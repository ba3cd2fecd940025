"""Properties over many generated specs: round trips, and no outcome but a pipeline or a SpecError."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

import actspec
from tests.support.amount import amount
from tests.support.specs import ALPHABET, mutate, specs

CORPUS = [
    line
    for name in ("valid.txt", "invalid.txt")
    for line in (Path(__file__).parent / "corpus" / name).read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

many = settings(database=None, suppress_health_check=list(HealthCheck))


@settings(many, max_examples=amount(400, 20_000))
@given(specs())
def test_a_generated_spec_round_trips(spec: str) -> None:
    try:
        pipeline = actspec.parse(spec)
    except actspec.SpecError as error:
        # A generated spec may be too long in its canonical spelling, or slice what a slice has left; then take another.
        fault = error
        assert "canonical spelling" in fault.reason or "the slice leaves" in fault.reason
        reject()
    canonical = str(pipeline)
    again = actspec.parse(canonical)
    assert again == pipeline
    assert hash(again) == hash(pipeline)
    assert str(again) == canonical
    assert " " not in canonical


def outcome_is_a_pipeline_or_a_spec_error(text: str) -> None:
    try:
        actspec.validate(text)
    except actspec.SpecError as error:
        fault = error
    else:
        return
    assert fault.spec == text
    assert fault.problems
    assert "^" in str(fault)
    for problem in fault.problems:
        start, end = problem.span
        assert 0 <= start <= end <= len(text)
        assert problem.reason


@settings(many, max_examples=amount(1_000, 10_000))
@given(st.text(st.sampled_from(ALPHABET) | st.characters(), max_size=60))
def test_random_text_is_a_pipeline_or_a_spec_error(text: str) -> None:
    outcome_is_a_pipeline_or_a_spec_error(text)


@settings(many, max_examples=amount(200, 2_000))
@given(st.integers(0, 2**64), st.sampled_from(CORPUS))
def test_mutated_specs_are_a_pipeline_or_a_spec_error(seed: int, spec: str) -> None:
    source = random.Random(seed)
    for _ in range(50):
        outcome_is_a_pipeline_or_a_spec_error(mutate(spec, source, source.choice(CORPUS)))
