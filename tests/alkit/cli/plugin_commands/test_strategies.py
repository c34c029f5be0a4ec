"""`alkit strategies`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from alkit.cli.describe import KINDS
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
    for row in rows:
        line = rf"^  {row['name']} +alkit {__version__} +{re.escape(row['summary'])}$"
        assert re.search(line, shown, re.MULTILINE)


def test_the_kind_and_the_line_of_each_are_those_of_its_class(alkit: Alkit) -> None:
    for row in alkit("strategies", "--json").json:
        cls = registry.strategies.get(f"{row['distribution']}:{row['name']}")
        assert (row["kind"], row["summary"]) == (cls.kind, (cls.__doc__ or "").partition("\n")[0])
        assert row["distribution"] != "alkit" or row["kind"] in KINDS
        author = cls.paper.partition(" ")[0].strip(",")
        assert not author or author not in row["summary"], "papers are cited by 'alkit strategies NAME'"


def test_they_stand_under_the_heading_of_their_kind(alkit: Alkit) -> None:
    shown = alkit("strategies").out
    kind, found = "", {}
    for line in shown.splitlines():
        if line.startswith("  "):
            found[line.split()[0]] = kind
        elif line:
            kind = line.lower()
    rows = alkit("strategies", "--json").json
    assert found == {row["name"]: row["kind"] for row in rows}
    assert shown.startswith("Random sampling\n")
    assert found["vaal"] == found["ta-vaal"] == "adversarial"


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
    assert said.error.endswith("strategy 'tavaal' in alkit.strategies; did you mean 'ta-vaal'?")
