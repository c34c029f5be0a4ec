"""Compositions and single files in a campaign: on record, remembered, and gone on with after a kill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit import Campaign
from alkit.campaign.record.events import Trained
from alkit.errors import CampaignError

Alkit = Callable[..., Any]
MINE = """
import alkit

class Mine(alkit.Strategy):
    '''The first ones, and how often it was asked.'''
    needs_labels = False
    asked = 0

    def select(self, cycle, n):
        self.asked += 1
        cycle.diagnostics["asked"] = self.asked
        return cycle.candidates[:n]

    def state_dict(self):
        return {"asked": self.asked}

    def load_state_dict(self, state):
        self.asked = state["asked"]
"""
TEXT = "subset(12) > mix(0.5 ./mine.py:Mine, learning-loss(hidden=4))"
NAME = "subset(12) > mix(0.5 mine.py:Mine, learning-loss(hidden=4))"
RUN = ("-n", "4", "--oracle", "dataset", "-q", "--json")


@pytest.fixture
def mine(here: Path) -> Path:
    (here / "mine.py").write_text(MINE)
    return here / "mine.py"


def test_a_composition_is_on_record_with_its_parts(labeled: Path, mine: Path) -> None:
    with Campaign(labeled) as campaign:
        query = campaign.ask(4, strategy=TEXT, control=0.0)
        trained = campaign.ledger.events(Trained)[-1].data
    assert query.strategy == trained.companion == NAME
    assert query.options["keep"] == 12
    assert query.options["second.strategies-2.hidden"] == 4
    part = query.record["parts"]["second.strategies-1"]
    assert (part["strategy"], part["distribution"]) == ("mine.py:Mine", str(mine))
    assert len(part["version"]) == 64
    assert query.record["diagnostics"]["second"]["strategies-1"]["asked"] == 1


def test_what_strategies_inside_remember_comes_back(labeled: Path, mine: Path) -> None:
    for asked in (1, 2):
        with Campaign(labeled) as campaign:
            query = campaign.ask(4, strategy=TEXT, control=0.0, new=True)
        assert query.record["diagnostics"]["second"]["strategies-1"]["asked"] == asked
    names = [path.name for path in sorted((labeled / "states").iterdir())]
    assert len(names) == 2
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-M") for name in names)


def test_a_campaign_made_with_a_composition_uses_it(alkit: Alkit, pictures: Path, mine: Path) -> None:
    alkit("init", "camp", "--pool", pictures, "--strategy", "mix(./mine.py:Mine, random)", "-q")
    with Campaign("camp") as campaign:
        own = campaign.settings.strategy
        assert own.name == f"mix({mine}:Mine, random)"
        query = campaign.ask(4, control=0.0)
    assert query.strategy == "mix(mine.py:Mine, random)"


def test_a_file_as_a_campaigns_own_strategy_keeps_its_options(
    alkit: Alkit, pictures: Path, mine: Path
) -> None:
    options = "    shift: int = alkit.option(0, 'places')\n"
    text = MINE.replace("    asked = 0\n", options).replace("self.asked += 1", "self.asked = self.shift")
    text = text.replace("class Mine", "@dataclass(kw_only=True)\nclass Mine")
    mine.write_text("from dataclasses import dataclass\n" + text)
    alkit("init", "camp", "--pool", pictures, "--strategy", "mine.py:Mine", "-o", "shift=3", "-q")
    with Campaign("camp") as campaign:
        for name in (None, "./mine.py:Mine", str(mine) + ":Mine"):
            query = campaign.ask(4, strategy=name, control=0.0, new=True)
            assert query.options == {"shift": 3}


def test_a_run_of_a_composition_goes_on_where_it_was(
    alkit: Alkit, alkit_ends: Alkit, pictures: Path, mine: Path
) -> None:
    make = ("--pool", pictures, "-t", "epochs=1", "--strategy", TEXT)
    alkit("run", "-c", "whole", *make, "--cycles", "2", *RUN)
    alkit("run", "-c", "parts", *make, "--cycles", "1", *RUN)
    alkit("run", "-c", "parts", "--strategy", TEXT, "--cycles", "2", *RUN)
    with Campaign("whole") as whole, Campaign("parts") as parts:
        assert [query.indices for query in whole.queries] == [query.indices for query in parts.queries]
        assert parts.queries[-1].record["diagnostics"]["second"]["strategies-1"]["asked"] == 2
    other = TEXT.replace("hidden=4", "hidden=8")
    said = alkit_ends("run", "-c", "parts", "--strategy", other, "--cycles", "3", *RUN)
    assert "was chosen by 'subset(12) > mix(0.5 mine.py:Mine, learning-loss(hidden=4))', not by" in said.error


@pytest.mark.parametrize("text", ["{}/mine.py:Mine", "mix({}/mine.py:Mine, random)"])
def test_a_file_of_the_same_name_elsewhere_is_another_strategy(
    alkit: Alkit, alkit_ends: Alkit, pictures: Path, here: Path, text: str
) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "mine.py").write_text(MINE)
    first, other = text.format("a"), text.format("b")
    alkit("run", "-c", "camp", "--pool", pictures, "-t", "epochs=1", "-s", first, "--cycles", "1", *RUN)
    with Campaign("camp") as campaign:
        resources, state = campaign.resources, campaign.state
        assert state.remembered(resources.strategy(first).strategy) is not None
        assert state.remembered(resources.strategy(other).strategy) is None
    said = alkit_ends("run", "-c", "camp", "-s", other, "--cycles", "2", *RUN)
    assert "from another file or distribution, so this run cannot continue" in said.error


def test_a_file_that_has_changed_since_is_said_and_used(alkit: Alkit, pictures: Path, mine: Path) -> None:
    options = ("-c", "camp", "-s", "mix(mine.py:Mine, random)", "-n", "4", "--oracle", "dataset")
    alkit("run", *options, "--pool", pictures, "-t", "epochs=1", "--cycles", "1")
    assert "has changed" not in alkit("run", *options, "--cycles", "1").err
    mine.write_text(MINE + "\n")
    said = alkit("run", *options, "--cycles", "1")
    assert f"warning: {mine} has changed since this run began; the run uses it as it is now" in said.err


def test_a_default_inside_that_has_changed_is_seen(
    alkit: Alkit, pictures: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alkit.plugin import registry

    text = "balanced(coreset)"
    make = ("--pool", pictures, "-t", "epochs=1", "--strategy", text)
    alkit("run", "-c", "camp", *make, "--cycles", "1", *RUN)
    coreset: Any = registry.strategies.get("coreset")
    monkeypatch.setattr(coreset, "__init__", lambda self: vars(self).update(metric="cosine"))
    with Campaign("camp") as campaign:
        oracle = campaign.oracle("dataset")
        assert oracle is not None
        with pytest.raises(CampaignError, match=r"with strategy\.metric=euclidean"):
            campaign.run(oracle, cycles=2, n=4, strategy=text)
