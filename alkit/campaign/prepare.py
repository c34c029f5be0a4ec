"""A cycle before anything is chosen in it: what may be chosen, the trained model, the control slice."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.campaign.analysis.avoided import USABLE
from alkit.composition.factory import (
    ResolvedStrategy,
    effective_options,
    origin_of,
    resolve,
    text_of,
)
from alkit.utils.profiling import Profile

from .control import draw, slice_size
from .groups.standing import one_of_each
from .train import load_trained, round_of, train

if TYPE_CHECKING:
    from pathlib import Path

    from alkit._typing import Indices
    from alkit.campaign.record.query import Query
    from alkit.data.store import ImageStore
    from alkit.engine.cycle import Cycle
    from alkit.engine.passes import Passes
    from alkit.engine.round import Round
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy
    from alkit.interfaces.task import TaskModel

    from .given.outputs import Given
    from .resources import Resources
    from .session import CampaignSession


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCycle:
    """A cycle that can be opened.

    Attributes:
        chosen: the strategy, with its state from earlier cycles.
        selection: what to choose.
        round_: the round of active learning.
        task: the model; untrained where `trained` is None.
        trained: the training, or None for a strategy that needs none.
        candidates: [m] int64 ascending, positions that may be chosen.
        control: positions of the control slice, of these.
        audits: positions of near-duplicates that are asked to check copied labels, of these.
        offered: positions that the strategy chooses from.
        disputes: for a strategy that `asks_again`.
        no_label: positions that people could not label.
        resources: of the campaign.
        remembered: the file of the strategy's state from earlier cycles, or None.
    """

    chosen: ResolvedStrategy
    selection: Selection
    round_: Round
    task: TaskModel
    trained: TrainedModel | None
    candidates: Indices
    control: Indices
    audits: Indices
    offered: Indices
    disputes: Mapping[int, tuple[int, ...]] | None
    no_label: Indices
    resources: Resources
    remembered: Path | None

    @property
    def picks(self) -> int:
        """How many images the strategy chooses."""
        return self.selection.n - len(self.control) - len(self.audits)

    @property
    def source(self) -> str:
        """Where the strategy comes from, for error messages."""
        plugin = self.chosen.plugin
        return "" if plugin is None else f" of distribution '{plugin.distribution}'"

    def open(self, passes: Passes | None = None) -> Cycle:
        """Return the cycle that the strategy sees.

        Args:
            passes: where the results of passes over many images come from.
        """
        cycle = self.round_.open_cycle(
            self.task, self.trained, self.offered, disputes=self.disputes, no_label=self.no_label
        )
        cycle.passes = passes
        return cycle

    def choose(self, passes: Passes | None = None) -> None:
        """Let a copy of the strategy choose, for the passes that this takes."""
        strategy = copy.deepcopy(self.chosen.strategy)
        round_ = dataclasses.replace(self.round_, strategy=strategy, profile=Profile())
        again = dataclasses.replace(self, round_=round_)
        round_.choose(again.open(passes), self.picks, self.source)

    def identity(self, name: str, number: int) -> str:
        """Return all that a pass over images depends on, apart from which images.

        Args:
            name: of a pass that is the same for every strategy; empty for others.
            number: of a pass without a name, among those.
        """
        from alkit.engine.fingerprint import scoring_identity  # noqa: PLC0415  # torch takes seconds to import

        more: dict[str, Any] = {"images": self.resources.images_identity(), "pass": name or number}
        if not name:
            strategy, state = self.chosen.strategy, self.remembered
            more |= {
                "strategy": [strategy.name, effective_options(strategy), origin_of(strategy)],
                "state": None if state is None else hashlib.sha256(state.read_bytes()).hexdigest(),
                "choice": [self.picks, self.round_.selection_seed],
            }
        return scoring_identity(self.round_, self.task, self.trained, more)


def prepare(
    session: CampaignSession,
    chosen: ResolvedStrategy,
    selection: Selection,
    *,
    profile: Profile | None = None,
    trained: TrainedModel | None = None,
    load_only: bool = False,
) -> PreparedCycle:
    """Train the model where the strategy needs one, and draw the control slice.

    Args:
        session: holds the lock, unless `load_only`.
        chosen: the strategy.
        selection: what to choose.
        profile: collects seconds and memory.
        trained: the result, if this strategy was already trained for in this cycle.
        load_only: take the training from its checkpoint, and write nothing.

    Raises:
        NotTrained: there is no checkpoint to load.
    """
    strategy = chosen.strategy
    given = selection.given
    any_labels = len(session.pool.labeled) > 0
    images = _images_without_features(session, strategy, given)
    round_ = round_of(session, strategy, Profile() if profile is None else profile, images=images)
    state = session.state.remembered(strategy)
    remembered = None if state is None else session.directory / state
    if remembered is not None:
        round_.recall(remembered)
    judged = selection.control > 0 and not selection.seed and not strategy.asks_again
    judged = judged and (any_labels or given is not None)
    if given is None and trained is None and any_labels and (judged or strategy.needs):
        trained = (
            load_trained(session, strategy) if load_only else train(session, strategy, round_.profile)[0]
        )
    task = _task_of(session, given, trained)
    candidates = candidates_for(session, strategy) if selection.candidates is None else selection.candidates
    sliced = judged and not strategy.uniform and task.predicts_class
    if judged and not strategy.uniform and not task.predicts_class and not load_only:
        session.progress.line(
            f"no image is drawn as a control, since task '{session.settings.task.name}' does not predict one "
            "class an image; a test set (--test) says how good the model is"
        )
    size = slice_size(selection.control, selection.n) if sliced else 0
    control = draw(candidates, size, round_.selection_seed)
    offered = candidates  # ascending, so nothing needs sorting
    if size:
        offered = candidates[np.isin(candidates, control, invert=True)]
    audits = offered[:0]
    if not (selection.seed or strategy.uniform or strategy.asks_again):  # these choose among all
        offered, audits = one_of_each(session.state, offered, selection.n - size)
    return PreparedCycle(
        chosen=chosen,
        selection=selection,
        round_=round_,
        task=task,
        trained=trained,
        candidates=candidates,
        control=control,
        audits=audits,
        offered=offered,
        disputes=session.disputes if strategy.asks_again else None,
        no_label=_no_label(session, given),
        resources=session.resources,
        remembered=remembered,
    )


def _no_label(session: CampaignSession, given: Given | None) -> Indices:
    """Return the images that people could not label; with files, those that have rows in them."""
    found = session.pool.no_label
    for rows in () if given is None else given.matched:
        found = np.setdiff1d(found, rows.missing(found), assume_unique=True)
    return found


def _images_without_features(
    session: CampaignSession, strategy: Strategy, given: Given | None
) -> ImageStore | None:
    """Return the pool's images where nothing looks at features of theirs, else None."""
    if given is not None:
        return _no_pixels(session)
    if strategy.needs or len(session.pool.labeled):
        return None
    return session.resources.plain_images(session.state)


