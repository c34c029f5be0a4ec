"""The commands that both checkouts carry out: campaigns, step by step or in one go, and a benchmark suite."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from .cases import DISPUTED, SIX, Case
from .records import Cycle, read_campaign, read_suite

SEEDS = (0, 1)
CYCLES = 2
DEVICE = ("--device", "cpu", "--quiet")

Command = list[str]
Recorded = Mapping[tuple[str, int], Mapping[int, Cycle]]


@dataclass(frozen=True, slots=True)
class Run:
    """Commands, and how to read what they record.

    Attributes:
        name: of the strategy, or of the suite.
        seed: of the campaign, or how many seeds the suite has.
        commands: the words after `alkit`, one list a command.
        read: returns what is recorded under a folder, by strategy and seed, and by cycle.
        files: text that the commands read, by name.
    """

    name: str
    seed: int
    commands: Sequence[Command]
    read: Callable[[Path], Recorded]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pool:
    """Images: the words that make a campaign on them, the size of the seed query and of those after it."""

    name: str
    words: tuple[str, ...]
    seed_size: int
    budget: int


def all_runs(cases: Sequence[Case], cifar: str | None, only: list[str] | None) -> dict[str, list[Run]]:
    """Return the runs of each part; images of CIFAR-10 are in the folders `train` and `test` of `cifar`."""
    digits = Pool("digits", ("--pool", "digits", "-t", "epochs=3"), 40, 20)
    found = {"digits": list(campaigns(digits, cases, only)), "bench": list(suites(digits, cases, only))}
    if cifar is not None:
        where = ("--pool", f"{cifar}/train", "--test", f"{cifar}/test", "--oracle", "dataset")
        found["cifar"] = list(campaigns(Pool("cifar", (*where, "-t", "epochs=4"), 200, 100), SIX, only))
    return found


def campaigns(pool: Pool, cases: Sequence[Case], only: list[str] | None) -> Iterator[Run]:
    """Yield campaigns: step by step with the first seed, by `alkit run` with the second."""
    for number, case in enumerate(cases):
        for seed in SEEDS if case.among(only) else ():
            directory = f"{pool.name}-{number:02d}-{seed}"
            kind = answered_twice if case.strategy == DISPUTED else in_one_go if seed else step_by_step
            commands, files = kind(pool, case, seed, directory)
            read = functools.partial(_one_campaign, directory, case.name, seed)
            yield Run(case.name, seed, commands, read, files)


def _one_campaign(directory: str, name: str, seed: int, place: Path) -> Recorded:
    return {(name, seed): read_campaign(place / directory)}


def step_by_step(pool: Pool, case: Case, seed: int, directory: str) -> tuple[list[Command], dict[str, str]]:
    """Ask and answer, with a control slice, then train."""
    make = [*pool.words, "--seed", str(seed), "--seed-size", str(pool.seed_size)]
    ask = ["query", "-c", directory, *_chooser(case), "-n", str(pool.budget), "--control", "0.2", *DEVICE]
    rounds = [command for _ in range(CYCLES + case.seeds_itself) for command in (ask, _answer(directory))]
    return [[*ask, *make], *rounds[1:], _train(directory)], {}


def in_one_go(pool: Pool, case: Case, seed: int, directory: str) -> tuple[list[Command], dict[str, str]]:
    """Let `alkit run` do it."""
    make = [*pool.words, "--seed", str(seed), "--seed-size", str(pool.seed_size), "--oracle", "dataset"]
    how = [*_chooser(case), "-n", str(pool.budget), "--cycles", str(CYCLES), *DEVICE]
    return [["run", "-c", directory, *how, *make]], {}


def answered_twice(pool: Pool, case: Case, seed: int, directory: str) -> tuple[list[Command], dict[str, str]]:
    """Take answers of two people who differ on some images, and ask again."""
    make = ["init", directory, *pool.words, "--seed", str(seed), *DEVICE]
    files, told = {}, []
    for annotator, step in (("ann", 1), ("ben", 3)):
        name = f"{directory}-{annotator}.csv"
        lines = [f"{index},{(index + seed) * step % 10}" for index in range(100)]
        files[name] = "\n".join(["index,label", *lines]) + "\n"
        told.append(["ingest", name, "-c", directory, "--annotator", annotator, "--quiet"])
    ask = ["query", "-c", directory, *_chooser(case), "-n", str(pool.budget), *DEVICE]
    rounds = [command for _ in range(CYCLES) for command in (ask, _answer(directory))]
    return [make, *told, *rounds, _train(directory)], files


def _chooser(case: Case) -> Command:
    return ["-s", case.strategy, *(word for option in case.options for word in ("-o", option))]


def _answer(directory: str) -> Command:
    return ["ingest", "-c", directory, "--oracle", "dataset", "--quiet"]


def _train(directory: str) -> Command:
    return ["train", "-c", directory, *DEVICE]


def suites(pool: Pool, cases: Sequence[Case], only: list[str] | None) -> Iterator[Run]:
    """Yield one benchmark suite of all strategies that can take part; `random` always does."""
    taking_part = [
        case
        for case in cases
        if case.strategy != DISPUTED and (case.among(only) or case.strategy == "random")
    ]
    protocol = {
        "name": "suite",
        "description": "Every strategy with small options.",
        "seeds": len(SEEDS),
        "data": {"pool": ["digits"]},
        "task": {"name": "classification", "options": {"epochs": 3}},
        "labels": {"start": pool.seed_size, "budget": pool.budget, "cycles": CYCLES},
        "strategies": [
            {
                "name": case.strategy,
                "label": case.name,
                "options": dict(option.split("=", 1) for option in case.options),
            }
            for case in taking_part
        ],
    }
    words = ["bench", "suite.toml", "--out", "suite", "-j", "1", *DEVICE]
    files = {"suite.toml": tomli_w.dumps(protocol)}
    yield Run("suite", len(SEEDS), [words], lambda place: read_suite(place / "suite"), files)
