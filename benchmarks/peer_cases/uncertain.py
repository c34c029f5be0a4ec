"""Cases of `peers`: strategies that look at probabilities. Both get the same table; no network runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from skactiveml.base import SkactivemlClassifier
from skactiveml.pool import Badge, uncertainty_scores
from skactiveml.pool._bald import batch_bald

from alkit.distances.kmeanspp import Products, k_means_plus_plus
from alkit.training.types import Output
from alkit_plugins.components.joint_information import JointInformation
from alkit_plugins.strategies.uncertainty.bald import mutual_information
from alkit_plugins.strategies.uncertainty.batchbald import Greedy
from alkit_plugins.strategies.uncertainty.entropy import Entropy
from alkit_plugins.strategies.uncertainty.least_confidence import LeastConfidence
from alkit_plugins.strategies.uncertainty.margin import Margin

Works = dict[str, Callable[[], Any]]
Findings = list[tuple[str, bool]]

SEED, CLASSES, PASSES, DIM = 0, 10, 8, 64
SMALL = 2_000  # images on which answers are compared
JOINT, PICKS = 3, 50  # images chosen by BatchBALD, by BADGE
ROUNDING = 1e-6  # of scores in float32
SCORES = {"entropy": Entropy, "margin_sampling": Margin, "least_confident": LeastConfidence}


class Case(NamedTuple):
    """A strategy that both libraries have.

    Attributes:
        works: makes the work of each library for a number of images, by name.
        findings: sentences on small cases, and for each whether the answers agree.
    """

    works: Callable[[int], Works]
    findings: Callable[[], Findings]


class Table(SkactivemlClassifier):
    """A classifier that knows the probabilities of all images."""

    def __init__(self, table: Any = None, classes: Any = None, missing_label: Any = np.nan) -> None:
        super().__init__(classes=classes, missing_label=missing_label)
        self.table = table

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Table:
        self.classes_ = np.array(self.classes)
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.table


def probabilities(*shape: int) -> np.ndarray:
    logits = 2.0 * np.random.default_rng(SEED).standard_normal(shape)
    return torch.from_numpy(logits).softmax(dim=-1).numpy()


def uncertainty(method: str, count: int) -> Works:
    table = probabilities(count, CLASSES)
    tensor = torch.from_numpy(table)
    return {
        "alkit": lambda: SCORES[method]().score(None, Output(tensor, tensor)).numpy(),
        "scikit-activeml": lambda: uncertainty_scores(table, method=method),
    }


def bald(count: int) -> Works:
    table = probabilities(PASSES, count, CLASSES)
    return {
        "alkit": lambda: mutual_information(torch.from_numpy(table)).numpy(),
        "scikit-activeml": lambda: batch_bald(table, 1)[0],
    }


def same_scores(make: Callable[[int], Works]) -> Findings:
    """Compare scores after shifting their minimum to zero, because margins differ by a constant."""
    ours, theirs = (np.asarray(work(), dtype=np.float64) for work in make(SMALL).values())
    largest = float(np.abs(ours - ours.min() - theirs + theirs.min()).max())
    return [(f"scores differ by {largest:.0e} at most", largest < ROUNDING)]


def joint(count: int) -> Works:
    table = probabilities(PASSES, count, CLASSES)

    def ours() -> list[int]:
        rows = torch.from_numpy(table).transpose(0, 1).contiguous()
        greedy = Greedy(JointInformation(rows, CLASSES**JOINT, torch.Generator()))
        while len(greedy.picks) < JOINT:
            greedy.step()
        return greedy.picks

    return {
        "alkit": ours,
        "scikit-activeml": lambda: np.nanargmax(batch_bald(table, JOINT, CLASSES**JOINT), axis=1).tolist(),
    }


def same_picks(make: Callable[[int], Works]) -> Findings:
    ours, theirs = (list(work()) for work in make(SMALL).values())
    return [(f"the same {len(ours)} picks: {'yes' if ours == theirs else 'no'}", ours == theirs)]


def factors(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities, errors and embeddings."""
    table = probabilities(count, CLASSES)
    embeddings = np.random.default_rng(1).standard_normal((count, DIM))
    return table, table - np.eye(CLASSES)[table.argmax(axis=1)], embeddings


def badge(count: int) -> Works:
    table, errors, embeddings = factors(count)

    def ours() -> Any:
        generator = np.random.default_rng(SEED)
        return k_means_plus_plus(embeddings, PICKS, factors=errors, first="largest", rng=generator).indices

    return {"alkit": ours, "scikit-activeml": lambda: their_badge(table, embeddings, PICKS)[0]}


def their_badge(table: np.ndarray, embeddings: np.ndarray, picks: int) -> Any:
    classifier = Table(table, classes=range(CLASSES)).fit(None, None)
    return Badge(random_state=SEED).query(
        embeddings,
        np.full(len(table), np.nan),
        classifier,
        fit_clf=False,
        batch_size=picks,
        return_utilities=True,
    )


def same_chances() -> Findings:
    """Compare the first pick and the chances of the second, with and without the origin as a center."""
    table, errors, embeddings = factors(SMALL)
    (first, _), chances = their_badge(table, embeddings, 2)
    found = k_means_plus_plus(
        embeddings, 1, factors=errors, first="largest", rng=np.random.default_rng(SEED)
    ).indices
    products = Products([torch.from_numpy(embeddings), torch.from_numpy(errors)])
    plain = products.squared_distances(slice(0, SMALL), np.array([first])).numpy()[:, 0]
    expected = np.nan_to_num(chances[1])

    def apart(square: np.ndarray) -> float:
        return float(np.abs(square / square.sum() - expected).max())

    with_origin = apart(np.minimum(plain, products.square))
    same = bool(found[0] == first)
    return [
        (f"the same first pick: {'yes' if same else 'no'}", same),
        (
            f"chances of the second differ by {apart(plain):.0e}, or by {with_origin:.0e} with the origin as "
            "a center, as in scikit-activeml",
            with_origin < ROUNDING,
        ),
    ]


CASES = {
    **{
        strategy.name: Case(partial(uncertainty, method), partial(same_scores, partial(uncertainty, method)))
        for method, strategy in SCORES.items()
    },
    "bald": Case(bald, partial(same_scores, bald)),
    "batchbald": Case(joint, partial(same_picks, joint)),
    "badge": Case(badge, same_chances),
}