def _no_pixels(session: CampaignSession) -> ImageStore:
    from alkit.engine.given_outputs import NoPixels  # noqa: PLC0415  # torch takes seconds to import

    images = NoPixels(session.settings.image_shape, len(session.state.records))
    images.columns = session.resources.columns(session.state)
    return images


def _task_of(session: CampaignSession, given: Given | None, trained: TrainedModel | None) -> TaskModel:
    if given is not None:
        return given.model(session)
    return session.resources.task(session.state) if trained is None else trained.model


def candidates_for(session: CampaignSession, strategy: Strategy) -> Indices:
    """Return what a strategy may choose, [m] int64 ascending."""
    if strategy.asks_again:
        return np.array(list(session.disputes), np.int64)
    return session.pool.candidates


def resolve_strategy(
    session: CampaignSession,
    strategy: str | Strategy | type[Strategy] | ResolvedStrategy | None,
    options: Mapping[str, Any] | None,
) -> ResolvedStrategy:
    """Return a strategy given by its text, as an object or as a class, with its plugin."""
    if strategy is None or isinstance(strategy, str):
        return session.resources.strategy(strategy, options)
    return resolve(strategy, options)


def avoiding(session: CampaignSession, chosen: ResolvedStrategy) -> ResolvedStrategy:
    """Return a strategy that asks for fewer images that people probably cannot label.

    Raises:
        InvalidOption: the strategy chooses at random, or asks again.
    """
    if type(chosen.strategy).name == USABLE:
        return chosen
    return session.resources.strategy(f"{USABLE}({text_of(chosen.strategy, str)})")
