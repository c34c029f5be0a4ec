"""What the page can ask for beyond single answers: many at once, notes, similar images, guidelines."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.record.events import Answered
from alkit.label_app.guidelines import read_guidelines


def indices(client: Any) -> list[int]:
    return [image["index"] for image in client.state()["images"]]


def answers(client: Any, given: Any, label: str = "red", **more: Any) -> Any:
    body = {"query": 1, "indices": given, "label": label, "saw_guess": False}
    return client.ask("answers", body | more)


def in_force(directory: Path) -> dict[int, str | None]:
    with Campaign(directory) as campaign:
        return {pick.index: pick.answer for pick in campaign.queries[-1].picks}


# -- many at once ------------------------------------------------------------------------------------------


def test_one_answer_for_several_images_is_one_step_and_undone_as_one(client, asked):
    first, second, third, fourth = indices(client)
    assert client.answer(fourth, "blue").status == 200
    reply = answers(client, [first, second, first])
    assert [image["answer"] for image in reply.json["images"]] == ["red", "red", None, "blue"]
    with Campaign(asked) as campaign:
        event = campaign.ledger.events(Answered)[-1].data
    assert (event.answers, event.query, event.page) == (2, 1, True)
    undone = client.undo(second).json
    assert (undone["taken_back"], sorted(undone["indices"])) == ("red", sorted([first, second]))
    assert in_force(asked) == {first: None, second: None, third: None, fourth: "blue"}
    undone = client.undo(fourth).json
    assert (undone["taken_back"], undone["indices"]) == ("blue", [fourth])


def test_what_was_corrected_since_is_not_undone_with_the_rest(client, asked):
    first, second, third, _ = indices(client)
    answers(client, [first, second, third])
    client.answer(second, "green")
    assert sorted(client.undo(first).json["indices"]) == sorted([first, third])
    assert in_force(asked)[second] == "green"


def test_a_file_that_was_ingested_is_not_undone_from_the_page(client, asked, alkit, tmp_path):
    first, second = indices(client)[:2]
    table = tmp_path / "answers.csv"
    lines = [f"{index},red,ada" for index in (first, second)]
    table.write_text("\n".join(["index,label,annotator", *lines]))
    alkit("ingest", "-c", asked, table)
    assert client.undo(first).json["indices"] == [first]
    assert in_force(asked)[second] == "red"


@pytest.mark.parametrize(
    ("given", "status"),
    [([], 400), ("0", 400), (["0"], 400), ([True], 400), ([0.5], 400), ([10**30], 422), ([-1], 422)],
)
def test_what_is_no_list_of_images_is_refused(client, asked, given, status):
    assert answers(client, given).status == status
    assert set(in_force(asked).values()) == {None}


def test_all_or_none_are_answered(client, asked):
    first, second = indices(client)[:2]
    stranger = next(index for index in range(60) if index not in indices(client))
    assert answers(client, [first, stranger]).status == 422
    assert answers(client, [first, second], "rde").status == 422
    assert set(in_force(asked).values()) == {None}


POSTS = {
    "answers": {"query": 1, "indices": [0], "label": "red", "saw_guess": False},
    "note": {"query": 1, "index": 0, "text": "x"},
    "ask": {"images": 1},
    "stop": {},
}


@pytest.mark.parametrize("path", POSTS)
def test_only_the_page_itself_changes_anything(client, path):
    assert client.ask(path, POSTS[path], Origin="http://evil.example").status == 403
    assert client.ask(path, POSTS[path], Sec_Fetch_Site="cross-site").status == 403
    assert client.ask(path).status == 405
    assert client.ask(path, {**POSTS[path], "more": 1}).status == 400


@pytest.mark.slow
def test_a_guess_that_was_seen_is_recorded_also_with_an_answer_for_many(labeled: Path, served):
    with Campaign(labeled) as campaign:
        campaign.ask(4)
    client = served(labeled)
    first, second, third, fourth = indices(client)
    assert client.ask(f"guess/1/{first}").status == 200
    answers(client, [second, third])
    answers(client, [fourth, first])
    with Campaign(labeled) as campaign:
        events = campaign.ledger.events(Answered)[-2:]
    assert [event.data.saw_guess for event in events] == [False, True]


# -- notes -------------------------------------------------------------------------------------------------


def note(client: Any, index: int, text: str) -> Any:
    return client.ask("note", {"query": 1, "index": index, "text": text})


def test_a_note_is_kept_and_shown_to_its_author_only(client, asked, served):
    index = indices(client)[0]
    other = served(asked, "bob")
    assert note(client, index, "blurred <b>").json["notes"] == {str(index): "blurred <b>"}
    assert client.state()["notes"] == {str(index): "blurred <b>"}
    assert other.state()["notes"] == {}
    with Campaign(asked) as campaign:
        assert [(n.index, n.text, n.annotator) for n in campaign.notes()] == [(index, "blurred <b>", "ada")]
    assert note(client, index, "").json["notes"] == {}


def test_notes_on_other_images_and_endless_notes_are_refused(client, asked):
    stranger = next(index for index in range(60) if index not in indices(client))
    assert note(client, stranger, "x").status == 422
    assert note(client, indices(client)[0], "x" * 1001).status == 422
    assert note(client, indices(client)[0], "\ud800").status in (400, 422)
    with Campaign(asked) as campaign:
        assert campaign.notes() == []


# -- similar images ----------------------------------------------------------------------------------------


@pytest.fixture
def twins(tmp_path: Path, make_pictures: Callable[..., Path], served: Callable[..., Any]) -> Any:
    """A page for a query of four images; the pool has a slightly darker copy of each image."""
    from alkit.campaign.create import create

    pool = make_pictures(tmp_path / "pool", each=4)
    for path in sorted(pool.rglob("*.png")):
        with Image.open(path) as image:
            image.point(lambda value: value * 0.9).save(path.with_name(f"dark-{path.name}"))
    with create(tmp_path / "camp", str(pool), classes=["blue", "green", "red"]) as campaign:
        campaign.ask(4, strategy="random")
    return served(tmp_path / "camp")


def alike(client: Any, index: int) -> Any:
    return client.ask(f"alike/1/{index}").json


def twin(client: Any, index: int) -> int:
    keys = client.page.session.campaign.state.keys
    folder, name = keys[index].split("/")
    other = name.removeprefix("dark-") if name.startswith("dark-") else f"dark-{name}"
    return keys.index(f"{folder}/{other}")


def test_near_duplicates_are_found_in_the_whole_pool(twins):
    for index in indices(twins):
        found = alike(twins, index)
        assert found["ready"]
        assert found["images"][0]["index"] == twin(twins, index)
        assert {"index": twin(twins, index), "open": True} in found["images"]
        assert index not in [image["index"] for image in found["images"]]


def test_they_are_answered_only_if_they_were_shown_and_named(twins):
    index = indices(twins)[0]
    other = twin(twins, index)
    directory = twins.page.session.campaign.directory
    if other not in indices(twins):
        assert answers(twins, [index, other]).status == 422
        assert twins.ask(f"thumbnail/1/{other}").status == 404
    alike(twins, index)
    assert twins.ask(f"thumbnail/1/{other}").status == 200
    assert twins.answer(index, "blue").status == 200
    with Campaign(directory) as campaign:
        assert campaign.pool.answer_of(other) is None
    assert twins.undo(index).status == 200
    assert answers(twins, [index, other], "green").status == 200
    with Campaign(directory) as campaign:
        answer = campaign.pool.answer_of(other)
        assert answer is not None and answer.value == "green"
    assert {"index": other, "open": False} in alike(twins, index)["images"]
    assert sorted(twins.undo(index).json["indices"]) == sorted([index, other])
    with Campaign(directory) as campaign:
        assert campaign.pool.answer_of(other) is None


def test_all_images_of_the_query_are_ordered(twins):
    reply = twins.ask("order/1").json
    assert reply["ready"]
    assert sorted(reply["order"]) == sorted(indices(twins))
    assert reply["order"][0] == indices(twins)[0]
    assert twins.ask("order/2").status == 404


def test_without_caches_nothing_is_similar(asked, served):
    shutil.rmtree(asked / "cache")
    client = served(asked)
    assert alike(client, indices(client)[0]) == {"ready": True, "images": []}
    assert client.ask("order/1").json["order"] == indices(client)
    stranger = next(index for index in range(60) if index not in indices(client))
    assert client.ask(f"alike/1/{stranger}").status == 404


# -- pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), [("a.jpg", {}), ("a.png", {}), ("a.bmp", {})])
def test_thumbnails_are_small_and_upright(tmp_path: Path, served, name, options):
    from alkit.campaign.create import create

    sideways = Image.Exif()
    sideways[0x0112] = 6
    (tmp_path / "pool").mkdir()
    picture = Image.new("RGB", (900, 600), "blue")
    picture.paste("red", (0, 0, 450, 600))
    picture.save(tmp_path / "pool" / name, **({"exif": sideways} if name == "a.jpg" else {}))
    with create(tmp_path / "camp", str(tmp_path / "pool"), classes=["a", "b"]) as campaign:
        campaign.ask(1, strategy="random")
    reply = served(tmp_path / "camp").ask("thumbnail/1/0")
    with Image.open(io.BytesIO(reply.content)) as image:
        assert image.size == ((213, 320) if name == "a.jpg" else (320, 213))
        assert image.convert("RGB").getpixel((10, 10))[0] > 200


# -- guidelines --------------------------------------------------------------------------------------------


def test_guidelines_and_their_pictures_are_served(asked, served, tmp_path):
    (tmp_path / "ex").mkdir()
    Image.new("RGB", (2000, 1000), "red").save(tmp_path / "ex" / "red one.png")
    Image.new("RGB", (20, 10), "red").save(tmp_path / "b.bmp")
    (tmp_path / "g.md").write_text("# Red\n\n![first](ex/red%20one.png) ![](b.bmp)\n")
    client = served(asked, guidelines=read_guidelines(tmp_path / "g.md"))
    assert client.state()["guidelines"] is True
    content = client.ask("guidelines").json["content"]
    assert content[1]["children"][0] == {"tag": "img", "picture": 0, "alt": "first", "children": []}
    reply = client.ask("example/0")
    assert reply.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(reply.content)) as image:
        assert image.size == (640, 320)
    assert client.ask("example/1").headers["Content-Type"] == "image/png"
    assert client.ask("example/2").status == 404
    (tmp_path / "b.bmp").unlink()
    assert "b.bmp" in client.ask("example/1").json["error"]


def test_without_guidelines_there_are_none(client):
    assert client.state()["guidelines"] is False
    assert client.ask("guidelines").json == {"content": []}
    assert client.ask("example/0").status == 404
