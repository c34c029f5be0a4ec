"""A strategy from a single file, `mine.py:Mine`: it needs no packaging, and its code runs when asked for."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import traceback
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from alkit.errors import BrokenPlugin, UnknownPlugin
from alkit.interfaces import declared
from alkit.interfaces.strategy import Strategy
from alkit.utils.code_places import where
from alkit.utils.files import read_regular

from .registry import Plugin

GROUP = "file"
MOST_BYTES = 2**24

_classes: dict[Plugin, type[Strategy]] = {}


def names_a_file(name: str) -> bool:
    """Say whether a strategy's name is a file, or a class in a file."""
    path, _, cls = name.rpartition(":")
    return name.endswith(".py") or (path.endswith(".py") and cls.isidentifier())


def absolute(name: str) -> str:
    """Return a name that means the same from any directory."""
    if not names_a_file(name):
        return name
    path, cls = _split(name)
    return f"{path}:{cls}"


def shown(name: str) -> str:
    """Return the name of a strategy in records: the file without its folder, and the class."""
    path, cls = _split(name)
    return f"{path.name}:{cls}"


def find(name: str) -> Plugin:
    """Describe a class in a file without running it; the distribution is its path, the version its SHA-256.

    Raises:
        UnknownPlugin: there is no such file, or no class is named.
    """
    path, cls = _split(name)
    point = EntryPoint(name=shown(name), value=f"{path}:{cls}", group=GROUP)
    digest = hashlib.sha256(_content(path)).hexdigest()
    return Plugin(shown(name), GROUP, str(path), str(path), digest, point)


def get(name: str) -> type[Strategy]:
    """Run a file and return a class in it; run it once as long as it does not change.

    Raises:
        UnknownPlugin: there is no such file, or no such class in it.
        BrokenPlugin: the file fails, or the class is not a strategy.
    """
    plugin = find(name)
    if plugin not in _classes:
        path, cls = _split(name)
        _classes[plugin] = _strategy(_run(path), path, cls, plugin.name)
    return _classes[plugin]


def run_files() -> dict[str, str]:
    """Return the files that were run, for a sentence, by the module that each became."""
    return {cls.__module__: f"the file '{plugin.distribution}'" for plugin, cls in _classes.items()}


def owner(cls: type[Strategy]) -> Plugin | None:
    """Return the file that a class comes from, or None."""
    return next((plugin for plugin, known in _classes.items() if known is cls), None)


def _split(name: str) -> tuple[Path, str]:
    path, colon, cls = name.rpartition(":")
    if not colon or cls.endswith(".py"):
        raise UnknownPlugin(f"'{name}' names no class; name the strategy's class, as in {name}:CLASS")
    return Path(os.path.realpath(Path(path).expanduser())), cls


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, most=MOST_BYTES)
    except OSError as error:
        raise UnknownPlugin(f"the strategy file {path} cannot be read: {error.strerror or error}") from error


def _run(path: Path) -> types.ModuleType:
    content = _content(path)
    module = types.ModuleType(f"alkit_file_{hashlib.sha256(bytes(path) + content).hexdigest()[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look there
    try:
        exec(compile(content, str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:  # the file may raise anything
        del sys.modules[module.__name__]
        raise BrokenPlugin(f"{path} fails{_line(error, path)}: {type(error).__name__}: {error}") from error
    return module


def _line(error: BaseException, path: Path) -> str:
    """Name the line of a file where an error occurred, if known."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f" in line {lines[-1]}" if lines else ""


def _strategy(module: types.ModuleType, path: Path, wanted: str, name: str) -> type[Strategy]:
    cls: Any = getattr(module, wanted, None)
    if cls is None:
        offered = [key for key, value in vars(module).items() if _is_strategy(value)]
        raise UnknownPlugin(f"{path} has no class '{wanted}'; it has {', '.join(offered) or 'no strategy'}")
    if not _is_strategy(cls):
        raise BrokenPlugin(
            f"'{wanted}' in {path} is not a strategy; it should be a subclass of alkit.Strategy{where(cls)}"
        )
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise BrokenPlugin(f"'{wanted}' in {path} does not define {missing}{where(cls)}")
    # A subclass, since the file may have imported the class from a module where it has another name.
    body = {"name": name, "__doc__": cls.__doc__, "__module__": cls.__module__}
    made = types.new_class(cls.__name__, (cls,), exec_body=lambda namespace: namespace.update(body))
    if fault := declared.fault_of(made, Strategy):
        raise BrokenPlugin(f"{path} is broken: {fault}{where(cls)}")
    return made


def _is_strategy(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Strategy) and value.__module__ != Strategy.__module__
