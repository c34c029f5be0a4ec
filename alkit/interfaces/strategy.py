"""The interface of query strategies, which choose the images most worth labeling in a cycle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import torch

    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle
    from alkit.training.types import Companion, Output, TaskSpec


@dataclass(kw_only=True)
class Strategy(ABC):
    """Base of all strategies; the dataclass fields of a subclass are its options.

    Attributes:
        name: what the user types, the same as the entry point.
        kind: the heading under which `alkit strategies` lists it, such as `uncertainty` or `diversity`. It
            has to be a plain string in the class body, since listing imports no plugin; the first line of the
            class's docstring is shown beside the name.
        needs: what the task model must provide: any of `probabilities`, `embedding`, `features` (mid-level
            taps), `loss` (a loss per image), `boxes` (objects that are found), `targets` (labels that an
            output stands for) and `model` (just a trained model). If empty, the strategy looks at images
            only, and no model is trained for it.
        refuses: what a task may not provide, and why, as in `{"boxes": "it compares positions"}`; checked
            before training.
        needs_labels: it cannot choose before images are labeled, so a seed query comes first. If False, a
            strategy that needs nothing, or only the `embedding` of a `pretrained` task, answers the first
            query; it has no companion then.
        uniform: its choice is a uniformly random sample of the candidates, which needs no control slice.
        asks_again: its candidates are the answered images on which annotators differ, see `Cycle.disputes`.
        columns: facts of each image that it asks for by `cycle.column`; a pool without them is refused before
            training.
        presets: named sets of option values, chosen with `preset=NAME`.
        paper: the paper of the method, for `alkit strategies NAME`.
    """

    name: ClassVar[str]
    kind: ClassVar[str] = "other"
    needs: ClassVar[frozenset[str]] = frozenset()
    refuses: ClassVar[Mapping[str, str]] = {}
    needs_labels: ClassVar[bool] = True
    uniform: ClassVar[bool] = False
    asks_again: ClassVar[bool] = False
    columns: ClassVar[frozenset[str]] = frozenset()
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    paper: ClassVar[str] = ""

    @abstractmethod
    def select(self, cycle: Cycle, n: int) -> Indices:
        """Choose n distinct members of `cycle.candidates`, most wanted first; int64 positions in the pool."""

    def companion(self, spec: TaskSpec) -> Companion | None:
        """Return a module to train together with the task model, or None."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return what the strategy keeps from cycle to cycle (tensors, numbers, strings)."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027  # optional
        """Restore what `state_dict` returned."""


@dataclass(kw_only=True)
class ScoreStrategy(Strategy):
    """Base of strategies that score one image at a time and take the highest scores."""

    @abstractmethod
    def score(self, cycle: Cycle, output: Output) -> torch.Tensor:
        """Score a batch: [B], or [B, positions...], which is averaged; higher is more wanted."""

    def per_image(self, output: Output, scores: torch.Tensor) -> torch.Tensor:
        """Turn scores of positions [B, positions...] into one for each image, [B]."""
        return output.per_image(scores)

    def select(self, cycle: Cycle, n: int) -> Indices:
        """Score every candidate and take the n highest; in a tie, the lower index comes first."""

        from .scores import checked_scores  # noqa: PLC0415  # torch takes seconds to import

        def scored(output: Output) -> torch.Tensor:
            return self.per_image(output, checked_scores(self.score(cycle, output), output))

        with cycle.measure("score"):
            scores = cycle.collect(cycle.candidates, scored)
        return cycle.best(scores, n)
