"""A second campaign from a first: the same images under the same indices, with all answers."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit._version import __version__
from alkit.campaign.record.events import Aggregated, Answered, ClassesAdded, Created, Lost, Noted, Removed
from alkit.campaign.record.ledger import Ledger
from alkit.data.preprocessing import ensure_store
from alkit.errors import SourceError, UsageError
from alkit.interfaces.labels import Mask
from alkit.plugin import registry
from alkit.plugin.tasks import build_task
from alkit.utils.files import write_atomically
from alkit.utils.progress import Progress, chosen_progress

from .campaign import Campaign
from .changes.evaluation_set import labels_of_test_images, names_in, read_test_images
from .create import Plan, plan_of
from .draft import check_free, clear_half_moved, draft_in, move_in, os_errors_named
from .export import identity_of
from .resources import POOL_CACHE, TEST_CACHE
from .session import LEDGER, SETTINGS
from .spec import CampaignSpec, spec_of

if TYPE_CHECKING:
    from alkit.campaign.record.ledger import AnswerRow
    from alkit.data.preprocessing import ImageRecord
    from alkit.interfaces.labels import Labels
    from alkit.interfaces.oracle import Answer

    Shape = tuple[int, int, int]


def fork(
    directory: str | Path,
    campaign: Campaign,
    *,
    device: str = "auto",
    progress: Progress | bool | None = None,
    **details: Any,
) -> Campaign:
    """Make a campaign from another one and open it; the first one is only read.

    It has the same images under the same indices, the classes as they are called now, and all answers that
    count, with annotators, times and costs, and the notes. Queries and trainings are not taken over.

    Args:
        directory: where to make it; created if missing.
        campaign: the first one.
        device: `auto`, `cpu`, `cuda`.
        progress: True shows how far long work is, False does not; by default, notebooks show it.
        **details: fields of a `CampaignSpec` that differ: task, task_options, strategy, image_size and so on.
            Options of the task, the strategy and the oracle are added to those of the first one, if that is
            the same.

    Raises:
        CampaignError: there is already a campaign, or the directory cannot be written.
        SourceError: most of the images are gone.
    """
    from alkit.utils.devices import find_device  # noqa: PLC0415  # torch takes seconds to import

    directory = Path(directory)
    progress = chosen_progress(progress)
    clear_half_moved(directory)
    check_free(directory)
    spec = _spec(campaign, details)
    moved = campaign.resources.missing()
    if moved is not None and not {"pool", "test"} & set(details):
        raise SourceError(moved)
    plan = plan_of(spec, find_device(device), progress)
    shape = (spec.channels or campaign.settings.image_shape[0], *(spec.image_size or (0, 0)))
    task = plan.settings.task
    build_task(task.made(registry.tasks), shape, tuple(campaign.classes), plan.device)
    kinds = campaign.settings.labels, plan.settings.labels
    if kinds[0] != kinds[1] and len(campaign.pool.labeled):
        raise UsageError(
            f"the labels of this campaign are of kind '{kinds[0]}', but task '{task.name}' needs the kind "
            f"'{kinds[1]}'; make a new campaign with 'alkit init'"
        )
    with draft_in(directory) as draft, os_errors_named(directory):
        _fill(draft, plan, campaign, shape, other_test="test" in details)
        move_in(draft, directory)
    return Campaign(directory, device=device, progress=progress)


def _spec(campaign: Campaign, details: Mapping[str, Any]) -> CampaignSpec:
    """Return the choices of the first campaign with those that differ in their place."""
    own, given = spec_of(campaign), dict(details)
    for name in ("task", "strategy", "oracle"):
        options = f"{name}_options"
        if given.get(name, getattr(own, name)) == getattr(own, name):
            new = {key.replace("_", "-"): value for key, value in given.get(options, {}).items()}
            given[options] = {**getattr(own, options), **new}
        else:
            given.setdefault(options, {})
    root = campaign.settings.pool.root
    return dataclasses.replace(own, **{"root": root, "aggregate": campaign.state.aggregate, **given})


def _fill(draft: Path, plan: Plan, first: Campaign, shape: Shape, *, other_test: bool) -> None:
    """Make all files of a campaign in a draft."""
    (draft / "cache").mkdir()
    records = first.state.records
    cache = draft / "cache" / POOL_CACHE
    lost = ensure_store(cache, shape, plan.source, records, progress=plan.progress)
    readable = len(records) - sum(row.unusable is not None for row in records.set_aside)
    if 2 * len(lost) > readable:
        raise SourceError(
            f"{len(lost):,} of {readable:,} images in '{plan.source.location}' are gone or changed; "
            f"{first.resources.hint('--pool')}"
        )
    tested, labels = _test_set(draft, plan, first, shape, other=other_test)
    classes = [*first.classes, *names_in(plan.labels(draft, first.classes), labels)]
    reader = plan.labels(draft, classes)
    answers: dict[int, list[AnswerRow]] = defaultdict(list)
    for row in first.state.counted:
        answers[row.event].append(row)
    ledger = Ledger(draft / LEDGER, create=True)
    try:
        with ledger.transaction():
            origin = {"directory": str(first.directory.resolve()), "identity": identity_of(first)}
            ledger.add_event(Created(alkit=__version__, images=len(records), forked_from=origin))
            ledger.add_images(records)
            ledger.add_test_images(tested, labels)
            if classes:
                ledger.add_event(ClassesAdded(added=classes))
            if plan.spec.aggregate != "last":
                ledger.add_event(Aggregated(by=plan.spec.aggregate))
            for event in first.ledger.events(Answered):
                if rows := answers[event.id]:
                    again = dataclasses.replace(event.data, answers=len(rows), query=None)
                    number = ledger.add_event(again)
                    ledger.add_answers(number, [(row.index, _taken_over(row, first, reader)) for row in rows])
            for note in first.notes():
                ledger.add_event(Noted(index=note.index, text=note.text, annotator=note.annotator))
            if first.pool.removed:
                ledger.add_event(Removed(indices=sorted(first.pool.removed)))
            if lost:
                ledger.add_event(Lost(indices=lost, reason="changed or gone since it was listed"))
    finally:
        ledger.close()
    settings = dataclasses.replace(plan.settings, image_shape=shape)
    write_atomically(draft / SETTINGS, settings.to_toml(__version__))


def _taken_over(row: AnswerRow, first: Campaign, reader: Labels) -> Answer:
    """Return an answer for the second campaign; a mask gets the numbers that classes have there."""
    if row.answer.kind != "label" or not isinstance(reader, Mask):
        return row.answer
    return dataclasses.replace(row.answer, value=_copied(row.answer.value, first, reader))


def _copied(mask: str, first: Campaign, reader: Mask) -> str:
    """Copy a mask of the first campaign; return its name in the second one."""
    labels = first.label_kind
    assert isinstance(labels, Mask)
    name = reader.of_numbers(labels.numbered(mask))
    reader.keep([name])
    return name


def _test_set(
    draft: Path, plan: Plan, first: Campaign, shape: Shape, *, other: bool
) -> tuple[Sequence[ImageRecord], dict[str, str]]:
    """Return the test images with their labels by key: those of the first campaign, or others."""
    if plan.test_source is None:
        return [], {}
    cache = draft / "cache" / TEST_CACHE
    if other:
        found = labels_of_test_images(plan.test_source, plan.labels(draft), plan.settings.task.name)
        records = read_test_images(
            plan.test_source, cache, shape, pool=first.state.records, progress=plan.progress
        )
        return records, found
    records, texts = first.ledger.test_images()
    labels = [first.state.test_label(text) for text in texts]
    reader = plan.labels(draft, first.classes)
    if isinstance(reader, Mask):
        labels = [None if label is None else _copied(label, first, reader) for label in labels]
    ensure_store(cache, shape, plan.test_source, records, progress=plan.progress)
    return records, {r.key: label for r, label in zip(records, labels, strict=True) if label is not None}
