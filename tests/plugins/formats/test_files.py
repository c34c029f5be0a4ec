"""What tools make of the files: filled in by hand as they do it, and broken on purpose."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alkit.errors import InvalidAnswers, InvalidOption
from alkit.interfaces.format import Export, Format, Item
from alkit.labeling import GivenAnswer
from alkit.plugin import registry

Make = Callable[..., Format]


def place(answer: GivenAnswer) -> str:
    """Return how an answer names its image: by alkit's own index, or by a name."""
    return answer.image if answer.index is None else str(answer.index)


def said(format: Format, path: Path) -> list[tuple[str, str]]:
    return [(place(answer), answer.label) for answer in format.read(path).answers]


# -- tables and lines ----------------------------------------------------------------------------------


def test_a_table_has_the_columns_of_a_querys_list(make: Make, export: Export, tmp_path: Path) -> None:
    make("csv").write(export, tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0].values()) == ["1", "8", "8.png", "1", "random", "0", ""]
    assert len(rows) == 9


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "whatever", True),
        ("answers", "image,label\n", True),
        ("answers.txt", "label, Hash\n", True),
        ("answers.txt", "label,other\n", False),
        ("answers.txt", "", False),
    ],
)
def test_tables_are_recognized(make: Make, tmp_path: Path, name: str, text: str, expected: bool) -> None:
    (tmp_path / name).write_text(text)
    assert make("csv").recognizes(tmp_path / name) is expected


def test_lines_of_all_sorts(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows: list[Any] = [
        {"index": 3, "hash": "AB" * 32, "image": "x.png", "label": "cat", "cost": 2, "annotator": "ada"},
        {"image": "y.png", "label": "dog", "time": "2026-01-01"},
        {"image": "z.png", "label": None},
        {"label": "cat"},
        {"image": "z.png", "label": "cat", "cost": "dear"},
        {"image": "z.png", "label": "cat", "cost": 10**400},
        {"image": ["z.png"], "label": "cat"},
        7,
    ]
    path.write_text("\n".join([*map(json.dumps, rows), "", "{broken"]))
    reply = make("jsonl").read(path)
    first, second = reply.answers
    assert (first.image, first.index, first.hash, first.label, first.cost, first.annotator) == (
        "x.png",
        3,
        "ab" * 32,
        "cat",
        2.0,
        "ada",
    )
    assert (second.image, second.hash, second.time) == ("y.png", "", "2026-01-01")
    assert reply.blank == 1
    assert sorted(entry.line for entry in reply.rejected) == [4, 5, 6, 7, 8, 10]


# -- CVAT ----------------------------------------------------------------------------------------------


def test_cvat_knows_images_by_the_name_of_their_file(make: Make, export: Export, tmp_path: Path) -> None:
    path = tmp_path / "out.xml"
    make("cvat").write(export, path)
    first, second, third = (item.name for item in export.items[:3])
    tagged = (
        f'<annotations><image id="0" name="images/{first}"><tag label="cat" source="manual"></tag></image>'
        f'<image id="1" name="{second}"><tag label="cat"/><tag label="7"/></image>'
        f'<image id="2" name="{third}"/><image id="3" name="other.png"><tag label="cat"/></image>'
        "</annotations>"
    )
    path.write_text(tagged)
    reply = make("cvat").read(path)
    assert [(place(a), a.label, a.hash) for a in reply.answers] == [
        ("8", "cat", export.items[0].hash[:16]),
        ("other.png", "cat", ""),
    ]
    assert reply.blank == 1
    assert [entry.line for entry in reply.rejected] == [2]


def test_cvats_archive_holds_the_originals_in_rank_order(make: Make, export: Export, tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    make("cvat").write(export, path)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("images/")]
        assert names == sorted(names)
        assert [archive.read(name) for name in names] == [export.content(item) for item in export.items]


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">',
    ],
)
def test_xml_with_a_document_type_is_refused(make: Make, tmp_path: Path, declaration: str) -> None:
    path = tmp_path / "bad.xml"
    path.write_text(f'<?xml version="1.0"?>{declaration}<annotations>&x;</annotations>')
    for look in (make("cvat").recognizes, make("cvat").read):
        with pytest.raises(InvalidAnswers, match="declares a document type"):
            look(path)


