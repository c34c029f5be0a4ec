"""Asking a query."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.analysis.avoided import USABLE
from alkit.data.sources import VECTORS
from alkit.errors import InvalidBudget, InvalidOption
from alkit.plugin.executors import open_executor
from alkit.utils.counts import counted

from .choose import (
    can_choose_now,
    check_budget,
    check_task_provides,
    choose_and_record,
    resolve_seed_strategy,
)
from .control import DEFAULT_SHARE, check_share
from .given.files import GivenFiles, Rows, read_files
from .given.outputs import Given, match_files
from .given.refusals import check_companion, check_given
from .prepare import Selection, avoiding, candidates_for, resolve_strategy
from .query_files import write_for_people
from .shards.features import encode_elsewhere
from .shards.passes import Sharing, check_shared
from .tell import consult

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query
    from alkit.composition.factory import ResolvedStrategy
    from alkit.engine.passes import Passes
    from alkit.interfaces.executor import Executor
    from alkit.interfaces.strategy import Strategy

    from .prepare import PreparedCycle
    from .session import CampaignSession
MANY, MANY_SHARE = 10, 0.1  # answers without a label


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What to ask in a query.

    Attributes:
        n: images.
        strategy: its text, the strategy itself, or its class; the campaign's own by default.
        options: of a strategy given by its text or its class.
        new: withdraw what is open.
        seed_strategy: chooses while nothing is labeled.
        seed_size: images of a seed query that an oracle answers; `n` by default.
        avoid_unusable: ask for fewer images that people probably cannot label, see the strategy `usable`.
        control: share of the n images that is drawn at random from all candidates before the strategy
            chooses, so that the answers say how good the model is; by default a tenth where people
            answer and the strategy has a model trained, else none. Seed queries, queries of fewer than
            ten images, strategies that choose uniformly and those that ask again have none, nor do tasks
            that predict no class an image. Where a share is named, a model is trained for its
            predictions, also for a strategy that needs none.
        scores: folder of what `Campaign.score` has computed for this query; what is missing is added to it.
        executor: where the rest is computed: a name, or the executor itself; here by default. No executor
            changes what is chosen.
        executor_options: of an executor given by its name.
        embeddings: a file of embeddings, or an array [N, D] in the order of the pool; with these or
            predictions, nothing is trained.
        predictions: a file of predictions, or an array of probabilities [N, classes].
        logits: the predictions are logits.
        prediction_classes: the classes of the columns of predictions, where the file does not name them.
        partial: choose among the images that have rows in the files, instead of refusing if some have none.
    """

    n: int
    _: KW_ONLY
    strategy: str | Strategy | type[Strategy] | ResolvedStrategy | None = None
    options: Mapping[str, Any] | None = None
    new: bool = False
    seed_strategy: str = "random"
    seed_size: int | None = None
    avoid_unusable: bool = False
    control: float | None = None
    embeddings: Rows | None = None
    predictions: Rows | None = None
    logits: bool = False
    prediction_classes: Sequence[str] = ()
    partial: bool = False
    scores: str | Path | None = None
    executor: str | Executor | None = None
    executor_options: Mapping[str, Any] | None = None

    def read_files(self) -> GivenFiles | None:
        """Read the files; None if there are none.

        Raises:
            InvalidRows: they cannot be used.
        """
        return read_files(
            self.embeddings,
            self.predictions,
            logits=self.logits,
            classes=self.prediction_classes,
            partial=self.partial,
        )

    @property
    def sharing(self) -> Sharing | None:
        """How passes over the pool are shared with other processes; None if they are not.

        Raises:
            UnknownPlugin, InvalidOption: there is no such executor, or an option does not fit it.
        """
        if self.executor is None and self.scores is None:
            return None
        return Sharing(
            scores=None if self.scores is None else Path(self.scores),
            executor=None if self.executor is None else open_executor(self.executor, self.executor_options),
        )


def ask(session: CampaignSession, request: QueryRequest) -> Query:
    """Choose images, record the choice, write it for people, and return it: see `Campaign.ask`."""
    sharing = request.sharing  # report a typo before anything else
    files = with_vectors_of_pool(session, request.read_files())
    with session.lock(images=True):
        open_query = session.open_query
        if open_query is not None and not request.new:
            if request.strategy is not None:
                strategy_of(session, request)  # report a typo even if nothing is chosen
            write_for_people(session, open_query)
            return dataclasses.replace(open_query, reused=True)
        chosen, selection = selection_of(session, request, files)
        passes = None
        if sharing is not None:
            check_shared(selection)
            if sharing.executor is not None:
                encode_elsewhere(session, sharing.executor)
            passes = sharing.passes(session)
        if can_choose_now(session, chosen.strategy, selection.given):
            query = choose_and_record(session, chosen, selection, passes=passes)
        else:
            query = _seed_first(session, request, chosen, selection, passes)
        if sharing is not None:
            sharing.clean_up(session)
        _propose_to_avoid(session, query)
        return query


