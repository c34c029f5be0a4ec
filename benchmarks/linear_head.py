"""Compare ways to scale the features of an encoder before a linear classifier.

    python benchmarks/linear_head.py photos/train photos/test --out head.json
    python benchmarks/linear_head.py cifar/pool cifar/test --encoder torchvision/resnet50 --weights FILE

POOL and TEST are pools with labels, such as folders of classes. For every seed, 40 to 240 random images of
the pool are labeled, a classifier is fitted, and its accuracy on the test images is taken. All ways see the
same labels. The features are kept in --cache, so that a second call takes the time of the classifiers only.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import common
import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import threadpool_limits
from torch import nn

import alkit
from alkit.data import open_source
from alkit.data.features import ensure_features, features_path
from alkit.data.preprocessing import unread_records
from alkit.utils.progress import Terminal
from alkit_plugins.tasks.linear_head import NORM, fit_linear

Rows = npt.NDArray[np.float32]

COUNTS = (40, 80, 120, 160, 200, 240)
EPSILON = 1e-6


def raw(pool: Rows) -> Callable[[Rows], Rows]:
    """Leave features as they are."""
    return lambda rows: rows


def one_scale(pool: Rows) -> Callable[[Rows], Rows]:
    """Scale all features by one number, so that the mean squared length in the pool is that of `length`."""
    scale = NORM / np.sqrt(np.square(pool).sum(1).mean())
    return lambda rows: rows * scale


def length(pool: Rows) -> Callable[[Rows], Rows]:
    """Give each image's features the same length."""
    return lambda rows: NORM * rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(EPSILON)


def centered_length(pool: Rows) -> Callable[[Rows], Rows]:
    """Take the pool's mean out, then give each image's features the same length."""
    mean = pool.mean(0)
    scaled = length(pool)
    return lambda rows: scaled(rows - mean)


def per_feature(pool: Rows) -> Callable[[Rows], Rows]:
    """Take mean and deviation in the pool out of each feature, as batch normalization does."""
    mean, deviation = pool.mean(0), pool.std(0) + EPSILON
    return lambda rows: (rows - mean) / deviation


WAYS = {
    "as they are": raw,
    "one scale for all": one_scale,
    "one length for every image": length,
    "centered, then one length": centered_length,
    "each feature standardized": per_feature,
}
REFERENCE = "scikit-learn, as they are"


def features_of(pool: str, name: str, encoder: alkit.NamedEncoder, cache: Path) -> tuple[Rows, list[str]]:
    """Return the features and labels of all images."""
    source = open_source(pool)
    records, answers = unread_records(source.keys()), source.answers()
    rows = ensure_features(
        features_path(cache, name, encoder.identity),
        source,
        records,
        encoder=encoder.name,
        dim=encoder.dim,
        encoder_input=encoder.input,
        open_embed=lambda: encoder.embed(torch.device("cpu")),
        progress=Terminal(),
    )
    return np.array(rows), [str(answers[record.key]) for record in records]


def by_alkit(rows: Rows, targets: npt.NDArray[np.int64], classes: int) -> Callable[[Rows], Rows]:
    """Fit alkit's classifier, and return its outputs for other rows."""
    linear = nn.Linear(rows.shape[1], classes)
    fit_linear(linear, torch.from_numpy(np.ascontiguousarray(rows)), torch.from_numpy(targets), strength=1.0)
    weight, bias = (parameter.detach().numpy() for parameter in (linear.weight, linear.bias))
    return lambda others: others @ weight.T + bias


def by_scikit_learn(rows: Rows, targets: npt.NDArray[np.int64]) -> Callable[[Rows], Rows]:
    """Fit scikit-learn's logistic regression with C=1, and return a column with its predictions."""
    from sklearn.linear_model import LogisticRegression  # only here

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that has not converged is what its users get as well
        with threadpool_limits(1):
            fitted = LogisticRegression(C=1.0, max_iter=1000).fit(rows, targets)
    return lambda others: fitted.predict(others)


def accuracies(
    pool: tuple[Rows, npt.NDArray[np.int64]], test: tuple[Rows, npt.NDArray[np.int64]], seeds: int
) -> dict[str, list[list[float]]]:
    """Return the accuracy by way, seed and number of labels."""
    classes = int(max(pool[1].max(), test[1].max())) + 1
    results: dict[str, list[list[float]]] = {name: [] for name in (*WAYS, REFERENCE)}
    scaled = {name: (way(pool[0])(pool[0]), way(pool[0])(test[0])) for name, way in WAYS.items()}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(pool[0]))
        for name, (rows, others) in scaled.items():
            row = []
            for count in COUNTS:
                some = order[:count]
                outputs = by_alkit(rows[some].astype(np.float32), pool[1][some], classes)
                row.append(float((outputs(others).argmax(1) == test[1]).mean()))
            results[name].append(row)
        row = []
        for count in COUNTS:
            some = order[:count]
            predicted = by_scikit_learn(pool[0][some], pool[1][some])(test[0])
            row.append(float((predicted == test[1]).mean()))
        results[REFERENCE].append(row)
    return results


def show(results: dict[str, list[list[float]]]) -> None:
    """Print mean accuracies, and paired differences to scikit-learn with their standard errors."""
    reference = np.array(results[REFERENCE]).mean(1)
    print(f"| features | mean | against {REFERENCE} | {' | '.join(map(str, COUNTS))} |")
    print(f"| --- | --- | --- | {' | '.join('---' for _ in COUNTS)} |")
    for name, rows in results.items():
        found = np.array(rows)
        differences = found.mean(1) - reference
        error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else 0.0
        against = "" if name == REFERENCE else f"{differences.mean():+.4f} ± {error:.4f}"
        by_count = " | ".join(f"{value:.3f}" for value in found.mean(0))
        print(f"| {name} | {found.mean():.4f} | {against} | {by_count} |")


def main() -> None:
    """Encode, fit and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pool")
    parser.add_argument("test")
    parser.add_argument("--encoder", default="efficientnet-lite0")
    parser.add_argument("--weights", default="", help="file with the encoder's weights")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--cache", type=Path, default=Path("linear-head-cache"))
    parser.add_argument("--out", type=Path, help="file for all numbers, as JSON")
    given = parser.parse_args()
    torch.set_num_threads(1)  # the problems are small, and other processes may be at work
    encoder = alkit.open_encoder(given.encoder, weights=given.weights)
    (pool, pool_labels), (test, test_labels) = (
        features_of(place, name, encoder, given.cache)
        for place, name in ((given.pool, "pool"), (given.test, "test"))
    )
    numbers = {label: number for number, label in enumerate(sorted({*pool_labels, *test_labels}))}
    targets = [np.array([numbers[label] for label in labels]) for labels in (pool_labels, test_labels)]
    results = accuracies((pool, targets[0]), (test, targets[1]), given.seeds)
    about = common.source("scikit-learn")
    print(f"{len(pool):,} images, {len(test):,} test images, {given.encoder}, {given.seeds} seeds")
    print("; ".join(f"{name} {value}" for name, value in about.items()))
    show(results)
    if given.out:
        given.out.write_text(json.dumps({"about": about, "counts": COUNTS, "accuracy": results}, indent=1))


if __name__ == "__main__":
    main()
