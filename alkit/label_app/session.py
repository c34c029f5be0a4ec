"""One annotator's work on the open query: the images to label, the answers, and the model's guesses."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from alkit.errors import InvalidAnswers
from alkit.interfaces.format import Prediction
from alkit.labeling.given_answer import ABSTAIN, UNUSABLE, GivenAnswer
from alkit.utils import seeding
from alkit.utils.timestamps import now

if TYPE_CHECKING:
    from alkit._typing import Pixels
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.record.query import Query


class LabelSession:
    """Reads and answers a campaign's open query; call it only from the thread that opened the campaign.

    Args:
        campaign: a campaign with an open query.
        annotator: who answers.

    Attributes:
        taken: number of answers recorded so far, including those corrected or undone.

    Raises:
        InvalidAnswers: there is no open query, or the task needs classes and there are none yet.
    """

    def __init__(self, campaign: Campaign, annotator: str) -> None:
        self.campaign, self.annotator, self.taken = campaign, annotator, 0
        query = campaign.open_query
        if query is None:
            raise InvalidAnswers("no query is open; make one with 'alkit query' first")
        if campaign.settings.labels == "mask":
            raise InvalidAnswers(
                "masks cannot be drawn on this page; draw them in a labeling tool ('alkit export'), and take "
                "them in with 'alkit ingest'"
            )
        self._named = campaign.labels.named
        if self._named and not campaign.classes:
            raise InvalidAnswers(
                f"the campaign in {campaign.directory} has no classes to choose from yet; take in some known "
                "labels first, with 'alkit ingest FILE --allow-new-classes'"
            )
        self._number = query.number

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
        order = seeding.numpy_generator(self.campaign.settings.seed, "label", query.number)
        picks = [query.picks[place] for place in order.permutation(len(query.picks))]
        directory = shlex.quote(str(self.campaign.directory))
        return {
            "query": query.number,
            "annotator": self.annotator,
            "classes": list(self.campaign.classes) if self._named else None,
            "guesses": any(pick.predicted is not None for pick in picks),
            "images": [
                {"index": pick.index, "answer": pick.answer, "said": self._said(query, pick.index)}
                for pick in picks
            ],
            "words": [word for word in (ABSTAIN, UNUSABLE) if word not in self.campaign.classes],
            "next": f"alkit query --campaign {directory} --budget N",
        }

    def answer(self, number: int, index: int, label: str, *, saw_guess: bool) -> None:
        """Record an answer; it is on the disk when this returns.

        The query may have been replaced by another in the meantime.

        Raises:
            InvalidAnswers: the query did not ask for the image, or the label does not fit.
            CampaignLocked: another process is changing the campaign.
        """
        if not self.asked(number, index):
            raise InvalidAnswers(f"query {number} does not ask for image {index}; reload the page")
        given = GivenAnswer(0, "", label, self.annotator, now(), index=index)
        note = {"query": number, "page": True, "saw_guess": saw_guess}
        receipt = self.campaign.tell([given], note=note)
        if receipt.rejected:
            raise InvalidAnswers(receipt.rejected[0].reason)
        self.taken += receipt.accepted

    def take_back(self, number: int, index: int) -> str:
        """Undo this annotator's latest answer to an image of a query; return the answer.

        Raises:
            InvalidAnswers: there is no answer.
            CampaignLocked: another process is changing the campaign.
        """
        if not self.asked(number, index):
            raise InvalidAnswers(f"query {number} does not ask for image {index}; reload the page")
        after = self.campaign.queries[number - 1].event
        answer = self.campaign.take_back(index, self.annotator, after=after)
        return self.campaign.label_text(answer.value) if answer.kind == "label" else answer.kind

    def asked(self, number: int, index: int) -> bool:
        """Say whether a query asked for an image."""
        queries = self.campaign.queries
        return 1 <= number <= len(queries) and index in queries[number - 1].indices

    def guess(self, number: int, index: int) -> Prediction | None:
        """Return the guess of the model that chose the query's images, or None."""
        if not self.asked(number, index):
            return None
        pick = next(pick for pick in self.campaign.queries[number - 1].picks if pick.index == index)
        if pick.predicted is None or pick.confidence is None:
            return None
        return Prediction(pick.predicted, pick.confidence)

    def stored_pixels(self, index: int) -> Pixels:
        """Return an image [H, W, C] as the model sees it, for use if the original has changed or is missing.

        Raises:
            SourceError: the stored images are missing too.
        """
        import numpy as np  # noqa: PLC0415  # numpy is slow to import

        images = self.campaign.resources.images(self.campaign.state)
        pixels: Pixels = images.take(np.array([index]))[0].permute(1, 2, 0).numpy()
        return pixels

    def _said(self, query: Query, index: int) -> int:
        """Return the number of this annotator's latest answer to an image, larger if later; 0 if none."""
        row = self.campaign.state.latest(index, self.annotator, after=query.event)
        return 0 if row is None else row.id
