"""The checks of a strategy: plain functions that fail with a sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alkit import options
from alkit.engine.given_outputs import PROVIDED
from alkit.engine.passes import EnoughComputed, GatheredPasses, ShardOfPasses
from alkit.errors import AlkitError, BrokenPlugin, InvalidOption, UnsupportedTask
from alkit.interfaces import contract, declared
from alkit.interfaces.strategy import Strategy
from alkit.plugin import single_file
from alkit.training.pool_images import PoolImages
from alkit.training.types import Output, Step, TaskSpec
from alkit.utils import seeding

from . import other_process
from .results import Nonconforming, NotApplicable, Result, outcome, require, title
from .subject import N, Subject, chosen
from .toy_tasks import TASKS
from .world import make_world, one_thread

WORDS = frozenset({"model", "loss", "probabilities", "numbers", "embedding", "features", "boxes", "targets"})
DETECTION = WORDS - {"numbers"}
"""What a detector provides; the kit trains none."""
SHAPES = ((1, 7, 9), (3, 13, 13), (1, 32, 32))


# Checks of the interface: without a task, or on all tasks at once.


def name(subject: Subject) -> None:
    """The name is in kebab-case and matches the entry point."""
    own = getattr(subject.cls, "name", None)
    if subject.entry_point is not None and single_file.names_a_file(subject.entry_point):
        raise NotApplicable("a strategy from a single file is named by its file and class")
    fits = isinstance(own, str) and own == own.lower() and own.replace("-", "").isalnum()
    require(fits, f"the name {own!r} is not in kebab-case: small letters, digits and hyphens")
    if subject.entry_point is not None:
        plain = subject.entry_point.rpartition(":")[2]
        require(own == plain, f"the name '{own}' differs from the entry point '{plain}'")


def options_round_trip(subject: Subject) -> None:
    """Options survive JSON and text, `repr` shows them, and the constructor does not change them."""
    for cls in subject.cls.__mro__:
        for attribute, value in vars(cls).items():
            declared = attribute in getattr(subject.cls, "__dataclass_fields__", {})
            forgotten = isinstance(value, dataclasses.Field) and not declared
            require(
                not forgotten,
                f"'{attribute}' is not an option yet: {cls.__name__} lacks @dataclass(kw_only=True)",
            )
    strategy = subject.new()
    values = options.values_of(strategy)
    try:
        again = json.loads(json.dumps(values))
    except TypeError as error:
        raise Nonconforming(f"the options are not all JSON values: {error}") from error
    from_json = options.values_of(options.build(subject.cls, again))
    require(from_json == values, f"options read back from JSON are {from_json}, not {values}")
    from_text = options.values_of(
        options.build(subject.cls, {key: _text(value) for key, value in values.items()})
    )
    require(from_text == values, f"options read back from text are {from_text}, not {values}")
    shown = repr(strategy)
    for option in options.options_of(subject.cls):
        part = f"{option.field}={values[option.name]!r}"
        require(part in shown, f"the repr does not show {part}: {shown}")


def unknown_options_refused(subject: Subject) -> None:
    """An option that does not exist is refused."""
    try:
        options.build(subject.cls, {"no-such-option": 1})
    except InvalidOption:
        return
    raise Nonconforming("an option called 'no-such-option' is accepted")


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def needs(subject: Subject) -> None:
    """`needs` holds known words, and a task that lacks one of them is refused before training."""
    strategy = subject.new()
    require(isinstance(strategy.needs, frozenset), "needs is not a frozenset of strings")
    strange = sorted(strategy.needs - WORDS)
    require(not strange, f"needs has {strange}, but a task can only provide {', '.join(sorted(WORDS))}")
    for missing in sorted(strategy.needs):
        spec = TaskSpec("poor", (3, 12, 12), 3, WORDS - {missing} - strategy.refuses.keys())
        try:
            contract.check_needs(strategy, spec)
        except UnsupportedTask:
            continue
        raise Nonconforming(f"a task without {missing} is not refused")
    offers = [DETECTION, *(model.offers for model in TASKS.values())]
    fits = any(strategy.needs <= offer for offer in offers)
    require(fits, f"no task provides {' and '.join(sorted(strategy.needs))} together")


def another_process(subject: Subject) -> None:
    """Another process, with another hash seed, makes the same choice."""
    here = {}
    for task in TASKS:
        try:
            here[task] = subject.usual(task).tolist()
        except NotApplicable:
            continue
    reference = subject.entry_point or other_process.reference(subject.cls)
    there = other_process.choose_elsewhere(reference, subject.given, sorted(here), N, subject.device)
    for task in here:
        require(
            there[task] == here[task],
            f"{task}: chose {here[task]} here, but {there[task]} in another process",
        )


# Checks on every task that provides what the strategy needs.


def chooses_candidates(subject: Subject, task: str) -> None:
    """It chooses exactly n distinct candidates, as positions in the whole pool."""
    subject.usual(task)


def chooses_any_number(subject: Subject, task: str) -> None:
    """It chooses one candidate, or all of them."""
    world, strategy = subject.world(task)
    chosen(world, strategy, 1)
    everything = chosen(world, strategy, len(world.candidates))
    require(set(everything.tolist()) == set(world.candidates.tolist()), "not all candidates were chosen")


def one_candidate(subject: Subject, task: str) -> None:
    """It chooses the only candidate."""
    world, strategy = subject.world(task)
    world.candidates = world.candidates[:1]
    chosen(world, strategy, 1)


def one_labeled_image(subject: Subject, task: str) -> None:
    """It works with a single labeled image."""
    subject.choose(task, labeled=1)


def nothing_labeled(subject: Subject, task: str) -> None:
    """Without `needs_labels`, it chooses before anything is labeled, from at most pretrained embeddings."""
    strategy = subject.new()
    if strategy.needs_labels:
        raise NotApplicable("the strategy needs labels")
    if not strategy.needs <= {"embedding"}:
        raise NotApplicable("the strategy needs a model trained on labels, so a seed query comes first")
    subject.choose(task, labeled=0)


def identical_images(subject: Subject, task: str) -> None:
    """It chooses distinct candidates even if all images are the same."""
    world, strategy = subject.world(task, identical=True)
    chosen(world, strategy, len(world.candidates))


def certain_model(subject: Subject, task: str) -> None:
    """Probabilities of exactly zero and one do not produce NaN."""
    world, strategy = subject.world(task)
    world.be_certain()
    chosen(world, strategy, N)


def image_shapes(subject: Subject, task: str) -> None:
    """It works with grey and colour images, of odd and even sizes."""
    for shape in SHAPES:
        try:
            subject.choose(task, shape=shape)
        except Nonconforming as error:
            raise Nonconforming(f"images of {shape} (channels, height, width): {error}") from error


def repeats(subject: Subject, task: str) -> None:
    """The same seed gives the same choice, whatever state the global generators are in."""
    first = subject.usual(task).tolist()
    with seeding.fence(12345):
        second = chosen(*subject.train(task), N).tolist()
    require(first == second, f"chose {first} at first, but {second} with the same seed again")


def scoring_batch_size(subject: Subject, task: str) -> None:
    """The choice does not depend on how many images are scored at once, one or an odd number of them."""
    usual = subject.usual(task).tolist()
    for size in (1, 7):
        world, strategy = subject.world(task)
        picks = chosen(world, strategy, N, world.cycle(batch_size=size)).tolist()
        require(picks == usual, f"chose {usual} in batches of 8, but {picks} in batches of {size}")


def scored_in_shards(subject: Subject, task: str) -> None:
    """The choice does not depend on which processes have computed the outputs of which images."""
    usual = subject.usual(task).tolist()
    with tempfile.TemporaryDirectory() as folder:

        def choose(kind: Callable[..., GatheredPasses], **shard: int) -> list[int]:
            world, strategy = subject.world(task)
            cycle = world.cycle()
            cycle.passes = kind(Path(folder), lambda name, number: name or str(number), **shard)
            return chosen(world, strategy, N, cycle).tolist()

        for shard in (3, 1):
            with contextlib.suppress(EnoughComputed):
                choose(ShardOfPasses, shard=shard, of=3)
        picks = choose(GatheredPasses)
    require(picks == usual, f"chose {usual}, but {picks} from outputs that were computed in shards")


def hidden_labels(subject: Subject, task: str) -> None:
    """Different labels of the candidates do not change the choice."""
    usual, other = subject.usual(task).tolist(), subject.choose(task, hidden_seed=1).tolist()
    require(usual == other, f"chose {usual}, but {other} when only hidden labels differed")


def needs_are_enough(subject: Subject, task: str) -> None:
    """A task that provides only what `needs` lists is enough."""
    subject.usual(task)  # if that fails, other checks report it
    own = subject.new().needs
    given = frozenset(own | ({"model"} if own else set()))
    try:
        subject.choose(task, provides=given)
    except Nonconforming as error:
        listed = ", ".join(sorted(own)) or "nothing"
        raise Nonconforming(f"a task that provides {listed} is not enough: {error}") from error


def given_outputs(subject: Subject, task: str) -> None:
    """Given a model's outputs in files, with neither network nor pixels, it makes the same choice.

    A strategy that needs more than `probabilities` and `embedding` is not asked. One that looks at pixels, or
    runs the network with `model` in its needs, refuses.
    """
    strategy = subject.new()
    if not strategy.needs or not strategy.needs <= PROVIDED:
        raise NotApplicable("the strategy needs more than probabilities and embeddings, or none of them")
    usual = subject.usual(task).tolist()
    world, strategy = subject.world(task)
    if world.companion is not None:
        raise NotApplicable("the strategy trains a companion")
    world.from_files(strategy.needs)
    try:
        picks = chosen(world, strategy, N).tolist()
    except Nonconforming as error:
        if isinstance(error.__cause__, UnsupportedTask):
            raise NotApplicable(f"the strategy refuses: {error}") from error
        raise Nonconforming(
            f"given {' and '.join(sorted(strategy.needs))} only, without a network: {error}; if it runs the "
            "network, its needs should list 'model'"
        ) from error
    require(picks == usual, f"chose {usual}, but {picks} from the same outputs in files")


def leaves_cycle_alone(subject: Subject, task: str) -> None:
    """Model, companion, labeled and candidates stay unchanged, and modules stay in eval mode."""
    world, strategy = subject.world(task)
    cycle = world.cycle()
    modules = {"the task model": world.model.network}
    if isinstance(world.companion, torch.nn.Module):
        modules["the companion"] = world.companion
    before = {who: _snapshot(module) for who, module in modules.items()}
    chosen(world, strategy, N, cycle)
    require(cycle.model is world.model, "the cycle's model was replaced")
    for who, module in modules.items():
        after = _snapshot(module)
        changed = [key for key, value in before[who].items() if not _same(value, after.get(key))]
        require(before[who].keys() == after.keys(), f"{who} has other parameters or buffers than before")
        require(not changed, f"{who} was changed: {', '.join(changed[:4])}")
        training = [key or who for key, part in module.named_modules() if part.training]
        require(not training, f"{who} was left in training mode: {', '.join(training[:4])}")
    require(np.array_equal(cycle.labeled, world.labeled), "cycle.labeled was changed in place")
    require(np.array_equal(cycle.candidates, world.candidates), "cycle.candidates was changed in place")


def _snapshot(module: torch.nn.Module) -> dict[str, Any]:
    state: dict[str, Any] = {key: value.detach().clone() for key, value in module.named_parameters()}
    state |= {key: value.detach().clone() for key, value in module.named_buffers()}
    state |= {f"{key}.requires_grad": value.requires_grad for key, value in module.named_parameters()}
    return state


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        same_kind = first.shape == second.shape and first.dtype == second.dtype
        return same_kind and bool(torch.equal(first.nan_to_num(), second.nan_to_num()))
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(_same, first, second))
    return bool(np.array_equal(first, second))


def leaves_process_alone(subject: Subject, task: str) -> None:
    """Global generators are not seeded, and torch's settings stay unchanged.

    Drawing from a global generator is fine, since the engine seeds and restores them. Seeding one makes every
    cycle draw the same numbers, so two different states before must give two different states afterwards.
    """
    states = []
    for seed in (1, 2):
        world, strategy = subject.world(task)
        with seeding.fence(seed):
            before = _settings()
            try:
                strategy.select(world.cycle(), N)
            except Exception as error:
                raise Nonconforming(f"select failed: {type(error).__name__}: {error}") from error
            after = _settings()
            states.append(_random_states())
        for setting, value in before.items():
            require(
                value == after[setting], f"torch's {setting} was {value} before and {after[setting]} after"
            )
    for generator, first in states[0].items():
        require(
            first != states[1][generator],
            f"the global generator of {generator} was seeded; use cycle.rng or cycle.generator(...)",
        )


def _settings() -> dict[str, Any]:
    return {
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "default dtype": torch.get_default_dtype(),
        "default device": str(torch.empty(0).device),
        "number of threads": torch.get_num_threads(),
        "use of deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
    }


def _random_states() -> dict[str, Any]:
    kind, keys, position, *_ = np.random.get_state(legacy=True)
    return {
        "Python's random": random.getstate(),
        "numpy": (kind, tuple(np.asarray(keys).tolist()), position),
        "torch": tuple(torch.get_rng_state().tolist()),
    }


def state_round_trip(subject: Subject, task: str) -> None:
    """A new instance with the old one's state makes the same next choice as the old one."""
    world, strategy = subject.world(task)
    chosen(world, strategy, N)
    state = _stored(strategy.state_dict())
    successor = subject.new()
    successor.load_state_dict(state)
    require(_same(_stored(successor.state_dict()), state), "state_dict differs after load_state_dict")
    after = chosen(world, strategy, N, world.cycle(number=1)).tolist()
    again = chosen(world, successor, N, world.cycle(number=1)).tolist()
    require(after == again, f"next chose {after}, but {again} in a new instance with the same state")


