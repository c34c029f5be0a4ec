"""Renaming, merging and retiring classes; labels follow, and the history keeps what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.classes import CLASS_EVENTS
from alkit.campaign.record.events import (
    ClassesAdded,
    ClassesMerged,
    ClassRenamed,
    ClassRestored,
    ClassRetired,
    Happening,
)
from alkit.errors import UsageError
from alkit.labeling.given_answer import ABSTAIN, UNUSABLE
from alkit.utils.suggestions import suggestion

if TYPE_CHECKING:
    from alkit.campaign.session import CampaignSession


def class_report(session: CampaignSession) -> dict[str, Any]:
    """Return the classes with their labels, the retired ones, and what happened to them, as JSON values."""
    counts = session.class_counts()
    events = session.ledger.all_events(*CLASS_EVENTS)
    return {
        "classes": {name: counts[name] for name in session.classes},
        "retired": list(session.state.retired),
        "history": [{"time": e.time, "event": e.kind, **e.data.to_json()} for e in events],
    }


def add_class(session: CampaignSession, name: str) -> dict[str, Any]:
    """Add a class: see `Campaign.add_class`."""
    with session.lock():
        _check_new(session, name)
        return _record(session, ClassesAdded(added=[name]), 0)


def rename_class(session: CampaignSession, old: str, new: str) -> dict[str, Any]:
    """Give a class another name: see `Campaign.rename_class`."""
    with session.lock():
        _check_known(session, [old])
        _check_new(session, new)
        return _record(session, ClassRenamed(old=old, new=new), _labeled_as(session, [old]))


def merge_classes(session: CampaignSession, names: Sequence[str], into: str) -> dict[str, Any]:
    """Make one class of several: see `Campaign.merge_classes`."""
    with session.lock():
        _check_known(session, [*names, into])
        others = [name for name in dict.fromkeys(names) if name != into]
        if not others:
            raise UsageError(f"name at least one other class to merge into '{into}'")
        return _record(session, ClassesMerged(classes=others, into=into), _labeled_as(session, others))


def retire_class(session: CampaignSession, name: str) -> dict[str, Any]:
    """Stop using a class: see `Campaign.retire_class`."""
    with session.lock():
        _check_known(session, [name])
        return _record(session, ClassRetired(name=name), _labeled_as(session, [name]))


def restore_class(session: CampaignSession, name: str) -> dict[str, Any]:
    """Use a retired class again: see `Campaign.restore_class`."""
    with session.lock():
        if name not in session.state.retired:
            raise UsageError(
                f"class '{name}' is not retired; {_listed('the retired', session.state.retired)}"
            )
        if name in session.classes:
            raise UsageError(f"another class is called '{name}' now; rename that one first")
        before = len(session.pool.labeled)
        report = _record(session, ClassRestored(name=name), 0)
        return report | {"images": len(session.pool.labeled) - before}


def _record(session: CampaignSession, event: Happening, images: int) -> dict[str, Any]:
    session.record(event)
    return {"event": event.kind, **event.to_json(), "images": images, **class_report(session)}


def _labeled_as(session: CampaignSession, names: Sequence[str]) -> int:
    labels = session.label_kind
    return sum(not set(names).isdisjoint(labels.names(value)) for value in session.pool.values)


def _check_known(session: CampaignSession, names: Sequence[str]) -> None:
    for name in names:
        if name not in session.classes:
            hint = suggestion(name, session.classes, _listed("its", session.classes))
            raise UsageError(f"there is no class '{name}' in this campaign; {hint}")


def _check_new(session: CampaignSession, name: str) -> None:
    """Refuse a name that is taken, or that cannot be the name of a class."""
    labels = session.label_kind
    if not labels.named:
        raise UsageError(f"the labels of task '{session.settings.task.name}' are not class names")
    if name in session.classes:
        raise UsageError(
            f"there is a class '{name}' already; to make one class of two, use 'alkit classes merge'"
        )
    if name in (ABSTAIN, UNUSABLE):
        raise UsageError(f"'{name}' is an answer of its own and cannot be the name of a class")
    try:
        name.encode()
    except ValueError as error:
        raise UsageError(f"{name!a} cannot be the name of a class: {error}") from error
    if not labels.can_name(name):
        raise UsageError(f"{name!r} cannot be the name of a class; leave out what is around it")


def _listed(what: str, names: Sequence[str]) -> str:
    return f"{what} classes are {', '.join(list(names)[:20])}" if names else "there are none yet"
