"""The conformance kit on every format that comes with alkit."""

from __future__ import annotations

import importlib.util
from typing import ClassVar

import pytest

from alkit.plugin import registry
from alkit.testing import FormatTests

PYARROW = importlib.util.find_spec("pyarrow") is not None


class TestCsv(FormatTests):
    name = "csv"


class TestJsonl(FormatTests):
    name = "jsonl"


class TestLabelStudio(FormatTests):
    name = "label-studio"


class TestLabelStudioLocal(FormatTests):
    name = "label-studio"
    options: ClassVar = {"images": "local", "predictions": "true"}


class TestLabelStudioPrefix(FormatTests):
    name = "label-studio"
    options: ClassVar = {"images": "url-prefix", "prefix": "https://example.org/"}


class TestCvat(FormatTests):
    name = "cvat"


class TestCoco(FormatTests):
    name = "coco"


class TestCocoCopies(FormatTests):
    name = "coco"
    options: ClassVar = {"images": "copy"}


class TestFolders(FormatTests):
    name = "folders"


@pytest.mark.skipif(not PYARROW, reason="pyarrow is not installed")
class TestHuggingFace(FormatTests):
    name = "huggingface"


@pytest.mark.skipif(not PYARROW, reason="pyarrow is not installed")
class TestHuggingFaceShards(FormatTests):
    name = "huggingface"
    options: ClassVar = {"shard_bytes": "150"}


class TestFoldersOfLinks(FormatTests):
    name = "folders"
    options: ClassVar = {"images": "link"}


class TestFiftyOne(FormatTests):
    name = "fiftyone"


class TestFiftyOneLinks(FormatTests):
    name = "fiftyone"
    options: ClassVar = {"images": "link"}


class TestCocoOfPolygons(FormatTests):
    name = "coco"
    options: ClassVar = {"masks": "polygon"}


class TestYolo(FormatTests):
    name = "yolo"


class TestVoc(FormatTests):
    name = "voc"


class TestMasks(FormatTests):
    name = "masks"


def test_nothing_that_comes_with_alkit_is_left_out() -> None:
    tests = [
        value for value in globals().values() if isinstance(value, type) and issubclass(value, FormatTests)
    ]
    own = {plugin.name for plugin in registry.formats if plugin.distribution == "alkit"}
    assert own == {test.name for test in tests} - {""}
