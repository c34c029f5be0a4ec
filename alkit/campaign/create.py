"""Making a campaign: freezing the list of images and reading known labels, all or nothing."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit._version import __version__
from alkit.campaign.record.aggregation import check_rule
from alkit.campaign.record.events import Aggregated, Answered, ClassesAdded, Created
from alkit.campaign.record.ledger import Ledger
from alkit.campaign.record.pool import make_pool
from alkit.campaign.record.reconcile import IngestReport, Standing, reconcile_answers
from alkit.campaign.record.settings import CLASS, Settings, SourceChoice
from alkit.composition.factory import resolve
from alkit.data.aspect import size_in_proportion, why_in_proportion
from alkit.data.image_list import ImageList, listed
from alkit.data.preprocessing import DEFAULT_SIDE, ImageRecord, choose_shape, scan, unread_records, why_shape
from alkit.data.source import Source
from alkit.data.store import StoreWriter
from alkit.data.value_range import brightest_value, find_value_range, pixel_type_of
from alkit.errors import InvalidAnswers, SourceError, UsageError
from alkit.interfaces.labels import ImageFacts, Labels, Number
from alkit.interfaces.oracle import Oracle
from alkit.labeling.class_names import twins
from alkit.labeling.csv_table import TableAnswers
from alkit.labeling.given_labels import read_labels
from alkit.labeling.other_kinds import looks_like
from alkit.labeling.rejection import Rejection
from alkit.plugin import registry
from alkit.plugin.choice import choice_of
from alkit.plugin.encoders import RECOMMENDED, installed_encoder
from alkit.plugin.executors import open_executor
from alkit.plugin.faults import blamed
from alkit.plugin.oracles import connect
from alkit.plugin.sources import hidden_answers, keys_of, open_source
from alkit.plugin.tasks import build_task
from alkit.utils.counts import counted
from alkit.utils.files import write_atomically
from alkit.utils.keywords import record_of
from alkit.utils.progress import Progress, chosen_progress

from .campaign import Campaign
from .changes.evaluation_set import (
    CHANNELS,
    check_channels,
    labels_of_test_images,
    read_test_images,
    warnings_of,
)
from .draft import check_free, clear_half_moved, draft_in, move_in, os_errors_named
from .groups.estimate import share_alike
from .groups.standing import KINDS
from .groups.vectors import Known
from .overview import (
    Overview,
    add_brightness,
    add_classes,
    add_disputes,
    add_layout,
    add_near_duplicates,
    add_other_kind,
)
from .resources import POOL_CACHE, TEST_CACHE
from .session import LEDGER, SETTINGS
from .shards.images import read_elsewhere
from .spec import (
    DEFAULT_STRATEGY,
    DEFAULT_TASK,
    MOST_COMPARED,
    STRATEGY_FOR_NUMBERS,
    STRATEGY_FOR_SEVERAL,
    STRATEGY_WITHOUT_PIXELS,
    CampaignSpec,
)

if TYPE_CHECKING:
    import torch

    from alkit.composition.factory import ResolvedStrategy
    from alkit.data.pixel_types import PixelType
    from alkit.interfaces.executor import Executor
    from alkit.plugin.choice import PluginChoice
    from alkit.plugin.encoders import NamedEncoder

HASH = re.compile(r"[0-9a-fA-F]{8,64}")  # an image that only its content may identify
BY_ORACLE = "the oracle"
PROPOSAL = (
    "a pretrained network sees photos in full and needs fewer labels; to use one, {install}make a second "
    "campaign from this one: alkit fork DIR --encoder {encoder} --strategy {strategy}"
)
INSTALL = "pip install 'alkit[encoder]' and "
COLOR = 3
SMALL_COPIES = "the encoder reads the original files; the small copies are for strategies that look at pixels"
NO_SHAPE = (0, 0, 0)  # before the images have been looked at


def create(
    directory: str | Path,
    pool: str,
    *,
    device: str = "auto",
    executor: str | Executor | None = None,
    executor_options: Mapping[str, Any] | None = None,
    progress: Progress | bool | None = None,
    **details: Any,
) -> Campaign:
    """Make a campaign and open it.

    Every image is read once: hashed, decoded, resized into the campaign's cache. All is made beside its final
    place and moved there at the end, so that an error or an interruption leaves nothing behind.

    Args:
        directory: where to make it; created if missing.
        pool: images, see `alkit.open_source`.
        device: `auto`, `cpu`, `cuda`.
        executor: where the images of the pool are read: a name, or the executor itself; here by default. The
            campaign is the same.
        executor_options: of an executor given by its name.
        progress: True shows how far long work is, False does not; by default, notebooks show it.
        **details: the other fields of a `CampaignSpec`: labels, classes, test, strategy, oracle and so on.

    Raises:
        CampaignError: there is already a campaign, or the directory cannot be written.
        SourceError: there are no images.
        InvalidAnswers: `labels` names images or classes that do not fit.
    """
    chosen = None if executor is None else open_executor(executor, executor_options)
    spec = record_of(CampaignSpec, "create", pool, details=details)
    return create_from(Path(directory), spec, device=device, executor=chosen, progress=progress)


def create_from(
    directory: Path,
    spec: CampaignSpec,
    *,
    device: str = "auto",
    executor: Executor | None = None,
    progress: Progress | bool | None = None,
) -> Campaign:
    """Make a campaign as `create` does, from a spec."""
    from alkit.utils.devices import find_device  # noqa: PLC0415  # torch takes seconds to import

    progress = chosen_progress(progress)
    clear_half_moved(directory)
    check_free(directory)
    check_rule(spec.aggregate, registry.tasks.get(spec.task).labels.kind)
    plan = plan_of(spec, find_device(device), progress)
    if executor is not None:
        plan = dataclasses.replace(plan, executor=executor)
    with draft_in(directory) as draft, os_errors_named(directory):
        _fill(draft, plan)
        move_in(draft, directory)
    return Campaign(directory, device=device, progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A spec whose names have been found: sources are open, plugins and options are checked."""

    spec: CampaignSpec
    source: Source
    test_source: Source | None
    settings: Settings
    device: torch.device
    progress: Progress
    overview: Overview
    executor: Executor | None = None

    def labels(self, folder: Path, classes: Sequence[str] = ()) -> Labels:
        """Return what reads and writes labels.

        Args:
            folder: of the campaign, for large values.
            classes: names that are known.
        """
        return self.settings.task.made(registry.tasks).make_labels(tuple(classes), folder=folder)

    @property
    def keeps_aspect(self) -> bool:
        """Whether images keep their proportions."""
        kept: bool = registry.tasks.get(self.settings.task.name).keeps_aspect
        return kept

    @property
    def encoder(self) -> NamedEncoder | None:
        """The encoder of the task, or None."""
        return self.settings.task.made(registry.tasks).named_encoder()


