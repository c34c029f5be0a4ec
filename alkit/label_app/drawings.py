"""What the model draws on the images of a query: masks and boxes, made when somebody asks to see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit.campaign.export import query_items
from alkit.campaign.record.trainings import history
from alkit.errors import InvalidOption, SourceError, UnusableImage
from alkit.interfaces.format import Prediction
from alkit.interfaces.labels import ImageFacts, Mask
from alkit.labeling.mask_files import BACKGROUND

if TYPE_CHECKING:
    from alkit._typing import Pixels
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.record.query import Query


class Drawings:
    """Draws what the latest model predicts; call it only from the thread that opened the campaign.

    Args:
        campaign: a campaign whose labels are drawn.

    Attributes:
        labels: what reads and draws the labels; it holds masks that the campaign does not keep.
    """

    def __init__(self, campaign: Campaign) -> None:
        self.campaign, self.labels = campaign, campaign.label_kind
        self._found: dict[int, dict[int, Prediction]] = {}

    @property
    def nothing(self) -> str | None:
        """The text of the label that says that there is nothing; None if there is none."""
        if isinstance(self.labels, Mask):
            return '{"shapes": []}' if BACKGROUND in self.labels.classes else None
        return self.labels.text([])

    @property
    def possible(self) -> bool:
        """Whether there is a model to ask."""
        return bool(history(self.campaign.ledger))

    def label(self, query: Query, index: int) -> Prediction | None:
        """Return what the model draws, as the text of a label that can be answered; None if nothing."""
        found = self._of(query).get(index)
        if found is None:
            return None
        if isinstance(self.labels, Mask):
            return Prediction(self.labels.shapes(found.label), found.probability)
        boxes = self.labels.parse(found.label, ImageFacts())
        unscored = [{key: part for key, part in box.items() if key != "score"} for box in boxes]
        return Prediction(self.labels.text(unscored), found.probability)

    def picture(self, query: Query, index: int) -> Pixels | None:
        """Return an image [H, W, 3] with what the model draws on it; None if it cannot be shown."""
        from alkit.campaign.query_files import drawn  # noqa: PLC0415  # numpy is slow to import

        found = self._of(query).get(index)
        record = self.campaign.state.records[index]
        if found is None:
            return None
        try:
            pixels = self.campaign.source.picture(record.key)[1]
        except (SourceError, UnusableImage):
            return None
        value = found.label if isinstance(self.labels, Mask) else self.labels.parse(found.label, ImageFacts())
        return drawn(self.campaign, index, value, pixels, labels=self.labels)

    def _of(self, query: Query) -> dict[int, Prediction]:
        """Return what the model draws on all images of a query, by index."""
        if query.number not in self._found:
            from alkit.campaign.model.suggestions import suggestions  # noqa: PLC0415  # numpy is slow to import

            items = query_items(self.campaign, query)
            try:
                self._found[query.number] = suggestions(self.campaign, self.labels, items)
            except InvalidOption:
                self._found[query.number] = {}
        return self._found[query.number]
