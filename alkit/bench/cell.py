"""One cell of a benchmark: one strategy with one seed, from the seed set to the last training."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.composition.factory import effective_options
from alkit.data.labeled_images import LabeledImages
from alkit.errors import AlkitError, BenchmarkError
from alkit.interfaces.labels import ImageFacts
from alkit.utils import seeding
from alkit.utils.json_values import finite
from alkit.utils.malloc import keep_freed_memory
from alkit.utils.profiling import Profile

from . import common_failure, records
from .cell_diagnostics import predicted_loss_correlation, record_diagnostics
from .checks import HiddenLabels, check_labels, check_random
from .prepare import seed_set
from .protocol import BASELINE, Entry, Protocol
from .published_random import PublishedRandom
from .shared_data import SharedData, task_options_of
from .upper_bound import JUDGED, Judge, UpperBound, makers_of, participant

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.engine.cycle import Cycle
    from alkit.engine.round import Round
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.strategy import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What another process needs to run one cell.

    Attributes:
        results: folder of the results.
        shared: file that the shared data was saved to.
        protocol: the comparison.
        entry: the strategy.
        seed: of all its randomness.
        header: provenance for the cell's first record.
        run: the suite's run that the cell belongs to; a cell stops when another run replaces it.
    """

    results: Path
    shared: Path
    protocol: Protocol
    entry: Entry
    seed: int
    header: Mapping[str, Any]
    run: str

    @property
    def path(self) -> Path:
        """File of its records."""
        return records.cell_path(self.results, self.entry.shown, self.seed)

    @property
    def work(self) -> Path:
        """Folder for what it needs to resume after an interruption."""
        return self.path.with_suffix(records.WORK)


class Superseded(Exception):
    """Another run of the suite has taken over, or this one has ended."""


def run_cell(cell: Cell) -> None:
    """Run a cell to its end, resuming after its last record; an error becomes its last record.

    Nothing is done if cells of the run fail for a common reason.
    """
    from filelock import FileLock  # noqa: PLC0415  # filelock is slow to import

    cell.path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cell.path.with_suffix(".lock")):
        done = _without_failure(cell.path)
        if is_complete(done, cell.protocol) or common_failure.shared_error(cell) is not None:
            return
        try:
            with _quiet_threads(cell):
                _Run(cell, done).to_the_end()
        except Superseded:
            return
        except (AlkitError, MemoryError) as error:
            _fail(cell, str(error) or type(error).__name__)
        except Exception as error:  # code of a plugin; the other cells go on
            _fail(cell, f"{type(error).__name__}: {error}")
        else:
            shutil.rmtree(cell.work, ignore_errors=True)
            common_failure.note(cell, None)


def is_complete(done: Sequence[records.Record], protocol: Protocol) -> bool:
    """Say whether these records of a cell are complete."""
    return cycles_in(done) == list(range(protocol.labels.cycles + 1))


def cycles_in(done: Sequence[records.Record]) -> list[int]:
    """Return the numbers of the cycles that a cell has on record, in their order."""
    return [record["cycle"] for record in done if record["kind"] == "cycle"]


def _without_failure(path: Path) -> list[records.Record]:
    found = records.read(path, repair=True)
    done = [record for record in found if record["kind"] != "failed"]
    numbers = cycles_in(done)
    if done and (done[0]["kind"] != "cell" or numbers != list(range(len(numbers)))):
        raise BenchmarkError(
            f"{path} does not hold the records of one cell in order; remove the file to run the cell again"
        )
    if len(done) < len(found):
        records.write(path, done)
    return done


def _fail(cell: Cell, error: str) -> None:
    done = records.read(cell.path)
    cycle = sum(record["kind"] == "cycle" for record in done)
    failure = {"kind": "failed", "strategy": cell.entry.shown, "seed": cell.seed, "cycle": cycle}
    records.append(cell.path, {**failure, "error": error})
    common_failure.note(cell, error)


