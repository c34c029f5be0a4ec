"""Rehearsing a campaign: what the next labels would bring, before anybody pays for them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit._version import __version__
from alkit.campaign.prepare import resolve_strategy
from alkit.campaign.train import round_of
from alkit.composition.factory import effective_options, origin_of, text_of
from alkit.data.sources import VECTORS
from alkit.errors import AlkitError, InvalidOption, UsageError
from alkit.interfaces.contract import check_needs
from alkit.utils.files import write_atomically
from alkit.utils.json_values import as_json
from alkit.utils.profiling import Profile

from . import forecast
from .forecasts import Judged, Rehearsal
from .result_file import write_rehearsal
from .stage import Keep, Stage

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.campaign.session import CampaignSession
    from alkit.interfaces.strategy import Strategy

MORE = (100, 500, 1000)
SEEDS = 5
LEAST_LABELS = 60
LEAST_RANDOM = 80  # random labels that are worth judging on
USUAL = ("badge", "margin")
KEPT = "rehearsals"


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRequest:
    """What to rehearse.

    Attributes:
        strategies: texts of strategies; by default the campaign's own, `badge` and `margin`.
        more: numbers of further labels.
        seeds: replays of each strategy.
    """

    strategies: Sequence[str] = ()
    more: Sequence[int] = MORE
    seeds: int = SEEDS


def rehearse(session: CampaignSession, request: RehearsalRequest) -> Rehearsal:
    """Replay strategies on the labels at hand and forecast: see `Campaign.rehearse`."""
    if request.seeds < 2:
        raise InvalidOption(f"a rehearsal needs at least 2 replays, not {request.seeds}; 5 are usual")
    if not request.more or min(request.more) < 1:
        raise InvalidOption("name the numbers of further labels to forecast, each at least 1")
    _check_labels(session)
    with session.lock(images=True):  # images and features are there from now on
        stage, judged = _stage_of(session)
    strategies = _strategies(session, request, stage)
    replays = stage.replays(strategies, request.seeds, _keeper(session, stage, strategies))
    metric = stage.task.metrics[0]
    pool = session.pool
    now = float(np.mean([row[-1] for row in replays.curve]))
    found = Rehearsal(
        labels=len(_own_labels(session)),
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        value=now if metric.higher_is_better else -now,
        judged=judged,
        judges=stage.judges,
        seeds=request.seeds,
        level=forecast.LEVEL,
        strategies=forecast.outlooks(
            replays,
            labels=len(_own_labels(session)),
            pool=len(pool.labeled) + len(pool.candidates),
            more=_possible(request.more, len(pool.candidates)),
            top=1.0 if metric.higher_is_better else 0.0,
            luck=forecast.luck_of(replays, stage.judges, is_share=metric.is_share),
        ),
    )
    write_rehearsal(session.directory, found)
    return found


def _check_labels(session: CampaignSession) -> None:
    labels = len(_own_labels(session))
    if labels < LEAST_LABELS:
        raise UsageError(
            f"a rehearsal replays strategies on the labels at hand and needs at least {LEAST_LABELS}, and "
            f"there are {labels}; label more first, with 'alkit query'"
        )
    if len(session.pool.candidates) == 0:
        raise UsageError("there are no candidates left, so no label can follow that could be forecast")
    if session.settings.pool.location.startswith(VECTORS):
        raise UsageError("the pool holds vectors without pixels, so there is nothing to train on")


def _possible(more: Sequence[int], candidates: int) -> list[int]:
    """Return the numbers that the pool has images for; all that is left where it has for none."""
    return sorted({count for count in more if count <= candidates}) or [candidates]


def _stage_of(session: CampaignSession) -> tuple[Stage, Judged]:
    resources, state = session.resources, session.state
    round_ = round_of(session, None, Profile())
    test = resources.test_images(session.ledger, state)
    judged: Judged = "test set"
    held_out: Indices | None = None
    if test is None or len(test.indices) == 0:
        test, held_out = None, _labeled_at_random(session)
        judged = "random images"
        if len(held_out) < LEAST_RANDOM:
            held_out, judged = _own_labels(session), "all labels"
    own = _own_labels(session)
    value_of = dict(zip(round_.labeled.indices.tolist(), round_.labeled.values, strict=True))
    stage = Stage(
        images=round_.labeled.images,
        labeled=own,
        values=[value_of[index] for index in own.tolist()],
        task=resources.task(state),
        classes=session.classes,
        test=test,
        held_out=held_out,
        seed=session.settings.seed,
        device=round_.device,
        progress=session.progress,
        most_threads=round_.most_threads,
    )
    return stage, judged


def _own_labels(session: CampaignSession) -> Indices:
    """Return the labeled images without those whose label is a copy of another's."""
    pool = session.pool
    return np.setdiff1d(pool.labeled, np.array(list(pool.copied), np.int64))


def _labeled_at_random(session: CampaignSession) -> Indices:
    """Return the labeled images that were drawn at random: of control slices and uniform strategies."""
    drawn = [
        pick.index for query in session.queries for pick in query.picks if pick.control or query.asked.uniform
    ]
    return np.intersect1d(np.array(drawn, np.int64), session.pool.labeled)


def _strategies(session: CampaignSession, request: RehearsalRequest, stage: Stage) -> list[Strategy]:
    if request.strategies:
        found = [resolve_strategy(session, text, {}).strategy for text in request.strategies]
        for strategy in found:
            check_needs(strategy, stage.task.spec)
            if strategy.asks_again:
                raise InvalidOption(f"'{strategy.name}' asks again for labels, which cannot be rehearsed")
    else:
        found = [session.resources.strategy().strategy]
        for text in USUAL:
            with contextlib.suppress(AlkitError):  # the task may not provide what it needs
                strategy = resolve_strategy(session, text, {}).strategy
                check_needs(strategy, stage.task.spec)
                found.append(strategy)
    named = {text_of(strategy): strategy for strategy in found if not strategy.uniform}
    return [strategy for strategy in named.values() if not strategy.asks_again]


def _keeper(session: CampaignSession, stage: Stage, strategies: Sequence[Strategy]) -> Keep:
    """Return what keeps the results of single replays in files, named by all that they depend on."""
    folder = session.directory / "cache" / KEPT
    folder.mkdir(parents=True, exist_ok=True)
    test = None if stage.test is None else [stage.test.indices.tolist(), _hash(stage.test.values)]
    held_out = None if stage.held_out is None else stage.held_out.tolist()
    base: list[Any] = [__version__, stage.labeled.tolist(), _hash(stage.values), test, held_out]
    base += [session.settings.task.as_dict(), list(session.classes), stage.seed, str(stage.device)]
    about = {text_of(strategy): [effective_options(strategy), origin_of(strategy)] for strategy in strategies}
    base_hash = _hash(base)

    def keep(name: str, compute: Callable[[], list[float]]) -> list[float]:
        path = folder / f"{_hash([base_hash, name, about.get(name.rpartition('-')[0])])[:24]}.json"
        try:
            kept: list[float] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            kept = compute()
            write_atomically(path, as_json(kept))
        return kept

    return keep


def _hash(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()
