"""Metrics of predicted sets of classes; what is unknown does not count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def set_metrics(
    logits: npt.NDArray[np.float32], targets: npt.NDArray[np.int8], classes: Sequence[str]
) -> dict[str, float]:
    """Return mean average precision, F1 and the share of exact matches, and the precision of each class.

    Average precision is scikit-learn's, averaged over the classes that apply to some images. F1 counts all
    decisions of all classes together; a class is predicted where its probability is above one half. An image
    matches if no decision that is known is wrong.

    Args:
        logits: [n, L].
        targets: [n, L]: 1 applies, 0 does not, -1 unknown.
        classes: names of the L classes.

    Returns:
        Nothing if no class applies to any image.
    """
    from sklearn.metrics import average_precision_score  # noqa: PLC0415  # slow to import

    precision: dict[str, float] = {}
    for number, name in enumerate(classes):
        known = targets[:, number] >= 0
        if (targets[known, number] == 1).any():
            precision[f"ap_{name}"] = float(
                average_precision_score(targets[known, number], logits[known, number])
            )
    if not precision:
        return {}
    known, applies, predicted = targets >= 0, targets == 1, logits > 0
    hits = int((applies & predicted).sum())
    wrong = int((known & (applies != predicted)).sum())
    return {
        "mean_average_precision": float(np.mean(list(precision.values()))),
        "f1": 2 * hits / (2 * hits + wrong) if hits else 0.0,
        "exact_match": float((~known | (applies == predicted)).all(axis=1).mean()),
        **precision,
    }
