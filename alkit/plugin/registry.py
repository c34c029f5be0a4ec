"""The registry: plugins of every kind and extensions, found by entry point and imported one at a time.

Listing reads package metadata only. pluggy checks each plugin's hooks in a manager of its own, so a broken
plugin never stops another. pluggy's own `load_setuptools_entrypoints` would silently drop a duplicate name,
stop at the first broken plugin and refuse two names in one module.
"""

from __future__ import annotations

import importlib
import itertools
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from alkit.errors import AmbiguousPlugin, BrokenPlugin, UnknownPlugin
from alkit.interfaces import declared
from alkit.utils.code_places import told, where, where_in
from alkit.utils.suggestions import suggestion

from . import compatibility, hooks

if TYPE_CHECKING:
    from alkit.data.source import Source
    from alkit.interfaces.encoder import Encoder
    from alkit.interfaces.executor import Executor
    from alkit.interfaces.format import Format
    from alkit.interfaces.oracle import Oracle
    from alkit.interfaces.strategy import Strategy
    from alkit.interfaces.task import TaskModel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugin:
    """Where a name comes from: one entry point, not imported."""

    name: str
    group: str
    module: str
    distribution: str
    version: str
    entry_point: EntryPoint

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


@cache
def _named(distribution: Distribution) -> tuple[str, str]:
    """Return name and version; reading them takes milliseconds, and a distribution has many plugins."""
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]


def _found(group: str) -> list[Plugin]:
    seen: dict[tuple[str, str, str], Plugin] = {}
    for point in entry_points(group=group):
        distribution, version = ("unknown", "?") if point.dist is None else _named(point.dist)
        key = (point.name, point.value, distribution)
        seen.setdefault(key, Plugin(point.name, group, point.value, distribution, version, point))
    return sorted(seen.values(), key=lambda plugin: (plugin.name, plugin.distribution))


