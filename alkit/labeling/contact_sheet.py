"""Contact sheets: the first picks of a query as one picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.errors import UnusableImage
from alkit.utils.files import write_atomically

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from alkit.campaign.record.query import Pick


MOST = 50
COLUMNS = 10
CELL, CAPTION, GAP = 112, 18, 6
INK, PAPER, FADED = (32, 32, 36), (255, 255, 255), (120, 120, 128)


def write_contact_sheet(
    title: str,
    picks: Sequence[Pick],
    read: Callable[[Pick], npt.NDArray[np.uint8]],
    path: Path,
) -> list[str]:
    """Write a PNG of the first picks with rank and score under each.

    Args:
        title: one line above.
        picks: most wanted first.
        read: gives the pixels [H, W, 1 or 3] of a pick.
        path: the PNG file.

    Returns:
        A sentence for each picture that could not be made for a reason that nobody expects.
    """
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415  # Pillow is slow to import

    shown = picks[:MOST]
    columns = max(5, min(COLUMNS, len(shown)))
    rows = -(-len(shown) // columns)
    head = 30
    width = GAP + columns * (CELL + GAP)
    height = head + rows * (CELL + CAPTION + GAP) + GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    more = f", first {len(shown)} of {len(picks)}" if len(picks) > len(shown) else ""
    draw.text((GAP + 2, 8), title + more, fill=INK, font=ImageFont.load_default(14))
    failed: list[str] = []
    for number, pick in enumerate(shown):
        left = GAP + number % columns * (CELL + GAP)
        top = head + number // columns * (CELL + CAPTION + GAP)
        try:
            thumbnail = _thumbnail(read(pick))
            sheet.paste(
                thumbnail, (left + (CELL - thumbnail.width) // 2, top + (CELL - thumbnail.height) // 2)
            )
        except (
            Exception
        ) as error:  # of a source or a picture that may be anybody's: the query is recorded already
            if not isinstance(error, (UnusableImage, OSError)):
                failed.append(f"{pick.image!r} has no picture: {type(error).__name__}: {error}")
            draw.rectangle((left, top, left + CELL, top + CELL), outline=FADED)
            draw.text((left + 8, top + CELL // 2), "no longer readable", fill=FADED, font=font)
        draw.text((left + 2, top + CELL + 2), f"{pick.rank}", fill=INK, font=font)
        if pick.score is not None:
            score = f"{pick.score:.4g}"
            right = left + CELL - 2 - draw.textlength(score, font=font)
            draw.text((right, top + CELL + 2), score, fill=FADED, font=font)
    encoded = io.BytesIO()
    sheet.save(encoded, format="PNG")
    write_atomically(path, encoded.getvalue())
    return failed


def _thumbnail(pixels: npt.NDArray[np.uint8]) -> Image:
    """Fit an image into a cell; small ones grow by whole factors, so that pixels stay pixels."""
    from PIL.Image import Resampling, fromarray  # noqa: PLC0415  # Pillow is slow to import

    image = fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    longest = max(image.size)
    if longest * 2 <= CELL:
        factor = CELL // longest
        return image.resize((image.width * factor, image.height * factor), Resampling.NEAREST)
    scale = CELL / longest
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Resampling.LANCZOS)