def plan_of(spec: CampaignSpec, device: torch.device, progress: Progress) -> Plan:
    """Open the sources of a spec, and find its plugins.

    Raises:
        SourceError: there are no images.
        UsageError: a name or an option is wrong.
    """
    from alkit.utils.devices import worthwhile_threads  # noqa: PLC0415  # torch takes seconds to import

    _check_used(spec)
    source = open_source(spec.pool, root=spec.root, download=spec.download)
    test_source, test_choice = _test_source(source, spec.test, spec.root, spec.download)
    if not source.has_pixels and (spec.test is not None or spec.task != DEFAULT_TASK):
        given = "--test" if spec.test is not None else f"task '{spec.task}'"
        raise UsageError(
            f"'{spec.pool}' holds vectors without pixels, on which nothing is trained; leave out {given}"
        )
    oracle = "dataset" if spec.oracle is None and source.answers_itself else spec.oracle
    task = choice_of(registry.tasks, spec.task, spec.task_options)
    overview = Overview()
    source.value_range, source.pixel_type = _values(source, spec, overview)
    pool = SourceChoice(source.location, source.root, source.value_range, source.pixel_type)
    if test_source is not None and test_choice is not None:
        pool.applied(test_source)
        test_choice = dataclasses.replace(pool, location=test_choice.location, root=test_choice.root)
    settings = Settings(
        seed=spec.seed,
        pool=pool,
        image_shape=NO_SHAPE,
        task=task,
        strategy=resolve(*_strategy(spec, source, task)).choice,
        oracle=None if oracle is None else choice_of(registry.oracles, oracle, spec.oracle_options),
        test=test_choice,
        threads=worthwhile_threads(),
        labels=registry.tasks.get(task.name).labels.kind,
        plain_labels=registry.tasks.get(task.name).has_plain_labels(),
    )
    return Plan(
        spec=spec,
        source=source,
        test_source=test_source,
        settings=settings,
        device=device,
        progress=progress,
        overview=overview,
    )


def _check_used(spec: CampaignSpec) -> None:
    """Refuse what would be ignored.

    Raises:
        UsageError: there are options of an oracle, or columns of a table, and neither oracle nor table.
    """
    if spec.oracle_options and spec.oracle is None:
        raise UsageError("--oracle-option sets an option of an oracle; name it with --oracle")
    if spec.columns and spec.labels is None:
        raise UsageError("--columns is about the table of --labels; name it, or leave --columns out")


