"""Monte Carlo dropout: the outputs of a network in several passes, each with some of its units left out.

Gal and Ghahramani, Dropout as a Bayesian Approximation, ICML 2016. Units are dropped in the network's own
dropout layers; if it has none, in the input of its classifier. The network stays in eval mode, so batch
normalization does not change, and hooks drop the units. A pass drops the same units for all images: it is one
draw of the network's weights, which joint quantities of several images need (Kirsch et al., NeurIPS 2019),
and the outputs do not depend on how images are divided into batches.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

import alkit
from alkit import Output, option
from alkit.errors import UnsupportedTask
from alkit.training import Reduction, autocast

from . import candidates
from .dense import BALANCED_HELP, REDUCE_HELP, reduced

if TYPE_CHECKING:
    from alkit import Batch, Cycle, Indices


Result = TypeVar("Result")
DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
SEVERAL_PASSES = "the objects that are found in one pass are not those of another"
SAME = 1e-5  # probabilities closer than this are considered equal


@dataclass(kw_only=True)
class DropoutStrategy(alkit.Strategy):
    """Base of strategies that use several passes of a network with dropout."""

    needs = frozenset({"probabilities", "model"})
    refuses: ClassVar[Mapping[str, str]] = {"boxes": SEVERAL_PASSES}

    passes: int = option(10, "passes with dropout over the candidates", minimum=1)
    dropout: float = option(
        0.5,
        "share of the classifier's inputs to drop if the network has no dropout layers",
        minimum=0.01,
        maximum=0.99,
    )
    subset: int | None = option(None, candidates.SUBSET_HELP, minimum=1)

    def collect(self, cycle: Cycle, indices: Indices, value: Callable[[Tensor], Tensor]) -> Tensor:
        """Compute a value from every image's probabilities, [n, ...] in order.

        Args:
            cycle: the cycle whose model runs; its diagnostics say what is dropped.
            indices: positions in the pool.
            value: computes one row per image, [B, ...], from [passes, B, classes, positions...].
        """
        return self.collect_outputs(cycle, indices, lambda output: value(probabilities_of(output)))

    def collect_outputs(self, cycle: Cycle, indices: Indices, value: Callable[[Output], Tensor]) -> Tensor:
        """Compute a value as `collect` does, from outputs with probabilities [passes, B, ...]."""
        dropping = Dropping(cycle, self.passes, self.dropout)
        cycle.diagnostics["dropout"] = dropping.description
        return cycle.compute(indices, lambda batch: value(dropping.output(batch)), size=dropping.batch_size)


@dataclass(kw_only=True)
class DropoutScoreStrategy(DropoutStrategy):
    """Base of strategies that score one image at a time and take the highest scores."""

    reduce: Reduction = option("mean", REDUCE_HELP)
    class_balanced: bool = option(False, BALANCED_HELP)

    @abstractmethod
    def score(self, probabilities: Tensor) -> Tensor:
        """Score [B] or [B, positions...] from [passes, B, classes, positions...]."""

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Score the candidates and take the n highest; in a tie, the lower index comes first."""

        def scored(output: Output) -> Tensor:
            scores = self.score(probabilities_of(output).double())
            return reduced(output, scores, self.reduce, class_balanced=self.class_balanced)

        positions = candidates.draw(cycle, self.subset, n)
        with cycle.measure("score"):
            scores = self.collect_outputs(cycle, cycle.candidates[positions], scored)
        return candidates.best(cycle, positions, scores, n)


