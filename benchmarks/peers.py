"""What scikit-activeml's strategies say beside alkit's on the same small cases, and what both cost.

    pip install scikit-activeml && python benchmarks/peers.py --out peers

Both get the same probabilities, so no network runs. Uncertainty and BALD: the largest difference of scores.
BatchBALD: the same picks while all configurations are counted. BADGE draws, so what is compared is its
first pick and the chances of the second; scikit-activeml counts the origin among the centres, and is
compared with and without. Time is the median of interleaved rounds, memory what tracemalloc sees of numpy
at the peak (alkit's tensors are not in it).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from alkit_plugins.bald import mutual_information
from alkit_plugins.batchbald import Greedy
from alkit_plugins.entropy import Entropy
from alkit_plugins.joint_information import JointInformation
from alkit_plugins.least_confidence import LeastConfidence
from alkit_plugins.margin import Margin
from common import about, parser, seconds
from skactiveml.base import SkactivemlClassifier
from skactiveml.pool import Badge, uncertainty_scores
from skactiveml.pool._bald import batch_bald

from alkit.distances import k_means_plus_plus
from alkit.distances.kmeanspp import Products
from alkit.task import Output

SEED, COUNT, CLASSES, PASSES, DIM = 0, 2000, 10, 8, 64
SCORES = {"entropy": Entropy, "margin_sampling": Margin, "least_confident": LeastConfidence}


class Table(SkactivemlClassifier):
    """Knows the probabilities of all images."""

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


def uncertainty(method: str) -> dict[str, Callable[[], Any]]:
    table = probabilities(COUNT, CLASSES)
    tensor = torch.from_numpy(table)
    return {
        "alkit": lambda: SCORES[method]().score(None, Output(tensor, tensor)).numpy(),
        "scikit-activeml": lambda: uncertainty_scores(table, method=method),
    }


def bald() -> dict[str, Callable[[], Any]]:
    table = probabilities(PASSES, COUNT, CLASSES)
    return {
        "alkit": lambda: mutual_information(torch.from_numpy(table)).numpy(),
        "scikit-activeml": lambda: batch_bald(table, 1)[0],
    }


def joint(n: int = 3) -> dict[str, Callable[[], Any]]:
    table = probabilities(PASSES, COUNT, CLASSES)

    def ours() -> list[int]:
        rows = torch.from_numpy(table).transpose(0, 1).contiguous()
        greedy = Greedy(JointInformation(rows, CLASSES**n, torch.Generator()))
        while len(greedy.picks) < n:
            greedy.step()
        return greedy.picks

    return {
        "alkit": ours,
        "scikit-activeml": lambda: np.nanargmax(batch_bald(table, n, CLASSES**n), axis=1).tolist(),
    }


def badge(n: int = 50) -> tuple[dict[str, Callable[[], Any]], dict[str, Any]]:
    table = probabilities(COUNT, CLASSES)
    embeddings = np.random.default_rng(1).standard_normal((COUNT, DIM))
    errors = table - np.eye(CLASSES)[table.argmax(axis=1)]
    classifier = Table(table, classes=range(CLASSES)).fit(None, None)
    unknown = np.full(COUNT, np.nan)

    def theirs(picks: int) -> Any:
        strategy = Badge(random_state=SEED)
        return strategy.query(
            embeddings, unknown, classifier, fit_clf=False, batch_size=picks, return_utilities=True
        )

    def ours() -> Any:
        generator = np.random.default_rng(SEED)
        return k_means_plus_plus(embeddings, n, factors=errors, first="largest", rng=generator).indices

    (first, _), chances = theirs(2)
    products = Products([torch.from_numpy(embeddings), torch.from_numpy(errors)])
    square = products.squared_distances(slice(0, COUNT), np.array([first])).numpy()[:, 0]
    with_origin = np.minimum(square, products.square)
    expected = np.nan_to_num(chances[1])
    agreement = {
        "same first pick": bool(ours()[0] == first),
        "largest difference of second chances": float(np.abs(square / square.sum() - expected).max()),
        "the same with the origin a centre": float(np.abs(with_origin / with_origin.sum() - expected).max()),
    }
    return {"alkit": ours, "scikit-activeml": lambda: theirs(n)[0]}, agreement


def difference(contenders: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The largest difference of scores that begin at zero: margins differ by a constant."""
    ours, theirs = (np.asarray(work(), dtype=np.float64) for work in contenders.values())
    return {"largest difference of scores": float(np.abs(ours - ours.min() - theirs + theirs.min()).max())}


def peak_mb(work: Callable[[], Any]) -> float:
    import tracemalloc

    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    given = parser(__doc__).parse_args()
    torch.set_num_threads(given.threads)
    cases: dict[str, tuple[dict[str, Callable[[], Any]], dict[str, Any]]] = {}
    for method, strategy in SCORES.items():
        works = uncertainty(method)
        cases[strategy.name] = works, difference(works)
    cases["bald"] = (works := bald()), difference(works)
    works = joint()
    cases["batchbald"] = works, {"same picks": works["alkit"]() == works["scikit-activeml"]()}
    cases["badge"] = badge()
    lines = [
        "# Beside scikit-activeml",
        "",
        "| strategy | agreement | alkit, s | its, s | its numpy memory, MB |",
    ]
    lines.append("|---|---|---|---|---|")
    results = {}
    for name, (works, agreement) in cases.items():
        taken = {
            who: statistics.median(values)
            for who, values in seconds(works, given.rounds, given.clock).items()
        }
        memory = peak_mb(works["scikit-activeml"])
        said = "; ".join(
            f"{what}: {value if isinstance(value, bool) else f'{value:.1e}'}"
            for what, value in agreement.items()
        )
        lines.append(
            f"| {name} | {said} | {taken['alkit']:.2g} | {taken['scikit-activeml']:.2g} | {memory:.1f} |"
        )
        results[name] = {"agreement": agreement, "seconds": taken, "numpy_memory_mb": memory}
    source = about(
        given, packages=["scikit-activeml"], images=COUNT, classes=CLASSES, passes=PASSES, seed=SEED
    )
    lines += ["", *(f"- {key}: {value}" for key, value in source.items())]
    print("\n".join(lines))
    if given.out:
        given.out.with_suffix(".json").write_text(
            json.dumps({"source": source, "results": results}, indent=1) + "\n"
        )
        given.out.with_suffix(".md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
