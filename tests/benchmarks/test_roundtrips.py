"""The benchmark of round trips: with few examples, no format loses anything; a lossy one is found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Import = Callable[[str], ModuleType]
KINDS = ("class", "classes", "number", "mask", "boxes")


@pytest.mark.parametrize("kind", ["boxes", "classes", "number"])
def test_labels_come_back_from_each_format(benchmark_module: Import, kind: str) -> None:
    roundtrips = benchmark_module("roundtrips")
    for name in roundtrips.formats(kind):
        assert roundtrips.through((name,), kind, 1).startswith("kept")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_without_a_word(benchmark_module: Import, kind: str) -> None:
    roundtrips = benchmark_module("roundtrips")
    found = list(roundtrips.of_formats(kind, 10))
    result = {"formats": found, "pairs": {kind: roundtrips.of_pairs(kind, 2)}}
    assert roundtrips.losses(result) == []


def test_a_format_that_loses_something_is_found_out(
    benchmark_module: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    roundtrips = benchmark_module("roundtrips")
    boxes = benchmark_module("alkit_plugins.formats.boxes")
    monkeypatch.setattr("alkit_plugins.formats.cvat_shapes.Box", lambda *a, **k: boxes.Box(a[0], 1, 1, 2, 2))
    assert roundtrips.through(("cvat",), "boxes", 5).startswith("LOST")


def test_the_page_shows_the_committed_results(benchmark_module: Import) -> None:
    roundtrips = benchmark_module("roundtrips")
    text = roundtrips.RESULTS.with_suffix(".md").read_text()
    assert roundtrips.START + text + roundtrips.END in Path(roundtrips.PAGE).read_text()
