"""Whether an adversary learned anything: three numbers, and a sentence where they look bad.

The game may end with codes that say nothing about the image, or with a discriminator that guesses; the picks
are then close to random, and nothing else would show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


COLLAPSED = 0.03
"""Spread below which codes hardly differ between images; the prior's is 1, a working VAE's 0.07 to 0.4."""


def diagnose(labeled: Values, candidates: Values, spread: float) -> tuple[dict[str, Any], list[str]]:
    """Judge the networks after training.

    Args:
        labeled: [n] logits of labeled images, in eval mode.
        candidates: [m] logits of candidates, in eval mode.
        spread: standard deviation of the codes' means over images, averaged over dimensions.

    Returns:
        `discriminator_auc` and `latent_spread`; and a sentence for each that says the picks mean little.
    """
    auc = area_under_curve(labeled, candidates)
    warnings = []
    if spread < COLLAPSED:
        warnings.append(
            f"the latent has collapsed (spread of mu {spread:.3f}), so the codes say next to nothing about "
            "the images and the picks little more; lower beta or use kl=mean"
        )
    doubt = max(0.02, 2.0 * _chance_error(len(labeled), len(candidates)))
    if auc < 0.5 - doubt:
        warnings.append(
            f"the discriminator takes unlabeled images for labeled ones (AUC {auc:.2f}, chance is 0.50): "
            "batch norm hid in training how the two sides differ, and shows "
            "it in eval mode; try scoring=train"
        )
    elif auc < 0.5 + doubt:
        warnings.append(
            f"the discriminator has learned nothing (AUC {auc:.2f} on labeled against unlabeled images, "
            "chance is 0.50), so the picks are close to random; try more epochs or more labels"
        )
    return {"discriminator_auc": round(auc, 4), "latent_spread": round(spread, 4)}, warnings


def area_under_curve(positives: Values, negatives: Values) -> float:
    """Return the chance that a positive's value is above a negative's, ties counting half."""
    ranks = _ranks(np.concatenate([positives, negatives]))
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def rank_correlation(first: Values, second: Values) -> float | None:
    """Return Spearman's correlation, or None where one side is constant."""
    a, b = _ranks(first), _ranks(second)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: Values) -> Values:
    """Ranks from 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]


def _chance_error(n: int, m: int) -> float:
    """The standard error of the area under the curve when both sides are alike."""
    return float(np.sqrt((n + m + 1) / (12.0 * n * m)))