def selection_of(
    session: CampaignSession, request: QueryRequest, files: GivenFiles | None
) -> tuple[ResolvedStrategy, Selection]:
    """Return the strategy of a query and what it is to choose; withdraw the open query in this session.

    Raises:
        InvalidBudget: there are not so many candidates.
    """
    chosen = strategy_of(session, request)
    given = _matched(session, files, chosen.strategy)
    control = _control_share(session, request.control, chosen.strategy, given)
    open_query = session.open_query
    if open_query is not None:  # recorded together with the query that replaces it
        session.pool.withdraw(pick.index for pick in open_query.unanswered)
    candidates = candidates_for(session, chosen.strategy)
    if given is not None:
        candidates = given.with_rows(candidates)
    left = len(candidates)
    if left == 0 and chosen.strategy.asks_again:
        raise InvalidBudget("there are no disputed images: annotators disagree on none")
    check_budget(request.n, left)
    selection = Selection(
        n=request.n,
        control=control,
        candidates=None if given is None else candidates,
        instead_of=open_query,
        given=given,
    )
    return chosen, selection


def strategy_of(session: CampaignSession, request: QueryRequest) -> ResolvedStrategy:
    """Return the strategy of a request, inside `usable` if images are to be avoided."""
    chosen = resolve_strategy(session, request.strategy, request.options)
    return avoiding(session, chosen) if request.avoid_unusable else chosen


def _propose_to_avoid(session: CampaignSession, query: Query) -> None:
    """Say that many answers have no label, where the query does not avoid that."""
    without, labels = len(session.pool.no_label), len(session.pool.labeled)
    told = query.asked.uniform or USABLE in query.asked.strategy
    if not told and without >= MANY and without >= MANY_SHARE * (without + labels):
        session.progress.line(
            f"{without:,} of {without + labels:,} answers are 'unusable' or 'abstain'; --avoid-unusable asks "
            "for fewer such images"
        )


def _seed_first(
    session: CampaignSession,
    request: QueryRequest,
    chosen: ResolvedStrategy,
    selection: Selection,
    passes: Callable[[PreparedCycle], Passes] | None,
) -> Query:
    """Ask a seed query; if an oracle answers it at once, ask the main query too."""
    if selection.given is None:
        check_task_provides(session, chosen.strategy)
    candidates = selection.candidates
    left = len(candidates_for(session, chosen.strategy) if candidates is None else candidates)
    if not chosen.strategy.needs_labels and chosen.strategy.needs == {"embedding"}:
        session.progress.line(
            f"'{chosen.strategy.name}' needs no seed if the network is pretrained: with starting "
            "weights, or with a frozen backbone"
        )
    seeder = resolve_seed_strategy(session, request.seed_strategy, selection.given)
    seed = dataclasses.replace(selection, seed=True, control=0.0)
    oracle = session.oracle()
    if oracle is None:
        session.progress.line(
            f"nothing is labeled yet: '{request.seed_strategy}' chooses "
            f"{counted(request.n, 'image')} as a seed for '{chosen.strategy.name}'"
        )
        return choose_and_record(session, seeder, seed, passes=passes)
    size = min(request.n, left - request.n) if request.seed_size is None else request.seed_size
    if not 1 <= size <= left - request.n:
        raise InvalidBudget(
            f"nothing is labeled yet, so a seed query comes first; a budget of {request.n:,} plus a seed of "
            f"{size or 1:,} is more than the {counted(left, 'image')} left to choose from"
        )
    first = choose_and_record(session, seeder, dataclasses.replace(seed, n=size), passes=passes)
    report = consult(session, oracle, first)
    session.progress.line(
        f"seed set: {counted(report.accepted, 'image')} chosen by '{request.seed_strategy}' and labeled by "
        f"oracle '{oracle.name}'"
    )
    selection = dataclasses.replace(selection, instead_of=None)
    if selection.given is not None:
        left_now = selection.given.with_rows(candidates_for(session, chosen.strategy))
        selection = dataclasses.replace(selection, candidates=left_now)
    return choose_and_record(session, chosen, selection, passes=passes)


def with_vectors_of_pool(session: CampaignSession, files: GivenFiles | None) -> GivenFiles | None:
    """Take the vectors of a pool without pixels as its embeddings, unless others are given."""
    if not session.settings.pool.location.startswith(VECTORS) or (files and files.embeddings is not None):
        return files
    from alkit.data.sources.vectors import Vectors  # noqa: PLC0415  # numpy is slow to import

    source = session.source
    assert isinstance(source, Vectors)
    rows = dataclasses.replace(source.rows, names=source.keys())
    return dataclasses.replace(files or GivenFiles(), embeddings=rows)


def _matched(session: CampaignSession, files: GivenFiles | None, strategy: Strategy) -> Given | None:
    """Match the files with the pool, after refusing a strategy that they cannot serve."""
    if files is None:
        return None
    check_given(strategy, files.provides)
    given = match_files(session, files)
    check_companion(strategy, given.model(session).spec)
    for note in given.notes:
        session.progress.line(note)
    return given


def _control_share(
    session: CampaignSession, control: float | None, strategy: Strategy, given: Given | None
) -> float:
    if given is not None and not given.named:
        if control:
            raise InvalidOption(
                "a control measures predictions, so it needs --predictions with names of classes"
            )
        return 0.0
    if control is None:
        return DEFAULT_SHARE if session.settings.oracle is None and strategy.needs else 0.0
    return check_share(control)
