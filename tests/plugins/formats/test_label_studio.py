"""Label Studio's files: what goes out, and what a real export of it says."""

from __future__ import annotations

import base64
import contextlib
import csv
import dataclasses
import importlib
import json
import re
import sys
import types
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.ingest import find_format
from alkit.errors import AlkitError, InvalidAnswers, InvalidOption
from alkit.interfaces.format import Export, Format, Push, Server

Make = Callable[..., Format]
EXPORT = Path(__file__).with_name("label-studio-export.json")  # recorded by the test of the live server


def tasks(format: Format, export: Export, folder: Path) -> list[dict[str, Any]]:
    path, _ = format.write(export, folder / "tasks.json")
    return json.loads(path.read_text())


def test_tasks_in_rank_order_with_index_and_hash(make: Make, export: Export, tmp_path: Path) -> None:
    written = tasks(make("label-studio"), export, tmp_path)
    assert [task["data"]["alkit_rank"] for task in written] == list(range(1, 10))
    first = written[0]
    assert first["data"]["alkit_index"] == 8
    assert first["data"]["alkit_hash"] == export.items[0].hash
    head, _, content = first["data"]["image"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(content) == export.content(export.items[0])
    assert "predictions" not in first
    assert "annotations" not in first


def test_predictions_are_an_option(make: Make, export: Export, tmp_path: Path) -> None:
    (prediction,) = tasks(make("label-studio", predictions=True), export, tmp_path)[0]["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("alkit-cycle-0", 0.5)
    assert prediction["result"][0]["value"] == {"choices": ["cat"]}


def test_where_the_browser_finds_images(make: Make, export: Export, tmp_path: Path) -> None:
    def first(**given: Any) -> str:
        return tasks(make("label-studio", **given), export, tmp_path)[0]["data"]["image"]

    folder = export.location
    assert folder is not None
    assert first(images="local") == f"/data/local-files/?d={folder.name}/8.png"
    assert first(images="local", root=str(folder.parents[1])).endswith(f"?d=subject/{folder.name}/8.png")
    assert first(images="url-prefix", prefix="https://example.org/p/") == "https://example.org/p/8.png"
    with pytest.raises(InvalidOption, match="is not inside"):
        first(images="local", root=str(tmp_path / "elsewhere"))
    with pytest.raises(InvalidOption, match=r"images=url-prefix .*prefix=https"):
        first(images="url-prefix")
    arrays = dataclasses.replace(export.items[0], file=None)
    with pytest.raises(InvalidOption, match=r"images=local .*images=embed"):
        tasks(make("label-studio", images="local"), dataclasses.replace(export, items=[arrays]), tmp_path)


def test_the_name_of_a_folder_may_begin_with_dots(make: Make, export: Export, tmp_path: Path) -> None:
    item = dataclasses.replace(export.items[0], file=tmp_path / "..x" / "a.png")
    dotted = dataclasses.replace(export, items=[item], location=tmp_path / "..x")
    (task,) = tasks(make("label-studio", images="local"), dotted, tmp_path)
    assert task["data"]["image"] == "/data/local-files/?d=..x/a.png"
    with pytest.raises(InvalidOption, match="is not inside"):
        tasks(make("label-studio", images="local", root=str(tmp_path / "..x" / "y")), dotted, tmp_path)


def test_what_is_too_much_to_embed(
    make: Make, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{type(make('label-studio')).__module__}.MAX_EMBEDDED", 500)
    with pytest.raises(InvalidOption, match="use images=local"):
        tasks(make("label-studio"), export, tmp_path)
    assert not (tmp_path / "tasks.json").exists()


def test_the_configuration_offers_the_classes(make: Make, export: Export, tmp_path: Path) -> None:
    _, path = make("label-studio").write(export, tmp_path / "tasks.json")
    choices = ET.parse(path).getroot().findall("Choices/Choice")
    assert [choice.get("value") for choice in choices] == [*export.classes, "unusable"]
    assert [choice.get("hotkey") for choice in choices] == ["1", "2", "3", "4", "5", "6", None]
    with pytest.raises(InvalidOption, match="no classes to choose from"):
        make("label-studio").write(dataclasses.replace(export, classes=()), tmp_path / "more.json")


def annotation(choices: list[str] | None, **more: Any) -> dict[str, Any]:
    result = [] if choices is None else [{"type": "choices", "value": {"choices": choices}}]
    return {"result": result, "completed_by": 1, "updated_at": "2026-01-01T00:00:00Z", **more}


def test_annotations_in_the_order_of_time(make: Make, tmp_path: Path) -> None:
    data = {"alkit_index": 4, "alkit_hash": "ab" * 32}
    said = [
        annotation(["dog"], updated_at="2026-01-03T00:00:00Z", lead_time=7),
        annotation(
            ["cat"], updated_at="2026-01-02T00:00:00Z", completed_by={"id": 2, "email": "b@example.org"}
        ),
        annotation(None, was_cancelled=True),
        annotation(["cat", "dog"]),
        annotation([]),
    ]
    path = tmp_path / "export.json"
    path.write_text(
        json.dumps(
            [{"id": 11, "data": data, "annotations": said}, {"id": 12, "data": data, "annotations": []}]
        )
    )
    reply = make("label-studio").read(path)
    assert [(a.label, a.annotator, a.cost) for a in reply.answers] == [
        ("abstain", "label-studio-1", None),
        ("cat", "label-studio-2", None),
        ("dog", "label-studio-1", 7.0),
    ]
    assert all((a.index, a.hash, a.line) == (4, "ab" * 32, 11) for a in reply.answers)
    assert (reply.blank, [entry.line for entry in reply.rejected]) == (1, [11, 11])
    assert make("label-studio", lead_time=False).read(path).answers[-1].cost is None


def test_tasks_that_were_uploaded_by_hand_are_known_by_name(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    rows = [
        {"id": 5, "data": {"image": "/data/upload/1/0f3c9a2b-x.png"}, "annotations": [annotation(["cat"])]},
        {"id": 6, "data": {"text": "x"}, "annotations": [annotation(["cat"])]},
        {"id": 7, "data": {"photo": "y.png"}, "annotations": [annotation(["dog"])]},
    ]
    path.write_text(json.dumps(rows))
    assert make("label-studio").recognizes(path)
    reply = make("label-studio").read(path)
    assert [(a.image, a.label) for a in reply.answers] == [
        ("/data/upload/1/0f3c9a2b-x.png", "cat"),
        ("y.png", "dog"),
    ]
    assert [(entry.line, entry.reason[:14]) for entry in reply.rejected] == [(6, "names no image")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"task": 1}, "is not a list of tasks, but a JSON object with the keys task; export as JSON"),
        (
            [{"task": 1}],
            "is a list of 1 JSON objects with the keys task; tasks have 'data' and 'annotations'",
        ),
    ],
)
def test_what_is_not_an_export_is_described(make: Make, tmp_path: Path, content: Any, said: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InvalidAnswers, match=re.escape(said)):
        make("label-studio").read(path)


def flat(**more: Any) -> dict[str, Any]:
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z"}
    return {"id": 3, "annotator": 2, "annotation_id": 9, "lead_time": 2.5, **times, **more}


def test_flat_exports_are_read_too(make: Make, tmp_path: Path) -> None:
    marks = {"image": "data:x", "alkit_index": 4, "alkit_hash": "ab" * 32, "alkit_rank": 1}
    rows = [
        flat(**marks, choice="cat"),
        flat(image="/data/upload/1/0f3c9a2b-x.png", choice="dog"),
        flat(**marks),
    ]
    path = tmp_path / "min.json"
    path.write_text(json.dumps(rows))
    table = tmp_path / "table.csv"
    names = list(dict.fromkeys(name for row in rows for name in row))
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    for file in (path, table):
        assert find_format(file).name == "label-studio"
        reply = make("label-studio").read(file)
        assert [(a.index, a.image, a.label, a.annotator, a.cost, a.time[:10]) for a in reply.answers] == [
            (4, "", "cat", "label-studio-2", 2.5, "2026-01-02"),
            (None, "/data/upload/1/0f3c9a2b-x.png", "dog", "label-studio-2", 2.5, "2026-01-02"),
        ]
        assert (reply.blank, reply.rejected) == (1, [])
    path.write_text(json.dumps([flat(**marks, first="a", second="b")]))
    with pytest.raises(InvalidAnswers, match=r"has no field 'choice', but .*; export as JSON"):
        make("label-studio").read(path)


def test_of_several_questions_alkits_own_counts(make: Make, tmp_path: Path) -> None:
    def task(number: int, **said: str) -> dict[str, Any]:
        data = {"alkit_index": number, "alkit_hash": "ab" * 32}
        result = [
            {"type": "choices", "from_name": name, "value": {"choices": [value]}}
            for name, value in said.items()
        ]
        return {"id": number, "data": data, "annotations": [{"result": result}]}

    path = tmp_path / "export.json"
    path.write_text(json.dumps([task(0, quality="sharp", choice="cat"), task(1, quality="sharp")]))
    reply = make("label-studio").read(path)
    assert [(a.index, a.label) for a in reply.answers] == [(0, "cat")]
    assert [entry.line for entry in reply.rejected] == [1]
    path.write_text(json.dumps([task(0, species="cat")]))
    assert [a.label for a in make("label-studio").read(path).answers] == ["cat"]
    path.write_text(json.dumps([task(0, species="cat", quality="sharp")]))
    with pytest.raises(InvalidAnswers, match="the tasks ask quality and species"):
        make("label-studio").read(path)


def test_what_a_real_server_exports(make: Any) -> None:
    from alkit.data.preprocessing import ImageRecord
    from alkit.labeling import References

    format = make("label-studio")
    assert format.recognizes(EXPORT)
    reply = format.read(EXPORT)
    assert (reply.blank, reply.rejected) == (0, [])
    assert [(a.label, a.annotator, a.cost) for a in reply.answers] == [
        ("cat", "label-studio-1", 2.5),
        ("dog", "label-studio-2", 2.5),
        ("abstain", "label-studio-1", 2.5),
        ("unusable", "label-studio-1", 2.5),
        ("dog", "label-studio-1", 2.5),  # mended after all others had been said
    ]
    times = [answer.time for answer in reply.answers]
    assert times == sorted(times)
    hashes = {
        task["data"]["alkit_index"]: task["data"]["alkit_hash"] for task in json.loads(EXPORT.read_text())
    }
    records = [ImageRecord(i, f"{i}.png", hashes.get(i, ""), 16, 16, None, None) for i in range(12)]
    found = References(records, Path("/pool")).find_all(reply.answers)
    assert len(found) == 5
    assert set(found) == set(hashes)


def test_without_the_sdk(make: Any, export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "label_studio_sdk", None)
    with pytest.raises(InvalidOption, match=r"pip install 'alkit\[label-studio\]'"):
        make("label-studio").push(export, Server("http://127.0.0.1:1", "t"), campaign="c")


class Studio:
    """As much of the SDK as is used, and of a server behind it."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.made: list[Any] = []
        self.requests: list[int] = []
        self.projects = self.tasks = self

    def __call__(self, base_url: str, api_key: str, httpx_client: Any) -> Studio:
        return self

    def create(self, **given: Any) -> Any:
        self.made.append(types.SimpleNamespace(id=len(self.made) + 1, **given))
        return self.made[-1]

    def list(self, project: int | None = None, fields: str = "") -> list[Any]:
        return self.made if project is None else self.kept

    def update(self, project: int, **given: Any) -> None:
        vars(self.made[project - 1]).update(given)

    def import_tasks(self, project: int, request: list[Any]) -> None:
        self.requests.append(len(request))
        self.kept += [types.SimpleNamespace(data=task["data"]) for task in request]
        if len(self.requests) == 2:
            raise ValueError("the line is cut with a secret")


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    made = Studio()
    names = {"httpx": types.ModuleType("httpx"), "label_studio_sdk": types.ModuleType("label_studio_sdk")}
    names["httpx"].__dict__.update(
        HTTPError=OSError, InvalidURL=OSError, Client=lambda **_: contextlib.nullcontext()
    )
    names["label_studio_sdk"].__dict__.update(LabelStudio=made)
    for name in ("label_studio_sdk.core", "label_studio_sdk.core.api_error"):
        names[name] = types.ModuleType(name)
    names["label_studio_sdk.core.api_error"].__dict__.update(ApiError=KeyError)
    for name, module in names.items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


def test_what_is_asked_for_again_is_a_task_of_its_own(make: Any, export: Export, studio: Studio) -> None:
    server = Server("http://127.0.0.1:1", "secret")
    format = make("label-studio")
    format.push(export, server, campaign="0123")
    items = [dataclasses.replace(item, again=item.rank == 1) for item in export.items[:2]]
    second = dataclasses.replace(export, query=2, items=items)
    studio.requests.clear()
    assert format.push(second, server, campaign="0123") == Push(project=1, added=1, known=1)
    assert format.push(second, server, campaign="0123") == Push(project=1, added=0, known=2)
    assert [task.data.get("alkit_query") for task in studio.kept] == [None] * 9 + [2]


def test_a_push_that_was_cut_goes_on_where_it_was(
    make: Any, export: Export, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server("http://ann:secret@127.0.0.1:1/", "secret")
    format = make("label-studio")
    module = importlib.import_module("alkit_plugins.formats.label_studio.server")
    monkeypatch.setattr(module, "CHUNK_TASKS", 4)
    with pytest.raises(AlkitError) as raised:
        format.push(export, server, campaign="0123")
    assert re.fullmatch(r"http://127\.0\.0\.1:1 .*Label Studio.*ValueError.*", str(raised.value))
    assert format.push(export, server, campaign="0123") == Push(project=1, added=1, known=8)
    assert format.push(export, server, campaign="0123") == Push(project=1, added=0, known=9)
    assert studio.requests == [4, 4, 1]
    assert [task.data["alkit_rank"] for task in studio.kept] == list(range(1, 10))
    (project,) = studio.made
    assert (project.sampling, project.title) == ("Sequential sampling", "alkit: kit & <co>")
