"""Files to findings: each is read, its specs are found and checked, by the settings of its project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from actspec.lint import files
from actspec.lint.check import Checker, Finding, Settings, specs
from actspec.lint.document import Document, Format, UnreadableError
from actspec.lint.files import MAX_SIZE, Miss, Text
from actspec.lint.keys import Keys
from actspec.lint.project import Projects
from actspec.lint.rewrite import rewrite
from actspec.lint.select import Selection, select


@dataclass(frozen=True)
class Rewritten:
    """A file's new content, and how many of its specs it changes."""

    path: Path
    content: bytes
    count: int


@dataclass
class Linter:
    """What is asked of files; the rest is up to their projects.

    ``keys``, ``ignore`` and ``exclude`` stand beside a project's, ``only_keys`` and ``dialect`` in place of its own.
    ``listing`` gives the specs themselves, ``fix`` the rewritten files.
    """

    keys: tuple[str, ...] = ()
    only_keys: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    dialect: str | None = None
    exclude: tuple[str, ...] = ()
    max_size: int = MAX_SIZE
    listing: bool = False
    fix: bool = False
    _projects: Projects = field(default_factory=Projects, repr=False)
    _checkers: dict[Settings, tuple[Keys, Checker]] = field(default_factory=dict, repr=False)

    def files(self, names: Iterable[str]) -> Iterator[Finding | Miss | Rewritten]:
        """What is found in files, folders and globs, file by file."""
        for found in files.find(names):
            if isinstance(found, Miss):
                yield found
            else:
                yield from self._guarded(str(found), lambda path=found: self._file(path))  # type: ignore[misc]

    def stream(self, stream: IO[bytes], name: str) -> Iterator[Finding | Miss | Rewritten]:
        """What is found in an open file, whose name says how it is read."""

        def look() -> Iterator[Finding | Miss | Rewritten]:
            kind = files.format_of(name)
            yield from self._text(files.decode(stream, kind, self.max_size), name, kind, Path())

        yield from self._guarded(name, look)

    def _guarded(
        self, name: str, look: Callable[[], Iterator[Finding | Miss | Rewritten]]
    ) -> Iterator[Finding | Miss | Rewritten]:
        try:
            yield from look()
        except UnreadableError as error:
            yield Miss(name, error.reason)
        except MemoryError:
            yield Miss(name, "there is not enough memory to read this")

    def _file(self, path: Path) -> Iterator[Finding | Miss | Rewritten]:
        if files.is_excluded(path, (*self.exclude, *self._projects.find(path.parent).exclude)):
            return
        kind = files.format_of(path.name)
        yield from self._text(files.read(path, kind, self.max_size), str(path), kind, path.parent)

    def _text(self, content: Text, name: str, kind: Format, folder: Path) -> Iterator[Finding | Miss | Rewritten]:
        settings = self._projects.find(folder).settings(self.keys, self.only_keys, self.ignore, self.dialect)
        if settings not in self._checkers:
            self._checkers[settings] = Keys(settings.keys), Checker(settings)
        keys, checker = self._checkers[settings]
        document, found = self._read(name, content.text, kind, keys)
        if self.fix:
            text, count = rewrite(document, found, checker)
            if count:
                yield Rewritten(Path(name), content.encode(text), count)
                document, found = self._read(name, text, kind, keys)
        yield from specs(document, found.specs) if self.listing else checker.faults(document, found)

    def _read(self, name: str, text: str, kind: Format, keys: Keys) -> tuple[Document, Selection]:
        try:
            document = files.document(name, text, kind)
        except UnreadableError as error:
            if error.at is None:
                raise
            line, column = Document(name, text, kind, ()).place(min(error.at, len(text)))
            raise UnreadableError(f"{line}:{column}: {error.reason}") from None
        return document, select(document, keys)
