"""The model that a campaign has trained, with what it takes to use it: classes, preprocessing, precision."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.events import Trained
from alkit.campaign.record.read import state_at
from alkit.campaign.record.trainings import history
from alkit.campaign.resources import POOL_CACHE
from alkit.campaign.train import train
from alkit.errors import UnsupportedTask
from alkit.reporting.wording import labels_and_copies
from alkit.utils.profiling import Profile

from .predictions import TEXTS

if TYPE_CHECKING:
    import torch

    from alkit.campaign.record.ledger import Event
    from alkit.campaign.record.state import State
    from alkit.campaign.session import CampaignSession
    from alkit.data.model_input import Preprocessing
    from alkit.interfaces.task import TaskModel
    from alkit.training.recipe import Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableModel:
    """A trained model, ready to be applied to images of any origin.

    Attributes:
        task: the model, in eval mode on `device`.
        trained: the record of its training.
        classes: names in the order of the model's outputs.
        preprocessing: how an image becomes what the model takes, the same as in training.
        precision: of the forward pass.
        device: where the model is.
        threads: of torch on a CPU, the same as in training, so that sums round alike; None: as many as torch
            uses already.
        state: the campaign when the model was trained.
    """

    task: TaskModel
    trained: Trained
    classes: Sequence[str]
    preprocessing: Preprocessing
    precision: Precision
    device: torch.device
    threads: int | None
    state: State

    @property
    def kind(self) -> str:
        """The kind of labels that it predicts: `class`, `classes`, `number`, `mask` or `boxes`."""
        return self.task.labels.kind

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Let a block run the model as the campaign does: no gradients, its precision, its threads."""
        import torch  # noqa: PLC0415  # torch takes seconds to import

        from alkit.training.precision import autocast  # noqa: PLC0415  # torch takes seconds to import
        from alkit.utils.devices import threads_for  # noqa: PLC0415  # torch takes seconds to import

        side = max(self.preprocessing.shape[1:])
        with (
            threads_for(side, self.device, self.threads),
            torch.no_grad(),
            autocast(self.device, self.precision),
        ):
            yield


def usable_model(session: CampaignSession, *, kinds: Collection[str] = TEXTS) -> UsableModel:
    """Return the model of the latest training; train first if there is none, or if its weights are gone.

    Args:
        session: the campaign.
        kinds: of labels that are of use.

    Raises:
        TrainingError: nothing is labeled, or training failed.
        UnsupportedTask: the task predicts labels of another kind.
        CampaignLocked: another process is working on the campaign, and there is no model yet.
    """
    session.refresh()
    resources = session.resources
    ready = resources.encoder is not None or resources.images_are_sound(session.state)
    model = _found(session, kinds) if ready else None
    if model is None:  # which takes a campaign that can be written
        model = _made(session, kinds)
    trained, pool = model.trained, session.pool
    labels = max(0, pool.by_people - trained.by_people)
    copies = max(0, len(pool.copied) - (trained.copied or 0))
    if labels or copies:
        session.progress.line(
            f"the model knows {trained.in_words}, and {labels_and_copies(labels, copies)} came later; for a "
            "model of all of them, run 'alkit train'"
        )
    return model


def present_model(session: CampaignSession) -> UsableModel | None:
    """Return the model of the latest training, or None if there is none; nothing is locked or written."""
    return _found(session, TEXTS)


def _made(session: CampaignSession, kinds: Collection[str]) -> UsableModel:
    """Return the model of the latest training, after training if it cannot be had otherwise."""
    with session.lock(images=True):
        if not history(session.ledger):
            if len(session.pool.labeled):
                session.progress.line("no model is trained yet: training on all labels")
            train(session, None, Profile())
        model = _found(session, kinds)
        if model is None:
            session.progress.line(
                "the weights of the latest training are gone, or the encoder has changed since: training on "
                "all labels"
            )
            train(session, None, Profile())
            model = _found(session, kinds)
            assert model is not None
    return model


