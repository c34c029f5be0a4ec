"""One annotator's work on the open query: the images to label, the answers, and the model's guesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alkit.campaign.changes.undo import undo_page
from alkit.campaign.next_step import query_command
from alkit.errors import InvalidAnswers
from alkit.interfaces.format import Prediction
from alkit.labeling.given_answer import ABSTAIN, UNUSABLE, GivenAnswer
from alkit.utils import seeding
from alkit.utils.console import command_to_run
from alkit.utils.counts import counted
from alkit.utils.timestamps import now

from .drawings import Drawings

if TYPE_CHECKING:
    from alkit._typing import Pixels
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.record.query import Query

DRAWN = frozenset({"mask", "boxes"})
"""Kinds of labels that are drawn in other tools; here people see what the model draws, and may accept it."""


class LabelSession:
    """Reads and answers a campaign's open query; call it only from the thread that opened the campaign.

    Args:
        campaign: a campaign with an open query.
        annotator: who answers.

    Attributes:
        taken: number of answers recorded so far, including those corrected or undone.
        drawn_labels: labels are masks or boxes.

    Raises:
        InvalidAnswers: there is no open query, or the task needs classes and there are none yet.
    """

    def __init__(self, campaign: Campaign, annotator: str) -> None:
        self.campaign, self.annotator, self.taken = campaign, annotator, 0
        query = campaign.open_query
        if query is None:
            raise InvalidAnswers("no query is open; make one with 'alkit query' first")
        self._drawings = Drawings(campaign) if campaign.settings.labels in DRAWN else None
        self.drawn_labels = self._drawings is not None
        self._named = campaign.label_kind.named
        if self._named and not campaign.classes:
            command = command_to_run("classes", "add", "NAME", "--campaign", campaign.directory)
            raise InvalidAnswers(
                f"the campaign in {campaign.directory} has no classes to choose from yet; add some, each "
                f"with {command}"
            )
        self._number = query.number
        self._revealed: set[int] = set()
        self._guesses_shown: set[tuple[int, int]] = set()

    def look(self) -> None:
        """Read what other processes have recorded."""
        self.campaign.refresh()

    def query(self) -> Query:
        """Return the open query; if there is none, the query shown last."""
        query = self.campaign.open_query or self.campaign.queries[self._number - 1]
        self._number = query.number
        return query

    def state(self) -> dict[str, Any]:
        """Return what the page shows, as JSON values.

        It contains neither scores nor ranks, and the images are shuffled, in the same order for every
        annotator, so nothing tells the annotator why an image was chosen.
        """
        query = self.query()
        by_index = {pick.index: pick for pick in query.picks}
        picks = [by_index[index] for index in self.in_order(query)]
        return {
            "query": query.number,
            "annotator": self.annotator,
            "kind": self.campaign.label_kind.kind,
            "classes": list(self.campaign.classes) if self._named else None,
            "drawn": self._drawings is not None,
            "nothing": None if self._drawings is None else self._drawings.nothing,
            "guesses": any(pick.predicted is not None for pick in picks)
            or (self._drawings is not None and self._drawings.possible),
            "images": [
                {
                    "index": pick.index,
                    "answer": pick.answer,
                    "said": self._said(query, pick.index),
                    **({} if self._drawings is None else {"size": self._size(pick.index)}),
                }
                for pick in picks
            ],
            "words": [word for word in (ABSTAIN, UNUSABLE) if word not in self.campaign.classes],
            "notes": self._notes(query),
            "left": len(self.campaign.pool.candidates),
            "next": query_command(self.campaign),
        }

    def in_order(self, query: Query) -> list[int]:
        """Return the images of a query as the page shows them: shuffled, the same for every annotator."""
        order = seeding.numpy_generator(self.campaign.settings.seed, "label", query.number)
        return [query.picks[place].index for place in order.permutation(len(query.picks))]

    def check_answered(self) -> None:
        """Check that no image waits for an answer.

        Raises:
            InvalidAnswers: one does.
        """
        self.look()
        query = self.campaign.open_query
        if query is not None:
            raise InvalidAnswers(
                f"query {query.number} still waits for {counted(len(query.unanswered), 'answer')}; answer "
                "all images first"
            )

    def answer(self, number: int, indices: Sequence[int], label: str, *, saw_guess: bool) -> None:
        """Record the same answer to some images, all or none; it is on the disk when this returns.

        The query may have been replaced by another in the meantime. Images that the query did not ask for
        can be answered if they were shown beside one that it did.

        Raises:
            InvalidAnswers: an image was not shown, or the label does not fit.
            CampaignLocked: another process is changing the campaign.
        """
        for index in indices:
            self._check_shown(number, index)
        given = [GivenAnswer(0, "", label, self.annotator, now(), index=index) for index in indices]
        saw_guess = saw_guess or any((number, index) in self._guesses_shown for index in indices)
        note: dict[str, Any] = {"query": number, "page": True, "saw_guess": saw_guess}
        if beside := [index for index in indices if not self.asked(number, index)]:
            note["beside"] = beside
        receipt = self.campaign.tell(given, note=note, strict=True)
        if receipt.rejected:
            raise InvalidAnswers(receipt.rejected[0].reason)
        self.taken += receipt.accepted

    def take_back(self, number: int, index: int) -> tuple[str, list[int]]:
        """Undo this annotator's latest answer to an image, with what was answered together with it.

        Returns:
            The answer, and the images that it was given to.

        Raises:
            InvalidAnswers: there is no answer.
            CampaignLocked: another process is changing the campaign.
        """
        self._check_shown(number, index)
        after = self.campaign.queries[number - 1].event
        answers = undo_page(self.campaign, index, self.annotator, after=after)
        self._revealed.update(answers)
        answer = next(iter(answers.values()))
        text = self.campaign.label_text(answer.value) if answer.kind == "label" else answer.kind
        return text, list(answers)

    def note(self, number: int, index: int, text: str) -> None:
        """Record a note on an image.

        Raises:
            InvalidAnswers: the image was not shown, or the note is too long.
            CampaignLocked: another process is changing the campaign.
        """
        self._check_shown(number, index)
        self.campaign.note(index, text, self.annotator)

    def shown(self, number: int, index: int) -> bool:
        """Say whether a query asked for an image, or it was shown beside one that it asked for."""
        return self.asked(number, index) or index in self._revealed

    def reveal(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Let images be shown beside one of the query; say whether each can be answered: nobody has yet."""
        self._revealed.update(indices)
        pool = self.campaign.pool
        free = {*pool.candidates.tolist(), *pool.pending.tolist()}
        return [{"index": index, "open": index in free} for index in indices]

    def _check_shown(self, number: int, index: int) -> None:
        if not self.shown(number, index):
            raise InvalidAnswers(f"query {number} does not ask for image {index}; reload the page")

    def asked(self, number: int, index: int) -> bool:
        """Say whether a query asked for an image."""
        queries = self.campaign.queries
        return 1 <= number <= len(queries) and index in queries[number - 1].indices

    def guess(self, number: int, index: int) -> Prediction | None:
        """Return the guess of the model that chose the query's images, or None.

        An answer to the image counts as given by somebody who has seen it from then on.
        """
        if not self.asked(number, index):
            return None
        if self._drawings is not None:
            drawn = self._drawings.label(self.campaign.queries[number - 1], index)
            if drawn is not None:
                self._guesses_shown.add((number, index))
            return drawn
        pick = next(pick for pick in self.campaign.queries[number - 1].picks if pick.index == index)
        if pick.predicted is None or pick.confidence is None:
            return None
        self._guesses_shown.add((number, index))
        return Prediction(pick.predicted, pick.confidence)

    def drawn(self, number: int, index: int) -> Pixels | None:
        """Return an image [H, W, 3] with what the model draws on it; None if it draws nothing."""
        if self._drawings is None or not self.asked(number, index):
            return None
        return self._drawings.picture(self.campaign.queries[number - 1], index)

    def stored_pixels(self, index: int) -> Pixels:
        """Return a picture [H, W, 1 or 3] of an image as the campaign keeps it.

        It is for use if the original has changed or is missing.

        Raises:
            SourceError: the stored images are missing too.
        """
        images = self.campaign.resources.images(self.campaign.state)
        return images.picture(index, self.campaign.settings.pool.value_range)

    def _size(self, index: int) -> tuple[int, int]:
        """Return (width, height) of an upright image, in whose pixels labels are drawn."""
        record = self.campaign.state.records[index]
        return record.width, record.height

    def _notes(self, query: Query) -> dict[str, str]:
        """Return this annotator's notes on the images of a query."""
        asked = set(query.indices)
        return {
            str(note.index): note.text
            for note in self.campaign.notes()
            if note.index in asked and note.annotator == self.annotator
        }

    def _said(self, query: Query, index: int) -> int:
        """Return the number of this annotator's latest answer to an image, larger if later; 0 if none."""
        row = self.campaign.state.latest(index, self.annotator, after=query.event)
        return 0 if row is None else row.id
