"""The processes of a command that take part in its trainings: what they do until the command ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from alkit.campaign.session import CampaignSession
from alkit.campaign.train import take_part
from alkit.campaign.training_ref import TrainingRef, last_event
from alkit.composition.factory import resolve
from alkit.errors import CampaignError, TrainingDiverged, UsageError

if TYPE_CHECKING:
    from alkit.training.group import TrainingGroup
    from alkit.training.launch import Launch


def help_train(launch: Launch) -> None:
    """Take part in every training of process 0 until its command ends; nothing is locked or written.

    Raises:
        ProcessLost: another process has ended.
        Exception: this process failed; before the training begins, process 0 reports that instead.
    """
    from alkit.training.group import TrainingGroup  # noqa: PLC0415  # torch takes seconds to import

    while job := launch.next_job():
        group: TrainingGroup | None = None
        try:
            data: dict[str, Any] = json.loads(job)
            group = TrainingGroup(launch, {}, data.pop("fingerprint"))
            _train(TrainingRef(**data), group, launch)
        except TrainingDiverged:
            continue  # in all processes, and process 0 says so
        except Exception as error:
            if group is not None and group.begun:
                raise
            launch.ready(str(error) or type(error).__name__)


def _train(ref: TrainingRef, group: TrainingGroup, launch: Launch) -> None:
    device = _own_device(ref, launch)
    with CampaignSession(ref.campaign, device=device) as session:
        session.resources.mapped = True
        if last_event(session) != ref.event:
            raise CampaignError(f"{ref.campaign} has changed since the training began; begin again")
        options: Mapping[str, Any] = ref.options
        strategy = None if ref.strategy is None else resolve(ref.strategy, options).strategy
        take_part(session, strategy, group)


def _own_device(ref: TrainingRef, launch: Launch) -> str:
    """Return the device of this process: of GPUs, each process has its own.

    Raises:
        UsageError: there are fewer GPUs than processes on this machine.
    """
    if ref.device != "cuda":
        return ref.device
    import torch  # noqa: PLC0415  # torch takes seconds to import

    count = torch.cuda.device_count()
    if launch.local_rank >= count:
        raise UsageError(
            f"this machine has {count} GPUs for {launch.local_size} processes; start one process per GPU"
        )
    torch.cuda.set_device(launch.local_rank)
    return f"cuda:{launch.local_rank}"
