"""How likely people can label an image, learned from the images that they could and could not label.

A logistic regression on embeddings. How much it is regularized, and whether it says more than the share of
answers without a label does, is decided by cross-validation.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


STRENGTHS = (1.0, 0.1, 0.01, 0.001)  # inverse regularization, of features that are divided by sqrt(D)
FOLDS = 5
MOST = 5_000  # labeled images that are learned from
WORTH = 0.05  # of the log loss of the share alone, which the regression has to be better by


@dataclass(frozen=True, slots=True)
class Answerable:
    """A regression that says how likely an image gets no label.

    Attributes:
        mean: [D] of the embeddings.
        scale: [D] their spread, times the root of D.
        weights: [D].
        bias: of the logit.
        loss: log loss on answers that were left out.
        loss_of_share: that of the share of answers without a label.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float
    loss: float
    loss_of_share: float

    @property
    def is_worth_it(self) -> bool:
        """Whether it says more than the share does."""
        return self.loss < (1 - WORTH) * self.loss_of_share

    def chance(self, rows: Floats) -> Floats:
        """Return the chance that each image gets no label, [n], for embeddings [n, D]."""
        logit = ((rows - self.mean) / self.scale) @ self.weights + self.bias
        chance: Floats = 1 / (1 + np.exp(-np.clip(logit, -50, 50)))
        return chance


def learn(labeled: Floats, no_label: Floats, seed: int) -> Answerable:
    """Learn from embeddings [n, D] of images with a label and [k, D] of images without, five each at least.

    Args:
        labeled: of images with a label.
        no_label: of images that people judged unusable, or on which they abstained.
        seed: divides the answers for cross-validation.
    """
    rows = np.concatenate([labeled, no_label])
    wanted = np.repeat([0, 1], [len(labeled), len(no_label)])
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0) * np.sqrt(rows.shape[1])
    rows = (rows - mean) / scale
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, wanted))
    strengths = [strength * rows.shape[1] for strength in STRENGTHS]
    losses = []
    for strength in strengths:
        left_out = [
            _loss(_fitted(rows[train], wanted[train], strength), rows[test], wanted[test])
            for train, test in folds
        ]
        losses.append(float(np.mean(left_out)))
    best = int(np.argmin(losses))
    model = _fitted(rows, wanted, strengths[best])
    share = wanted.mean()
    return Answerable(
        mean=mean,
        scale=scale,
        weights=model.coef_[0].astype(np.float64),
        bias=float(model.intercept_[0]),
        loss=losses[best],
        loss_of_share=float(-share * np.log(share) - (1 - share) * np.log(1 - share)),
    )


def _fitted(rows: Floats, wanted: npt.NDArray[np.int64], strength: float) -> LogisticRegression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=200).fit(rows, wanted)


def _loss(model: LogisticRegression, rows: Floats, wanted: npt.NDArray[np.int64]) -> float:
    chance = np.clip(model.predict_proba(rows)[:, 1], 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(wanted == 1, np.log(chance), np.log(1 - chance))))
