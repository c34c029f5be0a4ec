"""The images that answers name, by path, file name, hash or index."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from alkit.data.image_list import listed

from .given_answer import GivenAnswer, as_number
from .image_paths import Parts, from_here, parts, readings
from .rejection import Rejection

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord


SHORTEST_HASH = 8
SHOWN = 3  # candidates in a message
MOST_COMPARED = 20_000  # names, to look for one that is near
MOST_SUGGESTED = 20  # times in one file
NEAR = 0.8  # as difflib measures likeness

Maker = Callable[[str], str]


class UnknownImageError(ValueError):
    """No image, or not just one, is meant; the text says why."""


class TwoNamesError(UnknownImageError):
    """A name that an image has now, and another one had before files were renamed."""

    def __init__(self, name: str, now: int, before: int) -> None:
        super().__init__(
            f"'{name}' is the name of image {now} now and was the name of image {before} before files were "
            "renamed; say which by its index or hash"
        )
        self.images = (now, before)


@dataclass(frozen=True, slots=True)
class Match:
    """An image that a path names.

    Attributes:
        index: position in the pool.
        outside: what the path has in front of the image's path from the pool.
        rooted: `outside` ends in the folder of the pool, by its name.
    """

    index: int
    outside: Parts = ()
    rooted: bool = False


class References:
    """Finds the images of a pool.

    In this order: the path from the pool as written; a hash or its first eight digits or more; the path from
    `folders`, from the folder of the pool, or from the root of another machine; the end of exactly one path
    of the pool, such as the file's name; the same without regard to upper and lower case; the name without
    its suffix; a number, where names are numbers (`1.0` and `0001.png`). A bare number is never an index.

    Args:
        records: the frozen list of images.
        location: the pool's folder or file.
        folders: where relative paths may start besides, such as the folder of the file that names images.
        former: the image that had a name before it was renamed, by that name. Where another image has the
            name now, it names neither, unless an index or a hash says which.
    """

    def __init__(
        self,
        records: Sequence[ImageRecord],
        location: Path,
        folders: Sequence[Path] = (),
        former: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._records = listed(records)
        self._root = location.parent if location.is_file() else location
        self._folders = (*folders, Path())
        self._former = former
        self._suggested = 0

    @property
    def renamed(self) -> bool:
        """Whether a name may mean an image that was called so before."""
        return bool(self._former)

    def find(self, given: GivenAnswer) -> int:
        """Return the index of the image that an answer names.

        Raises:
            UnknownImageError: no image or several fit, or what the answer says of its image is contradictory.
        """
        return self._match(given).index

    def find_all(self, answers: Iterable[GivenAnswer]) -> list[int | Rejection]:
        """Return the index of each answer's image, or why there is none.

        Of the lines of one file, two that name files of different folders outside the pool (`train/1.png`,
        `test/1.png`) never mean the same image; and if the folder of some is the pool's by its name, the
        others mean no image of the pool.
        """
        answers = list(answers)
        found: list[Match | Rejection] = []
        folders: dict[int, set[Parts]] = defaultdict(set)
        rooted = False
        for given in answers:
            try:
                match = self._match(given)
            except UnknownImageError as error:
                found.append(Rejection(given.line, str(error), "unknown-image"))
            else:
                found.append(match)
                folders[match.index].add(match.outside)
                rooted |= match.rooted
        places: list[int | Rejection] = []
        for one, given in zip(found, answers, strict=True):
            if isinstance(one, Rejection):
                places.append(one)
            elif one.outside and not one.rooted and (rooted or len(folders[one.index]) > 1):
                places.append(self._elsewhere(given, one))
            else:
                places.append(one.index)
        return places

    def _elsewhere(self, given: GivenAnswer, match: Match) -> Rejection:
        return Rejection(
            given.line,
            f"'{given.named}' is in '{'/'.join(match.outside)}', but other lines name files elsewhere; "
            f"if it is '{self._key(match.index)}', write that",
            "unknown-image",
        )

    def _match(self, given: GivenAnswer) -> Match:
        """Find an image by everything that an answer says of it."""
        said: list[tuple[str, set[int]]] = []
        matches: list[Match | None] = []  # None: by a name that two images have had
        if given.hash:
            same = self._with_hash(given.hash)
            if not same:
                raise UnknownImageError(f"'{given.named}' with hash {given.hash[:8]}... is not in this pool")
            said.append((f"hash {given.hash[:8]}...", same))
        if given.index is not None:
            if not 0 <= given.index < len(self._records):
                raise UnknownImageError(
                    f"index {given.index} is not an image of this pool, which has {len(self._records):,}"
                )
            said.append((f"index {given.index}", {given.index}))
        missed: UnknownImageError | None = None
        for text in filter(None, (given.image, *given.others)):
            try:
                named = self.named(text)
            except TwoNamesError as error:
                missed = missed or error
                if given.index is not None or given.hash:
                    said.append((f"'{text}'", set(error.images)))
                    matches.append(None)
            except UnknownImageError as error:
                missed = missed or error
            else:
                matches.append(named)
                said.append((f"'{text}'", {named.index}))
        if missed and not matches and not given.hash:
            raise missed
        if not said:
            raise UnknownImageError("names no image")
        common = set.intersection(*(images for _, images in said))
        if not common:
            listed = ", ".join(f"{name} is '{self._key(min(images))}'" for name, images in said)
            raise UnknownImageError(f"contradicts itself: {listed}")
        first = next(iter(matches), None)
        return Match(min(common)) if first is None else first

    def named(self, text: str) -> Match:
        """Return the image that a path, a file name or a hash means.

        Raises:
            UnknownImageError: no image fits, or several do.
        """
        for written in (text, text.strip()):
            if (index := self._either(written)) is not None:
                return Match(index)
        if len(hashed := self._with_hash(text.strip().lower())) > 0:
            return Match(min(hashed))
        for path in from_here(text.strip(), self._folders, self._root):
            if (index := self._either(path)) is not None:
                return Match(index)
        for alike in self._likenesses:
            for reading in readings(text.strip()):
                if (match := self._ending(reading, alike, text)) is not None:
                    return match
        if (number := as_number(text.strip())) is not None and len(same := self._numbers[number]) == 1:
            return Match(same[0])
        raise UnknownImageError(f"'{text}' is not an image of this pool{self._near(text)}")

    def _either(self, key: str) -> int | None:
        """Return the image that has a name now, or had it before files were renamed.

        Raises:
            TwoNamesError: one image has it, and another one had it.
        """
        now, before = self._records.index_of(key), self._former.get(key)
        if now is not None and before is not None and now != before:
            raise TwoNamesError(key, now, before)
        return before if now is None else now

    def _ending(self, path: Parts, alike: Likeness, text: str) -> Match | None:
        """Find the image whose path ends like a path, one of the two being the end of the other."""
        path = alike.path(path)
        fitting: list[Match] = []
        longest = 0
        for index in alike.by_name.get(path[-1], ()):
            key = alike.key(self._key(index))
            length = min(len(path), len(key))
            if path[-length:] != key[-length:]:
                continue
            outside = path[: len(path) - length]
            if length > longest:
                fitting, longest = [], length
            if length == longest:
                fitting.append(Match(index, outside, outside[-1:] == (self._root.absolute().name,)))
        exact = [match for match in fitting if len(parts(self._key(match.index))) == longest]
        if len(fitting) > 1 and len(exact) != 1:
            raise UnknownImageError(f"'{text}' may be {self._listed(fitting)}; write the path from the pool")
        return next(iter(exact or fitting), None)

    def _with_hash(self, text: str) -> set[int]:
        """Return the images whose hash begins like that; none if they are not copies of one."""
        text = text.strip().lower()
        if len(text) < SHORTEST_HASH or not set(text) <= set("0123456789abcdef"):
            return set()
        return set(self._records.with_hash(text))

    def _near(self, text: str) -> str:
        """Return a suggestion, ready to follow a message."""
        self._suggested += 1
        if len(self._records) > MOST_COMPARED or self._suggested > MOST_SUGGESTED:
            return ""
        reading = next(readings(text.strip()), ())
        if not reading:
            return ""
        name = reading[-1]
        same = self._likenesses[-1].by_name.get(PurePosixPath(name.casefold()).stem, ())
        keys = [self._key(index) for index in same] or difflib.get_close_matches(
            "/".join(reading), self._records.keys, n=1, cutoff=NEAR
        )
        if not keys:
            names = {record.key.rpartition("/")[2]: record.key for record in self._records}
            keys = [names[near] for near in difflib.get_close_matches(name, names, n=1, cutoff=NEAR)]
        return f"; the nearest is '{keys[0]}'" if keys else ""

    def _listed(self, matches: Sequence[Match]) -> str:
        names = [f"'{self._key(match.index)}'" for match in matches[:SHOWN]]
        more = [f"one of {len(matches) - SHOWN} more"] if len(matches) > SHOWN else []
        return " or ".join([*names, *more])

    def _key(self, index: int) -> str:
        return self._records[index].key

    @cached_property
    def _likenesses(self) -> tuple[Likeness, ...]:
        """How names may be compared, the strictest first."""
        keys = [(record.index, record.key) for record in self._records]
        return tuple(
            Likeness(keys, *how)
            for how in ((str, str), (str.casefold, str), (str, stem), (str.casefold, stem))
        )

    @cached_property
    def _numbers(self) -> dict[float, list[int]]:
        """Images whose names are numbers, by number."""
        same: dict[float, list[int]] = defaultdict(list)
        for record in self._records:
            if (number := as_number(stem(parts(record.key)[-1]))) is not None:
                same[number].append(record.index)
        return same


class Likeness:
    """A way of comparing names: which letters count as the same, and whether the suffix counts."""

    def __init__(self, keys: Sequence[tuple[int, str]], fold: Maker, shorten: Maker) -> None:
        self._fold, self._shorten = fold, shorten
        self.by_name: dict[str, list[int]] = defaultdict(list)
        for index, key in keys:
            if path := parts(key):
                self.by_name[fold(shorten(path[-1]))].append(index)

    def path(self, path: Parts) -> Parts:
        """Return a path in the form that is compared."""
        return tuple(map(self._fold, path))

    def key(self, key: str) -> Parts:
        """Return the path of an image in the form that is compared."""
        *folders, name = parts(key)
        return self.path((*folders, self._shorten(name)))


def stem(name: str) -> str:
    """Return a file name without its suffix."""
    return PurePosixPath(name).stem
