"""Strategies that ask for columns of the pool, in a benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from alkit.bench.prepare import _with_columns, prepare
from alkit.bench.protocol import Protocol, find_protocol
from alkit.bench.shared_data import Images, SharedData
from alkit.errors import SourceError
from alkit.utils.progress import NullProgress
from alkit_plugins.sources.digits import Digits


@pytest.fixture
def protocol() -> Protocol:
    quick = find_protocol("quick")
    entries = tuple(entry for entry in quick.strategies if entry.name in ("random", "margin"))
    return dataclasses.replace(quick, strategies=entries)


class Sites:
    """What `_with_columns` asks of a source."""

    def keys(self) -> list[str]:
        return ["b.png", "a.png"]

    def columns(self) -> Mapping[str, Mapping[str, str]]:
        return {"cost": {"a.png": "2", "b.png": "0.5"}, "site": {"a.png": "Oslo"}}


def with_strategy(protocol: Protocol, name: str) -> Protocol:
    more = dataclasses.replace(protocol.strategies[1], name=name)
    return dataclasses.replace(protocol, strategies=(*protocol.strategies, more))


def test_only_columns_that_a_strategy_asks_for_are_kept(protocol: Protocol) -> None:
    images = Images(path="", count=2, members=(0, 1), labels=("x", "y"))
    assert not _with_columns(images, Sites(), protocol).columns
    by_cost = with_strategy(protocol, "per-cost(margin)")
    assert _with_columns(images, Sites(), by_cost).columns == {"cost": ("0.5", "2")}
    with pytest.raises(SourceError, match="have no column 'minutes'; its columns are 'cost', 'site'"):
        _with_columns(images, Sites(), with_strategy(protocol, "per-cost(margin, column=minutes)"))


@pytest.mark.slow
def test_a_benchmark_gives_strategies_the_columns_they_ask_for(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def columns(self: Digits) -> Mapping[str, Mapping[str, str]]:
        return {"cost": {key: str(number % 7 + 1) for number, key in enumerate(self.keys())}, "site": {}}

    plain = prepare(protocol, tmp_path, device="cpu", progress=NullProgress())
    by_cost = with_strategy(protocol, "per-cost(margin)")
    with pytest.raises(SourceError, match="have no column 'cost'"):
        prepare(by_cost, tmp_path, device="cpu", progress=NullProgress())
    monkeypatch.setattr(Digits, "columns", columns)
    shared = prepare(by_cost, tmp_path, device="cpu", progress=NullProgress())
    shared.save(tmp_path / "shared.json")
    again = SharedData.load(tmp_path / "shared.json")
    assert again.store(again.pool).column("cost")[:9].tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2]
    assert again.fingerprint() == shared.fingerprint() != plain.fingerprint()
    assert np.isfinite(again.store(again.pool).column("cost")).all()
