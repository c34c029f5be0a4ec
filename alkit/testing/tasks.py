"""The checks of a task model."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from alkit import options
from alkit.data.loader import Batch, Loader
from alkit.data.model_input import normalize
from alkit.data.store import ImageStore
from alkit.data.targets import Targets, map_tensors
from alkit.engine.pretrain import Pretraining
from alkit.errors import BrokenPlugin, UnsupportedTask
from alkit.interfaces import declared
from alkit.interfaces.labels import Boxes, ImageFacts
from alkit.interfaces.task import TaskModel
from alkit.plugin import registry
from alkit.plugin.tasks import build_task
from alkit.training.portable_outputs import MEANINGS, gap_between, meaning_of, own_meaning
from alkit.training.recipe import TrainingRun
from alkit.utils import seeding
from alkit.utils.counts import counted
from alkit.utils.profiling import Profile
from alkit.utils.progress import NullProgress

from .answers import COUNT, some_answers
from .results import NotApplicable, Result, outcome, require, title
from .world import CLASSES, one_thread

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Pixels
    from alkit.plugin.encoders import NamedEncoder
    from alkit.training.types import Output, PortableNetwork


FOLLOWS = 0.9  # share of pixels whose target has to be that of a pixel of their color
TOLERANCE = 1e-4  # of probabilities
WORDS = frozenset({"model", "loss", "probabilities", "numbers", "embedding", "features", "boxes", "targets"})


class TaskSubject:
    """The task model under test, built for a few images.

    Args:
        task: its entry-point name, or its class.
        given: options, as values or as text.
        classes: names of classes; empty where the task has none.
        values: one acceptable answer for each of a few images, at least two; made by default.
        shape: (C, H, W) of the images.
    """

    def __init__(
        self,
        task: str | type[TaskModel],
        given: Mapping[str, Any],
        classes: Sequence[str],
        values: Sequence[Any],
        shape: tuple[int, int, int],
    ) -> None:
        self.entry_point = task if isinstance(task, str) else None
        self.cls = registry.tasks.get(task) if isinstance(task, str) else task
        self.given, self.classes, self.shape = dict(given), tuple(classes), shape
        made: TaskModel = options.build(self.cls, self.given)
        self.labels = made.make_labels(self.classes)
        self.values = list(values) or some_answers(self.labels, shape)
        self.facts = ImageFacts(index=0, key="0", width=shape[2], height=shape[1])
        pixels = seeding.numpy_generator(0, "task").integers(
            0, 256, (len(self.values), *shape), dtype=np.uint8
        )
        self._store = ImageStore.from_array(pixels)
        self._store.features = _features(options.build(self.cls, self.given).named_encoder(), pixels)

    def new(self, seed: int = 0) -> TaskModel:
        """Make and build the model, with weights of a seed, in eval mode."""
        model = options.build(self.cls, self.given)
        model.known_labels = self.labels
        build_task(model, self.shape, self.classes, torch.device("cpu"))
        model.reset(seed)
        model.network.eval()
        return model

    @property
    def pretraining(self) -> Pretraining:
        """What the task may learn from before there are labels: all images."""
        return Pretraining(
            images=self._store,
            seed=0,
            device=torch.device("cpu"),
            progress=NullProgress(),
            profile=Profile(),
        )

    def batch(self, model: TaskModel, count: int | None = None) -> Batch:
        """Return the first images with their targets."""
        everything = np.arange(len(self.values))
        targets = model.encode(self.values)
        loader = Loader(self._store, torch.device("cpu"), targets=targets, labeled=everything)
        return next(iter(loader.sequential(everything[:count], len(self.values))))

    def first_target(self, model: TaskModel, count: int) -> Any:
        """Return the target of the first of so many answers, which are encoded together."""
        targets, rows = model.encode(self.values[:count]), np.arange(count)
        loader = Loader(self._store, torch.device("cpu"), targets=targets, labeled=rows)
        return loader.target_rows(rows[:1])

    def output(self, model: TaskModel, count: int | None = None) -> Output:
        """Run the model on the first images, without gradients."""
        with torch.no_grad():
            return model.forward_batch(self.batch(model, count))


def _features(encoder: NamedEncoder | None, pixels: Pixels) -> npt.NDArray[np.float32] | None:
    """Return what a task's encoder makes of images [N, C, H, W], as of originals in a campaign."""
    if encoder is None:
        return None
    taken = encoder.input
    rows = torch.from_numpy(np.stack([taken.prepare(image.transpose(1, 2, 0)) for image in pixels]))
    images = normalize(rows, torch.tensor(taken.mean), torch.tensor(taken.std))
    features: npt.NDArray[np.float32] = encoder.embed(torch.device("cpu"))(images).numpy()
    return features


