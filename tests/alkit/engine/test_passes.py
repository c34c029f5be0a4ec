"""Passes in blocks: the same rows as at once, whoever computes them and whatever is lost meanwhile."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import alkit.testing
from alkit.composition.factory import make_strategy
from alkit.engine.passes import (
    MOST_BLOCKS,
    Blocks,
    EnoughComputed,
    GatheredPasses,
    JobOfPasses,
    ShardOfPasses,
    missing_blocks,
)

STRATEGIES = [
    "entropy",
    "coreset",
    "bald(passes=3)",
    "entropy(15) > coreset",
    "mix(0.5 margin, 0.5 typiclust)",
    "balanced(learning-loss(hidden=4))",
]


@given(images=st.integers(1, 10**8), size=st.integers(1, 512), shards=st.integers(1, 100))
def test_shards_cover_every_block_once_and_blocks_are_whole_batches(
    images: int, size: int, shards: int
) -> None:
    blocks = Blocks(images, size)
    assert 1 <= len(blocks) <= MOST_BLOCKS
    assert blocks.size % size == 0
    assert (len(blocks) - 1) * blocks.size < images <= len(blocks) * blocks.size
    shares = [blocks.share(number, shards) for number in range(1, shards + 1)]
    assert [block for share in shares for block in share] == list(range(len(blocks)))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


class Chooser:
    """A strategy in a small world, chosen for again and again."""

    def __init__(self, text: str) -> None:
        self.text, self.world = text, alkit.testing.make_world(labeled=9, candidates=40)
        self.world.train(make_strategy(text))
        self.usual = self.choose(None)

    def choose(self, passes: Any) -> tuple[Any, ...]:
        cycle = self.world.cycle(batch_size=4)
        cycle.passes = passes
        picks = self.world.choose(make_strategy(self.text), 7, cycle)
        return picks.tolist(), cycle.scores, cycle.diagnostics

    def identity(self, name: str, number: int) -> str:
        return f"{self.text} {name or number}"


@pytest.fixture(scope="module", params=STRATEGIES)
def chooser(request: pytest.FixtureRequest) -> Chooser:
    return Chooser(request.param)


@given(data=st.data())
@settings(max_examples=5)
def test_any_shards_in_any_order_and_after_any_loss_choose_the_same(chooser: Chooser, data: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        of = data.draw(st.sampled_from([1, 2, 7, 64]))
        for shard in data.draw(st.lists(st.integers(1, of), max_size=9)):
            with contextlib.suppress(EnoughComputed):
                chooser.choose(ShardOfPasses(folder, chooser.identity, shard=shard, of=of))
            files = sorted(folder.rglob("*.pt"))
            for path in data.draw(st.lists(st.sampled_from(files), max_size=3)) if files else ():
                damage(path, data.draw(st.sampled_from(["gone", "short", "changed"])))
        assert chooser.choose(GatheredPasses(folder, chooser.identity)) == chooser.usual
        assert chooser.choose(GatheredPasses(folder, chooser.identity)) == chooser.usual


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes()) if path.exists() else bytearray()
    path.unlink(missing_ok=True)
    if how == "short":
        path.write_bytes(content[: len(content) // 2])
    elif how == "changed" and content:
        content[len(content) // 3] ^= 1
        path.write_bytes(content)


def test_jobs_of_every_pass_choose_the_same(chooser: Chooser, tmp_path: Path) -> None:
    done: list[str] = []

    def spread(key: str, blocks: Sequence[int]) -> None:
        done.append(key)
        for part in np.array_split(np.array(blocks)[::-1], 3):
            with pytest.raises(EnoughComputed):
                chooser.choose(JobOfPasses(tmp_path, chooser.identity, key=key, blocks=part.tolist()))
        assert missing_blocks(tmp_path / key, blocks) == []

    assert chooser.choose(GatheredPasses(tmp_path, chooser.identity, spread)) == chooser.usual
    assert done
    assert len(set(done)) == len(done)


def test_what_is_there_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chooser = Chooser("entropy")
    with pytest.raises(EnoughComputed) as ended:
        chooser.choose(ShardOfPasses(tmp_path, chooser.identity, shard=1, of=2))
    assert (ended.value.computed, ended.value.missing, ended.value.blocks) == (5, 5, 10)
    counted = count_images(chooser, monkeypatch)
    assert chooser.choose(GatheredPasses(tmp_path, chooser.identity)) == chooser.usual
    assert sum(counted) == 20
    assert chooser.choose(GatheredPasses(tmp_path, chooser.identity)) == chooser.usual
    assert sum(counted) == 20


def count_images(chooser: Chooser, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counted: list[int] = []
    forward: Callable[..., Any] = chooser.world.model.forward_batch

    def count(batch: Any) -> Any:
        counted.append(len(batch))
        return forward(batch)

    monkeypatch.setattr(chooser.world.model, "forward_batch", count)
    return counted


def test_embeddings_of_another_strategy_are_the_same_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chooser = Chooser("kmeans")
    chooser.choose(GatheredPasses(tmp_path, lambda name, number: name or str(number)))
    counted = count_images(chooser, monkeypatch)
    chooser.text = "subset(by=cover)"
    chooser.choose(GatheredPasses(tmp_path, lambda name, number: name or str(number)))
    assert counted == []


def test_a_shard_leaves_training_to_who_gathers(tmp_path: Path) -> None:
    chooser = Chooser("vaal(iterations=2, batch-size=4, vae-steps=1, latent=4, channels=[4,8])")
    with pytest.raises(EnoughComputed) as ended:
        chooser.choose(ShardOfPasses(tmp_path, chooser.identity, shard=1, of=1))
    assert ended.value.blocks == 0
    assert chooser.choose(GatheredPasses(tmp_path, chooser.identity)) == chooser.usual


def test_rows_keep_their_type_and_shape(tmp_path: Path) -> None:
    world = alkit.testing.make_world()
    for dtype in (torch.bool, torch.int64, torch.float64, torch.bfloat16):
        cycle = world.cycle(batch_size=4)

        def rows(batch: Any, dtype: torch.dtype = dtype) -> torch.Tensor:
            return torch.from_numpy(batch.indices % 2).to(dtype)[:, None].expand(-1, 3)

        expected = cycle.compute(cycle.candidates, rows)
        cycle.passes = GatheredPasses(tmp_path, lambda name, number, dtype=dtype: str(dtype))  # type: ignore[misc]
        found = cycle.compute(cycle.candidates, rows)
        assert found.dtype == dtype
        assert torch.equal(found, expected)
