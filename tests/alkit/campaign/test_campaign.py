"""A campaign as it goes on: ask, answer, ask again; late, partly, twice, wrong; moved, its caches lost."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.record.events import Answered, Lost
from alkit.errors import (
    CampaignError,
    InvalidAnswers,
    InvalidBudget,
    InvalidOption,
    SourceError,
    TrainingDiverged,
    TrainingError,
    UnsupportedTask,
)
from alkit.interfaces.oracle import Answer, Oracle
from alkit.labeling.given_answer import GivenAnswer

Fill = Callable[..., Path]


class Colors(Oracle):
    """Sees the colour, which is the folder; keeps silent about the images that `silent` names."""

    name = "colors"

    def __init__(self, campaign: Campaign, silent: Sequence[int] = ()) -> None:
        self.keys, self.silent = campaign.state.keys, silent
        self.classes = ("blue", "green", "red")

    def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
        return {i: Answer("label", self.keys[i].split("/")[0]) for i in indices if i not in self.silent}


def by_color(campaign: Campaign, indices: Sequence[int]) -> list[GivenAnswer]:
    return [
        GivenAnswer(line, "", campaign.state.keys[i].split("/")[0], index=i)
        for line, i in enumerate(indices, 2)
    ]


def test_the_whole_loop(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(6, strategy="entropy")
        assert (first.strategy, first.number, first.cycle, len(first.picks)) == ("entropy", 1, 0, 6)
        assert not set(first.indices) & set(campaign.pool.labeled.tolist())
        scores = [pick.score for pick in first.picks]
        assert scores == sorted(scores, reverse=True)
        receipt = campaign.tell(by_color(campaign, first.indices))
        assert (receipt.accepted, receipt.unasked, receipt.still_open) == (6, 0, 0)
        assert campaign.open_query is None
        second = campaign.ask(6)
        assert second.number == 2
        assert not set(second.indices) & set(first.indices)
        assert len(campaign.pool.labeled) == 18


def test_an_open_query_is_returned_again_also_by_another_process(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(5)
        listed = campaign.csv_path(first).read_bytes()
    with Campaign(labeled) as campaign:
        again = campaign.ask(9, strategy="random")
        assert again.reused
        assert (again.number, again.picks) == (first.number, first.picks)
        assert campaign.csv_path(again).read_bytes() == listed
        assert len(campaign.queries) == 1


def test_what_people_have_typed_into_the_list_is_never_overwritten(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        path = campaign.csv_path(campaign.ask(3, strategy="random"))
        typed = path.read_text().replace(",0,\n", ",0,red\n", 1)
        path.write_text(typed)
        campaign.ask(3)
        assert path.read_text() == typed


def test_a_list_or_sheet_that_is_lost_is_written_again(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(3, strategy="random")
        listed = campaign.csv_path(query).read_bytes()
        shutil.rmtree(labeled / "queries")
        campaign.ask(3)
        assert campaign.csv_path(query).read_bytes() == listed
        assert campaign.sheet_path(query).exists()


def test_new_withdraws_what_is_left_of_an_open_query(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(5, strategy="random")
        campaign.tell(by_color(campaign, first.indices[:2]))
        second = campaign.ask(4, strategy="random", new=True)
        assert (second.number, second.reused) == (2, False)
        assert sorted(campaign.pool.pending.tolist()) == sorted(second.indices)
        assert not set(first.indices[:2]) & set(second.indices), "what was answered stays labeled"
        assert len(campaign.pool.labeled) == 14


def test_another_strategy_on_the_same_labels_uses_the_same_model(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(4, strategy="entropy")
        checkpoints = list((labeled / "checkpoints").iterdir())
        second = campaign.ask(4, strategy="coreset", new=True)
        third = campaign.ask(4, strategy="learning-loss", options={"hidden": 4}, new=True)
        assert first.asked.checkpoint == second.asked.checkpoint != third.asked.checkpoint
        assert len(list((labeled / "checkpoints").iterdir())) == len(checkpoints) + 1
        assert [record.trained.cycle for record in campaign.history()] == [0, 1, 2]
        fourth = campaign.ask(4, strategy="margin", new=True)
        assert fourth.asked.checkpoint == first.asked.checkpoint
        campaign.tell({fourth.picks[0].image: "red"})
        fifth = campaign.ask(4, strategy="margin", new=True)
        assert fifth.asked.checkpoint != first.asked.checkpoint


def test_new_can_choose_all_that_the_withdrawn_query_gives_back(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.ask(48, strategy="random")
        assert len(campaign.ask(48, strategy="random", new=True).picks) == 48


def test_a_query_is_not_given_up_for_one_that_fails(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(5, strategy="random")
        with pytest.raises(InvalidBudget):
            campaign.ask(49, new=True)
        campaign.settings.task.options["learning-rate"] = 1e30  # type: ignore[index]
        with pytest.raises(TrainingDiverged):
            campaign.ask(5, new=True)
    with Campaign(labeled) as campaign:
        assert campaign.open_query is not None
        assert campaign.open_query.picks == first.picks


def test_answers_may_come_partly_and_late(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(5, strategy="random")
        receipt = campaign.tell(by_color(campaign, first.indices[:3]))
        assert (receipt.accepted, receipt.still_open) == (3, 2)
        assert campaign.open_query is not None
        assert [pick.index for pick in campaign.open_query.unanswered] == first.indices[3:]
        campaign.ask(5, strategy="random", new=True)
        late = campaign.tell(by_color(campaign, first.indices[3:]))
        assert late.accepted == 2
        assert set(first.indices) <= set(campaign.pool.labeled.tolist())


def test_the_same_answers_twice_change_nothing(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(5, strategy="random")
        campaign.tell(by_color(campaign, query.indices))
        events = len(campaign.ledger.all_events())
        receipt = campaign.tell(by_color(campaign, query.indices))
        assert (receipt.accepted, receipt.unchanged) == (0, 5)
        assert len(campaign.ledger.all_events()) == events


def test_a_correction_keeps_its_history(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        index = int(campaign.pool.labeled[0])
        receipt = campaign.tell([GivenAnswer(2, "", "red", annotator="ann", index=index)])
        assert receipt.corrected == 1
        assert [row.answer.value for row in campaign.ledger.answers(index)] == ["blue", "red"]
        assert campaign.pool.answer_of(index).value == "red"  # type: ignore[union-attr]
        campaign.tell([GivenAnswer(2, "", "abstain", index=index)])
        assert campaign.pool.answer_of(index).value == "red"  # type: ignore[union-attr]
        campaign.tell([GivenAnswer(2, "", "abstain", annotator="ann", index=index)])
        assert index not in campaign.pool.labeled
        assert index not in campaign.pool.candidates


def test_a_file_is_taken_back_and_the_one_before_it_too(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        index = int(campaign.pool.labeled[0])
        before = len(campaign.pool.labeled)
        free = int(campaign.pool.candidates[0])
        campaign.tell({index: "red"}, note={"file": "a/one.csv"})
        campaign.tell({index: "green", free: "red"}, note={"file": "two.csv"})
        assert campaign.undo_ingest(dry_run=True).answers == 2
        undone = campaign.undo_ingest()
        assert (undone.answers, undone.images, undone.unlabeled) == (2, 2, 1)
        assert undone.what.startswith("two.csv")
        assert campaign.pool.answer_of(index).value == "red"  # type: ignore[union-attr]
        assert campaign.pool.answer_of(free) is None
        with pytest.raises(InvalidAnswers, match=r"'two\.csv' has no ingested answers .*: .*one\.csv"):
            campaign.undo_ingest("two.csv")
        assert campaign.undo_ingest("one.csv").answers == 1
        assert campaign.pool.answer_of(index).value == "blue"  # type: ignore[union-attr]
        assert len(campaign.pool.labeled) == before


def test_images_of_the_open_query_wait_again_when_their_file_is_taken_back(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(3, control=0.0)
        campaign.tell({index: "red" for index in query.indices[:2]}, note={"file": "two.csv"})
        assert campaign.open_query is not None and len(campaign.open_query.unanswered) == 1
        campaign.undo_ingest()
        assert len(campaign.open_query.unanswered) == 3
        assert campaign.pool.pending.tolist() == sorted(query.indices)


def test_an_image_is_unlabeled_by_its_name(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        index = int(campaign.pool.labeled[0])
        key = campaign.state.keys[index]
        campaign.tell([GivenAnswer(1, key, "red", "ann"), GivenAnswer(2, key, "green", "bob")])
        assert campaign.unlabel(key, annotator="bob").answers == 1
        assert campaign.pool.answer_of(index).value == "red"  # type: ignore[union-attr]
        assert campaign.unlabel(key).answers == 2
        assert index not in campaign.pool.labeled
        with pytest.raises(InvalidAnswers, match=r"there is no answer to .* to take back"):
            campaign.unlabel(key)


def test_anything_can_be_noted_of_answers(labeled: Path) -> None:
    note = {"file": "a.csv", "tool": {"name": "paint", "version": 3}}
    with Campaign(labeled) as campaign:
        query = campaign.ask(4, strategy="random")
        campaign.tell(by_color(campaign, query.indices), note=note)
        event = campaign.ledger.events(Answered)[-1].data
        assert (event.answers, event.file, event.more) == (4, "a.csv", {"tool": note["tool"]})
        assert event.to_json() == {"answers": 4, **note}


def test_strict_keeps_nothing_and_says_so(labeled: Path, contents: Callable[[Path], dict[str, str]]) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(2, strategy="random")
        events = len(campaign.ledger.all_events())
        known = int(campaign.pool.labeled[0])
        bad = [
            GivenAnswer(9, "nope", "red"),
            GivenAnswer(10, "", "red", index=known),
            GivenAnswer(11, "", "red", index=50),
        ]
        receipt = campaign.tell([*by_color(campaign, query.indices), *bad], strict=True)
        assert (receipt.accepted, [entry.line for entry in receipt.rejected]) == (0, [9])
        assert (receipt.corrected, receipt.unasked, receipt.still_open) == (0, 0, 2)
        assert len(campaign.ledger.all_events()) == events


def test_a_rejected_line_does_not_stop_the_good_ones(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(2, strategy="random")
        receipt = campaign.tell([GivenAnswer(9, "nope", "red"), *by_color(campaign, query.indices)])
        assert (receipt.accepted, receipt.still_open) == (2, 0)


def test_abstained_and_unusable_images_are_never_asked_again(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(4, strategy="random")
        kinds = ["abstain", "unusable", "abstain", "unusable"]
        campaign.tell(
            [GivenAnswer(2, "", kind, index=i) for i, kind in zip(query.indices, kinds, strict=True)]
        )
        assert campaign.open_query is None
        assert campaign.pool.set_aside["abstained"] == 2
        rest = campaign.ask(len(campaign.pool.candidates), strategy="random")
        assert not set(rest.indices) & set(query.indices)


def test_nothing_labeled_a_seed_query_comes_first(campaign: Path) -> None:
    with Campaign(campaign) as session:
        seed = session.ask(12)
        assert (seed.strategy, seed.record["seed_query"]) == ("random", True)
        session.tell(by_color(session, seed.indices), allow_new_classes=True)
        assert sorted(session.classes) == ["blue", "green", "red"]
        assert session.ask(6).strategy == "uherding"


def test_a_strategy_without_needs_has_no_seed_query(campaign: Path) -> None:
    with Campaign(campaign) as session:
        assert session.ask(6, strategy="random").record["seed_query"] is False


def test_a_seed_strategy_that_needs_labels_is_refused(campaign: Path) -> None:
    with Campaign(campaign) as session:
        with pytest.raises(InvalidOption, match=r"coreset. needs labels"):
            session.ask(6, seed_strategy="coreset")
        with pytest.raises(InvalidOption, match=r"coreset. needs labels"):
            session.run(Colors(session), cycles=1, n=3, seed_strategy="coreset")
        assert session.queries == []


def test_an_oracle_of_the_campaign_answers_the_seed_query(pictures: Path, tmp_path: Path) -> None:
    with create(
        tmp_path / "c", str(pictures), oracle="dataset", task_options={"epochs": "2"}, strategy="entropy"
    ) as made:
        query = made.ask(5, seed_size=9)
        assert (query.number, query.strategy, len(query.picks)) == (2, "entropy", 5)
        assert len(made.pool.labeled) == 9


def test_a_budget_that_leaves_nothing_for_the_seed_says_so(pictures: Path, tmp_path: Path) -> None:
    with create(tmp_path / "c", str(pictures), oracle="dataset", task_options={"epochs": "2"}) as made:
        with pytest.raises(InvalidBudget, match="seed"):
            made.ask(60)
        assert made.queries == []


@pytest.mark.parametrize(
    ("budget", "message"),
    [(0, "at least 1, not 0"), (-3, "at least 1, not -3"), (49, "49 is more than the 48 images")],
)
def test_an_impossible_budget_is_refused(labeled: Path, budget: int, message: str) -> None:
    with Campaign(labeled) as campaign:
        with pytest.raises(InvalidBudget, match=message):
            campaign.ask(budget)
        assert campaign.queries == []


def test_a_pool_that_is_used_up_says_so(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.ask(48, strategy="random")
        campaign.consult(Colors(campaign))
        with pytest.raises(InvalidBudget, match="no candidates left"):
            campaign.ask(1)


def test_one_class_only_is_no_task(campaign: Path) -> None:
    with Campaign(campaign) as session:
        session.tell([GivenAnswer(2, f"red/{i:02d}.png", "red") for i in range(4)], allow_new_classes=True)
        with pytest.raises(TrainingError, match="all 4 labels are 'red'"):
            session.ask(3)
        assert session.queries == []
        assert session.history() == []


def test_a_loss_that_is_not_finite_keeps_the_last_checkpoint(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.train()
        good = {path: path.read_bytes() for path in (labeled / "checkpoints").iterdir()}
        assert good
    settings = labeled / "campaign.toml"
    settings.write_text(settings.read_text().replace("epochs = 2", "epochs = 2\nlearning-rate = 1e30"))
    with Campaign(labeled) as campaign:
        with pytest.raises(TrainingDiverged, match=r"^cycle 0: .* epoch \d of 2"):
            campaign.ask(3)
        assert campaign.queries == []
    assert {path: path.read_bytes() for path in (labeled / "checkpoints").iterdir()} == good


def test_training_twice_on_the_same_is_training_once(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        first, second = campaign.train(), campaign.train()
        assert (first.reused, second.reused) == (False, True)
        assert len(campaign.history()) == 1


def test_labels_grow_in_a_run(campaign: Path) -> None:
    with Campaign(campaign) as session:
        history = session.run(Colors(session), cycles=2, n=6, seed_size=9)
        assert [record.labels for record in history] == [9, 15, 21]


def test_a_run_is_finished_by_the_same_call(campaign: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(campaign, tmp_path / "whole"))
    with Campaign(whole) as session:
        session.run(Colors(session), cycles=2, n=5)
        expected = [query.indices for query in session.queries]

    class Dies(Colors):
        def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
            if len(session.queries) == 2:
                raise KeyboardInterrupt
            return super().label(indices)

    with Campaign(campaign) as session:
        with pytest.raises(KeyboardInterrupt):
            session.run(Dies(session), cycles=2, n=5)
        assert session.open_query is not None
    with Campaign(campaign) as session:
        session.run(Colors(session), cycles=2, n=5)
        assert [query.indices for query in session.queries] == expected
        events = len(session.ledger.all_events())
        history = session.run(Colors(session), cycles=2, n=5)
        assert len(session.ledger.all_events()) == events, "done is done"
        assert [record.labels for record in history] == [5, 10, 15]


def test_a_run_does_not_wait_for_what_the_oracle_leaves_out(campaign: Path) -> None:
    with Campaign(campaign) as session:
        session.run(Colors(session, silent=range(0, 60, 2)), cycles=1, n=6, seed_size=20)
        assert session.open_query is None
        assert len(session.pool.pending) == 0


def test_a_run_that_cannot_finish_is_refused_before_it_begins(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        with pytest.raises(InvalidBudget, match="48"):
            campaign.run(Colors(campaign), cycles=5, n=10)
        assert campaign.queries == []
        assert campaign.history() == []


def test_an_oracle_is_consulted_about_what_is_open(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        with pytest.raises(InvalidAnswers, match="no query is open"):
            campaign.consult(Colors(campaign))
        query = campaign.ask(4, strategy="random")
        receipt = campaign.consult(Colors(campaign, silent=query.indices[:1]))
        assert (receipt.accepted, receipt.still_open) == (3, 1)


def test_an_oracle_makes_no_class_by_a_typo(labeled: Path) -> None:
    class Typo(Colors):
        def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
            return {i: Answer("label", "rde") for i in indices}

    with Campaign(labeled) as campaign:
        campaign.ask(3, strategy="random")
        receipt = campaign.consult(Typo(campaign))
        assert receipt.accepted == 0
        assert re.search("no class 'rde'.* 'red'", receipt.rejected[0].reason)
        assert list(campaign.classes) == ["blue", "green", "red"]


def test_an_oracle_is_heard_only_on_what_it_was_asked(labeled: Path) -> None:
    class Chatty(Colors):
        def label(self, indices: Sequence[int]) -> Mapping[int, Answer]:
            return super().label(range(60))

    with Campaign(labeled) as campaign:
        campaign.ask(3, strategy="random")
        assert campaign.consult(Chatty(campaign)).accepted == 3
        assert len(campaign.pool.labeled) == 15


def test_equal_seeds_choose_alike_and_others_do_not(pictures: Path, tmp_path: Path) -> None:
    chosen = []
    for number, seed in enumerate((1, 1, 2)):
        with create(tmp_path / str(number), str(pictures), seed=seed) as made:
            chosen.append(made.ask(10, strategy="random").indices)
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]


def test_what_is_in_force_is_recorded_with_every_pick(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.ask(3)
    database = sqlite3.connect(labeled / "campaign.db")
    (data,) = database.execute("SELECT data FROM events WHERE kind = 'asked'").fetchone()
    ranks = database.execute("SELECT rank FROM picks ORDER BY rank").fetchall()
    database.close()
    for word in (
        '"strategy": "uherding"',
        '"distribution": "alkit"',
        '"version"',
        '"checkpoint": "checkpoints/',
    ):
        assert word in data
    for phase in ("train", "select"):
        assert f'"{phase}"' in data
    assert ranks == [(1,), (2,), (3,)]


def test_lost_caches_are_made_again_and_choose_alike(labeled: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(labeled, tmp_path / "twin"))
    with Campaign(labeled) as campaign:
        campaign.train()
        expected = campaign.ask(8).picks
    with Campaign(twin) as campaign:
        campaign.train()
    shutil.rmtree(twin / "cache")
    shutil.rmtree(twin / "checkpoints")
    with Campaign(twin) as campaign:
        assert campaign.ask(8).picks == expected


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_a_damaged_checkpoint_is_trained_again(labeled: Path, damage: bytes | None) -> None:
    with Campaign(labeled) as campaign:
        campaign.train()
        (path,) = (labeled / "checkpoints").glob("*.pt")
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage is None else damage)
        assert campaign.train().reused is False
        assert campaign.train().reused is True


def test_a_cache_that_was_cut_short_is_made_again(labeled: Path) -> None:
    cache = labeled / "cache" / "pool.u8"
    content = cache.read_bytes()
    cache.write_bytes(content[:1000])
    with Campaign(labeled) as campaign:
        campaign.ask(3)
    assert cache.read_bytes() == content


def test_a_campaign_may_be_moved(labeled: Path, tmp_path: Path) -> None:
    with Campaign(labeled) as campaign:
        first = campaign.ask(4)
    moved = labeled.rename(tmp_path / "else where")
    with Campaign(moved) as campaign:
        assert campaign.ask(4).picks == first.picks
        campaign.tell(by_color(campaign, first.indices))
        assert len(campaign.ask(4).picks) == 4


def test_images_deleted_since_are_still_chosen_from_the_cache(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool = make_pictures(tmp_path / "pool", each=5)
    with create(tmp_path / "c", str(pool)) as made:
        (pool / "red" / "00.png").unlink()
        query = made.ask(15, strategy="random")
        assert len(query.picks) == 15
        assert made.sheet_path(query).exists()
        assert made.update()["missing"] == ["red/00.png"]


def test_a_pool_that_is_gone_does_not_hold_a_query_back(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool = make_pictures(tmp_path / "pool", each=5)
    create(tmp_path / "c", str(pool)).close()
    shutil.rmtree(pool)
    with Campaign(tmp_path / "c") as campaign:
        query = campaign.ask(4, strategy="random")
        assert campaign.csv_path(query).exists()
        assert campaign.ask(4).picks == query.picks


def test_update_takes_in_new_images_and_shifts_no_index(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool = make_pictures(tmp_path / "pool", each=5)
    with create(tmp_path / "c", str(pool), task_options={"epochs": "2"}) as made:
        before = list(made.state.keys)
        query = made.ask(6)
        made.tell(by_color(made, query.indices), allow_new_classes=True)
        for image in make_pictures(tmp_path / "more", each=2, seed=9).glob("*/*.png"):
            shutil.copy(image, pool / image.parent.name / f"new-{image.name}")
        (pool / "blue" / "aaa.png").write_bytes(b"not an image")
        shutil.copy(pool / "red" / "00.png", pool / "blue" / "0copy.png")
        report = made.update()
        assert made.state.keys[: len(before)] == before
        assert report["added"] == 8
        assert [entry["image"] for entry in report["unusable"]] == ["blue/aaa.png"]
        assert report["duplicates"] == 1
        assert made.update()["added"] == 0
        broken = made.state.keys.index("blue/aaa.png")
        copy = made.state.keys.index("blue/0copy.png")
        left = len(made.pool.candidates)
        assert left == 15 - 6 + 6
        chosen = made.ask(left).indices
        assert not {broken, copy} & set(chosen)


def test_a_campaign_inside_its_own_pool_does_not_see_itself(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool = make_pictures(tmp_path / "pool", each=5)
    with create(pool / "c", str(pool), oracle="dataset", task_options={"epochs": "2"}) as made:
        made.ask(3, seed_size=6)
    with Campaign(pool / "c") as campaign:
        assert campaign.update()["added"] == 0
        oracle = campaign.oracle()
        assert oracle is not None
        assert len(oracle.label(campaign.open_query.indices)) == 3  # type: ignore[union-attr]


def test_a_named_oracle_keeps_the_campaigns_options(pictures: Path, tmp_path: Path) -> None:
    with create(tmp_path / "c", str(pictures), oracle="dataset", oracle_options={"abstain": "1"}) as made:
        oracle = made.oracle("dataset")
        assert oracle is not None
        assert {answer.kind for answer in oracle.label(range(9)).values()} == {"abstain"}


def test_a_database_of_a_newer_format_is_left_alone(
    labeled: Path, contents: Callable[[Path], dict[str, str]]
) -> None:
    database = sqlite3.connect(labeled / "campaign.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = contents(labeled)
    with pytest.raises(CampaignError, match=r"newer alkit \(format 99"):
        Campaign(labeled)
    assert contents(labeled) == before


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 50, None])
def test_a_damaged_database_is_one_sentence(labeled: Path, content: bytes | None) -> None:
    path = labeled / "campaign.db"
    for rest in labeled.glob("campaign.db-*"):
        rest.unlink()
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    with pytest.raises(CampaignError, match=r"campaign\.db") as caught, Campaign(labeled) as campaign:
        campaign.ask(3, strategy="random")
    assert "\n" not in str(caught.value)


def test_a_database_that_is_gone_is_not_made_anew(labeled: Path) -> None:
    (labeled / "campaign.db").unlink()
    with pytest.raises(CampaignError, match="is missing"):
        Campaign(labeled)
    assert not (labeled / "campaign.db").exists()


def test_a_run_does_not_go_on_from_the_queries_of_another(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.run(Colors(campaign), cycles=1, n=5, strategy="random")
        events = len(campaign.ledger.all_events())
        with pytest.raises(CampaignError, match=r"query 1 .* by 'random', not by 'entropy', so .*--campaign"):
            campaign.run(Colors(campaign), cycles=2, n=5, strategy="entropy")
        assert len(campaign.ledger.all_events()) == events


def test_a_run_does_not_go_on_from_queries_with_other_options(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        told = {"strategy": "learning-loss", "cycles": 1, "n": 5}
        campaign.run(Colors(campaign), **told, options={"detach-after": "0.5"})  # type: ignore[arg-type]
        with pytest.raises(CampaignError, match=r"by 'learning-loss' with detach-after=0\.5, so"):
            campaign.run(Colors(campaign), **told)  # type: ignore[arg-type]


def test_a_later_training_does_not_change_what_a_run_reports(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        before = campaign.run(Colors(campaign), cycles=1, n=5, strategy="learning-loss")
        campaign.train()
        assert campaign.history() == before
        assert campaign.run(Colors(campaign), cycles=1, n=5, strategy="learning-loss") == before
        assert [record.record["companion"] for record in before] == ["learning-loss"] * 2


def test_the_query_of_a_run_says_how_long_its_training_took(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.run(Colors(campaign), cycles=1, n=5)
        assert campaign.queries[0].record["measures"]["seconds"]["train"] > 0


def test_what_an_oracle_leaves_out_stays_out_of_runs(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        silent = range(0, 60, 2)
        campaign.run(Colors(campaign, silent), cycles=4, n=6)
        indices = [index for query in campaign.queries for index in query.indices]
        assert len(indices) == len(set(indices)) == 24
        passed = set(indices) & set(silent)
        assert passed
        assert passed <= set(campaign.pool.candidates.tolist()), "people may still be asked"
        assert not passed & set(campaign.pool.answerable.tolist())


def test_an_oracle_that_answers_nothing_stops_a_run_at_once(campaign: Path) -> None:
    with Campaign(campaign) as session:
        with pytest.raises(InvalidAnswers, match=r"'colors' answers for no image of query 1"):
            session.run(Colors(session, silent=range(60)), cycles=1, n=6)
        assert len(session.pool.pending) == 6
        assert [r.labels for r in session.run(Colors(session), cycles=1, n=6)] == [6, 12], (
            "mended, it goes on"
        )


@pytest.mark.parametrize("way", ["ask", "run"])
def test_what_a_task_cannot_serve_is_refused_before_the_seed(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("alkit_plugins.strategies.hybrid.uherding.UHerding.needs", frozenset({"magic"}))
    with create(tmp_path / "c", str(pictures), oracle="dataset") as made:
        oracle = made.oracle()
        assert oracle is not None
        with pytest.raises(UnsupportedTask, match="magic"):
            made.ask(5) if way == "ask" else made.run(oracle, cycles=1, n=5)
        assert made.queries == []


def test_naming_the_campaigns_own_strategy_keeps_its_options(pictures: Path, tmp_path: Path) -> None:
    stored = {"detach-after": "0.5", "margin": "2"}
    with create(tmp_path / "c", str(pictures), strategy="learning-loss", strategy_options=stored) as made:
        named: Any = made.resources.strategy("learning-loss", {"detach_after": "0.25"}).strategy
        assert (named.detach_after, named.margin) == (0.25, 2.0)


def test_lost_images_come_back_when_their_originals_do(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool, cache = make_pictures(tmp_path / "pics"), tmp_path / "c" / "cache" / "pool.u8"
    with create(tmp_path / "c", str(pool)) as made:
        whole = cache.read_bytes()
        (pool / "red").rename(tmp_path / "red")
        cache.unlink()
        made.ask(5, strategy="random")
        assert made.pool.set_aside["unreadable"] == 20
        (tmp_path / "red").rename(pool / "red")
        report = made.update()
        assert (report["found"], report["added"], report["missing"]) == (20, 0, [])
        assert made.pool.set_aside["unreadable"] == 0
        assert cache.read_bytes() == whole
        assert made.update()["found"] == 0


def test_lost_images_come_back_with_a_rebuilt_cache(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool, cache = make_pictures(tmp_path / "pics"), tmp_path / "c" / "cache" / "pool.u8"
    with create(tmp_path / "c", str(pool)) as made:
        (pool / "red").rename(tmp_path / "red")
        cache.unlink()
        made.ask(5, strategy="random")
        (tmp_path / "red").rename(pool / "red")
        cache.unlink()
        made.ask(5, strategy="random")
        assert made.pool.set_aside["unreadable"] == 0
    with Campaign(tmp_path / "c") as again:
        assert len(again.pool.lost) == 0


def test_a_moved_file_is_no_copy_of_the_lost_one(make_pictures: Callable[..., Path], tmp_path: Path) -> None:
    pool = make_pictures(tmp_path / "pics")
    with create(tmp_path / "c", str(pool)) as made:
        (pool / "red" / "00.png").rename(pool / "red" / "moved.png")
        (tmp_path / "c" / "cache" / "pool.u8").unlink()
        report = made.update()
        assert (report["added"], report["duplicates"], report["found"]) == (0, 0, 1)
        assert report["renamed"] == [{"index": 40, "image": "red/moved.png"}]
        assert 40 in made.pool.candidates
        (pool / "red" / "00.png").write_bytes((pool / "red" / "moved.png").read_bytes())
        report = made.update()
        assert (report["found"], report["duplicates"]) == (0, 1), "the pool has that image"


def test_a_pool_that_is_mostly_gone_is_not_taken_for_lost(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool = make_pictures(tmp_path / "pics")
    with create(tmp_path / "c", str(pool)) as made:
        for color in ("red", "blue"):
            (pool / color).rename(tmp_path / color)
        (tmp_path / "c" / "cache" / "pool.u8").unlink()
        for _ in range(2):
            with pytest.raises(SourceError, match=r"40 of 60 images .* not mounted"):
                made.ask(5, strategy="random")
        assert made.ledger.events(Lost) == []
        for color in ("red", "blue"):
            (tmp_path / color).rename(pool / color)
        assert len(made.ask(60, strategy="random").picks) == 60


@pytest.mark.parametrize(("content", "what"), [(None, "is missing"), (b"torn", "cannot be read")])
def test_what_a_strategy_remembers_is_no_cache(
    labeled: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, what: str
) -> None:
    monkeypatch.setattr("alkit_plugins.strategies.random.Random.state_dict", lambda self: {"seen": 3})
    with Campaign(labeled) as campaign:
        campaign.tell(by_color(campaign, campaign.ask(5, strategy="random").indices))
        (state,) = (labeled / "states").iterdir()
        shutil.rmtree(labeled / "checkpoints", ignore_errors=True)
        campaign.tell(by_color(campaign, campaign.ask(5, strategy="random").indices))
        state = max((labeled / "states").iterdir())
        state.unlink() if content is None else state.write_bytes(content)
        with pytest.raises(CampaignError, match=rf"{state.name} {what}: strategy 'random' .*backup"):
            campaign.ask(5, strategy="random")


def test_known_labels_given_again_take_no_correction_back(labeled: Path) -> None:
    with Campaign(labeled) as campaign:
        campaign.tell([GivenAnswer(2, "blue/00.png", "red")])
        again = campaign.tell([GivenAnswer(2, "blue/00.png", "blue")], said_before=True)
        assert (again.accepted, again.unchanged) == (0, 1)
        answer = campaign.pool.answer_of(campaign.state.keys.index("blue/00.png"))
        assert answer is not None
        assert answer.value == "red"


def test_a_copy_made_before_the_image_was_lost_keeps_its_label(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    pool = make_pictures(tmp_path / "pics")
    with create(tmp_path / "c", str(pool), classes=("blue", "green", "red")) as made:
        made.tell([GivenAnswer(2, "red/00.png", "red")])
        shutil.copy(pool / "red" / "00.png", pool / "red" / "moved.png")
        assert made.update()["duplicates"] == 1
        (pool / "red" / "00.png").unlink()
        (tmp_path / "c" / "cache" / "pool.u8").unlink()
        made.update()
        assert made.pool.labeled.tolist() == [60]
        (pool / "red" / "00.png").write_bytes((pool / "red" / "moved.png").read_bytes())
        assert made.update()["found"] == 0, "its copy stands in for it"


def test_labels_by_image_and_the_curve_that_they_make(tmp_path: Path, pictures: Path) -> None:
    with create(tmp_path / "c", str(pictures), test=str(pictures), task_options={"epochs": 2}) as made:
        assert list(made.curve()) == []
        query = made.ask(6)
        report = made.tell({image: image.partition("/")[0] for image in query.images})
        assert (report.accepted, report.still_open) == (6, 0)
        made.train()
        made.ask(6, strategy="margin", control=0.0)
        ((labels, accuracy),) = made.curve()
        assert (labels, accuracy) == (6, made.history()[-1].metrics["accuracy"])


def test_a_rare_class_one_letter_from_a_frequent_one_is_pointed_out(tmp_path: Path, pictures: Path) -> None:
    with create(tmp_path / "c", str(pictures)) as made:
        images = made.state.keys
        honest = {image: ("shirt", "skirt")[number % 2] for number, image in enumerate(images[:8])}
        assert made.tell(honest, allow_new_classes=True).warnings == ()
        (warning,) = made.tell(
            {**dict.fromkeys(images[8:14], "sandal"), images[14]: "sandel"}, allow_new_classes=True
        ).warnings
        assert "'sandal' (6 labels) and 'sandel' (1) differ by one letter" in warning


def test_a_new_campaign_points_out_what_looks_like_a_slip(tmp_path: Path, pictures: Path) -> None:
    images = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png"))
    for few, warned in ((1, True), (5, False)):
        table = tmp_path / f"{few}.csv"
        lines = [
            f"{image},{'sandel' if number < few else 'sandal'}" for number, image in enumerate(images[:11])
        ]
        table.write_text("\n".join(["image,label", *lines]))
        with create(tmp_path / str(few), str(pictures), labels=table) as made:
            assert any("one letter" in note for note in made.overview["notes"]) == warned


def test_a_closed_campaign_says_so(campaign: Path) -> None:
    with Campaign(campaign) as closed:
        pass
    with pytest.raises(CampaignError, match="has been closed; open it again"):
        closed.ask(2, strategy="random")
    with pytest.raises(CampaignError, match="has been closed; open it again"):
        closed.tell({"red/00.png": "red"})
