"""Sorting answers: who is meant, what is new, what is a correction, what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alkit.campaign.record.pool import Pool
from alkit.campaign.record.reconcile import (
    IngestReport,
    Standing,
    reconcile_answers,
    reconcile_oracle_answers,
)
from alkit.data.preprocessing import ImageRecord
from alkit.interfaces.labels import ClassLabel, Labels, Number
from alkit.interfaces.oracle import Answer
from alkit.labeling.given_answer import GivenAnswer
from alkit.labeling.rejection import Rejection

HASHES = [f"{number:x}" * 64 for number in range(6)]
RECORDS = [
    ImageRecord(0, "cat/a.png", HASHES[1], 8, 8, None, None),
    ImageRecord(1, "3", HASHES[2], 8, 8, None, None),
    ImageRecord(2, "ü b.png", HASHES[3], 8, 8, None, None),
    ImageRecord(3, "broken.png", HASHES[4], 0, 0, "truncated", None),
    ImageRecord(4, "copy.png", HASHES[1], 8, 8, None, 0),
    ImageRecord(5, "lost.png", "", 0, 0, "no such file", None),
]


def sort(
    *given: tuple[str, str] | GivenAnswer,
    classes: Sequence[str] = ("cat", "dog"),
    new: bool = False,
    before: Mapping[int, Sequence[Answer]] | None = None,
    asked: Sequence[int] = (0, 1, 2),
    location: Path = Path("/pool"),
    said_before: bool = False,
    lost: Sequence[int] = (),
    labels: type[Labels] = ClassLabel,
) -> IngestReport:
    pool = Pool(6, unusable=[3, 5], duplicates={4: 0})
    pool.mark_missing(lost)
    pool.ask(asked)
    answers = [
        answer if isinstance(answer, GivenAnswer) else said_of(line, *answer)
        for line, answer in enumerate(given, 2)
    ]
    return reconcile_answers(
        answers,
        Standing(
            records=RECORDS,
            pool=pool,
            classes=classes,
            location=location,
            previous=lambda index: (before or {}).get(index, ()),
        ),
        labels=labels(classes=classes),
        allow_new_classes=new,
        said_before=said_before,
    )


def said_of(line: int, image: str, label: str) -> GivenAnswer:
    """Return an answer to an image by its index, or by its path."""
    if image.isdigit() and image not in [record.key for record in RECORDS]:
        return GivenAnswer(line, "", label, index=int(image))
    return GivenAnswer(line, image, label)


def kept(receipt: IngestReport) -> list[tuple[int, str, object]]:
    return [(index, answer.kind, answer.value) for index, answer in receipt.kept]


def test_a_label_with_spaces_around_it_is_that_class_or_the_one_without() -> None:
    receipt = sort(("0", " cat"), ("3", " dog "), ("2", " abstain"), classes=(" cat", "cat", "dog"))
    assert kept(receipt) == [(0, "label", " cat"), (1, "label", "dog"), (2, "abstain", None)]
    assert sort(("0", " rde "), classes=("red",)).rejected[0].reason.startswith("there is no class 'rde'")


@pytest.mark.parametrize(
    "given",
    [
        GivenAnswer(2, "", "\ud800", index=0),
        GivenAnswer(2, "", "cat", annotator="a\udcff", index=0),
        GivenAnswer(2, "", "cat", time="\udfff", index=0),
    ],
)
def test_what_utf8_cannot_hold_is_rejected_by_line(given: GivenAnswer) -> None:
    receipt = sort(given, ("2", "dog"), new=True)
    assert kept(receipt) == [(2, "label", "dog")]
    assert receipt.new_classes == ()
    (entry,) = receipt.rejected
    assert (entry.line, entry.kind) == (2, "not-text")
    assert re.match("'index 0' has .*UTF-8", entry.reason)


def test_what_utf8_cannot_hold_is_not_taken_from_an_oracle_either() -> None:
    oracle: Any = SimpleNamespace(classes=("cat", "\ud800"))
    said = {0: Answer("label", "\ud800"), 1: Answer("label", "cat")}
    standing = Standing(
        records=RECORDS, pool=Pool(6), classes=(), location=Path("/pool"), previous=lambda _: ()
    )
    receipt = reconcile_oracle_answers(said, [0, 1], oracle, standing, labels=ClassLabel())
    assert (kept(receipt), receipt.new_classes) == ([(1, "label", "cat")], ("cat",))
    assert receipt.rejected[0].reason.startswith("image 0 has a label")


def test_answers_are_kept_in_order() -> None:
    receipt = sort(("ü b.png", "dog"), ("0", "cat"), ("3", "abstain"))
    assert kept(receipt) == [(2, "label", "dog"), (0, "label", "cat"), (1, "abstain", None)]
    assert (receipt.unasked, receipt.corrected, receipt.unchanged, receipt.rejected) == (0, 0, 0, ())


def test_what_nobody_asked_for_is_taken_and_counted() -> None:
    receipt = sort(("2", "dog"), asked=[0])
    assert (receipt.accepted, receipt.unasked) == (1, 1)


def test_an_answer_to_a_lost_image_counts_for_the_copy_in_its_place() -> None:
    fresh = sort(("cat/a.png", "cat"), asked=[4], lost=[0])
    assert (kept(fresh), fresh.unasked) == ([(4, "label", "cat")], 0)
    again = sort(("cat/a.png", "cat"), asked=[], lost=[0], before={4: [Answer(value="cat")]})
    assert (kept(again), again.unchanged) == ([], 1)


def test_an_answer_to_a_copy_counts_for_its_original() -> None:
    receipt = sort(("copy.png", "cat"))
    assert kept(receipt) == [(0, "label", "cat")]
    assert receipt.unasked == 0


def test_the_same_again_changes_nothing() -> None:
    receipt = sort(("0", "cat"), before={0: [Answer("label", "cat")]})
    assert (receipt.accepted, receipt.unchanged) == (0, 1)


def test_another_answer_is_a_correction() -> None:
    receipt = sort(("0", "dog"), before={0: [Answer("label", "cat")]})
    assert (kept(receipt), receipt.corrected) == ([(0, "label", "dog")], 1)
    receipt = sort(("0", "abstain"), before={0: [Answer("label", "cat")]})
    assert (kept(receipt), receipt.corrected) == ([(0, "abstain", None)], 1)


def test_a_correction_taken_back_is_another_correction() -> None:
    receipt = sort(("0", "cat"), before={0: [Answer("label", "cat"), Answer("label", "dog")]})
    assert (receipt.accepted, receipt.corrected, receipt.unchanged) == (1, 1, 0)


def test_the_same_file_again_takes_no_correction_of_somebody_else_back() -> None:
    before = [Answer("label", "cat", "ann"), Answer("label", "dog", "bob")]
    file = [GivenAnswer(2, "", "cat", "ann", index=0), GivenAnswer(3, "", "dog", "bob", index=0)]
    for given in (file, file[:1]):
        receipt = sort(*given, before={0: before})
        assert (receipt.accepted, receipt.corrected, receipt.unchanged) == (0, 0, len(given))


def test_the_same_file_again_is_harmless_where_a_line_corrects_another() -> None:
    before = [Answer("label", "cat"), Answer("label", "dog")]
    receipt = sort(("0", "cat"), ("0", "dog"), before={0: before})
    assert (receipt.accepted, receipt.corrected, receipt.unchanged) == (0, 0, 2)


@pytest.mark.parametrize(
    ("time", "accepted"),
    [
        ("2026-05-01T10:00:01Z", 1),
        ("2026-05-01T10:00:00.000Z", 0),
        ("2026-05-01", 0),
        ("2026-05-01T12:30:00+02:00", 1),
        ("2026-05-01T11:30:00+02:00", 0),
        ("yesterday", 0),
        ("", 0),
    ],
)
def test_the_same_said_later_is_said_again(time: str, accepted: int) -> None:
    before = [Answer("label", "cat", "ann", "2026-05-01T10:00:00Z"), Answer("label", "dog", "bob")]
    receipt = sort(GivenAnswer(2, "", "cat", "ann", time, index=0), before={0: before})
    assert (receipt.accepted, receipt.corrected) == (accepted, accepted)


def test_known_labels_given_again_revert_no_correction() -> None:
    before = [Answer("label", "cat"), Answer("label", "dog")]
    assert sort(("0", "cat"), before={0: before}, said_before=True).unchanged == 1
    assert sort(("0", "abstain"), before={0: before}, said_before=True).corrected == 1


def test_a_second_annotator_who_agrees_is_kept_and_corrects_nothing() -> None:
    given = GivenAnswer(2, "", "cat", annotator="bob", index=0)
    receipt = sort(given, before={0: [Answer("label", "cat", annotator="ann")]})
    assert (receipt.accepted, receipt.corrected, receipt.unchanged) == (1, 0, 0)


def test_within_one_file_the_later_line_corrects_the_earlier() -> None:
    receipt = sort(("0", "cat"), ("0", "dog"), ("0", "dog"))
    assert kept(receipt) == [(0, "label", "cat"), (0, "label", "dog")]
    assert (receipt.corrected, receipt.unchanged) == (1, 1)


def test_what_is_no_image_or_no_good_is_refused_by_line() -> None:
    receipt = sort(("nope.png", "cat"), ("0", "cat"), ("broken.png", "cat"))
    assert receipt.accepted == 1
    assert receipt.rejected == (
        Rejection(2, "'nope.png' is not an image of this pool", "unknown-image"),
        Rejection(4, "'broken.png' cannot be used: truncated", "unusable-image"),
    )


def test_a_rejection_says_of_which_kind_it_is() -> None:
    found = sort(("nope.png", "cat"), ("broken.png", "cat"), ("0", "catt"), ("1", "\ud800"))
    assert [(entry.line, entry.kind) for entry in found.rejected] == [
        (2, "unknown-image"),
        (3, "unusable-image"),
        (4, "unknown-class"),
        (5, "not-text"),
    ]
    assert sort(("0", "x"), labels=Number).rejected[0].kind == "invalid-label"


def test_a_typo_is_no_class_but_gets_the_nearest_name() -> None:
    receipt = sort(("0", "catt"), ("1", "zebra"), ("2", "Dog"))
    assert receipt.accepted == 0
    facts = (
        "no class 'catt'.* 'cat'",
        r"no class 'zebra'.* cat, dog; .*'alkit classes add'$",
        "no class 'Dog'.* 'dog'",
    )
    assert all(re.search(fact, entry.reason) for fact, entry in zip(facts, receipt.rejected, strict=True))


def test_without_any_class_the_option_is_named() -> None:
    assert "--allow-new-classes" in sort(("0", "cat"), classes=()).rejected[0].reason


def test_new_classes_are_taken_when_allowed() -> None:
    receipt = sort(("0", "zebra"), ("1", "emu"), ("2", "zebra"), new=True)
    assert receipt.accepted == 3
    assert receipt.new_classes == ("zebra", "emu")


def test_abstain_is_a_label_where_a_class_is_called_so() -> None:
    assert kept(sort(("0", "abstain"), classes=("abstain", "cat"))) == [(0, "label", "abstain")]
    assert kept(sort(("0", "abstain"), new=True)) == [(0, "abstain", None)]
    assert kept(sort(("0", "unusable"))) == [(0, "unusable", None)]


def test_who_when_and_what_it_cost_are_kept() -> None:
    given = GivenAnswer(2, "", "cat", "ann", "2026-01-01T00:00:00Z", 0.5, index=0)
    ((_, answer),) = sort(given).kept
    assert answer == Answer("label", "cat", "ann", "2026-01-01T00:00:00Z", 0.5)
