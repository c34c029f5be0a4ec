"""What can happen to a campaign: one record a kind of event, as JSON in the ledger and nowhere else."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alkit.reporting.wording import labels_and_copies
from alkit.utils.json_types import check_type
from alkit.utils.json_values import plain

OMITTED_IF_UNSAID = {"omit": True}
UNSAID: tuple[Any, ...] = (None, "", {}, (), [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Base of all kinds.

    Attributes:
        kind: the word in the ledger.
        more: what else was recorded with it: an older or newer alkit may have had other fields.
    """

    kind: ClassVar[str]

    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the data as the ledger keeps it."""
        own = {
            item.name: plain(getattr(self, item.name))
            for item in dataclasses.fields(self)
            if item.name != "more" and not (item.metadata.get("omit") and getattr(self, item.name) in UNSAID)
        }
        return own | dict(self.more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(Happening):
    """The campaign was made.

    Attributes:
        alkit: version that made it.
        images: how many there were.
        overview: what was found in the pool; see `alkit.campaign.overview`.
        forked_from: the campaign that images and answers were taken from: its directory and identity.
    """

    kind: ClassVar[str] = "created"

    alkit: str
    images: int
    overview: Mapping[str, Any] = field(default_factory=dict, metadata=OMITTED_IF_UNSAID)
    forked_from: Mapping[str, Any] = field(default_factory=dict, metadata=OMITTED_IF_UNSAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassesAdded(Happening):
    """Class names, in the order of their numbers, after those that were there."""

    kind: ClassVar[str] = "classes"

    added: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended(Happening):
    """New images: the index of the first, and how many."""

    kind: ClassVar[str] = "extended"

    first: int
    images: int


class OfLabels:
    """What an event says of labels: how many there were, and how many of them were copies."""

    __slots__ = ()

    labels: int
    copied: int | None

    @property
    def by_people(self) -> int:
        """Labels that people gave: those that are no copies."""
        return self.labels - (self.copied or 0)

    @property
    def in_words(self) -> str:
        """The labels that people gave and the copies, counted."""
        return labels_and_copies(self.by_people, self.copied or 0)

    def counts(self) -> dict[str, int]:
        """Return the labels, copies included, and how many are copies if any are, as JSON values."""
        return {"labels": self.labels, **({"copied": self.copied} if self.copied else {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained(OfLabels, Happening):
    """A training.

    Attributes:
        cycle: queries before it.
        labels: labeled images, copies included.
        copied: those of them whose label is a copy; None if there were none.
        metrics: on the test images, empty without any.
        companion: the strategy whose companion was trained along, or None.
        checkpoint: file of the weights, from the campaign's directory.
        fingerprint: of everything that the training was made from.
        device: where it was done.
        options: of the task.
        measures: seconds and peak memory by phase.
        starting_weights: hash of the weights before the first step.
        order: hash of the first epoch's order of images.
        recipe: how it was trained, unless a solver is named.
        solver: what found the weights without the recipe, in words.
        loss: mean by epoch.
        processes: that trained together, if there were several.
        pretrained: file in `cache/` of the weights that it started from, if the task pretrains.
    """

    kind: ClassVar[str] = "trained"

    cycle: int
    labels: int
    metrics: Mapping[str, float]
    companion: str | None = None
    checkpoint: str | None = None
    fingerprint: str = ""
    device: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    starting_weights: str = ""
    order: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    loss: Sequence[float] = ()
    processes: int | None = field(default=None, metadata=OMITTED_IF_UNSAID)
    pretrained: str = field(default="", metadata=OMITTED_IF_UNSAID)
    copied: int | None = field(default=None, metadata=OMITTED_IF_UNSAID)
    solver: str = field(default="", metadata=OMITTED_IF_UNSAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran(Happening):
    """The training that a run reports for a cycle, by its fingerprint."""

    kind: ClassVar[str] = "ran"

    cycle: int
    strategy: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Happening):
    """A run was ended by a stopping rule."""

    kind: ClassVar[str] = "stopped"

    cycle: int
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(OfLabels, Happening):
    """A query; its picks are in a table of their own.

    Attributes:
        cycle: queries before it.
        strategy: name of the strategy that chose.
        options: all its options.
        distribution: where the strategy comes from.
        version: of that distribution.
        parts: the same of the strategies inside it, by place.
        seed_query: it came before any label.
        control: share of the images that was drawn at random.
        uniform: the strategy chooses uniformly, too.
        labels: labeled images at the time, copies included.
        copied: those of them whose label was a copy; None if there were none.
        candidates: images that it could choose from.
        checkpoint: file of the model's weights, or None.
        device: where it was computed.
        measures: seconds and peak memory by phase.
        diagnostics: what the strategy says of its own choice.
        state: file of what the strategy remembers, or None.
        given: the files of embeddings and predictions that it chose from, by kind; empty if a model was
            trained, or none was needed.
        draws: what the strategy drew at random with known chances: `candidates` drawn from, `picks` in the
            order of the draws, the `chance` of each given those before, the chance of `inclusion` of each
            (without these, all candidates were as likely), and picks made `before`.
        audits: picks that check whether near-duplicates have the label of their leader.
    """

    kind: ClassVar[str] = "asked"

    cycle: int
    strategy: str
    options: Mapping[str, Any] = field(default_factory=dict)
    distribution: str | None = None
    version: str | None = None
    parts: Mapping[str, Any] = field(default_factory=dict, metadata=OMITTED_IF_UNSAID)
    seed_query: bool = False
    control: float = 0.0
    uniform: bool = False
    labels: int = 0
    candidates: int = 0
    checkpoint: str | None = None
    device: str = ""
    measures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    state: str | None = None
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, metadata=OMITTED_IF_UNSAID)
    draws: Sequence[Mapping[str, Any]] = field(default=(), metadata=OMITTED_IF_UNSAID)
    audits: Sequence[int] = field(default=(), metadata=OMITTED_IF_UNSAID)
    copied: int | None = field(default=None, metadata=OMITTED_IF_UNSAID)

    @property
    def origin(self) -> dict[str, Any]:
        """Where the strategy and those inside it come from, as `origin_of` says it."""
        return {"distribution": self.distribution, "version": self.version, "parts": self.parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Happening):
    """Answers were accepted; they are in a table of their own.

    Attributes:
        answers: how many.
        file: that they came from, or "".
        oracle: that gave them, or "".
        query: number of the query that was answered on the page, or None.
        page: they were given on the page in the browser.
        saw_guess: the annotator saw the model's prediction; None if there was nothing to see.
    """

    kind: ClassVar[str] = "answered"

    answers: int = 0
    file: str = field(default="", metadata=OMITTED_IF_UNSAID)
    oracle: str = field(default="", metadata=OMITTED_IF_UNSAID)
    query: int | None = field(default=None, metadata=OMITTED_IF_UNSAID)
    page: bool | None = field(default=None, metadata=OMITTED_IF_UNSAID)
    saw_guess: bool | None = field(default=None, metadata=OMITTED_IF_UNSAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retracted(Happening):
    """An answer, by its number, was taken back from an image."""

    kind: ClassVar[str] = "retracted"

    index: int
    answer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Happening):
    """Somebody's note on an image, in place of an earlier one; an empty text removes it."""

    kind: ClassVar[str] = "noted"

    index: int
    text: str
    annotator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated(Happening):
    """From now on, the answers of several annotators become one in this way."""

    kind: ClassVar[str] = "aggregate"

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Happening):
    """Images of a query went back to the pool unanswered."""

    kind: ClassVar[str] = "withdrawn"

    query: int
    indices: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed(Happening):
    """Images of a query that an oracle left out; a run does not ask for them again."""

    kind: ClassVar[str] = "passed"

    query: int
    oracle: str
    indices: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost(Happening):
    """Images that are missing or have changed, and why they count as lost."""

    kind: ClassVar[str] = "lost"

    indices: Sequence[int]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Happening):
    """Lost images that are back as they were."""

    kind: ClassVar[str] = "found"

    indices: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(Happening):
    """The pool is somewhere else from now on.

    Attributes:
        location: opens it again.
        root: torchvision's root directory, where it has one.
        found: images that were found there by their content.
    """

    kind: ClassVar[str] = "moved"

    location: str
    root: str | None = field(default=None, metadata=OMITTED_IF_UNSAID)
    found: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed(Happening):
    """Images have other names in the source from now on."""

    kind: ClassVar[str] = "renamed"

    indices: Sequence[int]
    names: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRenamed(Happening):
    """A class has another name; its number and its labels stay."""

    kind: ClassVar[str] = "class-renamed"

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassesMerged(Happening):
    """Several classes are one class from now on: labels of the others count as labels of that one."""

    kind: ClassVar[str] = "classes-merged"

    classes: Sequence[str]
    into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRetired(Happening):
    """A class is not used any more: its labels do not count, and its images go back to the pool."""

    kind: ClassVar[str] = "class-retired"

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRestored(Happening):
    """A retired class is used again, and its labels count again."""

    kind: ClassVar[str] = "class-restored"

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Happening):
    """Images are not part of the campaign any more; what was recorded of them stays in the history."""

    kind: ClassVar[str] = "removed"

    indices: Sequence[int]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack(Happening):
    """Removed images are part of the campaign again."""

    kind: ClassVar[str] = "put-back"

    indices: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSetChosen(Happening):
    """The model is tested on these images from now on; they are in a table of their own.

    Attributes:
        location: opens them again.
        root: torchvision's root directory, where it has one.
        images: how many.
        cache: file of the resized images, from the campaign's directory.
        moved: they are the same images with the same labels as before, in another place.
    """

    kind: ClassVar[str] = "test-set"

    location: str
    root: str | None = field(default=None, metadata=OMITTED_IF_UNSAID)
    images: int = 0
    cache: str = ""
    moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped(Happening):
    """Images that look nearly the same are one question from now on; earlier groups and their labels end.

    Attributes:
        indices: images that follow a leader, ascending.
        leaders: the leader of each, which is asked in its place.
        likeness: of each to its leader.
        audit: those of them that were drawn at random, to be asked when their leader is labeled.
        by: what was compared, `features` or `pixels`.
        levels: likenesses from which labels may be copied, ascending; the audit decides on one.
        limit: largest share of wrong ones among copied labels.
    """

    kind: ClassVar[str] = "grouped"

    indices: Sequence[int]
    leaders: Sequence[int]
    likeness: Sequence[float]
    audit: Sequence[int] = ()
    by: str = "features"
    levels: Sequence[float] = ()
    limit: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungrouped(Happening):
    """Images that look nearly the same are separate questions again, and labels are not copied any more."""

    kind: ClassVar[str] = "ungrouped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsCopied(Happening):
    """From now on, images have the label of their group's leader until somebody answers for them.

    Attributes:
        indices: the images.
        sources: the leader of each.
        level: likeness from which labels were copied.
        bound: upper end of the interval of the share of wrong ones at the time.
    """

    kind: ClassVar[str] = "labels-copied"

    indices: Sequence[int]
    sources: Sequence[int]
    level: float = 0.0
    bound: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiesDropped(Happening):
    """Copied labels do not count any more."""

    kind: ClassVar[str] = "copies-dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Happening):
    """An event of a kind that this alkit does not know; its data is in `more`."""

    kind: ClassVar[str] = ""

    word: str

    def to_json(self) -> dict[str, Any]:
        """Return the data as the ledger keeps it."""
        return dict(self.more)