def _found(session: CampaignSession, kinds: Collection[str]) -> UsableModel | None:
    return _loaded(session, _latest(session), kinds) if history(session.ledger) else None


def _latest(session: CampaignSession) -> Event[Trained]:
    """Return the event of the training that the history ends with."""
    wanted = history(session.ledger)[-1].trained
    events = session.ledger.events(Trained)
    return next(event for event in reversed(events) if event.data.fingerprint == wanted.fingerprint)


def _loaded(session: CampaignSession, event: Event[Trained], kinds: Collection[str]) -> UsableModel | None:
    """Return the model of a training, or None if its checkpoint cannot be read or its encoder has changed."""
    from alkit.data.model_input import Preprocessing  # noqa: PLC0415  # numpy is slow to import
    from alkit.engine.pretrain import read_weights  # noqa: PLC0415  # torch takes seconds to import
    from alkit.interfaces.task import TaskModel  # noqa: PLC0415  # a command may need none
    from alkit.training.checkpoints import load_safely  # noqa: PLC0415  # torch takes seconds to import
    from alkit.utils import seeding  # noqa: PLC0415  # torch takes seconds to import

    trained, device = event.data, session.resources.device
    state = state_at(session.ledger, event.id)
    task = session.resources.task(state, trained.options)
    _check_predicts(task, kinds)
    task.prepare(task.encode(session.fitted_values(state)))
    task.reset(seeding.derive(session.settings.seed, "weights", trained.cycle))
    if trained.pretrained:
        weights = read_weights(session.directory / "cache" / trained.pretrained, device)
        if weights is not None:
            task.start_from(weights)
        elif type(task).start_from is not TaskModel.start_from:  # they may be outside the network
            return None
    try:
        kept: Mapping[str, Any] = load_safely(session.directory / str(trained.checkpoint), device)
        if kept["fingerprint"] != trained.fingerprint:
            return None
        task.network.load_state_dict(kept["network"])
    except Exception:  # a checkpoint is a cache: it may be missing or damaged
        return None
    encoder = task.named_encoder()
    if encoder is not None and kept.get("encoder", encoder.identity) != encoder.identity:
        return None
    task.network.eval()
    return UsableModel(
        task=task,
        trained=trained,
        classes=_present_names(session, state.classes),
        preprocessing=_as_pool(session, state)
        if encoder is None
        else Preprocessing.of_encoder(encoder.input),
        precision=task.recipe(trained.labels).precision,
        device=device,
        threads=session.settings.threads,
        state=state,
    )


def _as_pool(session: CampaignSession, state: State) -> Preprocessing:
    """Return how the images of the pool of a state became what the model takes."""
    from alkit.data.model_input import Preprocessing  # noqa: PLC0415  # numpy is slow to import
    from alkit.data.store import ImageStore  # noqa: PLC0415  # numpy is slow to import

    pool = ImageStore.open(
        session.directory / "cache" / POOL_CACHE,
        session.settings.image_shape,
        len(state.records),
        usable=state.pool.usable,
        pixel_type=session.settings.pool.pixel_type,
    )
    return Preprocessing.of(pool)


def _present_names(session: CampaignSession, classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of a model as they are called now, unless some have been merged since."""
    former = session.state.former_classes
    names = tuple(former.get(name, name) for name in classes)
    return names if len(set(names)) == len(names) else tuple(classes)


def _check_predicts(task: TaskModel, kinds: Collection[str]) -> None:
    needed = "numbers" if task.labels.kind == "number" else "probabilities"
    if task.labels.kind not in kinds or needed not in task.spec.provides:
        raise UnsupportedTask(
            f"the task '{task.name}' predicts labels of the kind '{task.labels.kind}'; only models that "
            f"predict labels of the kinds {', '.join(sorted(kinds))} can be used here"
        )
