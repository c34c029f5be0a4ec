"""The data of a report: records, protocol, statistics, costs and the map of picks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from alkit.bench.checks import check_pairing
from alkit.bench.protocol import BASELINE, UPPER_BOUND, Protocol, read_protocol
from alkit.bench.published_random import arm_of
from alkit.bench.records import PROTOCOL, Record, checked, read_all
from alkit.bench.statistics import Comparison, compare
from alkit.bench.statistics.costs import Cost, costs_of
from alkit.bench.statistics.curves import curves_of
from alkit.bench.statistics.equal_cost import EqualCost, at_equal_cost, units_of
from alkit.bench.statistics.estimates import Estimate, estimate
from alkit.bench.statistics.factorial import Effect
from alkit.bench.statistics.factorial import effects as effects_of
from alkit.errors import BenchmarkError

from .embedding_map import Plane, read_plane

MAP = "map.json"
LOW_WORDS = ("loss", "error", "mae", "mse", "rmse", "nll", "brier", "ece")
PLAIN = "plain_"  # before the metrics of a training without the strategy's companion
BALANCED = "balanced_accuracy"
DEFECTS = ("drawn with replacement", "trained beside a ranker")
SKEW = 0.05
"""Total variation between the classes of the picks and of the pool above which they get a figure."""


@dataclass(frozen=True)
class ReportData:
    """All data of a benchmark, read once.

    Attributes:
        protocol: the comparison.
        protocol_text: text of the file in the folder.
        cells: first records of the cells.
        cycles: records of the cycles, in the protocol's order of strategies.
        failures: records of cells that failed.
        plane: the map of picks, if there is one.
        bound: records of the cycles of the upper bound, which is no strategy and takes part in no test.
    """

    protocol: Protocol
    protocol_text: str
    cells: Sequence[Record]
    cycles: Sequence[Record]
    failures: Sequence[Record]
    plane: Plane | None
    bound: Sequence[Record] = ()

    @cached_property
    def strategies(self) -> tuple[str, ...]:
        """Strategies with records, in the protocol's order."""
        return tuple(dict.fromkeys(record["strategy"] for record in self.cycles))

    @cached_property
    def baseline(self) -> str:
        """Strategy that the others are compared with: random sampling, or else the first strategy."""
        return next((name for name in self.strategies if name in self._random), self.strategies[0])

    @property
    def has_random(self) -> bool:
        """Say whether the baseline is random sampling."""
        return self.baseline in self._random

    @property
    def _random(self) -> list[str]:
        return [entry.shown for entry in self.protocol.strategies if entry.name == BASELINE]

    @cached_property
    def comparison(self) -> Comparison:
        """Statistics of the main metric, the first one in the records."""
        return self.compared(None)

    @cached_property
    def balanced(self) -> Comparison | None:
        """Statistics of the balanced accuracy, if classes are imbalanced and it differs from accuracy."""
        main = self.comparison.metric
        values = [(record["metrics"].get(BALANCED), record["metrics"][main]) for record in self.cycles]
        # The same number twice: the test images are balanced.
        if any(balanced is None for balanced, _ in values) or all(one == other for one, other in values):
            return None
        if not (self.is_imbalanced or self.is_skewed):
            return None
        return self.compared(BALANCED)

    def is_better_high(self, metric: str) -> bool:
        """Say whether higher is better: as the task declared it, or guessed in older records."""
        told = [cell["lower_is_better"] for cell in self.cells if "lower_is_better" in cell]
        return metric.removeprefix(PLAIN) not in told[0] if told else guessed_direction(metric)

    def compared(self, metric: str | None) -> Comparison:
        """Return the statistics of one metric."""
        name = metric or next(iter(self.cycles[0]["metrics"]), "")
        curves = curves_of(
            self.cycles, metric, higher_is_better=self.is_better_high(name), strategies=self.strategies
        )
        return compare(curves, self.baseline)

    @cached_property
    def upper(self) -> Comparison | None:
        """Statistics of the upper bound against the baseline, if it was asked for."""
        if not self.bound:
            return None
        main = self.comparison
        own = [record for record in self.cycles if record["strategy"] == self.baseline]
        curves = curves_of(
            [*own, *self.bound],
            main.metric,
            higher_is_better=main.higher_is_better,
            strategies=(self.baseline, self.bound[0]["strategy"]),
        )
        return compare(curves, self.baseline)

    def finals(self, metric: str) -> dict[str, Estimate]:
        """Return one metric at the end, by strategy."""
        curves = curves_of(self.cycles, metric, strategies=self.strategies)
        return {name: estimate(curves.finals(name), self.comparison.level) for name in self.strategies}

    @cached_property
    def equal_cost(self) -> tuple[EqualCost, ...]:
        """Strategies at equal human cost, by unit; empty where nothing is known of it."""
        units = units_of(self.cycles)
        if not units and self.cells and self.cells[0].get("labels") == "boxes":  # of older versions
            units = ("boxes",)
        main = self.comparison
        versus = {one.strategy: one.area.estimate.mean for one in main.versus}
        by_images = {name: versus.get(name) or 0.0 for name in self.strategies}
        return tuple(
            at_equal_cost(
                self.cycles,
                main.metric,
                by_images,
                unit=unit,
                baseline=self.baseline,
                level=main.level,
                higher_is_better=main.higher_is_better,
            )
            for unit in units
        )

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What defects of a published baseline are worth; empty without random sampling in all four arms."""
        arms = {
            arm: entry.shown
            for entry in self.protocol.strategies
            if (arm := arm_of(entry)) is not None and entry.shown in self.strategies
        }
        main = self.comparison
        if len(arms) < 4:
            return ()
        curves = curves_of(
            self.cycles, main.metric, higher_is_better=main.higher_is_better, strategies=self.strategies
        )
        return effects_of(curves, arms, DEFECTS, main.level)

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """Costs of each strategy."""
        return costs_of(self.cycles)

    @cached_property
    def complete(self) -> int:
        """Number of cells that ran to their end."""
        last = self.protocol.labels.cycles
        return sum(record["cycle"] == last for record in (*self.cycles, *self.bound))

    @property
    def expected(self) -> int:
        """Number of cells that the protocol has."""
        return len(self.protocol.cells)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty for tasks without."""
        return tuple(self.cells[0].get("classes") or ()) if self.cells else ()

    @cached_property
    def pool_shares(self) -> tuple[float, ...]:
        """Share of each class of the pool: as recorded, or else as the baseline found it."""
        recorded = self.cells[0].get("classes_pool") if self.cells else None
        if recorded:
            return _shares(recorded)
        last = max((record["cycle"] for record in self.cycles), default=0)
        own = [
            record.get("classes_labeled") or []
            for record in self.cycles
            if record["strategy"] == self.baseline and record["cycle"] == last
        ]
        return _shares([sum(counts) for counts in zip(*own, strict=True)])

    @cached_property
    def picked_shares(self) -> dict[str, tuple[float, ...]]:
        """Share of each class among all picks of a strategy."""
        result = {}
        for name in self.strategies:
            own = [
                record["classes_picked"]
                for record in self.cycles
                if record["strategy"] == name and record.get("classes_picked")
            ]
            shares = _shares([sum(counts) for counts in zip(*own, strict=True)])
            if shares:
                result[name] = shares
        return result

    @property
    def is_imbalanced(self) -> bool:
        """Say whether the pool's largest class is more than 1.5 times as large as its smallest."""
        shares = self.pool_shares
        return self.protocol.data.imbalance != "none" or bool(shares and max(shares) > 1.5 * min(shares))

    @property
    def is_skewed(self) -> bool:
        """Say whether the class shares of a strategy's picks differ from those of the pool."""
        pool = self.pool_shares
        return bool(pool) and any(
            sum(abs(one - other) for one, other in zip(shares, pool, strict=True)) / 2 > SKEW
            for shares in self.picked_shares.values()
        )


