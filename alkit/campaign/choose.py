"""Choosing the images of one query, by a strategy and at random, and recording the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.campaign.record.events import Asked, ClassesAdded, Withdrawn
from alkit.composition.factory import ResolvedStrategy, effective_options, origin_of, resolve
from alkit.errors import InvalidBudget, InvalidOption
from alkit.interfaces.contract import can_begin, check_needs
from alkit.interfaces.strategy import Strategy
from alkit.plugin import registry
from alkit.utils.json_values import finite
from alkit.utils.profiling import Profile

from .control import draw, rows, slice_size
from .given.refusals import begins_with_files, check_given
from .query_files import write_for_people
from .train import round_of, train

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.campaign.record.ledger import PickRow
    from alkit.campaign.record.query import Query
    from alkit.data.store import ImageStore
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.task import TaskModel

    from .given.outputs import Given
    from .session import CampaignSession

STATES = "states"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to choose.

    Attributes:
        n: images.
        seed: whether it is a seed query, which comes before any label.
        control: share of the images that is drawn at random, to evaluate the model on.
        candidates: [m] int64 ascending, positions that may be chosen; by default whatever the strategy may
            choose from.
        instead_of: the open query that this one replaces.
        given: files to choose from, in the place of a training.
    """

    n: int
    seed: bool = False
    control: float = 0.0
    candidates: Indices | None = None
    instead_of: Query | None = None
    given: Given | None = None


def choose_and_record(
    session: CampaignSession,
    chosen: ResolvedStrategy,
    selection: Selection,
    *,
    profile: Profile | None = None,
    trained: TrainedModel | None = None,
) -> Query:
    """Let a strategy choose, record the query and write its files.

    Args:
        session: holds the lock.
        chosen: the strategy.
        selection: what to choose.
        profile: collects seconds and memory.
        trained: the result, if this strategy was already trained for in this cycle.
    """
    strategy, given = chosen.strategy, selection.given
    images = None if given is None else _no_pixels(session)
    round_ = round_of(session, strategy, Profile() if profile is None else profile, images=images)
    if (remembered := session.state.remembered(strategy)) is not None:
        round_.recall(session.directory / remembered)
    any_labels = len(session.pool.labeled) > 0
    judged = selection.control > 0 and not selection.seed and not strategy.asks_again
    judged = judged and (any_labels or given is not None)
    if given is None and trained is None and any_labels and (judged or strategy.needs):
        trained, _ = train(session, strategy, round_.profile)
    task = _task_of(session, given, trained)
    candidates = candidates_for(session, strategy) if selection.candidates is None else selection.candidates
    sliced = judged and not strategy.uniform and task.predicts_class
    if judged and not strategy.uniform and not task.predicts_class:
        session.progress.line(
            f"no image is drawn as a control, since task '{session.settings.task.name}' does not predict one "
            "class an image; a test set (--test) says how good the model is"
        )
    size = slice_size(selection.control, selection.n) if sliced else 0
    control = draw(candidates, size, round_.selection_seed)
    cycle = round_.open_cycle(
        task,
        trained,
        np.setdiff1d(candidates, control),
        disputes=session.disputes if strategy.asks_again else None,
    )
    more = f"; {size:,} more are drawn at random as a control" if size else ""
    session.progress.line(
        f"cycle {session.cycle}: '{strategy.name}' chooses {selection.n - size:,} of {len(candidates):,} "
        f"candidates{more}"
    )
    source = "" if chosen.plugin is None else f" of distribution '{chosen.plugin.distribution}'"
    classes = _classes_predicted(session, given, trained)
    with round_.threads():
        picks = round_.choose(cycle, selection.n - size, source)
        recorded = rows(cycle, picks, control, seed=round_.selection_seed, classes=classes)
    state = round_.remember(session.directory / STATES)
    asked = Asked(
        cycle=session.cycle,
        strategy=strategy.name,
        options=effective_options(strategy),
        **origin_of(strategy),
        seed_query=selection.seed,
        control=selection.control if size else 0.0,
        uniform=strategy.uniform,
        labels=len(cycle.labeled),
        candidates=len(candidates),
        checkpoint=None if trained is None else session.relative(trained.checkpoint),
        device=str(session.resources.device),
        measures=round_.profile.as_dict(),
        diagnostics=finite(cycle.diagnostics),
        state=session.relative(state),
        given={} if given is None else given.record(),
    )
    return _record(session, asked, recorded, selection)


def _no_pixels(session: CampaignSession) -> ImageStore:
    from alkit.engine.given_outputs import NoPixels  # noqa: PLC0415  # torch takes seconds to import

    return NoPixels(session.settings.image_shape, len(session.state.records))


def _task_of(session: CampaignSession, given: Given | None, trained: TrainedModel | None) -> TaskModel:
    if given is not None:
        return given.model(session)
    return session.resources.task(session.state) if trained is None else trained.model


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


def resolve_strategy(
    session: CampaignSession,
    strategy: str | Strategy | ResolvedStrategy | None,
    options: Mapping[str, Any] | None,
) -> ResolvedStrategy:
    """Return a strategy given by its text or as an object, with its plugin."""
    if strategy is None or isinstance(strategy, str):
        return session.resources.strategy(strategy, options)
    return resolve(strategy)


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


def candidates_for(session: CampaignSession, strategy: Strategy) -> Indices:
    """Return what a strategy may choose, [m] int64 ascending."""
    if strategy.asks_again:
        return np.array(list(session.disputes), np.int64)
    return session.pool.candidates


def check_task_provides(session: CampaignSession, strategy: Strategy) -> None:
    """Refuse a strategy that the task cannot serve, before anything is asked for it."""
    check_needs(strategy, session.resources.task(session.state).spec)


def check_budget(n: int, left: int) -> None:
    """Refuse to choose no images, or more than are left."""
    if n < 1:
        raise InvalidBudget(f"the budget should be at least 1, not {n}")
    if left == 0:
        raise InvalidBudget("there are no candidates left: every usable image is labeled, asked or set aside")
    if n > left:
        raise InvalidBudget(f"a budget of {n:,} is more than the {left:,} images left to choose from")
