"""Answers from labeling tools: detecting the format and matching images of the pool."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.errors import InvalidAnswers, UsageError
from alkit.interfaces.format import Format, Reply
from alkit.labeling.csv_table import GivenAnswer
from alkit.labeling.file_names import DIGITS
from alkit.labeling.rejection import Rejection
from alkit.options import build
from alkit.plugin import registry

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord


def find_format(path: Path, name: str | None = None, given: Mapping[str, Any] | None = None) -> Format:
    """Return the format called `name`, or the one that recognizes a file.

    Raises:
        InvalidAnswers: there is no such file, or no format recognizes it.
        UsageError: several formats do.
    """
    if not path.exists():
        raise InvalidAnswers(f"there is no file {path}")
    if name is not None:
        return build(registry.formats.get(name), given)
    found: list[Format] = []
    broken = ""
    for plugin in registry.formats:
        try:
            known = build(registry.formats.get(f"{plugin.distribution}:{plugin.name}"), {})
            if known.recognizes(path):
                found.append(known)
        except Exception as error:  # a broken format of another plugin must not stop the rest
            said = " ".join(str(error).split())
            broken += f" ({plugin} failed to read it: {type(error).__name__}: {said})"
    if not found:
        listed = ", ".join(sorted({plugin.name for plugin in registry.formats}))
        raise InvalidAnswers(
            f"{path} cannot be read: it looks like none of the formats {listed}{broken}; "
            "name the format with --format"
        )
    if len(found) > 1:
        raise UsageError(f"{path} may be {' or '.join(f.name for f in found)}; name the format with --format")
    return build(type(found[0]), given)


def match(reply: Reply, records: Sequence[ImageRecord], named: str) -> Reply:
    """Match answers that carry a hash with the pool's images, by index and hash and nothing else.

    Args:
        reply: as it was read.
        records: the frozen list of images.
        named: what to call the file.

    Raises:
        InvalidAnswers: none of the images is one of the pool's.
    """
    matched: list[GivenAnswer] = []
    rejected: list[Rejection] = []
    for given in reply.answers:
        if not given.hash:
            matched.append(given)
        elif (record := _record(given, records)) is not None:
            matched.append(dataclasses.replace(given, image=record.key, hash=""))
        else:
            rejected.append(
                Rejection(
                    given.line,
                    f"image {given.image} with hash {given.hash[:8]}... is not in this pool",
                    "unknown-image",
                )
            )
    if rejected and not matched:
        raise InvalidAnswers(
            f"{named} is about images that differ from those of this campaign; ingest it into the "
            "campaign that exported it, or export the query again"
        )
    return Reply(matched, sorted([*reply.rejected, *rejected]), reply.blank)


def _record(given: GivenAnswer, records: Sequence[ImageRecord]) -> ImageRecord | None:
    if not (given.image.isascii() and given.image.isdigit()) or len(given.hash) < DIGITS:
        return None
    index = int(given.image[:10])
    record = records[index] if index < len(records) else None
    return record if record is not None and record.hash.startswith(given.hash) else None
