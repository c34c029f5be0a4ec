"""Columns of a pool, in the order of its images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import alkit
from alkit.data.pool_columns import PoolColumns
from alkit.errors import SourceError

TABLE = {"cost": {"a": "3", "c": " 4.5 "}, "site": {"a": "north", "b": "7"}}


def test_numbers_and_text() -> None:
    columns = PoolColumns(["a", "b", "c"], lambda: TABLE)
    assert np.array_equal(columns.get("cost"), [3.0, np.nan, 4.5], equal_nan=True)
    assert columns.get("site").tolist() == ["north", "7", ""]
    with pytest.raises(SourceError, match="no column 'price'; its columns are 'cost', 'site'"):
        columns.get("price")


class Cheapest(alkit.Strategy):
    """Choose what costs least."""

    name = "cheapest"
    needs_labels = False

    def select(self, cycle, n):
        costs = cycle.column("cost")
        return cycle.candidates[np.argsort(costs[cycle.candidates], kind="stable")[:n]]


def test_a_strategy_gets_what_the_manifest_says(tmp_path: Path) -> None:
    lines = ["image,cost,label"]
    for index, cost in enumerate((5, 1, 4, 2, 3)):
        Image.new("L", (8, 8), 40 * index).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,{cost},x")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    campaign = alkit.create(tmp_path / "c", str(tmp_path / "list.csv"))
    query = campaign.ask(3, strategy=Cheapest())
    assert [pick.image for pick in query.picks] == ["1.png", "3.png", "4.png"]
    assert "label" not in campaign.source.columns()
