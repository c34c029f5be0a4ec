"""A reference to a training of a campaign, from which another process takes part in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alkit.composition.factory import resolve
from alkit.errors import UsageError

if TYPE_CHECKING:
    from alkit.composition.factory import ResolvedStrategy
    from alkit.interfaces.strategy import Strategy
    from alkit.plugin.choice import PluginChoice
    from alkit.training.group import TrainingGroup
    from alkit.training.launch import Launch

    from .session import CampaignSession


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRef:
    """Names a training by paths and options, as JSON can hold them.

    Attributes:
        campaign: its directory, under a path that every process sees.
        event: the last event before the training, so that another state of the campaign is noticed.
        strategy: text of the strategy whose companion is trained along, or None.
        options: of the strategy.
        device: kind of the device: each process uses its own.
    """

    campaign: str
    event: int
    strategy: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"


def group_of(session: CampaignSession, strategy: Strategy | None, launch: Launch) -> TrainingGroup:
    """Return the group in which this process trains, with what the others need to take part.

    Raises:
        UsageError: the strategy cannot be made from its text.
    """
    from alkit.training.group import TrainingGroup  # noqa: PLC0415  # torch takes seconds to import

    choice = None if strategy is None else choice_for_others(resolve(strategy), "train in one process")
    ref = TrainingRef(
        campaign=str(session.directory.absolute()),
        event=last_event(session),
        strategy=None if choice is None else choice.name,
        options={} if choice is None else dict(choice.options),
        device=session.resources.device.type,
    )
    return TrainingGroup(launch, dataclasses.asdict(ref))


def choice_for_others(resolved: ResolvedStrategy, instead: str) -> PluginChoice:
    """Return the text and options from which another process makes a strategy.

    Args:
        resolved: the strategy.
        instead: what to do if that cannot be done, for the message.

    Raises:
        UsageError: the strategy was made in Python, so no text names it.
    """
    if resolved.plugin is None:
        raise UsageError(
            f"strategy '{resolved.strategy.name}' comes from no plugin and no file, so no other process can "
            f"make it; name it as FILE.py:CLASS, or {instead}"
        )
    return resolved.choice


def last_event(session: CampaignSession) -> int:
    """Return the number of the last event that has changed the state."""
    return session.state.events[-1].id if session.state.events else 0
