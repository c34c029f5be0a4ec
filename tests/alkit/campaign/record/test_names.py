"""Names of images: found again by content, whatever they are called now."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from alkit.campaign.record.names import (
    Matching,
    former_names,
    match_files,
    name_to_list,
    renamed_records,
    renaming,
)
from alkit.data.preprocessing import ImageRecord

RECORDS = [ImageRecord(i, f"{key}.png", key, 8, 8, None, None) for i, key in enumerate("abc")]


def test_nothing_has_changed() -> None:
    keys = ["a.png", "b.png", "c.png"]
    assert match_files(RECORDS, keys, {}) == Matching({}, [], [], [])


def test_a_renamed_image_and_a_new_one() -> None:
    matching = match_files(RECORDS, ["a.png", "c.png", "x.png", "y.png"], {"x.png": "new", "y.png": "b"})
    assert matching == Matching({1: "y.png"}, [], [], ["x.png"])


def test_names_that_were_exchanged() -> None:
    content = {"a.png": "b", "b.png": "a", "c.png": "c"}
    assert match_files(RECORDS, list(content), content) == Matching({0: "b.png", 1: "a.png"}, [], [], [])


def test_a_name_that_another_image_has_taken() -> None:
    content = {"a.png": "new", "b.png": "b", "c.png": "c", "old/a.png": "a"}
    assert match_files(RECORDS, list(content), content) == Matching({0: "old/a.png"}, [], [], ["a.png"])


def test_a_file_that_was_changed_is_no_new_image() -> None:
    content = {"a.png": "edited", "b.png": "b"}
    assert match_files(RECORDS, list(content), content) == Matching({}, [0], [2], [])


def test_copies_go_by_their_base_name() -> None:
    content = {"1/z.png": "a", "2/a.png": "a", "b.png": "b", "c.png": "c"}
    assert match_files(RECORDS, list(content), content) == Matching({0: "2/a.png"}, [], [], ["1/z.png"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from("abcxy"), min_size=1, max_size=6), st.permutations(list(range(6))))
def test_every_image_is_where_its_content_is(contents: list[str], order: list[int]) -> None:
    names = ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png"]
    content = {names[at]: what for at, what in zip(order, contents, strict=False)}
    present = sorted(content)
    matching = match_files(RECORDS, present, content)
    where = {r.index: matching.renamed.get(r.index, r.key) for r in RECORDS}
    for record in RECORDS:
        if record.index not in (*matching.missing, *matching.changed):
            assert content[where[record.index]] == record.hash
        else:
            assert record.hash not in {content[key] for key in matching.fresh}
    known = [where[i] for i in where if i not in matching.missing]
    assert sorted([*known, *matching.fresh]) == present, "every file is one image, and only one"


def test_present_and_former_names() -> None:
    events = [renaming({0: "x.png"}), renaming({0: "y.png", 1: "a.png"})]
    assert [r.key for r in renamed_records(RECORDS, events)] == ["y.png", "a.png", "c.png"]
    assert former_names(RECORDS, events) == {"a.png": 0, "x.png": 0, "b.png": 1}
    back = [*events, renaming({0: "x.png"})]
    assert former_names(RECORDS, back) == {"a.png": 0, "y.png": 0, "b.png": 1}


def test_the_list_holds_every_name_once() -> None:
    assert name_to_list("a.png", 7, {"b.png"}) == "a.png"
    assert name_to_list("a.png", 7, {"a.png"}) == "a.png#7"
    assert name_to_list("a.png", 7, {"a.png", "a.png#7"}) == "a.png#7#7"
