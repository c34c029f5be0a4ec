"""Label Studio: exports tasks and a labeling configuration, reads its JSON export, by file or by its SDK."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import alkit
from alkit.errors import InvalidAnswers, InvalidOption
from alkit.interfaces import Export, Item, LiveFormat, Prediction, Push, Reply, Server
from alkit.labeling import (
    ABSTAIN,
    GivenAnswer,
    Rejection,
    describe_json,
    in_order,
    load_json_parts,
    write_atomically,
)

from ..class_sets import refuse_unknown
from ..reading import json_of
from .configuration import configuration_for
from .flat import (
    TABLES,
    annotator_of,
    flat_replies,
    header_of,
    image_of,
    is_exported_table,
    is_flat,
    rows_of,
    seconds_of,
)
from .results import control_of, label_of, results_for
from .server import pull, push

MAX_EMBEDDED = 2 * 10**8  # bytes in one file; Label Studio accepts 250 MB
TYPES = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".gif": "gif", ".webp": "webp", ".bmp": "bmp"}
Task = dict[str, Any]


@dataclass(kw_only=True)
class LabelStudio(LiveFormat):
    """Tasks in rank order; `alkit_index` and `alkit_hash` in its data identify an image.

    A skipped task comes back as `abstain`, and the seconds spent on it as the cost.
    """

    name: ClassVar[str] = "label-studio"
    extensions: ClassVar[tuple[str, ...]] = (".json",)
    unit: ClassVar[str] = "task"
    timed: ClassVar[bool] = True
    kinds: ClassVar[frozenset[str]] = frozenset({"class", "classes", "mask", "number", "boxes"})

    images: Literal["embed", "local", "url-prefix"] = alkit.option(
        "embed", "where the browser gets images from: the task itself, the server's disk, or a web address"
    )
    root: str = alkit.option(
        "", "with images=local: document root of the server; if empty, the folder above the pool's"
    )
    prefix: str = alkit.option(
        "", "with images=url-prefix: address to put before an image's path in the pool"
    )
    predictions: bool = alkit.option(False, "show the model's guess to annotators, which influences them")
    lead_time: bool = alkit.option(True, "record the seconds that an annotation took as its cost")

    def recognizes(self, path: Path) -> bool:
        """Accept exported tasks, and the tables that it exports as CSV and JSON-MIN."""
        if not path.is_file():
            return False
        if path.suffix.lower() in TABLES:
            return is_exported_table(header_of(path))
        return any(_is_exported(content) for _, content in json_of(path))

    def beside(self, path: Path) -> list[Path]:
        """Return the labeling configuration."""
        return [path.with_name(f"{path.stem}-config.xml")]

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the tasks, and the labeling configuration next to them."""
        (configuration,) = self.beside(path)
        text = configuration_for(export, self.kind)
        write_atomically(path, json.dumps(self.tasks(export), indent=1, ensure_ascii=False) + "\n")
        write_atomically(configuration, text)
        return [path, configuration]

    def tasks(self, export: Export) -> list[Task]:
        """Return one task per image.

        Raises:
            InvalidOption: the browser cannot get the images in this way.
        """
        if self.kind == "classes":
            refuse_unknown(export, self.name)
        predictions = export.predict() if self.predictions else {}
        tasks: list[Task] = []
        size = 0
        for item in export.items:
            image = self._image(export, item)
            size += len(image)
            if size > MAX_EMBEDDED:
                raise InvalidOption(
                    f"these images have more than {MAX_EMBEDDED:,} bytes in total; use images=local or "
                    "images=url-prefix"
                )
            prediction = predictions.get(item.index)
            tasks.append(_task(export, item, image, prediction, self.kind))
        return tasks

    def _image(self, export: Export, item: Item) -> str:
        """Return where the browser finds an image."""
        if self.images == "embed":
            kind = "png" if item.file is None else TYPES.get(item.file.suffix.lower())
            if kind is None:
                raise InvalidOption(f"browsers cannot show '{item.image}'; convert it to PNG or JPEG")
            return f"data:image/{kind};base64,{base64.b64encode(export.content(item)).decode()}"
        if item.file is None or export.location is None:
            raise InvalidOption(
                f"the pool is not a folder of files, so images={self.images} does not work; use images=embed"
            )
        if self.images == "url-prefix":
            if not self.prefix:
                raise InvalidOption("images=url-prefix needs an address; add the option prefix=https://...")
            return self.prefix + quote(_below(export.location, item))
        root = Path(self.root).expanduser() if self.root else export.location.absolute().parent
        return f"/data/local-files/?d={quote(_below(root, item))}"

    def read(self, path: Path) -> Reply:
        """Read an export: JSON, with all that is known; or CSV or JSON-MIN, which leave out skipped tasks."""
        if path.suffix.lower() in TABLES:
            return flat_replies(rows_of(path), str(path), lead_time=self.lead_time, kind=self.kind)
        parts = load_json_parts(path)
        replies = [self.replies(content, str(path)) for _, content in parts]
        return Reply(
            in_order([answer for reply in replies for answer in reply.answers]),
            [entry for reply in replies for entry in reply.rejected],
            sum(reply.blank for reply in replies),
        )

    def replies(self, content: Any, named: str) -> Reply:
        """Read exported tasks: one answer per annotation, in order of time.

        Raises:
            InvalidAnswers: it is not a list of tasks.
        """
        if not (isinstance(content, list) and all(isinstance(task, dict) for task in content)):
            raise InvalidAnswers(
                f"{named} is not a list of tasks, but {describe_json(content)}; export as JSON"
            )
        if is_flat(content):
            return flat_replies(content, named, lead_time=self.lead_time, kind=self.kind)
        if content and not any("data" in task for task in content):
            raise InvalidAnswers(
                f"{named} is {describe_json(content)}; tasks have 'data' and 'annotations': export as JSON, "
                "not as JSON-MIN"
            )
        control = control_of(each for task in content for each in _annotations(task))
        answers: list[GivenAnswer] = []
        rejected: list[Rejection] = []
        blank = 0
        for position, task in enumerate(content, start=1):
            given = _annotations(task)
            number = task["id"] if isinstance(task.get("id"), int) else position
            blank += not given
            for annotation in given:
                try:
                    answers.append(self._answer(number, task, annotation, control))
                except ValueError as error:
                    rejected.append(Rejection(number, str(error)))
        return Reply(in_order(answers), rejected, blank)

    def _answer(self, number: int, task: Task, annotation: Mapping[str, Any], control: str) -> GivenAnswer:
        """Return the answer of an annotation.

        Raises:
            ValueError: it names no image, or has not exactly one choice.
        """
        index, hash, image = image_of(_data(task), str(task.get("file_upload") or ""))
        time = annotation.get("updated_at") or annotation.get("created_at") or ""
        cost = seconds_of(annotation) if self.lead_time else None
        label = label_of(annotation, control, self.kind)
        return GivenAnswer(number, image, label, annotator_of(annotation), str(time), cost, hash, index)

    def push(self, export: Export, server: Server, *, campaign: str) -> Push:
        """Add the missing tasks to the campaign's project, in rank order."""
        storage = None
        if self.images == "local":
            storage = str(export.location and export.location.absolute())
        tasks = self.tasks(export)
        return push(
            tasks,
            configuration_for(export, self.kind),
            server,
            export.title,
            campaign,
            storage,
        )

    def pull(self, server: Server, *, campaign: str) -> Reply:
        """Fetch the export of all tasks that anyone has worked on."""
        return self.replies(pull(server, campaign), server.shown)


