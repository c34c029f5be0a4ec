"""Sorting answers as they come in: known or not, new or again, a correction or the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.interfaces.labels import ImageFacts, Labels
from alkit.interfaces.oracle import Answer, Oracle
from alkit.labeling.class_names import same_but_for_case, twins
from alkit.labeling.given_answer import ABSTAIN, UNUSABLE, GivenAnswer
from alkit.labeling.references import References
from alkit.labeling.rejection import Rejection, quoted, shortened
from alkit.labeling.times import read_time
from alkit.reporting import notebook
from alkit.utils.json_values import AsDict
from alkit.utils.suggestions import nearest

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord

    from .pool import Pool


NO_TEXT = "a label, annotator or time that is not valid UTF-8 text; write it again"


@dataclass(frozen=True, slots=True)
class IngestReport(AsDict):
    """The outcome of sorting answers.

    Attributes:
        kept: (index, answer) to be recorded, new ones and corrections.
        new_classes: class names that come with them.
        unchanged: the same as what was there.
        corrected: replace another answer, which stays in the history.
        unasked: for images that no query asked for.
        rejected: what is not kept, and why.
        still_open: images asked and not answered.
        blank: lines whose label is only a program's word for an empty cell.
        warnings: new classes that look like slips.
        given: (index, answer) of all that was understood, by the image that was named.
    """

    json_keys: ClassVar[tuple[str, ...]] = (
        "accepted",
        "unchanged",
        "corrected",
        "unasked",
        "rejected",
        "new_classes",
        "warnings",
        "still_open",
    )

    kept: tuple[tuple[int, Answer], ...] = ()
    new_classes: tuple[str, ...] = ()
    unchanged: int = 0
    corrected: int = 0
    unasked: int = 0
    rejected: tuple[Rejection, ...] = ()
    still_open: int = 0
    blank: int = 0
    warnings: tuple[str, ...] = ()
    given: tuple[tuple[int, Answer], ...] = ()

    @property
    def accepted(self) -> int:
        """How many were kept."""
        return len(self.kept)

    def __repr__(self) -> str:
        return f"<IngestReport: {self._line}>"

    @property
    def _line(self) -> str:
        also = {
            "unchanged": self.unchanged,
            "corrected": self.corrected,
            "not asked for": self.unasked,
            "rejected": len(self.rejected),
            "without a label": self.blank,
        }
        said = [
            f"{self.accepted:,} accepted",
            *(f"{count:,} {name}" for name, count in also.items() if count),
        ]
        return f"{', '.join(said)}; {self.still_open:,} still open"

    def _repr_html_(self) -> str:
        rows = [(entry.reason,) for entry in self.rejected]
        lines = "".join(notebook.line(f"warning: {warning}") for warning in self.warnings)
        return notebook.line(self._line) + lines + (notebook.table(("rejected",), rows) if rows else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What there is before answers come in.

    Attributes:
        records: the frozen list of images.
        pool: who is asked and answered.
        classes: names so far.
        location: of the pool, for paths.
        folders: where relative paths may start besides.
        previous: gives all earlier answers of an image, the latest last.
        former: the image that had a name before it was renamed, by that name.
    """

    records: Sequence[ImageRecord]
    pool: Pool
    classes: Sequence[str]
    location: Path
    folders: Sequence[Path] = ()
    previous: Callable[[int], Sequence[Answer]]
    former: Mapping[str, int] = field(default_factory=dict)


