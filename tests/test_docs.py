"""The documentation: its examples run, its links lead somewhere, and the generated reference is up to date."""

from __future__ import annotations

import csv
import doctest
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest

import actspec
from actspec import registry

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [*sorted(DOCS.glob("**/*.md")), ROOT / "grammar" / "README.md", *([README] if README.exists() else [])]

FENCE = re.compile(r"^ *```.*$", re.MULTILINE)
INLINE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"```.*?```", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_examples_run(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name(page), str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    with registry.scope():
        runner.run(examples, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{name(page)}: {link}"
        assert not anchor or anchor in anchors(file), f"{name(page)}: {link}"


def prose(page: Path) -> str:
    """A page without its code, in which brackets and parentheses are no links; link texts may be code."""
    return INLINE.sub("", BLOCK.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors that a Markdown renderer gives the headings of a page."""
    headings = HEADING.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_reference_is_up_to_date() -> None:
    fresh = runpy.run_path(str(DOCS / "make_reference.py"))["render"]()
    stale = "docs/activations.md is stale: run python docs/make_reference.py"
    assert (DOCS / "activations.md").read_text(encoding="utf-8") == fresh, stale


def test_the_page_of_dialects_is_up_to_date() -> None:
    fresh = runpy.run_path(str(DOCS / "make_dialects.py"))["render"]()
    stale = "docs/dialects.md is stale: run python docs/make_dialects.py"
    assert (DOCS / "dialects.md").read_text(encoding="utf-8") == fresh, stale


def test_the_reference_tells_of_every_built_in() -> None:
    text = (DOCS / "activations.md").read_text(encoding="utf-8")
    built_in = {
        entry.name for entry in registry.entries().values() if entry.cls.__module__.startswith("actspec.catalog.")
    }
    assert set(re.findall(r"^## (\S+)$", text, re.MULTILINE)) == built_in
    for word in built_in:
        for alias in actspec.describe(word).aliases:
            assert f"`{alias}`" in text


def test_the_iris_data_are_whole() -> None:
    with open(DOCS / "iris.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
    assert Counter(row[4] for row in rows) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    # The two rows that differ in the UCI repository's file, and the means of the columns.
    assert rows[34] == ["4.9", "3.1", "1.5", "0.2", "setosa"]
    assert rows[37] == ["4.9", "3.6", "1.4", "0.1", "setosa"]
    means = [sum(float(row[column]) for row in rows) / 150 for column in range(4)]
    assert means == pytest.approx([5.843333, 3.057333, 3.758, 1.199333], abs=1e-6)
