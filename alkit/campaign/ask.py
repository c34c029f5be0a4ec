"""Asking a query."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from alkit.errors import InvalidBudget

from .choose import (
    Selection,
    can_choose_now,
    candidates_for,
    check_budget,
    check_task_provides,
    choose_and_record,
    resolve_seed_strategy,
    resolve_strategy,
)
from .control import DEFAULT_SHARE, check_share
from .query_files import write_for_people
from .tell import consult

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query
    from alkit.composition.factory import ResolvedStrategy
    from alkit.interfaces.strategy import Strategy

    from .session import CampaignSession


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What to ask in a query.

    Attributes:
        n: images.
        strategy: its text, or the strategy itself; the campaign's own by default.
        options: of a strategy given by its text.
        new: withdraw what is open.
        seed_strategy: chooses while nothing is labeled.
        seed_size: images of a seed query that an oracle answers; `n` by default.
        control: share of the n images that is drawn at random from all candidates before the strategy
            chooses, so that the answers say how good the model is; by default a tenth where people
            answer and the strategy has a model trained, else none. Seed queries, queries of fewer than
            ten images, strategies that choose uniformly and those that ask again have none, nor do tasks
            that predict no class an image. Where a share is named, a model is trained for its
            predictions, also for a strategy that needs none.
    """

    n: int
    _: KW_ONLY
    strategy: str | Strategy | ResolvedStrategy | None = None
    options: Mapping[str, Any] | None = None
    new: bool = False
    seed_strategy: str = "random"
    seed_size: int | None = None
    control: float | None = None


def ask(session: CampaignSession, request: QueryRequest) -> Query:
    """Choose images, record the choice, write it for people, and return it: see `Campaign.ask`."""
    with session.lock(images=True):
        open_query = session.open_query
        if open_query is not None and not request.new:
            if request.strategy is not None:
                resolve_strategy(
                    session, request.strategy, request.options
                )  # report a typo even if nothing is chosen
            write_for_people(session, open_query)
            return dataclasses.replace(open_query, reused=True)
        chosen = resolve_strategy(session, request.strategy, request.options)
        control = _control_share(session, request.control, chosen.strategy)
        if open_query is not None:  # recorded together with the query that replaces it
            session.pool.withdraw(pick.index for pick in open_query.unanswered)
        left = len(candidates_for(session, chosen.strategy))
        if left == 0 and chosen.strategy.asks_again:
            raise InvalidBudget("there are no disputed images: annotators disagree on none")
        check_budget(request.n, left)
        selection = Selection(n=request.n, control=control, instead_of=open_query)
        if can_choose_now(session, chosen.strategy):
            return choose_and_record(session, chosen, selection)
        return _seed_first(session, request, chosen, selection, left)


def _seed_first(
    session: CampaignSession,
    request: QueryRequest,
    chosen: ResolvedStrategy,
    selection: Selection,
    left: int,
) -> Query:
    """Ask a seed query; if an oracle answers it at once, ask the main query too."""
    check_task_provides(session, chosen.strategy)
    if not chosen.strategy.needs_labels and chosen.strategy.needs == {"embedding"}:
        session.progress.line(
            f"'{chosen.strategy.name}' needs no seed if the network is pretrained: with starting "
            "weights, or with a frozen backbone"
        )
    seeder = resolve_seed_strategy(session, request.seed_strategy)
    seed = dataclasses.replace(selection, seed=True, control=0.0)
    oracle = session.oracle()
    if oracle is None:
        session.progress.line(
            f"nothing is labeled yet: '{request.seed_strategy}' chooses these {request.n} images, as a seed "
            f"for '{chosen.strategy.name}'"
        )
        return choose_and_record(session, seeder, seed)
    size = min(request.n, left - request.n) if request.seed_size is None else request.seed_size
    if not 1 <= size <= left - request.n:
        raise InvalidBudget(
            f"nothing is labeled yet, so a seed query comes first; a budget of {request.n:,} plus a seed of "
            f"{size or 1:,} is more than the {left:,} images left to choose from"
        )
    first = choose_and_record(session, seeder, dataclasses.replace(seed, n=size))
    report = consult(session, oracle, first)
    session.progress.line(
        f"seed set: {report.accepted} images chosen by '{request.seed_strategy}' and labeled by "
        f"oracle '{oracle.name}'"
    )
    return choose_and_record(session, chosen, dataclasses.replace(selection, instead_of=None))


def _control_share(session: CampaignSession, control: float | None, strategy: Strategy) -> float:
    if control is None:
        return DEFAULT_SHARE if session.settings.oracle is None and strategy.needs else 0.0
    return check_share(control)
