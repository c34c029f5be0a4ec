"""Hugging Face: a folder that `datasets.load_dataset` opens, with images and labels in Parquet files."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import alkit
from alkit import AlkitError
from alkit.errors import InvalidAnswers, reason_of
from alkit.interfaces import Export, Format, Item, Reply
from alkit.labeling import ABSTAIN, UNUSABLE, GivenAnswer, whole, write_atomically

AT_ONCE = 100  # images in memory
COPIED = "copied_from"
SHARD_BYTES = 500_000_000
CARD = """---
task_categories:
- image-classification
size_categories:
- {size}
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
{numbered}  - name: key
    dtype: string
  - name: index
    dtype: int64
  - name: hash
    dtype: string
{more}configs:
- config_name: default
  data_files:
{files}---

# {title}

{total} images with labels, exported by alkit: `image` holds the original file, `label` the class, `key` the
image's name where it came from, `index` its position there, and `hash` the SHA-256 of its content.{copied}

```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder")
```

| class | {splits} |
|---|{line}
{rows}
Images of a pool are labeled because they were chosen to teach a model: shares of classes among them are not
those of the pool.
"""


@dataclass(kw_only=True)
class HuggingFace(Format):
    """Parquet files with image bytes, label and split, and a data set card; index and hash name an image."""

    name: ClassVar[str] = "huggingface"
    extensions: ClassVar[tuple[str, ...]] = ("",)
    unit: ClassVar[str] = "row"

    shard_bytes: int = alkit.option(SHARD_BYTES, "most bytes of images in a Parquet file", minimum=1)

    def recognizes(self, path: Path) -> bool:
        """Accept a folder with Parquet files in `data`."""
        return path.is_dir() and bool(_files(path))

    def write(self, export: Export, path: Path) -> Sequence[Path]:
        """Write the folder, with a single split `train`."""
        return self.write_splits({"train": export}, path)

    def write_splits(self, exports: Mapping[str, Export], path: Path) -> Sequence[Path]:
        """Write the folder, with Parquet files for each split."""
        _arrow()
        names = _label_names(exports)
        copies = any(item.copied_from for export in exports.values() for item in export.items)
        with whole(path) as folder:
            (folder / "data").mkdir()
            for split, export in exports.items():
                shards = self._shards(export.items)
                for number, items in enumerate(shards):
                    file = folder / "data" / f"{split}-{number:05}-of-{len(shards):05}.parquet"
                    _write(export, items, names, file, copies=copies)
            write_atomically(folder / "README.md", _card(exports, names, copies=copies))
        return [path]

    def _shards(self, items: Sequence[Item]) -> list[list[Item]]:
        """Return the images in order, in parts of at most `shard_bytes` or a single image."""
        shards: list[list[Item]] = [[]]
        used = 0
        for item in items:
            size = 3 * item.width * item.height if item.file is None else item.file.stat().st_size
            if shards[-1] and used + size > self.shard_bytes:
                shards.append([])
                used = 0
            shards[-1].append(item)
            used += size
        return shards

    def read(self, path: Path) -> Reply:
        """Read the label of each row; the pixels are not looked at.

        Splits and shards are read in the order of their names.
        """
        files = _files(path) if path.is_dir() else []
        if not files:
            raise InvalidAnswers(f"{path} should be a folder with Parquet files in 'data'")
        _, parquet = _arrow()
        reply = Reply()
        blank = number = 0
        for file in files:
            try:
                with parquet.ParquetFile(file) as table:
                    labels = _labels_of(table.schema_arrow)
                    rows = table.read(columns=["label", "index", "hash"]).to_pylist()
            except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's own errors are among them
                raise InvalidAnswers(
                    f"{file} cannot be read as images with labels: {reason_of(error)}"
                ) from error
            for row in rows:
                number += 1
                label = row["label"]
                if label is None or label == -1:
                    blank += 1
                elif not 0 <= label < len(labels):
                    reply.reject(number, f"has the label {label}, while the names end at {len(labels) - 1}")
                else:
                    answer = GivenAnswer(number, "", labels[label], index=row["index"], hash=row["hash"])
                    reply.answers.append(answer)
        return Reply(reply.answers, reply.rejected, blank)


def _files(path: Path) -> list[Path]:
    return sorted((path / "data").glob("*.parquet"))


def _arrow() -> tuple[Any, Any]:
    """Import pyarrow.

    Raises:
        AlkitError: it is not installed.
    """
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise AlkitError(
            "the format 'huggingface' needs pyarrow; install it with: pip install 'alkit[parquet]'"
        ) from error


def _label_names(exports: Mapping[str, Export]) -> list[str]:
    """Return the classes, and after them the other answers that occur."""
    (first, *_) = exports.values()
    answers = {item.answer for export in exports.values() for item in export.items}
    return [*first.classes, *(w for w in (ABSTAIN, UNUSABLE) if w in answers and w not in first.classes)]


def _write(export: Export, items: Sequence[Item], names: Sequence[str], file: Path, *, copies: bool) -> None:
    """Write a file, with a column for the images that labels were copied from if there are copies."""
    arrow, parquet = _arrow()
    numbers = {name: number for number, name in enumerate(names)}
    image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    schema = arrow.schema(
        [
            ("image", image),
            ("label", arrow.int64()),
            ("key", arrow.string()),
            ("index", arrow.int64()),
            ("hash", arrow.string()),
            *([(COPIED, arrow.string())] if copies else []),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": _features(names, copies=copies)}})},
    )
    with parquet.ParquetWriter(file, schema) as writer:
        for start in range(0, len(items), AT_ONCE):
            rows = [
                {
                    "image": {"bytes": export.content(item), "path": Path(item.image).name},
                    "label": None if item.answer is None else numbers[item.answer],
                    "key": item.image,
                    "index": item.index,
                    "hash": item.hash,
                    **({COPIED: item.copied_from or None} if copies else {}),
                }
                for item in items[start : start + AT_ONCE]
            ]
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


def _features(names: Sequence[str], *, copies: bool) -> dict[str, Any]:
    """Return the columns as `datasets` describes them in the metadata of a Parquet file."""
    return {
        "image": {"_type": "Image"},
        "label": {"names": list(names), "_type": "ClassLabel"},
        "key": {"dtype": "string", "_type": "Value"},
        "index": {"dtype": "int64", "_type": "Value"},
        "hash": {"dtype": "string", "_type": "Value"},
        **({COPIED: {"dtype": "string", "_type": "Value"}} if copies else {}),
    }


def _labels_of(schema: Any) -> list[str]:
    """Return the names of the labels from the metadata of a Parquet file."""
    described = json.loads((schema.metadata or {})[b"huggingface"])
    names = described["info"]["features"]["label"]["names"]
    return [str(name) for name in names]


def _card(exports: Mapping[str, Export], names: Sequence[str], *, copies: bool) -> str:
    """Return the card of the data set: YAML that `datasets` reads, then Markdown."""
    (first, *_) = exports.values()
    total = sum(len(export.items) for export in exports.values())
    numbered = "".join(f"          '{number}': {json.dumps(name)}\n" for number, name in enumerate(names))
    files = "".join(f"  - split: {split}\n    path: data/{split}-*\n" for split in exports)
    counts = [Counter(item.answer for item in export.items) for export in exports.values()]
    rows = "".join(
        f"| {_cell(name)} | {' | '.join(f'{count[name]:,}' for count in counts)} |\n" for name in names
    )
    return CARD.format(
        more=f"  - name: {COPIED}\n    dtype: string\n" if copies else "",
        copied=f"\n`{COPIED}` is the image that a label was copied from, where nobody gave one."
        if copies
        else "",
        size=_size(total),
        numbered=numbered,
        files=files,
        title=first.title,
        total=f"{total:,}",
        splits=" | ".join(exports),
        line="---:|" * len(exports),
        rows=rows,
    )


def _cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return text.replace("|", "\\|")


def _size(total: int) -> str:
    """Return the category of a number of images, as the hub names them."""
    steps = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((name for limit, name in steps if total < limit), "1M<n<10M")


@alkit.hookimpl
def alkit_formats() -> list[type[Format]]:
    """Offer folders for Hugging Face datasets."""
    return [HuggingFace]
