"""A protocol: everything that decides what a comparison computes, in a small TOML file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from alkit.errors import InvalidProtocol
from alkit.utils.files import read_regular
from alkit.utils.json_values import AsDict
from alkit.utils.suggestions import suggestion

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


SHIPPED = Path(__file__).parent / "protocols"
TABLES = ("data", "task", "labels", "backbone", "strategies")
TOP = ("name", "description", "seeds", "judge", *TABLES)
BASELINE = "random"
UPPER_BOUND = "upper-bound"
"""What `alkit.bench.upper_bound` chooses; it is no strategy."""
MOST_BYTES = 2**20  # of a protocol file


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The images.

    Attributes:
        pool: sources as `alkit.data.sources.open_source` takes them; the first one that is at hand is used.
        test: the test images; the data set's own by default.
        root: where torchvision data sets lie.
        image_size: pixels a side, from the images by default.
        imbalance: `none`; `long-tailed` (class k keeps `ratio ** (-k / (classes - 1))` of the images); `step`
            (every other class, from the first, keeps one in `ratio`, as in the code of TA-VAAL).
        ratio: of the largest class to the smallest.
    """

    pool: tuple[str, ...]
    test: str | None = None
    root: str | None = None
    image_size: int | None = None
    imbalance: Literal["none", "long-tailed", "step"] = "none"
    ratio: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The task model's plugin and its options."""

    name: str = "classification"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How many labels, and when.

    Attributes:
        start: images of the seed set.
        draw: `random`, or `balanced` over the classes.
        budget: images a query.
        cycles: queries.
        candidates: each query considers only this many unlabeled images, drawn anew and as far as possible
            the same for all strategies; all by default.
    """

    start: int
    budget: int
    cycles: int
    draw: Literal["random", "balanced"] = "random"
    candidates: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A network trained beforehand on part of the pool, which then leaves the pool; the task freezes it.

    Attributes:
        images: how many leave the pool.
        model: the network's name.
        options: more options of that training.
    """

    images: int
    model: str = "small-cnn"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One strategy that takes part.

    Attributes:
        name: as on the command line.
        label: what the records call it; the name by default.
        options: of the strategy.
        seeds: it takes part in only the first so many seeds, for costly strategies; in all by default.
    """

    name: str
    label: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    seeds: int | None = None

    @property
    def shown(self) -> str:
        """The name shown in tables."""
        return self.label or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol(AsDict):
    """A whole comparison.

    Attributes:
        name: also names the folder of results.
        description: one sentence.
        data: the images.
        task: the task model.
        labels: how many, and when.
        strategies: those that take part.
        seeds: one repetition each.
        backbone: a frozen network under the task model, or None.
        judge: `own`: each strategy's model is judged as the strategy trains it, with its companion if it has
            one; `both`: a plain training on the same labels is judged as well (`plain_accuracy`, ...).
    """

    name: str
    description: str
    data: Data
    task: Task
    labels: Labels
    strategies: tuple[Entry, ...]
    seeds: tuple[int, ...]
    backbone: Backbone | None = None
    judge: Literal["own", "both"] = "own"

    @property
    def cells(self) -> list[tuple[Entry, int]]:
        """Every strategy with each of its seeds, seed by seed."""
        return [
            (entry, seed)
            for number, seed in enumerate(self.seeds)
            for entry in self.strategies
            if entry.seeds is None or number < entry.seeds
        ]

    def to_toml(self) -> str:
        """Return the text of a file that `read_protocol` reads back, without values at their defaults."""
        return tomli_w.dumps(_without_defaults(self))

    def fingerprint(self) -> str:
        """Hash everything but strategy and seed that a cell depends on, so that unlike cells are never mixed.

        Seeds and strategies can therefore be added to existing results. The images' location and the
        protocol's name do not count, but see `alkit.bench.shared_data.SharedData.fingerprint`.
        """
        parts = self.as_dict()
        for name in ("name", "description", "strategies", "seeds"):
            del parts[name]
        for name in ("pool", "test", "root"):
            del parts["data"][name]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def shipped() -> dict[str, str]:
    """Return the names and descriptions of the protocols that come with alkit."""
    found = [read_protocol(path) for path in sorted(SHIPPED.glob("*.toml"))]
    return {protocol.name: protocol.description for protocol in found}


def find_protocol(name: str) -> Protocol:
    """Read a protocol by the name of a shipped one, or by the path of a file.

    Raises:
        InvalidProtocol: there is no such protocol, or it cannot be read.
    """
    if name.endswith(".toml") or "/" in name:
        return read_protocol(Path(name))
    names = sorted(path.stem for path in SHIPPED.glob("*.toml"))
    if name not in names:
        hint = suggestion(name, names, f"choose one of {', '.join(names)}")
        raise InvalidProtocol(
            f"there is no protocol called '{name}'; {hint} (the path of your own file must end in .toml)"
        )
    return read_protocol(SHIPPED / f"{name}.toml")


def read_protocol(path: Path) -> Protocol:
    """Read a protocol from a file.

    Raises:
        InvalidProtocol: the file does not exist, is not TOML, or holds something that does not fit.
    """
    try:
        table = tomllib.loads(read_regular(path, most=MOST_BYTES).decode())
    except FileNotFoundError:
        raise InvalidProtocol(f"there is no protocol file {path}; check the path") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidProtocol(f"{path} cannot be read: {error}") from error
    try:
        return parse_protocol(table, default_name=path.stem)
    except InvalidProtocol as error:
        raise InvalidProtocol(f"{path}: {error}") from error


def parse_protocol(table: Mapping[str, Any], *, default_name: str = "protocol") -> Protocol:
    """Turn the tables of a TOML file into a protocol.

    Raises:
        InvalidProtocol: a key is unknown or missing, or a value does not fit.
    """
    _known_only(table, TOP, "the protocol")
    data = dict(_table(table, "data"))
    data["pool"] = _words(data.get("pool", ()))
    backbone = _table(table, "backbone")
    strategies = table.get("strategies", [])
    if not isinstance(strategies, Sequence) or isinstance(strategies, str):
        raise InvalidProtocol("strategies should be a list, with one [[strategies]] table for each")
    protocol = Protocol(
        name=str(table.get("name", default_name)),
        description=str(table.get("description", "")),
        data=_made(Data, data, "data"),
        task=_made(Task, _table(table, "task"), "task"),
        labels=_made(Labels, _table(table, "labels"), "labels"),
        strategies=tuple(_entry(entry) for entry in strategies),
        seeds=_seeds(table.get("seeds", 5)),
        backbone=_made(Backbone, backbone, "backbone") if backbone else None,
        judge=table.get("judge", "own"),
    )
    check_protocol(protocol)
    return protocol


def check_protocol(protocol: Protocol) -> None:
    """Check everything that can be checked without images.

    Raises:
        InvalidProtocol: the first thing that does not fit.
    """
    labels, data = protocol.labels, protocol.data
    for name in ("start", "budget", "cycles"):
        value = getattr(labels, name)
        if not isinstance(value, int) or value < 1:
            raise InvalidProtocol(f"labels.{name} should be a whole number of at least 1, not {value!r}")
    if labels.candidates is not None and labels.candidates < labels.budget:
        raise InvalidProtocol("labels.candidates should be at least the budget")
    if not data.pool:
        raise InvalidProtocol("data.pool should name a folder, a file or a data set")
    for what, value, allowed in (
        ("data.imbalance", data.imbalance, ("none", "long-tailed", "step")),
        ("labels.draw", labels.draw, ("random", "balanced")),
        ("judge", protocol.judge, ("own", "both")),
    ):
        if value not in allowed:
            raise InvalidProtocol(f"{what} should be one of {', '.join(allowed)}, not {value!r}")
    if data.imbalance != "none" and data.ratio < 1:
        raise InvalidProtocol(f"data.ratio should be at least 1, not {data.ratio}")
    if not protocol.strategies:
        raise InvalidProtocol("there are no strategies; add one under [[strategies]]")
    names = [entry.shown for entry in protocol.strategies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidProtocol(f"strategy '{twice[0]}' is listed twice; give one of them another label")
    if not protocol.seeds:
        raise InvalidProtocol("seeds should name at least one seed")


def _entry(entry: Any) -> Entry:
    if isinstance(entry, str):
        return Entry(name=entry)
    if not isinstance(entry, Mapping):
        raise InvalidProtocol(f"a strategy should be a name or a table, not {entry!r}")
    return _made(Entry, entry, "strategies")


def _seeds(value: Any) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return tuple(range(value))
    if isinstance(value, list) and all(isinstance(seed, int) for seed in value):
        return tuple(dict.fromkeys(value))
    raise InvalidProtocol(f"seeds should be a number of seeds or a list of them, not {value!r}")


def _words(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value)


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, Mapping):
        raise InvalidProtocol(f"{name} should be a table, [{name}]")
    return value


def _made(cls: type[Any], values: Mapping[str, Any], where: str) -> Any:
    _known_only(values, [one.name for one in dataclasses.fields(cls)], where)
    try:
        return cls(**values)
    except TypeError as error:
        missing = [
            one.name
            for one in dataclasses.fields(cls)
            if one.default is dataclasses.MISSING
            and one.default_factory is dataclasses.MISSING
            and one.name not in values
        ]
        raise InvalidProtocol(f"{where} lacks {', '.join(missing)}; add the missing keys") from error


def _known_only(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in values:
        if name not in known:
            hint = suggestion(name, known, f"its keys are {', '.join(known)}")
            raise InvalidProtocol(f"{where} has no key '{name}'; {hint}")


def _without_defaults(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: _without_defaults(getattr(value, one.name))
            for one in dataclasses.fields(value)
            if getattr(value, one.name) not in (one.default, None, {})
        }
    if isinstance(value, tuple):
        return [_without_defaults(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value
