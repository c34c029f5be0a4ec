"""How much too certain a classifier on some embeddings is, from the labels at hand.

Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017: logits are divided by a
temperature. It has to be judged by images that the classifier has not learned from. No labels are held out of
the budget here, so a linear classifier is trained on four fifths of the labeled images at a time and judged
on the rest.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from alkit.data import Targets

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    Floats = npt.NDArray[np.float64]


TEMPERATURES = np.arange(1.0, 20.0, 0.1)
FOLDS, FEWEST, MOST = 5, 10, 2_000  # labeled images: too few to judge by, and as many as are used
BINS = 15  # of confidence


def temperature(features: Tensor, targets: Tensor | Targets, rng: np.random.Generator) -> float:
    """Return the temperature of least calibration error over images left out in turn; 1 if there are too few.

    Args:
        features: [n, D] embeddings of the labeled images.
        targets: [n] their classes; anything else, such as a map per image, gives 1.
        rng: divides the images.
    """
    if (
        isinstance(targets, Targets)
        or targets.dim() != 1
        or targets.is_floating_point()
        or len(targets) < FEWEST
    ):
        return 1.0
    order = rng.permutation(len(targets))[:MOST]
    rows = features[torch.from_numpy(order).to(features.device)].double().cpu().numpy()
    classes = targets.cpu().numpy()[order]
    spread = rows.std(axis=0)
    logits = _left_out((rows - rows.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0), classes)
    if logits is None:
        return 1.0
    right = logits.argmax(axis=1) == classes
    errors = [calibration_error(_confidence(logits, value), right) for value in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(errors))])


def calibration_error(confidence: Floats, right: npt.NDArray[np.bool_], bins: int = BINS) -> float:
    """Return the expected calibration error: the mean gap of accuracy and confidence over bins.

    Args:
        confidence: [n] probability of the predicted class.
        right: [n] whether the prediction is right.
        bins: number of bins of equal width.
    """
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, right - confidence, bins)
    return float(np.abs(gaps).sum() / len(confidence))


def tempered(probabilities: Tensor, value: float) -> Tensor:
    """Divide the logits of probabilities [B, classes, ...] by a temperature."""
    return probabilities if value == 1.0 else (probabilities.log() / value).softmax(dim=1)


def _confidence(logits: Floats, value: float) -> Floats:
    scaled = logits / value
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Floats = 1.0 / powers.sum(axis=1)
    return found


def _left_out(rows: Floats, classes: npt.NDArray[np.int64]) -> Floats | None:
    """Return each row's logits from a classifier that has not seen it; None if there is only one class."""
    found = np.full((len(rows), int(classes.max()) + 1), -np.inf)
    fold = np.arange(len(rows)) % FOLDS
    for number in range(FOLDS):
        seen, out = fold != number, fold == number
        present = np.unique(classes[seen])
        if len(present) < 2:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier = LogisticRegression(max_iter=200).fit(rows[seen], classes[seen])
        found[np.ix_(out, present)] = classifier.predict_log_proba(rows[out])
    return found
