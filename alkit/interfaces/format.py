"""The interface of formats: how a query goes out to people who label, and how their answers come back."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from alkit.errors import InvalidOption
from alkit.labeling.file_names import marked
from alkit.labeling.given_answer import ABSTAIN, UNUSABLE, GivenAnswer
from alkit.labeling.image_files import whole
from alkit.labeling.rejection import Rejection

if TYPE_CHECKING:
    from alkit._typing import Pixels

    from .labels import Labels


class Prediction(NamedTuple):
    """The model's guess for an image: the text of a label, such as a class name, and its probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One image to label.

    Attributes:
        rank: rank from 1, most wanted first.
        index: position in the pool.
        image: key in the pool.
        hash: SHA-256 of its content, in hex.
        width: width of the upright image in pixels.
        height: height of the upright image in pixels.
        score: the strategy's score, or None.
        file: the original file, which must not be changed; None if the pool is not a folder of files.
        answer: the text of a label, such as a class name, `abstain` or `unusable`; None if it is not
            answered yet.
        again: it was answered before, and is asked about again.
        note: what annotators noted about it; of several, each with the name.
        copied_from: the image that its label is a copy of; empty if somebody answered.
    """

    rank: int
    index: int
    image: str
    hash: str
    width: int
    height: int
    score: float | None = None
    file: Path | None = None
    answer: str | None = None
    again: bool = False
    note: str = ""
    copied_from: str = ""

    @property
    def name(self) -> str:
        """A file name that sorts by rank; `find_mark` reads index and hash from it."""
        return marked(self.rank, self.index, self.hash, self.file.suffix.lower() if self.file else ".png")


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is exported: images in order, the classes to choose from, and where the images come from.

    Attributes:
        title: title for people to read.
        query: number of the query; 0 if labeled images are exported instead.
        cycle: number of queries before it.
        strategy: name of the strategy that chose the images; empty if there is no query.
        classes: class names.
        items: images, most wanted first.
        location: folder of the original files, or None.
        content: returns the bytes of an image file: those of the original, or a PNG.
        predict: returns the model's guesses by index.
        mask: returns the number of the class of every pixel of an item's answer, [H, W] with 255 as void;
            for labels of kind `mask`.
        labels: what reads and writes the labels, if it is known.
    """

    title: str
    query: int
    cycle: int
    strategy: str
    classes: Sequence[str]
    items: Sequence[Item]
    location: Path | None
    content: Callable[[Item], bytes]
    predict: Callable[[], Mapping[int, Prediction]]
    mask: Callable[[Item], Pixels] | None = None
    labels: Labels | None = None

    @property
    def choices(self) -> list[str]:
        """All possible answers: the classes, then `abstain` and `unusable`."""
        return [*self.classes, *(word for word in (ABSTAIN, UNUSABLE) if word not in self.classes)]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers that came back.

    Attributes:
        answers: the answers, with all that is known of their images, in order of time if times are known.
        rejected: lines that cannot be understood.
        blank: number of images that are not answered yet.
        notes: what the reader had to find out or guess, for the user.
    """

    answers: list[GivenAnswer] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    blank: int = 0
    notes: Sequence[str] = ()

    def reject(self, line: int, reason: str) -> None:
        """Leave out a line, task or file that cannot be understood."""
        self.rejected.append(Rejection(line, reason))


@dataclass(kw_only=True)
class Format(ABC):
    """Base of all formats; the dataclass fields of a subclass are its options.

    Attributes:
        name: what the user types, the same as the entry point.
        extensions: file extensions that it writes, the default first; an empty one is a folder of any name.
        unit: what a rejected line is called: `line`, `task`, `file`.
        kinds: the kinds of labels that it carries: `class`, `classes`, `number`, `mask`, `boxes`.
        kind: that of the campaign's labels, set before `write` and `read`.
        timed: every answer has its time, so an answer with the time of a known answer is the same answer.
    """

    name: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    unit: ClassVar[str] = "line"
    timed: ClassVar[bool] = False
    kinds: ClassVar[frozenset[str]] = frozenset({"class"})

    kind: str = field(init=False, default="class", repr=False, compare=False)

    def carry(self, kind: str) -> None:
        """Prepare for labels of a kind.

        Raises:
            InvalidOption: the format does not carry them.
        """
        if kind not in self.kinds:
            raise InvalidOption(
                f"the format {self.name} does not carry labels of kind '{kind}', only of kind "
                f"{' and '.join(repr(known) for known in sorted(self.kinds))}; choose another format"
            )
        self.kind = kind

    @abstractmethod
    def recognizes(self, path: Path) -> bool:
        """Say whether an existing file or folder is certainly in this format.

        Raises:
            InvalidAnswers: it looks like this format but cannot be read; the message says what to do.
        """

    def beside(self, path: Path) -> list[Path]:
        """Return what else `write` makes for a path; if any of it exists, nothing is written."""
        return []

    @abstractmethod
    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write all items, those with an answer as answered; return what was written, the main file first.

        Nothing that exists is changed: originals are only read, and neither `path` nor what `beside` returns
        exists yet.

        Raises:
            InvalidOption: the options do not fit these images.
        """

    def write_splits(self, exports: Mapping[str, Export], path: Path) -> Sequence[Path]:
        """Write labeled images in splits; return what was written, the folder first.

        By default `path` becomes a folder with what `write` makes of each split, under the split's name.

        Args:
            exports: by the name of the split, `train` first.
            path: of a folder that does not exist yet.
        """
        with whole(path) as folder:
            for split, export in exports.items():
                self.write(export, folder / f"{split}{self.extensions[0]}")
        return [path]

    @abstractmethod
    def read(self, path: Path) -> Reply:
        """Read the answers; open no file that they name.

        Raises:
            InvalidAnswers: the file is not in this format.
        """


class Server(NamedTuple):
    """A running labeling tool: its address, the user's token and a project (None: the campaign's own)."""

    url: str
    token: str
    project: int | None = None

    @property
    def shown(self) -> str:
        """The address without a user name and password, fit to be shown and recorded."""
        return re.sub(r"^([a-z][a-z0-9+.-]*://)?[^/?#]*@", r"\1", self.url, flags=re.IGNORECASE).rstrip("/")


class Push(NamedTuple):
    """The result of a push: the project, the number of new tasks, and the number that were already there."""

    project: int
    added: int
    known: int


class LiveFormat(Format):
    """A format whose tool can also be reached over the network."""

    @abstractmethod
    def push(self, export: Export, server: Server, *, campaign: str) -> Push:
        """Add the missing items to the campaign's project in rank order; add none twice.

        Args:
            export: the images to send.
            server: the tool to send them to.
            campaign: an identity that finds the campaign's own project again.

        Raises:
            AlkitError: the tool cannot be reached, or refuses.
        """

    @abstractmethod
    def pull(self, server: Server, *, campaign: str) -> Reply:
        """Fetch all answers of the project.

        Raises:
            AlkitError: the tool cannot be reached, or refuses, or has no such project.
        """
