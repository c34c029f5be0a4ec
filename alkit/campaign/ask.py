"""A query: choosing its images by a strategy and at random, and recording the choice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alkit.composition.factory import options_in_force, origin_of, plugin_of
from alkit.engine.strategy_state import load_state, save_state
from alkit.errors import InvalidBudget, InvalidOption
from alkit.plugin import registry
from alkit.utils import seeding
from alkit.utils.json_values import finite
from alkit.utils.profiling import Profile

from .query_files import write_for_people
from .tell import consult
from .train import train

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.campaign.record.query import Query
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy

    from .session import CampaignSession


class ResolvedStrategy(NamedTuple):
    """A strategy, and the plugin that it came from."""

    strategy: Strategy
    plugin: registry.Plugin


def ask(
    session: CampaignSession,
    n: int,
    *,
    strategy: str | None,
    options: Mapping[str, Any] | None,
    new: bool,
    seed_strategy: str,
    seed_size: int | None,
    control: float | None,
) -> Query:
    """Choose images, record the choice, write it for people, and return it: see `Campaign.ask`."""
    with session.lock():
        open_query = session.open_query
        if open_query is not None and not new:
            write_for_people(session, open_query)
            return dataclasses.replace(open_query, reused=True)
        chosen = resolve_strategy(session, strategy, options)
        share = _control_share(session, control, chosen.strategy)
        if open_query is not None:  # on record together with the query that takes its place
            session.pool.withdraw(pick.index for pick in open_query.unanswered)
        left = len(_candidates(session, chosen.strategy))
        if left == 0 and chosen.strategy.asks_again:
            raise InvalidBudget("no image is in dispute: no two annotators differ on one")
        check_budget(n, left)
        if len(session.pool.labeled) or _can_begin(session, chosen.strategy):
            return choose_and_record(session, chosen, n, instead_of=open_query, control=share)
        check_needs_of(session, chosen.strategy)
        if not chosen.strategy.needs_labels and chosen.strategy.needs == {"embedding"}:
            session.progress.line(
                f"'{chosen.strategy.name}' needs no seed where the network is pretrained: with starting "
                "weights, or with a frozen backbone"
            )
        seeder = resolve_seed_strategy(session, seed_strategy)
        oracle = session.oracle()
        if oracle is None:
            session.progress.line(
                f"nothing is labeled yet: '{seed_strategy}' chooses these {n} images, as a seed for "
                f"'{chosen.strategy.name}'"
            )
            return choose_and_record(session, seeder, n, seed=True, instead_of=open_query)
        size = min(n, left - n) if seed_size is None else seed_size
        if not 1 <= size <= left - n:
            raise InvalidBudget(
                f"nothing is labeled yet, so a seed query comes first; a budget of {n:,} and a seed of "
                f"{size or 1:,} are more than the {left:,} images that are left to choose from"
            )
        first = choose_and_record(session, seeder, size, seed=True, instead_of=open_query)
        receipt = consult(session, oracle, first)
        session.progress.line(
            f"seed set: {receipt.accepted} images chosen by '{seed_strategy}' and labeled by "
            f"oracle '{oracle.name}'"
        )
        return choose_and_record(session, chosen, n, control=share)


def choose_and_record(
    session: CampaignSession,
    chooser: ResolvedStrategy,
    n: int,
    *,
    seed: bool = False,
    instead_of: Query | None = None,
    candidates: Indices | None = None,
    profile: Profile | None = None,
    trained: TrainedModel | None = None,
    control: float = 0.0,
) -> Query:
    """Choose (by default from all candidates) and record; `instead_of` goes with the same stroke.

    What has been `trained` for this strategy in this cycle is not trained or loaded again. A control is
    judged by predictions, so a model is trained for it, if anything is labeled.
    """
    from alkit.engine.cycle import Cycle
    from alkit.interfaces.contract import check_needs, choose
    from alkit.utils.devices import threads_for

    from .control import draw, judges, rows, slice_size

    strategy, plugin = chooser
    profile = Profile() if profile is None else profile
    if (remembered := session.state.remembered(strategy)) is not None:
        load_state(strategy, session.directory / remembered)
    checkpoint = None
    judged = control > 0 and not seed and not strategy.asks_again and len(session.pool.labeled) > 0
    needs_model = judged or (bool(strategy.needs) and len(session.pool.labeled) > 0)
    if needs_model and trained is None:
        trained, _ = train(session, strategy, profile)
    if trained is not None:
        task, companion, targets = trained.model, trained.companion, trained.targets
        checkpoint = trained.checkpoint.relative_to(session.directory).as_posix()
    else:
        task, companion = session.resources.task(session.classes), None
        check_needs(strategy, task.spec)
        targets = task.encode(session.pool.values)
        task.network.eval()
    cycle_seed = seeding.derive(session.settings.seed, "select", session.cycle)
    if candidates is None:
        candidates = _candidates(session, strategy)
    sliced = judged and not strategy.uniform and judges(task)
    slice_ = draw(candidates, slice_size(control, n) if sliced else 0, cycle_seed)
    cycle = Cycle(
        number=session.cycle,
        model=task,
        companion=companion,
        images=session.resources.images(session.state),
        labeled=session.pool.labeled,
        targets=targets,
        candidates=np.setdiff1d(candidates, slice_),
        disputes=session.state.disputes if strategy.asks_again else None,
        seed=cycle_seed,
        device=session.resources.device,
        precision=task.recipe(len(session.pool.labeled)).precision,
        progress=session.progress,
        profile=profile,
    )
    more = f"; {len(slice_):,} more are drawn at random as a control" if len(slice_) else ""
    session.progress.line(
        f"cycle {session.cycle}: '{strategy.name}' chooses {n - len(slice_):,} of {len(candidates):,} "
        f"candidates{more}"
    )
    source = f" of distribution '{plugin.distribution}'"
    with threads_for(max(cycle.image_shape[1:]), session.resources.device):
        chosen = choose(strategy, cycle, n - len(slice_), seed=cycle_seed, source=source)
        classes = None if trained is None else len(session.classes)
        picks = rows(cycle, chosen, slice_, seed=cycle_seed, classes=classes)
    data = {
        "cycle": session.cycle,
        "strategy": strategy.name,
        "options": options_in_force(strategy),
        **origin_of(strategy),
        "seed_query": seed,
        "control": control if len(slice_) else 0.0,
        "uniform": strategy.uniform,
        "labels": len(cycle.labeled),
        "candidates": len(candidates),
        "checkpoint": checkpoint,
        "device": str(session.resources.device),
        "measures": profile.as_dict(),
        "diagnostics": finite(cycle.diagnostics),
    }
    data["state"] = save_state(strategy, session.directory, session.cycle)
    with session.ledger.transaction():
        if instead_of is not None:
            _add_withdrawal(session, instead_of)
        event = session.ledger.add_event("asked", data)
        session.ledger.add_picks(event, picks)
    session.refresh()
    query = session.queries[-1]
    write_for_people(session, query)
    for failure in registry.notify("alkit_cycle_finished", campaign=session, query=query):
        session.progress.line(failure)
    return query


def resolve_strategy(
    session: CampaignSession, name: str | None, options: Mapping[str, Any] | None
) -> ResolvedStrategy:
    """Return a strategy by its text, with the plugin that it came from."""
    chosen = session.resources.strategy(name, options)
    plugin = plugin_of(chosen)
    assert plugin is not None
    return ResolvedStrategy(chosen, plugin)


def resolve_seed_strategy(session: CampaignSession, name: str) -> ResolvedStrategy:
    """Return a strategy that can choose while nothing is labeled.

    Raises:
        InvalidOption: it cannot.
    """
    seeder = resolve_strategy(session, name, {})
    if seeder.strategy.needs_labels or seeder.strategy.asks_again:
        raise InvalidOption(f"strategy '{name}' needs labels itself and cannot seed; 'random' can")
    if not _can_begin(session, seeder.strategy):
        raise InvalidOption(
            f"strategy '{name}' looks at what task '{session.settings.task.name}' learns, and it has learned "
            "nothing yet; 'random' can seed, and so can what looks at embeddings of a pretrained network"
        )
    return seeder


def _can_begin(session: CampaignSession, strategy: Strategy) -> bool:
    """Say whether a strategy can choose while nothing is labeled."""
    from alkit.interfaces.contract import can_begin

    if strategy.needs_labels or not strategy.needs:
        return not strategy.needs_labels
    return can_begin(strategy, session.resources.task(session.classes).spec)


def _candidates(session: CampaignSession, strategy: Strategy) -> Indices:
    """What a strategy may choose, ascending."""
    return (
        np.array(list(session.state.disputes), np.int64) if strategy.asks_again else session.pool.candidates
    )


def _control_share(session: CampaignSession, control: float | None, strategy: Strategy) -> float:
    from .control import DEFAULT_SHARE, check_share

    if control is None:
        return DEFAULT_SHARE if session.settings.oracle is None and strategy.needs else 0.0
    return check_share(control)


def check_needs_of(session: CampaignSession, strategy: Strategy) -> None:
    """Refuse a strategy that the task cannot serve before anything is asked for it."""
    from alkit.interfaces.contract import check_needs

    check_needs(strategy, session.resources.task(session.classes).spec)


def check_budget(n: int, left: int) -> None:
    """Refuse to choose more images than are left, or none."""
    if n < 1:
        raise InvalidBudget(f"the budget should be at least 1, not {n}")
    if left == 0:
        raise InvalidBudget("no candidate is left: every usable image is labeled, asked or set aside")
    if n > left:
        raise InvalidBudget(
            f"a budget of {n:,} is more than the {left:,} images that are left to choose from"
        )


def _add_withdrawal(session: CampaignSession, query: Query) -> None:
    indices = [pick.index for pick in query.unanswered]
    session.ledger.add_event("withdrawn", {"query": query.number, "indices": indices})
