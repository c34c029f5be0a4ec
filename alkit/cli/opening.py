"""Open or make the campaign that a command works on."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from alkit.campaign.spec import DECIDED, DEFAULT_TASK, CampaignSpec, spec_of
from alkit.composition.factory import resolve
from alkit.data.columns import parse_columns
from alkit.errors import AlkitError, CampaignError, InvalidBudget, UsageError
from alkit.labeling.given_answer import composed
from alkit.labeling.given_labels import read_labels
from alkit.options import parse_pairs
from alkit.plugin import registry
from alkit.plugin.sources import SCHEME, claimed
from alkit.utils.progress import NullProgress, Terminal

if TYPE_CHECKING:
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.spec import CampaignSpec
    from alkit.composition.factory import ResolvedStrategy

ENCODED = "encoded"
FILES = (".csv", ".npz", ".npy", ".parquet", ".arrow", ".tar")
"""Suffixes that are not part of a pool's name."""
FLAGS = {
    "task": ("task", "encoder"),
    "task_options": ("task_option", "model", "encoder"),
    "oracle_options": ("oracle_option",),
}
"""The flags of fields whose names differ from their flags."""


class Opening(NamedTuple):
    """A campaign, the strategy that a command names, if any, and whether the command made the campaign."""

    campaign: Campaign
    strategy: str | ResolvedStrategy | None
    options: Mapping[str, str]
    made: bool = False

    @contextlib.contextmanager
    def undone_if_refused(self) -> Iterator[None]:
        """Remove the campaign if the command that made it is refused before anything was asked."""
        try:
            yield
        except AlkitError:
            if self.made and not self.campaign.queries:
                self.campaign.close()
                shutil.rmtree(self.campaign.directory)
            raise


def open_campaign(directory: str | None, *, device: str = "auto", quiet: bool = False) -> Campaign:
    """Open the campaign of a command: the one named, or the one in this directory.

    Raises:
        CampaignError: this directory holds no campaign.
    """
    from alkit.campaign.campaign import Campaign  # noqa: PLC0415  # numpy is slow to import
    from alkit.campaign.session import LEDGER, SETTINGS  # noqa: PLC0415  # numpy is slow to import

    if directory is None and not (Path(SETTINGS).exists() or Path(LEDGER).exists()):
        raise CampaignError(
            "there is no campaign in this directory; name one with --campaign DIR, or make one with "
            "'alkit init DIR --pool IMAGES'"
        )
    return Campaign(directory or ".", device=device, progress=NullProgress() if quiet else Terminal())


def place_in(campaign: Campaign, name: str) -> Path:
    """Return where a command writes if nobody says: in the campaign.

    Raises:
        UsageError: that cannot be written.
    """
    if not os.access(campaign.directory, os.W_OK):
        raise UsageError(f"{campaign.directory} cannot be written; name another place with --out")
    return campaign.directory / name


def open_or_create(
    directory: str | None, pool: str | None, *, device: str, quiet: bool, given: Mapping[str, Any]
) -> Opening:
    """Open the campaign of a command, or make it if a pool is named and it does not exist.

    Args:
        directory: value of `--campaign`.
        pool: value of `--pool`.
        device: value of `--device`.
        quiet: value of `--quiet`.
        given: the options of the command by name, including `strategy`, `option` and `budget`;
            `default_strategy` is that of a new campaign where `strategy` is None.

    Raises:
        InvalidBudget: the budget is not positive.
        UsageError: the campaign exists, and an option contradicts what was decided when it was made.
    """
    from alkit.campaign.create import create_from  # noqa: PLC0415  # numpy is slow to import
    from alkit.campaign.session import SETTINGS  # noqa: PLC0415  # numpy is slow to import

    if (budget := given["budget"]) < 1:
        raise InvalidBudget(f"the budget should be at least 1, not {budget}")
    strategy, options = given["strategy"], parse_pairs(given["option"])
    if pool is None:
        campaign = open_campaign(directory, device=device, quiet=quiet)
        return Opening(_unless_contradicted(campaign, None, given), strategy, options)
    directory = directory or f"{_pool_name(pool)}-campaign"
    if (Path(directory) / SETTINGS).exists():
        campaign = open_campaign(directory, device=device, quiet=quiet)
        return Opening(_unless_contradicted(campaign, pool, given), strategy, options)
    spec = spec_from(pool, {**given, "strategy": strategy or given.get("default_strategy")})
    chosen = None if spec.strategy is None else resolve(spec.strategy, spec.strategy_options)
    if chosen is not None:  # options without a strategy are for the one that suits the pool
        spec = dataclasses.replace(spec, strategy=chosen, strategy_options={})
    progress = NullProgress() if quiet else Terminal()
    progress.line(f"making a campaign in {directory}")
    campaign = create_from(Path(directory), spec, device=device, progress=progress)
    return Opening(campaign, chosen, {}, made=True)


