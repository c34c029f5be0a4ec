"""`alkit strategies`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alkit.plugin import registry

Alkit = Callable[..., Any]
NAMES = sorted(plugin.name for plugin in registry.strategies if plugin.distribution == "alkit")


def test_all_are_listed_with_distribution_version_and_a_line(alkit: Alkit) -> None:
    from alkit import __version__

    rows = [row for row in alkit("strategies", "--json").json if row["distribution"] == "alkit"]
    assert {"random", "ta-vaal", "then"} <= set(NAMES)
    assert [row["name"] for row in rows] == NAMES
    assert all(row["summary"] and row["version"] == __version__ for row in rows)
    shown = alkit("strategies").out
    assert all(f"\n{name} " in f"\n{shown}" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_is_shown_with_options_needs_and_paper(alkit: Alkit, name: str) -> None:
    described = alkit("strategies", name, "--json").json
    assert (described["name"], described["kind"]) == (name, "strategy")
    assert all(option["help"] and option["type"] for option in described["options"])
    shown = alkit("strategies", name).out
    assert shown.startswith(f"{name} (alkit ")
    assert "needs    " in shown
    for option in described["options"]:
        assert f"  {option['name']} " in shown
    assert ("options (-o NAME=VALUE)" in shown) == bool(described["options"])


def test_a_paper_and_presets_are_shown(alkit: Alkit) -> None:
    shown = alkit("strategies", "learning-loss").out
    assert "paper    " in shown
    assert "-o preset=" in shown


def test_an_unknown_name_gets_the_nearest(alkit_ends: Alkit) -> None:
    said = alkit_ends("strategies", "tavaal")
    assert said.code == 2
    assert said.error == "no strategy is called 'tavaal' in alkit.strategies; did you mean 'ta-vaal'?"
