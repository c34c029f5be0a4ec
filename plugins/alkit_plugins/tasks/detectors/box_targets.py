"""Boxes as targets: as many for each image as it has, padded within a batch."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from alkit.data import Targets, moved
from alkit.errors import InvalidAnswers

if TYPE_CHECKING:
    from alkit import Indices

LEAST_VISIBLE = 0.3
"""Share of an object that has to be left in a moved image."""


class BoxTargets(Targets):
    """The boxes of some images: `boxes` [B, M, 4] as x1, y1, x2, y2; `classes` and `crowd` [B, M].

    Where an image has fewer boxes than others of its batch, the class is -1.

    Args:
        values: the boxes of each image, in pixels of the images that the network sees.
        classes: names in the order of their numbers.

    Raises:
        InvalidAnswers: a box is of another class.
    """

    def __init__(self, values: Sequence[Any], classes: Sequence[str]) -> None:
        self._values = list(values)
        number = {name: place for place, name in enumerate(classes)}
        self._boxes, self._classes, self._crowd = [], [], []
        for value in self._values:
            unknown = next((box["class"] for box in value if box["class"] not in number), None)
            if unknown is not None:
                raise InvalidAnswers(f"'{unknown}' is not a class; the classes are {', '.join(classes)}")
            corners = [[b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"]] for b in value]
            self._boxes.append(torch.tensor(corners, dtype=torch.float32).view(-1, 4))
            self._classes.append(torch.tensor([number[box["class"]] for box in value], dtype=torch.int64))
            self._crowd.append(torch.tensor([bool(box.get("crowd")) for box in value], dtype=torch.bool))

    def __len__(self) -> int:
        return len(self._values)

    def take(self, rows: Indices) -> dict[str, Tensor]:
        """Return the boxes of some images."""
        count, most = len(rows), max([len(self._classes[row]) for row in rows.tolist()], default=0)
        boxes = torch.zeros(count, most, 4)
        classes = torch.full((count, most), -1, dtype=torch.int64)
        crowd = torch.zeros(count, most, dtype=torch.bool)
        for place, row in enumerate(rows.tolist()):
            there = len(self._classes[row])
            boxes[place, :there] = self._boxes[row]
            classes[place, :there] = self._classes[row]
            crowd[place, :there] = self._crowd[row]
        return {"boxes": boxes, "classes": classes, "crowd": crowd}

    def digest(self) -> str:
        """Return a hash of all boxes."""
        return hashlib.sha256(json.dumps(self._values, sort_keys=True).encode()).hexdigest()

    def counts(self) -> Counter[str]:
        """Return how many boxes of each class there are."""
        return Counter(box["class"] for value in self._values for box in value)


def moved_with_boxes(
    images: Tensor, targets: Any, generator: torch.Generator, *, flip: bool
) -> tuple[Tensor, Any]:
    """Move images by up to an eighth of their size and flip half of them, with their boxes.

    The pixels at the edge are repeated, so that no object is there twice. What is left of a box is its
    target, unless that is less than a third of it.

    Args:
        images: [B, C, H, W].
        targets: of `BoxTargets`, or None.
        generator: on the CPU.
        flip: mirror images too.
    """
    count, _, height, width = images.shape
    up, left = height // 8, width // 8
    down = torch.randint(-up, up + 1, (count, 1), generator=generator).to(images.device)
    right = torch.randint(-left, left + 1, (count, 1), generator=generator).to(images.device)
    mirrored = (torch.rand(count, 1, generator=generator) < 0.5 * flip).to(images.device)
    rows = (torch.arange(height, device=images.device) + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) + right).clamp(0, width - 1)
    columns = torch.where(mirrored, width - 1 - columns, columns)
    moves = (rows.unsqueeze(2) * width + columns.unsqueeze(1)).view(count, 1, -1)
    if targets is None:
        return moved(images, moves), None
    x1, y1, x2, y2 = targets["boxes"].unbind(dim=2)
    new_x1 = torch.where(mirrored, width - right - x2, x1 - right).clamp(0, width)
    new_x2 = torch.where(mirrored, width - right - x1, x2 - right).clamp(0, width)
    new_y1, new_y2 = (y1 - down).clamp(0, height), (y2 - down).clamp(0, height)
    visible = (new_x2 - new_x1) * (new_y2 - new_y1) >= LEAST_VISIBLE * (x2 - x1) * (y2 - y1)
    boxes = torch.stack([new_x1, new_y1, new_x2, new_y2], dim=2)
    classes = torch.where(visible, targets["classes"], -1)
    return moved(images, moves), {**targets, "boxes": boxes, "classes": classes}
