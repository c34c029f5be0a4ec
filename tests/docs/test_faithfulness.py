"""The page on papers and code says what `preset=published` sets, and no default is a published accident."""

from __future__ import annotations

import re

import pytest

from alkit import options
from alkit.plugin import registry

DEFAULTS = {
    "learning-loss": {"loss": "margin", "margin": 1.0, "weight": 1.0, "hidden": 128, "detach-after": 0.6},
    "vaal": {"kl": "mean", "scoring": "eval", "shuffle": True, "vae-steps": 2, "subset": None},
    "ta-vaal": {
        "kl": "mean",
        "scoring": "eval",
        "shuffle": True,
        "vae-steps": 1,
        "discriminator-rank": "sigmoid",
        "first-ranks": "predicted",
        "detach-after": 0.6,
    },
    "coreset": {"metric": "euclidean", "robust": 0.0, "pca": 0},
}


def presets(documentation) -> dict[str, dict[str, str]]:
    """Read the options of each strategy's row."""
    text = (documentation.root / "docs" / "explanation" / "faithfulness.md").read_text(encoding="utf-8")
    table = text.partition("| strategy | `preset=published` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", table, re.MULTILINE)
    return {name: dict(re.findall(r"`([a-z-]+)=([^`]*)`", given)) for name, given in rows}


def test_the_page_lists_what_the_presets_set(documentation):
    listed = presets(documentation)
    assert set(DEFAULTS) <= set(listed)
    for name, given in listed.items():
        strategy = registry.strategies.get(name)
        assert options.build(strategy, given) == options.build(strategy, {"preset": "published"}), name


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(name):
    strategy = registry.strategies.get(name)
    assert options.build(strategy, DEFAULTS[name]) == strategy()
