"""A labeling effort that lives in a directory and survives its process."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import options as opts
from . import plugins, seeding
from .aggregation import check_rule
from .answers import Receipt, sort_answers, sort_oracle_answers
from .composing import changed_files, options_in_force, origin_of, plugin_of, same_code
from .errors import (
    CampaignError,
    CampaignLocked,
    InvalidAnswers,
    InvalidBudget,
    InvalidOption,
    SourceError,
    TrainingError,
    UnusableImage,
)
from .labeling.sheet import write_contact_sheet
from .labeling.tables import GivenAnswer
from .ledger import Ledger, finite
from .measure import Measures
from .progress import Progress, Silent
from .queries import Pick, Query, write_csv
from .remembering import remember, remind
from .settings import Settings, read_settings
from .state import State, read_state
from .workbench import POOL_CACHE, Workbench

if TYPE_CHECKING:
    import numpy.typing as npt

    from .images import ImageRecord
    from .learning import LabeledImages, Learned
    from .oracle import Answer, Oracle
    from .pool import Pool
    from .sources import Source
    from .stopping import Rule
    from .strategy import Strategy

    Indices = npt.NDArray[np.int64]

SETTINGS, LEDGER, LOCK = "campaign.toml", "campaign.db", "campaign.lock"
LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRecord:
    """One training, as recorded.

    Attributes:
        cycle: queries before it.
        labels: labeled images.
        metrics: on the test images, empty without any.
        reused: the same training had been done before.
        record: recipe, losses, measures, checkpoint.
    """

    cycle: int
    labels: int
    metrics: Mapping[str, float]
    reused: bool
    record: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {"cycle": self.cycle, "labels": self.labels, "metrics": dict(self.metrics), **self.record}


class Chooser(NamedTuple):
    """A strategy, and the plugin that it came from."""

    strategy: Strategy
    plugin: plugins.Plugin


class Campaign:
    """A campaign that exists; `alkit.creation.create` makes one.

    Args:
        directory: where it lives.
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        progress: where long work shows how far it is.

    Raises:
        CampaignError: there is none, or it cannot be read.
    """

    def __init__(
        self, directory: str | Path, *, device: str = "auto", progress: Progress | None = None
    ) -> None:
        self.directory = Path(directory)
        self.settings: Settings = read_settings(self.directory / SETTINGS)
        self.ledger = Ledger(self.directory / LEDGER)
        self.progress: Progress = Silent() if progress is None else progress
        self.workbench = Workbench(self.directory, self.settings, device, self.progress)
        self.state: State = read_state(self.ledger)

    def close(self) -> None:
        """Close the files."""
        self.ledger.close()

    def __enter__(self) -> Campaign:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what there is ---------------------------------------------------------------------------------

    @property
    def pool(self) -> Pool:
        """Who is labeled, asked, set aside, free."""
        return self.state.pool

    @property
    def classes(self) -> Sequence[str]:
        """Class names, in the order of their numbers."""
        return self.state.classes

    @property
    def queries(self) -> Sequence[Query]:
        """All queries, the first one first."""
        return self.state.queries

    @property
    def open_query(self) -> Query | None:
        """The query that waits for answers, or None."""
        return self.state.open_query

    @property
    def cycle(self) -> int:
        """Queries so far."""
        return len(self.state.asked)

    @property
    def source(self) -> Source:
        """Where the images come from."""
        return self.workbench.source

    def oracle(self, name: str | None = None, options: Mapping[str, Any] | None = None) -> Oracle | None:
        """Return an oracle by name, connected to the pool; by default the campaign's own, if it has one."""
        return self.workbench.oracle(self.state, name, options)

    # -- what happens ----------------------------------------------------------------------------------

    def train(self, strategy: Strategy | None = None) -> CycleRecord:
        """Train on all labels, with a strategy's companion if it has one, judge on the test images, record.

        Raises:
            TrainingError: nothing is labeled, or training failed.
            CampaignLocked: another process is at work.
        """
        with self._lock():
            return self._train(strategy, Measures())[1]

    def ask(
        self,
        n: int,
        *,
        strategy: str | None = None,
        options: Mapping[str, Any] | None = None,
        new: bool = False,
        seed_strategy: str = "random",
        seed_size: int | None = None,
        control: float | None = None,
    ) -> Query:
        """Choose images, record the choice, write it for people, and return it.

        While a query is open it is returned again, whatever is asked, unless `new`: then what is left of it
        goes back to the pool. With nothing labeled, a seed query comes first: the campaign's own oracle
        answers it at once and the query proper follows; without one, the seed query is what is returned.

        Args:
            n: images.
            strategy: by name; the campaign's own by default.
            options: of the strategy.
            new: withdraw what is open.
            seed_strategy: chooses while nothing is labeled.
            seed_size: images of a seed query that an oracle answers; `n` by default.
            control: share of the n images that is drawn at random from all candidates before the strategy
                chooses, so that the answers say how good the model is; by default a tenth where people
                answer and the strategy has a model trained, else none. Seed queries, queries of fewer than
                ten images, strategies that choose uniformly and those that ask again have none, nor do tasks
                that predict no class an image. Where a share is named, a model is trained for its
                predictions, also for a strategy that needs none.

        Raises:
            InvalidBudget: n is not between one and the number of candidates.
            AlkitError: the strategy, the training or the disk failed; nothing is recorded then.
            CampaignLocked: another process is at work.
        """
        with self._lock():
            open_query = self.open_query
            if open_query is not None and not new:
                self._write_for_people(open_query)
                return dataclasses.replace(open_query, reused=True)
            chosen = self._chooser(strategy, options)
            share = self._control_share(control, chosen.strategy)
            if open_query is not None:  # on record together with the query that takes its place
                self.pool.withdraw(pick.index for pick in open_query.unanswered)
            left = len(self._candidates(chosen.strategy))
            if left == 0 and chosen.strategy.asks_again:
                raise InvalidBudget("no image is in dispute: no two annotators differ on one")
            self._check_budget(n, left)
            if not chosen.strategy.needs_labels or len(self.pool.labeled):
                return self._ask(chosen, n, instead_of=open_query, control=share)
            self._check_needs(chosen.strategy)
            seeder = self._seeder(seed_strategy)
            oracle = self.oracle()
            if oracle is None:
                self.progress.line(
                    f"nothing is labeled yet: '{seed_strategy}' chooses these {n} images, as a seed for "
                    f"'{chosen.strategy.name}'"
                )
                return self._ask(seeder, n, seed=True, instead_of=open_query)
            size = min(n, left - n) if seed_size is None else seed_size
            if not 1 <= size <= left - n:
                raise InvalidBudget(
                    f"nothing is labeled yet, so a seed query comes first; a budget of {n:,} and a seed of "
                    f"{size or 1:,} are more than the {left:,} images that are left to choose from"
                )
            first = self._ask(seeder, size, seed=True, instead_of=open_query)
            receipt = self._consult(oracle, first)
            self.progress.line(
                f"seed set: {receipt.accepted} images chosen by '{seed_strategy}' and labeled by "
                f"oracle '{oracle.name}'"
            )
            return self._ask(chosen, n, control=share)

    def tell(
        self,
        answers: Sequence[GivenAnswer],
        *,
        strict: bool = False,
        allow_new_classes: bool = False,
        said_before: bool = False,
        dry_run: bool = False,
        note: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """Take answers that name images by path, index or hash; what is good is kept, the rest is reported.

        Args:
            answers: as they came in.
            strict: keep nothing if anything is rejected.
            allow_new_classes: labels that are no class yet become classes.
            said_before: what an annotator has said at any time is unchanged, also if corrected since.
            dry_run: only tell what would become of them; keep nothing.
            note: to be recorded with them, such as the file's name.

        Raises:
            CampaignLocked: another process is at work.
        """
        with self._lock():
            receipt = sort_answers(
                answers,
                records=self.state.records,
                pool=self.pool,
                task=plugins.tasks.get(self.settings.task.name),
                classes=self.classes,
                allow_new_classes=allow_new_classes,
                location=Path(self.settings.pool.location),
                previous=self.state.answers_to,
                said_before=said_before,
            )
            if strict and receipt.rejected:
                return Receipt(rejected=receipt.rejected, still_open=len(self.pool.pending))
            if not dry_run:
                self._keep(receipt, note or {})
            return dataclasses.replace(receipt, still_open=len(self.pool.pending))

    def take_back(self, index: int, annotator: str, *, after: int = 0) -> Answer:
        """Take back an annotator's latest answer to an image: it counts no more, but stays in the history.

        If nobody else has answered, the image waits for an answer again, as long as no other query has been
        asked; else it goes back to the pool.

        Args:
            index: position in the pool.
            annotator: who gave the answer.
            after: number of an event that the answer has to come after.

        Raises:
            InvalidAnswers: there is no such answer.
            CampaignLocked: another process is at work.
        """
        with self._lock():
            row = self.state.latest(index, annotator, after=after)
            if row is None:
                raise InvalidAnswers(f"there is no answer of '{annotator}' to image {index} to take back")
            with self.ledger.transaction():
                self.ledger.add_event("retracted", {"index": self.pool.place_of(index), "answer": row.id})
            self.state = read_state(self.ledger, self.state)
            return row.answer

    def consult(self, oracle: Oracle) -> Receipt:
        """Let an oracle answer what is open; what it leaves out stays open.

        Raises:
            InvalidAnswers: no query is open.
            CampaignLocked: another process is at work.
        """
        with self._lock():
            query = self.open_query
            if query is None:
                raise InvalidAnswers("no query is open; ask with 'alkit query' first")
            return dataclasses.replace(self._consult(oracle, query), still_open=len(self.pool.pending))

    def run(
        self,
        oracle: Oracle,
        *,
        cycles: int,
        n: int,
        strategy: str | None = None,
        options: Mapping[str, Any] | None = None,
        seed_strategy: str = "random",
        seed_size: int | None = None,
        control: float = 0.0,
        stop: Sequence[Rule] = (),
    ) -> list[CycleRecord]:
        """Train, ask and answer until the campaign has had so many queries, then train and judge once more.

        What an earlier, interrupted run has done counts, so the same call finishes it. What the oracle
        leaves out stays out of this and later runs.

        Args:
            oracle: who answers.
            cycles: queries in all, a seed query aside.
            n: images a query.
            strategy: by name; the campaign's own by default.
            options: of the strategy.
            seed_strategy: chooses while nothing is labeled.
            seed_size: images of the seed query; `n` by default.
            control: see `ask`.
            stop: the run ends earlier where one of these rules says so, and stays ended by it.

        Returns:
            The run's trainings, one a cycle.

        Raises:
            CampaignError: the campaign has queries by another strategy or with other options.
            InvalidAnswers: the oracle answers nothing at all.
            AlkitError: as `ask` and `train`.
        """
        if cycles < 1:
            raise InvalidBudget(f"the number of cycles should be at least 1, not {cycles}")
        chosen = self._chooser(strategy, options)
        self._check_run(chosen.strategy, control, stop)
        with self._lock():
            self._check_same(chosen.strategy)
            if self.stopped is not None and self.stopped["rule"] in map(str, stop):
                self.progress.line(f"stopped already by {self.stopped['rule']}: {self.stopped['reason']}")
                return self._history_of_run()
            if len(self.pool.labeled) == 0:
                self._check_needs(chosen.strategy)
            if (left := self.open_query) is not None:
                self._consult_or_pass(oracle, left)
            seeding_first = len(self.pool.labeled) == 0
            done = len(self._proper_queries())
            wanted = max(cycles - done, 0) * n + ((seed_size or n) if seeding_first else 0)
            if done < cycles:
                self._check_budget(n, len(self.pool.answerable))
                self._check_budget(wanted, len(self.pool.answerable))
            if seeding_first:
                seeder = self._seeder(seed_strategy)
                first = self._ask(seeder, seed_size or n, seed=True, candidates=self.pool.answerable)
                self._consult_or_pass(oracle, first)
            for number in range(done + 1, cycles + 1):
                self.progress.line(f"cycle {number} of {cycles}: {len(self.pool.labeled):,} labels")
                measures = Measures()
                learned = self._train_for_run(chosen.strategy, measures)
                if self._stop(stop, n):
                    break
                query = self._ask(
                    chosen,
                    n,
                    candidates=self.pool.answerable,
                    measures=measures,
                    learned=learned,
                    control=control,
                )
                self._consult_or_pass(oracle, query)
            else:
                self._train_for_run(chosen.strategy, Measures())
            return self._history_of_run()

    def aggregate_by(self, rule: str) -> None:
        """Decide how answers of several annotators to one image become one: `last`, `majority`, `weighted`.

        All answers are kept, so another decision can follow at any time.

        Raises:
            InvalidOption: there is no such rule.
            CampaignLocked: another process is at work.
        """
        with self._lock():
            if check_rule(rule) == self.state.aggregate:
                return
            with self.ledger.transaction():
                self.ledger.add_event("aggregate", {"by": rule})
            self.state = read_state(self.ledger, self.state)

    def update(self) -> dict[str, Any]:
        """Take in the images that are new in the source, at the end of the list; indices never shift.

        Returns:
            `added`, `found` (lost images that are back), `duplicates`: how many; `unusable`: which and why;
            `missing`: keys that are gone from the source.
        """
        from .images import scan
        from .store import StoreWriter

        with self._lock():
            self.workbench.open_source_again()
            present = self.source.keys()
            known = set(self.state.keys)
            found = self._take_found_back(present)
            fresh = [key for key in present if key not in known]
            missing = sorted(known - set(present))
            added: list[ImageRecord] = []
            if fresh:
                shape = self.workbench.images(self.state).shape  # the cache is whole now
                path = self.directory / "cache" / POOL_CACHE
                hashes = {
                    r.hash: r.index
                    for r in self.state.records
                    if self.pool.usable[r.index]  # what is lost has no copies: it was moved
                }
                with StoreWriter(path, shape, count=len(self.state.records)) as store:
                    added = scan(
                        self.source,
                        fresh,
                        first=len(self.state.records),
                        known=hashes,
                        store=store,
                        progress=self.progress,
                    )
                with self.ledger.transaction():
                    self.ledger.add_event(
                        "extended", {"first": len(self.state.records), "images": len(added)}
                    )
                    self.ledger.add_images(added)
                self.state = read_state(self.ledger, self.state)
            return {
                "added": len(added),
                "found": len(found),
                "unusable": [{"image": r.key, "reason": r.unusable} for r in added if r.unusable],
                "duplicates": sum(r.duplicate_of is not None for r in added),
                "missing": missing,
            }

    def history(self) -> list[CycleRecord]:
        """The trainings so far, one a cycle: that of a run, or else the latest."""
        trained: dict[str, CycleRecord] = {}
        latest: dict[int, CycleRecord] = {}
        for event in self.ledger.events("trained"):
            data = dict(event.data)
            record = CycleRecord(
                cycle=data.pop("cycle"),
                labels=data.pop("labels"),
                metrics=data.pop("metrics"),
                reused=False,
                record=data,
            )
            trained[data["fingerprint"]] = latest[record.cycle] = record
        for event in self.ledger.events("ran"):
            latest[event.data["cycle"]] = trained[event.data["fingerprint"]]
        return [latest[cycle] for cycle in sorted(latest)]

    @property
    def stopped(self) -> Mapping[str, Any] | None:
        """The rule that ended the last run and its reason, or None if there has been a query since."""
        events = self.ledger.events("stopped")
        return events[-1].data if events and events[-1].data["cycle"] == self.cycle else None

    def status(self) -> dict[str, Any]:
        """Return where the campaign stands, as JSON values."""
        pool, open_query = self.pool, self.open_query
        counts = dict.fromkeys(self.classes, 0)
        for value in pool.values:
            counts[str(value)] = counts.get(str(value), 0) + 1
        return {
            "directory": str(self.directory),
            "pool": self.settings.pool.location,
            "images": pool.size,
            "labeled": len(pool.labeled),
            "candidates": len(pool.candidates),
            "pending": len(pool.pending),
            "set_aside": pool.set_aside,
            "classes": counts,
            "task": self.settings.task.as_dict(),
            "strategy": self.settings.strategy.as_dict(),
            "aggregate": self.state.aggregate,
            "disputed": len(self.state.disputes),
            "stopped": self.stopped,
            "queries": len(self.state.asked),
            "open_query": None
            if open_query is None
            else {
                "query": open_query.number,
                "strategy": open_query.strategy,
                "asked": len(open_query.picks),
                "unanswered": len(open_query.unanswered),
                "list": str(self.csv_path(open_query)),
                "contact_sheet": str(self.sheet_path(open_query)),
            },
            "history": [record.as_dict() for record in self.history()],
        }

    def csv_path(self, query: Query) -> Path:
        """Where a query's list is."""
        return self.directory / "queries" / f"{query.number:03d}.csv"

    def sheet_path(self, query: Query) -> Path:
        """Where a query's contact sheet is."""
        return self.directory / "queries" / f"{query.number:03d}.png"

    # -- how -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other processes out, and see what they did before."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.directory / LOCK)
        try:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                self.progress.line("another alkit is working on this campaign; waiting")
                lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise CampaignLocked(
                f"another process is working on {self.directory}; wait until it is done and try again"
            ) from None
        except OSError as error:
            raise CampaignError(f"{self.directory} cannot be written: {error.strerror or error}") from error
        try:
            self.state = read_state(self.ledger, self.state)
            self._set_lost_aside()
            yield
        except BaseException:
            self.state = read_state(self.ledger, self.state)
            raise
        finally:
            lock.release()

    def _set_lost_aside(self) -> None:
        """Read the originals again if the cache is gone, and set aside what has changed or gone since.

        Raises:
            SourceError: most of the pool is gone.
        """
        if self.workbench.images_are_there(self.state):
            return
        lost = self.workbench.restore_images(self.state)
        readable = sum(record.unusable is None for record in self.state.records)
        if 2 * len(lost) > readable:
            self.workbench.forget_images()
            raise SourceError(
                f"{len(lost):,} of {readable:,} images in '{self.settings.pool.location}' are gone or "
                "changed, as if the folder were not mounted; bring it back and try again"
            )
        before = set(self.pool.lost.tolist())
        self._record_found(sorted(before.difference(lost)))
        if fresh := sorted(set(lost) - before):
            with self.ledger.transaction():
                self.ledger.add_event(
                    "lost", {"indices": fresh, "reason": "changed or gone since it was listed"}
                )
            self.state = read_state(self.ledger, self.state)

    def _take_found_back(self, present: Sequence[str]) -> list[int]:
        """Look whether lost images are back in the source as they were; return their indices."""
        keys = set(present)
        wanted = [index for index in self.pool.lost.tolist() if self.state.keys[index] in keys]
        return self._record_found(self.workbench.find_images(self.state, wanted))

    def _record_found(self, indices: Sequence[int]) -> list[int]:
        """Record that lost images are back, but for those of which the pool has got a copy meanwhile."""
        hashes = {r.hash for r in self.state.records if self.pool.usable[r.index]}
        records = [self.state.records[index] for index in indices]
        found = [r.index for r in records if r.duplicate_of is not None or r.hash not in hashes]
        if found:
            with self.ledger.transaction():
                self.ledger.add_event("found", {"indices": found})
            self.state = read_state(self.ledger, self.state)
        return found

    def _proper_queries(self) -> list[Query]:
        """The queries that are no seed."""
        return [query for query in self.queries if not query.record.get("seed_query")]

    def _history_of_run(self) -> list[CycleRecord]:
        cycles = {query.cycle for query in self._proper_queries()} | {self.cycle}
        return [record for record in self.history() if record.cycle in cycles]

    def _candidates(self, strategy: Strategy) -> Indices:
        """What a strategy may choose, ascending."""
        return np.array(list(self.state.disputes), np.int64) if strategy.asks_again else self.pool.candidates

    def _control_share(self, control: float | None, strategy: Strategy) -> float:
        from .control import DEFAULT_SHARE, check_share

        if control is None:
            return DEFAULT_SHARE if self.settings.oracle is None and strategy.needs else 0.0
        return check_share(control)

    def _check_run(self, strategy: Strategy, control: float, stop: Sequence[Rule]) -> None:
        """Refuse before anything is trained what a run cannot do."""
        from .control import check_share

        check_share(control)
        if strategy.asks_again:
            raise InvalidOption(
                f"strategy '{strategy.name}' asks again about answered images, which a run never does; use "
                "'alkit query'"
            )
        curved = [rule for rule in stop if rule.needs_curve]
        if curved and self.settings.test is None:
            raise InvalidOption(f"the rule {curved[0]} needs test images; name them by --test")

    def _stop(self, rules: Sequence[Rule], n: int) -> bool:
        """Say whether one of the rules ends the run here, and record which."""
        from .evidence import test_curve

        if not rules:
            return False
        curve = test_curve(self)
        for rule in rules:
            if rule.needs_curve and not curve:
                raise InvalidOption(
                    f"the rule {rule} needs the metric 'accuracy' of test images, which task "
                    f"'{self.settings.task.name}' does not give"
                )
            reason = rule.reason(curve, len(self.pool.labeled), n)
            if reason is not None:
                self.progress.line(f"stopped by {rule}: {reason}")
                with self.ledger.transaction():
                    self.ledger.add_event(
                        "stopped", {"cycle": self.cycle, "rule": str(rule), "reason": reason}
                    )
                return True
        return False

    def _check_needs(self, strategy: Strategy) -> None:
        """Refuse a strategy that the task cannot serve before anything is asked for it."""
        from .selection import check_needs

        check_needs(strategy, self.workbench.task(self.classes).spec)

    def _check_same(self, strategy: Strategy) -> None:
        """Refuse to count queries by another strategy, or with other options, as a run's own."""
        options, origin = finite(options_in_force(strategy)), origin_of(strategy)
        changed: set[str] = set()
        for query in self._proper_queries():
            other = [key for key, value in query.options.items() if options.get(key) != value]
            if query.strategy != strategy.name:
                whose = f"'{query.strategy}', not by '{strategy.name}'"
            elif not same_code(query.record, origin):
                whose = f"another '{query.strategy}', out of another file or distribution"
            elif other:
                whose = f"'{query.strategy}' with {other[0]}={query.options[other[0]]}"
            else:
                changed.update(changed_files(query.record, origin))
                continue
            raise CampaignError(
                f"query {query.number} in {self.directory} was chosen by {whose}, so this run cannot go on "
                "from it; name another directory by --campaign"
            )
        for file in sorted(changed):
            self.progress.line(f"warning: {file} has changed since this run began, and is used as it is now")

    def _check_budget(self, n: int, left: int) -> None:
        if n < 1:
            raise InvalidBudget(f"the budget should be at least 1, not {n}")
        if left == 0:
            raise InvalidBudget("no candidate is left: every usable image is labeled, asked or set aside")
        if n > left:
            raise InvalidBudget(
                f"a budget of {n:,} is more than the {left:,} images that are left to choose from"
            )

    def _labeled(self) -> LabeledImages:
        from .learning import LabeledImages

        indices = self.pool.labeled
        if len(indices) == 0:
            raise TrainingError("nothing is labeled yet; begin with 'alkit query' and 'alkit ingest'")
        return LabeledImages(
            images=self.workbench.images(self.state), indices=indices, values=self.pool.values
        )

    def _train(self, strategy: Strategy | None, measures: Measures) -> tuple[Learned, CycleRecord]:
        from .learning import Lesson, learn

        past = self.ledger.events("trained")
        lesson = Lesson(
            cycle=self.cycle,
            seed=self.settings.seed,
            labeled=self._labeled(),
            test=self.workbench.test_images(self.ledger),
            classes=self.classes,
            strategy=strategy,
            checkpoints=self.directory / "checkpoints",
            previous=self._earlier_checkpoint(past),
        )
        learned = learn(
            self.workbench.task(self.classes), lesson, self.workbench.device, self.progress, measures
        )
        companion = strategy.name if strategy is not None and learned.companion is not None else None
        data = {
            "cycle": self.cycle,
            "labels": len(lesson.labeled.indices),
            "metrics": {name: round(value, 6) for name, value in learned.metrics.items()},
            "companion": companion,
            "checkpoint": learned.checkpoint.relative_to(self.directory).as_posix(),
            "fingerprint": learned.fingerprint,
            "device": str(self.workbench.device),
            "options": opts.values_of(learned.model),
            "measures": measures.as_dict(),
            **learned.record,
        }
        if not any(event.data["fingerprint"] == learned.fingerprint for event in past):
            with self.ledger.transaction():
                self.ledger.add_event("trained", data)
        record = CycleRecord(
            cycle=data.pop("cycle"),
            labels=data.pop("labels"),
            metrics=data.pop("metrics"),
            reused=learned.reused,
            record=data,
        )
        return learned, record

    def _train_for_run(self, strategy: Strategy, measures: Measures) -> Learned:
        """Train, and record which training it is that the run reports for this cycle."""
        learned, _ = self._train(strategy, measures)
        data = {"cycle": self.cycle, "strategy": strategy.name, "fingerprint": learned.fingerprint}
        if data not in [event.data for event in self.ledger.events("ran")]:
            with self.ledger.transaction():
                self.ledger.add_event("ran", data)
        return learned

    def _earlier_checkpoint(self, past: Sequence[Any]) -> Path | None:
        earlier = [event.data for event in past if event.data["cycle"] < self.cycle]
        return self.directory / earlier[-1]["checkpoint"] if earlier else None

    def _chooser(self, name: str | None, options: Mapping[str, Any] | None) -> Chooser:
        chosen = self.workbench.strategy(name, options)
        plugin = plugin_of(chosen)
        assert plugin is not None
        return Chooser(chosen, plugin)

    def _seeder(self, name: str) -> Chooser:
        seeder = self._chooser(name, {})
        if seeder.strategy.needs_labels or seeder.strategy.asks_again:
            raise InvalidOption(f"strategy '{name}' needs labels itself and cannot seed; 'random' can")
        return seeder

    def _ask(
        self,
        chooser: Chooser,
        n: int,
        *,
        seed: bool = False,
        instead_of: Query | None = None,
        candidates: Indices | None = None,
        measures: Measures | None = None,
        learned: Learned | None = None,
        control: float = 0.0,
    ) -> Query:
        """Choose (by default from all candidates) and record; `instead_of` goes with the same stroke.

        What has been `learned` for this strategy in this cycle is not trained or loaded again. A control is
        judged by predictions, so a model is trained for it, if anything is labeled.
        """
        from .control import draw, judges, rows, slice_size
        from .cycle import Cycle
        from .devices import threads_for
        from .selection import check_needs, choose

        strategy, plugin = chooser
        measures = Measures() if measures is None else measures
        if (remembered := self.state.remembered(strategy)) is not None:
            remind(strategy, self.directory / remembered)
        checkpoint = None
        judged = control > 0 and not seed and not strategy.asks_again and len(self.pool.labeled) > 0
        if (strategy.needs or judged) and learned is None:
            learned, _ = self._train(strategy, measures)
        if learned is not None:
            task, companion, targets = learned.model, learned.companion, learned.targets
            checkpoint = learned.checkpoint.relative_to(self.directory).as_posix()
        else:
            task, companion = self.workbench.task(self.classes), None
            check_needs(strategy, task.spec)
            targets = task.encode(self.pool.values)
            task.network.eval()
        cycle_seed = seeding.derive(self.settings.seed, "select", self.cycle)
        if candidates is None:
            candidates = self._candidates(strategy)
        sliced = judged and not strategy.uniform and judges(task)
        slice_ = draw(candidates, slice_size(control, n) if sliced else 0, cycle_seed)
        cycle = Cycle(
            number=self.cycle,
            model=task,
            companion=companion,
            images=self.workbench.images(self.state),
            labeled=self.pool.labeled,
            targets=targets,
            candidates=np.setdiff1d(candidates, slice_),
            disputes=self.state.disputes if strategy.asks_again else None,
            seed=cycle_seed,
            device=self.workbench.device,
            precision=task.recipe(len(self.pool.labeled)).precision,
            progress=self.progress,
            measures=measures,
        )
        more = f"; {len(slice_):,} more are drawn at random as a control" if len(slice_) else ""
        self.progress.line(
            f"cycle {self.cycle}: '{strategy.name}' chooses {n - len(slice_):,} of {len(candidates):,} "
            f"candidates{more}"
        )
        blame = f" of distribution '{plugin.distribution}'"
        with threads_for(max(cycle.image_shape[1:]), self.workbench.device):
            chosen = choose(strategy, cycle, n - len(slice_), seed=cycle_seed, blame=blame)
            classes = None if learned is None else len(self.classes)
            picks = rows(cycle, chosen, slice_, seed=cycle_seed, classes=classes)
        data = {
            "cycle": self.cycle,
            "strategy": strategy.name,
            "options": options_in_force(strategy),
            **origin_of(strategy),
            "seed_query": seed,
            "control": control if len(slice_) else 0.0,
            "uniform": strategy.uniform,
            "labels": len(cycle.labeled),
            "candidates": len(candidates),
            "checkpoint": checkpoint,
            "device": str(self.workbench.device),
            "measures": measures.as_dict(),
            "diagnostics": finite(cycle.diagnostics),
        }
        data["state"] = remember(strategy, self.directory, self.cycle)
        with self.ledger.transaction():
            if instead_of is not None:
                self._add_withdrawal(instead_of)
            event = self.ledger.add_event("asked", data)
            self.ledger.add_picks(event, picks)
        self.state = read_state(self.ledger, self.state)
        query = self.queries[-1]
        self._write_for_people(query)
        for failure in plugins.notify("alkit_cycle_finished", campaign=self, query=query):
            self.progress.line(failure)
        return query

    def _add_withdrawal(self, query: Query) -> None:
        indices = [pick.index for pick in query.unanswered]
        self.ledger.add_event("withdrawn", {"query": query.number, "indices": indices})

    def _consult_or_pass(self, oracle: Oracle, query: Query) -> None:
        """Let an oracle answer in a run; what it leaves out is not waited for, and not asked again.

        Raises:
            InvalidAnswers: it has answered nothing yet, and nothing now.
        """
        receipt = self._consult(oracle, query)
        if not receipt.kept and not any(
            event.data.get("oracle") == oracle.name for event in self.ledger.events("answered")
        ):
            raise InvalidAnswers(
                f"oracle '{oracle.name}' answers none of the {len(query.unanswered):,} images of query "
                f"{query.number}, which stays open; see that its options fit this pool"
            )
        rest = self.open_query
        if rest is not None:
            self.progress.line(
                f"oracle '{oracle.name}' leaves out {len(rest.unanswered):,} of {len(rest.picks):,} images; "
                "they are not asked again"
            )
            data = {
                "query": rest.number,
                "oracle": oracle.name,
                "indices": [pick.index for pick in rest.unanswered],
            }
            with self.ledger.transaction():
                self.ledger.add_event("passed", data)
            self.state = read_state(self.ledger, self.state)

    def _consult(self, oracle: Oracle, query: Query) -> Receipt:
        asked = [pick.index for pick in query.unanswered]
        receipt = sort_oracle_answers(
            oracle.label(asked),
            asked,
            oracle,
            task=plugins.tasks.get(self.settings.task.name),
            classes=self.classes,
        )
        for _, reason in receipt.rejected:
            self.progress.line(f"oracle '{oracle.name}': {reason}")
        self._keep(receipt, {"oracle": oracle.name})
        return receipt

    def _keep(self, receipt: Receipt, note: Mapping[str, Any]) -> None:
        if not receipt.kept:
            return
        with self.ledger.transaction():
            if receipt.new_classes:
                self.ledger.add_event("classes", {"added": list(receipt.new_classes)})
            event = self.ledger.add_event("answered", {"answers": len(receipt.kept), **note})
            self.ledger.add_answers(event, receipt.kept)
        self.state = read_state(self.ledger, self.state)

    def _write_for_people(self, query: Query) -> None:
        """Write list and contact sheet where they are missing; a list may have been filled in by now."""
        (self.directory / "queries").mkdir(exist_ok=True)
        if not self.csv_path(query).exists():
            write_csv(query, self.csv_path(query))
        if not self.sheet_path(query).exists():
            title = f"query {query.number}: {len(query.picks)} images chosen by {query.strategy}"
            write_contact_sheet(title, query.shown, self._pixels, self.sheet_path(query))

    def _pixels(self, pick: Pick) -> npt.NDArray[np.uint8]:
        """Return an image as it is, or as the cache has it where the original cannot be read now."""
        try:
            return self.source.read(pick.image)[1]
        except (SourceError, UnusableImage):
            images = self.workbench.images(self.state)
            return images.take(np.array([pick.index]))[0].permute(1, 2, 0).numpy()
