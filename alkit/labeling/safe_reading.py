"""Files from elsewhere: read whole up to a limit, parsed as JSON or XML, never unpacked or followed.

XML may have no document type. Entities, which can expand or load other files, need one, and no labeling tool
writes one; so refusing it protects as well as a package against such attacks.
"""

from __future__ import annotations

import json
import os
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
MEMBERS_SHOWN = 5
MOST_TOKEN = 2**20  # bytes of a tag or comment: the parser begins anew with each piece until one ends
PIECE = 2**16  # bytes of XML, whose elements are in memory at once


class Element(NamedTuple):
    """The beginning or the end of an XML element; the end has its text, if it has no elements inside."""

    name: str
    attributes: dict[str, str]
    begins: bool
    text: str = ""


class Part(NamedTuple):
    """A file, or a member of an archive: its name and content."""

    name: str
    content: bytes


def read_text(path: Path) -> bytes:
    """Read a file.

    Raises:
        InvalidAnswers: it cannot be read, or is too large.
    """
    return read_parts(path, "")[0].content


def read_parts(path: Path, ending: str, *, most_of_member: int | None = None) -> list[Part]:
    """Read a file, or the matching members of a ZIP archive, in whatever folder; nothing is written.

    What a Mac adds to an archive (`__MACOSX/`, `._NAME`) does not count.

    Args:
        path: the file.
        ending: how the names of the members end; if empty, an archive is read as a plain file.
        most_of_member: bytes that all members together may have; as a file if None.

    Raises:
        InvalidAnswers: it cannot be read, is too large, or is an archive without such a member.
    """
    try:
        check_regular(path)
        if ending and zipfile.is_zipfile(path):
            return _members(path, ending, MAX_BYTES if most_of_member is None else most_of_member)
        with open(path, "rb") as file:
            return [Part(path.name, _bounded(file, MAX_BYTES, path))]
    except FileNotFoundError:
        raise InvalidAnswers(f"there is no file {path}") from None
    except OSError as error:
        raise InvalidAnswers(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise InvalidAnswers(f"{path} cannot be read as a ZIP archive: {error}") from error


def read_tree(path: Path, ending: str) -> list[Part]:
    """Read the matching files below a folder, sorted, or as `read_parts`; names are relative to the folder.

    Links to folders are not followed.

    Raises:
        InvalidAnswers: as `read_parts`, or they are too large together.
    """
    if not path.is_dir():
        return read_parts(path, ending)
    parts: list[Part] = []
    most = MAX_BYTES
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            shown = file.relative_to(path).as_posix()
            if name.lower().endswith(ending) and not _is_litter(shown):
                parts.append(Part(shown, read_parts(file, "")[0].content))
                most -= len(parts[-1].content)
                if most < 0:
                    raise InvalidAnswers(
                        f"the files in {path} are over the limit of {MAX_BYTES:,} bytes; export fewer images "
                        "at once"
                    )
    return parts


def _members(path: Path, ending: str, most: int) -> list[Part]:
    parts: list[Part] = []
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not _is_litter(info.filename)]
        found = [info for info in members if info.filename.lower().endswith(ending)]
        if not found:
            names = ", ".join(info.filename for info in members[:MEMBERS_SHOWN]) or "nothing"
            more = ", ..." if len(members) > MEMBERS_SHOWN else ""
            raise InvalidAnswers(f"{path} should contain a file {ending}, but contains {names}{more}")
        for info in found:
            with archive.open(info) as file:
                parts.append(Part(info.filename, _bounded(file, most, path)))
            most -= len(parts[-1].content)
    return parts


def _is_litter(name: str) -> bool:
    *folders, last = name.rstrip("/").split("/")
    return "__MACOSX" in folders or last.startswith("._") or name.endswith("/")


def _bounded(file: IO[bytes], most: int, path: Path) -> bytes:
    content = file.read(most + 1)
    if len(content) > most:
        raise InvalidAnswers(f"{path} is over the limit of {most:,} bytes; export fewer images at once")
    return content


def load_json(path: Path) -> Any:
    """Read a JSON file; do not change what is returned.

    Raises:
        InvalidAnswers: as `read_text`, or it is not JSON in UTF-8.
    """
    return _loaded(path, read_text(path))


def load_json_parts(path: Path, ending: str = ".json") -> list[tuple[str, Any]]:
    """Read a JSON file, or all such members of an archive, with their names; do not change what is returned.

    Raises:
        InvalidAnswers: as `read_parts`, or one is not JSON in UTF-8.
    """
    parts = read_parts(path, ending, most_of_member=MAX_JSON_MEMBER)
    return [(part.name, _loaded(path, part.content)) for part in parts]


def _loaded(path: Path, content: bytes) -> Any:
    try:
        return _parsed(content)
    except (ValueError, RecursionError) as error:
        raise InvalidAnswers(f"{path} cannot be read as JSON in UTF-8: {error}") from error


@lru_cache(maxsize=2)  # several formats look at a file before one of them reads it
def _parsed(content: bytes) -> Any:
    return json.loads(content.decode("utf-8-sig"))


def elements(path: Path, ending: str) -> Iterator[Element]:
    """Yield the elements of an XML file, or of such members of an archive, as they begin and end.

    Raises:
        InvalidAnswers: as `read_parts`, or it is not well-formed XML, or declares a document type.
    """
    for part in read_parts(path, ending):
        yield from elements_of(path, part.content)


def elements_of(path: Path, content: bytes) -> Iterator[Element]:
    """Yield the elements of the content of an XML file.

    Args:
        path: where it is from, for messages.
        content: of the file.

    Raises:
        InvalidAnswers: as `elements`.
    """
    seen: list[Element] = []
    words: list[str] = []
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise InvalidAnswers(
            f"{path} declares a document type, which no labeling tool does; export the answers again"
        )

    parser.StartDoctypeDeclHandler = refuse

    def begin(name: str, attributes: dict[str, str]) -> None:
        words.clear()
        seen.append(Element(name, attributes, True))

    def end(name: str) -> None:
        seen.append(Element(name, {}, False, "".join(words)))
        words.clear()

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = words.append
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
