"""Classification: building, weights, losses and metrics by hand, recipes, what is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from alkit import ImageStore, Output
from alkit.data.loader import Batch, Loader
from alkit.errors import InvalidAnswers, InvalidOption, TrainingError
from alkit.options import build
from alkit.training.recipe import TrainingRun
from alkit_plugins.tasks.classification import Classification
from alkit_plugins.tasks.networks import SmallCNN

CPU = torch.device("cpu")
SHAPE = (1, 8, 8)


def built(
    shape: tuple[int, int, int] = SHAPE, classes: tuple[str, ...] = ("a", "b", "c"), **options: Any
) -> Classification:
    task = Classification(**{"model": "small-cnn", **options})
    task.build(shape, classes, CPU)
    return task


def test_what_it_provides() -> None:
    spec = built().spec
    assert (spec.task, spec.image_shape, spec.num_outputs) == ("classification", SHAPE, 3)
    assert spec.provides == {"model", "loss", "probabilities", "embedding", "features", "targets"}


@pytest.mark.parametrize(("side", "model"), [(32, "small-cnn"), (128, "small-cnn"), (129, "resnet18")])
def test_the_network_is_chosen_by_size_on_a_cpu(side: int, model: str) -> None:
    assert Classification()._settled_model((1, side, side), CPU) == model
    assert Classification(model="resnet50")._settled_model((1, side, side), CPU) == "resnet50"


@pytest.mark.parametrize("classes", [(), ("only",)])
def test_fewer_than_two_classes_still_make_a_network(classes: tuple[str, ...]) -> None:
    assert built(classes=classes).forward(torch.rand(2, *SHAPE)).prediction.shape == (2, 2)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_generators_alone() -> None:
    task = built()
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    states = []
    for seed in (3, 4, 3):
        task.reset(seed)
        states.append(task.network.head.weight.detach().clone())
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(states[0], states[2])
    assert not torch.equal(states[0], states[1])


def test_grey_images_are_repeated_for_networks_of_colour_only(own_networks: str) -> None:
    task = built((1, 32, 32), model="mobilenet_v3_small")
    task.network.eval()
    grey = torch.rand(2, 1, 32, 32)
    direct = task.network(grey.repeat(1, 3, 1, 1))
    torch.testing.assert_close(task.forward(grey).prediction, direct)
    assert built((1, 8, 8), model=f"{own_networks}:grey").network[0].in_channels == 1


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        ("alexnet", (3, 16, 16), "the network 'alexnet' cannot take images of 3x16x16 "),
        ("mobilenet_v3_small", (4, 32, 32), "cannot take images of 4x32x32"),
        ("vit_b_16", (3, 40, 40), "the network 'vit_b_16' cannot be made: "),
        ("own_networks:wrong_classes", (3, 8, 8), r"returns \[2, 6\] for 2 images of 3 classes"),
        ("own_networks:no_module", (3, 8, 8), r"torch\.nn\.Module, .*str"),
        ("own_networks:no_arguments", (3, 8, 8), "cannot be made: .*num_classes"),
        ("own_networks:perceptron", (3, 9, 9), "cannot take images of 3x9x9"),
        ("no_such_network", (3, 9, 9), "no network 'no_such_network'"),
    ],
)
def test_a_network_that_does_not_fit_is_one_sentence(
    own_networks: str, model: str, shape: tuple[int, int, int], words: str
) -> None:
    with pytest.raises(InvalidOption, match=words) as caught:
        built(shape, model=model)
    assert "\n" not in str(caught.value)


def state(classes: int, seed: int = 9) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return SmallCNN(1, classes, 8).state_dict()


def save(kind: str, path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    path = path / f"weights.{'safetensors' if kind == 'safetensors' else 'pt'}"
    if kind == "safetensors":
        save_file(tensors, path)
    elif kind == "wrapped":
        torch.save({"state_dict": {f"module.{name}": t for name, t in tensors.items()}, "epoch": 3}, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("kind", ["safetensors", "pt", "wrapped"])
def test_starting_weights_are_loaded_but_a_head_of_another_size(tmp_path: Path, kind: str) -> None:
    tensors = state(classes=7)
    task = built(weights=str(save(kind, tmp_path, tensors)))
    task.reset(1)
    own = task.network.state_dict()
    assert all(torch.equal(own[name], tensors[name]) for name in tensors if not name.startswith("head"))
    assert own["head.weight"].shape[0] == 3


def test_a_head_of_the_same_size_is_loaded_too(tmp_path: Path) -> None:
    tensors = state(classes=3)
    task = built(weights=str(save("pt", tmp_path, tensors)))
    assert torch.equal(task.network.head.weight, tensors["head.weight"])


def kept(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> dict[str, torch.Tensor]:
    """Put weights of a network of torchvision where torch keeps those that it has downloaded."""
    from torchvision import models

    monkeypatch.setenv("TORCH_HOME", str(folder))
    tensors: dict[str, torch.Tensor] = models.shufflenet_v2_x0_5(weights=None).state_dict()
    (folder / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(tensors, folder / "hub" / "checkpoints" / name)
    return tensors


@pytest.mark.parametrize("name", ["pretrained", "DEFAULT", "IMAGENET1K_V1"])
def test_torchvisions_weights_are_found_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = kept(tmp_path, monkeypatch, "shufflenetv2_x0.5-f707e7126e.pth")
    task = built((3, 32, 32), model="shufflenet_v2_x0_5", weights=name)
    own = task.network.state_dict()
    assert all(torch.equal(own[name], tensors[name]) for name in tensors if not name.startswith("fc"))
    assert own["fc.weight"].shape[0] == 3
    assert task.spec.pretrained


def test_weights_by_name_are_downloaded_only_if_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    with pytest.raises(InvalidOption, match=r"not on this machine; download https://\S+ with --download, or"):
        built((3, 32, 32), model="shufflenet_v2_x0_5", weights="pretrained")

    def fetch(url: str, **_: Any) -> None:
        assert url == "https://download.pytorch.org/models/shufflenetv2_x0.5-f707e7126e.pth"
        kept(tmp_path / "home", monkeypatch, "shufflenetv2_x0.5-f707e7126e.pth")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    assert built((3, 32, 32), model="shufflenet_v2_x0_5", weights="pretrained", download=True).spec.pretrained


def test_a_download_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def offline(url: str, **_: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    with pytest.raises(InvalidOption, match=r"cannot be downloaded .*no route to host.* -t weights=FILE"):
        built((3, 32, 32), model="shufflenet_v2_x0_5", weights="pretrained", download=True)


@pytest.mark.parametrize(
    ("model", "weights", "said"),
    [
        ("shufflenet_v2_x0_5", "IMAGENET1K_V2", "choose from pretrained, IMAGENET1K_V1, or name a file"),
        (
            "auto",
            "pretrained",
            "the network 'small-cnn'; choose a network of torchvision, such as --model resnet50",
        ),
        ("resnet18", "pretrained", "do not fit the resnet18 for images of up to 64 pixels"),
    ],
)
def test_weights_that_a_network_does_not_have_are_one_sentence(model: str, weights: str, said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        built((3, 32, 32), model=model, weights=weights)


def test_a_switch_for_pretrained_weights_is_explained() -> None:
    with pytest.raises(
        InvalidOption, match="no option 'pretrained'; for pretrained weights, write weights=pretrained"
    ):
        build(Classification, {"pretrained": "true"})


class Malice:
    def __reduce__(self) -> Any:
        return os.mkdir, ("malice",)


def test_weights_are_found_from_other_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Classification(weights="some.pt").weights == str(tmp_path / "some.pt")


def test_nothing_in_a_file_of_weights_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"stages": Malice()}, tmp_path / "bad.pt")
    with pytest.raises(
        InvalidOption, match=r"bad\.pt cannot be read: the file is damaged or contains more"
    ) as caught:
        built(weights="bad.pt")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "malice").exists()


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_damaged_or_missing_weights_are_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidOption, match=r"no weights file .*"):
        built(weights=str(tmp_path / name))
    (tmp_path / name).write_bytes(b"not weights at all")
    with pytest.raises(InvalidOption, match="cannot be read: the file is damaged"):
        built(weights=str(tmp_path / name))


@pytest.mark.parametrize("content", [{"other": torch.ones(2)}, {}, [torch.ones(2)], torch.ones(2)])
def test_weights_of_something_else_are_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(InvalidOption, match=r"other\.pt (does not fit .* no tensor of|contains no named)"):
        built(weights=str(tmp_path / "other.pt"))


def test_weights_that_lack_a_tensor_are_refused(tmp_path: Path) -> None:
    tensors = state(3)
    del tensors["stages.1.1.weight"]
    tensors["stages.0.0.weight"] = torch.ones(32, 1, 7, 7)
    torch.save(tensors, tmp_path / "few.pt")
    wrong = (
        r"few\.pt does not fit the network 'small-cnn': stages\.0\.0\.weight 32x1x7x7 instead of 32x1x3x3, "
    )
    with pytest.raises(InvalidOption, match=wrong + r"stages\.1\.1\.weight is missing$"):
        built(weights=str(tmp_path / "few.pt"))


def test_weights_without_the_counters_of_batch_normalization_are_taken(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in state(3).items() if "num_batches" not in name}
    task = built(weights=str(save("pt", tmp_path, tensors)))
    assert torch.equal(task.network.stages[0][0].weight, tensors["stages.0.0.weight"])


def breaks(num_classes: int) -> torch.nn.Module:
    raise KeyError("width")


class Fails(torch.nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.head = torch.nn.Linear(64, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        raise KeyError("depth")


def test_a_network_that_raises_is_blamed_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mine", sys.modules[__name__])
    with pytest.raises(InvalidOption, match=r"^the network 'mine:breaks' cannot be made: KeyError: 'width'$"):
        built(model="mine:breaks")
    with pytest.raises(InvalidOption, match=r"'mine:Fails' cannot take images .*: KeyError: 'depth'$"):
        built(model="mine:Fails")


def test_answers_become_class_numbers() -> None:
    assert built().encode(["c", "a", "c"]).tolist() == [2, 0, 2]
    assert built(classes=("0", "1")).encode([1, "0"]).tolist() == [1, 0]
    with pytest.raises(InvalidAnswers, match="'z' is not a class; choose from a, b, c"):
        built().encode(["a", "z"])


LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
TARGETS = torch.tensor([0, 2])


def test_the_loss_by_hand() -> None:
    losses = built().loss(Output(LOGITS), TARGETS)
    expected = [-2 + np.log(np.e**2 + 2), np.log(np.e + 2)]
    np.testing.assert_allclose(losses.numpy(), expected, rtol=1e-6)


def test_smoothing_is_for_training_only() -> None:
    task = built(label_smoothing=0.3)
    plain = built().loss(Output(LOGITS), TARGETS)
    task.network.eval()
    torch.testing.assert_close(task.loss(Output(LOGITS), TARGETS), plain)
    task.network.train()
    uniform = -LOGITS.log_softmax(dim=1).mean(dim=1)
    torch.testing.assert_close(task.loss(Output(LOGITS), TARGETS), 0.7 * plain + 0.3 * uniform)


def test_balanced_classes_count_by_their_rarity() -> None:
    task = built(class_weights="balanced")
    task.prepare(torch.tensor([0, 0, 0, 2]))  # class 1 is absent: weights 4 / (2 * 3) and 4 / (2 * 1)
    plain = built().loss(Output(LOGITS), TARGETS)
    expected = plain * torch.tensor([2 / 3, 2.0])
    torch.testing.assert_close(task.loss(Output(LOGITS), TARGETS), expected)


def test_one_class_only_cannot_be_trained() -> None:
    with pytest.raises(TrainingError, match=r"all 3 labels are 'b', .*two classes"):
        built().prepare(torch.tensor([1, 1, 1]))


def test_metrics_by_hand() -> None:
    task = built(classes=("a", "b", "c", "d"))
    predictions = torch.eye(4)[[0, 0, 1, 2]]

    class Fake:
        def __init__(self, rows: list[int], targets: list[int]) -> None:
            self.images = torch.zeros(len(rows), *SHAPE)
            self.rows, self.targets = rows, torch.tensor(targets)

    task.forward_batch = lambda batch: Output(predictions[batch.rows])  # type: ignore[method-assign]
    batches: Any = [Fake([0, 1, 2], [0, 0, 1]), Fake([3], [0])]
    metrics = task.evaluate(batches)
    assert next(iter(metrics)) == "accuracy"
    assert metrics["accuracy"] == pytest.approx(3 / 4)
    assert metrics["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    right, wrong = np.log(np.e + 3) - 1, np.log(np.e + 3)
    assert metrics["loss"] == pytest.approx((3 * right + wrong) / 4)
    assert task.evaluate([]) == {}


@pytest.mark.parametrize(
    ("labeled", "epochs", "batch_size", "rate", "decay"),
    [
        (50, 200, 32, 0.025, 5e-3),
        (1_000, 40, 32, 0.025, 5e-3),
        (2_000, 30, 32, 0.025, 5e-3),
        (2_500, 30, 64, 0.05, 5e-3),
        (5_000, 30, 64, 0.05, 5e-4),
        (20_000, 30, 128, 0.1, 5e-4),
    ],
)
def test_the_default_recipe_on_a_cpu(
    labeled: int, epochs: int, batch_size: int, rate: float, decay: float
) -> None:
    recipe = built((3, 8, 8)).recipe(labeled)
    assert (recipe.epochs, recipe.batch_size, recipe.weight_decay) == (epochs, batch_size, decay)
    assert recipe.learning_rate == pytest.approx(rate)
    assert recipe.augment


def test_every_default_can_be_set() -> None:
    given = {
        "model": "small-cnn",
        "epochs": "7",
        "batch-size": "5",
        "learning-rate": "0.3",
        "momentum": "0.5",
        "weight-decay": "0",
        "schedule": "step",
        "precision": "bfloat16",
        "augment": "no",
    }
    task = build(Classification, given)
    task.build((3, 8, 8), ["a", "b"], CPU)
    recipe = task.recipe(100).as_dict()
    assert recipe == {
        "epochs": 7,
        "batch_size": 5,
        "learning_rate": 0.3,
        "momentum": 0.5,
        "weight_decay": 0.0,
        "schedule": "step",
        "precision": "bfloat16",
        "augment": False,
    }


def test_grey_images_are_not_augmented_unless_asked_for() -> None:
    assert not built().recipe(100).augment
    assert built(augment=True).recipe(100).augment


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_digits_are_learned_from_100_labels(precision: str) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.images))
    pixels = (digits.images[order] * 255 / 16).astype(np.uint8)[:, None]
    numbers = torch.from_numpy(digits.target[order])
    task = built(classes=tuple("0123456789"), precision=precision, epochs=30)
    loader = Loader(ImageStore.from_array(pixels), CPU, targets=numbers, labeled=np.arange(len(pixels)))
    labeled, test = np.arange(100), np.arange(100, len(pixels))
    run = TrainingRun(recipe=task.recipe(100), device=CPU, steps_per_epoch=4)

    def epoch_batches(epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng(epoch)
        return loader.epoch(labeled, run.recipe.batch_size, rng, augmented=run.recipe.augment)

    task.reset(0)
    task.prepare(numbers[:100])
    task.fit(epoch_batches, None, run)
    assert task.evaluate(loader.sequential(test, 256))["accuracy"] > 0.9
