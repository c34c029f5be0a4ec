"""What a format keeps besides plain labels: names, empty images, crowds, void, and nothing of other pools."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from alkit.errors import AlkitError
from alkit.interfaces import Item, Mask

from .made import NAMES, Pool, make_pool
from .trips import compare, read, trip, write

Feature = Callable[[str, str, Path], str]
KEPT, NONE = "kept", "-"


def unanswered(name: str, kind: str, folder: Path) -> str:
    """Images without an answer stay unanswered."""
    pool = make_pool(folder, kind)
    sent: dict[int, str | None] = {**plain(pool), 6: None, 7: None}
    arrived = trip(name, pool, sent, folder / "trip")
    wrong = [index for index in (6, 7) if index in arrived.texts]
    lost = sum(index not in arrived.texts for index in range(6))
    said = [f"{len(wrong)} come back answered"] if wrong else []
    said += [f"{lost} answers of others are lost"] if lost else []
    said += [f"{arrived.blank} counted instead of 2"] if arrived.blank not in (2, 0) else []
    return "; ".join(said) or KEPT


def nothing(name: str, kind: str, folder: Path) -> str:
    """That there is nothing in an image is an answer."""
    if kind not in ("boxes", "classes", "mask"):
        return NONE
    classes = ("background", "cat", "dog") if kind == "mask" else ("cat", "dog")
    pool = make_pool(folder, kind, classes=classes)
    sent = dict(plain(pool))
    if isinstance(pool.labels, Mask):
        size = next(item for item in pool.items if item.index == 3)
        sent[3] = pool.labels.of_numbers(np.zeros((size.height, size.width), dtype=np.uint8))
    else:
        sent[3] = pool.labels.text([])
    return _said(name, pool, sent, folder)


def crowds(name: str, kind: str, folder: Path) -> str:
    """A crowd comes back as one, or the export is refused with its name."""
    if kind != "boxes":
        return NONE
    pool = make_pool(folder, kind)
    box = {"class": "cat", "x": 1, "y": 2, "width": 10, "height": 12, "crowd": True}
    try:
        return _said(name, pool, {**plain(pool), 2: json.dumps([box])}, folder)
    except AlkitError as error:
        return "refused by name" if "cat" in str(error) else f"refused: {error}"


def void(name: str, kind: str, folder: Path) -> str:
    """Void beside a class `background` is neither background nor lost."""
    if kind != "mask":
        return NONE
    pool = make_pool(folder, kind, classes=("background", "cat", "dog"))
    assert isinstance(pool.labels, Mask)
    sent = {}
    for item in pool.items:
        mask = np.zeros((item.height, item.width), dtype=np.uint8)
        mask[3:9, 3:20], mask[9:12, 5:9] = 1, 255
        sent[item.index] = pool.labels.of_numbers(mask)
    try:
        return _said(name, pool, sent, folder)
    except AlkitError as error:
        return "refused by name" if "void" in str(error) else f"refused: {error}"


def unknown(name: str, kind: str, folder: Path) -> str:
    """What is left open of a set stays open."""
    if kind != "classes":
        return NONE
    pool = make_pool(folder, kind, classes=("cat", "dog", "emu"))
    try:
        return _said(name, pool, {**plain(pool), 1: "cat;?dog"}, folder)
    except AlkitError as error:
        return "refused by name" if "dog" in str(error) else f"refused: {error}"


def file_names(name: str, kind: str, folder: Path) -> str:
    """Without alkit's marks, names alone find images: blanks, accents, twins of one stem, equal names."""
    pool = make_pool(folder, kind)
    sent = plain(pool)
    path = write(name, pool, sent, folder / "out")
    _unmark(path, pool)
    arrived = read(name, pool, path)
    difference = compare(pool, sent, arrived.texts)
    if difference.changed or difference.foreign:
        return f"{difference.changed} WRONG"
    if arrived.doubled:
        return f"{len(arrived.doubled)} DOUBLED"
    found = {item.image for item in pool.items if item.index in arrived.texts}
    lost = [each for each in NAMES if each not in found]
    return KEPT if not lost else f"refused: {', '.join(lost)}"


def foreign(name: str, kind: str, folder: Path) -> str:
    """Answers about another pool are refused."""
    pool, other = make_pool(folder / "a", kind), make_pool(folder / "b", kind, tint=7)
    arrived = read(name, other, write(name, pool, plain(pool), folder / "out"))
    by_name = "taken by name" if name in ("csv", "masks") else f"{len(arrived.texts)} TAKEN"
    return "refused" if not arrived.texts else by_name


