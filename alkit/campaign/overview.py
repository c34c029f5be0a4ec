"""What a new campaign found in its images: sentences for a person, and the same as JSON values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alkit.labeling.rejection import shortened
from alkit.plugin.sources import hidden_answers
from alkit.utils.counts import counted

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord
    from alkit.data.source import Source

SHOWN_CLASSES = 12
MOST_LISTED = 1000
MANY_ALIKE = 0.2  # share of images with a near-duplicate from which groups are proposed
DARK = 32  # 12 bits in 16 give at most 15 of 255, and 10 bits at most 3


@dataclass(slots=True)
class Overview:
    """Facts as they are found, and the sentences that say them.

    Attributes:
        facts: JSON values by name.
        lines: sentences; those that begin with `warning` are about something to look at.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def add(self, name: str, value: Any, *lines: str) -> None:
        """Add a fact with its sentences."""
        self.facts[name] = value
        self.lines += [line for line in lines if line]

    def as_dict(self) -> dict[str, Any]:
        """Return all as JSON values."""
        return {**self.facts, "notes": list(self.lines)}


def add_layout(overview: Overview, source: Source, *, oracle: str | None) -> None:
    """Say how many images each folder or each label of a manifest has, and what these labels are good for."""
    hidden = hidden_answers(source)
    if not hidden or oracle == "dataset":
        return
    counts = Counter(hidden.values())
    overview.add(
        "hidden_labels",
        dict(sorted(counts.items())),
        f"the pool names {counted(len(counts), 'class', 'classes')} by its folders or labels: "
        f"{shown_counts(counts)}; they are "
        "not taken as labels (--oracle dataset answers with them; --labels takes a table image,label)",
    )


def add_brightness(overview: Overview, brightest: int) -> None:
    """Warn of images that are nearly black, as those of few bits in files of more are."""
    if 0 < brightest < DARK:
        overview.add(
            "brightest",
            brightest,
            f"warning: the images are nearly black: no value in a sample is above {brightest} of 255; if "
            "they hold fewer bits than their files, multiply their values first",
        )


KINDS_IN_WORDS = {"boxes": "boxes", "mask": "masks", "classes": "sets of classes", "number": "numbers"}


def add_near_duplicates(overview: Overview, share: float | None) -> None:
    """Propose to ask one of several near-duplicates where a sample has many."""
    if share is not None and share >= MANY_ALIKE:
        overview.add(
            "near_duplicates",
            round(share, 3),
            f"near-duplicates: about {share:.0%} of the images look nearly like another one; 'alkit groups "
            "find' makes each group one question",
        )


def add_classes(
    overview: Overview, found: Mapping[str, str], counts: Mapping[str, Mapping[str, int]]
) -> None:
    """Say which classes there are, where each comes from, and how many images are of it there.

    Args:
        overview: takes the result.
        found: the place that each class comes from, by its name.
        counts: images of each class, by place.
    """
    overview.add(
        "classes",
        {
            name: {"images": counts.get(place, {}).get(name, 0), "from": place}
            for name, place in found.items()
        },
    )
    if not found:
        overview.lines.append("classes: none yet; name them with --classes, or the first answers define them")
        return
    by_place: dict[str, list[str]] = defaultdict(list)
    for name, place in found.items():
        by_place[place].append(name)
    for place, names in by_place.items():
        known = counts.get(place)
        listed = shown_names(names) if known is None else shown_counts({n: known.get(n, 0) for n in names})
        overview.lines.append(f"classes: {listed} (from {place})")


def add_other_kind(overview: Overview, kind: str, example: str, tasks: Sequence[str]) -> None:
    """Warn that labels look like those of another task.

    Args:
        overview: takes the result.
        kind: that they look like.
        example: one of them.
        tasks: names of tasks with such labels.
    """
    meant = f"; make the campaign with --task {tasks[0]} if that is meant" if tasks else ""
    overview.add(
        "look_like",
        kind,
        f"warning: labels such as '{shortened(example)}' are taken as names of classes, but look like "
        f"{KINDS_IN_WORDS[kind]}{meant}",
    )


def add_disputes(
    overview: Overview,
    name: str,
    records: Sequence[ImageRecord],
    labels: Iterable[tuple[int, str]],
    what: str,
) -> None:
    """Warn of exact copies that carry different labels.

    Args:
        overview: takes the result.
        name: of the fact.
        records: the images.
        labels: an index with its label, in any order.
        what: where the labels are from.
    """
    said: dict[int, dict[str, str]] = defaultdict(dict)
    for index, label in labels:
        record = records[index]
        said[index if record.duplicate_of is None else record.duplicate_of].setdefault(label, record.key)
    disputes = [by_label for by_label in said.values() if len(by_label) > 1]
    if not disputes:
        return
    rows = [[{"image": key, "label": label} for label, key in by_label.items()] for by_label in disputes]
    named = " and ".join(f"{row['image']!r} as {row['label']}" for row in rows[0])
    overview.add(
        name,
        rows[:MOST_LISTED],
        f"warning: {counted(len(rows), 'image has', 'images have')} exact copies with another label "
        f"({what}), such as {named}; decide which is right",
    )


def shown_counts(counts: Mapping[str, int]) -> str:
    """Write classes with their counts, in the order of their names; many are cut short."""
    rows = sorted(counts.items())
    named = [f"{name} {count:,}" for name, count in rows[:SHOWN_CLASSES]]
    return ", ".join(named) + _rest(len(rows))


def shown_names(names: Sequence[str]) -> str:
    """Write classes; many are cut short."""
    return ", ".join(names[:SHOWN_CLASSES]) + _rest(len(names))


def _rest(count: int) -> str:
    return f" and {count - SHOWN_CLASSES:,} more" if count > SHOWN_CLASSES else ""
