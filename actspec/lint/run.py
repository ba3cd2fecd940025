"""Files to findings: each is read, its specs are found and checked, by the settings of its project."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from actspec.lint import files
from actspec.lint.check import Checker, Finding, Settings, specs
from actspec.lint.document import Document, Format, UnreadableError
from actspec.lint.exclude import excluded
from actspec.lint.files import MAX_SIZE, Miss, Text
from actspec.lint.keys import Keys
from actspec.lint.project import Project, ProjectError, Projects
from actspec.lint.rewrite import rewrite
from actspec.lint.select import Selection, select


@dataclass(frozen=True)
class Rewritten:
    """A file's new content, and how many of its specs it changes."""

    path: Path
    content: bytes
    count: int


class UnwritableError(Exception):
    """A file that can't be rewritten, and why."""


@dataclass
class Linter:
    """What is asked of files; the rest is up to their projects.

    ``keys``, ``ignore`` and ``exclude`` stand beside a project's, ``only_keys`` and ``dialect`` in place of its own.
    ``listing`` gives the specs themselves, ``fix`` the rewritten files, which ``write`` puts in their places, or raises
    UnwritableError: then the old text is what is checked.
    """

    keys: tuple[str, ...] = ()
    only_keys: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    dialect: str | None = None
    exclude: tuple[str, ...] = ()
    max_size: int = MAX_SIZE
    listing: bool = False
    fix: bool = False
    write: Callable[[Path, bytes], None] = lambda _path, _content: None
    _projects: Projects = field(default_factory=Projects, repr=False)
    _checkers: dict[Settings, tuple[Keys, Checker]] = field(default_factory=dict, repr=False)
    _broken: set[Path] = field(default_factory=set, repr=False)

    def files(self, names: Iterable[str]) -> Iterator[Finding | Miss | Rewritten]:
        """What is found in files, folders and globs, file by file."""
        for found in files.find(names, self._excludes):
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

    def _excludes(self, name: str) -> bool:
        """Whether a file or folder is excluded here, or by the project that the folder it stands in is part of."""
        try:
            project = self._projects.find(Path(os.path.dirname(name)))
        except ProjectError:  # it is told of where the files are read
            project = Project()
        return excluded(name, os.curdir, self.exclude) or excluded(name, project.folder, project.exclude)

    def _guarded(
        self, name: str, look: Callable[[], Iterator[Finding | Miss | Rewritten]]
    ) -> Iterator[Finding | Miss | Rewritten]:
        try:
            yield from look()
        except ProjectError as error:
            if error.file not in self._broken:  # it is told once for all the files that it holds for
                self._broken.add(error.file)
                yield Miss(str(error.file), error.fault)
        except UnreadableError as error:
            yield Miss(name, error.reason, error.place)
        except OSError as error:
            yield Miss(name, error.strerror or str(error))
        except MemoryError:
            yield Miss(name, "there is not enough memory to read this")

    def _file(self, path: Path) -> Iterator[Finding | Miss | Rewritten]:
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
                try:
                    if not content.exact:
                        raise UnwritableError(f"as {content.encoding} text, more of it would change: it stays")
                    rewritten = Rewritten(Path(name), content.encode(text), count)
                    self.write(rewritten.path, rewritten.content)
                except (UnwritableError, UnicodeEncodeError) as error:
                    yield Miss(name, str(error))
                else:
                    yield rewritten
                    document, found = self._read(name, text, kind, keys)
        yield from specs(document, found.specs) if self.listing else checker.faults(document, found)

    def _read(self, name: str, text: str, kind: Format, keys: Keys) -> tuple[Document, Selection]:
        try:
            document = files.document(name, text, kind)
        except UnreadableError as error:
            if error.at is not None:
                error.place = Document(name, text, kind, ()).place(min(error.at, len(text)))
            raise
        return document, select(document, keys)