def _unless_contradicted(campaign: Campaign, pool: str | None, given: Mapping[str, Any]) -> Campaign:
    """Check that no option contradicts what was decided, so that the same command can be run again.

    Raises:
        UsageError: an option does; the message names it.
    """
    try:
        decided = spec_of(campaign)
        if pool is not None and not _same_pool(pool, decided.pool):
            raise UsageError(
                f"the campaign in {campaign.directory} has the pool {decided.pool}; name another directory "
                "with --campaign"
            )
        wanted = spec_from(decided.pool, given)
        for name in DECIDED:
            flag = next((flag for flag in FLAGS.get(name, (name,)) if _is_given(given.get(flag))), None)
            if flag is None:
                continue
            if not _agrees(getattr(wanted, name), getattr(decided, name)):
                raise UsageError(
                    f"--{flag.replace('_', '-')} is fixed when a campaign is made, and the campaign in "
                    f"{campaign.directory} was made with another value; leave the option out, or name "
                    "another directory with --campaign"
                )
        if given.get("labels"):
            take_labels(campaign, Path(given["labels"]), wanted.columns)
    except BaseException:
        campaign.close()
        raise
    return campaign


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value != ()


def _agrees(wanted: Any, decided: Any) -> bool:
    """Say whether a value matches what was decided; options and classes may be a part of those decided."""
    if isinstance(wanted, Mapping):
        known = {key.replace("_", "-"): value for key, value in decided.items()}
        pairs = [(value, known.get(key.replace("_", "-"))) for key, value in wanted.items()]
        return all(_text(new) == _text(old) or _same_pool(str(new), str(old)) for new, old in pairs)
    if isinstance(wanted, list):
        return set(wanted) <= set(decided)
    if isinstance(wanted, str) and isinstance(decided, str):
        return _same_pool(wanted, decided)
    return bool(wanted == decided)


def _text(value: Any) -> str:
    """Write an option as it is typed, with each number in one form."""
    words = [str(word) for word in value] if isinstance(value, (list, tuple)) else str(value).split(",")
    return ",".join(_number(word.strip()) for word in words).lower()


def _number(word: str) -> str:
    try:
        return repr(float(word))
    except ValueError:
        return word


def take_labels(campaign: Campaign, path: Path, columns: Mapping[str, str] | None = None) -> None:
    """Take a file's labels into an existing campaign; taking the same file again undoes no correction."""
    table = read_labels(path, columns, kind=campaign.settings.labels)
    receipt = campaign.tell(
        table.answers,
        allow_new_classes=not campaign.classes,
        said_before=True,
        folders=[path.absolute().parent],
        note={"file": str(path)},
    )
    for note in table.notes:
        click.echo(f"{path}: {note}", err=True)
    for entry in sorted([*table.rejected, *receipt.rejected]):
        click.echo(f"line {entry.line} of {path} was left out: {entry.reason}", err=True)


def _encoded(task: str | None, given: Mapping[str, Any]) -> str:
    """Return the task that learns the same on an encoder: itself, or `encoded` stands before its name."""
    names = [plugin.name for plugin in registry.tasks if plugin.name.startswith(ENCODED)]
    if task and f"{ENCODED}-{task}" not in names and not given.get("model") and _takes_encoder(task):
        return task
    found = task or ENCODED
    if not found.startswith(ENCODED):
        found = f"{ENCODED}-{found}"
    if found not in names or given.get("model"):
        others = [name.removeprefix(f"{ENCODED}-") for name in names if name != ENCODED]
        raise UsageError(
            "--encoder brings its own task and network; leave out --task and --model, unless the task is "
            f"{', '.join(others)} or segmentation"
        )
    return found


