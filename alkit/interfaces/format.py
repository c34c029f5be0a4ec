"""What a format is: how a query goes out to people who label, and how their answers come back."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

from alkit.labeling.csv_table import ABSTAIN, UNUSABLE, GivenAnswer
from alkit.labeling.file_names import marked
from alkit.labeling.rejection import Rejection


class Prediction(NamedTuple):
    """What the model takes an image for: a class name, and its probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One image that goes out.

    Attributes:
        rank: from 1, most wanted first.
        index: its position in the pool.
        image: its key in the pool.
        hash: hex SHA-256 of its content.
        width: upright, in pixels.
        height: upright, in pixels.
        score: the strategy's, or None.
        file: the original, never to be changed; None where the pool is no folder of files.
        answer: a class name, `abstain` or `unusable`; None while it is waited for.
        again: answers are known from before, and it is asked for once more.
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

    @property
    def name(self) -> str:
        """A file name that sorts by rank, and from which `find_mark` reads index and hash."""
        return marked(self.rank, self.index, self.hash, self.file.suffix.lower() if self.file else ".png")


@dataclass(frozen=True, kw_only=True)
class Export:
    """What goes out: images in order, the classes to choose from, where they come from.

    Attributes:
        title: of the whole, for people.
        query: number of the query; 0 if these are labeled images instead.
        cycle: queries before it.
        strategy: name of the strategy that chose; empty without a query.
        classes: class names.
        items: most wanted first.
        location: the folder that the originals lie under, or None.
        content: gives the bytes of an image file: the original's, or a PNG.
        predict: gives what the model takes each image for, by index.
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

    @property
    def choices(self) -> list[str]:
        """All that may be answered: the classes, then `abstain` and `unusable`."""
        return [*self.classes, *(word for word in (ABSTAIN, UNUSABLE) if word not in self.classes)]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        answers: with index and hash of each image, in the order of time where times are known.
        rejected: what cannot be understood.
        blank: how many images were not answered yet.
    """

    answers: list[GivenAnswer] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    blank: int = 0

    def reject(self, line: int, reason: str) -> None:
        """Leave out a line, task or file that cannot be understood."""
        self.rejected.append(Rejection(line, reason))


@dataclass(kw_only=True)
class Format(ABC):
    """Base of all formats; the dataclass fields of a subclass are its options.

    Attributes:
        name: what the user types, the same as the entry point.
        extensions: of what is written, the default first; an empty one is a folder, whatever it is called.
        unit: what a rejected line is called: `line`, `task`, `file`.
        timed: every answer bears its time, so an answer with the time of a known one is that one.
    """

    name: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    unit: ClassVar[str] = "line"
    timed: ClassVar[bool] = False

    @abstractmethod
    def recognizes(self, path: Path) -> bool:
        """Say whether a file or folder, which exists, is surely of this format; never raises."""

    def beside(self, path: Path) -> list[Path]:
        """Return what else `write` makes for a path: where it exists, nothing is written."""
        return []

    @abstractmethod
    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write everything, an item with an answer as answered; return what was written, main thing first.

        Nothing that exists is changed: originals are read, and `path` and what `beside` names are not there.

        Raises:
            InvalidOption: the options do not fit these images.
        """

    @abstractmethod
    def read(self, path: Path) -> Reply:
        """Read what came back; nothing that it names is opened.

        Raises:
            InvalidAnswers: it is not of this format.
        """


class Server(NamedTuple):
    """A labeling tool that runs: its address, the user's token, and a project of it or None for our own."""

    url: str
    token: str
    project: int | None = None

    @property
    def shown(self) -> str:
        """The address as it may be shown and recorded: without a user's name and password."""
        return re.sub(r"^([a-z][a-z0-9+.-]*://)?[^/?#]*@", r"\1", self.url, flags=re.IGNORECASE).rstrip("/")


class Push(NamedTuple):
    """What became of a push: the project, how many tasks are new, and how many were there."""

    project: int
    added: int
    known: int


class LiveFormat(Format):
    """A format whose tool can be reached over the network as well."""

    @abstractmethod
    def push(self, export: Export, server: Server, *, campaign: str) -> Push:
        """Add what is missing to the campaign's project in rank order; never anything twice.

        Args:
            export: what goes out.
            server: where to.
            campaign: an identity by which the campaign's own project is found again.

        Raises:
            AlkitError: the tool cannot be reached, or refuses.
        """

    @abstractmethod
    def pull(self, server: Server, *, campaign: str) -> Reply:
        """Fetch all answers of the project.

        Raises:
            AlkitError: the tool cannot be reached, or refuses, or has no such project.
        """
