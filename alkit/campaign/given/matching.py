"""Rows of files and images of a pool: which row is of which image, and which column of which class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.image_list import listed
from alkit.data.positions import Positions
from alkit.errors import InvalidRows
from alkit.labeling.given_answer import GivenAnswer
from alkit.labeling.rejection import Rejection
from alkit.utils.counts import counted

from .files import digest

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices
    from alkit.data.image_list import ImageList
    from alkit.data.preprocessing import ImageRecord
    from alkit.data.rows import NamedRows
    from alkit.labeling.references import References

SHOWN = 3  # images that a message names


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedRows:
    """Rows, and the images that they are of.

    Attributes:
        rows: as they were read.
        values: [N, ...], where a row may be added for images without objects.
        row: [images of the pool] int64, the row of each image; -1 without one.
        record: what the ledger keeps.
        notes: sentences for a person.
        keys: of all images.
    """

    rows: NamedRows
    values: npt.NDArray[Any]
    row: Indices
    keys: Sequence[str]
    record: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def missing(self, indices: Indices) -> Indices:
        """Return those of some images that have no row."""
        return indices[self.row[indices] < 0]

    def refuse(self, missing: Indices, advice: str = "add them") -> None:
        """Name images without a row, and say what to do.

        Raises:
            InvalidRows: always.
        """
        names = ", ".join(f"'{self.keys[index]}'" for index in missing[:SHOWN].tolist())
        more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
        raise InvalidRows(
            f"'{self.rows.place}' has no row for {len(missing):,} of the images that the strategy looks at "
            f"({names}{more}); {advice}"
        )


def match_rows(rows: NamedRows, records: Sequence[ImageRecord], references: References) -> MatchedRows:
    """Find the image of every row, by its name or by the order.

    Raises:
        InvalidRows: there are other numbers of rows and images, none is in the pool, or one is named twice.
    """
    images = listed(records)
    keys = images.keys
    notes = [f"'{rows.place}': {note}" for note in rows.notes]
    with ThreadPoolExecutor(1) as beside:  # both take seconds for millions of rows, mostly outside of Python
        content = beside.submit(digest, rows)
        if rows.names is None:
            row, note = _in_order(rows, keys)
            notes.append(note)
        else:
            row, more = _by_name(rows, rows.names, images, references)
            notes += more
    for image in images.set_aside:  # a copy has the same content, so it has the same row
        if image.duplicate_of is not None and row[image.duplicate_of] < 0:
            row[image.duplicate_of] = row[image.index]
    values = rows.values
    if rows.nameless_is_empty and (row < 0).any():
        empty = np.zeros_like(values[:1])
        empty[:, 0] = 1
        notes.append(
            f"'{rows.place}': "
            f"{counted(int((row < 0).sum()), 'image without a box counts', 'images without a box count')} "
            "as without objects"
        )
        values, row = np.concatenate([values, empty]), np.where(row < 0, len(values), row)
    file = Path(rows.place)
    record = {
        "file": str(file.absolute()) if file.is_file() else rows.place,
        "sha256": content.result(),
        "rows": len(rows),
        "width": rows.width,
        "found_by": "order" if rows.names is None else "name",
    }
    return MatchedRows(rows=rows, values=values, row=row, keys=keys, record=record, notes=notes)


def _in_order(rows: NamedRows, keys: Sequence[str]) -> tuple[Indices, str]:
    if len(rows) != len(keys):
        raise InvalidRows(
            f"'{rows.place}' names no images and has {counted(len(rows), 'row')}, while the pool has "
            f"{counted(len(keys), 'image')}; write the names beside the rows, for example as an array "
            "'images' in an .npz file"
        )
    note = (
        f"'{rows.place}' names no images, so its rows are taken in the order of the pool, "
        f"from '{keys[0]}' to '{keys[-1]}'"
    )
    return np.arange(len(keys)), note


def _by_name(
    rows: NamedRows, names: Sequence[str], records: ImageList, references: References
) -> tuple[Indices, list[str]]:
    more = len(names) - len(records)
    numbered = isinstance(names, Positions)  # so none is there twice
    if (more == 0 or numbered) and not references.renamed and records.are_called(names):
        row = np.arange(len(records))
        if more == 0:
            return row, []
        first = rows.called(len(records))
        return row, [
            f"'{rows.place}': {counted(more, 'row is', 'rows are')} of no image of this pool; the first: "
            f"{first}; 'alkit update' adds them"
        ]
    row = np.full(len(records), -1, dtype=np.int64)
    unknown: list[tuple[int, Rejection]] = []
    given = [GivenAnswer(rows.number(at), name, "") for at, name in enumerate(names)]
    for at, found in enumerate(references.find_all(given)):
        if isinstance(found, Rejection):
            unknown.append((at, found))
            continue
        if row[found] >= 0:
            raise InvalidRows(
                f"'{rows.place}' has two rows for '{records[found].key}': {rows.called(int(row[found]))} and "
                f"{rows.called(at)}; remove one of them"
            )
        row[found] = at
    if not unknown:
        return row, []
    first, reason = rows.called(unknown[0][0]), unknown[0][1].reason
    if len(unknown) == len(rows):
        raise InvalidRows(
            f"none of the {len(rows):,} rows of '{rows.place}' is of an image of this pool: {first}: {reason}"
        )
    return row, [
        f"'{rows.place}': {counted(len(unknown), 'row is', 'rows are')} of no image of this pool; the "
        f"first: {first}: {reason}"
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedClasses:
    """The columns of predictions as classes of a campaign.

    Attributes:
        values: [N, classes, positions...], in the order of the campaign's classes if they are known.
        named: the columns are the campaign's classes.
        added: classes for a campaign that has none yet.
        notes: sentences for a person.
    """

    values: npt.NDArray[Any]
    named: bool
    added: Sequence[str] = ()
    notes: Sequence[str] = ()


def match_classes(
    rows: NamedRows, values: npt.NDArray[Any], classes: Sequence[str], former: Mapping[str, str]
) -> MatchedClasses:
    """Bring the columns of predictions into the order of a campaign's classes.

    Args:
        rows: the file, for its columns and for messages.
        values: [N, columns, positions...].
        classes: of the campaign.
        former: the classes that are meant by former names.

    Raises:
        InvalidRows: a column is of a class that the campaign does not have.
    """
    if rows.columns is None:
        note = (
            f"'{rows.place}' does not say which column is which class, so no predicted class is recorded "
            "and no control is drawn; name the columns, or add --prediction-classes A,B,..."
        )
        return MatchedClasses(values=values, named=False, notes=[] if values.ndim > 2 else [note])
    if not classes:
        return MatchedClasses(values=values, named=True, added=list(rows.columns))
    places: list[int] = []
    for name in rows.columns:
        meant = GivenAnswer(0, "", name).meant([*classes, *former])
        meant = former.get(meant, meant)
        if meant not in classes:
            raise InvalidRows(
                f"'{rows.place}' predicts the class '{name}', which this campaign does not have (its "
                f"classes: {', '.join(classes)}); add it with 'alkit classes add', or leave the column out"
            )
        places.append(list(classes).index(meant))
    if places == list(range(len(classes))):
        return MatchedClasses(values=values, named=True)
    ordered = np.zeros((len(values), len(classes), *values.shape[2:]), dtype=values.dtype)
    for column, place in enumerate(places):  # merged classes have several columns
        ordered[:, place] += values[:, column]
    absent = [name for at, name in enumerate(classes) if at not in places]
    notes = [f"'{rows.place}' has no column for {', '.join(absent)}: probability 0"] if absent else []
    return MatchedClasses(values=ordered, named=True, notes=notes)
