"""Predicted masks: at the size of each image, as files in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.errors import UsageError
from alkit.labeling.mask_files import encode_mask
from alkit.utils.files import write_atomically

from .predictions import DIGITS, PredictedImage
from .trained import UsableModel

if TYPE_CHECKING:
    from torch import Tensor

    from alkit._typing import Pixels
    from alkit.campaign.session import CampaignSession
    from alkit.data.source import Source

BATCH = 32
CLASSES = "classes.txt"


def folder_of(path: Path) -> Path:
    """Return the folder of masks that belongs to a file of predictions."""
    return path.with_name(f"{path.stem}-masks")


def check_masks(path: Path, *, probabilities: bool, force: bool) -> None:
    """Check what is asked for, and that no other folder is in the place of the masks.

    Raises:
        UsageError: there are probabilities to write, or there is a folder.
    """
    if probabilities:
        raise UsageError("the probabilities of masks are not written; leave --probabilities out")
    begun = path.with_name(f"{path.name}.partial").exists()
    if (folder := folder_of(path)).exists() and not (force or begun):
        raise UsageError(
            f"{folder} already exists; overwrite it with --force, or name another file with --out"
        )


def predicted_masks(
    session: CampaignSession,
    model: UsableModel,
    source: Source,
    keys: Sequence[str],
    batch_size: int | None,
    folder: Path,
) -> Iterator[list[PredictedImage]]:
    """Yield a record per image, in order, a batch at a time; its label is the path of its mask.

    Each pixel of a mask has the number of its class, as `classes.txt` in the folder lists them.

    Args:
        session: the campaign.
        model: what predicts.
        source: the images.
        keys: of those to predict.
        batch_size: images that the model sees at once; 32 by default.
        folder: of the masks.
    """
    folder.mkdir(exist_ok=True)
    write_atomically(folder / CLASSES, "".join(f"{name}\n" for name in model.classes))
    waiting = iter(keys)
    with session.progress.bar(len(keys), "predict") as bar:
        for readings, images in model.preprocessing.batches(source, keys, batch_size or BATCH):
            rows = iter(dense_probabilities(model, images) if len(images) else ())
            found = []
            for reading in readings:
                key = next(waiting)
                if reading.unusable is not None:
                    found.append(PredictedImage(path=key, error=reading.unusable, kind="mask"))
                    continue
                numbers, sure = at_size(next(rows), (reading.height, reading.width))
                place = folder / mask_name(key)
                place.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(place, encode_mask(numbers))
                label = place.relative_to(folder.parent).as_posix()
                found.append(PredictedImage(path=key, label=label, confidence=sure, kind="mask"))
            yield found
            bar.update(len(readings))


def dense_probabilities(model: UsableModel, images: Tensor) -> Tensor:
    """Return the probability of each class at each position, [B, classes, H, W] on the CPU."""
    with model.applied():
        output = model.task.forward(images.to(model.device))
    assert output.probabilities is not None
    return output.probabilities[:, : len(model.classes)].float().cpu()


def at_size(row: Tensor, size: tuple[int, int]) -> tuple[Pixels, float]:
    """Return the most probable class of each pixel, [H, W] uint8, and the mean of their probabilities.

    Args:
        row: probabilities [classes, ...] at the size of the model.
        size: (H, W) of the image.
    """
    from torch.nn import functional  # noqa: PLC0415  # torch takes seconds to import

    best = functional.interpolate(row[None], size, mode="bilinear", align_corners=False)[0].max(dim=0)
    return best.indices.byte().numpy(), round(float(best.values.mean()), DIGITS)


def mask_name(key: str) -> str:
    """Return a path in the folder that no other image has: `_up/a/b.jpg.png` for `../a/b.jpg`."""
    path = Path(key)
    parts = ["_root" if part == path.anchor else "_up" if part == ".." else part for part in path.parts]
    return f"{Path(*parts).as_posix()}.png"
