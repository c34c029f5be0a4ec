"""How often 95% intervals of the error on the pool hold the truth, from images drawn with unequal chances.

    python benchmarks/forecasts/coverage.py --out benchmarks/results/coverage

A pool of 2,000 images has a model whose error grows with its uncertainty. In each of 1,000 simulations, a
strategy draws 50, 200 or 500 images: at random, by power(entropy) and its other weights, as a mix of the
most uncertain images and random ones, or with one image in ten that nobody can label. The error on the pool
is estimated from the draw by LURE and from the chances of inclusion, and, as a user without either would,
by the plain share of errors among the images.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alkit.campaign.analysis.unequal_chances import DrawnSample, Proportion, by_inclusion, lure, wilson
from alkit_plugins.combinators.power import draw, log_weights

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

POOL = 2_000
SIZES = (50, 200, 500)
SIMULATIONS = 1_000
UNLABELED = 0.1
WAYS = ("LURE", "inclusion", "plain share")


class Case(NamedTuple):
    """A strategy that draws so many images from a pool with about such an error, all with labels or not."""

    strategy: str
    images: int
    error: float
    labels: bool


class World(NamedTuple):
    """A pool: the score of each image, whether the model is wrong on it, and whether it has a label."""

    scores: Floats
    wrong: npt.NDArray[np.bool_]
    has_label: npt.NDArray[np.bool_]


def world(rng: np.random.Generator, error: float, *, labels: bool) -> World:
    """Draw a pool whose error is about `error`; the score, an entropy, says more or less where it is."""
    hard = rng.beta(0.6, 0.6 * (1 - error) / error, POOL)
    wrong = rng.random(POOL) < hard
    scores = np.clip(hard + rng.normal(0, 0.1, POOL), 1e-3, 1)
    return World(scores, wrong, np.ones(POOL, bool) if labels else rng.random(POOL) > UNLABELED)


Drawn = tuple[Numbers, Floats, Floats, Numbers]
"""Picks, their chances by draw and of inclusion, and picks that were certain."""


def by_power(by: str, beta: float) -> Callable[[World, int, np.random.Generator], Drawn]:
    """Draw as `power` does."""

    def drawn(pool: World, n: int, rng: np.random.Generator) -> Drawn:
        order = np.argsort(-pool.scores, kind="stable")
        found = draw(log_weights(pool.scores[order], by, beta), n, rng)
        return order[found.order], found.chance, found.inclusion, order[:0]

    return drawn


def uniform(pool: World, n: int, rng: np.random.Generator) -> Drawn:
    """Draw uniformly."""
    left = POOL - np.arange(n)
    return rng.choice(POOL, n, replace=False), 1 / left, np.full(n, n / POOL), np.arange(0)


def mixed(pool: World, n: int, rng: np.random.Generator) -> Drawn:
    """Take half from the top, and draw the other half uniformly from the rest."""
    order = np.argsort(-pool.scores, kind="stable")
    top, rest = order[: n // 2], order[n // 2 :]
    size = n - len(top)
    picks = rng.choice(rest, size, replace=False)
    return picks, 1 / (len(rest) - np.arange(size)), np.full(size, size / len(rest)), top


STRATEGIES = {
    "random": uniform,
    "power(entropy)": by_power("power", 1.0),
    "power(entropy, beta=2)": by_power("power", 2.0),
    "power(entropy, by=rank)": by_power("rank", 1.0),
    "mix(entropy, random)": mixed,
}


def estimates(pool: World, drawn: Drawn) -> dict[str, Proportion | None]:
    """Return the estimates from a draw, by each way."""
    picks, chance, inclusion, certain = drawn
    known = certain[pool.has_label[certain]]
    sample = DrawnSample(
        hits=pool.wrong[picks],
        counted=pool.has_label[picks],
        population=POOL - len(certain),
        known_hits=int(pool.wrong[known].sum()),
        known=len(known),
    )
    everything = np.concatenate([picks, certain])
    counted = everything[pool.has_label[everything]]
    plain = wilson(float(pool.wrong[counted].mean()), len(counted)) if len(counted) else None
    return {"LURE": lure(sample, chance), "inclusion": by_inclusion(sample, inclusion), "plain share": plain}


def simulated(cases: Sequence[Case]) -> dict[Case, dict[str, dict[str, float]]]:
    """Return coverage, mean width, bias and root mean squared error of each way in each case."""
    rows: dict[Case, dict[str, list[list[float]]]] = {case: {way: [] for way in WAYS} for case in cases}
    for seed in range(SIMULATIONS):
        pools: dict[tuple[float, bool], World] = {}
        for case in cases:
            key = case.error, case.labels
            if key not in pools:
                rng = np.random.default_rng([seed, round(case.error * 100), case.labels])
                pools[key] = world(rng, case.error, labels=case.labels)
            pool, rng = pools[key], np.random.default_rng([seed, case.images, case.labels])
            truth = float(pool.wrong[pool.has_label].mean())
            for way, found in estimates(pool, STRATEGIES[case.strategy](pool, case.images, rng)).items():
                if found is not None:
                    covered = float(found.low <= truth <= found.high)
                    rows[case][way].append([covered, found.high - found.low, found.value - truth])
    return {
        case: {way: _summary(np.array(values)) for way, values in ways.items()} for case, ways in rows.items()
    }


def _summary(rows: Floats) -> dict[str, float]:
    return {
        "coverage": round(float(rows[:, 0].mean()), 3),
        "width": round(float(rows[:, 1].mean()), 3),
        "bias": round(float(rows[:, 2].mean()), 4),
        "rmse": round(float(np.sqrt((rows[:, 2] ** 2).mean())), 4),
    }


def table(results: list[dict[str, object]]) -> str:
    """Return the results as Markdown."""
    head = ["strategy", "images drawn", "error", "without label"]
    head += [f"{way}: coverage, width, bias" for way in WAYS]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in results:
        ways = row["ways"]
        assert isinstance(ways, dict)
        cells = [str(row[key]) for key in ("strategy", "images", "error", "without_label")]
        cells += [
            f"{ways[way]['coverage']:.3f}, {ways[way]['width']:.3f}, {ways[way]['bias']:+.4f}" for way in WAYS
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="files without suffix, for Markdown and JSON")
    given = parser.parse_args()
    cases = [Case(name, n, error, True) for name in STRATEGIES for n in SIZES for error in (0.05, 0.2)]
    cases += [Case(name, 200, 0.2, False) for name in ("power(entropy)", "mix(entropy, random)")]
    results: list[dict[str, object]] = [
        {
            "strategy": case.strategy,
            "images": case.images,
            "error": case.error,
            "without_label": "0%" if case.labels else f"{UNLABELED:.0%}",
            "ways": ways,
        }
        for case, ways in simulated(cases).items()
    ]
    print(table(results))
    if given.out:
        given.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
        given.out.with_suffix(".md").write_text(
            "# Coverage of 95% intervals of the error on the pool\n\n"
            f"`python benchmarks/forecasts/coverage.py`; {SIMULATIONS:,} simulations a row, "
            f"a pool of {POOL:,}.\n\n" + table(results)
        )


if __name__ == "__main__":
    main()