def reconcile_answers(
    answers: Sequence[GivenAnswer],
    standing: Standing,
    *,
    labels: Labels,
    allow_new_classes: bool,
    said_before: bool = False,
) -> IngestReport:
    """Decide what to keep.

    Answers to an exact copy count for the first of its copies, or for that in a lost one's place. Within
    one call, a later line wins over an earlier one of the same image and annotator; both are kept, as a
    correction. An answer is unchanged if it is that annotator's latest of the image, whoever else has
    said something else since, unless it has a newer time; so the same file again changes nothing. If an
    answered image is asked for again, though, the same answer counts as new, unless its time is on record.

    Args:
        answers: as they came in.
        standing: what there is before.
        labels: what a label means.
        allow_new_classes: take other names as new classes.
        said_before: what an annotator has said at any time is unchanged too, also if corrected since.
    """
    records, pool, classes = standing.records, standing.pool, standing.classes
    references = References(records, standing.location, standing.folders, standing.former)
    asked = set(pool.pending.tolist())
    kept: list[tuple[int, Answer]] = []
    rejected: list[Rejection] = []
    fresh: dict[str, None] = {}
    understood: list[tuple[int, Answer]] = []
    named: list[tuple[int, Answer]] = []
    answers, blank = _without_blanks(answers, classes, labels)
    for given, index in zip(answers, references.find_all(answers), strict=True):
        if isinstance(index, Rejection):
            rejected.append(index)
            continue
        if (reason := records[index].unusable) is not None:
            rejected.append(
                Rejection(given.line, f"'{given.named}' cannot be used: {reason}", "unusable-image")
            )
            continue
        if index in pool.removed:
            rejected.append(
                Rejection(
                    given.line,
                    f"'{given.image}' was removed from the campaign; take it back with 'alkit remove --undo'",
                    "unusable-image",
                )
            )
            continue
        named_index, index = index, pool.canonical_index(pool.original(index))
        try:
            answer = _answer(given, labels, classes, _facts(records[index], standing))
        except ValueError as error:
            rejected.append(
                Rejection(
                    given.line,
                    f"{quoted(given.label, given.named)} is not a label of this task: {error}",
                    "invalid-label",
                )
            )
            continue
        if not _is_text(answer):
            rejected.append(Rejection(given.line, f"'{given.named}' has {NO_TEXT}", "not-text"))
            continue
        names = _new_names(answer, labels, classes)
        twins_of = {name: twin for name in names if (twin := same_but_for_case(name, classes)) is not None}
        if names and (twins_of or not allow_new_classes):
            name = next(iter(twins_of), names[0])
            reason = _unknown_class(name, [twins_of[name]] if twins_of else classes)
            rejected.append(Rejection(given.line, reason, "unknown-class"))
            continue
        fresh.update(dict.fromkeys(names))
        understood.append((index, answer))
        named.append((named_index, answer))
    said = {index: list(standing.previous(index)) for index, _ in understood}
    again = set() if said_before else {i for i in said if i in asked and pool.answer_of(i) is not None}
    last = {(index, answer.annotator): answer for index, answer in understood}
    told = {  # an annotator who returns to an earlier answer has said nothing new
        (index, annotator)
        for (index, annotator), answer in last.items()
        if not (index in again and not answer.time) and _repeats(said[index], answer, at_any_time=said_before)
    }
    unchanged = corrected = unasked = 0
    for index, answer in understood:
        earlier = said[index]
        known = (index, answer.annotator) in told or _repeats(earlier, answer, at_any_time=said_before)
        if known and not (index in again and not answer.time):
            unchanged += 1
            continue
        again.discard(index)
        if not earlier:
            unasked += index not in asked
        elif (earlier[-1].kind, earlier[-1].value) != (answer.kind, answer.value):
            corrected += 1
        earlier.append(answer)
        kept.append((index, answer))
    return IngestReport(
        tuple(kept),
        tuple(labels.new_classes(fresh)),
        unchanged,
        corrected,
        unasked,
        tuple(rejected),
        blank=blank,
        warnings=tuple(twins(fresh, classes, _counts(pool, kept, labels))) if fresh else (),
        given=tuple(named),
    )


def _counts(pool: Pool, kept: Sequence[tuple[int, Answer]], labels: Labels) -> Counter[str]:
    """Return the number of images by class after answers are kept."""
    now = dict(zip(pool.labeled.tolist(), pool.values, strict=True))
    now |= {index: answer.value if answer.kind == "label" else None for index, answer in kept}
    return Counter(name for value in now.values() if value is not None for name in labels.names(value))


def _without_blanks(
    answers: Sequence[GivenAnswer], classes: Sequence[str], labels: Labels
) -> tuple[Sequence[GivenAnswer], int]:
    """Return the answers with a label, and how many have none."""
    filled = [given for given in answers if not (given.is_blank(classes) and labels.is_blank(given.label))]
    return filled, len(answers) - len(filled)


