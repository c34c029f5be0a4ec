"""The control slice: how large, drawn from everything, hidden from people, recorded with predictions."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from alkit.campaign.analysis.evidence import gather
from alkit.campaign.campaign import Campaign
from alkit.campaign.control import draw, places, predictions, slice_size
from alkit.campaign.record.events import Asked
from alkit.campaign.record.ledger import PickRow
from alkit.campaign.record.query import Query
from alkit.campaign.record.read import read_state
from alkit.errors import InvalidOption
from alkit.interfaces.contract import choose
from alkit.interfaces.labels import Number
from alkit.interfaces.oracle import Answer, Oracle
from alkit.labeling.given_answer import GivenAnswer
from alkit.plugin import registry
from alkit.testing.world import make_world


class Folders(Oracle):
    """Knows the class by the folder."""

    name = "folders"
    classes = ("blue", "green", "red")

    def __init__(self, campaign: Campaign) -> None:
        self.keys = campaign.state.keys

    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        return {i: Answer("label", self.keys[i].split("/")[0]) for i in indices}


@pytest.mark.parametrize(
    ("share", "n", "size"),
    [(0.1, 9, 0), (0.1, 10, 1), (0.01, 10, 1), (0, 100, 0), (0.1, 96, 10), (0.99, 10, 9), (0.25, 40, 10)],
)
def test_how_large(share: float, n: int, size: int) -> None:
    assert slice_size(share, n) == size


@pytest.mark.parametrize("share", [-0.1, 1, 1.5])
def test_a_share_that_is_none_is_refused(labeled: Path, share: float) -> None:
    with Campaign(labeled) as campaign:
        with pytest.raises(InvalidOption, match="at least 0 and less than 1"):
            campaign.ask(12, control=share)
        assert not campaign.queries


def test_every_candidate_is_as_likely() -> None:
    candidates = np.arange(100, 120)
    counts = np.zeros(20)
    for seed in range(2000):
        drawn = draw(candidates, 4, seed)
        assert len(set(drawn.tolist())) == 4
        counts[drawn - 100] += 1
    assert abs(counts - 400).max() < 5 * np.sqrt(2000 * 0.2 * 0.8)


def test_a_control_image_may_stand_anywhere() -> None:
    first = [places(10, seed)[-1] for seed in range(500)]
    assert sorted(set(first)) == list(range(1, 11))
    assert sorted(places(10, 3)) == list(range(1, 11))


def test_a_tenth_is_drawn_before_the_strategy_chooses(labeled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(strategy, cycle, n, **rest):  # type: ignore[no-untyped-def]
        seen.append((set(cycle.candidates.tolist()), n))
        return choose(strategy, cycle, n, **rest)

    monkeypatch.setattr("alkit.engine.round.choose", spy)
    with Campaign(labeled) as campaign:
        everything = set(campaign.pool.candidates.tolist())
        query = campaign.ask(20, strategy="entropy")
        control = {pick.index for pick in query.picks if pick.control}
        assert (query.controls, query.record["control"], query.record["candidates"]) == (2, 0.1, 48)
        assert seen == [(everything - control, 18)]
        assert [pick.rank for pick in query.picks if pick.control] == [19, 20], "ranks stay in the ledger"
        assert all((pick.score is None) == pick.control for pick in query.picks)
    with Campaign(labeled) as campaign:
        assert campaign.open_query is not None
        assert campaign.open_query.picks == query.picks


def test_nothing_that_people_see_tells_which_they_are(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(20)
        with open(campaign.csv_path(query), newline="") as file:
            rows = list(csv.DictReader(file))
    assert {row["score"] for row in rows} == {""}
    assert [row["rank"] for row in rows] == [str(place) for place in range(1, 21)]
    indices = [int(row["index"]) for row in rows]
    assert sorted(indices) == sorted(query.indices)
    assert indices != query.indices
    assert [pick.index for pick in query.unanswered] == indices, "what is exported is as blind"


@pytest.mark.parametrize(
    ("n", "how"),
    [(9, {}), (20, {"control": 0}), (20, {"strategy": "random"})],
)
def test_where_there_is_none(labeled: Path, n: int, how: dict[str, object]) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(n, **how)  # type: ignore[arg-type]
        assert (query.controls, query.record["control"]) == (0, 0.0)
        assert [pick.index for pick in query.shown] == query.indices, "in the order of ranks"


def test_a_seed_query_has_none(campaign: Path) -> None:
    with Campaign(campaign) as session:
        assert session.ask(20).controls == 0


def test_predictions_are_recorded_and_judged_by_the_answers(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(20)
        assert {pick.predicted for pick in query.picks} <= set(campaign.classes)
        assert all(0 <= (pick.confidence or -1) <= 1 for pick in query.picks)
        assert {pick.correct for pick in query.picks} == {None}
        right, wrong = query.picks[0], query.picks[1]
        other = next(name for name in campaign.classes if name != wrong.predicted)
        campaign.tell(
            [
                GivenAnswer(1, "", right.predicted or "", index=right.index),
                GivenAnswer(2, "", other, index=wrong.index),
                GivenAnswer(3, "", "abstain", index=query.picks[2].index),
            ]
        )
        assert [pick.correct for pick in campaign.queries[0].picks[:4]] == [True, False, None, None]


@pytest.fixture
def blind(tmp_path: Path) -> str:
    """A strategy that looks at no model, and does not choose uniformly."""
    file = tmp_path / "blind.py"
    file.write_text(
        "import alkit\n"
        "class Blind(alkit.Strategy):\n"
        "    name = 'blind'\n"
        "    def select(self, cycle, n):\n"
        "        return cycle.candidates[:n]\n"
    )
    return f"{file}:Blind"


def test_a_strategy_without_a_model_has_none_of_itself(labeled: Path, blind: str) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(20, strategy=blind)
        assert (query.controls, query.record["checkpoint"]) == (0, None)


def test_there_is_none_where_the_model_predicts_no_classes(
    labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.tasks.get("classification"), "labels", Number)
    with Campaign(labeled) as campaign:
        assert campaign.ask(20, control=0.1).controls == 0


@pytest.mark.parametrize(("uniform", "control", "judged"), [(False, 2, 2), (True, 0, 20)])
def test_where_it_is_wanted_a_model_is_trained_that_it_judges(
    labeled: Path, blind: str, uniform: bool, control: int, judged: int
) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(20, strategy="random" if uniform else blind, control=0.1)
        campaign.tell(by_folder(query))
        (found,) = gather(campaign).accuracy
        assert query.controls == control
        assert found.accuracy is not None
        assert found.accuracy.of == judged


def test_there_is_none_where_nothing_is_labeled(campaign: Path) -> None:
    with Campaign(campaign) as session:
        query = session.ask(20, strategy="random", control=0.1)
        assert (query.controls, query.record["checkpoint"]) == (0, None)


def test_outputs_beyond_the_classes_are_no_predictions() -> None:
    world = make_world(certain=True)
    world.train(registry.strategies.get("entropy")())
    of_all, of_one = (predictions(world.cycle(), world.candidates, classes) for classes in (3, 1))
    assert of_all is not None and of_one is not None
    assert 1 in {number for number, _ in of_all}
    assert {number for number, _ in of_one} == {0}


def test_a_number_beyond_the_classes_on_record_is_no_prediction(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        with campaign.ledger.transaction():
            event = campaign.ledger.add_event(Asked(cycle=0, strategy="x"))
            campaign.ledger.add_picks(event, [PickRow(50, None, predicted=3, confidence=0.5)])
        (query,) = read_state(campaign.ledger).queries
        assert query.picks[0].predicted is None


def by_folder(query: Query) -> list[GivenAnswer]:
    return [GivenAnswer(1, "", pick.image.split("/")[0], index=pick.index) for pick in query.picks]


def test_what_is_withdrawn_is_judged_where_it_is_asked_again(labeled: Path) -> None:
    """All candidates are asked twice, so what the first query withdrew is answered in the second."""
    with Campaign(labeled) as campaign:
        first = campaign.ask(48, control=0.25)
        kept = first.picks[:6] + first.picks[-6:]
        campaign.tell([GivenAnswer(1, "", pick.image.split("/")[0], index=pick.index) for pick in kept])
        second = campaign.ask(36, control=0.25, new=True)
        campaign.tell(by_folder(second))
        one, other = campaign.queries
        assert sum(pick.given_up for pick in one.picks) == 36
        counted = [p.index for query in (one, other) for p in query.picks if p.correct is not None]
        assert sorted(counted) == sorted(first.indices), "each image once"
        found = gather(campaign)
    whole, again = found.accuracy
    assert (whole.asked, whole.unanswered, whole.given_up) == (12, 0, 6)
    assert (again.asked, again.unanswered, again.given_up) == (9, 0, 0)


def test_who_saw_the_guess_is_known_by_pick(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        given = by_folder(campaign.ask(20))
        campaign.tell(given[:1], note={"saw_guess": True})
        campaign.tell(given[1:2], note={"saw_guess": False})
        assert [pick.saw_guess for pick in campaign.queries[0].picks[:3]] == [True, False, False]


def test_a_query_that_is_withdrawn_as_a_whole_says_nothing(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.ask(48, control=0.25)
        campaign.tell(by_folder(campaign.ask(48, control=0.25, new=True)))
        assert [item.queries for item in gather(campaign).accuracy] == [(2,)]


def test_what_an_oracle_passed_over_is_judged_where_it_is_asked_again(labeled: Path) -> None:
    class Half(Folders):
        def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
            return super().label([index for index in indices if index % 2])

    with Campaign(labeled) as campaign:
        campaign.run(Half(campaign), cycles=1, n=12, strategy="random")
        (first,) = campaign.queries
        passed = {pick.index for pick in first.picks if pick.index % 2 == 0}
        assert passed
        campaign.tell(by_folder(first))
        assert {pick.index for pick in campaign.queries[0].picks if pick.given_up} == passed
        assert {pick.index for pick in campaign.queries[0].picks if pick.correct is None} == passed


def test_a_run_has_a_control_only_if_asked_and_predicts_for_random_too(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.run(Folders(campaign), cycles=1, n=10, strategy="random")
        (query,) = campaign.queries
        assert (query.controls, query.record["uniform"]) == (0, True)
        assert all(pick.correct is not None for pick in query.picks), "a run has trained anyway"
