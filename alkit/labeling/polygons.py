"""Polygons: the pixels that they cover, and the outlines of pixels, so that one gives the other back.

A pixel is covered if its center is inside, as in all tools that measure x and y from the image's corner. The
outline of pixels follows their edges; so its polygons cover exactly these pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Covered = npt.NDArray[np.bool_]
    Points = npt.NDArray[np.float64]

STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # right, down, left, up: each turns right into the next
Ring = list[tuple[int, int]]


def points_of(polygon: Any) -> Points:
    """Return the points of a polygon, [n, 2], from a list x, y, x, y, ...

    Raises:
        ValueError: it has fewer than three points, or one that is not two finite numbers.
    """
    try:
        points = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    except (ValueError, TypeError, OverflowError):
        points = np.empty((0, 2))
    if len(points) < 3:
        raise ValueError("a polygon should have at least three points, x and y of each")
    if not np.isfinite(points).all():
        raise ValueError("a polygon has a coordinate that is infinite or not a number")
    return points


def cover(points: Points, canvas: Covered) -> None:
    """Set the pixels [H, W] whose centers are inside a polygon; where it covers itself twice, it does not.

    Args:
        points: [n, 2], x and y.
        canvas: what is covered so far.
    """
    height, width = canvas.shape
    first, second = points, np.roll(points, -1, axis=0)
    low = np.where((first[:, 1] < second[:, 1])[:, None], first, second)
    high = np.where((first[:, 1] < second[:, 1])[:, None], second, first)
    starts = _center_after(low[:, 1], height)
    rows = _center_after(high[:, 1], height) - starts
    edge = np.repeat(np.arange(len(rows)), rows)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(rows) - rows, rows) + starts[edge]
    if not len(row):
        return
    slope = (high - low)[edge, 0] / (high - low)[edge, 1]
    column = _center_after(low[edge, 0] + (row + 0.5 - low[edge, 1]) * slope, width)
    top, left = row.min(), column.min()
    toggled = np.zeros((row.max() + 1 - top, column.max() + 1 - left), dtype=np.int64)
    np.add.at(toggled, (row - top, column - left), 1)
    inside = np.cumsum(toggled[:, :-1], axis=1) % 2 == 1
    canvas[top : row.max() + 1, left : column.max()] |= inside


def _center_after(positions: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.int64]:
    """Return the first pixel whose center is not before a position, within an image."""
    return np.clip(np.ceil(positions - 0.5), 0, most).astype(np.int64)


def outlines(covered: Covered) -> list[list[float]]:
    """Return polygons x, y, x, y, ... along the edges of covered pixels [H, W], one for each connected piece.

    Pixels that only touch at a corner are not connected. A hole is joined to its outline by a line that is
    there twice and so covers nothing.
    """
    from scipy import ndimage  # noqa: PLC0415  # scipy is slow to import

    pieces, count = ndimage.label(covered)
    outer: list[Ring] = [[] for _ in range(count)]
    holes: list[list[Ring]] = [[] for _ in range(count)]
    for piece, ring in _rings(pieces):
        if _area(ring) > 0:
            outer[piece - 1] = ring
        else:
            holes[piece - 1].append(ring)
    joined = (_joined(ring, inside) for ring, inside in zip(outer, holes, strict=True))
    return [[float(value) for point in ring for value in point] for ring in joined]


def _rings(pieces: npt.NDArray[Any]) -> list[tuple[int, Ring]]:
    """Return each closed line between a piece and what is not of it; the piece is on its right."""
    edges = _edges(pieces)
    found = []
    while edges:
        start, piece = next(iter(edges))
        at, ring, direction = start, Ring(), -1
        while True:
            leaving = edges[at, piece]
            turned = next((way for way in ((direction + 1) % 4, leaving[0]) if way in leaving), leaving[0])
            leaving.remove(turned)
            if not leaving:
                del edges[at, piece]
            if turned != direction:
                ring.append(at)
            direction = turned
            at = (at[0] + STEPS[turned][0], at[1] + STEPS[turned][1])
            if at == start and (at, piece) not in edges:
                break
        if len(ring) > 4 and _straight(ring[-1], ring[0], ring[1]):
            del ring[0]
        found.append((piece, ring))
    return found


def _edges(pieces: npt.NDArray[Any]) -> dict[tuple[tuple[int, int], int], list[int]]:
    """Return the directions in which edges leave each corner, by corner and piece."""
    padded = np.pad(pieces, 1)
    inner = padded[1:-1, 1:-1]
    neighbors = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    starts = ((0, 0), (1, 0), (1, 1), (0, 1))  # the corner from which the edge at that side leaves
    edges: dict[tuple[tuple[int, int], int], list[int]] = defaultdict(list)
    for direction, (neighbor, (right, down)) in enumerate(zip(neighbors, starts, strict=True)):
        rows, columns = np.nonzero((inner > 0) & (neighbor != inner))
        found = inner[rows, columns].tolist()
        for x, y, piece in zip((columns + right).tolist(), (rows + down).tolist(), found, strict=True):
            edges[(x, y), piece].append(direction)
    return edges


def _straight(before: tuple[int, int], at: tuple[int, int], after: tuple[int, int]) -> bool:
    return (before[0] == at[0] == after[0]) or (before[1] == at[1] == after[1])


def _area(ring: Ring) -> int:
    return sum(x * after[1] - after[0] * y for (x, y), after in zip(ring, [*ring[1:], ring[0]], strict=True))


def _joined(outer: Ring, holes: Sequence[Ring]) -> Ring:
    """Return one line around a piece and its holes."""
    line = outer
    for hole in sorted(holes, key=min):
        start = hole.index(min(hole))
        x, y = hole[start]
        place = min(range(len(line)), key=lambda n: (line[n][0] - x) ** 2 + (line[n][1] - y) ** 2)
        turned = [*hole[start:], *hole[: start + 1]]
        line = [*line[: place + 1], *turned, *line[place:]]
    return line