def _stored(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    try:
        torch.save(state, file)
        file.seek(0)
        return torch.load(file, weights_only=True)
    except Exception as error:
        raise Nonconforming(f"state_dict holds more than tensors, numbers and strings: {error}") from error


def companion_loss(subject: Subject, task: str) -> None:
    """The companion's loss is one finite number, for batches of any size, early and late in training."""
    world, _ = subject.world(task)
    if world.companion is None:
        raise NotApplicable("the strategy has no companion")
    cycle = world.cycle()
    sees_more = getattr(world.companion, "uses_unlabeled", False)
    pool = PoolImages(world.images, world.candidates, world.device, 0) if sees_more else None
    for size in (1, 2, 3, 8):
        for epoch in (0, 9):
            batch = next(iter(cycle.batches(world.labeled, size=size)))
            with torch.enable_grad():
                output: Output = world.model.forward_batch(batch)
                losses = world.model.loss(output, batch.targets)
                step = Step(
                    *(epoch, 10, batch.images, batch.targets, output, losses),
                    model=world.model,
                    unlabeled=pool,
                    seed=size,
                )
                try:
                    loss = world.companion.extra_loss(step)
                except Exception as error:
                    raise Nonconforming(
                        f"extra_loss failed on a batch of {size}: {type(error).__name__}: {error}"
                    ) from error
            require(
                loss.dim() == 0,
                f"extra_loss returned {tuple(loss.shape)} for a batch of {size}, not a number",
            )
            require(torch.isfinite(loss), f"extra_loss is {loss.item()} for a batch of {size}")


INTERFACE_CHECKS: tuple[Callable[[Subject], None], ...] = (
    name,
    options_round_trip,
    unknown_options_refused,
    needs,
    another_process,
)
TASK_CHECKS: tuple[Callable[[Subject, str], None], ...] = (
    chooses_candidates,
    chooses_any_number,
    one_candidate,
    one_labeled_image,
    nothing_labeled,
    identical_images,
    certain_model,
    image_shapes,
    repeats,
    scoring_batch_size,
    scored_in_shards,
    hidden_labels,
    needs_are_enough,
    given_outputs,
    leaves_cycle_alone,
    leaves_process_alone,
    state_round_trip,
    companion_loss,
)


def check_strategy(
    strategy: str | type[Strategy], given: Mapping[str, Any] | None = None, *, device: str = "cpu"
) -> list[Result]:
    """Run every check.

    Args:
        strategy: entry-point name, `FILE.py:CLASS`, composition, or class.
        given: options, as values or as text; those of a composition are part of its text.
        device: where the worlds live.

    Returns:
        One result per check and task, or one per refused task; a check that does not apply passes, and its
        sentence says why.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such strategy.
    """
    if not isinstance(strategy, str) and (fault := declared.fault_of(strategy, Strategy)):
        raise BrokenPlugin(fault)
    subject = Subject(strategy, given, device)
    results = interface_results(subject)
    for task in TASKS:
        results += task_results(subject, task)
    return results


def interface_results(subject: Subject) -> list[Result]:
    """Run the checks that do not depend on a task."""
    with one_thread():
        return [outcome(title(check), check, subject) for check in INTERFACE_CHECKS]


def task_results(subject: Subject, task: str) -> list[Result]:
    """Run the checks on a task; there is one result where the strategy refuses it, or cannot be made."""
    with one_thread():
        try:
            contract.check_needs(subject.new(), make_world(task).model.spec)
        except UnsupportedTask as error:
            return [Result(task, True, f"not checked: {error}")]
        except AlkitError as error:
            return [Result(task, False, str(error), error=error)]
        return [outcome(f"{title(check)} ({task})", check, subject, task) for check in TASK_CHECKS]