def _facts(record: ImageRecord, standing: Standing) -> ImageFacts:
    """Return what a label may have to fit."""
    return ImageFacts.of(record, (*standing.folders, standing.location))


def _new_names(answer: Answer, labels: Labels, classes: Sequence[str]) -> list[str]:
    """Return the names in an answer that are no classes yet."""
    if answer.kind != "label" or not labels.named:
        return []
    return [name for name in labels.names(answer.value) if name not in classes]


def _answer(given: GivenAnswer, labels: Labels, classes: Sequence[str], image: ImageFacts) -> Answer:
    label = given.meant(classes)
    if label in (ABSTAIN, UNUSABLE) and label not in classes:
        return Answer(label, None, given.annotator, given.time, given.cost)  # type: ignore[arg-type]
    return Answer("label", labels.parse(label, image), given.annotator, given.time, given.cost)


def _is_text(answer: Answer) -> bool:
    """Say whether UTF-8 can hold it: JSON and command lines can bring halves of characters (surrogates)."""
    try:
        json.dumps([answer.value, answer.annotator, answer.time], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _repeats(earlier: Sequence[Answer], answer: Answer, *, at_any_time: bool) -> bool:
    """The annotator's own latest answer (or any, if wanted) says the same, and is not older than this one."""
    own = [a for a in earlier if a.annotator == answer.annotator]
    return any(
        (a.kind, a.value) == (answer.kind, answer.value) and not _newer(answer.time, a.time)
        for a in (own if at_any_time else own[-1:])
    )


def _newer(time: str, recorded: str) -> bool:
    """Say whether a time is later than one on record; one that cannot be read as ISO 8601 is not."""
    if not time or time == recorded:
        return False
    new, old = read_time(time), read_time(recorded)
    return new is not None and old is not None and new > old


def _unknown_class(label: str, classes: Sequence[str]) -> str:
    if not classes:
        return f"there is no class '{label}' yet; allow new classes with --allow-new-classes"
    listed = f"the classes are {', '.join(list(classes)[:20])}; a new one needs 'alkit classes add'"
    close = nearest(label, classes)
    hint = f"did you mean '{shortened(close)}'?" if close else listed
    return f"there is no class '{shortened(label)}' in this campaign; {hint}"


def reconcile_oracle_answers(
    answers: Mapping[int, Answer],
    asked: Sequence[int],
    oracle: Oracle,
    standing: Standing,
    *,
    labels: Labels,
) -> IngestReport:
    """Decide what to keep of what an oracle says; only what it was asked counts.

    Names become classes if the oracle declares them, or while there are no classes at all; typos never do.
    """
    classes = standing.classes
    kept: list[tuple[int, Answer]] = []
    rejected: list[Rejection] = []
    fresh: dict[str, None] = {}
    for index in asked:
        answer = answers.get(index)
        if answer is None:
            continue
        if not _is_text(answer):
            rejected.append(Rejection(0, f"image {index} has {NO_TEXT}", "not-text"))
            continue
        if answer.kind == "label":
            try:
                value = labels.parse(_text_of(answer.value), _facts(standing.records[index], standing))
                answer = replace(answer, value=value)
            except ValueError as error:
                said = shortened(str(answer.value))
                reason = f"image {index}: '{said}' is not a label of this task: {error}"
                rejected.append(Rejection(0, reason, "invalid-label"))
                continue
            names = _new_names(answer, labels, classes)
            declared = labels.declared(oracle.classes)
            strange = [name for name in names if classes and name not in declared]
            if strange:
                reason = f"image {index}: {_unknown_class(strange[0], classes)}"
                rejected.append(Rejection(0, reason, "unknown-class"))
                continue
            fresh.update(dict.fromkeys(names))
        kept.append((index, answer))
    return IngestReport(tuple(kept), tuple(labels.new_classes(sorted(fresh))), rejected=tuple(rejected))


def _text_of(value: Any) -> str:
    """Return what an oracle says as text; a list, as of several classes, as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)
