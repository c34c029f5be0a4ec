"""The pool: who is labeled, who may be chosen."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alkit.campaign.record.pool import Pool
from alkit.interfaces.oracle import Answer


def test_a_new_pool_offers_everything() -> None:
    pool = Pool(4)
    assert pool.candidates.tolist() == [0, 1, 2, 3]
    assert pool.candidates.dtype == np.int64
    assert pool.labeled.tolist() == []
    assert pool.labeled.dtype == np.int64
    assert pool.values == []


def test_a_pool_of_nothing_offers_nothing() -> None:
    assert Pool(0).candidates.tolist() == []


def test_unreadable_images_and_copies_are_never_candidates() -> None:
    pool = Pool(5, unusable=[1], duplicates={4: 0})
    assert pool.candidates.tolist() == [0, 2, 3]
    assert pool.usable.tolist() == [True, False, True, True, False]
    assert pool.original(4) == 0
    assert pool.original(3) == 3
    assert pool.set_aside == {"unreadable": 1, "duplicates": 1, "abstained": 0, "judged unusable": 0}


def test_asking_sets_aside_until_answered_or_withdrawn() -> None:
    pool = Pool(5)
    pool.ask(np.array([3, 1]))
    assert pool.pending.tolist() == [1, 3]
    assert pool.candidates.tolist() == [0, 2, 4]
    pool.answer(3, Answer(value="cat"))
    assert pool.pending.tolist() == [1]
    pool.withdraw([1])
    assert pool.pending.tolist() == []
    assert pool.candidates.tolist() == [0, 1, 2, 4]


def test_only_labels_are_labels_but_every_answer_takes_an_image_out() -> None:
    pool = Pool(5)
    pool.answer(4, Answer(value="dog"))
    pool.answer(0, Answer("abstain"))
    pool.answer(2, Answer("unusable"))
    pool.answer(1, Answer(value="cat"))
    assert pool.labeled.tolist() == [1, 4]
    assert pool.values == ["cat", "dog"]
    assert pool.candidates.tolist() == [3]
    assert pool.set_aside["abstained"] == 1
    assert pool.set_aside["judged unusable"] == 1


def test_a_later_answer_replaces_an_earlier_one() -> None:
    pool = Pool(2)
    pool.answer(0, Answer(value="cat"))
    pool.answer(0, Answer(value="dog"))
    assert pool.values == ["dog"]
    pool.answer(0, Answer("abstain"))
    assert pool.labeled.tolist() == []
    assert pool.answer_of(0) == Answer("abstain")
    assert pool.answer_of(1) is None


def test_the_label_of_an_unreadable_image_is_kept_but_not_trained_on() -> None:
    pool = Pool(3, unusable=[1])
    pool.answer(1, Answer(value="cat"))
    pool.answer(2, Answer(value="dog"))
    assert pool.labeled.tolist() == [2]
    assert pool.values == ["dog"]
    assert pool.answer_of(1) == Answer(value="cat")


def test_what_it_hands_out_is_not_its_own_state() -> None:
    pool = Pool(3)
    pool.usable[:] = False
    pool.candidates[:] = 0
    assert pool.candidates.tolist() == [0, 1, 2]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["label", "abstain", "ask", "withdraw"]))))
def test_every_usable_image_is_in_exactly_one_place(moves: list[tuple[int, str]]) -> None:
    pool = Pool(8, unusable=[6], duplicates={7: 1})
    for index, move in moves:
        if move == "ask":
            if index in pool.candidates:
                pool.ask([index])
        elif move == "withdraw":
            pool.withdraw([index])
        else:
            pool.answer(index, Answer(move, "x" if move == "label" else None))  # type: ignore[arg-type]
    places = [set(pool.candidates.tolist()), set(pool.pending.tolist())]
    places.append({i for i in range(8) if pool.answer_of(i) is not None})
    for index in range(6):
        assert sum(index in place for place in places) == 1
    assert not {6, 7} & places[0]


def test_what_an_oracle_passed_over_is_for_people_only() -> None:
    pool = Pool(4)
    pool.ask([1, 2])
    pool.skip([2])
    assert pool.pending.tolist() == [1]
    assert pool.candidates.tolist() == [0, 2, 3]
    assert pool.answerable.tolist() == [0, 3]


def test_lost_images_are_out_of_reach_until_they_are_found() -> None:
    pool = Pool(3)
    pool.ask([0])
    pool.mark_missing([0, 2])
    assert (pool.lost.tolist(), pool.pending.tolist(), pool.candidates.tolist()) == ([0, 2], [], [1])
    pool.mark_found([0])
    assert (pool.lost.tolist(), pool.candidates.tolist()) == ([2], [0, 1])


def test_a_copy_takes_the_place_of_a_lost_image() -> None:
    pool = Pool(5, duplicates={2: 0, 3: 0, 4: 1})
    pool.mark_missing([0, 2])
    pool.answer(0, Answer("label", "cat"))
    assert pool.labeled.tolist() == [3]
    assert pool.candidates.tolist() == [1]
    assert pool.duplicates == {2: 0, 4: 1}
    assert pool.answer_of(0) == pool.answer_of(3) == Answer("label", "cat")
    copies = Pool(3, duplicates={1: 0, 2: 0})
    copies.mark_missing([0])
    assert (copies.candidates.tolist(), copies.original(2)) == ([1], 1)
