"""What the source of a plugin says about it, read without running any of it."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .registry import Plugin

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Summary:
    """One line about a plugin, and the kind that its class states.

    Attributes:
        text: first line of the class's docstring, or of the module's if the class is defined elsewhere.
        kind: the class attribute `kind` if it is written as a string in the class body, otherwise `other`.
    """

    text: str = ""
    kind: str = OTHER


@dataclass(frozen=True, slots=True)
class Claims:
    """What a source says that it opens, in literals of its class body; see `Source`."""

    schemes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    folders: bool = False


def claims_of(plugin: Plugin) -> Claims:
    """Read what a source opens; nothing if its source code cannot be found or parsed."""
    for node in _parsed(plugin).body:
        if isinstance(node, ast.ClassDef) and _text_of(node, "name") == plugin.name:
            lists = {name: _texts(_value_of(node, name)) for name in ("schemes", "suffixes", "datasets")}
            return Claims(**lists, folders=_value_of(node, "folders") is True)
    return Claims()


def summary_of(plugin: Plugin) -> Summary:
    """Summarize a plugin by the source of its module; empty if the source cannot be found or parsed."""
    module = _parsed(plugin)
    for node in module.body:
        if isinstance(node, ast.ClassDef) and _text_of(node, "name") == plugin.name:
            return Summary(_first_line(node) or _first_line(module), _text_of(node, "kind") or OTHER)
    return Summary(_first_line(module))


def _parsed(plugin: Plugin) -> ast.Module:
    """Return the syntax tree of a plugin's module; an empty one if it cannot be found or parsed."""
    path = _source(plugin.module.partition(":")[0])
    try:
        return ast.parse(path.read_text(encoding="utf-8")) if path is not None else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _source(module: str) -> Path | None:
    """Return the file of a module, importing nothing."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        folders = [Path(folder, *rest) for folder in spec.submodule_search_locations]
        files = [path for folder in folders for path in (folder.with_suffix(".py"), folder / "__init__.py")]
    else:
        files = [Path(spec.origin or "")]
    return next((path for path in files if path.is_file()), None)


def _first_line(node: ast.Module | ast.ClassDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]


def _text_of(cls: ast.ClassDef, attribute: str) -> str | None:
    """Return the string that a class body assigns to an attribute, or None."""
    value = _value_of(cls, attribute)
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...]:
    """Return the strings of a literal."""
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, (tuple, list)) else ()


def _value_of(cls: ast.ClassDef, attribute: str) -> Any:
    """Return the literal that a class body assigns to an attribute, or None."""
    for node in cls.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if any(isinstance(target, ast.Name) and target.id == attribute for target in targets):
            try:
                return None if value is None else ast.literal_eval(value)
            except ValueError:
                return None
    return None
