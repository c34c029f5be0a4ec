"""What a model card says of its labels."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from alkit.campaign.model.facts import provenance
from alkit.campaign.record.query import Pick


def pick(index: int, *, control: bool = False, given_up: bool = False) -> Pick:
    return Pick(0, index, "", None, None, control, None, None, None, given_up=given_up)


def test_a_label_belongs_to_the_query_that_got_it() -> None:
    """An image that a withdrawn query drew at random is no control image of the query that chose it later."""
    withdrawn = [pick(0, control=True, given_up=True), pick(1, given_up=True)]
    answered = [pick(0), pick(2, control=True)]
    queries: list[Any] = [
        SimpleNamespace(number=number, strategy="margin", picks=picks)
        for number, picks in ((1, withdrawn), (2, answered))
    ]
    pool = SimpleNamespace(labeled=np.array([0, 1, 2]), copied={}, values=[], answer_of=lambda _: None)
    state = SimpleNamespace(queries=queries, pool=pool, records=range(3), aggregate="last", classes=())
    settings = SimpleNamespace(pool=SimpleNamespace(location="photos"), test=None)
    session: Any = SimpleNamespace(state=state, settings=settings, class_counts=lambda _: {})
    told = provenance(session, SimpleNamespace(state=state))  # type: ignore[arg-type]
    assert [(row["labels"], row["control"]) for row in told["by_query"]] == [(0, 0), (2, 1)]
    assert told["not_asked_for"] == 1