class Registry(Generic[T]):
    """The plugins of one kind, by name.

    Args:
        kind: what messages call such a plugin.
        group: group of entry points.
        hook: hook that a plugin's module implements; it returns classes.
        base: base of these classes, as MODULE:NAME; it is imported with the first plugin.
    """

    def __init__(self, kind: str, group: str, hook: str, base: str) -> None:
        self.kind, self.group, self.hook, self._base = kind, group, hook, base
        self._classes: dict[Plugin, type[T]] = {}
        self._plugins: list[Plugin] | None = None

    @cached_property
    def base(self) -> type[T]:
        """Base of the classes."""
        module, _, name = self._base.partition(":")
        base: type[T] = getattr(importlib.import_module(module), name)
        return base

    def __iter__(self) -> Iterator[Plugin]:
        if self._plugins is None:
            self._plugins = _found(self.group)
        return iter(self._plugins)

    def refresh(self) -> None:
        """Forget what was found, so that newly installed plugins are found."""
        self._plugins = None
        self._classes.clear()

    def find(self, name: str) -> Plugin:
        """Return the plugin `name`, or `distribution:name` where two share a name.

        Raises:
            UnknownPlugin: there is none; the message suggests the nearest name.
            AmbiguousPlugin: there are several; the message names their distributions.
        """
        distribution, _, plain = name.rpartition(":")
        matches = [p for p in self if p.name == plain and distribution in ("", p.distribution)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            owners = " or ".join(f"'{p.distribution}:{p.name}'" for p in matches)
            raise AmbiguousPlugin(f"more than one {self.kind} has the name '{name}'; use {owners}")
        names = sorted({p.name for p in self})
        others = f"choose from {', '.join(names)}" if names else "none is installed"
        hint = suggestion(plain, names, others)
        raise UnknownPlugin(f"there is no {self.kind} '{name}' in {self.group}; {hint}")

    def get(self, name: str) -> type[T]:
        """Import one plugin and return its class.

        Raises:
            UnknownPlugin, AmbiguousPlugin: as `find`.
            BrokenPlugin: it cannot be imported, offers nothing with that name, or offers something that does
                not follow the interface; the message names the distribution.
        """
        plugin = self.find(name)
        if plugin not in self._classes:
            self._classes[plugin] = self._load(plugin)
        return self._classes[plugin]

    def owner(self, cls: type[T]) -> Plugin | None:
        """Return the plugin whose class this is, or None if it did not come through `get`."""
        return next((plugin for plugin, known in self._classes.items() if known is cls), None)

    def _load(self, plugin: Plugin) -> type[T]:
        source = f"{self.kind} '{plugin.name}' of distribution '{plugin.distribution}'"
        module = _import(plugin, source)
        offered = _offered(module, self.hook, source)
        for cls in offered:
            if getattr(cls, "name", None) == plugin.name:
                self._check(cls, source)
                return cls
        names = ", ".join(str(getattr(cls, "name", cls)) for cls in offered) or "nothing"
        raise BrokenPlugin(
            f"{source} is broken: its {self.hook} returns {names}, not '{plugin.name}'"
            f"{where_in(module, self.hook)}"
        )

    def _check(self, cls: Any, source: str) -> None:
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            base = f"{self.base.__module__}.{self.base.__name__}"
            raise BrokenPlugin(
                f"{source} is broken: {self.hook} should return subclasses of {base}, not {cls!r}{where(cls)}"
            )
        if fault := declared.fault_of(cls, self.base):
            raise BrokenPlugin(f"{source} is broken: {fault}{where(cls)}")


def _import(plugin: Plugin, source: str) -> types.ModuleType:
    try:
        module: types.ModuleType = plugin.entry_point.load()
    except (Exception, SystemExit) as error:  # third-party modules may raise anything
        compatibility.check_requirement(plugin.entry_point.dist, source)  # a better explanation, if it fails
        raise BrokenPlugin(f"{source} cannot be imported: {told(error)}") from error
    compatibility.check(module, plugin.entry_point.dist, source)
    return module


def _manager(module: Any, source: str) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("alkit")
    manager.add_hookspecs(hooks)
    try:
        manager.register(module)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        reason = "; ".join(str(error).replace(f" in plugin {module!r}", "").splitlines())
        raise BrokenPlugin(f"{source} is broken: {reason}{where_in(module, '')}") from error
    return manager


def _offered(module: Any, hook: str, source: str) -> list[Any]:
    manager = _manager(module, source)
    try:
        return [cls for classes in getattr(manager.hook, hook)() for cls in classes]
    except Exception as error:  # third-party hooks may raise anything
        raise BrokenPlugin(f"{source} is broken: {told(error, where_in(module, hook))}") from error


strategies: Registry[Strategy] = Registry(
    "strategy", "alkit.strategies", "alkit_strategies", "alkit.interfaces.strategy:Strategy"
)
tasks: Registry[TaskModel] = Registry("task", "alkit.tasks", "alkit_tasks", "alkit.interfaces.task:TaskModel")
oracles: Registry[Oracle] = Registry(
    "oracle", "alkit.oracles", "alkit_oracles", "alkit.interfaces.oracle:Oracle"
)
formats: Registry[Format] = Registry(
    "format", "alkit.formats", "alkit_formats", "alkit.interfaces.format:Format"
)
encoders: Registry[Encoder] = Registry(
    "encoder", "alkit.encoders", "alkit_encoders", "alkit.interfaces.encoder:Encoder"
)
executors: Registry[Executor] = Registry(
    "executor", "alkit.executors", "alkit_executors", "alkit.interfaces.executor:Executor"
)
sources: Registry[Source] = Registry("source", "alkit.sources", "alkit_sources", "alkit.data.source:Source")
KINDS: dict[str, Registry[Any]] = {
    r.kind: r for r in (strategies, tasks, oracles, formats, encoders, executors, sources)
}


def tasks_for(kind: str) -> list[str]:
    """Return the names of the tasks that learn from labels of a kind, those with the shortest names first."""
    found = []
    for plugin in tasks:
        try:
            cls = tasks.get(f"{plugin.distribution}:{plugin.name}")
        except BrokenPlugin:
            continue
        if cls.labels.kind == kind:
            found.append(plugin.name)
    return sorted(found, key=lambda name: (len(name), name))


EXTENSIONS = "alkit.extensions"


@cache
def extensions() -> tuple[list[tuple[Plugin, pluggy.PluginManager]], list[str]]:
    """Import every extension; return those that work, and a message for each that does not."""
    loaded, broken = [], []
    for plugin in _found(EXTENSIONS):
        source = f"extension '{plugin.name}' of distribution '{plugin.distribution}'"
        try:
            loaded.append((plugin, _manager(_import(plugin, source), source)))
        except BrokenPlugin as error:
            broken.append(str(error))
    return loaded, broken


def notify(hook: str, **arguments: Any) -> list[str]:
    """Call one hook of every extension; return a message for each that failed."""
    loaded, broken = extensions()
    failures = list(broken)
    for plugin, manager in loaded:
        try:
            getattr(manager.hook, hook)(**arguments)
        except Exception as error:  # an observer never stops a run
            failures.append(
                f"extension '{plugin.name}' of distribution '{plugin.distribution}' failed: "
                f"{type(error).__name__}: {error}"
            )
    return failures


def all_plugins() -> list[Plugin]:
    """List all installed plugins of every kind, importing none."""
    return [*itertools.chain.from_iterable(KINDS.values()), *_found(EXTENSIONS)]
