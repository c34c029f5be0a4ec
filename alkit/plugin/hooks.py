"""The hooks that a plugin can implement, and the markers for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from alkit.campaign.record.query import Query
    from alkit.data.source import Source
    from alkit.interfaces.encoder import Encoder
    from alkit.interfaces.executor import Executor
    from alkit.interfaces.format import Format
    from alkit.interfaces.oracle import Oracle
    from alkit.interfaces.strategy import Strategy
    from alkit.interfaces.task import TaskModel


hookspec = pluggy.HookspecMarker("alkit")
hookimpl = pluggy.HookimplMarker("alkit")


@hookspec
def alkit_strategies() -> Sequence[type[Strategy]]:  # type: ignore[empty-body]
    """Return the strategies of this plugin; each `name` must also be an entry point in `alkit.strategies`."""


@hookspec
def alkit_tasks() -> Sequence[type[TaskModel]]:  # type: ignore[empty-body]
    """Return the task models of this plugin; each `name` must also be an entry point in `alkit.tasks`."""


@hookspec
def alkit_oracles() -> Sequence[type[Oracle]]:  # type: ignore[empty-body]
    """Return the oracles of this plugin; each `name` must also be an entry point in `alkit.oracles`."""


@hookspec
def alkit_formats() -> Sequence[type[Format]]:  # type: ignore[empty-body]
    """Return the formats of this plugin; each `name` must also be an entry point in `alkit.formats`."""


@hookspec
def alkit_encoders() -> Sequence[type[Encoder]]:  # type: ignore[empty-body]
    """Return the encoders of this plugin; each `name` must also be an entry point in `alkit.encoders`."""


@hookspec
def alkit_sources() -> Sequence[type[Source]]:  # type: ignore[empty-body]
    """Return the sources of this plugin; each `name` must also be an entry point in `alkit.sources`."""


@hookspec
def alkit_executors() -> Sequence[type[Executor]]:  # type: ignore[empty-body]
    """Return the executors of this plugin; each `name` must also be an entry point in `alkit.executors`."""


@hookspec
def alkit_commands(cli: click.Group) -> None:
    """Add commands to the command line (entry-point group `alkit.extensions`)."""


@hookspec
def alkit_cycle_finished(campaign: Any, query: Query) -> None:
    """Observe a recorded query of an `alkit.Campaign` (entry-point group `alkit.extensions`)."""
