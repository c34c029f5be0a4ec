"""The kit finds what a source does wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from alkit.data import ArraySource, DecodedImage, Source
from alkit.testing import check_source
from alkit.testing.hints import ADVICE

VALUES = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)


class Good(ArraySource):
    name = "good"

    def __init__(self, location: str) -> None:
        super().__init__(location, VALUES, list("ababab"), ("a", "b"))

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> Source:
        return cls(location)


def failed(source: type[Source]) -> list[str]:
    return [result.check for result in check_source("here", source) if not result.ok]


def test_a_good_one_passes() -> None:
    assert failed(Good) == []


def raising(*_: Any, **__: Any) -> Any:
    raise ValueError("no")


BAD: dict[str, dict[str, Callable[..., Any]]] = {
    "opens-again": {"keys": lambda self: [f"{id(self)}-{index}" for index in range(6)]},
    "names-images": {"keys": lambda _: ["0", "0"]},
    "reads-images": {"read": lambda *_, **__: DecodedImage("0" * 64, 4, 5, VALUES[0, :, :, 0])},
    "keeps-all-bits": {"read": lambda *_, **__: DecodedImage("0" * 64, 4, 5, VALUES[0])},
    "unknown-key-is-unusable": {"read": raising},
    "looks-as-it-reads": {"header": lambda *_: (3, 4, 4)},
    "shows-pictures": {"picture": lambda *_: ("", VALUES[0].astype(np.uint16))},
    "knows-its-images": {"columns": lambda _: {"cost": {"0": 3}}},
}


@pytest.mark.parametrize("check", BAD)
def test_a_bad_one_fails(check: str) -> None:
    assert check in failed(type("Bad", (Good,), dict(BAD[check])))


def test_an_image_that_depends_on_the_thread_fails() -> None:
    class Shared(Good):
        calls = 0

        def read(self, key: str, *, at_least: tuple[int, int] | None = None) -> DecodedImage:
            type(self).calls += 1
            found = super().read(key)
            return DecodedImage(found.hash, 4, 5, (VALUES[0] + self.calls % 251).astype(np.uint8))

    assert "reads-from-threads" in failed(Shared)


def test_a_plugin_that_does_not_open_the_location_fails() -> None:
    results = {result.check: result for result in check_source("digits", "folder")}
    assert not results["opened-by-its-plugin"].ok


def test_each_check_is_tested_here() -> None:
    assert {*BAD, "reads-from-threads", "opened-by-its-plugin"} == set(ADVICE["source"])


def test_channels_that_come_first_are_told() -> None:
    def read(self: Source, key: str, **_: Any) -> DecodedImage:
        return DecodedImage("0" * 64, 4, 5, VALUES[0].transpose(2, 0, 1))

    results = {
        result.check: result for result in check_source("here", type("First", (Good,), {"read": read}))
    }
    assert (
        "is 5 x 4 (height, width), but its pixels have the shape (3, 5, 4)"
        in results["reads-images"].sentence
    )