ALL = (
    *(Created, ClassesAdded, Extended, Trained, Ran, Stopped, Asked, Answered, Retracted, Noted, Aggregated),
    *(Withdrawn, Passed, Lost, Found, Moved, Renamed, ClassRenamed, ClassesMerged),
    *(ClassRetired, ClassRestored, Removed, PutBack, EvaluationSetChosen),
    *(Grouped, Ungrouped, LabelsCopied, CopiesDropped),
)
KINDS: dict[str, type[Happening]] = {cls.kind: cls for cls in ALL}


def from_json(kind: str, data: Mapping[str, Any]) -> Happening:
    """Return the record of an event.

    Args:
        kind: the word in the ledger.
        data: as the ledger keeps it; keys that this alkit does not know go to `more`.

    Raises:
        ValueError: a key is missing, or a value is of another type.
    """
    if not isinstance(data, dict):
        raise ValueError("it is not a JSON object")
    cls = KINDS.get(kind)
    if cls is None:
        return Unknown(word=kind, more=data)
    names = {item.name for item in dataclasses.fields(cls)} - {"more"}
    known = {key: value for key, value in data.items() if key in names}
    for key, value in known.items():
        check_type(value, _hints(kind)[key], f"'{key}'")
    try:
        return cls(**known, more={key: value for key, value in data.items() if key not in names})
    except TypeError as error:
        raise ValueError(f"an event '{kind}' is incomplete: {error}") from error


@functools.cache
def _hints(kind: str) -> dict[str, Any]:
    return typing.get_type_hints(KINDS[kind])