@contextlib.contextmanager
def _quiet_threads(cell: Cell) -> Iterator[None]:
    """Use one thread on a CPU: many processes with one thread each are faster than one with many."""
    import torch  # noqa: PLC0415  # torch takes seconds to import

    before = torch.get_num_threads()
    keep_freed_memory()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Run:
    """The steps of one cell."""

    def __init__(self, cell: Cell, done: Sequence[records.Record]) -> None:
        self.cell, self.protocol, self.seed = cell, cell.protocol, cell.seed
        self.shared = SharedData.load(cell.shared)
        self.task = self.shared.task_model()
        self.test = self.shared.test_images()
        self.strategy: Strategy = participant(cell.entry)
        self.members = np.array(self.shared.pool.members, dtype=np.int64)
        self.hidden = HiddenLabels(self.shared.pool.labels)
        self.efforts: dict[int, dict[str, float]] = {}
        self.cycles = [record for record in done if record["kind"] == "cycle"]
        self.labeled = seed_set(self.protocol, self.shared, self.seed)
        self.asked = self.labeled
        if not done:
            records.append(cell.path, self._header())
        for record in self.cycles:
            picks = np.array(record["picks"], dtype=np.int64)
            self.labeled, self.asked = np.union1d(self.labeled, picks), np.concatenate([self.asked, picks])
        self.hidden.reveal(self.labeled)
        if self.cycles:
            self._restore(self.cycles[-1]["cycle"])

    def to_the_end(self) -> None:
        """Train, evaluate, choose and label until the budget is spent, then train and evaluate once more."""
        for number in range(len(self.cycles), self.protocol.labels.cycles + 1):
            record = self._one_cycle(number)
            if records.current_run(self.cell.results) != self.cell.run:
                raise Superseded
            records.append(self.cell.path, record)

    def _one_cycle(self, number: int) -> records.Record:
        profile, started = Profile(), time.process_time()
        round_ = self._round(number, profile)
        trained = self._train(round_)
        spent = {} if trained.reused else {"train": round(time.process_time() - started, 3)}
        metrics = dict(trained.metrics)
        if self.protocol.judge == "both":
            metrics |= self._judged_plain(round_, trained)
        record = {
            "kind": "cycle",
            "strategy": self.cell.entry.shown,
            "seed": self.seed,
            "cycle": number,
            "labels": len(self.labeled),
            "metrics": {name: round(value, 6) for name, value in metrics.items()},
            "picks": [],
            "classes_labeled": self._per_class(self.labeled),
            **self._effort(self.labeled),
            "starting_weights": trained.record["starting_weights"],
            "order": trained.record["order"],
            "recipe": trained.record["recipe"],
        }
        taken = profile.as_dict()
        diagnostics: dict[str, Any] = predicted_loss_correlation(self.task, trained, self.test, self.shared)
        if isinstance(self.strategy, PublishedRandom):
            diagnostics = {**diagnostics, "distinct_images": len(np.unique(round_.labeled.indices))}
        if number < self.protocol.labels.cycles:
            before = self.labeled
            cycle = round_.open_cycle(self.task, trained, self._candidates(number))
            if isinstance(self.strategy, UpperBound):
                self.strategy.makers = makers_of(self.protocol, self.task.spec)
                self.strategy.judge = self._judge(number)
            started = time.process_time()
            picks = round_.choose(cycle, self.protocol.labels.budget)
            spent["query"] = round(time.process_time() - started, 3)
            diagnostics |= _of_the_cycle(cycle.diagnostics)
            round_.remember(self.cell.work)
            taken = profile.as_dict()
            if number == self.protocol.labels.cycles - 1 and self.seed == self.protocol.seeds[0]:
                record_diagnostics(
                    self.cell.path, self.shared, cycle, baseline=self.cell.entry.name == BASELINE
                )
            self.hidden.reveal(picks)
            diagnostics |= self._truth_about(picks, cycle)
            self.labeled, self.asked = np.union1d(before, picks), np.concatenate([self.asked, picks])
            record |= {"picks": picks.tolist(), "classes_picked": self._per_class(picks)}
            check_labels(self.hidden, before, picks, self.labeled, self.protocol.labels, number)
        record["checks"] = check_random(self.cell.entry, self.strategy, trained)
        return {
            **record,
            "diagnostics": finite(diagnostics),
            "cpu_seconds": spent,
            **taken,
        }

    def _round(self, number: int, profile: Profile) -> Round:
        from alkit.engine.round import Round  # noqa: PLC0415  # torch takes seconds to import

        labeled = self.labeled
        if isinstance(self.strategy, PublishedRandom):
            labeled = self.strategy.trained_on(self.asked, seeding.numpy_generator(self.seed, "draws"))
        values = [self._value(index) for index in labeled.tolist()]
        return Round(
            number=number,
            seed=self.seed,
            labeled=LabeledImages(images=self.shared.images, indices=labeled, values=values),
            strategy=self.strategy,
            device=self.shared.torch_device,
            profile=profile,
        )

    def _train(self, round_: Round, kept: str = "checkpoints") -> TrainedModel:
        checkpoints = self.cell.work / kept
        checkpoints.mkdir(parents=True, exist_ok=True)
        files = sorted(checkpoints.glob(f"{round_.number - 1:03d}-*.pt"))
        earlier = [path for path in files if "partial" not in path.name]
        return round_.train(
            self.task,
            classes=self.shared.classes,
            test=self.test,
            checkpoints=checkpoints,
            previous=earlier[0] if earlier else None,
        )

    def _judged_plain(self, round_: Round, trained: TrainedModel) -> dict[str, float]:
        """Evaluate a model trained on the same labels without the strategy's companion."""
        metrics = trained.metrics
        if trained.companion is not None:
            weights = {name: tensor.clone() for name, tensor in self.task.network.state_dict().items()}
            alone = dataclasses.replace(round_, strategy=None, profile=Profile())
            metrics = self._train(alone, "plain").metrics
            self.task.network.load_state_dict(weights)
            self.task.network.eval()
        return {f"plain_{name}": value for name, value in metrics.items()}

    def _candidates(self, number: int) -> Indices:
        """Return the unlabeled images, or the first of them in an order that all strategies share."""
        wanted = self.protocol.labels.candidates
        if wanted is None:
            return np.setdiff1d(self.members, self.labeled)
        order = seeding.numpy_generator(self.seed, "candidates", number).permutation(self.members)
        unlabeled = order[~np.isin(order, self.labeled)]
        return np.sort(unlabeled[:wanted])

    def _judge(self, number: int) -> Judge:
        """Return a function that trains on a batch with its true labels, and judges on unlabeled images."""
        task = self.shared.task_model()
        order = seeding.numpy_generator(self.seed, "upper bound", number).permutation(self.members)
        judged = np.sort(order[~np.isin(order, self.labeled)][:JUDGED])
        metric = task.metrics[0]

        def judge(picks: Indices) -> float:
            round_ = self._round(number + 1, Profile())
            known, others = np.union1d(self.labeled, picks), np.setdiff1d(judged, picks)
            round_ = dataclasses.replace(round_, labeled=self._true(known), strategy=None)
            trained = round_.train(
                task, classes=self.shared.classes, test=self._true(others) if len(others) else self.test
            )
            value = trained.metrics[metric.name]
            return value if metric.higher_is_better else -value

        return judge

    def _true(self, indices: Indices) -> LabeledImages:
        """Return images with their labels, revealed or not: for the upper bound alone."""
        labels, parse = self.shared.pool.labels, self.shared.reader.parse
        values = [parse(labels[index], ImageFacts()) for index in indices.tolist()]
        return LabeledImages(images=self.shared.images, indices=indices, values=values)

    def _truth_about(self, picks: Indices, cycle: Cycle) -> dict[str, float]:
        """Return the mean loss on the picks of the model that they were chosen with."""
        import torch  # noqa: PLC0415  # torch takes seconds to import

        from alkit.data.loader import Loader  # noqa: PLC0415  # torch takes seconds to import

        targets = self.task.encode([self._value(index) for index in picks.tolist()])
        loader = Loader(self.shared.images, cycle.device, targets=targets, labeled=picks)
        losses = torch.empty(len(picks))
        for number, output in enumerate(cycle.outputs(picks)):
            part = slice(number * cycle.batch_size, (number + 1) * cycle.batch_size)
            rows = loader.target_rows(picks[part])
            with torch.no_grad():
                losses[part] = self.task.loss(output, rows).flatten().float().cpu()
        return {"picked_loss": round(float(losses.mean()), 6)}

    def _per_class(self, indices: Indices) -> list[int]:
        counts = Counter(name for index in indices.tolist() for name in self._names(index))
        return [counts[name] for name in self.shared.classes]

    def _effort(self, indices: Indices) -> dict[str, dict[str, float]]:
        """Return what the labels of images cost people, by unit; nothing where all cost the same."""
        for index in indices.tolist():
            if index not in self.efforts:
                own = dict(self.shared.reader.effort(self._value(index)))
                cost = {"cost": self.shared.pool.costs[index]} if self.shared.pool.costs else {}
                self.efforts[index] = own | cost
        total: dict[str, float] = defaultdict(float)
        for index in indices.tolist():
            for unit, spent in self.efforts[index].items():
                total[unit] += spent
        return {"effort": {unit: round(spent, 6) for unit, spent in total.items()}} if total else {}

    def _value(self, index: int) -> Any:
        """Return a label that was revealed, as the task takes it."""
        return self.shared.reader.parse(self.hidden.revealed(index), ImageFacts())

    def _names(self, index: int) -> Sequence[str]:
        """Return the classes in an image's label."""
        reader = self.shared.reader
        return reader.names(reader.parse(self.shared.pool.labels[index], ImageFacts()))

    def _header(self) -> records.Record:
        return {
            "kind": "cell",
            "strategy": self.cell.entry.shown,
            "seed": self.seed,
            **self.cell.header,
            "options": finite(effective_options(self.strategy)),
            "task_options": task_options_of(self.task),
            "seed_set": self.labeled.tolist(),
            "candidates": len(self.members),
            "test": len(self.test.indices),
            "labels": self.shared.reader.kind,
            "lower_is_better": [metric.name for metric in self.task.metrics if not metric.higher_is_better],
            "classes": list(self.shared.classes),
            "classes_pool": self._per_class(self.members),
        }

    def _restore(self, number: int) -> None:
        from alkit.engine.strategy_state import load_state, state_path  # noqa: PLC0415  # torch takes seconds to import

        path = state_path(self.cell.work, self.strategy, number)
        if path.exists():
            load_state(self.strategy, path)


def _of_the_cycle(diagnostics: Mapping[str, Any]) -> dict[str, Any]:
    """Return diagnostics without the adversary's curves and the numbers of single picks."""
    return {
        key: value
        for key, value in diagnostics.items()
        if key != "adversary"
        and not (isinstance(value, list) and value and all(isinstance(one, int | float) for one in value))
    }
