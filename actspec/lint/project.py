"""The settings that a project keeps in the table ``[tool.actspec]`` of its pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actspec import dialects, plugins, registry
from actspec.errors import did_you_mean
from actspec.lint import files
from actspec.lint.check import Settings
from actspec.lint.document import UnreadableError
from actspec.lint.keys import DEFAULT_KEYS
from actspec.lint.tomlfile import TOML
from actspec.plugins import PluginError, import_path, normalise
from actspec.suggest import closest

FILE = "pyproject.toml"


@dataclass(frozen=True)
class Project:
    """A table ``[tool.actspec]``: its lists and its dialect, empty where it doesn't set them, and its folder."""

    keys: tuple[str, ...] = ()
    only_keys: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    dialect: str | None = None
    folder: Path | None = None

    def settings(
        self,
        keys: Iterable[str] = (),
        only_keys: Iterable[str] = (),
        ignore: Iterable[str] = (),
        dialect: str | None = None,
    ) -> Settings:
        """The project's settings with those that are given beside them: they add, or replace, as the table's do."""
        only = tuple(only_keys) or self.only_keys or DEFAULT_KEYS
        return Settings((*only, *self.keys, *keys), (*self.ignore, *ignore), dialect or self.dialect)


class ProjectError(UnreadableError):
    """A pyproject.toml that can't be read, or whose table holds something else: which, and the fault in it."""

    def __init__(self, file: Path, fault: str) -> None:
        super().__init__(f"{file}: {fault}")
        self.file = file
        self.fault = " ".join(fault.split())


class Projects:
    """The tables that hold for folders; each is read once."""

    def __init__(self) -> None:
        self._found: dict[Path, Project | ProjectError] = {}

    def find(self, folder: Path) -> Project:
        """The table of the nearest pyproject.toml with one, in the folder or above it; ProjectError if it is broken."""
        found = self._find(folder.resolve())
        if isinstance(found, ProjectError):
            raise ProjectError(found.file, found.fault)
        return found

    def _find(self, folder: Path) -> Project | ProjectError:
        if folder not in self._found:
            file = folder / FILE
            found: Project | ProjectError | None
            try:
                table = _table(file) if file.is_file() else None
                found = None if table is None else _project(table, file)
            except OSError as error:
                found = ProjectError(file, error.strerror or str(error))
            except ProjectError as error:
                found = error
            if found is None:
                found = Project() if folder.parent == folder else self._find(folder.parent)
            self._found[folder] = found
        return self._found[folder]


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        read = tomllib.loads(files.read(file, TOML).text)
    except UnreadableError as error:
        raise ProjectError(file, error.reason) from None
    except ValueError as error:
        raise ProjectError(file, str(error)) from None
    except RecursionError:
        raise ProjectError(file, "tables and lists are nested too deep") from None
    tool = read.get("tool")
    table = tool.get("actspec") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ProjectError(file, "tool.actspec must be a table")
    return table


def _project(table: Mapping[str, Any], file: Path) -> Project:
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "dialect":
            if not isinstance(value, str):
                raise ProjectError(file, f"{_TABLE}: dialect must be a string")
            try:
                dialects.load(value)
            except ValueError as error:
                raise ProjectError(file, f"{_TABLE}: {error}") from None
            values[key] = value
        elif key not in _LISTS:
            near = closest(key, (*_LISTS, "dialect"), parts=True)
            hint = f", {did_you_mean(near)}" if near else f": it takes {', '.join((*_LISTS, 'dialect'))}"
            raise ProjectError(file, f"{_TABLE} has no setting {key!r}{hint}")
        elif not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ProjectError(file, f"{_TABLE}: {key} must be a list of strings")
        else:
            values[key.replace("-", "_")] = tuple(value)
    project = Project(**values, folder=file.parent)
    for name in project.plugins:
        _load(name, file)
    return project


_TABLE = "[tool.actspec]"
_LISTS = ("keys", "only-keys", "ignore", "exclude", "plugins")


def _load(name: str, file: Path) -> None:
    """Import what a distribution offers, or the entry point of that name."""
    offered = plugins.offers(import_path())
    chosen = [
        key
        for key, points in offered.items()
        if key == normalise(name)
        or any(point.dist and normalise(point.dist.name) == normalise(name) for point in points)
    ]
    if not chosen:
        known = sorted({point.dist.name for points in offered.values() for point in points if point.dist})
        hint = f"those that do are {', '.join(known)}" if known else "none does"
        raise ProjectError(file, f"{_TABLE}: no installed package {name!r} offers activations: {hint}")
    for key in chosen:
        try:
            registry.find(key)
        except PluginError as error:
            raise ProjectError(file, f"{_TABLE}: {error}") from None
