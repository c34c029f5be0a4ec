"""Other tools read what alkit writes and write it again, in the same format or in another one."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .features import plain
from .made import Pool, make_pool
from .trips import Arrived, compare, read, write

Convert = Callable[[Path, Path, Pool], Path]


@dataclass(frozen=True)
class Conversion:
    """One conversion by a tool.

    Attributes:
        tool: its name as a distribution.
        kind: of the labels.
        source: the format that alkit writes.
        target: the format that alkit reads.
        convert: makes the tool read a path and write into a folder; returns what alkit reads.
        options: of the format that alkit writes.
    """

    tool: str
    kind: str
    source: str
    target: str
    convert: Convert
    options: tuple[tuple[str, Any], ...] = ()


def outcome(conversion: Conversion, folder: Path) -> str:
    """Say what is left after a conversion."""
    classes = ("cat", "dog", "traffic light")
    pool = make_pool(folder, conversion.kind, classes=classes, names=[f"{n} b.png" for n in range(6)])
    sent: dict[int, str] = plain(pool)
    if conversion.kind == "boxes":
        sent[5] = "none"
    path = write(conversion.source, pool, sent, folder / "written", **dict(conversion.options))
    (folder / "converted").mkdir()
    try:
        found = conversion.convert(path, folder / "converted", pool)
        arrived = read(conversion.target, pool, found)
    except ModuleNotFoundError:
        return "not installed"
    except Exception as error:  # of somebody else's code
        said = " ".join(str(error).split())
        return f"fails: {type(error).__name__}: {said:.120}"
    return _said(pool, sent, arrived)


def _said(pool: Pool, sent: Mapping[int, str], arrived: Arrived) -> str:
    difference = compare(pool, sent, arrived.texts)
    empty = pool.kind == "boxes" and 5 not in arrived.texts
    missing = difference.missing - empty
    parts = []
    if pool.kind == "boxes":
        parts.append(f"boxes within {difference.pixels:.4f} pixels" if missing < 5 else "")
    elif pool.kind == "mask":
        total = sum(item.width * item.height for item in pool.items)
        parts.append(f"{difference.pixels:.0f} of {total:,} pixels differ" if missing < 6 else "")
    parts.append("the empty image comes back unanswered" if empty else "")
    parts.append(f"{missing} images lost" if missing else "")
    parts.append(f"{difference.changed} changed" if pool.kind == "classes" and difference.changed else "")
    parts.append(f"rejected: {arrived.rejected[0]:.100}" if arrived.rejected else "")
    return "; ".join(part for part in parts if part) or "kept"


# -- pycocotools ---------------------------------------------------------------------------------------


def _pycocotools(path: Path, folder: Path, pool: Pool) -> Path:
    """Let pycocotools decode every annotation, and write what it found as run lengths."""
    COCO = importlib.import_module("pycocotools.coco").COCO
    codec = importlib.import_module("pycocotools.mask")
    data = COCO(str(path))
    for annotation in data.dataset["annotations"]:
        if pool.kind == "mask":
            runs = codec.encode(np.asfortranarray(data.annToMask(annotation)))
            annotation["segmentation"] = {"size": runs["size"], "counts": runs["counts"].decode()}
    target = folder / "out.json"
    target.write_text(json.dumps(data.dataset))
    return target


# -- supervision ---------------------------------------------------------------------------------------


def _supervision(source: str, target: str) -> Convert:
    def convert(path: Path, folder: Path, pool: Pool) -> Path:
        supervision = importlib.import_module("supervision").DetectionDataset
        masks = {"force_masks": pool.kind == "mask"}
        images = path.with_name(f"{path.stem}-images")
        if source == "coco":
            content = json.loads(path.read_text())
            for image in content["images"]:
                image["file_name"] = Path(image["file_name"]).name
            path.write_text(json.dumps(content))
            data = supervision.from_coco(str(images), str(path), **masks)
        elif source == "yolo":
            data = supervision.from_yolo(
                str(path / "images" / "train"),
                str(path / "labels" / "train"),
                str(path / "data.yaml"),
                **masks,
            )
        else:
            data = supervision.from_pascal_voc(str(path / "JPEGImages"), str(path / "Annotations"), **masks)
        return _supervision_out(data, target, folder)

    return convert


def _supervision_out(data: Any, target: str, folder: Path) -> Path:
    if target == "coco":
        data.as_coco(str(folder / "images"), str(folder / "out.json"))
        return folder / "out.json"
    if target == "yolo":
        data.as_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))
        return folder
    data.as_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))
    return folder


# -- labelformat ---------------------------------------------------------------------------------------

LABELFORMAT_IN = {
    "coco": lambda path: ["coco", "--input-file", path],
    "yolo": lambda path: ["yolov8", "--input-file", path / "data.yaml", "--input-split", "train"],
    "voc": lambda path: [
        "pascalvoc",
        "--input-folder",
        path / "Annotations",
        "--category-names",
        "cat,dog,traffic light",
    ],
}
LABELFORMAT_OUT = {
    "coco": lambda folder: ["coco", "--output-file", folder / "out.json"],
    "yolo": lambda folder: ["yolov8", "--output-file", folder / "data.yaml", "--output-split", "train"],
    "voc": lambda folder: ["pascalvoc", "--output-folder", folder / "Annotations"],
}


def _labelformat(source: str, target: str) -> Convert:
    def convert(path: Path, folder: Path, pool: Pool) -> Path:
        importlib.import_module("labelformat")
        task = "object-detection" if pool.kind == "boxes" else "instance-segmentation"
        (first, *given), (second, *made) = LABELFORMAT_IN[source](path), LABELFORMAT_OUT[target](folder)
        words = ["convert", "--task", task, "--input-format", first, *given, "--output-format", second, *made]
        program = "from labelformat.cli.cli import main; main()"
        _call([sys.executable, "-c", program, *map(str, words)])
        return folder / "out.json" if target == "coco" else folder

    return convert


# -- datumaro ------------------------------------------------------------------------------------------

DATUMARO: dict[str, str | None] = {"python": None}
"""The Python that has datumaro, which does not share all versions of alkit's libraries."""
PROGRAM = """
import sys
import datumaro
source, target, path, folder = sys.argv[1:]
data = datumaro.Dataset.import_from(path, source)
if target == "yolo":
    data.transform("map_subsets", mapping={name: "train" for name in data.subsets()})
data.export(folder, target, save_media=True)
"""
NAMES = {
    ("coco", "boxes"): "coco_instances",
    ("coco", "mask"): "coco_instances",
    ("voc", "boxes"): "voc_detection",
    ("voc", "mask"): "voc_segmentation",
    ("yolo", "boxes"): "yolo",
    ("yolo", "mask"): "yolo",
    ("cvat", "boxes"): "cvat",
    ("cvat", "mask"): "cvat",
}


