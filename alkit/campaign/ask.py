"""A query: choosing its images by a strategy and at random, and recording the choice."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alkit.composition.factory import options_in_force, origin_of, plugin_of
from alkit.engine.strategy_state import remember, remind
from alkit.errors import InvalidBudget, InvalidOption
from alkit.plugin import registry
from alkit.utils import seeding
from alkit.utils.json_values import finite
from alkit.utils.profiling import Measures

from .query_files import write_for_people
from .tell import consult
from .train import train

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.campaign.record.query import Query
    from alkit.engine.train import Learned
    from alkit.interfaces.strategy import Strategy

    from .session import Opened


class Chooser(NamedTuple):
    """A strategy, and the plugin that it came from."""

    strategy: Strategy
    plugin: registry.Plugin


def ask(
    opened: Opened,
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
    with opened.lock():
        open_query = opened.open_query
        if open_query is not None and not new:
            write_for_people(opened, open_query)
            return dataclasses.replace(open_query, reused=True)
        chosen = make_chooser(opened, strategy, options)
        share = _control_share(opened, control, chosen.strategy)
        if open_query is not None:  # on record together with the query that takes its place
            opened.pool.withdraw(pick.index for pick in open_query.unanswered)
        left = len(_candidates(opened, chosen.strategy))
        if left == 0 and chosen.strategy.asks_again:
            raise InvalidBudget("no image is in dispute: no two annotators differ on one")
        check_budget(n, left)
        if len(opened.pool.labeled) or _can_begin(opened, chosen.strategy):
            return choose_and_record(opened, chosen, n, instead_of=open_query, control=share)
        check_needs_of(opened, chosen.strategy)
        if not chosen.strategy.needs_labels and chosen.strategy.needs == {"embedding"}:
            opened.progress.line(
                f"'{chosen.strategy.name}' needs no seed where the network is pretrained: with starting "
                "weights, or with a frozen backbone"
            )
        seeder = make_seeder(opened, seed_strategy)
        oracle = opened.oracle()
        if oracle is None:
            opened.progress.line(
                f"nothing is labeled yet: '{seed_strategy}' chooses these {n} images, as a seed for "
                f"'{chosen.strategy.name}'"
            )
            return choose_and_record(opened, seeder, n, seed=True, instead_of=open_query)
        size = min(n, left - n) if seed_size is None else seed_size
        if not 1 <= size <= left - n:
            raise InvalidBudget(
                f"nothing is labeled yet, so a seed query comes first; a budget of {n:,} and a seed of "
                f"{size or 1:,} are more than the {left:,} images that are left to choose from"
            )
        first = choose_and_record(opened, seeder, size, seed=True, instead_of=open_query)
        receipt = consult(opened, oracle, first)
        opened.progress.line(
            f"seed set: {receipt.accepted} images chosen by '{seed_strategy}' and labeled by "
            f"oracle '{oracle.name}'"
        )
        return choose_and_record(opened, chosen, n, control=share)


def choose_and_record(
    opened: Opened,
    chooser: Chooser,
    n: int,
    *,
    seed: bool = False,
    instead_of: Query | None = None,
    candidates: Indices | None = None,
    measures: Measures | None = None,
    learned: Learned | None = None,
    control: float = 0.0,
) -> Query:
    """Choose (by default from all candidates) and record; `instead_of` goes with the same stroke.

    What has been `learned` for this strategy in this cycle is not trained or loaded again. A control is
    judged by predictions, so a model is trained for it, if anything is labeled.
    """
    from alkit.engine.cycle import Cycle
    from alkit.interfaces.contract import check_needs, choose
    from alkit.utils.devices import threads_for

    from .control import draw, judges, rows, slice_size

    strategy, plugin = chooser
    measures = Measures() if measures is None else measures
    if (remembered := opened.state.remembered(strategy)) is not None:
        remind(strategy, opened.directory / remembered)
    checkpoint = None
    judged = control > 0 and not seed and not strategy.asks_again and len(opened.pool.labeled) > 0
    trained = judged or (bool(strategy.needs) and len(opened.pool.labeled) > 0)
    if trained and learned is None:
        learned, _ = train(opened, strategy, measures)
    if learned is not None:
        task, companion, targets = learned.model, learned.companion, learned.targets
        checkpoint = learned.checkpoint.relative_to(opened.directory).as_posix()
    else:
        task, companion = opened.workbench.task(opened.classes), None
        check_needs(strategy, task.spec)
        targets = task.encode(opened.pool.values)
        task.network.eval()
    cycle_seed = seeding.derive(opened.settings.seed, "select", opened.cycle)
    if candidates is None:
        candidates = _candidates(opened, strategy)
    sliced = judged and not strategy.uniform and judges(task)
    slice_ = draw(candidates, slice_size(control, n) if sliced else 0, cycle_seed)
    cycle = Cycle(
        number=opened.cycle,
        model=task,
        companion=companion,
        images=opened.workbench.images(opened.state),
        labeled=opened.pool.labeled,
        targets=targets,
        candidates=np.setdiff1d(candidates, slice_),
        disputes=opened.state.disputes if strategy.asks_again else None,
        seed=cycle_seed,
        device=opened.workbench.device,
        precision=task.recipe(len(opened.pool.labeled)).precision,
        progress=opened.progress,
        measures=measures,
    )
    more = f"; {len(slice_):,} more are drawn at random as a control" if len(slice_) else ""
    opened.progress.line(
        f"cycle {opened.cycle}: '{strategy.name}' chooses {n - len(slice_):,} of {len(candidates):,} "
        f"candidates{more}"
    )
    blame = f" of distribution '{plugin.distribution}'"
    with threads_for(max(cycle.image_shape[1:]), opened.workbench.device):
        chosen = choose(strategy, cycle, n - len(slice_), seed=cycle_seed, blame=blame)
        classes = None if learned is None else len(opened.classes)
        picks = rows(cycle, chosen, slice_, seed=cycle_seed, classes=classes)
    data = {
        "cycle": opened.cycle,
        "strategy": strategy.name,
        "options": options_in_force(strategy),
        **origin_of(strategy),
        "seed_query": seed,
        "control": control if len(slice_) else 0.0,
        "uniform": strategy.uniform,
        "labels": len(cycle.labeled),
        "candidates": len(candidates),
        "checkpoint": checkpoint,
        "device": str(opened.workbench.device),
        "measures": measures.as_dict(),
        "diagnostics": finite(cycle.diagnostics),
    }
    data["state"] = remember(strategy, opened.directory, opened.cycle)
    with opened.ledger.transaction():
        if instead_of is not None:
            _add_withdrawal(opened, instead_of)
        event = opened.ledger.add_event("asked", data)
        opened.ledger.add_picks(event, picks)
    opened.refresh()
    query = opened.queries[-1]
    write_for_people(opened, query)
    for failure in registry.notify("alkit_cycle_finished", campaign=opened, query=query):
        opened.progress.line(failure)
    return query


def make_chooser(opened: Opened, name: str | None, options: Mapping[str, Any] | None) -> Chooser:
    """Return a strategy by its text, with the plugin that it came from."""
    chosen = opened.workbench.strategy(name, options)
    plugin = plugin_of(chosen)
    assert plugin is not None
    return Chooser(chosen, plugin)


def make_seeder(opened: Opened, name: str) -> Chooser:
    """Return a strategy that can choose while nothing is labeled.

    Raises:
        InvalidOption: it cannot.
    """
    seeder = make_chooser(opened, name, {})
    if seeder.strategy.needs_labels or seeder.strategy.asks_again:
        raise InvalidOption(f"strategy '{name}' needs labels itself and cannot seed; 'random' can")
    if not _can_begin(opened, seeder.strategy):
        raise InvalidOption(
            f"strategy '{name}' looks at what task '{opened.settings.task.name}' learns, and it has learned "
            "nothing yet; 'random' can seed, and so can what looks at embeddings of a pretrained network"
        )
    return seeder


def _can_begin(opened: Opened, strategy: Strategy) -> bool:
    """Say whether a strategy can choose while nothing is labeled."""
    from alkit.interfaces.contract import can_begin

    if strategy.needs_labels or not strategy.needs:
        return not strategy.needs_labels
    return can_begin(strategy, opened.workbench.task(opened.classes).spec)


def _candidates(opened: Opened, strategy: Strategy) -> Indices:
    """What a strategy may choose, ascending."""
    return np.array(list(opened.state.disputes), np.int64) if strategy.asks_again else opened.pool.candidates


def _control_share(opened: Opened, control: float | None, strategy: Strategy) -> float:
    from .control import DEFAULT_SHARE, check_share

    if control is None:
        return DEFAULT_SHARE if opened.settings.oracle is None and strategy.needs else 0.0
    return check_share(control)


def check_needs_of(opened: Opened, strategy: Strategy) -> None:
    """Refuse a strategy that the task cannot serve before anything is asked for it."""
    from alkit.interfaces.contract import check_needs

    check_needs(strategy, opened.workbench.task(opened.classes).spec)


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


def _add_withdrawal(opened: Opened, query: Query) -> None:
    indices = [pick.index for pick in query.unanswered]
    opened.ledger.add_event("withdrawn", {"query": query.number, "indices": indices})
