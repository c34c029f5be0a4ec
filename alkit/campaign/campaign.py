"""A labeling effort that lives in a directory and survives its process.

What a campaign can do is in a module for each action, which is imported when it is called: a command needs
few of them.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.aggregation import check_rule
from alkit.campaign.record.events import Aggregated, Created, Stopped
from alkit.campaign.record.known_labels import KnownLabels
from alkit.labeling.given_answer import GivenAnswer
from alkit.reporting import notebook
from alkit.utils.counts import counted
from alkit.utils.keywords import record_of
from alkit.utils.profiling import Profile

from . import query_files
from .notes import Note, add_note, notes
from .record.trainings import history
from .session import CampaignSession
from .tell import IngestOptions, consult_about_open, given_answers, take_back, tell

if TYPE_CHECKING:
    from alkit.campaign.analysis.curve import LearningCurve
    from alkit.campaign.analysis.stopping import StoppingRule
    from alkit.campaign.record.query import Query
    from alkit.campaign.record.reconcile import IngestReport
    from alkit.campaign.record.trainings import CycleRecord
    from alkit.data.source import Source
    from alkit.interfaces.oracle import Answer, Oracle
    from alkit.interfaces.strategy import Strategy

    from .changes.undo import UndoReport
    from .groups.standing import GroupReport
    from .model.export_model import ExportedModel
    from .model.predictions import Predictions
    from .rehearsal.forecasts import Rehearsal
    from .score import ScoreReport


class Campaign(CampaignSession):
    """A campaign that exists; `alkit.campaign.create.create` makes one.

    Args:
        directory: where it lives.
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        progress: True shows how far long work is, False does not; by default, notebooks show it.

    Raises:
        CampaignError: there is no campaign, or it cannot be read.
    """

    # -- what happens ----------------------------------------------------------------------------------

    def train(self, strategy: Strategy | None = None) -> CycleRecord:
        """Train on all labels, with the strategy's companion if any, evaluate on the test images, record.

        Raises:
            TrainingError: nothing is labeled, or training failed.
            CampaignLocked: another process is working on the campaign.
        """
        from .train import train

        with self.lock(images=True):
            return train(self, strategy, Profile())[1]

    def ask(self, n: int, **details: Any) -> Query:
        """Choose images, record the choice, write it for people, and return it.

        While a query is open, that query is returned again unless `new` is set: then its unanswered images
        go back to the pool. With nothing labeled, a seed query comes first: the campaign's own oracle
        answers it at once and the main query follows; without an oracle, the seed query is returned.

        Args:
            n: images.
            **details: the other fields of a `QueryRequest`.

        Raises:
            InvalidBudget: n is not between one and the number of candidates.
            AlkitError: the strategy, the training or the disk failed; nothing is recorded then.
            CampaignLocked: another process is working on the campaign.
        """
        from .ask import QueryRequest, ask

        return self._with_sheet(ask(self, record_of(QueryRequest, "ask", n, details=details)))

    def score(self, n: int, *, shard: int, of: int, scores: str | Path, **details: Any) -> ScoreReport:
        """Compute what one shard contributes to a query that `ask(n, scores=...)` gathers.

        Nothing is locked, and nothing is written but the blocks of the shard: a file each, complete or not
        there. Blocks that are there are not computed again.

        Args:
            n: images of the query.
            shard: number of the shard, from 1.
            of: how many there are.
            scores: folder of the blocks, which all shards see.
            **details: the other fields of the query's `QueryRequest`.

        Raises:
            NotTrained: the model is not trained yet, see `train`.
            InvalidBudget: n is not between one and the number of candidates.
            UsageError: a query is open and `new` is not set, or nothing is labeled.
        """
        from .ask import QueryRequest
        from .score import score

        return score(
            self,
            record_of(QueryRequest, "score", n, details={"scores": scores, **details}),
            shard=shard,
            of=of,
        )

    def tell(
        self, answers: Sequence[GivenAnswer] | Mapping[str | int | Path, Any], **options: Any
    ) -> IngestReport:
        """Take answers that name images by path, hash or index; valid answers are kept, others reported.

        Args:
            answers: as they came in, or just labels by image: path, file name or hash, or an integer index.
                A label is its text, or the value itself: a number, a list of classes, a list of boxes.
            **options: fields of `IngestOptions`.

        Raises:
            UsageError: the answers are something else.
            CampaignLocked: another process is working on the campaign.
        """
        given = given_answers(answers, self.label_kind)
        return tell(self, given, record_of(IngestOptions, "tell", details=options))

    def take_back(self, index: int, annotator: str, *, after: int = 0) -> Answer:
        """Take back an annotator's latest answer to an image: it no longer counts, but stays in the history.

        If nobody else has answered, the image waits for an answer again, as long as no other query has been
        asked; else it goes back to the pool.

        Args:
            index: position in the pool.
            annotator: who gave the answer.
            after: number of an event that the answer has to come after.

        Raises:
            InvalidAnswers: there is no such answer.
            CampaignLocked: another process is working on the campaign.
        """
        return take_back(self, index, annotator, after=after)

    def note(self, index: int, text: str, annotator: str = "") -> None:
        """Record a note on an image, in place of an earlier one by the same annotator; "" removes it.

        Raises:
            InvalidAnswers: there is no such image, or the text is too long or has control characters.
            CampaignLocked: another process is working on the campaign.
        """
        add_note(self, index, text, annotator)

    def undo_ingest(self, file: str | None = None, *, dry_run: bool = False) -> UndoReport:
        """Take back what the last ingest took in, of a file or of any: it stays in the history.

        Images without another answer wait for one again, as long as no other query has been asked; else they
        go back to the pool. Called again, it takes back the ingest before.

        Raises:
            InvalidAnswers: there is no such ingest.
            CampaignLocked: another process is working on the campaign.
        """
        from .changes.undo import undo_file

        return undo_file(self, file, dry_run=dry_run)

    def unlabel(self, image: str, *, annotator: str = "", dry_run: bool = False) -> UndoReport:
        """Take back all answers to an image, or those of one annotator, as `undo_ingest` does for a file.

        Raises:
            InvalidAnswers: there is no such image or answer.
            CampaignLocked: another process is working on the campaign.
        """
        from .changes.undo import undo_image

        return undo_image(self, image, annotator, dry_run=dry_run)

    def consult(self, oracle: Oracle) -> IngestReport:
        """Let an oracle answer the open query; images without an answer stay open.

        Raises:
            InvalidAnswers: no query is open.
            CampaignLocked: another process is working on the campaign.
        """
        return consult_about_open(self, oracle)

    def run(
        self, oracle: Oracle, *, cycles: int, n: int, stop: Sequence[StoppingRule] = (), **details: Any
    ) -> list[CycleRecord]:
        """Train, ask and answer until the campaign has `cycles` queries, then train and evaluate once more.

        The work of an earlier, interrupted run counts, so the same call finishes it. Images that the oracle
        leaves out stay out of this and later runs.

        Args:
            oracle: who answers.
            cycles: queries in total, not counting a seed query.
            n: images per query.
            stop: rules that end the run earlier; a run that a rule has ended stays ended.
            **details: the other fields of a `QueryRequest`; without `control`, no image is drawn at random.

        Returns:
            The run's trainings, one per cycle.

        Raises:
            CampaignError: the campaign has queries by another strategy or with other options.
            InvalidAnswers: the oracle answers nothing.
            AlkitError: as `ask` and `train`.
        """
        from .ask import QueryRequest
        from .run import run

        return run(self, oracle, record_of(QueryRequest, "run", n, details=details), cycles=cycles, stop=stop)

    def rehearse(self, **details: Any) -> Rehearsal:
        """Forecast what each strategy and random choice would gain from the next labels, before asking.

        Strategies are replayed on parts of the labels at hand, several times each, and judged on the test
        set, or else on labels that are held out. Nothing is recorded in the campaign's history; the result is
        kept for the report. A call that was interrupted goes on where it was.

        Args:
            **details: fields of a `RehearsalRequest`: `strategies`, `more`, `seeds`.

        Raises:
            UsageError: there are too few labels, or no candidates.
            TrainingError: the labels do not allow it.
            UnsupportedTask: a strategy needs what the task does not provide.
        """
        from .rehearsal.rehearse import RehearsalRequest, rehearse

        return rehearse(self, RehearsalRequest(**details))

    def predict(
        self,
        images: str | Path | Source | Sequence[str | Path] | Any,
        *,
        batch_size: int | None = None,
        probabilities: bool = False,
        min_score: float = 0.05,
    ) -> Predictions:
        """Predict the label of each image with the model of the latest training, which comes first if needed.

        Images are preprocessed exactly as in training. Those that cannot be read have an `error` instead of
        a label.

        Args:
            images: a folder, a text file with one path per line, an image file, whatever `open_source` opens,
                a source, a sequence of paths, or an array [N, H, W, C] of uint8.
            batch_size: images that the model sees at once; 256, or 64 with an encoder.
            probabilities: return those of all classes, too.
            min_score: of boxes; those with a lower one are left out.

        Raises:
            SourceError: there are no images, or they cannot be listed.
            TrainingError: nothing is labeled, or training failed.
            UnsupportedTask: the task predicts other labels than classes, numbers and boxes.
            CampaignLocked: another process is working on the campaign.
        """
        from .model.predict import predict

        return predict(self, images, batch_size=batch_size, probabilities=probabilities, min_score=min_score)

    def export_model(
        self, folder: str | Path, *, formats: Sequence[str] = (), force: bool = False
    ) -> ExportedModel:
        """Write the model of the latest training, which comes first if needed, for use without alkit.

        Args:
            folder: to make.
            formats: out of `onnx` and `torch-export`, written beside the weights.
            force: replace an exported model.

        Raises:
            UsageError: the folder exists.
            TrainingError: nothing is labeled, or training failed.
            UnsupportedTask: the task's network cannot be used without alkit.
            CampaignLocked: another process is working on the campaign.
        """
        from .model.export_model import export_model

        return export_model(self, Path(folder), formats=formats, force=force)

    def aggregate_by(self, rule: str) -> None:
        """Decide how answers of several annotators to one image become one: `last`, `majority`, `weighted`.

        All answers are kept, so another decision can follow at any time.

        Raises:
            InvalidOption: there is no such rule.
            CampaignLocked: another process is working on the campaign.
        """
        with self.lock():
            if check_rule(rule, self.settings.labels) != self.state.aggregate:
                self.record(Aggregated(by=rule))

    def update(self, **details: Any) -> dict[str, Any]:
        """Add the images that are new in the source to the end of the list; indices never change.

        An image that has another name now is found by its content, and keeps its index and labels.

        Args:
            **details: fields of an `UpdateRequest`: `pool` where the images have moved to, `root`, `check`.

        Returns:
            `added`, `found` (lost images that are back), `duplicates`: how many; `renamed`; `unusable`: which
            and why; `changed`: keys whose file has other content now; `missing`: keys that are gone from the
            source; `pool`: where it is; `moved`: whether that was given.

        Raises:
            SourceError: there is no such source, or less than half of the images are in it.
            CampaignLocked: another process is working on the campaign.
        """
        from .changes.update import UpdateRequest, update

        return update(self, UpdateRequest(**details))

    def add_class(self, name: str) -> dict[str, Any]:
        """Add a class after those that there are.

        Raises:
            UsageError: the name is taken, or cannot be that of a class.
        """
        from .changes.classes import add_class

        return add_class(self, name)

    def rename_class(self, old: str, new: str) -> dict[str, Any]:
        """Give a class another name; labels under its former name are understood from then on, too.

        Raises:
            UsageError: there is no such class, or there is one of the new name.
        """
        from .changes.classes import rename_class

        return rename_class(self, old, new)

    def merge_classes(self, names: Sequence[str], into: str) -> dict[str, Any]:
        """Make one class of several; this cannot be undone, but the ledger keeps what annotators said.

        Args:
            names: classes that end.
            into: the class that their labels count as from now on.

        Raises:
            UsageError: there is no such class.
        """
        from .changes.classes import merge_classes

        return merge_classes(self, names, into)

    def retire_class(self, name: str) -> dict[str, Any]:
        """Stop using a class: its labels do not count, and its images go back to the pool.

        Raises:
            UsageError: there is no such class.
        """
        from .changes.classes import retire_class

        return retire_class(self, name)

    def restore_class(self, name: str) -> dict[str, Any]:
        """Use a retired class again; its labels count again.

        Raises:
            UsageError: it is not retired.
        """
        from .changes.classes import restore_class

        return restore_class(self, name)

    def remove(self, images: Sequence[str | int], *, reason: str = "") -> dict[str, Any]:
        """Take images and their exact copies out of the campaign; originals and the history stay.

        Args:
            images: each by path, hash or index.
            reason: for the history.

        Raises:
            InvalidAnswers: there is no such image; nothing is changed then.
        """
        from .changes.remove import remove

        return remove(self, images, reason)

    def put_back(self, images: Sequence[str | int]) -> dict[str, Any]:
        """Take removed images in again, with their labels.

        Raises:
            InvalidAnswers: there is no such image.
        """
        from .changes.remove import put_back

        return put_back(self, images)

    def find_groups(self, **details: Any) -> GroupReport:
        """Make near-duplicates one question from now on; earlier groups and copied labels end.

        Each image joins the leader that it looks most like, by the encoder's features or by small copies.
        From then on, strategies are offered one image of each group.

        Args:
            **details: fields of a `GroupRequest`: `audit`, `limit`.

        Raises:
            UsageError: labels of this kind are not copied.
            CampaignLocked: another process is working on the campaign.
        """
        from .groups.change import GroupRequest, find_groups

        return find_groups(self, GroupRequest(**details))

    def groups(self) -> GroupReport | None:
        """Return where near-duplicates stand, with what the audit says; None if they are not grouped."""
        from .groups.standing import standing_of

        standing = standing_of(self.state)
        return None if standing is None else standing.report()

    def copy_labels(self, limit: float | None = None) -> GroupReport:
        """Give near-duplicates the label of their leader, until somebody answers for them.

        Args:
            limit: largest share of wrong ones, at 95 % confidence; that of `find_groups` by default.

        Raises:
            UsageError: the audit does not show that so few are wrong.
        """
        from .groups.change import copy_labels

        return copy_labels(self, limit)

    def drop_copies(self) -> int:
        """Drop all copied labels; return how many there were."""
        from .groups.change import drop_copies

        return drop_copies(self)

    def ungroup(self) -> int:
        """End the groups, and drop all copied labels; return how many there were."""
        from .groups.change import ungroup

        return ungroup(self)

    def choose_test_set(self, location: str, *, root: str | None = None) -> dict[str, Any]:
        """Test the model on other labeled images from now on, or on the same ones in another place.

        Trainings before that were tested on other images are listed without metrics from then on.

        Args:
            location: the images, as a pool.
            root: where a torchvision data set lies.

        Raises:
            SourceError: there are no such images, or they have no labels.
            CampaignLocked: another process is working on the campaign.
        """
        from .changes.evaluation_set import EvaluationSetRequest, choose_test_set

        return choose_test_set(self, EvaluationSetRequest(location, root=root))

    # -- what there is ---------------------------------------------------------------------------------

    @property
    def overview(self) -> dict[str, Any]:
        """What was found in the images when the campaign was made, as JSON values."""
        return dict(self.ledger.events(Created)[0].data.overview)

    @property
    def queries(self) -> Sequence[Query]:
        """All queries, the first one first."""
        return [self._with_sheet(query) for query in super().queries]

    @property
    def open_query(self) -> Query | None:
        """The query that waits for answers, or None."""
        query = super().open_query
        return None if query is None else self._with_sheet(query)

    def _with_sheet(self, query: Query) -> Query:
        return dataclasses.replace(query, sheet=self.sheet_path(query))

    def curve(self) -> LearningCurve:
        """Return the learning curve: labels, and the main metric on the test images, of each training.

        Without test images, it is the accuracy of the model behind each query on the query's control images.
        """
        from alkit.campaign.analysis.curve import learning_curve

        return learning_curve(self, self.history())

    def labels(self) -> KnownLabels:
        """Return the current label of each labeled image as text, by its key, as `tell` takes them."""
        keys, pool = self.state.keys, self.pool
        texts = map(self.label_text, pool.values)
        return KnownLabels(
            {keys[index]: text for index, text in zip(pool.labeled.tolist(), texts, strict=True)}
        )

    def notes(self) -> list[Note]:
        """The notes on images, in the order of the images."""
        return notes(self)

    def history(self) -> list[CycleRecord]:
        """The trainings so far, one per cycle: that of a run, or else the latest."""
        return history(self.ledger)

    @property
    def stopped(self) -> Stopped | None:
        """The rule that ended the last run and its reason, or None if there has been a query since."""
        from .run import stopped

        return stopped(self)

    def status(self) -> dict[str, Any]:
        """Return where the campaign stands, as JSON values."""
        pool, open_query = self.pool, self.open_query
        return {
            "directory": str(self.directory),
            "pool": self.settings.pool.location,
            "images": pool.size,
            "labeled": len(pool.labeled),
            "copied": len(pool.copied),
            "candidates": len(pool.candidates),
            "pending": len(pool.pending),
            "set_aside": pool.set_aside,
            "classes": self.class_counts(),
            "task": self.settings.task.as_dict(),
            "strategy": self.settings.strategy.as_dict(),
            "aggregate": self.state.aggregate,
            "disputed": len(self.disputes),
            "stopped": None if self.stopped is None else self.stopped.to_json(),
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
            "notes": [note.as_dict() for note in self.notes()],
            "history": [record.as_dict() for record in self.history()],
        }

    def __repr__(self) -> str:
        return f"<Campaign {str(self.directory)!r}: {self._line}>"

    @property
    def _line(self) -> str:
        query = self.open_query
        waiting = (
            ""
            if query is None
            else f", query {query.number} waits for {counted(len(query.unanswered), 'answer')}"
        )
        return f"{len(self.pool.labeled):,} of {self.pool.size:,} images labeled{waiting}"

    def _repr_html_(self) -> str:
        rows = [(name, f"{count:,}") for name, count in self.class_counts().items()]
        shown = notebook.table(("class", "images"), rows) if rows else ""
        return notebook.line(f"campaign {self.directory}: {self._line}") + shown

    def csv_path(self, query: Query) -> Path:
        """Where a query's list is."""
        return query_files.csv_path(self.directory, query)

    def sheet_path(self, query: Query) -> Path:
        """Where a query's contact sheet is."""
        return query_files.sheet_path(self.directory, query)
