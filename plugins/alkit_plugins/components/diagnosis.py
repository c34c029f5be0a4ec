"""The diagnosis of an adversary: numbers that say whether it learned anything, and warnings if it did not.

Training can end with codes that say nothing about the image, or with a discriminator that guesses. The picks
are then close to random, and nothing else shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


COLLAPSED = 0.03
"""A spread below this means that codes hardly differ between images; a working VAE has 0.07 to 0.4, the
prior has 1."""


def diagnose(labeled: Values, candidates: Values, spread: float) -> tuple[dict[str, Any], list[str]]:
    """Diagnose the networks after training.

    Args:
        labeled: [n] logits of labeled images, in eval mode.
        candidates: [m] logits of candidates, in eval mode.
        spread: standard deviation over images of the means of the codes, averaged over dimensions.

    Returns:
        `discriminator_auc` and `latent_spread`, and a warning for each that makes the picks doubtful.
    """
    auc = area_under_curve(labeled, candidates)
    warnings = []
    if spread < COLLAPSED:
        warnings.append(
            f"the latent has collapsed (spread of mu {spread:.3f}): the codes say almost nothing about the "
            "images, so the picks are not meaningful; lower beta, or use kl=mean"
        )
    doubt = max(0.02, 2.0 * _chance_error(len(labeled), len(candidates)))
    if auc < 0.5 - doubt:
        warnings.append(
            f"the discriminator mistakes unlabeled images for labeled ones (AUC {auc:.2f}, chance is 0.50): "
            "batch norm hides the difference between the two sides in training, but shows it in eval mode; "
            "try scoring=train"
        )
    elif auc < 0.5 + doubt:
        warnings.append(
            f"the discriminator has learned nothing (AUC {auc:.2f} on labeled against unlabeled images, "
            "chance is 0.50), so the picks are close to random; try more epochs or more labels"
        )
    return {"discriminator_auc": round(auc, 4), "latent_spread": round(spread, 4)}, warnings


def area_under_curve(positives: Values, negatives: Values) -> float:
    """Return the probability that a positive's value is above a negative's; a tie counts as one half."""
    ranks = _ranks(np.concatenate([positives, negatives]))
    n, m = len(positives), len(negatives)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def rank_correlation(first: Values, second: Values) -> float | None:
    """Return Spearman's correlation, or None if one side is constant."""
    a, b = _ranks(first), _ranks(second)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: Values) -> Values:
    """Return ranks from 1; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]


def _chance_error(n: int, m: int) -> float:
    """Return the standard error of the area under the curve if both sides have the same distribution."""
    return float(np.sqrt((n + m + 1) / (12.0 * n * m)))
