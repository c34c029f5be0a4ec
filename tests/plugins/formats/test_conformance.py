"""The conformance kit on every format that comes with alkit."""

from __future__ import annotations

from typing import ClassVar

from alkit.plugin import registry
from alkit.testing import FormatTests


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


class TestFoldersOfLinks(FormatTests):
    name = "folders"
    options: ClassVar = {"images": "link"}


class TestFiftyOne(FormatTests):
    name = "fiftyone"


class TestFiftyOneLinks(FormatTests):
    name = "fiftyone"
    options: ClassVar = {"images": "link"}


def test_nothing_that_comes_with_alkit_is_left_out() -> None:
    tests = [
        value for value in globals().values() if isinstance(value, type) and issubclass(value, FormatTests)
    ]
    own = {plugin.name for plugin in registry.formats if plugin.distribution == "alkit"}
    assert own == {test.name for test in tests} - {""}
