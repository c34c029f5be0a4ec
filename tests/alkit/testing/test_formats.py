"""Each check of a format fails one that was broken on purpose."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from alkit.interfaces.labels import PLAIN_KINDS
from alkit.plugin import registry
from alkit.testing.formats import CHECKS, FormatSubject, check_format
from alkit.testing.results import Nonconforming

Lines: Any = registry.formats.get("jsonl")
Folders: Any = registry.formats.get("folders")


class Nameless(Lines):
    extensions = ()


class Unrecognized(Lines):
    def recognizes(self, path):
        return False


class WritesMoreThanItSays(Lines):
    def write(self, export, path):
        more = path.with_suffix(".more")
        more.touch()
        return [*super().write(export, path), more]


class LosesTheLast(Lines):
    def read(self, path):
        reply = super().read(path)
        return dataclasses.replace(reply, answers=reply.answers[:-1])


class OneBesides(Lines):
    def read(self, path):
        reply = super().read(path)
        return dataclasses.replace(reply, answers=[*reply.answers, *reply.answers[:1]])


class CountsNoBlanks(Lines):
    def read(self, path):
        return dataclasses.replace(super().read(path), blank=0)


class ByRank(Lines):
    def write(self, export, path):
        items = [dataclasses.replace(item, index=item.rank - 1) for item in export.items]
        return super().write(dataclasses.replace(export, items=items), path)


class BelievesAnyHash(Lines):
    def read(self, path):
        reply = super().read(path)
        known = [dataclasses.replace(a, image=f"{a.image}.png", hash="") for a in reply.answers]
        return dataclasses.replace(
            reply, answers=known + [dataclasses.replace(known[0], image="")] * bool(known)
        )


class Traceback(Lines):
    def read(self, path):
        path.read_text().index("{")
        return super().read(path)


class TakesAll(Lines):
    def recognizes(self, path):
        return True


class HardLinks(Folders):
    def write(self, export, path):
        written = super().write(export, path)
        for item in export.items:
            os.link(item.file, path / item.name)
        return written


class Improves(Lines):
    def write(self, export, path):
        export.items[0].file.write_bytes(b"better")
        return super().write(export, path)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Nameless, "name"),
        (Unrecognized, "nothing_answered"),
        (CountsNoBlanks, "nothing_answered"),
        (WritesMoreThanItSays, "nothing_answered"),
        (LosesTheLast, "every_answer_arrives"),
        (OneBesides, "every_answer_arrives"),
        (ByRank, "every_answer_arrives"),
        (BelievesAnyHash, "foreign_answers_refused"),
        (Traceback, "rubbish_refused"),
        (TakesAll, "other_files_left"),
        (HardLinks, "originals_stay"),
        (Improves, "originals_stay"),
    ],
)
def test_each_check_catches_what_it_is_for(broken: Any, check: str, tmp_path: Path) -> None:
    (run,) = [known for known in CHECKS if known.__name__ == check]
    run(FormatSubject(Lines, {}, tmp_path / "good"))
    with pytest.raises(Nonconforming):
        run(FormatSubject(broken, {}, tmp_path / "broken"))


def test_without_pytest_every_check_has_a_result() -> None:
    results = check_format("jsonl")
    further = 2 * (len(PLAIN_KINDS) - 1)  # those of answers, for each other kind of labels
    assert [result.ok for result in results] == [True] * (len(CHECKS) + further)
    _, *others = PLAIN_KINDS
    assert [result.check for result in check_format(LosesTheLast) if not result.ok] == [
        "every-answer-arrives",
        *(f"every-answer-arrives ({kind})" for kind in others),
    ]