class Dropping:
    """A cycle's model with units dropped.

    Args:
        cycle: the cycle with the model and the generators.
        passes: number of passes, T.
        share: share of the classifier's input to drop if the network has no dropout layers.

    Attributes:
        description: what is dropped, for people to read.

    Raises:
        UnsupportedTask: the network has neither dropout layers nor a classifier.
    """

    def __init__(self, cycle: Cycle, passes: int, share: float) -> None:
        self._cycle, self._passes, self._share = cycle, passes, share
        network, width = cycle.model.network, cycle.model.spec.num_outputs
        self._layers = {
            name: layer
            for name, layer in network.named_modules()
            if isinstance(layer, DROPOUT) and layer.p > 0
        }
        heads = {name: layer for name, layer in network.named_modules() if _outputs(layer) == width}
        self._head: tuple[str, nn.Module] | None = None
        if self._layers:
            self.description = f"{len(self._layers)} of the network's own dropout layers"
        elif heads:
            self._head = next(reversed(heads.items()))
            self.description = f"{share:g} of the input of '{self._head[0]}', as there is no dropout layer"
        else:
            raise UnsupportedTask(
                f"the network of task '{cycle.model.spec.task}' has no dropout layer, and no linear layer or "
                f"convolution with {width} outputs whose input could be dropped; add a torch.nn.Dropout, or "
                "choose a strategy without Monte Carlo dropout"
            )
        self._weights: Tensor | None = None
        self._masks: dict[tuple[int, str, int], Tensor] = {}
        self._calls: dict[str, int] = {}

    def outputs(self, indices: Indices) -> Iterator[Tensor]:
        """Yield probabilities [passes, B, classes, positions...] float32 of batches, in order.

        Where outputs have positions, batches are so small that all passes take no more memory than one.

        Raises:
            UnsupportedTask: the network does not run the layers whose units should be dropped.
        """
        for _, probabilities in self._batches(indices, whole=False):
            yield probabilities

    @property
    def batch_size(self) -> int | None:
        """Images in a batch of `outputs`; None: the cycle's own number."""
        cycle = self._cycle
        return max(1, cycle.batch_size // self._passes) if cycle.model.spec.dense else None

    def output(self, batch: Batch) -> Output:
        """Return the probabilities of a batch as `outputs` does, with the weights of positions."""
        _, probabilities = self._of(batch, whole=False)
        return Output(probabilities, probabilities, weights=self._weights)

    def with_outputs(self, indices: Indices) -> Iterator[tuple[Output, Tensor]]:
        """Yield batches as `outputs` does, each after the model's output with all units.

        Raises:
            UnsupportedTask: the network does not run the layers whose units should be dropped.
        """
        for output, probabilities in self._batches(indices, whole=True):
            assert output is not None
            yield output, probabilities

    def passes(self, indices: Indices) -> Iterator[list[Output]]:
        """Yield the outputs of batches in order, one for each pass, for tasks without probabilities.

        Raises:
            UnsupportedTask: the network does not run the layers whose units should be dropped.
        """
        cycle = self._cycle
        with cycle.progress.bar(len(indices), "score") as bar:
            for batch in cycle.batches(indices):
                with torch.inference_mode(False), torch.no_grad(), autocast(cycle.device, cycle.precision):
                    yield self._all_passes(batch, cycle.model.forward_batch)
                bar.update(len(batch))

    def _batches(self, indices: Indices, *, whole: bool) -> Iterator[tuple[Output | None, Tensor]]:
        cycle = self._cycle
        with cycle.progress.bar(len(indices), "score") as bar:
            for batch in cycle.batches(indices, size=self.batch_size):
                yield self._of(batch, whole=whole)
                bar.update(len(batch))

    def _of(self, batch: Batch, *, whole: bool) -> tuple[Output | None, Tensor]:
        cycle = self._cycle
        with torch.inference_mode(False), torch.no_grad(), autocast(cycle.device, cycle.precision):
            found: tuple[Output | None, Tensor] | None = self._through_head(batch)
            if found is None:
                output = cycle.model.forward_batch(batch) if whole else None
                found = output, self._through_all(batch)
            return found

    def _through_head(self, batch: Batch) -> tuple[Output, Tensor] | None:
        """Run the network once, and only the classifier for each pass.

        Returns:
            None if other layers drop units, or if the task's probabilities are not the classifier's softmax.
        """
        if self._head is None:
            return None
        _, head = self._head
        inputs: list[Tensor] = []
        handle = head.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        try:
            whole = self._cycle.model.forward_batch(batch)
        finally:
            handle.remove()
        assert whole.probabilities is not None
        self._weights = whole.weights
        if len(inputs) != 1 or not _same(_softmax(head(inputs[0])), whole.probabilities.float()):
            return None
        passes = [self._with_hooks(run, lambda: _softmax(head(inputs[0]))) for run in self._runs]
        return whole, torch.stack(passes)

    def _through_all(self, batch: Batch) -> Tensor:
        """Run the whole network for each pass."""
        return torch.stack(self._all_passes(batch, self._probabilities))

    def _all_passes(self, batch: Batch, work: Callable[[Batch], Result]) -> list[Result]:
        passed = [self._with_hooks(run, lambda: work(batch)) for run in self._runs]
        if not self._calls:
            raise UnsupportedTask(
                f"the network of task '{self._cycle.model.spec.task}' does not run the layers to drop from ("
                f"{self.description}); choose a strategy without Monte Carlo dropout"
            )
        return passed

    @property
    def _runs(self) -> range:
        return range(self._passes)

    def _probabilities(self, batch: Batch) -> Tensor:
        output = self._cycle.model.forward_batch(batch)
        self._weights = output.weights
        return probabilities_of(output).float()

    def _with_hooks(self, run: int, work: Callable[[], Result]) -> Result:
        """Do some work while units are dropped."""
        self._calls.clear()
        with contextlib.ExitStack() as hooks:
            for name, layer in self._layers.items():
                hooks.callback(layer.register_forward_hook(self._after(run, name)).remove)
            if self._head is not None:
                name, head = self._head
                hooks.callback(head.register_forward_pre_hook(self._before(run, name)).remove)
            return work()

    def _after(self, run: int, name: str) -> Callable[[Any, Any, Tensor], Tensor]:
        def hook(layer: Any, given: Any, output: Tensor) -> Tensor:
            return output * self._mask(run, name, _units(output, not isinstance(layer, nn.Dropout)), layer.p)

        return hook

    def _before(self, run: int, name: str) -> Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]:
        def hook(layer: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
            values, *others = given
            shape = values.shape[-1:] if isinstance(layer, nn.Linear) else _units(values, True)
            return (values * self._mask(run, name, shape, self._share), *others)

        return hook

    def _mask(self, run: int, name: str, shape: torch.Size, share: float) -> Tensor:
        """Return 0 for a share of the units and 1 / (1 - share) for the others, which keeps the mean."""
        call = self._calls[name] = self._calls.get(name, 0) + 1
        if (run, name, call) not in self._masks:
            generator = self._cycle.generator("mc-dropout", name, run, call)
            kept = torch.rand(shape, generator=generator) >= share
            self._masks[run, name, call] = (kept / max(1.0 - share, 1e-6)).to(self._cycle.device)
        return self._masks[run, name, call]


def probabilities_of(output: Output) -> Tensor:
    """Return the probabilities of an output that has some."""
    assert output.probabilities is not None
    return output.probabilities


def entropy(probabilities: Tensor, dim: int) -> Tensor:
    """Return entropies in nats along a dimension; a probability of 0 adds nothing."""
    return torch.special.entr(probabilities).sum(dim=dim)


def _outputs(layer: nn.Module) -> int | None:
    """Return the number of outputs of a linear layer or convolution, None for other layers."""
    if isinstance(layer, nn.Linear):
        return layer.out_features
    return layer.out_channels if isinstance(layer, nn.Conv2d) else None


def _units(values: Tensor, channels: bool) -> torch.Size:
    """Return the shape of a mask for values [B, ...], which drops single units or whole channels."""
    return torch.Size([values.shape[1], *[1] * (values.dim() - 2)]) if channels else values.shape[1:]


def _softmax(logits: Tensor) -> Tensor:
    return logits.float().softmax(dim=1)


def _same(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape and torch.allclose(first, second, rtol=0.0, atol=SAME)