def name(subject: TaskSubject) -> None:
    """The name matches the entry point and the spec."""
    own = getattr(subject.cls, "name", None)
    if subject.entry_point is not None:
        require(own == subject.entry_point, f"the name {own!r} differs from the entry point")
    spec = subject.new().spec
    require(spec.task == own, f"the spec is of task '{spec.task}', not {own!r}")
    require(
        spec.image_shape == subject.shape,
        f"the spec is for images of {spec.image_shape}, but the task was built for {subject.shape}",
    )


def outputs_as_specified(subject: TaskSubject) -> None:
    """The outputs that the spec promises exist and have its shapes."""
    model = subject.new()
    spec, count = model.spec, len(subject.values)
    strange = sorted(spec.provides - WORDS)
    require(
        not strange, f"the spec provides {strange}, but a task can only provide {', '.join(sorted(WORDS))}"
    )
    output = subject.output(model)
    if isinstance(output.prediction, torch.Tensor):
        found = len(output.prediction)
        require(found == count, f"{found} predictions for {count} images")
    if "probabilities" in spec.provides:
        shares = output.probabilities
        require(
            shares is not None and len(shares) == count,
            "the spec provides probabilities, but the output has none or not one row per image",
        )
        assert shares is not None
        total = shares.sum(dim=1)
        require(torch.allclose(total, torch.ones_like(total), atol=1e-4), "probabilities do not sum to one")
        wanted = spec.num_classes
        require(
            shares.shape[1] == wanted,
            f"there are probabilities of {shares.shape[1]} outputs, not {wanted}",
        )
        require(
            shares.dim() == 2 or output.weights is None or output.weights.shape == total.shape,
            "the weights of the output should have one number for each position",
        )
    if "numbers" in spec.provides:
        numbers = output.numbers
        require(
            numbers is not None and numbers.dim() == 2 and len(numbers) == count,
            "the spec provides numbers, but the output has none or not one row per image",
        )
    if "embedding" in spec.provides:
        shape = None if output.embedding is None else tuple(output.embedding.shape)
        require(
            shape == (count, spec.embedding_dim),
            f"the embedding has shape {shape}, not {(count, spec.embedding_dim)}",
        )
    names = [tap.name for tap in spec.taps]
    require(len(set(names)) == len(names) and all(names), f"taps should have distinct names: {names}")
    require(
        ("features" in spec.provides) == bool(names),
        "the spec should have taps if and only if it provides features",
    )
    require(
        len(output.features) == len(names),
        f"{counted(len(output.features), 'feature map')} for {counted(len(names), 'tap')}",
    )
    for tap, feature in zip(spec.taps, output.features, strict=True):
        size = tuple(feature.shape[2:]) or (1, 1)
        require(feature.shape[:2] == (count, tap.channels), f"tap '{tap.name}' gives {tuple(feature.shape)}")
        require(size == tap.size, f"tap '{tap.name}' is {size} pixels, not {tap.size}")


def one_image_alone(subject: TaskSubject) -> None:
    """In eval mode, an image's prediction does not depend on the rest of its batch."""
    model = subject.new()
    alone, together = subject.output(model, 1).prediction, subject.output(model).prediction
    close: list[bool] = []

    def compare(one: torch.Tensor, all_: torch.Tensor) -> None:
        close.append(torch.allclose(one, all_[: len(one)], rtol=1e-3, atol=1e-4))

    _pairwise(compare, alone, together)
    require(all(close), "an image has another prediction alone than in a batch")


def loss_per_image(subject: TaskSubject) -> None:
    """The loss is one finite number per image, with a gradient."""
    model = subject.new()
    for count in (1, len(subject.values)):
        batch = subject.batch(model, count)
        assert batch.targets is not None
        losses = model.loss(model.forward_batch(batch), batch.targets)
        require(losses.shape == (count,), f"the loss of {count} images has shape {tuple(losses.shape)}")
        require(torch.isfinite(losses).all(), f"losses are not finite: {losses.tolist()}")
        require(losses.requires_grad, "the loss has no gradient")