def _said(name: str, pool: Pool, sent: Mapping[int, str], folder: Path) -> str:
    sent = {index: _canonical(pool, index, text) for index, text in sent.items()}
    difference = compare(pool, sent, trip(name, pool, dict(sent), folder / "trip").texts)
    if difference.lossless:
        return KEPT
    said = [f"{difference.missing} lost"] if difference.missing else []
    return "; ".join([*said, *([f"{difference.changed} changed"] if difference.changed else [])])


def plain(pool: Pool) -> dict[int, str]:
    """Return one plain answer for each image, all different where the kind allows it."""
    return {item.index: _plain(pool, item) for item in pool.items}


def _plain(pool: Pool, item: Item) -> str:
    names = pool.labels.classes
    name = names[item.index % len(names)]
    if isinstance(pool.labels, Mask):
        mask = np.full((item.height, item.width), 0 if names[0] == "background" else 255, dtype=np.uint8)
        mask[2 : 5 + item.index, 3:11] = item.index % len(names)
        mask[8, 20:23] = (item.index + 1) % len(names)
        rows, columns = np.indices(mask.shape)
        mask[(rows - 14) ** 2 + (columns - 20) ** 2 < 64] = (item.index + 2) % len(names)  # a disc
        mask[(rows - 14) ** 2 + (columns - 20) ** 2 < 9] = mask[0, 0]  # with a hole
        return pool.labels.of_numbers(mask)
    box = {"class": name, "x": 2 + item.index, "y": 3.125, "width": 7.5, "height": 9.001}
    values = {"class": name, "classes": [name], "number": item.index + 0.1, "boxes": [box]}
    return pool.labels.text(values[pool.kind])


def _canonical(pool: Pool, index: int, text: str) -> str:
    item = next(item for item in pool.items if item.index == index)
    return pool.labels.text(pool.parse(text, item))


def _unmark(path: Path, pool: Pool) -> None:
    """Change an export to what a tool makes that was given the images themselves, without marks."""
    names = {item.name: item.image for item in pool.items}
    if path.is_dir():
        _rename(path, {**names, **{Path(mark).stem: _stem(name) for mark, name in names.items()}})
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            content = archive.read("annotations.xml").decode()
        path.unlink()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("annotations.xml", _replaced(content, names))
    else:
        path.write_text(_without_marks(_replaced(path.read_text(), names), pool))


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix()


def _replaced(text: str, names: Mapping[str, str]) -> str:
    for mark, name in names.items():
        text = text.replace(mark, name.replace("&", "&amp;") if text.startswith("<?xml") else name)
    return text


def _rename(folder: Path, names: Mapping[str, str]) -> None:
    """Rename files, the later twin of a stem over the earlier one, and replace names in texts."""
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        if file.suffix in (".json", ".xml"):
            text = file.read_text()
            for mark, name in names.items():
                text = text.replace(mark, name.replace("&", "&amp;") if file.suffix == ".xml" else name)
            file.write_text(text)
        image = names.get(file.name)
        other = names.get(file.stem)
        if image or other:
            target = file.parent / (image or f"{other}{file.suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, target)


def _without_marks(text: str, pool: Pool) -> str:
    """Leave out index and hash, as tools do with fields that they do not know."""
    if text.startswith("{\n"):
        content = json.loads(text)
        for image in content["images"]:
            image.pop("alkit_index"), image.pop("alkit_hash")
        return json.dumps(content)
    if text.startswith("["):
        tasks = json.loads(text)
        by_rank = {item.rank: item for item in pool.items}
        for task in tasks:
            item = by_rank[task["data"]["alkit_rank"]]
            task["data"] = {"image": f"/data/upload/1/{item.image}"}
        return json.dumps(tasks)
    if text.startswith("{"):
        rows = [json.loads(line) for line in text.splitlines()]
        return "".join(json.dumps({"image": row["image"], "label": row["label"]}) + "\n" for row in rows)
    return text


FEATURES: dict[str, Feature] = {
    "unanswered": unanswered,
    "nothing there": nothing,
    "crowds": crowds,
    "void": void,
    "unknown classes": unknown,
    "names alone": file_names,
    "another pool": foreign,
}
