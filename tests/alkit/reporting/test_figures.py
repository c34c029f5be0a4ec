"""Figures: one style, nothing left behind, labels that do not overlap."""

from __future__ import annotations

import builtins
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from alkit.errors import UsageError
from alkit.reporting.figures import (
    DARK,
    INK,
    PALETTE,
    Line,
    draw_curve,
    draw_lines,
    looks,
    spread,
    svg,
    themed,
)


def paint(figure: Figure) -> None:
    lines = [Line("random", [1, 2], [0.1, 0.2], [0.0, 0.1], [0.2, 0.3]), Line("other", [1, 2], [0.1, 0.2])]
    draw_lines(figure.add_subplot(), lines, looks(["random", "other"]), height=100)


def test_a_drawing_is_an_element_without_dates_and_the_same_each_time() -> None:
    first = svg(paint, (3, 2), "curves")
    assert first == svg(paint, (3, 2), "curves")
    assert first.startswith("<svg role") and "metadata" not in first and "DejaVu" not in first
    assert ">other<" in first
    assert ElementTree.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("name", ["$5 to $10", "$_$", "<script>alert(1)</script>", "長袖"])
def test_a_name_is_drawn_as_it_is(name: str) -> None:
    drawn = ElementTree.fromstring(svg(lambda figure: figure.text(0.1, 0.5, name), (2, 1), "name"))
    assert [*drawn.itertext()].count(name) == 1
    assert drawn.find(".//{*}script") is None


def test_models_with_as_many_labels_share_a_tick() -> None:
    axes = Figure().add_subplot()
    draw_curve(axes, Line("accuracy", [25, 25, 55], [0.6, 0.7, 0.8]), height=3)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["25", "55"]
    axes = Figure().add_subplot()
    draw_curve(axes, Line("accuracy", [1.7, 3.4, 1204.0], [0.6, 0.7, 0.8]), height=3)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1.70", "3.40", "1,204"]


def test_ids_of_two_figures_differ() -> None:
    def ids(text: str) -> set[str]:
        return {part.split('"')[0] for part in text.split('id="')[1:]}

    one, other = ids(svg(paint, (3, 2), "one")), ids(svg(paint, (3, 2), "other"))
    assert one and not one & other


def test_drawing_leaves_the_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 17.0)
    before = dict(matplotlib.rcParams)
    svg(paint, (3, 2), "curves")
    assert dict(matplotlib.rcParams) == before


def test_settings_of_the_caller_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = svg(paint, (3, 2), "curves")
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 17.0)
    assert svg(paint, (3, 2), "curves") == before


def test_colors_follow_the_page() -> None:
    drawing = themed(svg(paint, (3, 2), "curves"))
    assert f"var(--c-{INK[1:]}, {INK})" in drawing
    assert {*PALETTE, INK} <= {*DARK}


def test_without_matplotlib_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError, match=r"alkit\[bench\]"):
        svg(paint, (3, 2), "curves")


def test_eighteen_strategies_and_the_baseline_all_look_different() -> None:
    found = looks([*(f"s{number}" for number in range(9)), "random", *(f"t{number}" for number in range(9))])
    assert len({(look.color, str(look.dash)) for look in found.values()}) == 19
    assert found["random"].color == INK
    assert found["s0"] == looks(["random", "s0"])["s0"]


@given(st.lists(st.floats(-0.2, 1.2), max_size=12).map(sorted))
def test_spread_keeps_order_and_distance_and_bounds(places: list[float]) -> None:
    moved = spread(places, 0.05)
    assert all(after - before >= 0.05 - 1e-9 for before, after in pairwise(moved))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in moved)


def test_spread_moves_only_what_is_too_near() -> None:
    assert spread([0.2, 0.5, 0.52], 0.1) == pytest.approx([0.2, 0.46, 0.56])
    assert spread([0.2, 0.5, 0.9], 0.1) == pytest.approx([0.2, 0.5, 0.9])
