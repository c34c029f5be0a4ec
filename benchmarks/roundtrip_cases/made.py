"""Made pools and labels: the images, and what each kind of labels can say."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from alkit.data.preprocessing import ImageRecord
from alkit.interfaces import Export, ImageFacts, Item, Labels, Mask
from alkit.interfaces.labels import PLAIN_KINDS

CLASSES = ("cat", "Émeu & <co>", "traffic light", "7")
SIZES = ((64, 48), (37, 23), (50, 50))
"""Width and height of the images, in turn."""
NAMES = (
    "a.png",
    "a.jpg",
    "with blank.png",
    "Größe & co.jpg",
    "left/1.png",
    "right/1.png",
    "empty.png",
    "last.png",
)


@dataclass(frozen=True)
class Pool:
    """Images on disk, and what reads their labels."""

    folder: Path
    labels: Labels
    items: Sequence[Item]

    @property
    def kind(self) -> str:
        """The kind of the labels."""
        return self.labels.kind

    @property
    def records(self) -> list[ImageRecord]:
        """The records of the images, in the order of their indices."""
        known = sorted(self.items, key=lambda item: item.index)
        return [ImageRecord(i.index, i.image, i.hash, i.width, i.height, None, None) for i in known]

    def parse(self, text: str, item: Item) -> Any:
        """Return the value of the text of a label."""
        facts = ImageFacts(index=item.index, key=item.image, width=item.width, height=item.height)
        return text if text in ("abstain", "unusable") else self.labels.parse(text, facts)

    def export(self, answers: Mapping[int, str | None], *, query: int = 1) -> Export:
        """Return an export with the text of an answer by index."""
        labels = self.labels

        def mask(item: Item) -> Any:
            assert isinstance(labels, Mask)
            return labels.numbered(item.answer)

        return Export(
            title="round trips",
            query=query,
            cycle=0,
            strategy="random",
            classes=tuple(labels.classes),
            items=[dataclasses.replace(item, answer=answers.get(item.index)) for item in self.items],
            location=self.folder,
            content=lambda item: (self.folder / item.image).read_bytes(),
            predict=dict,
            mask=mask if isinstance(labels, Mask) else None,
            labels=labels,
        )


def make_pool(
    folder: Path, kind: str, *, classes: Sequence[str] = CLASSES, names: Sequence[str] = NAMES, tint: int = 0
) -> Pool:
    """Write images and return them with a reader of labels; another tint gives other images."""
    rng = np.random.default_rng(tint)
    items = []
    for index, name in enumerate(names):
        width, height = SIZES[index % len(SIZES)]
        path = folder / "pool" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rank = len(names) - index
        items.append(
            Item(rank=rank, index=index, image=name, hash=digest, width=width, height=height, file=path)
        )
    labels = PLAIN_KINDS[kind](classes=classes, folder=folder)
    return Pool(folder / "pool", labels, sorted(items, key=lambda item: item.rank))


def answers(pool: Pool) -> st.SearchStrategy[dict[int, str]]:
    """Return all kinds of answers to the images of a pool, by index."""
    made = {"class": _class, "classes": _set, "number": _number, "boxes": _boxes, "mask": _mask}[pool.kind]
    return st.fixed_dictionaries({item.index: made(pool, item) for item in pool.items})


def _class(pool: Pool, item: Item) -> st.SearchStrategy[str]:
    return st.sampled_from([*pool.labels.classes])


def _set(pool: Pool, item: Item) -> st.SearchStrategy[str]:
    return st.sets(st.sampled_from([*pool.labels.classes])).map(lambda names: pool.labels.text(sorted(names)))


def _number(pool: Pool, item: Item) -> st.SearchStrategy[str]:
    return st.floats(-1e9, 1e9, allow_nan=False).map(pool.labels.text)


def _boxes(pool: Pool, item: Item) -> st.SearchStrategy[str]:
    return st.lists(box(pool, item), max_size=5).map(pool.labels.text)


@st.composite
def box(draw: st.DrawFn, pool: Pool, item: Item) -> dict[str, Any]:
    """Draw a box inside an image, at thousandths of a pixel, of at least a tenth of one."""
    left, right = sorted(draw(st.lists(st.integers(0, item.width * 1000), min_size=2, max_size=2)))
    top, bottom = sorted(draw(st.lists(st.integers(0, item.height * 1000), min_size=2, max_size=2)))
    left, top = min(left, item.width * 1000 - 100), min(top, item.height * 1000 - 100)
    width, height = max(right - left, 100), max(bottom - top, 100)
    name = draw(st.sampled_from([*pool.labels.classes]))
    sides = {"x": left, "y": top, "width": width, "height": height}
    return {"class": name, **{side: value / 1000 for side, value in sides.items()}}


@st.composite
def _mask(draw: st.DrawFn, pool: Pool, item: Item) -> str:
    """Draw a mask: blobs, single pixels, holes and void."""
    assert isinstance(pool.labels, Mask)
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    numbers = np.append(np.arange(len(pool.labels.classes)), 255).astype(np.uint8)
    coarse = rng.choice(numbers, (draw(st.integers(1, 6)), draw(st.integers(1, 6))))
    rows = np.arange(item.height) * coarse.shape[0] // item.height
    columns = np.arange(item.width) * coarse.shape[1] // item.width
    mask = coarse[rows[:, None], columns]
    noisy = rng.random(mask.shape) < draw(st.sampled_from([0, 0.02, 0.3]))
    mask = np.where(noisy, rng.choice(numbers, mask.shape), mask).astype(np.uint8)
    mask[0, 0] = 0  # a mask without any class is no label
    return pool.labels.of_numbers(mask)