def _strategy(
    spec: CampaignSpec, source: Source, task: PluginChoice
) -> tuple[str | ResolvedStrategy, Mapping[str, Any]]:
    """Return the strategy of a new campaign and its options: what is named, or what suits the situation."""
    if spec.strategy is not None:
        return spec.strategy, spec.strategy_options
    if not source.has_pixels:
        return STRATEGY_WITHOUT_PIXELS, spec.strategy_options
    plugin = registry.tasks.get(task.name)
    if plugin.labels.kind == Number.kind:
        return STRATEGY_FOR_NUMBERS, spec.strategy_options
    if plugin.labels.kind != CLASS:
        return STRATEGY_FOR_SEVERAL, spec.strategy_options
    few = {"subset": MOST_COMPARED} if len(source.keys()) > MOST_COMPARED else {}
    return DEFAULT_STRATEGY, {**few, **spec.strategy_options}


def _values(
    source: Source, spec: CampaignSpec, overview: Overview
) -> tuple[tuple[float, float] | None, PixelType]:
    """Return black and white of values beyond 8 bits, and the type to keep them in; say what was found."""
    if spec.value_range is not None and spec.pixel_type is not None:
        return spec.value_range, spec.pixel_type
    keys = keys_of(source)
    with blamed(source, "to show the values of its images"):
        found = find_value_range(source, keys)
    kind = pixel_type_of(found) if spec.pixel_type is None else spec.pixel_type
    if found is not None and spec.value_range is None:
        kept = "" if kind == "uint8" else f"; the model gets all of them, as {kind}"
        facts = dataclasses.asdict(found) | {"pixel_type": kind}
        overview.add("values", facts, f"values: {found.sentence}{kept}")
    chosen = None if found is None else found.chosen
    return spec.value_range or chosen, kind


def _size(plan: Plan, keys: Sequence[str]) -> tuple[int, int] | None:
    """Return the size to resize images to; None to choose it from the images."""
    named = plan.spec.image_size
    return size_in_proportion(plan.source, keys) if named is None and plan.keeps_aspect else named


def _fill(draft: Path, plan: Plan) -> None:
    """Make all files of a campaign in a draft."""
    spec, task = plan.spec, plan.settings.task
    keys = keys_of(plan.source)
    shape = choose_shape(plan.source, keys, size=_size(plan, keys), channels=spec.channels)
    # Report what cannot be used before reading all images.
    if plan.test_source is not None:
        check_channels(plan.test_source, plan.source, shape, plan.progress)
    build_task(task.made(registry.tasks), shape, tuple(spec.classes), plan.device)
    if (encoder := plan.encoder) is not None:
        plan.progress.line(
            f"encoder: {encoder.name} takes {encoder.input} and gives {counted(encoder.dim, 'feature')}"
        )
    oracle = _connected_oracle(plan, keys)
    names: dict[str, str] = dict.fromkeys(spec.classes, "--classes")
    if oracle is not None:
        declared = plan.labels(draft).declared(oracle.classes)
        names |= {name: BY_ORACLE for name in declared if name not in names}
    reader = plan.labels(draft, list(names))
    test_labels = labels_of_test_images(plan.test_source, reader, task.name)
    _check_labels(plan, keys, reader)
    (draft / "cache").mkdir()
    records = _read_pool(draft, plan, keys, shape)
    test_records: Sequence[ImageRecord] = []
    if plan.test_source is not None:
        path = draft / "cache" / TEST_CACHE
        test_records = read_test_images(plan.test_source, path, shape, pool=records, progress=plan.progress)
    known = _known_labels(plan, records, reader)
    reader.keep(answer.value for _, answer in known.kept if answer.kind == "label")
    if reader.named:
        values = [answer.value for _, answer in known.kept if answer.kind == "label"]
        tested = [reader.parse(label, ImageFacts()) for label in test_labels.values()]
        counts = {
            str(spec.labels): _counted(reader, values),
            "the test images": _counted(reader, tested),
        }
        for place, labels in counts.items():
            fresh = [name for name in reader.new_classes(sorted(labels)) if name not in names]
            names |= dict.fromkeys(fresh, place)
        if oracle is not None and plan.settings.labels == "class":
            counts[BY_ORACLE] = Counter(hidden_answers(plan.source).values())
        add_classes(plan.overview, names, counts)
        total = sum(counts.values(), Counter[str]())
        if plan.settings.labels == "class" and (kind := looks_like(total)):
            add_other_kind(plan.overview, kind, max(total, key=len), registry.tasks_for(kind))
        else:
            plan.overview.lines += [f"warning: {warning}" for warning in twins(names, counts=total)]
    brightest = brightest_value(draft / "cache" / POOL_CACHE, shape, records, plan.source)
    alike = None
    if plan.settings.labels in KINDS and plan.source.has_pixels:
        known_by = Known(draft / "cache", shape, plan.settings.pool.pixel_type)
        alike = share_alike(known_by, make_pool(records).usable)
    test_found = (test_records, test_labels)
    _look_over(plan, records, known, test_found, shape, brightest=brightest, alike=alike)
    ledger = Ledger(draft / LEDGER, create=True)
    try:
        with ledger.transaction():
            overview = plan.overview.as_dict()
            ledger.add_event(Created(alkit=__version__, images=len(records), overview=overview))
            ledger.add_images(records)
            ledger.add_test_images(test_records, test_labels)
            if names:
                ledger.add_event(ClassesAdded(added=list(names)))
            if spec.aggregate != "last":
                ledger.add_event(Aggregated(by=spec.aggregate))
            if known.kept:
                event = ledger.add_event(Answered(answers=len(known.kept), file=str(spec.labels)))
                ledger.add_answers(event, known.kept)
    finally:
        ledger.close()
    settings = dataclasses.replace(plan.settings, image_shape=shape)
    write_atomically(draft / SETTINGS, settings.to_toml(__version__))


