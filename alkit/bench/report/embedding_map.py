"""The map of picks, from `map.json`: images in the plane, labeled ones, and the next picks."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from alkit.bench.records import read_content
from alkit.errors import BenchmarkError
from alkit.reporting.figures import (
    BLUE,
    GREEN,
    INK,
    MANY_POINTS,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    UNLABELED,
    VERMILLION,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .charts import Paint


Extent: TypeAlias = tuple[float, float, float, float]
TINTS = (SKY, GREEN, PURPLE, BLUE, ORANGE)


@dataclass(frozen=True, slots=True)
class Boundary:
    """The class that a model gives to each point of a grid.

    Attributes:
        extent: left, right, bottom, top.
        grid: class numbers, rows from the bottom.
    """

    extent: Extent
    grid: list[list[int]]


@dataclass(frozen=True, slots=True)
class Plane:
    """Points in the plane and what each strategy did with them.

    Attributes:
        method: how the positions were computed, in words.
        seed: of the runs.
        cycle: whose picks are shown.
        xy: [N] pairs.
        classes: [N] class numbers.
        labeled: positions among the points that were labeled before, by strategy.
        picked: positions among the points that the strategy chose, by strategy.
        boundaries: of each strategy's model, where the points are the data themselves.
    """

    method: str
    seed: int
    cycle: int
    xy: list[tuple[float, float]]
    classes: list[int]
    labeled: dict[str, list[int]]
    picked: dict[str, list[int]]
    boundaries: dict[str, Boundary]


def read_plane(path: Path, strategies: Collection[str]) -> Plane | None:
    """Read the map of some strategies from `map.json`; None without a map.

    Raises:
        BenchmarkError: the file does not hold a map.
    """
    if (content := read_content(path)) is None:
        return None
    try:
        found = json.loads(content)
        chosen = {name: of for name, of in found["strategies"].items() if name in strategies}
        boundaries = found.get("boundaries") or {}
        return Plane(
            method=str(found["method"]),
            seed=int(found["seed"]),
            cycle=int(found["cycle"]),
            xy=[(float(x), float(y)) for x, y in found["xy"]],
            classes=[int(number) for number in found["classes"]],
            labeled={name: _positions(of["labeled"], len(found["xy"])) for name, of in chosen.items()},
            picked={name: _positions(of["picked"], len(found["xy"])) for name, of in chosen.items()},
            boundaries={name: _boundary(given) for name, given in boundaries.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkError(
            f"{path} does not hold a map of picks ({error}); remove it to make the report without a map"
        ) from error


def _positions(given: list[int], count: int) -> list[int]:
    positions = sorted(int(position) for position in given)
    if positions and not (positions[0] >= 0 and positions[-1] < count):
        raise ValueError("a position is not among the points")
    return positions


def _boundary(given: dict[str, Any]) -> Boundary:
    left, right, bottom, top = (float(value) for value in given["extent"])
    return Boundary((left, right, bottom, top), [[int(number) for number in row] for row in given["grid"]])


def paint_plane(plane: Plane, name: str) -> Paint:
    """Draw the points of one strategy: unlabeled faint, labeled dark, picked in colour."""
    labeled, picked = plane.labeled[name], plane.picked[name]
    rest = sorted(set(range(len(plane.xy))) - {*labeled, *picked})
    boundary = plane.boundaries.get(name)

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        if boundary:
            _regions(axes, boundary)
            tints = [TINTS[plane.classes[place] % len(TINTS)] for place in rest]
            _points(axes, plane, rest, s=5, c=tints, linewidths=0, alpha=0.6)
        else:
            _points(axes, plane, rest, s=5, c=UNLABELED, linewidths=0, alpha=0.55)
        many = len(labeled) > MANY_POINTS
        edge: dict[str, Any] = {"linewidths": 0.2 if many else 0.5, "edgecolors": PAPER}
        _points(axes, plane, labeled, s=6 if many else 15, c=INK if boundary else BLUE, **edge)
        _points(axes, plane, picked, s=9 if many else 19, c=VERMILLION, **edge)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
        if boundary:
            axes.set(xlim=boundary.extent[:2], ylim=boundary.extent[2:])
        axes.set_title(name)

    return paint


def _points(axes: Axes, plane: Plane, places: list[int], **how: Any) -> None:
    if places:
        xs, ys = zip(*(plane.xy[place] for place in places), strict=True)
        axes.scatter(xs, ys, rasterized=len(places) > MANY_POINTS, **how)


def _regions(axes: Axes, boundary: Boundary) -> None:
    from matplotlib.colors import to_rgba  # noqa: PLC0415  # matplotlib is slow to import

    colors = [[to_rgba(TINTS[number % len(TINTS)], 0.25) for number in row] for row in boundary.grid]
    axes.imshow(colors, extent=boundary.extent, origin="lower", interpolation="nearest", aspect="auto")
