"""Making a campaign: the list of images is frozen, labels at hand are taken in, all or nothing is there."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit._version import __version__
from alkit.campaign.record.aggregation import check_rule
from alkit.campaign.record.ledger import Ledger, holds_events
from alkit.campaign.record.reconcile import IngestReport, reconcile_answers
from alkit.campaign.record.settings import Settings, SourceChoice
from alkit.campaign.record.state import make_pool
from alkit.composition import factory
from alkit.data.source import Source
from alkit.data.sources import open_source
from alkit.errors import CampaignError, InvalidAnswers, SourceError
from alkit.labeling.csv_table import read_answers
from alkit.options import build
from alkit.plugin import registry
from alkit.plugin.choice import PluginChoice, choice_of
from alkit.utils.files import write_atomically
from alkit.utils.progress import NullProgress, Progress

from .campaign import Campaign
from .resources import POOL_CACHE, TEST_CACHE
from .session import LEDGER, LOCK, SETTINGS

if TYPE_CHECKING:
    import torch

    from alkit.data.preprocessing import ImageRecord


DEFAULT_STRATEGY = "badge"
DRAFT = ".alkit-draft-"
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # of writing, whatever was being done


def create(
    directory: str | Path,
    pool: str,
    *,
    root: str | None = None,
    download: bool = False,
    labels: str | Path | None = None,
    classes: Sequence[str] = (),
    test: str | None = None,
    task: str = "classification",
    task_options: Mapping[str, Any] | None = None,
    strategy: str = DEFAULT_STRATEGY,
    strategy_options: Mapping[str, Any] | None = None,
    oracle: str | None = None,
    oracle_options: Mapping[str, Any] | None = None,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    aggregate: str = "last",
    device: str = "auto",
    progress: Progress | None = None,
) -> Campaign:
    """Make a campaign and open it.

    Every image is read once: hashed, decoded, resized into the campaign's cache. All is made beside its final
    place and moved there at the end, so that an error or an interruption leaves nothing behind.

    Args:
        directory: where; made if it is not there.
        pool: images, see `alkit.data.sources.open_source`.
        root: where a torchvision data set lies.
        download: allow torchvision to download it.
        labels: CSV file of labels that are known, or None.
        classes: class names; those of `labels`, of the test images and of an oracle's data set are added.
        test: labeled images to judge the model on, as `pool`; a data set's own test images by default.
        task: the task model's plugin name.
        task_options: its options.
        strategy: what queries use when no strategy is named.
        strategy_options: its options.
        oracle: who answers by itself; for a demonstration set its own labels, otherwise nobody.
        oracle_options: its options.
        image_size: (height, width) to resize to; chosen from the images by default.
        channels: 1 or 3; chosen from the images by default.
        seed: of all randomness.
        aggregate: how the answers of several annotators become one; see `Campaign.aggregate_by`.
        device: `auto`, `cpu`, `cuda`.
        progress: where long work shows how far it is.

    Raises:
        CampaignError: there is a campaign already, or the directory cannot be written.
        SourceError: there are no images.
        InvalidAnswers: `labels` names images or classes that do not fit.
    """
    directory, progress = Path(directory), NullProgress() if progress is None else progress
    _take_back_half_moved(directory)
    _check_free(directory)
    from alkit.utils.devices import find_device

    check_rule(aggregate)
    torch_device = find_device(device)
    source = open_source(pool, root=root, download=download)
    test_source, test_choice = _test_source(source, test, root, download)
    task_choice = choice_of(registry.tasks, task, task_options or {})
    strategy_choice = factory.choice_of(strategy, strategy_options)
    if oracle is None and source.answers_itself:
        oracle = "dataset"
    oracle_choice = None if oracle is None else choice_of(registry.oracles, oracle, oracle_options or {})
    if labels is not None:
        read_answers(Path(labels))  # a file that is no good is said before all images are read
    with _draft(directory) as draft, _blamed(directory):
        _make(
            draft,
            directory,
            source,
            test_source,
            labels=None if labels is None else Path(labels),
            classes=classes,
            oracle=oracle_choice,
            image_size=image_size,
            channels=channels,
            aggregate=aggregate,
            device=torch_device,
            progress=progress,
            decided={
                "seed": seed,
                "pool": SourceChoice(source.location, source.root),
                "task": task_choice,
                "strategy": strategy_choice,
                "oracle": oracle_choice,
                "test": test_choice,
            },
        )
        _move_in(draft, directory)
    return Campaign(directory, device=device, progress=progress)


@contextlib.contextmanager
def _draft(directory: Path) -> Iterator[Path]:
    """Give a hidden folder in `directory` to make a campaign in; unless it becomes one, nothing stays.

    A draft is locked while it is worked on, so what a killed process left behind can be told and goes away.

    Raises:
        CampaignError: the directory cannot be written.
    """
    from filelock import FileLock, Timeout

    new = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        with _blamed(directory):
            directory.mkdir(parents=True, exist_ok=True)
            for stale in directory.glob(f"{DRAFT}*"):
                with contextlib.suppress(Timeout), FileLock(stale / LOCK, timeout=0):
                    shutil.rmtree(stale, ignore_errors=True)
            draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=directory))
        try:
            with FileLock(draft / LOCK):
                yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        if new and not (directory / SETTINGS).exists():
            with contextlib.suppress(OSError):
                (directory / LOCK).unlink(missing_ok=True)
                for path in new:
                    path.rmdir()


@contextlib.contextmanager
def _blamed(directory: Path) -> Iterator[None]:
    """Say what the system refused: writing the campaign, or reading something for it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        path = None if error.filename is None else Path(error.filename).absolute()
        if path is None and error.errno not in DISK:
            raise CampaignError(f"no campaign can be made in {directory}: {reason}") from error
        own = (directory.absolute(), *directory.absolute().parents)
        if path is None or error.errno in DISK or path in own or own[0] in path.parents:
            raise CampaignError(f"{directory} cannot be written: {reason}") from error
        raise CampaignError(f"{path} cannot be read: {reason}") from error