def _task(export: Export, item: Item, image: str, prediction: Prediction | None, kind: str) -> Task:
    known = {"alkit_index": item.index, "alkit_hash": item.hash, "alkit_rank": item.rank}
    if item.again:  # a separate task, since the task of an earlier query is done
        known["alkit_query"] = export.query
    meta = {"image": item.image, "query": export.query, "strategy": export.strategy, "score": item.score}
    if item.copied_from:
        meta["copied_from"] = item.copied_from
    task: Task = {"data": {"image": image, **known}, "meta": meta}
    if prediction is not None:
        score = prediction.probability
        guessed = dataclasses.replace(item, answer=prediction.label)
        result = [{"score": score, **each} for each in results_for(export, guessed, kind)]
        version = f"alkit-cycle-{export.cycle}"
        task["predictions"] = [{"model_version": version, "score": score, "result": result}]
    if item.answer is not None:
        skipped = item.answer == ABSTAIN and ABSTAIN not in export.classes
        task["annotations"] = [{"was_cancelled": skipped, "result": results_for(export, item, kind)}]
    return task


def _below(root: Path, item: Item) -> str:
    """Return the path of an image relative to a folder that must contain it."""
    assert item.file is not None
    path = Path(os.path.relpath(item.file.absolute(), root.absolute()))
    if path.parts[:1] == ("..",):
        raise InvalidOption(f"'{item.file}' is not inside '{root}'; set the option 'root'")
    return path.as_posix()


def _data(task: Any) -> Mapping[str, Any]:
    data = task.get("data") if isinstance(task, dict) else None
    return data if isinstance(data, dict) else {}


def _annotations(task: Task) -> list[Mapping[str, Any]]:
    annotations = task.get("annotations")
    return [each for each in annotations if isinstance(each, dict)] if isinstance(annotations, list) else []


def _is_exported(content: Any) -> bool:
    if not isinstance(content, list) or not any(isinstance(task, dict) for task in content):
        return False
    return is_flat(content) or any(
        _data(task).get("alkit_hash") or (_data(task) and isinstance(task.get("annotations"), list))
        for task in content
        if isinstance(task, dict)
    )


@alkit.hookimpl
def alkit_formats() -> list[type[LabelStudio]]:
    """Offer Label Studio."""
    return [LabelStudio]
