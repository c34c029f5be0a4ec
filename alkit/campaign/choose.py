"""Choosing the images of one query, by a strategy and at random, and recording the choice."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING

from alkit.campaign.record.events import Asked, ClassesAdded, Withdrawn
from alkit.composition.factory import ResolvedStrategy, effective_options, origin_of
from alkit.errors import InvalidBudget, InvalidOption
from alkit.interfaces.contract import can_begin, check_needs
from alkit.plugin import registry
from alkit.utils.counts import counted
from alkit.utils.json_values import finite

from .control import rows
from .given.refusals import begins_with_files, check_given
from .prepare import PreparedCycle, Selection, prepare, resolve_strategy
from .query_files import write_for_people

if TYPE_CHECKING:
    from alkit.campaign.record.ledger import PickRow
    from alkit.campaign.record.query import Query
    from alkit.engine.passes import Passes
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy
    from alkit.utils.profiling import Profile

    from .given.outputs import Given
    from .session import CampaignSession

STATES = "states"


def choose_and_record(
    session: CampaignSession,
    chosen: ResolvedStrategy,
    selection: Selection,
    *,
    profile: Profile | None = None,
    trained: TrainedModel | None = None,
    passes: Callable[[PreparedCycle], Passes] | None = None,
) -> Query:
    """Let a strategy choose, record the query and write its files.

    Args:
        session: holds the lock.
        chosen: the strategy.
        selection: what to choose.
        profile: collects seconds and memory.
        trained: the result, if this strategy was already trained for in this cycle.
        passes: returns where the results of passes over many images come from.
    """
    prepared = prepare(session, chosen, selection, profile=profile, trained=trained)
    strategy, given = chosen.strategy, selection.given
    round_, trained, control = prepared.round_, prepared.trained, prepared.control
    cycle = prepared.open(None if passes is None else passes(prepared))
    drawn = counted(len(control), "more is", "more are")
    more = f"; {drawn} drawn at random as a control" if len(control) else ""
    if len(prepared.audits):
        more += (
            f"; {counted(len(prepared.audits), 'more checks', 'more check')} whether near-duplicates "
            "have the same label"
        )
    session.progress.line(
        f"cycle {session.cycle}: '{strategy.name}' chooses {prepared.picks:,} of "
        f"{counted(len(prepared.candidates), 'candidate')}{_in_groups(prepared)}{more}"
    )
    classes = _classes_predicted(session, given, trained)
    with round_.threads():
        picks = round_.choose(cycle, prepared.picks, prepared.source)
        cycle.passes = None
        recorded = rows(
            cycle,
            picks,
            control,
            audits=prepared.audits,
            seed=round_.selection_seed,
            classes=classes,
        )
    state = round_.remember(session.directory / STATES)
    asked = Asked(
        cycle=session.cycle,
        strategy=strategy.name,
        options=effective_options(strategy),
        **origin_of(strategy),
        seed_query=selection.seed,
        control=selection.control if len(control) else 0.0,
        uniform=strategy.uniform,
        labels=len(cycle.labeled),
        copied=len(session.pool.copied) or None,
        candidates=len(prepared.candidates),
        checkpoint=None if trained is None else session.relative(trained.checkpoint),
        device=str(session.resources.device),
        measures=round_.profile.as_dict(),
        diagnostics=finite(cycle.diagnostics),
        state=session.relative(state),
        given={} if given is None else given.record(),
        draws=finite([draw.as_dict() for draw in cycle.draws]),
        audits=prepared.audits.tolist(),
    )
    return _record(session, asked, recorded, selection)


def _in_groups(prepared: PreparedCycle) -> str:
    """Say how many candidates are offered, if near-duplicates are one question."""
    left_out = len(prepared.candidates) - len(prepared.control) - len(prepared.audits) - len(prepared.offered)
    return f", without {counted(left_out, 'near-duplicate')} of others" if left_out else ""


def _classes_predicted(
    session: CampaignSession, given: Given | None, trained: TrainedModel | None
) -> int | None:
    """Return the number of classes if predictions of picks are to be recorded, else None."""
    if given is None:
        return None if trained is None else len(session.classes)
    return len(session.classes) + len(given.added_classes) if given.named else None


def _record(session: CampaignSession, asked: Asked, picks: list[PickRow], selection: Selection) -> Query:
    instead_of, given = selection.instead_of, selection.given
    with session.ledger.transaction():
        if given is not None and given.added_classes:
            session.ledger.add_event(ClassesAdded(added=list(given.added_classes)))
            session.progress.line(f"classes: {', '.join(given.added_classes)} (from the predictions)")
        if instead_of is not None:
            indices = [pick.index for pick in instead_of.unanswered]
            session.ledger.add_event(Withdrawn(query=instead_of.number, indices=indices))
        event = session.ledger.add_event(asked)
        session.ledger.add_picks(event, picks)
    session.refresh()
    query = session.queries[-1]
    write_for_people(session, query)
    for failure in registry.notify("alkit_cycle_finished", campaign=session, query=query):
        session.progress.line(failure)
    return query


def resolve_seed_strategy(
    session: CampaignSession, name: str, given: Given | None = None
) -> ResolvedStrategy:
    """Return a strategy that can choose while nothing is labeled.

    Raises:
        InvalidOption: the strategy cannot.
    """
    seeder = resolve_strategy(session, name, {})
    if seeder.strategy.needs_labels or seeder.strategy.asks_again:
        raise InvalidOption(f"strategy '{name}' needs labels and cannot choose the seed; use 'random'")
    if given is not None:
        check_given(seeder.strategy, given.provides)
    if not can_choose_now(session, seeder.strategy, given):
        raise InvalidOption(
            f"strategy '{name}' uses what the model of task '{session.settings.task.name}' has learned, and "
            "nothing is trained yet; use 'random', or a strategy that uses embeddings of a pretrained network"
        )
    return seeder


def can_choose_now(session: CampaignSession, strategy: Strategy, given: Given | None = None) -> bool:
    """Say whether a strategy can choose with the current labels, and with files if there are any."""
    if len(session.pool.labeled):
        return True
    if given is not None:
        return begins_with_files(strategy)
    if strategy.needs_labels or not strategy.needs:
        return not strategy.needs_labels
    return can_begin(strategy, session.resources.task(session.state).spec)


def check_task_provides(session: CampaignSession, strategy: Strategy) -> None:
    """Refuse a strategy that the task cannot serve, before anything is asked for it."""
    check_needs(strategy, session.resources.task(session.state).spec)


def check_budget(n: int, left: int) -> None:
    """Refuse to choose no images, or more than are left."""
    if not isinstance(n, Integral):
        raise InvalidBudget(f"the budget should be a whole number, not {n!r}")
    if n < 1:
        raise InvalidBudget(f"the budget should be at least 1, not {n}")
    if left == 0:
        raise InvalidBudget("there are no candidates left: every usable image is labeled, asked or set aside")
    if n > left:
        raise InvalidBudget(
            f"a budget of {n:,} is more than the {counted(left, 'image')} left to choose from"
        )