def _check_free(directory: Path) -> None:
    """Refuse a directory in which anything is recorded.

    Raises:
        CampaignError: it is a campaign, or what is left of one.
    """
    if (directory / SETTINGS).exists():
        raise CampaignError(f"{directory} is a campaign already; use another directory")
    if holds_events(directory / LEDGER):
        raise CampaignError(
            f"{directory} holds the {LEDGER} of a campaign whose {SETTINGS} is missing; restore it from a "
            "backup, or use another directory"
        )


def _take_back_half_moved(directory: Path) -> None:
    """Remove the ledger of a process that was killed while it moved in.

    Such a process leaves a draft that has its settings still and its ledger no more; nobody has used that
    ledger, for without settings there is no campaign yet.
    """
    from filelock import FileLock, Timeout

    for draft in directory.glob(f"{DRAFT}*"):
        moved = (draft / SETTINGS).exists() and not (draft / LEDGER).exists()
        if moved and not (directory / SETTINGS).exists():
            with contextlib.suppress(Timeout, OSError), FileLock(draft / LOCK, timeout=0):
                (directory / LEDGER).unlink(missing_ok=True)
                shutil.rmtree(draft, ignore_errors=True)


def _move_in(draft: Path, directory: Path) -> None:
    """Move a draft to its place; the settings come last, for they are what makes it a campaign.

    Raises:
        CampaignError: there is one by now.
    """
    from filelock import FileLock

    with FileLock(directory / LOCK):
        _check_free(directory)
        for rest in (f"{LEDGER}-wal", f"{LEDGER}-shm"):  # of a ledger without events, or of none
            (directory / rest).unlink(missing_ok=True)
        moved: list[Path] = []
        try:
            (directory / "cache").mkdir(exist_ok=True)
            for path in (*sorted((draft / "cache").iterdir()), draft / LEDGER, draft / SETTINGS):
                moved.append(directory / path.relative_to(draft))
                path.replace(moved[-1])
        except BaseException:
            for path in reversed(moved):
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                (directory / "cache").rmdir()
            raise


