"""The strategies that are compared, with options so small that all of them take minutes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A strategy with options.

    Attributes:
        strategy: its name, or a composition.
        options: each `NAME=VALUE`.
        title: what the table calls it; by default as the strategy.
        seeds_itself: it chooses without labels, so no seed query comes before it.
    """

    strategy: str
    options: tuple[str, ...] = ()
    title: str = ""
    seeds_itself: bool = False

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.title or self.strategy

    def among(self, names: list[str] | None) -> bool:
        """Say whether it is one of those named; without names, all are."""
        return names is None or self.strategy in names or self.name in names


PUBLISHED = "preset=published"
HIDDEN = "hidden=8"
GRAPH = (HIDDEN, "epochs=10")
ADVERSARY = ("iterations=8", "batch-size=16", "latent=8", "channels=8,16", "discriminator-hidden=16")
LIGHTER = ("iterations=30", "batch-size=32", "channels=16,32,64", "discriminator-hidden=64")
CHAIN = "learning-loss(300, hidden=4) > ta-vaal(iterations=4, batch-size=8, channels=[4,8], hidden=4)"
DISPUTED = "disputed"

DIGITS = (
    Case("random", seeds_itself=True),
    Case("entropy"),
    Case("margin"),
    Case("least-confidence"),
    Case("mc-entropy", ("passes=4",)),
    Case("bald", ("passes=4",)),
    Case("batchbald", ("passes=4", "subset=200")),
    Case("batchbald", ("passes=4", "subset=200", "configurations=8"), "batchbald drawn"),
    Case("badge"),
    Case("badge", ("first=uniform", "subset=400"), "badge uniform"),
    Case("coreset"),
    Case("coreset", ("metric=cosine", "robust=0.1"), "coreset robust"),
    Case("kmeans"),
    Case("typiclust"),
    Case("probcover"),
    Case("probcover", ("radius=0.2",), "probcover of given radius"),
    Case("uncertaingcn", GRAPH),
    Case("coregcn", GRAPH),
    Case("coregcn", (*GRAPH, PUBLISHED), "coregcn published"),
    Case("learning-loss", (HIDDEN,)),
    Case("learning-loss", (PUBLISHED,), "learning-loss published"),
    Case("vaal", ADVERSARY),
    Case("vaal", (*ADVERSARY, PUBLISHED), "vaal published"),
    Case("ta-vaal", (*ADVERSARY, HIDDEN)),
    Case("ta-vaal", (*ADVERSARY, HIDDEN, PUBLISHED), "ta-vaal published"),
    Case("subset", seeds_itself=True),
    Case("subset", ("by=cover",), "subset cover"),
    Case("then", ("first=entropy", "second=coreset(metric=cosine)", "keep=200")),
    Case(CHAIN, title="learning-loss > ta-vaal"),
    Case("mix", ("strategies=0.5 entropy,0.3 coreset,0.2 random",)),
    Case("balanced"),
    Case("usable"),
    Case("maxherding"),
    Case("uherding"),
    Case("dropquery", ("passes=2",)),
    Case("galaxy"),
    Case("bait"),
    Case("cluster-margin"),
    Case("cdal"),
    Case("egl"),
    Case("tod"),
    Case("ss-vaal", (*ADVERSARY, HIDDEN, "ranker-steps=10")),
    Case("power"),
    Case("refine", ("steps=2", "batches=2")),
    Case(DISPUTED),
)
FOR_OTHER_DATA = frozenset({"mc-variance", "ppal", "per-cost"})
"""Strategies of numbers, of boxes and of costs, which digits do not have."""
SIX = (
    Case("random", seeds_itself=True),
    Case("entropy"),
    Case("coreset"),
    Case("learning-loss"),
    Case("vaal", LIGHTER),
    Case("ta-vaal", LIGHTER),
)
