"""The base of strategies made of strategies, which let others choose from some of the candidates."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.interfaces.strategy import Strategy

from . import expression
from .factory import composed, plugin_of, shown_name, written_as
from .fields import places_of, takes_many

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle
    from alkit.training.types import Companion, TaskSpec


@dataclass(kw_only=True)
class Combinator(Strategy):
    """Base of strategies made of strategies; fields declared by `nested(...)` hold them, others are options.

    A subclass implements `select` and calls `delegate` for each nested strategy. Its needs, whether it needs
    labels, its companion and its saved state follow from the nested strategies; class attributes add to them.
    A subclass with a `__post_init__` calls this one first.

    Attributes:
        parts: the nested strategies by place: the field's name, numbered from 1 if the field holds several.
        shares: the number before each strategy, 1 if none is given.
        name: the text of an instance in the notation.
    """

    needs_labels: ClassVar[bool] = False

    parts: dict[str, Strategy] = field(init=False, repr=False, compare=False)
    shares: dict[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the nested strategies, and normalize the options that name them."""
        self.parts, self.shares = {}, {}
        for place in places_of(type(self)):
            given = getattr(self, place.name)
            texts = given if takes_many(place) else (given,)
            if not texts:
                raise ValueError(f"'{place.name}' should name a strategy")
            settled = []
            for number, text in enumerate(texts, 1):
                share, strategy, node = composed(text)
                if share is not None and not takes_many(place):
                    raise ValueError(f"'{expression.write(node)}' should have no number before it")
                key = f"{place.name}-{number}" if takes_many(place) else place.name
                self.parts[key], self.shares[key] = strategy, 1.0 if share is None else share
                settled.append(expression.write_part(share, node))
            setattr(self, place.name, tuple(settled) if takes_many(place) else settled[0])
        strategies = self.parts.values()
        vars(self).update(
            name=expression.write(written_as(self), shown_name),
            needs=self.needs.union(*(strategy.needs for strategy in strategies)),
            refuses={word: why for one in (self, *strategies) for word, why in one.refuses.items()},
            needs_labels=self.needs_labels or any(strategy.needs_labels for strategy in strategies),
            columns=self.columns.union(*(strategy.columns for strategy in strategies)),
            asks_again=any(strategy.asks_again for strategy in strategies),
        )

    def delegate(
        self,
        place: str,
        cycle: Cycle,
        candidates: Indices,
        n: int,
        *purpose: str | int,
        scored: bool = True,
        before: Indices | None = None,
    ) -> Indices:
        """Let a nested strategy choose n of some candidates, most wanted first.

        Args:
            place: the place of the nested strategy in `parts`.
            cycle: the cycle of this strategy.
            candidates: the images to choose from, a part of `cycle.candidates`.
            n: number of images to choose.
            *purpose: tells the calls apart if the same strategy is asked several times in a cycle.
            scored: record its scores with the query.
            before: all that were chosen before, if it may choose from all others; then what it draws at
                random with known chances is recorded with the query.

        Raises:
            InvalidSelection: it did not return n distinct candidates.
        """
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        from alkit.interfaces.contract import choose  # noqa: PLC0415  # numpy is slow to import

        from .companions import Companions  # noqa: PLC0415  # torch takes seconds to import

        if n == 0:
            return candidates[:0]
        strategy, plugin = self.parts[place], plugin_of(self.parts[place])
        companions = cycle.companion
        own = companions.part(place) if isinstance(companions, Companions) else None
        view = cycle.narrowed(candidates, place, *purpose, companion=own)
        source = "" if plugin is None else f" of distribution '{plugin.distribution}'"
        picks = choose(strategy, view, n, seed=view.generator("select").initial_seed(), source=source)
        if scored:
            cycle.scores |= view.scores
        if before is not None:
            for draw in view.draws:
                earlier = np.concatenate([before, draw.before])
                cycle.draws.append(dataclasses.replace(draw, before=earlier))
        warnings = view.diagnostics.pop("warnings", [])
        if warnings:
            named = [f"{strategy.name}: {sentence}" for sentence in warnings]
            cycle.diagnostics.setdefault("warnings", []).extend(named)
        if view.diagnostics:
            cycle.diagnostics["/".join([place, *map(str, purpose)])] = view.diagnostics
        return picks

    def own_companion(self, spec: TaskSpec) -> Companion | None:
        """Return a module that the combinator itself trains with the task model, or None."""
        return None

    def companion(self, spec: TaskSpec) -> Companion | None:
        """Return the companions of the nested strategies, to train together, or None."""
        from .companions import Companions  # noqa: PLC0415  # torch takes seconds to import

        found = {place: strategy.companion(spec) for place, strategy in self.parts.items()}
        found["own-companion"] = self.own_companion(spec)
        parts = {place: companion for place, companion in found.items() if companion is not None}
        return Companions(parts) if parts else None

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the nested strategies, by place."""
        states = {place: strategy.state_dict() for place, strategy in self.parts.items()}
        return {place: state for place, state in states.items() if state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of each nested strategy."""
        for place, saved in state.items():
            self.parts[place].load_state_dict(saved)
