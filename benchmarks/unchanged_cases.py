"""What is compared before and after a change: strategies with small options, and the commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SEEDS = (0, 1)
CONTROL = "0.2"

Command = list[str]


@dataclass(frozen=True, slots=True)
class Case:
    """A strategy with options; `variant` tells several of one strategy apart."""

    strategy: str
    options: tuple[str, ...] = ()
    variant: str = ""

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.strategy} {self.variant}".rstrip()


@dataclass(frozen=True, slots=True)
class Part:
    """Strategies on one pool.

    Attributes:
        name: of the part.
        pool: words that make a campaign on it.
        seed_size: images of the seed query.
        budget: images of each query after it.
        cases: the strategies.
    """

    name: str
    pool: tuple[str, ...]
    seed_size: int
    budget: int
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """The commands of one campaign in `directory`, and the files that they read."""

    directory: str
    commands: list[Command]
    files: Mapping[str, str] = field(default_factory=dict)


HIDDEN = ("hidden=8",)
GRAPH = ("hidden=8", "epochs=10")
ADVERSARY = ("iterations=8", "batch-size=16", "latent=8", "channels=8,16", "discriminator-hidden=16")
LIGHTER = ("iterations=30", "batch-size=32", "channels=16,32,64", "discriminator-hidden=64")

DIGITS = (
    Case("random"),
    Case("entropy"),
    Case("margin"),
    Case("least-confidence"),
    Case("mc-entropy", ("passes=4",)),
    Case("bald", ("passes=4",)),
    Case("batchbald", ("passes=4", "subset=200")),
    Case("batchbald", ("passes=4", "configurations=8", "subset=200"), "drawn"),
    Case("badge"),
    Case("badge", ("first=uniform", "subset=400"), "uniform"),
    Case("coreset"),
    Case("coreset", ("metric=cosine", "robust=0.1"), "robust"),
    Case("kmeans"),
    Case("typiclust"),
    Case("probcover"),
    Case("probcover", ("radius=0.2",), "of given radius"),
    Case("uncertaingcn", GRAPH),
    Case("coregcn", GRAPH),
    Case("coregcn", (*GRAPH, "preset=published"), "published"),
    Case("learning-loss", HIDDEN),
    Case("learning-loss", ("preset=published",), "published"),
    Case("vaal", ADVERSARY),
    Case("vaal", (*ADVERSARY, "preset=published"), "published"),
    Case("ta-vaal", (*ADVERSARY, *HIDDEN)),
    Case("ta-vaal", (*ADVERSARY, *HIDDEN, "preset=published"), "published"),
    Case("subset"),
    Case("subset", ("by=cover",), "cover"),
    Case("then", ("first=entropy", "second=coreset(metric=cosine)", "keep=200")),
    Case("mix", ("strategies=0.5 entropy,0.3 coreset,0.2 random",)),
    Case("balanced"),
    Case("learning-loss(300, hidden=4) > ta-vaal(iterations=4, batch-size=8, channels=[4,8], hidden=4)"),
    Case("disputed"),
)
SIX = (
    Case("random"),
    Case("entropy"),
    Case("coreset"),
    Case("learning-loss"),
    Case("vaal", LIGHTER),
    Case("ta-vaal", LIGHTER),
)


def parts(cifar: str | None) -> list[Part]:
    """Return what is compared; images of CIFAR-10 are in the folders `train` and `test` of `cifar`."""
    found = [Part("digits", ("--pool", "digits", "-t", "epochs=3"), 40, 20, DIGITS)]
    if cifar is not None:
        pool = (
            "--pool",
            f"{cifar}/train",
            "--test",
            f"{cifar}/test",
            "--oracle",
            "dataset",
            "-t",
            "epochs=4",
        )
        found.append(Part("cifar", pool, 200, 100, SIX))
    return found


def script(part: Part, case: Case, seed: int) -> Script:
    """Return the campaign of a case: step by step with the first seed, and by `alkit run` with the second.

    The steps have a control slice, which a run has not by default.
    """
    directory = f"{part.name}-{part.cases.index(case):02d}-{seed}"
    where = ["--campaign", directory]
    make = [*part.pool, "--seed", str(seed)]
    chooser = ["--strategy", case.strategy, *(word for option in case.options for word in ("-o", option))]
    how = [*chooser, "--budget", str(part.budget), "--device", "cpu", "--quiet", "--json"]
    seeds = ["--seed-size", str(part.seed_size)]
    answer = ["ingest", *where, "--oracle", "dataset", "--quiet", "--json"]
    train = ["train", *where, "--device", "cpu", "--quiet", "--json"]
    if case.strategy == "disputed":
        files = {f"{directory}-{name}.csv": said_by(name) for name in ("ann", "ben")}
        told = [["ingest", file, *where, "--annotator", file[-7:-4], "--quiet"] for file in files]
        init = ["init", directory, *make, "--device", "cpu", "--quiet"]
        ask = ["query", *where, *how]
        return Script(directory, [init, *told, ask, answer, ask, answer, train], files)
    if seed == SEEDS[0]:
        ask = ["query", *where, *how, "--control", CONTROL]
        return Script(directory, [[*ask, *make, *seeds], answer, ask, answer, train])
    return Script(directory, [["run", *where, *make, *how, *seeds, "--oracle", "dataset", "--cycles", "2"]])


def said_by(annotator: str) -> str:
    """Return a list of answers to the first hundred digits; two annotators differ on some."""
    step = {"ann": 1, "ben": 3}[annotator]
    lines = [f"{index},{index * step % 10}" for index in range(100)]
    return "\n".join(["index,label", *lines]) + "\n"