def read_report_data(results: Path) -> ReportData:
    """Read a folder of results.

    Raises:
        BenchmarkError: it holds no record of a cycle, no protocol, or cells that cannot be compared.
    """
    path = results / PROTOCOL
    protocol = read_protocol(path)
    order = {entry.shown: number for number, entry in enumerate(protocol.strategies)}
    found = sorted(
        checked(read_all(results), results),
        key=lambda record: (
            order.get(record["strategy"], len(order)),
            record["strategy"],
            record["seed"],
            record.get("cycle", -1),
        ),
    )
    check_pairing(found)
    bounds = [entry.shown for entry in protocol.strategies if entry.name == UPPER_BOUND]
    every = [record for record in found if record["kind"] == "cycle"]
    cycles = [record for record in every if record["strategy"] not in bounds]
    if not cycles:
        failed = [record["error"] for record in found if record["kind"] == "failed"]
        why = f" (a cell failed: {failed[0]})" if failed else ""
        raise BenchmarkError(f"{results} holds no record of a cycle yet{why}; run the benchmark first")
    return ReportData(
        protocol=protocol,
        protocol_text=path.read_text(encoding="utf-8"),
        cells=[record for record in found if record["kind"] == "cell"],
        cycles=cycles,
        failures=[record for record in found if record["kind"] == "failed"],
        plane=read_plane(results / MAP, order),
        bound=[record for record in every if record["strategy"] in bounds],
    )


def guessed_direction(metric: str) -> bool:
    """Guess whether higher is better, for records from before tasks declared it."""
    return not any(word in LOW_WORDS for word in metric.lower().replace("-", "_").split("_"))


def diagnostics_of(cycles: Sequence[Record]) -> dict[str, dict[str, dict[int, float]]]:
    """Average every number among the diagnostics by name, strategy and number of labels."""
    gathered: dict[str, dict[str, dict[int, list[float]]]] = {}
    for record in cycles:
        for name, value in (record.get("diagnostics") or {}).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                by_labels = gathered.setdefault(name, {}).setdefault(record["strategy"], {})
                by_labels.setdefault(record["labels"], []).append(float(value))
    return {
        name: {
            strategy: {labels: sum(values) / len(values) for labels, values in sorted(by_labels.items())}
            for strategy, by_labels in by_strategy.items()
        }
        for name, by_strategy in gathered.items()
    }


def provenance_of(cells: Sequence[Record]) -> list[Record]:
    """Say where records come from; cells that differ only in seed and date share an entry."""
    by_origin: dict[str, list[Record]] = {}
    for cell in cells:
        shared = {
            key: value for key, value in cell.items() if key not in ("kind", "seed", "seed_set", "date")
        }
        by_origin.setdefault(json.dumps(shared, sort_keys=True), []).append(cell)
    return [
        {
            **json.loads(origin),
            "seeds": sorted(cell["seed"] for cell in alike),
            "from": min(str(cell.get("date", "")) for cell in alike),
            "to": max(str(cell.get("date", "")) for cell in alike),
        }
        for origin, alike in by_origin.items()
    ]


def _shares(counts: Sequence[int]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total for count in counts) if total else ()
