"""Typed events: the JSON stays as it was, unknown keys and kinds are kept, damage is one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from alkit.campaign.record import events
from alkit.campaign.record.events import Answered, Asked, ClassesAdded, Trained, Unknown, from_json
from alkit.campaign.record.ledger import Ledger
from alkit.errors import CampaignError

DATA = {
    "created": {"alkit": "0.1.0", "images": 3},
    "classes": {"added": ["cat", "dog"]},
    "extended": {"first": 3, "images": 2},
    "ran": {"cycle": 1, "strategy": "margin", "fingerprint": "f"},
    "stopped": {"cycle": 1, "rule": "budget=20", "reason": "spent"},
    "answered": {"answers": 1, "query": 2, "page": True, "saw_guess": False},
    "retracted": {"index": 4, "answer": 9},
    "noted": {"index": 4, "text": "too dark", "annotator": "ada"},
    "aggregate": {"by": "majority"},
    "withdrawn": {"query": 1, "indices": [1, 2]},
    "passed": {"query": 1, "oracle": "file", "indices": [0]},
    "lost": {"indices": [1], "reason": "gone"},
    "found": {"indices": [1]},
    "asked": {
        "cycle": 0,
        "strategy": "mix",
        "options": {"a": 1},
        "distribution": "alkit",
        "version": "0.1.0",
        "parts": {"strategies-1": {"strategy": "random"}},
        "seed_query": False,
        "control": 0.1,
        "uniform": False,
        "labels": 5,
        "candidates": 50,
        "checkpoint": None,
        "device": "cpu",
        "measures": {"seconds": {"select": 0.1}},
        "diagnostics": {"warnings": ["careful"]},
        "state": None,
    },
    "trained": {
        "cycle": 0,
        "labels": 5,
        "metrics": {"accuracy": 0.5},
        "companion": None,
        "checkpoint": "checkpoints/000-a.pt",
        "fingerprint": "f",
        "device": "cpu",
        "options": {"epochs": 2},
        "measures": {},
        "starting_weights": "w",
        "warm_start": None,
        "order": "o",
        "recipe": {"epochs": 2},
        "loss": [1.5, 0.5],
    },
    "moved": {"location": "/data/photos", "found": 12},
    "renamed": {"indices": [3], "names": ["b.png"]},
    "class-renamed": {"old": "gul", "new": "gull"},
    "classes-merged": {"classes": ["herring gull"], "into": "gull"},
    "class-retired": {"name": "other"},
    "class-restored": {"name": "other"},
    "removed": {"indices": [4], "reason": "a person"},
    "put-back": {"indices": [4]},
    "grouped": {
        "indices": [4, 5],
        "leaders": [1, 1],
        "likeness": [0.99, 0.9],
        "audit": [5],
        "by": "features",
        "levels": [0.85, 0.9],
        "limit": 0.05,
    },
    "ungrouped": {},
    "labels-copied": {"indices": [4], "sources": [1], "level": 0.9, "bound": 0.04},
    "copies-dropped": {},
    "test-set": {"location": "/data/test", "images": 3, "cache": "cache/test-a.u8", "moved": False},
}


def test_every_kind_is_covered_here() -> None:
    assert set(DATA) == set(events.KINDS)


@pytest.mark.parametrize("kind", DATA)
def test_the_json_of_an_event_comes_back_as_it_was(kind: str) -> None:
    event = from_json(kind, DATA[kind])
    assert not isinstance(event, Unknown)
    assert event.to_json() == DATA[kind]


@pytest.mark.parametrize("kind", DATA)
def test_what_another_alkit_wrote_besides_is_kept(kind: str) -> None:
    data = {**DATA[kind], "novelty": [1, {"deep": None}]}
    event = from_json(kind, data)
    assert event.more["novelty"] == [1, {"deep": None}]
    assert event.to_json() == data


def test_an_unknown_kind_is_kept_as_it_is() -> None:
    event = from_json("forked", {"from": "elsewhere"})
    assert (event, event.to_json()) == (
        Unknown(word="forked", more={"from": "elsewhere"}),
        {"from": "elsewhere"},
    )


def test_what_older_versions_did_not_record_has_a_default() -> None:
    asked = from_json("asked", {"cycle": 0, "strategy": "random"})
    assert isinstance(asked, Asked)
    assert (asked.uniform, asked.control, asked.checkpoint, asked.seed_query) == (False, 0.0, None, False)


def test_only_what_was_said_of_answers_is_written() -> None:
    assert Answered(answers=2, file="a.csv").to_json() == {"answers": 2, "file": "a.csv"}
    assert Answered(answers=1, saw_guess=False).to_json() == {"answers": 1, "saw_guess": False}


def test_events_are_read_by_their_class(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "campaign.db", create=True)
    with ledger.transaction():
        ledger.add_event(ClassesAdded(added=("cat",)))
        ledger.add_event(Unknown(word="forked"))
        ledger.add_event(Answered(answers=1))
    assert [event.data.added for event in ledger.events(ClassesAdded)] == [["cat"]]
    assert ledger.events(Trained) == []
    assert [event.kind for event in ledger.all_events()] == ["classes", "forked", "answered"]
    ledger.close()


@pytest.mark.parametrize("data", ['{"cycle": 0}', "[1, 2]", "not JSON", '"text"', "null"])
def test_a_damaged_event_is_one_sentence(tmp_path: Path, data: str) -> None:
    path = tmp_path / "campaign.db"
    Ledger(path, create=True).close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO events (time, kind, data) VALUES ('', 'asked', ?)", (data,))
    db.close()
    ledger = Ledger(path)
    with pytest.raises(CampaignError, match=r"^event 1 in .*campaign\.db is damaged: .*; restore the file"):
        ledger.events(Asked)
    ledger.close()


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("classes", "added", "cat"),
        ("classes", "added", [1]),
        ("lost", "indices", [1.5]),
        ("lost", "indices", {"1": 1}),
        ("asked", "cycle", "0"),
        ("asked", "measures", {"seconds": {"select": "long"}}),
        ("trained", "metrics", [0.5]),
        ("trained", "loss", 1.5),
        ("retracted", "answer", None),
        ("noted", "text", 3),
        ("answered", "saw_guess", 1),
    ],
)
def test_a_value_of_another_type_is_damage(kind: str, key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"'{key}"):
        from_json(kind, {**DATA[kind], key: value})
