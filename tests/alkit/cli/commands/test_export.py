"""`alkit export`, and `alkit ingest` of what comes back in any format."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit.plugin import registry

Alkit = Callable[..., Any]
Contents = Callable[[Path], dict[str, str]]
PYARROW = importlib.util.find_spec("pyarrow") is not None
NAMES = [
    pytest.param(
        plugin.name,
        marks=pytest.mark.skipif(
            plugin.name == "huggingface" and not PYARROW, reason="pyarrow is not installed"
        ),
    )
    for plugin in registry.formats
    if plugin.distribution == "alkit" and "class" in registry.formats.get(plugin.name).kinds
]


@pytest.fixture
def asked(alkit: Alkit, labeled: Path, here: Path) -> Path:
    """A campaign with an open query of 4."""
    alkit("query", "-c", labeled, "-n", "4", "-s", "random")
    return labeled


def fill_in(name: str, path: Path, kinds: dict[int, str]) -> None:
    """Label each image by its index, as each tool would write it down."""
    from alkit.labeling.file_names import find_mark

    def kind(marked: str) -> str:
        mark = find_mark(marked)
        assert mark is not None
        return kinds[int(mark[0])]

    if name == "csv":
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0], *(line + kinds[int(line.split(",")[1])] for line in lines[1:])]))
    elif name == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("\n".join(json.dumps(row | {"label": kinds[row["index"]]}) for row in rows))
    elif name == "label-studio":
        tasks = json.loads(path.read_text())
        for task in tasks:
            value = {"choices": [kinds[task["data"]["alkit_index"]]]}
            task["annotations"] = [
                {"result": [{"type": "choices", "value": value}], "updated_at": "2026-01-01"}
            ]
        path.write_text(json.dumps(tasks))
    elif name == "cvat":
        import zipfile

        with zipfile.ZipFile(path) as archive:
            names = [Path(n).name for n in archive.namelist() if n.startswith("images/")]
        tags = "".join(f'<image name="{n}"><tag label="{kind(n)}"/></image>' for n in names)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("annotations.xml", f"<annotations>{tags}</annotations>")
    elif name == "coco":
        content = json.loads(path.read_text())
        numbers = {row["name"]: row["id"] for row in content["categories"]}
        content["annotations"] = [
            {"image_id": row["id"], "category_id": numbers[kinds[row["alkit_index"]]]}
            for row in content["images"]
        ]
        path.write_text(json.dumps(content))
    elif name == "folders":
        for file in sorted((path / "_unlabeled").iterdir()):
            shutil.move(file, path / kind(file.name) / file.name)
    elif name == "huggingface":
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        (file,) = (path / "data").glob("*.parquet")
        table = parquet.read_table(file)
        described = json.loads(table.schema.metadata[b"huggingface"])
        numbers = described["info"]["features"]["label"]["names"]
        labels = [numbers.index(kinds[index]) for index in table["index"].to_pylist()]
        parquet.write_table(table.set_column(1, table.schema.field("label"), arrow.array(labels)), file)
    else:
        content = json.loads((path / "labels.json").read_text())
        content["labels"] = {marked: kind(marked) for marked in content["labels"]}
        (path / "labels.json").write_text(json.dumps(content))


@pytest.mark.parametrize("name", NAMES)
def test_out_filled_in_and_back(
    alkit: Alkit, asked: Path, pictures: Path, contents: Contents, name: str
) -> None:
    originals = contents(pictures)
    shown = alkit("export", "-c", asked, "-f", name, "--json").json
    assert shown["images"] == 4
    path = Path(shown["written"][0])
    assert path.parent == asked / "queries"
    assert path.name.startswith(f"001-{name}")
    before = alkit("status", "-c", asked, "--json").json
    assert alkit("ingest", "-c", asked, path, "--json").json["blank"] == 4

    picks = alkit("query", "-c", asked, "-n", "4", "--json").json["picks"]
    fill_in(name, path, {pick["index"]: pick["image"].split("/")[0] for pick in picks})
    dry = alkit("ingest", "-c", asked, path, "--dry-run")
    assert dry.out.splitlines()[0].startswith("4 answers would be accepted (0 corrections, 0 not asked)")
    assert dry.out.splitlines()[-1] == "dry run        nothing is kept"
    assert alkit("status", "-c", asked, "--json").json == before
    receipt = alkit("ingest", "-c", asked, path, "--json").json
    assert (receipt["accepted"], receipt["still_open"], receipt["rejected"]) == (4, 0, [])
    again = alkit("ingest", "-c", asked, path, "--json").json
    assert (again["accepted"], again["unchanged"]) == (0, 4)
    assert contents(pictures) == originals


@pytest.mark.parametrize("name", [name for name in NAMES if name.values != ("csv",)])
def test_answers_for_another_campaign_are_refused_in_one_sentence(
    alkit: Alkit,
    alkit_ends: Alkit,
    asked: Path,
    make_pictures: Callable[..., Path],
    contents: Contents,
    name: str,
) -> None:
    other = make_pictures(Path("others"), seed=1)
    alkit("init", "other", "--pool", other, "--classes", "red,green,blue")
    alkit("query", "-c", "other", "-n", "3")
    path = Path(alkit("export", "-c", "other", "-f", name, "--json").json["written"][0])
    picks = alkit("query", "-c", "other", "-n", "3", "--json").json["picks"]
    fill_in(name, path, {pick["index"]: "red" for pick in picks})
    before = contents(asked)
    said = alkit_ends("ingest", "-c", asked, path)
    assert (said.code, said.out) == (1, "")
    assert "is about images that differ from those of this campaign" in said.error
    assert contents(asked) == before


def test_one_foreign_image_costs_nothing_that_is_good(alkit: Alkit, asked: Path) -> None:
    path = Path(alkit("export", "-c", asked, "-f", "jsonl", "--json").json["written"][0])
    rows = [json.loads(line) | {"label": "red"} for line in path.read_text().splitlines()]
    rows[1]["hash"] = "0" * 64
    path.write_text("\n".join(map(json.dumps, rows)))
    said = alkit("ingest", "-c", asked, path)
    assert said.out.startswith("3 answers accepted")
    assert said.err.strip() == f"line 2: '{rows[1]['image']}' with hash 00000000... is not in this pool"


def test_a_mended_answer_is_a_correction(alkit: Alkit, asked: Path) -> None:
    path = Path(alkit("export", "-c", asked, "-f", "folders", "--json").json["written"][0])
    first = sorted((path / "_unlabeled").iterdir())[0]
    moved = shutil.move(first, path / "red" / first.name)
    alkit("ingest", "-c", asked, path)
    shutil.move(moved, path / "blue" / first.name)
    receipt = alkit("ingest", "-c", asked, path, "--annotator", "ada", "--json").json
    assert (receipt["accepted"], receipt["corrected"]) == (1, 1)


def test_only_what_is_not_answered_goes_out(alkit: Alkit, asked: Path) -> None:
    listed = (asked / "queries" / "001.csv").read_text().splitlines()
    Path("one.csv").write_text("\n".join([listed[0], listed[1] + "red"]))
    alkit("ingest", "-c", asked, "one.csv")
    shown = alkit("export", "-c", asked, "-f", "jsonl", "--out", "rest.jsonl", "--json").json
    assert shown["images"] == 3
    ranks = [json.loads(line)["rank"] for line in Path("rest.jsonl").read_text().splitlines()]
    assert ranks == [2, 3, 4]


def test_all_labeled_images_with_their_labels(alkit: Alkit, labeled: Path, here: Path) -> None:
    said = alkit("export", "-c", labeled, "-f", "folders", "--labeled", "--out", "data")
    assert said.out.splitlines() == ["12 labeled images, as folders", "written        data"]
    assert len(list(Path("data/red").iterdir())) == 4
    assert alkit("ingest", "-c", labeled, "data", "--json").json["unchanged"] == 12
    assert sorted(path.name for path in Path("data").iterdir()) == ["blue", "green", "red"]


def test_the_splits_are_the_labels_and_the_test_images(
    alkit: Alkit, labeled: Path, pictures: Path, here: Path, make_pictures: Callable[..., Path]
) -> None:
    test = make_pictures(here / "test", each=5, seed=9)
    alkit("init", "camp2", "--pool", pictures, "--test", test, "--classes", "red,green,blue")
    Path("known.csv").write_text("image,label\nred/00.png,red\ngreen/00.png,green\n")
    alkit("ingest", "-c", "camp2", "known.csv")
    said = alkit("export", "-c", "camp2", "-f", "folders", "--labeled", "--splits", "--out", "data")
    assert said.out.splitlines() == [
        "17 labeled images, as folders",
        "train          2",
        "test           15",
        "written        data",
    ]
    assert sorted(path.name for path in Path("data").iterdir()) == ["test", "train"]
    assert {path.name: len(list(path.iterdir())) for path in Path("data/test").iterdir()} == {
        "red": 5,
        "green": 5,
        "blue": 5,
    }
    told = alkit(
        "export", "-c", "camp2", "-f", "coco", "--labeled", "--splits", "--out", "coco", "--json"
    ).json
    assert (told["images"], told["splits"]) == (17, {"train": 2, "test": 15})
    found = json.loads(Path("coco/test.json").read_text())
    assert found["images"][0]["file_name"] == "blue/00.png"
    assert len(found["annotations"]) == 15


def test_held_out_images_stay_in_the_test_split_when_labels_are_added(
    alkit: Alkit, labeled: Path, here: Path
) -> None:
    def splits(out: str) -> dict[str, set[str]]:
        alkit("export", "-c", labeled, "-f", "jsonl", "--labeled", "--test-share", "0.4", "--out", out)
        return {
            split: {
                json.loads(line)["image"] for line in Path(out, f"{split}.jsonl").read_text().splitlines()
            }
            for split in ("train", "test")
        }

    before = splits("before")
    assert not before["train"] & before["test"]
    assert sum(map(len, before.values())) == 12
    Path("more.csv").write_text(
        "image,label\n" + "".join(f"red/{number}.png,red\n" for number in range(10, 20))
    )
    alkit("ingest", "-c", labeled, "more.csv")
    after = splits("after")
    assert before["train"] < after["train"]
    assert before["test"] < after["test"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--splits"], "for labeled images; add --labeled"),
        (["--labeled", "--splits"], "the campaign has no test images; hold labeled images out"),
        (["--labeled", "--test-share", "2"], "should be between 0 and 1, not 2"),
        (["--labeled", "--test-share", "0.0001"], "leaves a split empty"),
    ],
)
def test_splits_that_cannot_be_made(
    alkit_ends: Alkit, labeled: Path, here: Path, words: list[str], message: str
) -> None:
    said = alkit_ends("export", "-c", labeled, "-f", "csv", *words, "--out", "data")
    assert (said.code, message in said.error) == (2, True), said.error
    assert not Path("data").exists()


def test_nothing_is_written_over(alkit: Alkit, alkit_ends: Alkit, asked: Path) -> None:
    alkit("export", "-c", asked, "-f", "jsonl", "--out", "a.jsonl")
    before = Path("a.jsonl").read_bytes()
    said = alkit_ends("export", "-c", asked, "-f", "jsonl", "--out", "a.jsonl")
    assert said.code == 2
    assert re.match(r"a\.jsonl .*exists; .*--out", said.error)
    assert Path("a.jsonl").read_bytes() == before


def test_a_file_is_called_by_what_it_is(alkit: Alkit, alkit_ends: Alkit, asked: Path) -> None:
    for name, out, endings in (("coco", "a.zip", ".json"), ("cvat", "a.csv", ".zip or .xml")):
        said = alkit_ends("export", "-c", asked, "-f", name, "--out", out)
        assert re.search(rf"{name} .*{re.escape(endings)}, .*'{re.escape(out)}'; .*--out", said.error)
        assert not Path(out).exists()
    alkit("export", "-c", asked, "-f", "cvat", "--out", "A.XML")
    alkit("export", "-c", asked, "-f", "folders", "--out", "a.b")


@pytest.mark.parametrize(
    ("words", "there"),
    [(["label-studio"], "a-config.xml"), (["coco", "-o", "images=copy"], "a-images"), (["coco"], "a.json")],
)
def test_nothing_beside_is_written_over(
    alkit_ends: Alkit, asked: Path, contents: Contents, words: list[str], there: str
) -> None:
    Path("mine").mkdir()
    Path("mine", there).symlink_to("nowhere")
    before = contents(Path())
    said = alkit_ends("export", "-c", asked, "-f", *words, "--out", "mine/a.json")
    assert re.match(rf"mine/{re.escape(there)} .*exists; .*--out", said.error)
    assert contents(Path()) == before


def test_predictions_only_where_a_model_has_chosen(
    alkit: Alkit, alkit_ends: Alkit, labeled: Path, here: Path
) -> None:
    alkit("query", "-c", labeled, "-n", "3", "-s", "entropy")
    alkit("export", "-c", labeled, "-f", "label-studio", "--out", "plain.json")
    assert "predictions" not in json.loads(Path("plain.json").read_text())[0]
    for cache in ("cache", "checkpoints"):
        shutil.rmtree(labeled / cache)
    alkit("export", "-c", labeled, "-f", "label-studio", "-o", "predictions=true", "--out", "shown.json")
    (prediction,) = json.loads(Path("shown.json").read_text())[0]["predictions"]
    assert prediction["result"][0]["value"]["choices"][0] in ("red", "green", "blue")
    assert 1 / 3 <= prediction["score"] <= 1
    alkit("query", "-c", labeled, "-n", "3", "-s", "random", "--new")
    said = alkit_ends(
        "export", "-c", labeled, "-f", "label-studio", "-o", "predictions=true", "--out", "no.json"
    )
    assert "chosen without a model" in said.error
    assert not Path("no.json").exists()


def test_an_image_that_has_changed_is_left_out(
    alkit: Alkit, make_pictures: Callable[..., Path], here: Path
) -> None:
    pool = make_pictures(Path("mine"))
    alkit("init", "camp", "--pool", pool, "--classes", "red,green,blue")
    picks = alkit("query", "-c", "camp", "-n", "4", "--json").json["picks"]
    (pool / picks[0]["image"]).write_bytes(b"changed")
    said = alkit("export", "-c", "camp", "-f", "jsonl")
    assert "query 1: 3 images to label, as jsonl" in said.out
    assert "1 image has changed" in said.err


def test_a_pool_without_files_goes_out_as_png(alkit: Alkit, alkit_ends: Alkit, here: Path) -> None:
    alkit("init", "digits", "--pool", "digits")
    alkit("query", "-c", "digits", "-n", "2", "-s", "random")
    alkit("export", "-c", "digits", "-f", "folders", "-o", "images=link", "--out", "out")
    first, _ = sorted(Path("out/_unlabeled").iterdir())
    assert first.read_bytes()[:4] == b"\x89PNG"
    said = alkit_ends("export", "-c", "digits", "-f", "label-studio", "-o", "images=local")
    assert re.search("images=local .*images=embed", said.error)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("export -f jsonl", 1, "no query is open"),
        ("export -f nothing", 2, "'nothing' in alkit.formats; choose from coco, csv, "),
        ("export -f cvat -o images=copy", 2, "has no option 'images'"),
        ("ingest known.csv --format coco", 1, "cannot be read as JSON"),
        ("ingest notes.txt", 1, "with --format"),
        ("ingest known.csv -o a=b", 2, "has no option 'a'"),
        ("ingest --oracle dataset --dry-run", 2, "--dry-run, --format, "),
    ],
)
def test_what_cannot_be_is_one_sentence(
    alkit_ends: Alkit, labeled: Path, here: Path, words: str, code: int, message: str
) -> None:
    Path("known.csv").write_text("image,label\nred/10.png,red\n")
    Path("notes.txt").write_text("hello\n")
    command, *rest = words.split()
    said = alkit_ends(command, "-c", labeled, *rest)
    assert (said.code, said.out) == (code, "")
    assert message in said.error
