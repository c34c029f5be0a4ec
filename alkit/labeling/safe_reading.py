"""Files from elsewhere: read whole up to a limit, parsed as JSON or XML, never unpacked or followed.

XML may have no document type. Entities, which can expand or load other files, need one, and no labeling tool
writes one; so refusing it protects as well as a package against such attacks.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, NamedTuple
from xml.parsers import expat

from alkit.errors import InvalidAnswers
from alkit.utils.files import check_regular

MAX_BYTES = 2**28  # of a file, or of a member of an archive: images may be embedded in it
MAX_JSON_MEMBER = 2**26  # a small archive may unpack to as much, and JSON takes many times its size in memory
MOST_TOKEN = 2**20  # bytes of a tag or comment: the parser begins anew with each piece until one ends
PIECE = 2**16  # bytes of XML, whose elements are in memory at once


class Element(NamedTuple):
    """The beginning or the end of an XML element."""

    name: str
    attributes: dict[str, str]
    begins: bool


def read_text(path: Path, member: str = "", *, most_of_member: int | None = None) -> bytes:
    """Read a file, or the only matching member of a ZIP archive; nothing is written.

    Args:
        path: the file.
        member: how the name of the member ends.
        most_of_member: bytes that it may have; as a file if None.

    Raises:
        InvalidAnswers: it cannot be read, is too large, or does not hold exactly one such member.
    """
    try:
        check_regular(path)
        if member and zipfile.is_zipfile(path):
            return _member(path, member, MAX_BYTES if most_of_member is None else most_of_member)
        with open(path, "rb") as file:
            return _bounded(file, MAX_BYTES, path)
    except FileNotFoundError:
        raise InvalidAnswers(f"there is no file {path}") from None
    except OSError as error:
        raise InvalidAnswers(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise InvalidAnswers(f"{path} cannot be read as a ZIP archive: {error}") from error


def _member(path: Path, ending: str, most: int) -> bytes:
    with zipfile.ZipFile(path) as archive:
        found = [info for info in archive.infolist() if info.filename.endswith(ending)]
        if len(found) != 1:
            raise InvalidAnswers(f"{path} should hold one file {ending}, but holds {len(found) or 'none'}")
        with archive.open(found[0]) as file:
            return _bounded(file, most, path)


def _bounded(file: IO[bytes], most: int, path: Path) -> bytes:
    content = file.read(most + 1)
    if len(content) > most:
        raise InvalidAnswers(f"{path} is over the limit of {most:,} bytes; export fewer images at once")
    return content


def load_json(path: Path, member: str = "") -> Any:
    """Read a JSON file, or the member of an archive; do not change what is returned.

    Raises:
        InvalidAnswers: as `read_text`, or it is not JSON in UTF-8.
    """
    try:
        return _parsed(read_text(path, member, most_of_member=MAX_JSON_MEMBER))
    except (ValueError, RecursionError) as error:
        raise InvalidAnswers(f"{path} cannot be read as JSON in UTF-8: {error}") from error


@lru_cache(maxsize=1)  # several formats look at a file before one of them reads it
def _parsed(content: bytes) -> Any:
    return json.loads(content.decode("utf-8-sig"))


def elements(path: Path, member: str) -> Iterator[Element]:
    """Yield the elements of an XML file, or of the member of an archive, as they begin and end.

    Raises:
        InvalidAnswers: as `read_text`, or it is not well-formed XML, or declares a document type.
    """
    seen: list[Element] = []
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise InvalidAnswers(
            f"{path} declares a document type, which no labeling tool does; export the answers again"
        )

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: seen.append(Element(name, attributes, True))
    parser.EndElementHandler = lambda name: seen.append(Element(name, {}, False))
    content = read_text(path, member)
    for start in range(0, len(content) + PIECE, PIECE):
        try:
            parser.Parse(content[start : start + PIECE], start >= len(content))
            if min(start + PIECE, len(content)) - parser.CurrentByteIndex > MOST_TOKEN:
                raise InvalidAnswers(
                    f"{path} has a tag or comment of over {MOST_TOKEN:,} bytes; export it again"
                )
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise InvalidAnswers(f"{path} cannot be read as XML: {error}") from error
        yield from seen
        seen.clear()