def targets_of_outputs(subject: TaskSubject) -> None:
    """If the spec provides `targets`, `targets_of` makes targets that the loss takes, as `encode` does."""
    model = subject.new()
    if "targets" not in model.spec.provides:
        raise NotApplicable("the task does not provide targets")
    batch, output = subject.batch(model), subject.output(model)
    for seed in (None, 0):
        first, second = (
            model.targets_of(output, None if seed is None else torch.Generator().manual_seed(seed))
            for _ in range(2)
        )
        require(_same_tree(first, second), "targets_of draws other targets with the same generator")
        losses = model.loss(output, first)
        require(
            losses.shape == (len(batch),) and bool(torch.isfinite(losses).all()),
            f"the loss of the targets of an output has shape {tuple(losses.shape)}, or is not finite",
        )
        if isinstance(first, torch.Tensor) and isinstance(batch.targets, torch.Tensor):
            require(
                first.shape == batch.targets.shape
                and first.is_floating_point() == batch.targets.is_floating_point(),
                f"targets_of gives {first.dtype} {tuple(first.shape)}, but encode "
                f"{batch.targets.dtype} {tuple(batch.targets.shape)}",
            )
    if model.labels.kind == "class" and output.probabilities is not None and subject.classes:
        certain = torch.eye(model.spec.num_classes)[: len(subject.classes)]
        found = model.targets_of(dataclasses.replace(output, probabilities=certain))
        require(
            _same_tree(found, model.encode(list(subject.classes))),
            "where a class is certain, targets_of does not give the target that encode makes of that class",
        )


def one_target_per_answer(subject: TaskSubject) -> None:
    """`encode` gives one row per answer, which does not depend on the other answers."""
    model = subject.new()
    targets = model.encode(subject.values)
    require(
        len(targets) == len(subject.values),
        f"{counted(len(targets), 'target')} for {counted(len(subject.values), 'answer')}",
    )
    alone, together = subject.first_target(model, 1), subject.first_target(model, len(targets))
    require(_same_tree(alone, together), "an answer has another target alone than with others")


def targets_follow_images(subject: TaskSubject) -> None:
    """Targets that have the positions of pixels, or boxes, move along when images are augmented."""
    model = subject.new()
    if isinstance(subject.labels, Boxes):
        _check_boxes_follow(subject, model)
        return
    targets = subject.batch(model).targets
    if not isinstance(targets, torch.Tensor) or tuple(targets.shape[1:]) != subject.shape[1:]:
        raise NotApplicable("the task's targets are not as large as the images")
    if not model.recipe(len(targets)).augment:
        raise NotApplicable("the task's recipe augments no images")
    shown = torch.unique(targets, return_inverse=True)[1].to(torch.uint8)
    images = shown.unsqueeze(1).expand(-1, subject.shape[0], -1, -1).contiguous() * 50
    for seed in range(4):
        moved, their = model.augment_batch(images, targets, torch.Generator().manual_seed(seed))
        purity = np.mean([_purity(image[0], target) for image, target in zip(moved, their, strict=True)])
        require(
            purity > FOLLOWS,
            f"after augmentation, {1 - purity:.0%} of the pixels have the target of another pixel",
        )