def _counted(labels: Labels, values: Iterable[Any]) -> Counter[str]:
    """Count the images of each class."""
    return Counter(name for value in values for name in labels.names(value))


def _look_over(
    plan: Plan,
    records: Sequence[ImageRecord],
    known: IngestReport,
    test: tuple[Sequence[ImageRecord], Mapping[str, str]],
    shape: tuple[int, int, int],
    *,
    brightest: int,
    alike: float | None,
) -> None:
    """Say what was made of the folder, and what is strange in it."""
    overview, source, oracle = plan.overview, plan.source, plan.settings.oracle
    if plan.spec.image_size is None:
        why = why_in_proportion if plan.keeps_aspect else why_shape
        reason = why(source, source.keys(), shape) if plan.encoder is None else SMALL_COPIES
        overview.add("image_size", {"height": shape[1], "width": shape[2], "reason": reason}, reason)
        larger = max(shape[1:]) > DEFAULT_SIDE or (bool(reason) and max(shape[1:]) == DEFAULT_SIDE)
        if larger and shape[0] == COLOR and _network_is_open(plan.spec):
            installed = installed_encoder()
            encoder = installed or RECOMMENDED
            install = "" if installed else INSTALL
            text = PROPOSAL.format(install=install, encoder=encoder, strategy=DEFAULT_STRATEGY)
            overview.add("proposed_encoder", encoder, text)
    overview.add("pool", dict(source.facts))
    add_layout(overview, source, oracle=None if oracle is None else oracle.name)
    hidden = hidden_answers(source) if plan.settings.labels == "class" else {}
    images = listed(records)
    labels = [(index, label) for key, label in hidden.items() if (index := images.index_of(key)) is not None]
    add_disputes(overview, "disputed_copies", records, labels, "folders or labels of the pool")
    given = [(index, _in_words(answer.value)) for index, answer in known.given if answer.kind == "label"]
    add_disputes(overview, "disputed_labels", records, given, f"lines of {plan.spec.labels}")
    images = listed(test[0])
    tested = [(index, label) for key, label in test[1].items() if (index := images.index_of(key)) is not None]
    add_disputes(overview, "disputed_test_images", test[0], tested, "test images")
    add_brightness(overview, brightest)
    add_near_duplicates(overview, alike)
    for line in overview.lines:
        plan.progress.line(line)


def _network_is_open(spec: CampaignSpec) -> bool:
    """Say whether nobody has named a task, a network or another option of it."""
    return spec.task == DEFAULT_TASK and not spec.task_options


def _connected_oracle(plan: Plan, keys: Sequence[str]) -> Oracle | None:
    choice = plan.settings.oracle
    if choice is None:
        return None
    oracle = choice.made(registry.oracles)
    try:
        connect(oracle, plan.source, keys, plan.settings.seed)
    except SourceError as error:
        raise SourceError("; ".join([str(error), *warnings_of(plan.source)])) from error
    return oracle