def test_an_archive_is_never_unpacked(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "in" / "evil.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../escaped.txt", "x")
        archive.writestr("../../annotations.xml", "<annotations></annotations>")
    before = sorted(tmp_path.rglob("*"))
    assert make("cvat").read(path).answers == []
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bomb_is_not_read_to_its_end(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alkit.labeling.safe_reading.MAX_BYTES", 1000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", " " * 10**6)
    with pytest.raises(InvalidAnswers, match="over the limit of 1,000 bytes"):
        make("cvat").read(path)


def test_json_in_an_archive_has_a_limit_of_its_own(
    make: Make, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alkit.labeling.safe_reading.MAX_JSON_MEMBER", 100)
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("instances.json", json.dumps(coco(export)))
    with pytest.raises(InvalidAnswers, match="over the limit of 100 bytes"):
        make("coco").read(path)
    path.write_text(json.dumps(coco(export)))
    assert said(make("coco"), path) == [("8", "cat")]


def test_xml_is_parsed_as_far_as_it_is_read(make: Make, tmp_path: Path) -> None:
    from alkit.labeling.safe_reading import PIECE, elements

    path = tmp_path / "in.xml"
    count = PIECE // 5
    path.write_text(f"<annotations>{'<image/>' * count}</annotations><broken")
    found = elements(path, "annotations.xml")
    assert next(found).name == "annotations"
    with pytest.raises(InvalidAnswers, match="cannot be read as XML"):
        list(found)
    path.write_text(f"<annotations>{'<image/>' * count}</annotations>")
    assert len(list(elements(path, "annotations.xml"))) == 2 * count + 2
    path.write_bytes(b"<a>" + b" " * (PIECE - 7) + b"</a>")  # as long as a piece
    assert [element.begins for element in elements(path, "annotations.xml")] == [True, False]


def test_a_class_that_xml_cannot_hold(make: Make, export: Export, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="cannot be written in XML"):
        make("cvat").write(dataclasses.replace(export, classes=("a\x01b",)), tmp_path / "out.xml")
    assert not (tmp_path / "out.xml").exists()


# -- COCO ----------------------------------------------------------------------------------------------


def coco(export: Export, **changes: Any) -> dict[str, Any]:
    images = [
        {"id": 70 + item.rank, "file_name": f"deep/upload_{item.name}", "width": 8, "height": 6}
        for item in export.items[:3]
    ]
    content = {"images": images, "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "7"}]}
    return {**content, "annotations": [{"id": 1, "image_id": 71, "category_id": 5}], **changes}


def test_coco_with_new_numbers_and_names_in_front(make: Make, export: Export, tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps(coco(export)))
    assert make("coco").recognizes(path)
    assert said(make("coco"), path) == [("8", "cat")]
    assert make("coco").read(path).blank == 2


def test_coco_in_an_archive(make: Make, export: Export, tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations/instances_default.json", json.dumps(coco(export)))
    assert make("coco").recognizes(path)
    assert not make("cvat").recognizes(path)
    assert said(make("coco"), path) == [("8", "cat")]


def test_coco_with_boxes_of_one_class_and_of_several(make: Make, export: Export, tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    boxes = [(71, 5), (71, 5), (72, 5), (72, 6), (73, 99)]
    rows = [{"image_id": image, "category_id": category, "bbox": [0, 0, 1, 1]} for image, category in boxes]
    path.write_text(json.dumps(coco(export, annotations=rows)))
    reply = make("coco").read(path)
    assert [(place(a), a.label) for a in reply.answers] == [("8", "cat")]
    assert [entry.line for entry in reply.rejected] == [0, 2]
    assert reply.rejected[0].reason == "annotation 5 has category 99, which is not listed"


def test_coco_beside_copies_and_links(make: Make, export: Export, tmp_path: Path) -> None:
    for how in ("copy", "link"):
        path, folder = make("coco", images=how).write(export, tmp_path / f"{how}.json")
        names = [row["file_name"] for row in json.loads(path.read_text())["images"]]
        assert [(path.parent / name).read_bytes() for name in names] == [
            export.content(i) for i in export.items
        ]
        assert all(file.is_symlink() is (how == "link") for file in folder.iterdir())


# -- folders -------------------------------------------------------------------------------------------


def test_moving_a_file_into_a_class_labels_it(make: Make, export: Export, tmp_path: Path) -> None:
    folders = tmp_path / "out"
    make("folders").write(export, folders)
    moved = dict(zip(("cat", "a%2Fb", "%5Fx", "_abstain", "_unusable"), export.items, strict=False))
    for folder, item in moved.items():
        shutil.move(folders / "_unlabeled" / item.name, folders / folder / item.name)
    reply = make("folders").read(folders)
    found = {place(answer): answer.label for answer in reply.answers}
    assert found == {"8": "cat", "7": "a/b", "6": "_x", "5": "abstain", "4": "unusable"}
    assert (reply.blank, reply.rejected) == (4, [])


def test_a_new_folder_is_a_new_class_and_a_file_in_two_is_none(
    make: Make, export: Export, tmp_path: Path
) -> None:
    folders = tmp_path / "out"
    make("folders").write(export, folders)
    names = [item.name for item in export.items]
    (folders / "heron").mkdir()
    shutil.move(folders / "_unlabeled" / names[0], folders / "heron" / f"Copy of {names[0]}")
    shutil.copy(folders / "_unlabeled" / names[1], folders / "cat" / names[1])
    (folders / "cat" / "holiday.jpg").write_bytes(b"x")
    (folders / "cat" / ".DS_Store").write_bytes(b"x")
    (folders / "notes.txt").write_text("x")
    reply = make("folders").read(folders)
    assert [(place(a), a.label) for a in reply.answers] == [("holiday.jpg", "cat"), ("8", "heron")]
    assert [entry.reason for entry in reply.rejected] == ["image 7 is in _unlabeled and cat; keep only one"]


def test_links_lead_to_originals_and_are_not_followed_when_read(
    make: Make, export: Export, tmp_path: Path
) -> None:
    folders = tmp_path / "out"
    make("folders", images="link").write(export, folders)
    links = sorted((folders / "_unlabeled").iterdir())
    assert [link.readlink() for link in links] == [item.file for item in export.items]
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / export.items[0].name).write_bytes(b"x")
    (folders / "linked").symlink_to(outside)
    assert make("folders").read(folders).answers == []


# -- FiftyOne ------------------------------------------------------------------------------------------


def test_fiftyones_targets_of_all_kinds(make: Make, export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    make("fiftyone").write(export, folder)
    names = [Path(item.name).stem for item in export.items]
    assert sorted(path.stem for path in (folder / "data").iterdir()) == names
    targets = [0, "cat", {"label": "7", "confidence": None}, None, 99, ["cat"], {"label": None}]
    labels = dict(zip(names, targets, strict=False)) | {"holiday": "cat"}
    (folder / "labels.json").write_text(json.dumps({"classes": ["a/b", "cat"], "labels": labels}))
    for path in (folder, folder / "labels.json"):
        assert make("fiftyone").recognizes(path)
        reply = make("fiftyone").read(path)
        assert [(place(a), a.label) for a in reply.answers] == [
            ("8", "a/b"),
            ("7", "cat"),
            ("6", "7"),
            ("holiday", "cat"),
        ]
        assert (reply.blank, [entry.line for entry in reply.rejected]) == (2, [5, 6])


def test_copied_labels_are_marked_and_read_like_others(make: Make, export: Export, tmp_path: Path) -> None:
    first, second = (dataclasses.replace(item, answer="cat") for item in export.items[:2])
    copy = dataclasses.replace(second, copied_from=first.image)
    given = dataclasses.replace(export, items=[first, copy])
    own = dataclasses.replace(export, items=[first, second])

    def written(name: str, export: Export) -> str:
        path = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        format = make(name)
        format.write(export, path)
        assert [label for _, label in said(format, path)] == ["cat", "cat"]
        return (path / "labels.json" if name == "fiftyone" else path).read_text(encoding="utf-8")

    marks = {
        "csv": ",copied_from",
        "jsonl": f'"copied_from": "{first.image}"',
        "coco": f'"alkit_copied_from": "{first.image}"',
        "label-studio": f'"copied_from": "{first.image}"',
        "fiftyone": f'"copied_from": "{first.image}"',
        "cvat": 'source="auto"',
    }
    for name, mark in marks.items():
        assert written(name, given).count(mark) == 1 and mark not in written(name, own), name


@pytest.mark.parametrize(
    ("name", "options", "file"),
    [("coco", {"images": "copy"}, "a.json"), ("folders", {}, "a"), ("fiftyone", {}, "a")],
)
def test_folders_of_images_are_there_whole_or_not_at_all(
    make: Make, export: Export, tmp_path: Path, name: str, options: dict[str, str], file: str
) -> None:
    def cut(item: Item) -> bytes:
        if item.rank == 3:
            raise OSError("the disk is full")
        return export.content(item)

    format, path = make(name, **options), tmp_path / "out" / file
    path.parent.mkdir()
    with pytest.raises(OSError, match="full"):
        format.write(dataclasses.replace(export, content=cut), path)
    assert list(path.parent.iterdir()) == []
    assert format.write(export, path)[0] == path
    assert len(list(path.parent.rglob("*-alkit-*"))) == len(export.items)


# -- all -----------------------------------------------------------------------------------------------

KEYS = [
    *("images", "categories", "annotations", "id", "image_id", "category_id", "name", "file_name"),
    *("alkit_index", "alkit_hash", "labels", "classes", "label", "data", "result", "value", "choices"),
    *("was_cancelled", "completed_by", "lead_time", "updated_at", "image", "index", "hash", "cost"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 80) | st.floats() | st.text(max_size=5),
    lambda nested: (
        st.lists(nested, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            nested,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("name", ["jsonl", "label-studio", "coco", "fiftyone"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=JSON)
def test_no_json_breaks_a_reader(make: Make, tmp_path: Path, name: str, content: Any) -> None:
    path = tmp_path / "any.json"
    path.write_text(json.dumps(content))
    format = make(name)
    assert format.recognizes(path) in (True, False)
    try:
        reply = format.read(path)
    except InvalidAnswers as error:
        assert "\n" not in str(error)
    else:
        assert all(answer.label and answer.named for answer in reply.answers)


def test_each_file_is_recognized_by_its_own_format_only(make: Make, export: Export, tmp_path: Path) -> None:
    from alkit.campaign.ingest import find_format

    for plugin in registry.formats:
        format = make(plugin.name)
        for extension in format.extensions:
            path = tmp_path / f"{plugin.name}{extension}"
            format.write(export, path)
            assert find_format(path, kind=min(format.kinds)).name == plugin.name


@pytest.mark.parametrize(
    "name", [p.name for p in registry.formats if "class" in registry.formats.get(p.name).kinds]
)
def test_a_class_may_begin_or_end_with_a_space(make: Make, export: Export, tmp_path: Path, name: str) -> None:
    names = ("cat", " cat", "cat ")
    items = [dataclasses.replace(item, answer=a) for item, a in zip(export.items, names, strict=False)]
    format = make(name)
    path = tmp_path / f"out{format.extensions[0]}"
    format.write(dataclasses.replace(export, classes=names, items=items), path)
    assert sorted(label for _, label in said(format, path)) == sorted(names)


def test_names_are_told_from_what_tools_add() -> None:
    from alkit.labeling.file_names import find_mark, marked

    name = marked(7, 42, "0123456789abcdef" * 4, ".jpg")
    assert name == "00007-alkit-42-0123456789abcdef.jpg"
    for known in (name, f"upload/3/9f8e7d-{name}", f"C:\\x\\{name}", re.sub(r"\.jpg", " (1).png", name)):
        assert find_mark(known) == ("42", "0123456789abcdef")
    for other in ("", "42.jpg", "alkit-42-0123.jpg", "alkit-42-0123456789abcdef0.jpg", f"{name}/x.jpg"):
        assert find_mark(other) is None