def _datumaro(source: str, target: str) -> Convert:
    def convert(path: Path, folder: Path, pool: Pool) -> Path:
        python = DATUMARO["python"] or sys.executable
        if DATUMARO["python"] is None:
            importlib.import_module("datumaro")
        given = path
        if source == "coco":
            given = folder.with_name("datumaro-in")
            (given / "annotations").mkdir(parents=True)
            shutil.copytree(pool.folder, given / "images" / "default")
            (given / "annotations" / "instances_default.json").write_text(path.read_text())
        if source == "cvat":
            given = folder.with_name("datumaro-in")
            given.mkdir()
            subprocess.run(["unzip", "-q", path, "-d", given], check=True)
        names = NAMES[source, pool.kind], NAMES[target, pool.kind]
        _call([python, "-c", PROGRAM, *names, str(given), str(folder / "out")])
        if target == "coco":
            return next((folder / "out" / "annotations").glob("*.json"))
        if target == "cvat":
            return next((folder / "out").glob("**/*.xml"))
        return folder / "out"

    return convert


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        raise RuntimeError(lines[-1])


def _made() -> list[Conversion]:
    found = [
        Conversion("pycocotools", "boxes", "coco", "coco", _pycocotools),
        Conversion("pycocotools", "mask", "coco", "coco", _pycocotools),
        Conversion("pycocotools", "mask", "coco", "coco", _pycocotools, (("masks", "polygon"),)),
    ]
    boxes = ("coco", "yolo", "voc")
    for source in boxes:
        for target in boxes:
            given = (("images", "copy"),) if source == "coco" else ()
            found.append(
                Conversion("supervision", "boxes", source, target, _supervision(source, target), given)
            )
            found.append(Conversion("labelformat", "boxes", source, target, _labelformat(source, target)))
    polygons = (("images", "copy"), ("masks", "polygon"))
    for source, target in (("coco", "coco"), ("coco", "yolo"), ("yolo", "coco"), ("yolo", "yolo")):
        given = polygons if source == "coco" else ()
        found.append(Conversion("supervision", "mask", source, target, _supervision(source, target), given))
        found.append(
            Conversion(
                "labelformat",
                "mask",
                source,
                target,
                _labelformat(source, target),
                polygons[1:] if given else (),
            )
        )
    every = ("coco", "yolo", "voc", "cvat")
    found += [Conversion("datumaro", "boxes", s, t, _datumaro(s, t)) for s in every for t in every]
    drawn = ("coco", "voc", "cvat")
    found += [Conversion("datumaro", "mask", s, t, _datumaro(s, t)) for s in drawn for t in drawn]
    found.append(
        Conversion("datumaro", "mask", "coco", "coco", _datumaro("coco", "coco"), (("masks", "polygon"),))
    )
    return found


CONVERSIONS = _made()


def version(tool: str) -> str | None:
    """Return the version of a tool that is used, or None."""
    if tool == "datumaro" and DATUMARO["python"]:
        program = "import importlib.metadata as m; print(m.version('datumaro'))"
        return subprocess.run(
            [DATUMARO["python"], "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        return None
