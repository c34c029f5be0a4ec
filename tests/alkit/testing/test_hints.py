"""Every check is explained: what it looks at, and what to do when it fails."""

from __future__ import annotations

import pytest

from alkit.plugin import registry
from alkit.testing.hints import ADVICE, CHECKS, explain
from alkit.testing.results import Result, title


def test_every_kind_of_plugin_is_explained() -> None:
    assert set(ADVICE) == set(CHECKS) == set(registry.KINDS)


@pytest.mark.parametrize("kind", CHECKS)
def test_every_check_has_advice_and_says_what_it_looks_at(kind: str) -> None:
    assert set(ADVICE[kind]) == {title(check) for check in CHECKS[kind]}
    for check in CHECKS[kind]:
        told = explain(kind, Result(title(check), False, "it did not"))
        assert told.checked.endswith(".")
        assert "\n" not in told.checked
        assert told.advice == ADVICE[kind][title(check)]


def test_the_task_in_brackets_is_no_part_of_the_check() -> None:
    assert explain("strategy", Result("repeats (regression)", False, "")) == explain(
        "strategy", Result("repeats", False, "")
    )


def test_a_task_that_was_not_tried_at_all() -> None:
    assert explain("strategy", Result("segmentation", False, "")).checked == (
        "It can be built and checked on a segmentation task."
    )
