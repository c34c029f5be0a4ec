"""The map of picks: the images that each strategy chose among all images, in two dimensions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alkit.reporting.projection import by_neighbourhoods
from alkit.utils import seeding
from alkit.utils.files import write_atomically
from alkit.utils.progress import Progress

from . import records
from .cell_diagnostics import MAP_EMBEDDINGS, boundary_path

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices

    from .protocol import Protocol
    from .shared_data import SharedData


MAP = "map.json"
BACKGROUND = 1_500  # unlabeled images that are shown
LABELED = 200  # labeled ones, of each strategy


def write_map(results: Path, protocol: Protocol, shared: SharedData, progress: Progress) -> None:
    """Write `map.json` for the first seed's last query, if its cells are complete and there is no map yet."""
    number, seed = protocol.labels.cycles - 1, protocol.seeds[0]
    found = {
        record["strategy"]: record
        for record in records.cycles_of(records.read_all(results))
        if record["seed"] == seed and record["cycle"] == number
    }
    embeddings = results / records.CELLS / MAP_EMBEDDINGS
    if len(found) < len(protocol.strategies) or not (shared.is_toy or embeddings.exists()):
        return
    before = _labeled_before(results, seed, number)
    labeled = {
        name: seeding.numpy_generator(seed, "map", name).permutation(indices)[:LABELED].tolist()
        for name, indices in before.items()
    }
    wanted = {int(index) for name in found for index in (*found[name]["picks"], *labeled[name])}
    rng = seeding.numpy_generator(seed, "map")
    members = np.array(shared.pool.members, dtype=np.int64)
    if shared.is_toy:
        shown = members
        xy, method = shared.images.take(members).numpy().reshape(-1, 2) / 255, "the points themselves"
        boundaries = _boundaries(results, protocol, seed)
    else:
        most = rng.permutation(members)[:BACKGROUND]
        shown = np.union1d(most, np.array(sorted(wanted), dtype=np.int64))
        with progress.bar(1, "map of picks"):
            xy = _projected(embeddings, shown)
        method, boundaries = "t-SNE of the embeddings of the baseline's last model before its last query", {}
        embeddings.unlink()
    place = {int(index): position for position, index in enumerate(shown)}
    kept: dict[str, Any] = {
        "method": method,
        "seed": seed,
        "cycle": number,
        "indices": shown.tolist(),
        "xy": np.round(np.asarray(xy, dtype=np.float64), 3).tolist(),
        "classes": [_class_number(shared, index) for index in shown.tolist()],
        "strategies": {
            entry.shown: {
                "labeled": sorted(place[index] for index in labeled[entry.shown]),
                "picked": sorted(place[index] for index in found[entry.shown]["picks"]),
            }
            for entry in protocol.strategies
        },
    }
    if boundaries:
        kept["boundaries"] = boundaries
    write_atomically(results / MAP, json.dumps(kept, separators=(",", ":")))


def _class_number(shared: SharedData, index: int) -> int:
    """Return the class to color an image by; one color for all where labels are not one class."""
    return shared.classes.index(shared.pool.labels[index]) if shared.reader.kind == "class" else 0


def _labeled_before(results: Path, seed: int, number: int) -> dict[str, list[int]]:
    """Return the images labeled before a query of a seed, by strategy."""
    labeled: dict[str, list[int]] = {}
    for record in records.read_all(results):
        if record["seed"] != seed:
            continue
        if record["kind"] == "cell":
            labeled.setdefault(record["strategy"], []).extend(record["seed_set"])
        elif record["kind"] == "cycle" and record["cycle"] < number:
            labeled.setdefault(record["strategy"], []).extend(record["picks"])
    return labeled


def _boundaries(results: Path, protocol: Protocol, seed: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if (before := records.read_content(results / MAP)) is not None:  # of strategies that were there earlier
        found = json.loads(before).get("boundaries", {})
    for entry in protocol.strategies:
        path = boundary_path(records.cell_path(results, entry.shown, seed))
        if path.exists():
            found[entry.shown] = json.loads(path.read_text(encoding="utf-8"))
            path.unlink()
    return found


def _projected(path: Path, shown: Indices) -> npt.NDArray[np.float64]:
    """Project embeddings of some images to [n, 2]."""
    with np.load(path, allow_pickle=False) as kept:
        rows = np.searchsorted(kept["members"], shown)
        return by_neighbourhoods(kept["embeddings"][rows].astype(np.float32))
