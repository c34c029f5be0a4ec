"""Everything a strategy may look at while it chooses; this excludes hidden labels."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from alkit.data.loader import Batch, Loader
from alkit.data.targets import map_tensors
from alkit.interfaces.task import TaskModel
from alkit.plugin.tasks import output_of
from alkit.training.precision import autocast
from alkit.training.recipe import Precision
from alkit.training.types import Output
from alkit.utils import seeding
from alkit.utils.counts import counted
from alkit.utils.profiling import Profile
from alkit.utils.progress import NullProgress, Progress

from .draw import Draw
from .passes import Pass, Passes, computed_at_once

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from alkit._typing import Indices
    from alkit.data.loader import Augment
    from alkit.data.store import ImageStore
    from alkit.data.targets import Targets
    from alkit.distances import RowView
    from alkit.training.types import Companion


SCORING_BATCH = 256


@dataclass(frozen=True, slots=True)
class PoolView:
    """The pool as a strategy sees it: images, the labels it may know, and what it may choose.

    Attributes:
        images: all images of the pool.
        labeled: [n] int64 ascending, positions in the pool.
        targets: [n, ...] their targets, in that order.
        candidates: [m] int64 ascending, positions that may be chosen.
        disputes: for a strategy that `asks_again`; see `Cycle.disputes`.
        no_label: [k] int64 ascending, positions that people could not label.
    """

    images: ImageStore
    labeled: Indices
    targets: Tensor | Targets
    candidates: Indices
    disputes: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    no_label: Indices = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Scoring:
    """How the model is applied to many images: on which device, how many at once, in which precision."""

    device: torch.device
    batch_size: int = SCORING_BATCH
    precision: Precision = "float32"


class Cycle:
    """One look at the pool: the trained model, what is labeled, what may be chosen.

    Attributes:
        number: cycles completed before this one.
        model: the task model, trained, in eval mode on `device`.
        companion: the strategy's own companion, trained with the model, or None.
        labeled: [n] int64 ascending, positions in the pool.
        targets: [n, ...] what the model trained on, in the order of `labeled`.
        candidates: [m] int64 ascending, what may be chosen.
        disputes: for a strategy that `asks_again`, how many annotators gave each answer to a candidate,
            the most frequent first.
        no_label: [k] int64 ascending, images that people judged unusable, or on which they abstained.
        rng: numpy generator of this cycle.
        device: where tensors live.
        batch_size: images scored at once.
        precision: of the model's forward pass, that of its training; what comes out is float32.
        diagnostics: numbers and sentences to be recorded with the query; strategies add to it.
        profile: seconds and peak memory by phase.
        progress: where long work shows how far it is.
        passes: where the results of passes over many images come from; None computes them here.
        draws: what was drawn at random with known chances, see `record_draw`.
    """

    def __init__(
        self,
        pool: PoolView,
        *,
        number: int,
        seed: int,
        model: TaskModel,
        companion: Companion | None,
        scoring: Scoring,
        progress: Progress | None = None,
        profile: Profile | None = None,
    ) -> None:
        self.number, self.model, self.companion = number, model, companion
        self.labeled, self.targets, self.candidates = pool.labeled, pool.targets, pool.candidates
        self.disputes, self.no_label = pool.disputes, pool.no_label
        self.device, self.batch_size, self.precision = scoring.device, scoring.batch_size, scoring.precision
        self.rng = seeding.numpy_generator(seed, "cycle")
        self.diagnostics: dict[str, Any] = {}
        self.progress: Progress = NullProgress() if progress is None else progress
        self.profile = Profile() if profile is None else profile
        self.scores: dict[int, float] = {}
        self.draws: list[Draw] = []
        self.passes: Passes | None = None
        self._seed = seed
        self._loader = Loader(
            pool.images,
            self.device,
            targets=pool.targets,
            labeled=pool.labeled,
            augment=own_augment(model),
        )
        self._embeddings: Tensor | None = None
        self._whole: Cycle | None = None
        self._row = np.full(len(pool.images), -1, dtype=np.int64)

    @classmethod
    def open(cls, ref: CycleReference) -> Cycle:
        """Return the cycle that a reference names, in any process that sees the same files.

        Raises:
            CampaignError: the campaign has changed since the reference was made.
        """
        return ref.open()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the pool's images."""
        return self._loader.store.shape

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return what the source knows of each image of the pool, such as `cost`: [N], numbers or text.

        Raises:
            SourceError: the pool has no such column.
        """
        return self._loader.store.column(name)

    def generator(self, *purpose: str | int) -> torch.Generator:
        """Return a torch generator on the CPU for one purpose of this cycle."""
        return seeding.torch_generator(self._seed, *purpose)

    def narrowed(self, candidates: Indices, *purpose: str | int, companion: Companion | None = None) -> Cycle:
        """Return a view with fewer candidates, for a strategy inside another.

        Model, labels, embeddings, profile and progress are shared; randomness, diagnostics, scores and
        draws are its own.

        Args:
            candidates: a subset of `candidates`.
            purpose: identifies the view: the same words give the same randomness.
            companion: of the strategy that gets the view.

        Raises:
            ValueError: some are not candidates of this cycle.
        """
        view = copy.copy(self)
        view.candidates = np.unique(candidates)
        if not np.isin(view.candidates, self.candidates).all():
            raise ValueError("a view of a cycle cannot have candidates that the cycle does not have")
        view.companion = companion
        view._seed = seeding.derive(self._seed, "narrowed", *purpose)
        view.rng = seeding.numpy_generator(view._seed, "cycle")
        view.diagnostics, view.scores, view.draws = {}, {}, []
        view._whole = self if self._whole is None else self._whole
        return view

    def batches(
        self,
        indices: Indices,
        *,
        size: int | None = None,
        train: bool = False,
        forever: bool = False,
        augment: bool = False,
    ) -> Iterator[Batch]:
        """Yield batches of images; only labeled images have targets.

        Args:
            indices: positions in the pool.
            size: images per batch; the cycle's own by default.
            train: shuffle, from `rng`; otherwise in order.
            forever: repeat forever (only with `train`), every batch of one size.
            augment: flip and move images (only with `train`).

        Raises:
            ValueError: `train` or `forever` without images.
        """
        size = size or self.batch_size
        if self.passes is not None:
            self.passes.before_own_work()
        if forever:
            return self._loader.forever(indices, size, self.rng, augmented=augment)
        if train:
            return self._loader.epoch(indices, size, self.rng, augmented=augment)
        return self._loader.sequential(indices, size)

    def outputs(self, indices: Indices) -> Iterator[Output]:
        """Yield the model's outputs in order, in eval mode and without gradients.

        They are ordinary tensors: a strategy may train something on them.
        """
        if self.passes is not None:
            self.passes.before_own_work()
        with self.progress.bar(len(indices), "score") as bar:
            for batch in self._loader.sequential(indices, self.batch_size):
                yield self._output(batch)
                bar.update(len(batch))

    def _output(self, batch: Batch) -> Output:
        with torch.inference_mode(False), torch.no_grad():
            with autocast(self.device, self.precision):
                output = output_of(self.model, batch)
            return _in_float32(output)

    def collect(self, indices: Indices, value: Callable[[Output], Tensor]) -> Tensor:
        """Return a value of every image's output, [n, ...] in order, without gradients.

        Args:
            indices: positions in the pool.
            value: returns one row per image, [B, ...], from a batch's output.
        """
        return self._collect(indices, value)

    def _collect(self, indices: Indices, value: Callable[[Output], Tensor], name: str = "") -> Tensor:
        def rows(batch: Batch) -> Tensor:
            output = self._output(batch)
            with torch.no_grad():
                return value(output)

        return self.compute(indices, rows, name=name)

    def compute(
        self,
        indices: Indices,
        rows: Callable[[Batch], Tensor],
        *,
        size: int | None = None,
        name: str = "",
    ) -> Tensor:
        """Return what a function makes of images, [n, ...] in order, batch by batch.

        The batches may be computed in other processes, so the function depends on nothing but its batch and
        on what the strategy has done before.

        Args:
            indices: positions in the pool.
            rows: returns one row per image, [B, ...], from a batch.
            size: images per batch; the cycle's own by default.
            name: of rows that are the same for every strategy.
        """
        one = Pass(
            indices=indices,
            rows=rows,
            batches=self._loader.sequential,
            batch_size=size or self.batch_size,
            device=self.device,
            progress=self.progress,
            name=name,
        )
        return computed_at_once(one) if self.passes is None else self.passes.rows(one)

    def embeddings(self, indices: Indices) -> Tensor:
        """Return the embeddings [n, D] float32 on `device`; each image is embedded once per cycle.

        They may be the cycle's own copy: do not write to them.
        """
        if self._whole is not None:
            return self._whole.embeddings(indices)
        missing = _union(indices[self._row[indices] < 0])
        if len(missing):
            with self.measure("embed"), torch.inference_mode(False):
                found = self._collect(missing, self._embedding, "embedding")
            known = 0 if self._embeddings is None else len(self._embeddings)
            self._row[missing] = known + np.arange(len(missing))
            self._embeddings = found if self._embeddings is None else torch.cat([self._embeddings, found])
        assert self._embeddings is not None or len(indices) == 0
        if self._embeddings is None:
            return torch.empty(0, self.model.spec.embedding_dim or 0, device=self.device)
        rows = self._row[indices]
        if np.array_equal(rows, np.arange(len(self._embeddings))):
            return self._embeddings
        return self._embeddings[torch.from_numpy(rows).to(self.device)]

    def stored_embeddings(self, indices: Indices) -> RowView | None:
        """Return embeddings [n, D] that lie in a file already, as a view that is read in blocks; or None.

        What `embeddings` returns has the same numbers and is in memory.

        Args:
            indices: positions in the pool, ascending.
        """
        if self._whole is not None:
            return self._whole.stored_embeddings(indices)
        stored = getattr(self.model, "stored_embeddings", None)  # a model may have no more than a network's
        found: RowView | None = stored(indices) if stored and self.passes is None else None
        return found

    @property
    def labeled_and_candidates(self) -> Indices:
        """Labeled images and candidates, ascending: what most strategies look at."""
        return _union(self.labeled, self.candidates)

    @staticmethod
    def _embedding(output: Output) -> Tensor:
        if output.embedding is None:
            raise ValueError("the task model returns no embedding; declare needs = {'embedding'}")
        return output.embedding.flatten(1)

    def best(self, scores: Tensor, n: int) -> Indices:
        """Return the n candidates of highest score, highest first; ties go to the earlier index.

        Args:
            scores: [m], in the order of `candidates`.
            n: how many.

        Raises:
            ValueError: there is not one score per candidate, or a score is NaN.
        """
        values = scores.detach().double().cpu().numpy()
        if values.shape != self.candidates.shape:
            raise ValueError(f"{values.shape} scores for {counted(len(self.candidates), 'candidate')}")
        if (nan := np.isnan(values)).any():
            first = self.candidates[nan][0]
            raise ValueError(f"{nan.sum()} of {len(nan)} scores are NaN, first that of image {first}")
        order = np.argsort(-values, kind="stable")[:n]
        chosen = self.candidates[order]
        self.record_scores(chosen, values[order])
        return chosen

    def record_scores(self, indices: Indices, scores: npt.ArrayLike) -> None:
        """Keep the scores of chosen images, to be recorded with the query."""
        self.scores.update(zip(indices.tolist(), np.asarray(scores, dtype=np.float64).tolist(), strict=True))

    def record_draw(
        self,
        picks: Indices,
        *,
        chance: npt.ArrayLike | None = None,
        inclusion: npt.ArrayLike | None = None,
    ) -> None:
        """Say that images were drawn at random from all `candidates`, one after another, with known chances.

        The answers to such images say how good the model is on the whole pool, although some images were more
        likely than others.

        Args:
            picks: [n] the images, in the order of the draws.
            chance: [n] the chance of each draw, given those before it; None: all that are left are as likely.
            inclusion: [n] the chance that the image is among the n; None: the same for all candidates.
        """
        self.draws.append(
            Draw(
                picks=picks,
                candidates=len(self.candidates),
                chance=None if chance is None else np.asarray(chance, np.float64),
                inclusion=None if inclusion is None else np.asarray(inclusion, np.float64),
                before=picks[:0],
            )
        )

    def measure(self, phase: str) -> contextlib.AbstractContextManager[None]:
        """Record the seconds and peak memory of a block under a phase: embed, adversary, score, select."""
        return self.profile.phase(phase)


class CycleReference(Protocol):
    """What a cycle can be opened from; see `alkit.campaign.shards.cycle_ref.CycleRef`."""

    def open(self) -> Cycle:
        """Open the cycle."""
        ...


def _union(*indices: Indices) -> Indices:
    """Return all indices in order, each once, without sorting: there may be millions."""
    last = max((int(some.max()) for some in indices if len(some)), default=-1)
    there = np.zeros(last + 1, dtype=np.bool_)
    for some in indices:
        there[some] = True
    return np.flatnonzero(there)


def _in_float32(output: Output) -> Output:
    probabilities, embedding = output.probabilities, output.embedding
    return Output(
        map_tensors(lambda part: part.float() if part.is_floating_point() else part, output.prediction),
        None if probabilities is None else probabilities.float(),
        None if embedding is None else embedding.float(),
        tuple(feature.float() for feature in output.features),
        output.weights,
        None if output.numbers is None else output.numbers.float(),
        None if output.variances is None else output.variances.float(),
        output.objects,
    )


def own_augment(model: TaskModel) -> Augment | None:
    """Return how a task augments images with their targets; None if it does so as every task by default."""
    own = getattr(type(model), "augment_batch", TaskModel.augment_batch)
    return None if own is TaskModel.augment_batch else model.augment_batch
