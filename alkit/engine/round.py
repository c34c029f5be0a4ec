"""One round of active learning: train, look at the pool, choose, remember.

Campaigns, benchmark cells and the conformance kit share it, so that a strategy gets the same training,
the same randomness and the same checks in each of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.interfaces.contract import check_columns, check_needs, choose
from alkit.plugin.tasks import encode
from alkit.utils import seeding
from alkit.utils.devices import threads_for
from alkit.utils.profiling import Profile
from alkit.utils.progress import NullProgress, Progress

from .cycle import Cycle, PoolView, Scoring
from .pretrain import Pretraining
from .strategy_state import load_state, save_state
from .train import TrainedModel, TrainingJob, train_model

if TYPE_CHECKING:
    import torch

    from alkit._typing import Indices
    from alkit.data.labeled_images import LabeledImages
    from alkit.interfaces.strategy import Strategy
    from alkit.interfaces.task import TaskModel
    from alkit.training.group import TrainingGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The inputs of one round.

    Attributes:
        number: rounds before it.
        seed: of the campaign or cell; all randomness of the round is derived from it and `number`.
        labeled: the labeled images.
        strategy: chooses, after its companion was trained with the model; None trains a plain model.
        device: where tensors live.
        progress: shows long work.
        profile: collects seconds and peak memory by phase.
        most_threads: on a CPU; more or fewer may round differently. None: as many as torch uses already.
    """

    number: int
    seed: int
    labeled: LabeledImages
    strategy: Strategy | None
    device: torch.device
    progress: Progress = field(default_factory=NullProgress)
    profile: Profile = field(default_factory=Profile)
    most_threads: int | None = None

    def train(
        self,
        task: TaskModel,
        *,
        classes: Sequence[str],
        test: LabeledImages | None = None,
        checkpoints: Path | None = None,
        previous: Path | None = None,
        load_only: bool = False,
        group: TrainingGroup | None = None,
    ) -> TrainedModel:
        """Train the task model together with the strategy's companion; see `TrainingJob` and `train_model`.

        Args:
            task: built.
            classes: names in the order of their numbers.
            test: images to evaluate on.
            checkpoints: directory to save the result to and load it from.
            previous: checkpoint of the round before.
            load_only: take the result from its checkpoint.
            group: the processes that train together.

        Raises:
            TrainingError: the labels do not allow it, or the loss is not finite.
            SourceError: the pool has no column that the strategy asks for.
            NotTrained: there is no checkpoint to load.
            UnsupportedTask: the strategy needs what the task does not provide.
        """
        if self.strategy is not None:
            check_columns(self.strategy, self.labeled.images)
        job = TrainingJob(
            cycle=self.number,
            seed=self.seed,
            labeled=self.labeled,
            test=test,
            classes=classes,
            strategy=self.strategy,
            checkpoints=checkpoints,
            previous=previous,
            load_only=load_only,
            group=group,
        )
        with self.threads():
            return train_model(task, job, self.device, self.progress, self.profile)

    def open_cycle(
        self,
        task: TaskModel,
        trained: TrainedModel | None,
        candidates: Indices,
        *,
        disputes: Mapping[int, tuple[int, ...]] | None = None,
        no_label: Indices | None = None,
        batch_size: int | None = None,
    ) -> Cycle:
        """Return the cycle that the strategy sees.

        Args:
            task: the model; untrained where `trained` is None.
            trained: what `train` returned, or None for a strategy that needs no model.
            candidates: [m] int64 ascending, positions in the pool that may be chosen.
            disputes: for a strategy that `asks_again`.
            no_label: [k] int64 ascending, positions that people could not label.
            batch_size: images scored at once; what the task says by default.

        Raises:
            UnsupportedTask: the strategy needs what the task does not provide.
        """
        if self.strategy is not None:
            check_needs(self.strategy, task.spec)
        if trained is None:
            self._pretrain(task)
            task.network.eval()
        targets = encode(task, self.labeled.values) if trained is None else trained.targets
        precision = task.recipe(len(self.labeled.indices)).precision
        return Cycle(
            PoolView(
                self.labeled.images,
                self.labeled.indices,
                targets,
                candidates,
                disputes or {},
                candidates[:0] if no_label is None else no_label,
            ),
            number=self.number,
            seed=self.selection_seed,
            model=task,
            companion=None if trained is None else trained.companion,
            scoring=Scoring(self.device, batch_size or task.scoring_batch(), precision),
            progress=self.progress,
            profile=self.profile,
        )

    def _pretrain(self, task: TaskModel) -> None:
        """Give a task that is not trained the weights of its pretraining, if the strategy looks at them."""
        if self.strategy is None or "embedding" not in self.strategy.needs or not task.pretrains:
            return
        pretraining = Pretraining(
            images=self.labeled.images,
            seed=self.seed,
            device=self.device,
            progress=self.progress,
            profile=self.profile,
        )
        with self.threads():
            start = pretraining.of(task)
        task.reset(seeding.derive(self.seed, "weights", self.number))
        if start is not None:
            task.start_from(start.weights)

    @property
    def selection_seed(self) -> int:
        """The seed of everything that is drawn while images are chosen."""
        return seeding.derive(self.seed, "select", self.number)

    def threads(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that uses the best number of threads for images of this size."""
        return threads_for(max(self.labeled.images.shape[1:]), self.device, self.most_threads)

    def choose(self, cycle: Cycle, n: int, source: str = "") -> Indices:
        """Let the strategy choose n candidates, most wanted first, with the best number of threads.

        Args:
            cycle: of this round.
            n: how many.
            source: where the strategy comes from, for error messages.

        Raises:
            InvalidSelection: the strategy failed, or did not return n distinct candidates.
        """
        assert self.strategy is not None
        with self.threads():
            return choose(self.strategy, cycle, n, seed=self.selection_seed, source=source)

    def remember(self, directory: Path) -> Path | None:
        """Write the strategy's state to a file in a directory; return the file, or None."""
        assert self.strategy is not None
        return save_state(self.strategy, directory, self.number)

    def recall(self, path: Path) -> None:
        """Restore the strategy's state from an earlier round.

        Raises:
            CampaignError: the file is missing or cannot be read.
        """
        assert self.strategy is not None
        load_state(self.strategy, path)
