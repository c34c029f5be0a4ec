"""Queries that avoid images which people cannot label: what is wrapped, proposed and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alkit import Campaign
from alkit.campaign.ask import MANY
from alkit.errors import InvalidOption
from alkit.utils.progress import NullProgress


class Lines(NullProgress):
    """Keeps the lines that are shown."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def line(self, text: str) -> None:
        self.said.append(text)


def test_many_answers_without_a_label_lead_to_a_proposal_and_the_option_wraps(labeled: Path) -> None:
    embeddings = np.random.default_rng(0).normal(size=(60, 3))
    with Campaign(labeled) as campaign:
        keys, free = campaign.state.keys, campaign.pool.candidates[: MANY + 2].tolist()
        campaign.tell({keys[index]: "unusable" for index in free})
        assert campaign.pool.no_label.tolist() == free
        campaign.progress = lines = Lines()
        given = {"strategy": "coreset(metric=cosine)", "embeddings": embeddings}
        campaign.ask(3, **given)
        assert any("12 of 24 answers are 'unusable' or 'abstain'; --avoid" in line for line in lines.said)
        lines.said.clear()
        query = campaign.ask(3, **given, new=True, avoid_unusable=True)
        assert query.strategy == "usable(coreset(metric=cosine))"
        assert query.asked.diagnostics["usable"]["without_label"] == MANY + 2
        assert not any("--avoid" in line for line in lines.said)
        with pytest.raises(InvalidOption, match="baseline"):
            campaign.ask(3, strategy="random", new=True, avoid_unusable=True)
