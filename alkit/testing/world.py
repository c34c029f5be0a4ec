"""A small world: a few images, a task, mostly hidden labels, and a cycle to choose in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from alkit.data.labeled_images import LabeledImages
from alkit.data.pool_columns import PoolColumns
from alkit.data.store import ImageStore
from alkit.engine.cycle import Cycle
from alkit.engine.given_outputs import GivenOutputs, NoPixels, OutputRows
from alkit.engine.round import Round
from alkit.engine.train import TrainedModel
from alkit.interfaces import contract
from alkit.utils import seeding

from .toy_tasks import TASKS, TinyTask

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices
    from alkit.interfaces.strategy import Strategy
    from alkit.training.types import Companion


CLASSES = ("cat", "dog", "owl")


class AnyColumn(PoolColumns):
    """Positive numbers for each image, under any name that a strategy asks for.

    Args:
        count: of the images.
    """

    def __init__(self, count: int) -> None:
        super().__init__((), dict)
        self._count = count

    def get(self, name: str) -> npt.NDArray[np.float64]:
        """Return numbers from 1 to 10, the same for the same name."""
        return seeding.numpy_generator(0, "column", name).uniform(1.0, 10.0, self._count)


@dataclass(kw_only=True)
class World:
    """Images, a task model and the known labels.

    Attributes:
        model: the task model, built; trained after `train`.
        images: all of them.
        values: the answer for every image; a cycle gets only those of `labeled`.
        labeled: [n] int64, scattered over the pool.
        candidates: [m] int64, scattered too; some images are neither.
        seed: of the training and the cycle.
        certain: make the trained model's probabilities exactly zero and one.
        trained: the model with the strategy's companion, after `train`, or None.
        given: its outputs, after `from_files`, or None.
    """

    model: TinyTask
    images: ImageStore
    values: list[Any]
    labeled: Indices
    candidates: Indices
    seed: int
    certain: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    trained: TrainedModel | None = None
    given: GivenOutputs | None = None

    @property
    def companion(self) -> Companion | None:
        """The strategy's own, after `train`."""
        return None if self.trained is None else self.trained.companion

    def train(self, strategy: Strategy) -> None:
        """Train the model on the labeled images together with the strategy's companion.

        A strategy that needs nothing gets an untrained model, and so does any strategy if nothing is labeled.

        Raises:
            UnsupportedTask: the task does not provide what the strategy needs.
        """
        model = self.model
        contract.check_needs(strategy, model.spec)
        model.reset(seeding.derive(self.seed, "weights", 0))
        if strategy.needs and len(self.labeled):
            self.trained = self._round(strategy).train(model, classes=CLASSES)
        if self.certain:
            self.be_certain()
        model.network.eval()

    def be_certain(self) -> None:
        """Make the model's probabilities exactly zero and one."""
        with torch.no_grad():
            for parameter in self.model.network.get_submodule("head").parameters():
                parameter.mul_(1e6)

    def from_files(self, needs: frozenset[str]) -> None:
        """Keep only the model's outputs, as a query from files has them: neither network nor pixels.

        Args:
            needs: the outputs that are kept, out of `probabilities` and `embedding`.
        """
        everything = np.arange(len(self.images))
        with torch.no_grad():
            whole = self._round(None).open_cycle(self.model, self.trained, everything, batch_size=8)
            outputs = list(whole.outputs(everything))
        kept: dict[str, OutputRows] = {}
        for word in needs:
            values = torch.cat([getattr(output, word) for output in outputs]).cpu().numpy()
            kept[word] = OutputRows(values=values, row=everything, refuse=lambda _: None)
        self.given = GivenOutputs(
            task=self.model,
            probabilities=kept.get("probabilities"),
            embeddings=kept.get("embedding"),
            device=self.device,
        )
        columns = self.images.columns
        self.images = NoPixels(self.images.shape, len(self.images))
        self.images.columns = columns

    def cycle(self, *, number: int = 0, batch_size: int = 8) -> Cycle:
        """Return a new cycle over the world; the same seed every time."""
        round_ = self._round(None, number)
        if self.given is not None:
            return round_.open_cycle(self.given, None, self.candidates.copy(), batch_size=batch_size)
        return round_.open_cycle(self.model, self.trained, self.candidates.copy(), batch_size=batch_size)

    def choose(self, strategy: Strategy, n: int, cycle: Cycle | None = None) -> Indices:
        """Let the strategy choose n candidates, fenced and checked as the engine does it."""
        cycle = self.cycle() if cycle is None else cycle
        return self._round(strategy, cycle.number).choose(cycle, n)

    def _round(self, strategy: Strategy | None, number: int = 0) -> Round:
        return Round(
            number=number,
            seed=self.seed,
            labeled=LabeledImages(
                images=self.images,
                indices=self.labeled.copy(),
                values=[self.values[index] for index in self.labeled],
            ),
            strategy=strategy,
            device=self.device,
        )


def make_world(
    task: str = "classification",
    *,
    shape: tuple[int, int, int] = (3, 12, 12),
    labeled: int = 12,
    candidates: int = 25,
    seed: int = 0,
    hidden_seed: int = 0,
    identical: bool = False,
    certain: bool = False,
    provides: frozenset[str] | None = None,
    device: str = "cpu",
) -> World:
    """Make a world; the same arguments give the same world in every process.

    Args:
        task: `classification`, `segmentation` (a class per pixel) or `regression` (no probabilities).
        shape: (C, H, W) of the images.
        labeled: how many images are labeled.
        candidates: how many may be chosen; with batches of 8, the last of 25 is alone.
        seed: of images, labels, weights and the cycle.
        hidden_seed: of the hidden labels.
        identical: all images are the same.
        certain: the trained model's probabilities are exactly zero and one.
        provides: what the task provides; all that it can by default.
        device: where tensors live.
    """
    rng = seeding.numpy_generator(seed, "world", task)
    size = labeled + candidates + 5
    pixels = rng.integers(0, 256, (size, *shape), dtype=np.uint8)
    if identical:
        pixels[:] = pixels[0]
    order = rng.permutation(size)
    known = np.sort(order[:labeled])
    values = _values(task, shape, size, rng)
    hidden = _values(task, shape, size, seeding.numpy_generator(hidden_seed, "hidden"))
    values = [values[index] if index in known else hidden[index] for index in range(size)]
    model = TASKS[task](provides=provides)
    model.build(shape, CLASSES if task != "regression" else (), torch.device(device))
    images = ImageStore.from_array(pixels)
    images.columns = AnyColumn(size)
    return World(
        model=model,
        images=images,
        values=values,
        labeled=known,
        candidates=np.sort(order[labeled : labeled + candidates]),
        seed=seed,
        certain=certain,
        device=torch.device(device),
    )


def _values(task: str, shape: tuple[int, int, int], size: int, rng: np.random.Generator) -> list[Any]:
    if task == "classification":
        return [CLASSES[number] for number in rng.integers(0, len(CLASSES), size)]
    if task == "segmentation":
        return list(rng.integers(0, len(CLASSES), (size, *shape[1:])))
    return rng.normal(size=size).tolist()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread: on networks this small, several threads are many times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
