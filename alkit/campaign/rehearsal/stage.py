"""Where strategies are replayed: labeled images of which most play the pool, and a model to train on them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.composition.factory import text_of
from alkit.data.labeled_images import LabeledImages
from alkit.utils import seeding
from alkit.utils.progress import NullProgress, Progress

from .replays import STARTS, Arm, Replays, sizes_for

if TYPE_CHECKING:
    import torch

    from alkit._typing import Indices
    from alkit.data.store import ImageStore
    from alkit.engine.round import Round
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy
    from alkit.interfaces.task import TaskModel

Keep = Callable[[str, Callable[[], list[float]]], list[float]]
"""Returns what was kept under a name, or else computes and keeps it."""


def keep_nothing(name: str, compute: Callable[[], list[float]]) -> list[float]:
    """Compute."""
    return compute()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What replays need.

    Attributes:
        images: of the pool.
        labeled: positions of the labeled images, ascending.
        values: their labels.
        task: the model, built; every replay trains it anew.
        classes: names in the order of their numbers.
        test: images to judge models on; None where labels are held out for it.
        held_out: without a test set, positions of labeled images of which half is drawn for each replay.
        most_held_out: images to draw at most.
        seed: of all randomness.
        device: where tensors live.
        progress: shows how many models are trained.
        most_threads: on a CPU.
    """

    images: ImageStore
    labeled: Indices
    values: Sequence[Any]
    task: TaskModel
    classes: Sequence[str]
    test: LabeledImages | None
    held_out: Indices | None = None
    most_held_out: int = 500
    seed: int
    device: torch.device
    progress: Progress = field(default_factory=NullProgress)
    most_threads: int | None = None

    @property
    def judges(self) -> int:
        """How many images a model is judged on."""
        if self.test is not None:
            return len(self.test.indices)
        assert self.held_out is not None
        return min(len(self.held_out) // 2, self.most_held_out)

    @property
    def trained_on(self) -> int:
        """How many labels there are to train on."""
        return len(self.labeled) - (0 if self.test is not None else self.judges)

    def order(self, seed: int) -> Indices:
        """Return the labels to train on in the random order of one replay; the rest are its judges."""
        rng = seeding.numpy_generator(self.seed, "rehearsal", seed)
        return rng.permutation(np.setdiff1d(self.labeled, self._judges_of(seed)))

    def _judges_of(self, seed: int) -> Indices:
        if self.test is not None:
            return self.labeled[:0]
        assert self.held_out is not None
        rng = seeding.numpy_generator(self.seed, "rehearsal", seed, "judges")
        return np.sort(rng.choice(self.held_out, size=self.judges, replace=False))

    def replays(self, strategies: Sequence[Strategy], seeds: int, keep: Keep = keep_nothing) -> Replays:
        """Replay random labels and strategies.

        Args:
            strategies: that choose.
            seeds: replays of each.
            keep: keeps the results of single replays, so that an interrupted call can go on.

        Raises:
            TrainingError: the labels do not allow it.
            UnsupportedTask: a strategy needs what the task does not provide.
        """
        sizes = sizes_for(self.trained_on)
        trainings = seeds * (len(sizes) + len(strategies) * 2 * len(STARTS))
        arms: dict[str, list[list[float]]] = {text_of(strategy): [] for strategy in strategies}
        curve = []
        with self.progress.bar(trainings, "rehearse") as bar:

            def replayed(name: str, compute: Callable[[], list[float]], trained: int) -> list[float]:
                found = keep(name, compute)
                bar.update(trained)
                return found

            for seed in range(seeds):
                order = self.order(seed)
                curve.append(
                    replayed(f"random-{seed}", lambda: self._curve(seed, order, sizes), len(sizes))  # noqa: B023
                )
                for text, strategy in zip(arms, strategies, strict=True):
                    values = replayed(
                        f"{text}-{seed}",
                        lambda: self._arms(seed, order, sizes, strategy),  # noqa: B023
                        2 * len(STARTS),
                    )
                    arms[text].append(values)
        return Replays(
            sizes=sizes,
            curve=tuple(map(tuple, curve)),
            arms={
                name: tuple(
                    Arm(sizes[start], sizes[end], tuple(row[place] for row in rows))
                    for place, (start, end) in enumerate(STARTS)
                )
                for name, rows in arms.items()
            },
        )

    def _curve(self, seed: int, order: Indices, sizes: Sequence[int]) -> list[float]:
        return [self._goodness(self._round(seed, order[:size], None), seed) for size in sizes]

    def _arms(self, seed: int, order: Indices, sizes: Sequence[int], strategy: Strategy) -> list[float]:
        found = []
        for start, end in STARTS:
            chooser = copy.deepcopy(strategy)  # it remembers nothing from one replay to the next
            round_ = self._round(seed, order[: sizes[start]], chooser)
            trained = self._trained(round_, seed) if strategy.needs else None
            cycle = round_.open_cycle(self.task, trained, np.sort(order[sizes[start] :]))
            picks = round_.choose(cycle, sizes[end] - sizes[start])
            known = np.concatenate([order[: sizes[start]], picks])
            found.append(self._goodness(self._round(seed, known, chooser), seed))
        return found

    def _round(self, seed: int, indices: Indices, strategy: Strategy | None) -> Round:
        from alkit.engine.round import Round  # noqa: PLC0415  # torch takes seconds to import

        return Round(
            number=seed,
            seed=seeding.derive(self.seed, "rehearsal"),
            labeled=self._labeled(indices),
            strategy=strategy,
            device=self.device,
            most_threads=self.most_threads,
        )

    def _labeled(self, indices: Indices) -> LabeledImages:
        indices = np.sort(indices)
        places = np.searchsorted(self.labeled, indices)
        return LabeledImages(
            images=self.images, indices=indices, values=[self.values[place] for place in places.tolist()]
        )

    def _trained(self, round_: Round, seed: int) -> TrainedModel:
        test = self._labeled(self._judges_of(seed)) if self.test is None else self.test
        return round_.train(self.task, classes=self.classes, test=test)

    def _goodness(self, round_: Round, seed: int) -> float:
        metric = self.task.metrics[0]
        value = self._trained(round_, seed).metrics[metric.name]
        return value if metric.higher_is_better else -value