def _read_pool(draft: Path, plan: Plan, keys: Sequence[str], shape: tuple[int, int, int]) -> ImageList:
    """Read all images of the pool into the cache.

    Raises:
        SourceError: no image can be used.
    """
    for note in plan.source.notes:
        plan.overview.lines.append(note)
    kind = plan.source.pixel_type
    with StoreWriter(draft / "cache" / POOL_CACHE, shape, pixel_type=kind) as store:
        blocks = None
        if plan.executor is not None:
            folder = draft / "cache" / "read"
            choice = plan.settings.pool
            blocks = read_elsewhere(plan.executor, choice, keys, shape, folder, plan.progress)
        records = scan(plan.source, keys, store=store, blocks=blocks, progress=plan.progress)
    if sum(row.unusable is not None for row in records.set_aside) == len(records):
        raise SourceError(f"no image in {plan.source.location} can be used: {records[0].unusable}")
    _report(records, shape, plan.progress)
    return records


def _test_source(
    source: Source, test: str | None, root: str | None, download: bool
) -> tuple[Source | None, SourceChoice | None]:
    test_source = source.test_split() if test is None else open_source(test, root=root, download=download)
    if test_source is None:
        return None, None
    return test_source, SourceChoice(test_source.location, test_source.root)


def _report(records: ImageList, shape: tuple[int, int, int], progress: Progress) -> None:
    aside = records.set_aside
    unusable = [row.index for row in aside if row.unusable is not None]
    copies = sum(row.duplicate_of is not None for row in aside)
    size = f"{shape[1]} x {shape[2]}, {CHANNELS.get(shape[0], counted(shape[0], 'channel'))}"
    same = counted(copies, "exact copy", "exact copies")
    progress.line(f"pool: {counted(len(records), 'image')} as {size}; {len(unusable):,} unusable, {same}")
    for record in (records[index] for index in unusable[:20]):
        progress.line(f"  unusable: {record.key!r}: {record.unusable}")
    if len(unusable) > 20:
        progress.line(f"  ... and {len(unusable) - 20:,} more; 'alkit status --images' lists all")


def _check_labels(plan: Plan, keys: Sequence[str], labels: Labels) -> None:
    """Report a bad file of labels before all images are read; what only hashes tell has to wait.

    Raises:
        InvalidAnswers: a line cannot be understood or names an unknown image.
    """
    if plan.spec.labels is None:
        return
    table, _, refused = _sorted_labels(plan, unread_records(keys), labels)
    hashed = {
        given.line
        for given in table.answers
        if given.hash or any(HASH.fullmatch(text.strip()) for text in (given.image, *given.others))
    }
    _refuse(Path(plan.spec.labels), [entry for entry in refused if entry.line not in hashed])


def _known_labels(plan: Plan, records: Sequence[ImageRecord], labels: Labels) -> IngestReport:
    """Read the labels at hand; at this point a line that does not fit is an error, since nothing is lost yet.

    If no classes are named elsewhere, the labels define the classes.

    Raises:
        InvalidAnswers: a line cannot be understood or names an unknown image.
    """
    if plan.spec.labels is None:
        return IngestReport()
    path, progress = Path(plan.spec.labels), plan.progress
    table, report, refused = _sorted_labels(plan, records, labels)
    for note in table.notes:
        progress.line(f"labels: {path}: {note}")
    _refuse(path, refused)
    for entry in report.rejected:
        progress.line(f"line {entry.line} of {path} is skipped: {entry.reason}")
    progress.line(f"labels: {report.accepted:,} from {path}")
    return report


def _sorted_labels(
    plan: Plan, records: Sequence[ImageRecord], labels: Labels
) -> tuple[TableAnswers, IngestReport, list[Rejection]]:
    """Return the labels at hand, what becomes of them, and the lines that do not fit."""
    path = Path(str(plan.spec.labels))
    table = read_labels(path, plan.spec.columns, kind=plan.settings.labels)
    report = reconcile_answers(
        table.answers,
        Standing(
            records=records,
            pool=make_pool(records),
            classes=labels.classes,
            location=Path(plan.source.location),
            folders=(path.absolute().parent,),
            previous=lambda _: (),
        ),
        labels=labels,
        allow_new_classes=not labels.classes,
    )
    refused = [entry for entry in report.rejected if entry.kind != "unusable-image"]
    return table, report, [*table.rejected, *refused]


def _in_words(value: Any) -> str:
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


def _refuse(path: Path, refused: Sequence[Rejection]) -> None:
    if refused:
        first = refused[0]
        more = f" (and {counted(len(refused) - 1, 'more line')})" if len(refused) > 1 else ""
        raise InvalidAnswers(f"line {first.line} of {path}: {first.reason}{more}")