def _make(
    draft: Path,
    directory: Path,
    source: Source,
    test_source: Source | None,
    *,
    labels: Path | None,
    classes: Sequence[str],
    oracle: PluginChoice | None,
    image_size: tuple[int, int] | None,
    channels: int | None,
    aggregate: str,
    device: torch.device,
    progress: Progress,
    decided: Mapping[str, Any],
) -> None:
    from alkit.data.preprocessing import choose_shape, scan
    from alkit.data.store import StoreWriter

    keys = source.keys()
    shape = choose_shape(source, keys, size=image_size, channels=channels)
    # What cannot be used later is said before all images are read.
    build(registry.tasks.get(decided["task"].name), decided["task"].options).build(
        shape, tuple(classes), device
    )
    if oracle is not None:
        asked = build(registry.oracles.get(oracle.name), oracle.options)
        asked.connect(source, keys, decided["seed"])
    test_labels = _test_labels(test_source, decided["task"])
    cache = draft / "cache"
    cache.mkdir()
    for note in source.notes:
        progress.line(note)
    with StoreWriter(cache / POOL_CACHE, shape) as store:
        records = scan(source, keys, store=store, progress=progress)
    if all(record.unusable is not None for record in records):
        raise SourceError(
            f"none of the {len(records)} images in {source.location} can be used: {records[0].unusable}"
        )
    _report(records, shape, progress)
    test_records: list[ImageRecord] = []
    if test_source is not None:
        with StoreWriter(cache / TEST_CACHE, shape) as store:
            test_records = scan(test_source, test_source.keys(), store=store, progress=progress)
        known = {record.hash for record in records if record.hash}
        leaked = sum(record.hash in known for record in test_records)
        progress.line(f"test set: {len(test_records):,} images")
        if leaked:
            progress.line(
                f"warning: {leaked:,} test images are exact copies of pool images; test figures flatter"
            )
    names: dict[str, None] = dict.fromkeys(classes)
    if oracle is not None and uses_classes(decided["task"]):
        names.update(dict.fromkeys(asked.classes))
    receipt = _known_labels(labels, records, source, decided["task"], list(names), progress)
    if uses_classes(decided["task"]):
        values = [str(answer.value) for _, answer in receipt.kept if answer.kind == "label"]
        parse = registry.tasks.get(decided["task"].name).parse
        tested = {str(parse(label)) for label in test_labels.values()}
        names.update(dict.fromkeys([*sorted(set(values)), *sorted(tested)]))
    ledger = Ledger(draft / LEDGER, create=True)
    try:
        with ledger.transaction():
            ledger.add_event("created", {"alkit": __version__, "images": len(records)})
            ledger.add_images(records)
            ledger.add_test_images(test_records, test_labels)
            if names:
                ledger.add_event("classes", {"added": list(names)})
            if aggregate != "last":
                ledger.add_event("aggregate", {"by": aggregate})
            if receipt.kept:
                event = ledger.add_event("answered", {"answers": len(receipt.kept), "file": str(labels)})
                ledger.add_answers(event, receipt.kept)
    finally:
        ledger.close()
    settings = Settings(image_shape=shape, **decided)
    write_atomically(draft / SETTINGS, settings.to_toml(__version__))


def _test_source(
    source: Source, test: str | None, root: str | None, download: bool
) -> tuple[Source | None, SourceChoice | None]:
    test_source = source.test_split() if test is None else open_source(test, root=root, download=download)
    if test_source is None:
        return None, None
    return test_source, SourceChoice(test_source.location, test_source.root)


def _test_labels(test_source: Source | None, task: PluginChoice) -> dict[str, str]:
    """Return the labels of the test images as they are written; each has to be one of the task.

    Raises:
        SourceError: there are none, or one is no label of the task.
    """
    if test_source is None:
        return {}
    labels = test_source.answers()
    if not labels:
        raise SourceError(f"the test images in {test_source.location} have no labels")
    parse = registry.tasks.get(task.name).parse
    for key, label in labels.items():
        try:
            parse(label)
        except ValueError as error:
            raise SourceError(
                f"the test images in {test_source.location} do not fit task '{task.name}': label '{label}' "
                f"of '{key}': {error}"
            ) from error
    return labels


def _report(records: Sequence[ImageRecord], shape: tuple[int, int, int], progress: Progress) -> None:
    unusable = [record for record in records if record.unusable is not None]
    copies = sum(record.duplicate_of is not None for record in records)
    size = f"{shape[1]} x {shape[2]}, {'grey' if shape[0] == 1 else 'color'}"
    progress.line(
        f"pool: {len(records):,} images as {size}; {len(unusable):,} unusable, {copies:,} exact copies"
    )
    for record in unusable[:20]:
        progress.line(f"  unusable: {record.key!r}: {record.unusable}")
    if len(unusable) > 20:
        progress.line(f"  ... and {len(unusable) - 20:,} more; 'alkit status --images' lists all")


def _known_labels(
    path: Path | None,
    records: Sequence[ImageRecord],
    source: Source,
    task: PluginChoice,
    classes: Sequence[str],
    progress: Progress,
) -> IngestReport:
    """Read the labels at hand; at this point a line that does not fit is an error, since nothing is lost yet.

    Where no class is named elsewhere, the labels make the classes.

    Raises:
        InvalidAnswers: a line cannot be understood or names an unknown image.
    """
    if path is None:
        return IngestReport()
    answers, rejected, _ = read_answers(path)
    receipt = reconcile_answers(
        answers,
        records=records,
        pool=make_pool(records),
        task=registry.tasks.get(task.name),
        classes=classes,
        allow_new_classes=not classes,
        location=Path(source.location),
        previous=lambda _: (),
    )
    unusable = [(line, reason) for line, reason in receipt.rejected if "cannot be used" in reason]
    refused = [*rejected, *(entry for entry in receipt.rejected if entry not in unusable)]
    if refused:
        line, reason = refused[0]
        more = f" (and {len(refused) - 1} more lines)" if len(refused) > 1 else ""
        raise InvalidAnswers(f"line {line} of {path}: {reason}{more}")
    for line, reason in unusable:
        progress.line(f"line {line} of {path} is left out: {reason}")
    progress.line(f"labels: {receipt.accepted:,} from {path}")
    return receipt


def uses_classes(task: PluginChoice) -> bool:
    """Say whether a task's labels are class names."""
    return registry.tasks.get(task.name).uses_classes
