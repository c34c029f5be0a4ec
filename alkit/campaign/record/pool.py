"""The state of a pool: which images are labeled, asked, set aside or free to be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.data.image_list import listed
from alkit.utils.counts import counted

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices
    from alkit.data.preprocessing import ImageRecord
    from alkit.interfaces.oracle import Answer


def aside_in_words(counts: Mapping[str, int]) -> list[str]:
    """Say how many images are out of reach for each reason that `Pool.set_aside` gives, if any are."""
    return [
        counted(count, "exact copy", "exact copies") if reason == "duplicates" else f"{count:,} {reason}"
        for reason, count in counts.items()
        if count
    ]


class Pool:
    """Which images are labeled, and with what answer; indices are always positions in the whole pool.

    Args:
        size: images in the pool.
        unusable: indices that cannot be read.
        duplicates: indices of exact copies, with the index of the first.
    """

    def __init__(
        self, size: int, *, unusable: Iterable[int] = (), duplicates: dict[int, int] | None = None
    ) -> None:
        self.size = size
        self.duplicates = dict(duplicates or {})
        self._usable = np.ones(size, dtype=bool)
        self._usable[list(unusable)] = False
        self._distinct = np.ones(size, dtype=bool)
        self._distinct[list(self.duplicates)] = False
        self._answers: dict[int, Answer] = {}
        self._asked: set[int] = set()
        self._passed: set[int] = set()
        self._lost: set[int] = set()
        self._removed: set[int] = set()
        self._stand_ins: dict[int, int] = {}
        self._copied: dict[int, int] = {}

    def original(self, index: int) -> int:
        """Return the image that stands for `index`: itself, or the first of its exact copies."""
        return self.duplicates.get(index, index)

    def ask(self, indices: Iterable[int]) -> None:
        """Set images aside until they are answered."""
        self._asked.update(int(index) for index in indices)

    def waiting_for(self, indices: Iterable[int]) -> list[int]:
        """Return those that are asked and not yet answered."""
        return [int(index) for index in indices if int(index) in self._asked]

    def withdraw(self, indices: Iterable[int]) -> None:
        """Give back images that were asked for and not answered."""
        self._asked.difference_update(int(index) for index in indices)

    def mark_missing(self, indices: Iterable[int]) -> None:
        """Set aside images that can no longer be read; do not wait for them.

        The first exact copy that is left takes the place of a lost image, and its answers.
        """
        lost = [int(index) for index in indices]
        self._usable[lost] = False
        self._lost.update(lost)
        self._asked.difference_update(lost)
        for copy, first in sorted(self.duplicates.items()):
            if first in self._lost and copy not in self._lost:
                stand_in = self._stand_ins.setdefault(first, copy)
                del self.duplicates[copy]
                if stand_in == copy:
                    self._distinct[copy] = True
                else:
                    self.duplicates[copy] = stand_in

    def mark_found(self, indices: Iterable[int]) -> None:
        """Take images back that were lost."""
        found = [int(index) for index in indices]
        self._usable[found] = True
        self._lost.difference_update(found)

    def remove(self, indices: Iterable[int]) -> None:
        """Take images out of the campaign; do not wait for them."""
        removed = {int(index) for index in indices}
        self._removed |= removed
        self._asked -= removed

    def put_back(self, indices: Iterable[int]) -> None:
        """Take removed images in again."""
        self._removed.difference_update(int(index) for index in indices)

    @property
    def removed(self) -> Set[int]:
        """Images that are not part of the campaign any more."""
        return frozenset(self._removed)

    def skip(self, indices: Iterable[int]) -> None:
        """Close asked images for which an oracle has no answer."""
        passed = [int(index) for index in indices]
        self._asked.difference_update(passed)
        self._passed.update(passed)

    def answer(self, index: int, answer: Answer) -> None:
        """Take an answer that was waited for; it replaces an earlier one."""
        self.set_label(index, answer)
        self.close(index)

    def set_label(self, index: int, answer: Answer) -> None:
        """Set the current answer; an image that is asked for again stays asked."""
        self._answers[self.canonical_index(index)] = answer

    def copy_label(self, index: int, source: int) -> None:
        """Give an image the label of another, unless it has an answer or waits for one."""
        index, answer = self.canonical_index(index), self.answer_of(source)
        if answer is None or answer.kind != "label" or index in self._asked or index in self._answers:
            return
        self._answers[index] = replace(answer, annotator="", time="", cost=None)
        self._copied[index] = int(source)

    @property
    def by_people(self) -> int:
        """Labels that people gave: those that are no copies."""
        return len(self.labeled) - len(self.copied)

    @property
    def copied(self) -> Mapping[int, int]:
        """Labeled images whose label is a copy, with the image that it is from."""
        there = self._usable
        return {i: k for i, k in self._copied.items() if there[i] and i not in self._removed}

    def close(self, index: int) -> None:
        """Stop waiting for an image, because somebody has answered."""
        self._asked.discard(self.canonical_index(index))

    def answer_of(self, index: int) -> Answer | None:
        """Return the current answer, or None."""
        return self._answers.get(self.canonical_index(index))

    def canonical_index(self, index: int) -> int:
        """Return the image that keeps the answers to `index`: itself, or the copy in a lost one's place."""
        return self._stand_ins.get(int(index), int(index))

    @property
    def labeled(self) -> Indices:
        """Readable images with a label, ascending."""
        kept = (i for i, a in self._answers.items() if a.kind == "label" and self._usable[i])
        return self._where({i for i in kept if i not in self._removed})

    @property
    def no_label(self) -> Indices:
        """Readable images that people judged unusable, or on which they abstained, ascending."""
        kept = (i for i, a in self._answers.items() if a.kind != "label" and self._usable[i])
        return self._where({i for i in kept if i not in self._removed})

    @property
    def values(self) -> list[Any]:
        """The labels, in the order of `labeled`."""
        return [self._answers[int(index)].value for index in self.labeled]

    @property
    def pending(self) -> Indices:
        """Asked and not yet answered, ascending."""
        return self._where(self._asked)

    @property
    def lost(self) -> Indices:
        """Not readable any more, ascending."""
        return self._where(self._lost)

    @property
    def set_aside(self) -> dict[str, int]:
        """How many images are out of reach, by reason."""
        kinds = [answer.kind for i, answer in self._answers.items() if i not in self._removed]
        removed = {"removed": len(self._removed)} if self._removed else {}
        return {
            "unreadable": int((~self._usable).sum()),
            "duplicates": len(self.duplicates),
            "abstained": kinds.count("abstain"),
            "judged unusable": kinds.count("unusable"),
            **removed,
        }

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """[size] bool: readable, not removed, and not a copy of an earlier image."""
        usable: npt.NDArray[np.bool_] = self._usable & self._distinct
        usable[list(self._removed)] = False
        return usable

    @property
    def candidates(self) -> Indices:
        """What a strategy may choose, ascending: usable, distinct, neither answered nor asked."""
        free = self.usable
        free[list(self._answers)] = False
        free[list(self._asked)] = False
        return np.flatnonzero(free).astype(np.int64)

    @property
    def answerable(self) -> Indices:
        """The candidates without those that an oracle left unanswered, ascending: what a run may choose."""
        return np.setdiff1d(self.candidates, self._where(self._passed))

    def _where(self, indices: set[int]) -> Indices:
        return np.array(sorted(indices), dtype=np.int64)


def make_pool(records: Sequence[ImageRecord]) -> Pool:
    """Return the pool of a list of images, nothing asked or answered."""
    aside = listed(records).set_aside
    return Pool(
        len(records),
        unusable=[row.index for row in aside if row.unusable is not None],
        duplicates={row.index: row.duplicate_of for row in aside if row.duplicate_of is not None},
    )
