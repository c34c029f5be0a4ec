"""The first query, with nothing labeled: who answers it, by which network, and what is said otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import alkit
from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.record.events import Trained
from alkit.errors import InvalidOption
from alkit.interfaces.contract import can_begin
from alkit.labeling.given_answer import GivenAnswer
from alkit.utils.progress import NullProgress

FROZEN = {"freeze-backbone": "true", "model": "tiny-cnn", "epochs": "2"}
TRAINED = {"model": "tiny-cnn", "epochs": "2"}


class Said(NullProgress):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def frozen(pictures: Path, tmp_path: Path) -> Iterator[Campaign]:
    with create(tmp_path / "frozen", str(pictures), task_options=FROZEN) as made:
        yield made


@pytest.mark.parametrize("name", ["typiclust", "probcover", "maxherding", "kmeans", "subset(by=cover)"])
def test_embeddings_of_a_frozen_backbone_answer_the_first_query(frozen: Campaign, name: str) -> None:
    query = frozen.ask(6, strategy=name)
    assert (query.number, query.record["seed_query"], query.record["labels"]) == (1, False, 0)
    assert query.strategy == name.partition("(")[0] and len(set(query.indices)) == 6
    assert query.record["checkpoint"] is None and frozen.ledger.events(Trained) == []


def test_what_comes_after_is_trained(frozen: Campaign) -> None:
    first = frozen.ask(9, strategy="typiclust")
    answers = [
        GivenAnswer(line, "", frozen.state.keys[index].split("/")[0], index=index)
        for line, index in enumerate(first.indices, 2)
    ]
    frozen.tell(answers, allow_new_classes=True)
    second = frozen.ask(4, strategy="typiclust")
    assert second.record["labels"] == 9 and second.record["checkpoint"] is not None
    assert not set(second.indices) & set(first.indices)


def test_starting_weights_do_as_well_and_decide_the_choice(pictures: Path, tmp_path: Path) -> None:
    chosen = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        task = alkit.options.build(alkit.plugin.registry.tasks.get("classification"), TRAINED)
        task.build((3, 12, 12), ("a", "b"), torch.device("cpu"))
        task.reset(seed)
        torch.save(task.network.state_dict(), tmp_path / f"{seed}.pt")
        options = {**TRAINED, "weights": str(tmp_path / f"{seed}.pt")}
        with create(tmp_path / f"started-{seed}", str(pictures), task_options=options) as made:
            chosen.append(made.ask(6, strategy="typiclust").indices)
    assert chosen[0] != chosen[1]


def test_without_a_pretrained_network_a_seed_comes_first_and_it_is_said(
    pictures: Path, tmp_path: Path
) -> None:
    said = Said()
    with create(tmp_path / "new", str(pictures), task_options=TRAINED, progress=said) as made:
        query = made.ask(6, strategy="typiclust")
    assert (query.strategy, query.record["seed_query"]) == ("random", True)
    assert any("'typiclust' needs no seed if the network is pretrained" in line for line in said.lines)


def test_the_seed_of_another_strategy(frozen: Campaign, pictures: Path, tmp_path: Path) -> None:
    seed = frozen.ask(6, strategy="entropy", seed_strategy="typiclust")
    assert (seed.strategy, seed.record["seed_query"]) == ("typiclust", True)
    with (
        create(tmp_path / "new", str(pictures), task_options=TRAINED) as made,
        pytest.raises(
            InvalidOption, match=r"'typiclust' .*'classification' .*nothing is trained yet; use 'random'"
        ),
    ):
        made.ask(6, strategy="entropy", seed_strategy="typiclust")


def test_an_oracle_is_not_asked_for_a_seed(pictures: Path, tmp_path: Path) -> None:
    with create(tmp_path / "c", str(pictures), oracle="dataset", task_options=FROZEN) as made:
        assert made.ask(6, strategy="typiclust").number == 1
        assert len(made.pool.labeled) == 0


def test_who_can_begin() -> None:
    strategies = {
        name: alkit.plugin.registry.strategies.get(name)() for name in ("random", "kmeans", "coreset")
    }
    for provides, pretrained, able in (
        ({"embedding"}, True, {"random", "kmeans"}),
        ({"embedding"}, False, {"random"}),
        ({"probabilities"}, True, {"random"}),
    ):
        spec = alkit.TaskSpec("t", (1, 8, 8), 2, frozenset(provides), pretrained=pretrained)
        assert {name for name, strategy in strategies.items() if can_begin(strategy, spec)} == able
