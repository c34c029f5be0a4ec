"""The conformance kit on everything that comes with alkit."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from alkit import options
from alkit.interfaces.oracle import Oracle
from alkit.plugin import registry as plugins
from alkit.plugin.sources import open_source
from alkit.testing import EncoderTests, ExecutorTests, OracleTests, StrategyTests, TaskTests

MEANS = f"file:{Path(__file__).parent / 'encoders' / 'means.py'}:make"
HIDDEN = {"hidden": 8}
PASSES = {"passes": 4}
DRAWN = {"passes": 8, "configurations": 8, "subset": 20}
UNIFORM = {"first": "uniform", "subset": 20}
GRAPH = {"hidden": 8, "epochs": 5}
COVERING = {"radius": 0.2}
PUBLISHED = {"preset": "published"}
ROBUST = {"metric": "cosine", "robust": 0.1}
FROZEN = {"freeze-backbone": "true"}
ADVERSARY = {
    "iterations": 2,
    "batch-size": 4,
    "vae-steps": 1,
    "latent": 4,
    "channels": "4,8",
    "discriminator-hidden": 8,
}


TASK_AWARE = ADVERSARY | HIDDEN

COVER = {"by": "cover"}
KEPT = {"first": "entropy", "second": "coreset(metric=cosine)", "keep": 9}
TWO_COMPANIONS = {
    "first": "learning-loss(hidden=4)",
    "second": (
        "ta-vaal(iterations=2, batch-size=4, latent=4, channels=[4,8], hidden=4, vae-steps=1, "
        "discriminator-hidden=8)"
    ),
    "keep": 11,
}
REFINED = {"cover": "coreset", "strategies": ["entropy", "coreset"], "steps": 2, "batches": 2, "first": 12}
RANKED = {"strategy": "margin", "by": "rank", "beta": 2.0}
MIXED = {"strategies": ["0.5 entropy", "0.3 coreset", "0.2 random"]}


class TestRandom(StrategyTests):
    name = "random"


class TestDisputed(StrategyTests):
    name = "disputed"


class TestEntropy(StrategyTests):
    name = "entropy"


class TestMargin(StrategyTests):
    name = "margin"


class TestLeastConfidence(StrategyTests):
    name = "least-confidence"


class TestMcEntropy(StrategyTests):
    name = "mc-entropy"
    options = PASSES


class TestBald(StrategyTests):
    name = "bald"
    options = PASSES


class TestBatchBald(StrategyTests):
    name = "batchbald"
    options = PASSES


class TestBatchBaldDrawn(StrategyTests):
    name = "batchbald"
    options = DRAWN


class TestBadge(StrategyTests):
    name = "badge"


class TestCDAL(StrategyTests):
    name = "cdal"


class TestClusterMargin(StrategyTests):
    name = "cluster-margin"


class TestBadgeUniform(StrategyTests):
    name = "badge"
    options = UNIFORM


class TestCoreSet(StrategyTests):
    name = "coreset"


class TestCoreSetRobust(StrategyTests):
    name = "coreset"
    options = ROBUST


class TestKMeans(StrategyTests):
    name = "kmeans"


class TestTypiClust(StrategyTests):
    name = "typiclust"


class TestProbCover(StrategyTests):
    name = "probcover"


class TestProbCoverOfGivenRadius(StrategyTests):
    name = "probcover"
    options = COVERING


class TestUncertainGCN(StrategyTests):
    name = "uncertaingcn"
    options = GRAPH


class TestCoreGCN(StrategyTests):
    name = "coregcn"
    options = GRAPH


class TestCoreGCNPublished(StrategyTests):
    name = "coregcn"
    options = PUBLISHED


class TestLearningLoss(StrategyTests):
    name = "learning-loss"
    options = HIDDEN


class TestVAAL(StrategyTests):
    name = "vaal"
    options = ADVERSARY


class TestTAVAAL(StrategyTests):
    name = "ta-vaal"
    options = TASK_AWARE


class TestMaxHerding(StrategyTests):
    name = "maxherding"


class TestUHerding(StrategyTests):
    name = "uherding"


class TestPower(StrategyTests):
    name = "power"


class TestPowerOfRanks(StrategyTests):
    name = "power"
    options = RANKED


class TestPerCost(StrategyTests):
    name = "per-cost"
    options = {"limit": "200"}  # noqa: RUF012


class TestUsable(StrategyTests):
    name = "usable"


class TestDropQuery(StrategyTests):
    name = "dropquery"


class TestGalaxy(StrategyTests):
    name = "galaxy"


class TestBait(StrategyTests):
    name = "bait"


class TestPpal(StrategyTests):
    name = "ppal"


class TestEgl(StrategyTests):
    name = "egl"


class TestEglOfAllWeights(StrategyTests):
    name = "egl"
    options = {"layers": "all", "draws": 2, "subset": 6}  # noqa: RUF012


class TestRefine(StrategyTests):
    name = "refine"
    options = REFINED


class TestTod(StrategyTests):
    name = "tod"


class TestSSVAAL(StrategyTests):
    name = "ss-vaal"
    options = TASK_AWARE


class TestSubset(StrategyTests):
    name = "subset"


class TestSubsetCover(StrategyTests):
    name = "subset"
    options = COVER


class TestThen(StrategyTests):
    name = "then"
    options = KEPT


class TestThenTwoCompanions(StrategyTests):
    name = "then"
    options = TWO_COMPANIONS


class TestMix(StrategyTests):
    name = "mix"
    options = MIXED


class TestBalanced(StrategyTests):
    name = "balanced"


class TestClassification(TaskTests):
    name = "classification"


class TestClassificationGrey(TaskTests):
    name = "classification"
    image_shape = (1, 9, 7)


class TestClassificationFrozen(TaskTests):
    name = "classification"
    options = FROZEN


class TestSegmentation(TaskTests):
    name = "segmentation"
    options = {"model": "tiny-unet"}  # noqa: RUF012


class TestSegmentationGrey(TaskTests):
    name = "segmentation"
    image_shape = (1, 18, 22)
    options = {"class_weights": "balanced", "model": "tiny-unet"}  # noqa: RUF012


@pytest.mark.slow
class TestDetection(TaskTests):
    name = "detection"
    image_shape = (1, 24, 32)
    options = {"model": "tiny-fcos"}  # noqa: RUF012


class TestMultiLabel(TaskTests):
    name = "multi-label"
    options = {"model": "tiny-cnn"}  # noqa: RUF012


class TestMultiLabelFrozenAndBalanced(TaskTests):
    name = "multi-label"
    image_shape = (1, 9, 7)
    options = FROZEN | {"class-weights": "balanced", "model": "tiny-cnn"}


class TestEncodedMultiLabel(TaskTests):
    name = "encoded-multi-label"
    options = {"encoder": MEANS}  # noqa: RUF012


class TestRegression(TaskTests):
    name = "regression"
    options = {"model": "tiny-cnn"}  # noqa: RUF012


class TestRegressionOfSeveralNumbersThatVary(TaskTests):
    name = "regression"
    options = {"numbers": "2", "heteroscedastic": "true", "model": "tiny-cnn", "low": "-1"}  # noqa: RUF012


class TestEncodedRegression(TaskTests):
    name = "encoded-regression"
    options = {"encoder": MEANS}  # noqa: RUF012


class TestMcVariance(StrategyTests):
    name = "mc-variance"
    options = {"passes": 3}  # noqa: RUF012


class TestEntropyOfTheHighestTenth(StrategyTests):
    name = "entropy"
    options = {"reduce": "top"}  # noqa: RUF012


class TestBaldOfTheHighest(StrategyTests):
    name = "bald"
    options = PASSES | {"reduce": "max"}


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Eight grey images with labels."""
    path = tmp_path / "pool.npz"
    np.savez(path, images=np.zeros((8, 4, 4), np.uint8), labels=np.arange(8) % 3)
    return path


