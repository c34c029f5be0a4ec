"""Label Studio's flat exports, CSV and JSON-MIN: one record for each annotation, without skipped ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alkit.errors import InvalidAnswers
from alkit.interfaces import Reply
from alkit.labeling import UNUSABLE, GivenAnswer, as_index, as_number, in_order, read_table

from ..class_sets import text_of

CONTROL = "choice"
"""The name of the question about the class in alkit's own labeling configuration."""
FLAT_KINDS = frozenset({"class", "classes", "number"})
TABLES = (".csv", ".tsv")
OWN = frozenset({"annotator", "annotation_id", "created_at", "updated_at", "lead_time", "id", "agreement"})
"""What Label Studio adds to the data of a task and the answers."""
MARKS = frozenset({"annotation_id", "annotator", "lead_time"})
"""What tells such a record from any other."""


def is_exported_table(header: Sequence[str]) -> bool:
    """Say whether a table has the columns of an export."""
    return set(header) >= MARKS


def is_flat(content: Sequence[Any]) -> bool:
    """Say whether these are the records of a JSON-MIN export."""
    return bool(content) and all(isinstance(row, dict) and set(row) >= MARKS for row in content)


def header_of(path: Path) -> Sequence[str]:
    """Return the columns of a table; none if it cannot be read."""
    try:
        return read_table(path, most=0).header
    except InvalidAnswers:
        return []


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the records of a table."""
    table = read_table(path)
    return [dict(zip(table.header, row.cells, strict=False)) for row in table.rows]


def flat_replies(
    records: Sequence[Mapping[str, Any]], named: str, *, lead_time: bool, kind: str = "class"
) -> Reply:
    """Read records: one answer each, in order of time.

    Args:
        records: what was exported.
        named: the file, for messages.
        lead_time: record the seconds that an annotation took as its cost.
        kind: of the labels.

    Raises:
        InvalidAnswers: no field answers the question, or labels are regions.
    """
    if kind not in FLAT_KINDS:
        raise InvalidAnswers(f"{named} is flat, and regions are more than a field can hold; export as JSON")
    control = _control(records, named, "number" if kind == "number" else CONTROL)
    reply = Reply()
    blank = 0
    for position, record in enumerate(records, start=1):
        number = as_index(str(record.get("id"))) or position
        labels = _chosen(record.get(control))
        if kind == "classes" and labels and labels != [UNUSABLE]:
            labels = [text_of(labels)]
        if not labels:
            blank += 1
        elif len(labels) > 1:
            reply.reject(number, f"should have one choice, not {len(labels)}")
        else:
            try:
                index, hash, image = image_of(record)
            except ValueError as error:
                reply.reject(number, str(error))
                continue
            time = str(record.get("updated_at") or record.get("created_at") or "")
            who = annotator_of({"completed_by": record.get("annotator")})
            cost = seconds_of(record) if lead_time else None
            reply.answers.append(GivenAnswer(number, image, labels[0], who, time, cost, hash, index))
    return Reply(in_order(reply.answers), reply.rejected, blank)


def image_of(data: Mapping[str, Any], uploaded: str = "") -> tuple[int | None, str, str]:
    """Return index, hash and name of the image of a task; the name only where alkit's own marks are missing.

    Raises:
        ValueError: the task names no image.
    """
    index, hash = as_index(str(data.get("alkit_index"))), data.get("alkit_hash")
    if index is not None and isinstance(hash, str) and hash:
        return index, hash, ""
    names = [data.get("image"), *(value for key, value in data.items() if key not in OWN), uploaded]
    for name in names:
        if isinstance(name, str) and "." in name and not name.startswith("data:"):
            return None, "", name
    raise ValueError("names no image: it has no alkit_index and alkit_hash, and no image in its data")


def seconds_of(record: Mapping[str, Any]) -> float | None:
    """Return how long an annotation took, or None."""
    seconds = record.get("lead_time")
    number = None if isinstance(seconds, bool) else as_number(str(seconds))
    return number if number is not None and math.isfinite(number) else None


def annotator_of(annotation: Mapping[str, Any]) -> str:
    """Name an annotator by number, which is the same in files and on servers; empty if none is named."""
    who = annotation.get("completed_by")
    number = as_index(str(who.get("id") if isinstance(who, dict) else who))
    return "" if number is None else f"label-studio-{number}"


def _control(records: Sequence[Mapping[str, Any]], named: str, own: str) -> str:
    """Return the field with the answers: alkit's own, or the only one after the data of the task."""
    keys = list(dict.fromkeys(key for record in records for key in record))
    if own in keys:
        return own
    data = {"image", "alkit_index", "alkit_hash", "alkit_rank", "alkit_query"}
    others = [key for key in keys if key not in OWN | data]
    if len(others) != 1:
        raise InvalidAnswers(
            f"{named} has no field '{own}', but {', '.join(keys) or 'none'}; export as JSON, not as "
            "JSON-MIN or CSV"
        )
    return others[0]


def _chosen(value: Any) -> list[str]:
    """Return the choices of a field: one as text, several as JSON or as an object."""
    if isinstance(value, str) and value.strip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return [value]
    if isinstance(value, dict):
        value = value.get("choices")
    if isinstance(value, list):
        return [str(choice) for choice in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [repr(value)]
    return [value] if isinstance(value, str) and value.strip() else []
