"""The checks of a format: what is exported can be read back, and nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit import options
from alkit.data.preprocessing import ImageRecord
from alkit.errors import AlkitError, InvalidAnswers
from alkit.interfaces.format import Export, Format, Item, Prediction
from alkit.interfaces.labels import PLAIN_KINDS, ImageFacts, Mask
from alkit.labeling.references import References
from alkit.labeling.rejection import Rejection
from alkit.plugin import registry
from alkit.utils import seeding

from .results import Nonconforming, Result, outcome, require, title

if TYPE_CHECKING:
    from alkit._typing import Pixels

CLASSES = ("cat", "Émeu & <co>", "a/b", "_x", "100%", "7")
COUNT = 9
WIDTH, HEIGHT = 8, 6
ANSWERS: dict[str, tuple[str, ...]] = {
    "classes": ("cat", '["a/b", "Émeu & <co>"]', "none", json.dumps(sorted(CLASSES))),
    "number": ("0.5", "-3", "1e-09", "123456.75"),
    "boxes": (
        '[{"class": "cat", "x": 1, "y": 2, "width": 3.125, "height": 2}]',
        "none",
        '[{"class": "Émeu & <co>", "x": 0, "y": 0, "width": 8, "height": 6}, '
        '{"class": "cat", "x": 0.3, "y": 1.7, "width": 0.1, "height": 2.9}]',
    ),
}
"""Texts of labels that are not plain classes, by kind."""
RUBBISH = (
    b"",
    b"\x00\xff\xfe rubbish",
    b"{",
    b"[1, 2",
    b"[]",
    b"{}",
    b"[null]",
    b"<a>",
    b"<!DOCTYPE a [",
    b"7",
)


OTHER_FILES = {
    "others.csv": b"image,label\n0.png,cat\n",
    "others.jsonl": b'{"image": "0.png", "label": "cat"}\n',
    "empty.txt": b"",
}
"""Small files that belong to other formats."""


class FormatSubject:
    """The format under test, and a pool to export from.

    Args:
        format: its entry-point name, or its class.
        given: options, as values or as text.
        folder: where it may write; created if missing.
        kind: of the labels; by default `class`, or the first that the format carries.
    """

    def __init__(
        self,
        format: str | type[Format],
        given: Mapping[str, Any] | None,
        folder: Path,
        kind: str | None = None,
    ) -> None:
        self.entry_point = format if isinstance(format, str) else None
        self.cls = registry.formats.get(format) if isinstance(format, str) else format
        self.given, self.folder = dict(given or {}), folder
        folder.mkdir(parents=True, exist_ok=True)
        self._written = 0
        self.kind = kind or ("class" if "class" in self.cls.kinds else min(self.cls.kinds))
        self.labels = PLAIN_KINDS[self.kind](classes=CLASSES, folder=folder)

    def new(self) -> Format:
        """Make the format."""
        format = options.build(self.cls, self.given)
        format.carry(self.kind)
        return format

    def answers(self) -> list[str]:
        """Return answers of every sort: each class, `abstain` and `unusable`; or labels of another kind."""
        if isinstance(self.labels, Mask):
            rng = seeding.numpy_generator(0, "masks")
            masks = rng.integers(0, len(CLASSES), (COUNT - 1, HEIGHT, WIDTH), dtype=np.uint8)
            return [self.labels.of_numbers(mask) for mask in masks]
        return [*CLASSES, "abstain", "unusable"] if self.kind == "class" else list(ANSWERS[self.kind])

    def meaning(self, label: str) -> Any:
        """Return the value that the text of a label is."""
        return self.labels.parse(label, ImageFacts(width=WIDTH, height=HEIGHT))

    def export(self, answers: Sequence[str | None] = (), *, seed: int = 0) -> Export:
        """Return an export of nine images on disk with these answers; another seed gives other images."""
        pool = self.folder / f"pool-{seed}"
        if not pool.exists():
            pool.mkdir(parents=True)
            for index in range(COUNT):
                (pool / f"{index}.png").write_bytes(_picture(index, seed))
        items = [_item(rank, pool) for rank in range(1, COUNT + 1)]
        said = [*answers, *[None] * (COUNT - len(answers))]
        return Export(
            title="kit & <co>",
            query=1,
            cycle=0,
            strategy="random",
            classes=CLASSES,
            items=[dataclasses.replace(item, answer=a) for item, a in zip(items, said, strict=True)],
            location=pool,
            content=lambda item: (pool / item.image).read_bytes(),
            predict=lambda: {item.index: Prediction(self.answers()[0], 0.5) for item in items},
            mask=self._mask if self.kind == "mask" else None,
            labels=self.labels,
        )

    def _mask(self, item: Item) -> Pixels:
        assert isinstance(self.labels, Mask)
        return self.labels.numbered(item.answer)

    def written(self, export: Export) -> Path:
        """Write an export to a new path, and return the path."""
        self._written += 1
        path = self.folder / f"written-{self._written}{self.cls.extensions[0]}"
        format = self.new()
        files = format.write(export, path)
        require(
            files and files[0] == path, f"write returned {[str(f) for f in files]} instead of {path} first"
        )
        require(
            list(files[1:]) == format.beside(path),
            f"write made {[str(f) for f in files[1:]]} beside it, but beside() names other files",
        )
        missing = [file for file in files if not file.exists()]
        require(not missing, f"write says that it wrote {missing}, but the files do not exist")
        return path


def name(subject: FormatSubject) -> None:
    """The name matches the entry point, and there is an extension."""
    own = getattr(subject.cls, "name", None)
    if subject.entry_point is not None:
        require(own == subject.entry_point, f"the name {own!r} differs from the entry point")
    require(subject.cls.extensions, "the format has no extension; use an empty one for a folder")


def nothing_answered(subject: FormatSubject) -> None:
    """An export without answers is recognized, and all its images are read as unanswered."""
    path = subject.written(subject.export())
    require(subject.new().recognizes(path), "the format does not recognize a file that it wrote")
    reply = subject.new().read(path)
    require(not reply.answers, f"nothing was answered, but it reads {reply.answers[:1]}")
    require(not reply.rejected, f"it rejects its own file: {reply.rejected[:1]}")
    require(reply.blank == COUNT, f"{reply.blank} images are blank instead of {COUNT}")


def every_answer_arrives(subject: FormatSubject) -> None:
    """Every class, `abstain` and `unusable`, or every other label, is read back for the right image."""
    answers = subject.answers()
    export = subject.export(answers)
    reply = subject.new().read(subject.written(export))
    require(not reply.rejected, f"a valid answer is rejected: {reply.rejected[:1]}")
    records = _records(export)
    found = {}
    places = References(records, export.location or Path()).find_all(reply.answers)
    for place, given in zip(places, reply.answers, strict=True):
        if isinstance(place, Rejection):
            raise Nonconforming(f"an answer names no image: {place.reason}")
        found[records[place].key] = subject.meaning(given.label)
    expected = {item.image: subject.meaning(item.answer) for item in export.items if item.answer is not None}
    require(found == expected, f"answers {expected} were read back as {found}")
    require(len(reply.answers) == len(answers), "an image has more than one answer")
    require(reply.blank == COUNT - len(answers), f"{reply.blank} images are blank instead of one")


def foreign_answers_refused(subject: FormatSubject) -> None:
    """Answers about another pool are refused in one sentence; answers have index and hash, not only names."""
    reply = subject.new().read(subject.written(subject.export(subject.answers(), seed=1)))
    if not any(given.hash for given in reply.answers):
        require(
            all(given.image for given in reply.answers),
            "an answer names neither the image nor its index and hash",
        )
        return
    export = subject.export()
    places = References(_records(export), subject.folder).find_all(reply.answers)
    require(
        all(isinstance(place, Rejection) for place in places),
        "answers about another pool are accepted for this one",
    )


def rubbish_refused(subject: FormatSubject) -> None:
    """Broken files give no answers, and any error is one sentence."""
    for number, content in enumerate(RUBBISH):
        path = subject.folder / f"rubbish-{number}{subject.cls.extensions[0] or '.x'}"
        path.write_bytes(content)
        try:
            subject.new().recognizes(path)
        except InvalidAnswers as error:
            require("\n" not in str(error), f"the reason for {content!r} is more than one line: {error}")
        except Exception as error:
            raise Nonconforming(f"recognizes({content!r}) raises {type(error).__name__}: {error}") from error
        try:
            answers = subject.new().read(path).answers
        except AlkitError as error:
            require("\n" not in str(error), f"the refusal of {content!r} is more than one line: {error}")
        except Exception as error:
            raise Nonconforming(f"read({content!r}) raises {type(error).__name__}: {error}") from error
        else:
            require(not answers, f"{content!r} is read as answers: {answers[:1]}")


def other_files_left(subject: FormatSubject) -> None:
    """Files of other formats are not recognized, so that `alkit ingest` knows whose they are."""
    own = tuple(filter(None, subject.cls.extensions))
    for file, content in {**OTHER_FILES, "picture.png": _picture(0, 0)}.items():
        if file.endswith(own):  # whether it is another format's, only its content could tell
            continue
        path = subject.folder / file
        path.write_bytes(content)
        try:
            recognized = subject.new().recognizes(path)
        except InvalidAnswers:
            continue
        require(not recognized, f"the format recognizes {file}, which is a file of another format")


def originals_stay(subject: FormatSubject) -> None:
    """Writing does not change an original image, and no written file is a hard link to one."""
    export = subject.export(subject.answers())
    path = subject.written(export)
    subject.new().read(path)
    for item in export.items:
        assert item.file is not None
        require(hashlib.sha256(item.file.read_bytes()).hexdigest() == item.hash, f"{item.image} was changed")
        require(item.file.stat().st_nlink == 1, f"{item.image} has a hard link; a tool could change it")


def _picture(index: int, seed: int) -> bytes:
    from PIL import Image  # noqa: PLC0415  # Pillow is slow to import

    encoded = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (index, seed, 99)).save(encoded, format="PNG")
    return encoded.getvalue()


def _item(rank: int, pool: Path) -> Item:
    index = COUNT - rank  # so that rank and index differ
    file = pool / f"{index}.png"
    return Item(
        rank=rank,
        index=index,
        image=file.name,
        hash=hashlib.sha256(file.read_bytes()).hexdigest(),
        width=WIDTH,
        height=HEIGHT,
        score=1 / rank,
        file=file,
    )


def _records(export: Export) -> list[ImageRecord]:
    known = sorted(export.items, key=lambda item: item.index)
    return [ImageRecord(i.index, i.image, i.hash, i.width, i.height, None, None) for i in known]


CHECKS: tuple[Callable[[FormatSubject], None], ...] = (
    name,
    nothing_answered,
    every_answer_arrives,
    foreign_answers_refused,
    rubbish_refused,
    other_files_left,
    originals_stay,
)


def check_format(format: str | type[Format], given: Mapping[str, Any] | None = None) -> list[Result]:
    """Run every check; those of answers with labels of each kind that the format carries.

    Args:
        format: entry-point name, or class.
        given: options, as values or as text.

    Returns:
        One result per check and kind.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such format.
    """
    cls = registry.formats.get(format) if isinstance(format, str) else format
    kinds = [kind for kind in PLAIN_KINDS if kind in cls.kinds]
    results = []
    further = itertools.product(kinds[1:], (nothing_answered, every_answer_arrives))
    for kind, check in [*((kinds[0], check) for check in CHECKS), *further]:
        with tempfile.TemporaryDirectory() as folder:
            subject = FormatSubject(format, given, Path(folder), kind)
            named = title(check) if kind == kinds[0] else f"{title(check)} ({kind})"
            results.append(outcome(named, check, subject))
    return results
