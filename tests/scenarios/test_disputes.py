"""Several annotators in one campaign: what is in force, what is in dispute, and asking again."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.errors import InvalidBudget, InvalidOption
from alkit.interfaces.oracle import Answer, Oracle
from alkit.labeling.given_answer import GivenAnswer


class Mute(Oracle):
    name = "mute"

    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        return {}


def tell(campaign: Campaign, *words: str, time: str = "") -> tuple[int, int]:
    """ann:3:red, ...: annotator, image, label."""
    answers = []
    for word in words:
        annotator, index, label = word.split(":")
        answers.append(GivenAnswer(1, "", label, annotator, time, index=int(index)))
    receipt = campaign.tell(answers)
    return receipt.accepted, receipt.unchanged


def label(campaign: Campaign, index: int) -> str | None:
    answer = campaign.pool.answer_of(index)
    return None if answer is None else str(answer.value)


@pytest.fixture
def disputed(labeled: Path) -> Path:
    """Images 0, 20, 40 are labeled blue, green, red by nobody named; ann and bob see two otherwise."""
    with Campaign(labeled) as campaign:
        tell(campaign, "ann:0:red", "bob:0:blue", "ann:20:red", "bob:20:blue", "ann:40:red", "bob:1:abstain")
    return labeled


def test_what_goes_out_says_what_is_asked_for_again(disputed: Path) -> None:
    from alkit.campaign.export import labeled_export, open_export

    with Campaign(disputed) as campaign:
        campaign.ask(2, strategy="disputed")
        assert [item.again for item in open_export(campaign).items] == [True, True]
        assert not any(item.again for item in labeled_export(campaign).items)
        campaign.ask(2, strategy="random", new=True)
        assert [item.again for item in open_export(campaign).items] == [False, False]


def test_the_answer_in_force_is_as_decided_and_can_be_decided_anew(disputed: Path) -> None:
    with Campaign(disputed) as campaign:
        tell(campaign, "cy:0:red", ":0:blue")
        tell(campaign, "ann:0:red", time="2999-01-01T00:00:00Z")
        assert (campaign.state.aggregate, label(campaign, 0)) == ("last", "red")
        campaign.aggregate_by("majority")
        assert label(campaign, 0) == "red", "two and two: what was said last"
        tell(campaign, "di:0:blue")
        tell(campaign, "ann:0:abstain")
        assert label(campaign, 0) == "blue"
        events = len(campaign.ledger.all_events())
        campaign.aggregate_by("majority")
        assert len(campaign.ledger.all_events()) == events
        with pytest.raises(InvalidOption, match="no aggregation"):
            campaign.aggregate_by("median")
    with Campaign(disputed) as again:
        assert (again.state.aggregate, label(again, 0)) == ("majority", "blue")
        assert len(again.ledger.answers(0)) == 7, "all answers are kept"


@pytest.mark.parametrize("rule", ["last", "majority", "weighted"])
def test_an_abstention_takes_nobody_elses_label_away(disputed: Path, rule: str) -> None:
    with Campaign(disputed) as campaign:
        campaign.aggregate_by(rule)
        assert 1 in campaign.pool.labeled


def test_decided_when_made(pictures: Path, tmp_path: Path) -> None:
    with create(tmp_path / "new", str(pictures), aggregate="weighted") as campaign:
        assert campaign.state.aggregate == "weighted"
    with pytest.raises(InvalidOption, match="no aggregation"):
        create(tmp_path / "other", str(pictures), aggregate="mean")
    assert not (tmp_path / "other").exists()


def test_disputes_are_asked_again_the_most_disputed_first(disputed: Path) -> None:
    with Campaign(disputed) as campaign:
        assert campaign.state.disputes == {0: (2, 1), 20: (1, 1, 1)}
        before = label(campaign, 20)
        query = campaign.ask(2, strategy="disputed")
        assert query.indices == [20, 0]
        assert query.picks[0].score == pytest.approx(1.0986, abs=1e-4)
        assert [pick.answer for pick in query.picks] == [None, None]
        assert label(campaign, 20) == before, "what is in force stays so meanwhile"
        assert 20 in campaign.pool.labeled
        with open(campaign.csv_path(query), newline="") as file:
            assert [row["label"] for row in csv.DictReader(file)] == ["", ""]
        assert campaign.state.disputes == {}, "asked right now"
        tell(campaign, "cy:20:green")
        assert campaign.open_query is not None
        assert [pick.index for pick in campaign.open_query.unanswered] == [0]
    with Campaign(disputed) as campaign:
        assert campaign.open_query is not None
        tell(campaign, "cy:0:blue")
        assert campaign.open_query is None
        assert label(campaign, 20) == "green"


def test_the_query_that_asked_first_stays_closed(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(2, strategy="random")
        index = first.indices[0]
        tell(campaign, *(f"{name}:{i}:red" for i in first.indices for name in ("ann", "cy")))
        tell(campaign, f"bob:{index}:blue")
        second = campaign.ask(1, strategy="disputed")
        assert second.indices == [index]
        assert [(query.number, query.open) for query in campaign.queries] == [(1, False), (2, True)]
        assert [pick.answer for pick in campaign.queries[0].picks] == ["blue", "red"]


def test_who_sees_it_as_before_may_say_so_again(disputed: Path) -> None:
    with Campaign(disputed) as campaign:
        assert tell(campaign, "ann:20:red") == (0, 1)
        campaign.ask(2, strategy="disputed")
        assert tell(campaign, "ann:20:red", "ann:20:red") == (1, 1)
        assert tell(campaign, "ann:20:red") == (0, 1), "it is not waited for any more"
        assert campaign.open_query is not None
        assert [pick.index for pick in campaign.open_query.unanswered] == [0]
        known = campaign.ledger.answers(0)[-1].answer
        assert tell(campaign, "bob:0:blue", time=known.time) == (0, 1), "a line that is on record"


def test_giving_it_up_leaves_the_labels(disputed: Path) -> None:
    with Campaign(disputed) as campaign:
        labels = dict(zip(campaign.pool.labeled.tolist(), campaign.pool.values, strict=True))
        campaign.ask(2, strategy="disputed")
        query = campaign.ask(1, strategy="disputed", new=True)
        assert query.indices == [20]
        campaign.ask(3, strategy="random", new=True)
        assert dict(zip(campaign.pool.labeled.tolist(), campaign.pool.values, strict=True)) == labels
        assert len(campaign.state.disputes) == 2


def test_no_more_than_there_are(disputed: Path) -> None:
    with Campaign(disputed) as campaign:
        with pytest.raises(InvalidBudget, match="3 is more than the 2 images"):
            campaign.ask(3, strategy="disputed")
        tell(campaign, *(f"{name}:{i}:red" for i in (0, 20) for name in ("", "ann", "bob")))
        with pytest.raises(InvalidBudget, match="no disputed images"):
            campaign.ask(1, strategy="disputed")


def test_a_run_does_not_ask_again(disputed: Path) -> None:
    with Campaign(disputed) as session, pytest.raises(InvalidOption, match="a run never does"):
        session.run(Mute(), cycles=1, n=1, strategy="disputed")


def test_a_seed_does_not_ask_again(campaign: Path) -> None:
    with Campaign(campaign) as session, pytest.raises(InvalidOption, match="needs labels"):
        session.ask(5, seed_strategy="disputed")
