"""Files matched with a campaign, and the model that stands for them in a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .matching import MatchedClasses, MatchedRows, match_classes, match_rows

if TYPE_CHECKING:
    from alkit._typing import Indices
    from alkit.campaign.session import CampaignSession
    from alkit.engine.given_outputs import GivenOutputs

    from .files import GivenFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What files say about the images of a campaign.

    Attributes:
        embeddings: or None.
        predictions: or None.
        columns: the classes of the predictions, or None.
        partial: choose among the images that have rows.
    """

    embeddings: MatchedRows | None
    predictions: MatchedRows | None
    columns: MatchedClasses | None
    partial: bool = False

    @property
    def matched(self) -> list[MatchedRows]:
        """What there is of both."""
        return [rows for rows in (self.embeddings, self.predictions) if rows is not None]

    @property
    def provides(self) -> frozenset[str]:
        """What a strategy can have, in the words of `Strategy.needs`."""
        given = (("embedding", self.embeddings), ("probabilities", self.predictions))
        return frozenset(word for word, rows in given if rows is not None)

    @property
    def notes(self) -> list[str]:
        """Sentences for a person."""
        notes = [note for rows in self.matched for note in rows.notes]
        return notes + list(self.columns.notes if self.columns is not None else ())

    @property
    def added_classes(self) -> Sequence[str]:
        """Classes for a campaign that has none yet."""
        return () if self.columns is None else self.columns.added

    @property
    def named(self) -> bool:
        """Whether predictions are of the campaign's classes."""
        return self.columns is not None and self.columns.named

    def record(self) -> dict[str, Mapping[str, Any]]:
        """Return what the ledger keeps of the files."""
        found = (("embeddings", self.embeddings), ("predictions", self.predictions))
        return {kind: rows.record for kind, rows in found if rows is not None}

    def with_rows(self, candidates: Indices) -> Indices:
        """Return the candidates that have all rows.

        Raises:
            InvalidRows: some have none, and `partial` is not set.
        """
        for rows in self.matched:
            missing = rows.missing(candidates)
            if len(missing) and not self.partial:
                rows.refuse(missing, "add them, or choose among the others with --partial")
            if len(missing):
                candidates = np.setdiff1d(candidates, missing, assume_unique=True)
        return candidates

    def model(self, session: CampaignSession) -> GivenOutputs:
        """Return the model that stands for the files."""
        from alkit.engine.given_outputs import GivenOutputs, OutputRows  # noqa: PLC0415  # torch is slow to import

        predictions = embeddings = None
        if self.predictions is not None and self.columns is not None:
            rows = self.predictions
            predictions = OutputRows(values=self.columns.values, row=rows.row, refuse=rows.refuse)
        if self.embeddings is not None:
            rows = self.embeddings
            embeddings = OutputRows(values=rows.values, row=rows.row, refuse=rows.refuse)
        return GivenOutputs(
            task=session.resources.task(session.state),
            probabilities=predictions,
            embeddings=embeddings,
            device=session.resources.device,
            names_classes=self.named,
        )


def match_files(session: CampaignSession, files: GivenFiles) -> Given:
    """Find the images and classes that files are about.

    Raises:
        InvalidRows: they do not fit the campaign.
    """
    records, references = session.state.records, session.references()
    embeddings, predictions = (
        None if rows is None else match_rows(rows, records, references)
        for rows in (files.embeddings, files.predictions)
    )
    columns = None
    if predictions is not None:
        columns = match_classes(
            predictions.rows, predictions.values, session.classes, session.state.former_classes
        )
    return Given(embeddings=embeddings, predictions=predictions, columns=columns, partial=files.partial)
