"""Whose fault an error is: plugins are named with their distribution when their code fails."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from typing import Any

from alkit.errors import AlkitError, BrokenPlugin
from alkit.utils.code_places import place_of, told, where

from . import registry, single_file


def shown(plugin: Any) -> str:
    """Return kind, name and distribution of a plugin's class or of an instance, for a sentence."""
    cls = plugin if isinstance(plugin, type) else type(plugin)
    for kind, known in registry.KINDS.items():
        owner = known.owner(cls)
        if owner is not None:
            return f"{kind} '{owner.name}' of distribution '{owner.distribution}'"
    kinds = (kind for kind, known in registry.KINDS.items() if issubclass(cls, known.base))
    return f"{next(kinds, 'plugin')} '{getattr(cls, 'name', cls.__name__)}'"


@contextlib.contextmanager
def blamed(plugin: Any, does: str = "") -> Iterator[None]:
    """Name the plugin if its code raises what is not an `AlkitError` or an error of the system.

    Args:
        plugin: its class or an instance.
        does: what it is asked for, such as `to open photos/`.

    Raises:
        BrokenPlugin: it does.
    """
    try:
        yield
    except (AlkitError, MemoryError, OSError, NotImplementedError):
        raise
    except (Exception, SystemExit) as error:  # third-party code may raise anything
        raise BrokenPlugin(
            f"{shown(plugin)} failed{does and f' {does}'}: {told(error, where(plugin))}"
        ) from error


def returned(plugin: Any, method: str, value: Any, wanted: str) -> BrokenPlugin:
    """Return the error that a method returned something else than its interface says.

    Args:
        plugin: its class or an instance.
        method: the method's name.
        value: what it returned.
        wanted: what it should return, as in `an alkit.interfaces.Reply`.
    """
    found = "nothing" if value is None else type(value).__name__
    return BrokenPlugin(
        f"{shown(plugin)} should return {wanted} from {method}, not {found}{where(plugin, method)}"
    )


def sentence_about(error: BaseException) -> str:
    """Say which plugin's own code raised an error; empty if it was not a plugin's code.

    An error that arose in alkit, below a call from a plugin, is not counted as the plugin's.
    """
    owners = _owners()
    place = place_of(error, lambda module: module.partition(".")[0] in owners)
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    known = [owners[top] for module in modules if (top := module.partition(".")[0]) in owners]
    if not (known and known[-1]):
        return ""
    says = " ".join(str(error).split())
    return f"code of {known[-1]} failed: {type(error).__name__}: {says} ({place})"


def _owners() -> dict[str, str]:
    """Return who owns each package of plugins and each file that was run; empty texts for alkit's own."""
    owners = {"alkit": ""}
    for plugin in registry.all_plugins():
        package = plugin.module.partition(":")[0].partition(".")[0]
        owners[package] = "" if plugin.distribution == "alkit" else f"distribution '{plugin.distribution}'"
    return owners | single_file.run_files()
