"""Contact sheets of a report: small pictures in one strip, which the page cuts up again."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from alkit.campaign.query_files import drawn
from alkit.errors import SourceError, UnusableImage
from alkit.reporting.document import Picture, Pictures
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from PIL.Image import Image

    from alkit._typing import Pixels
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.record.query import Pick


MOST = 60
CELL = 96
"""Pixels a side; a multiple of 16, so that JPEG's blocks end where pictures do."""
QUALITY = 80
BLANK = (127, 127, 127)


def sheet(campaign: Campaign, picks: Sequence[Pick], caption: str) -> Pictures:
    """Show the first answered picks with their answers and the model's predictions."""
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    shown = [pick for pick in picks if pick.answer is not None][:MOST]
    strip = Image.new("RGB", (CELL * max(1, len(shown)), CELL), BLANK)
    pictures = []
    for place, pick in enumerate(shown):
        pixels = _pixels(campaign, pick)
        if pixels is not None:
            answer = campaign.pool.answer_of(pick.index)
            if answer is not None and answer.kind == "label":
                pixels = drawn(campaign, pick.index, answer.value, pixels)
            thumbnail = _thumbnail(pixels)
            left, top = (CELL - thumbnail.width) // 2, (CELL - thumbnail.height) // 2
            strip.paste(thumbnail, (place * CELL + left, top))
        pictures.append(_picture(pick, readable=pixels is not None, answer=_answer(campaign, pick)))
    encoded = io.BytesIO()
    strip.save(encoded, "JPEG", quality=QUALITY, optimize=True)
    address = f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode()}"
    return Pictures(address, CELL, pictures, caption)


def _answer(campaign: Campaign, pick: Pick) -> str:
    """Return an answer in a few words; masks and boxes are drawn."""
    answer, kind = campaign.pool.answer_of(pick.index), campaign.settings.labels
    if answer is None or answer.kind != "label" or kind not in ("mask", "boxes"):
        return str(pick.answer)
    return "mask" if kind == "mask" else counted(len(answer.value), "box", "boxes")


def _picture(pick: Pick, *, readable: bool, answer: str) -> Picture:
    lines = [answer if readable else f"{answer} (no longer readable)"]
    if pick.predicted is not None:
        sure = "" if pick.confidence is None else f" {pick.confidence:.0%}"
        lines.append(f"✓{sure}" if pick.correct else f"{pick.predicted}{sure}")
    model = "" if pick.predicted is None else f", predicted as {pick.predicted}"
    alt = f"{pick.image}: labeled {answer}{model}"
    return Picture(alt, lines, wrong=pick.correct is False)


def _pixels(campaign: Campaign, pick: Pick) -> Pixels | None:
    """Return [H, W, 1 or 3] of the original, or of the stored image where that has changed or gone."""
    try:
        digest, pixels = campaign.source.picture(pick.image)
        if digest == campaign.state.records[pick.index].hash:
            return pixels
    except (SourceError, UnusableImage):
        pass
    try:
        images = campaign.resources.images(campaign.state)
        return images.picture(pick.index, campaign.settings.pool.value_range)
    except SourceError:
        return None


def _thumbnail(pixels: Pixels) -> Image:
    """Fit an image into a cell; small ones grow by whole factors, so that pixels stay pixels."""
    from PIL.Image import Resampling, fromarray  # noqa: PLC0415  # Pillow is slow to import

    image = fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    longest = max(image.size)
    if longest <= CELL:
        factor = CELL // longest
        return image.resize((image.width * factor, image.height * factor), Resampling.NEAREST)
    scale = CELL / longest
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Resampling.LANCZOS)