def connected(name: str, pool: Path, **given: object) -> Oracle:
    source = open_source(str(pool))
    oracle = options.build(plugins.oracles.get(name), given)
    oracle.connect(source, source.keys(), seed=0)
    return oracle


class TestDatasetOracle(OracleTests):
    name = "dataset"

    @pytest.fixture
    def oracle(self, pool: Path) -> Oracle:
        return connected(self.name, pool)


class TestDatasetOracleWithErrors(OracleTests):
    name = "dataset"

    @pytest.fixture
    def oracle(self, pool: Path) -> Oracle:
        return connected(self.name, pool, noise=0.5, abstain=0.5)


class TestFileOracle(OracleTests):
    name = "file"

    @pytest.fixture
    def oracle(self, pool: Path, tmp_path: Path) -> Oracle:
        answers = tmp_path / "answers.csv"
        keys = open_source(str(pool)).keys()
        lines = [f"{key},{label}" for key, label in zip(keys, "abcabc", strict=False)]
        answers.write_text("\n".join(["image,label", *lines]))
        return connected(self.name, pool, path=str(answers))


class TestEncoded(TaskTests):
    name = "encoded"
    options = {"encoder": MEANS}  # noqa: RUF012


class TestEncodedByPerceptron(TaskTests):
    name = "encoded"
    options = {"encoder": MEANS, "head": "mlp"}  # noqa: RUF012


class TestFileEncoder(EncoderTests):
    name = MEANS


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite_pytorch") is None, reason="needs alkit[encoder]"
)
class TestEfficientNetLite0(EncoderTests):
    name = "efficientnet-lite0"


class TestLocal(ExecutorTests):
    name = "local"


@pytest.mark.slow
class TestProcesses(ExecutorTests):
    name = "processes"
    options = {"workers": 2}  # noqa: RUF012


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs alkit[dask]")
class TestDask(ExecutorTests):
    name = "dask"
    options = {"workers": 2}  # noqa: RUF012


def test_nothing_that_comes_with_alkit_is_left_out() -> None:
    tests = [value for value in globals().values() if isinstance(value, type)]
    for registry, mixin in (
        (plugins.strategies, StrategyTests),
        (plugins.tasks, TaskTests),
        (plugins.oracles, OracleTests),
        (plugins.executors, ExecutorTests),
    ):
        tested = {getattr(cls, "name", "") for cls in tests if issubclass(cls, mixin)}
        own = {plugin.name for plugin in registry if plugin.distribution == "alkit"}
        assert own <= tested