def _check_boxes_follow(subject: TaskSubject, model: TaskModel) -> None:
    """Check that a bright square is still where the box around it is."""
    _, height, width = subject.shape
    box = {"x": width // 4, "y": height // 4, "width": width // 3, "height": height // 3}
    value = [{"class": subject.classes[0], **box}]
    targets = model.encode([value] * COUNT)
    images = torch.zeros(COUNT, *subject.shape, dtype=torch.uint8)
    images[:, :, height // 4 :, width // 4 :][:, :, : height // 3, : width // 3] = 200
    rows = targets.take(np.arange(COUNT)) if isinstance(targets, Targets) else targets
    for seed in range(4):
        moved, their = model.augment_batch(images, rows, torch.Generator().manual_seed(seed))
        for image, corners in zip(moved[:, 0], their["boxes"][:, 0].tolist(), strict=True):
            y, x = (image > 100).nonzero(as_tuple=True)
            found = [int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1]
            require(
                max(abs(one - other) for one, other in zip(found, corners, strict=True)) <= 1,
                f"after augmentation, an object is at {found}, but its box at {corners}",
            )


def _purity(image: torch.Tensor, target: torch.Tensor) -> float:
    """Return the share of pixels whose target is the most frequent one of their color."""
    found = 0
    for color in torch.unique(image):
        found += int(torch.unique(target[image == color], return_counts=True)[1].max())
    return found / image.numel()


def _same_tree(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_same_tree(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(_same_tree, first, second))
    return bool(first == second)


def labels_are_read_back(subject: TaskSubject) -> None:
    """The text of a label is read back as the same value, and a value agrees with itself."""
    labels = subject.labels
    for value in subject.values:
        text = labels.text(value)
        found = labels.parse(text, subject.facts)
        require(found == value, f"the label {value!r} is written as {text!r}, which is read as {found!r}")
        agreed = labels.agreement(value, value)
        require(agreed == 1, f"the agreement of {value!r} with itself is {agreed}, not 1")
        strange = sorted(set(labels.names(value)) - set(subject.classes))
        require(not strange or not subject.classes, f"{value!r} names {strange}, which are not classes")


def reset_is_seeded(subject: TaskSubject) -> None:
    """The same seed draws the same weights in a new model and an old one; another seed draws others."""
    model = subject.new(seed=1)
    first = _weights(model)
    with seeding.fence(5):
        require(_equal(first, _weights(subject.new(seed=1))), "two models of one seed have different weights")
    model.reset(2)
    require(not _equal(first, _weights(model)), "another seed gives the same weights")
    model.reset(1)
    require(_equal(first, _weights(model)), "reset with the first seed does not restore the first weights")


def pretraining_is_repeatable(subject: TaskSubject) -> None:
    """A task that pretrains learns the same weights from the same images and seed, and starts from them."""
    if not subject.new().pretrains:
        raise NotApplicable("the task does not pretrain")

    def learned(model: TaskModel) -> Mapping[str, torch.Tensor]:
        found = subject.pretraining.of(model)
        assert found is not None
        return found.weights

    model = subject.new(seed=1)
    first = dict(learned(model))
    require(first, "pretrain returns no weights")
    with seeding.fence(5):
        require(_equal(first, dict(learned(subject.new()))), "pretraining twice gives different weights")
    model.reset(1)
    drawn = _tensors(model.starting_weights())
    model.start_from(first)
    require(not _equal(drawn, _tensors(model.starting_weights())), "start_from changes no starting weight")


def trains(subject: TaskSubject) -> None:
    """Two epochs change the weights, keep the loss finite and leave the model in eval mode."""
    model = subject.new()
    before = _weights(model)
    everything = np.arange(len(subject.values))
    targets = model.encode(subject.values)
    model.prepare(targets)
    batch = subject.batch(model)

    recipe = model.recipe(len(everything))
    short = type(recipe)(**{**recipe.as_dict(), "epochs": 2, "learning_rate": 0.01})
    run = TrainingRun(recipe=short, device=torch.device("cpu"), steps_per_epoch=1)
    model.fit(lambda epoch: [batch], None, run)
    require(not _equal(before, _weights(model)), "training does not change any weight")
    require(not model.network.training, "training leaves the network in training mode")


def evaluates(subject: TaskSubject) -> None:
    """`evaluate` returns finite numbers as `metrics` declares, and leaves weights and eval mode alone."""
    model = subject.new()
    before = _weights(model)
    model.network.train()
    metrics = model.evaluate([subject.batch(model)])
    require(metrics, "evaluate returns no metric")
    for metric, value in metrics.items():
        require(
            isinstance(value, float) and np.isfinite(value),
            f"metric '{metric}' is {value!r}, not a finite float",
        )
    declared = [metric.name for metric in model.metrics]
    require(
        not declared or list(metrics)[: len(declared)] == declared,
        f"evaluate returns {', '.join(metrics)}, but metrics declares {', '.join(declared)}",
    )
    require(_equal(before, _weights(model)), "evaluate changes weights or buffers")
    require(not model.network.training, "evaluate leaves the network in training mode")


def probabilities_follow_predictions(subject: TaskSubject) -> None:
    """The most probable class is the predicted one, as strategies assume."""
    output = subject.output(subject.new())
    single = isinstance(output.prediction, torch.Tensor)
    if output.probabilities is None or not single or output.prediction.shape != output.probabilities.shape:
        raise NotApplicable("the task does not give one probability per prediction")
    same = torch.equal(output.prediction.argmax(dim=1), output.probabilities.argmax(dim=1))
    require(same, "the largest prediction is not the largest probability")


def _pairwise(function: Callable[[torch.Tensor, torch.Tensor], None], first: Any, second: Any) -> None:
    """Call a function with the tensors in the same places of two trees."""
    others: list[torch.Tensor] = []
    map_tensors(lambda part: others.append(part) or part, second)  # type: ignore[func-returns-value]
    rest = iter(others)

    def call(part: torch.Tensor) -> torch.Tensor:
        function(part, next(rest))
        return part

    map_tensors(call, first)


def portable(subject: TaskSubject) -> None:
    """The network that `portable` returns says the same as the task, and its source needs no alkit."""
    model = subject.new()
    if model.labels.kind not in MEANINGS:
        raise NotApplicable(f"models of labels of the kind '{model.labels.kind}' cannot be exported")
    meaning = MEANINGS[model.labels.kind]
    if meaning not in model.spec.provides:
        raise NotApplicable(f"the task does not give {meaning}")
    try:
        found = model.portable()
    except UnsupportedTask:
        raise NotApplicable("the task does not say how its network works without alkit") from None
    encoder = model.named_encoder()
    shape = subject.shape if encoder is None else encoder.input.shape
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    require(not found.network.training, "the network is in training mode")
    with torch.no_grad():
        own = own_meaning(model.labels.kind, model.forward(images))
        assert own is not None
        for network in (found.network, *([_made_by(found)] if found.source else [])):
            other = meaning_of(model.labels.kind, network(images))
            require(
                other.shape == own.shape or model.labels.kind == "boxes",
                f"its outputs have the shape {tuple(other.shape)} instead of {tuple(own.shape)}",
            )
            gap = gap_between(model.labels.kind, own, other)
            require(gap <= TOLERANCE, f"{meaning} differ by {gap:.2g} from those of the task")


def _made_by(found: PortableNetwork) -> nn.Module:
    """Return the network that the source makes, with the weights of the model."""
    imports = re.search(r"^\s*(import|from) alkit\b", found.source, re.MULTILINE)
    require(imports is None, "the source imports alkit")
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(compile(found.source, "network.py", "exec"), namespace)
    require("make_network" in namespace, "the source has no function make_network")
    network: nn.Module = namespace["make_network"]()
    network.load_state_dict(found.network.state_dict())
    return network.eval()


def _weights(model: TaskModel) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone() for key, value in model.network.state_dict().items()}


def _tensors(weights: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in weights.items() if isinstance(value, torch.Tensor)}


def _equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


CHECKS: tuple[Callable[[TaskSubject], None], ...] = (
    name,
    outputs_as_specified,
    one_image_alone,
    loss_per_image,
    targets_of_outputs,
    one_target_per_answer,
    targets_follow_images,
    labels_are_read_back,
    reset_is_seeded,
    pretraining_is_repeatable,
    trains,
    evaluates,
    probabilities_follow_predictions,
    portable,
)


def check_task(
    task: str | type[TaskModel],
    given: Mapping[str, Any] | None = None,
    *,
    classes: Sequence[str] = CLASSES,
    values: Sequence[Any] = (),
    shape: tuple[int, int, int] = (3, 16, 16),
) -> list[Result]:
    """Run every check.

    Args:
        task: entry-point name, or class.
        given: options, as values or as text.
        classes: names of classes; empty where the task has none.
        values: an acceptable answer for each of a few images; made for the kind of labels by default.
        shape: (C, H, W) that it is built for.

    Returns:
        One result per check; one that does not apply passes, and its sentence says why.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such task.
    """
    if not isinstance(task, str) and (fault := declared.fault_of(task, TaskModel)):
        raise BrokenPlugin(fault)
    subject = TaskSubject(task, given or {}, classes, values, shape)
    with one_thread():
        return [outcome(title(check), check, subject) for check in CHECKS]