def _takes_encoder(task: str) -> bool:
    """Say whether a task has an option `encoder` of its own."""
    known = any(plugin.name == task for plugin in registry.tasks)
    return known and "encoder" in getattr(registry.tasks.get(task), "__dataclass_fields__", {})


def spec_from(pool: str, given: Mapping[str, Any]) -> CampaignSpec:
    """Turn the options of a command into a spec; options that are not given keep their defaults."""
    task_options: dict[str, Any] = dict(parse_pairs(given.get("task_option") or ()))
    for flag in ("model", "encoder"):
        if given.get(flag) and task_options.get(flag, given[flag]) != given[flag]:
            raise UsageError(f"--{flag} and -t {flag}=... name different networks; leave out one of them")
    if given.get("model"):
        task_options["model"] = given["model"]
    task = given.get("task")
    if given.get("encoder"):
        task, task_options["encoder"] = _encoded(task, given), given["encoder"]
    fine_tuned = "weights" in task_options and task in (None, DEFAULT_TASK)
    if given.get("download") and (given.get("encoder") or fine_tuned):
        task_options.setdefault("download", True)
    fields: dict[str, Any] = {
        "root": given.get("root"),
        "download": given.get("download"),
        "labels": given.get("labels"),
        "columns": parse_columns(given["columns"]) if given.get("columns") else None,
        "classes": parse_classes(given.get("classes") or ""),
        "test": given.get("test"),
        "task": task,
        "task_options": task_options,
        "strategy": given.get("strategy"),
        "strategy_options": parse_pairs(given.get("option") or ()),
        "oracle": given.get("oracle"),
        "oracle_options": parse_pairs(given.get("oracle_option") or ()),
        "image_size": _size(given.get("image_size")),
        "pixel_type": given.get("pixel_type"),
        "channels": int(given["channels"]) if given.get("channels") else None,
        "value_range": _range(given.get("value_range")),
        "seed": given.get("seed"),
        "aggregate": given.get("aggregate"),
    }
    return CampaignSpec(pool, **{name: value for name, value in fields.items() if value is not None})


def parse_classes(text: str) -> list[str]:
    """Return the names in a list with commas, each once; a name that contains one is quoted as in CSV."""
    return list(dict.fromkeys(parse_columns_of_classes(text)))


def parse_columns_of_classes(text: str) -> list[str]:
    """Return the names in a list with commas as they stand there, repeated ones too."""
    try:
        rows = list(csv.reader(io.StringIO(text), skipinitialspace=True, strict=True))
    except csv.Error:  # a quote within a name
        rows = [text.split(",")]
    return [composed(name) for row in rows for name in row if name.strip()]


def _pool_name(pool: str) -> str:
    path = Path(_without_scheme(pool))
    return (path.stem if path.suffix in FILES else Path(os.path.realpath(path)).name) or "pool"


def _same_pool(pool: str, location: str) -> bool:
    given, recorded = (_without_scheme(text) for text in (pool, location))
    return pool == location or os.path.realpath(Path(given).expanduser()) == os.path.realpath(recorded)


def _without_scheme(text: str) -> str:
    found = SCHEME.match(text)
    return text if found is None or "://" in text or found[1] not in claimed() else text[found.end() :]


def _size(text: str | None) -> tuple[int, int] | None:
    if not text:
        return None
    words = text.lower().split("x")
    try:
        sides = [int(word) for word in words]
        height, width = sides * 2 if len(sides) == 1 else sides
    except ValueError:
        raise UsageError(f"--image-size should be like 64 or 48x64, not '{text}'") from None
    if min(height, width) < 4 or max(height, width) > 4096:
        raise UsageError(f"--image-size should be between 4 and 4096 pixels, not {text}")
    return height, width


def _range(text: str | None) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = 0.0
    if not -math.inf < low < high < math.inf:
        raise UsageError(f"--value-range should be two ascending numbers like 0,4095, not '{text}'")
    return low, high
