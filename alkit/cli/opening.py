"""Opening or making the campaign that a command works on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alkit.errors import CampaignError, InvalidBudget, UsageError

if TYPE_CHECKING:
    from alkit.campaign.campaign import Campaign


# What only matters while a campaign is made.
CREATION = (
    "labels",
    "classes",
    "test",
    "root",
    "download",
    "task",
    "task_option",
    "model",
    "oracle",
    "oracle_option",
    "image_size",
    "channels",
    "seed",
)
ARGUMENTS = {"task_option": "task_options", "model": "task_options", "oracle_option": "oracle_options"}
HARMLESS = ("labels", "root", "download")  # of these, what decides nothing that lasts


def open_campaign(directory: str | None, *, device: str = "auto", quiet: bool = False) -> Campaign:
    """Open the campaign of a command: the one named, or this directory.

    Raises:
        CampaignError: there is none.
    """
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.session import LEDGER, SETTINGS
    from alkit.utils.progress import NullProgress, Terminal

    if directory is None and not (Path(SETTINGS).exists() or Path(LEDGER).exists()):
        raise CampaignError(
            "this directory is no campaign; name one by --campaign DIR, or make one with "
            "'alkit init DIR --pool IMAGES'"
        )
    return Campaign(directory or ".", device=device, progress=NullProgress() if quiet else Terminal())


def open_or_create(
    directory: str | None, pool: str | None, *, device: str, quiet: bool, given: Mapping[str, Any]
) -> Campaign:
    """Open the campaign of a command, or make it if a pool is named and it does not exist.

    Raises:
        UsageError: the campaign exists and something is given that was decided when it was made.
    """
    from alkit.campaign.session import SETTINGS
    from alkit.utils.progress import NullProgress, Terminal

    if pool is None:
        campaign = open_campaign(directory, device=device, quiet=quiet)
        return _told_again(campaign, None, given)
    directory = directory or f"{_pool_name(pool)}-campaign"
    if not (Path(directory) / SETTINGS).exists():
        from alkit.campaign.create import create

        progress = NullProgress() if quiet else Terminal()
        progress.line(f"making a campaign in {directory}")
        return create(directory, pool, device=device, progress=progress, **creation_arguments(given))
    return _told_again(open_campaign(directory, device=device, quiet=quiet), pool, given)


def _told_again(campaign: Campaign, pool: str | None, given: Mapping[str, Any]) -> Campaign:
    """Check that nothing contradicts what was decided, so that a command can be given again as it was.

    Raises:
        UsageError: something does; names it.
    """
    try:
        if pool is not None and not _same_pool(pool, campaign.settings.pool.location):
            raise UsageError(
                f"the campaign in {campaign.directory} is about {campaign.settings.pool.location}; name "
                "another directory by --campaign"
            )
        decided = decisions(campaign)
        wanted = creation_arguments(given)
        for name in CREATION:
            said = given.get(name)
            if said is None or said is False or said == () or name in HARMLESS:
                continue
            argument = ARGUMENTS.get(name, name)
            if not _agrees(wanted[argument], decided[argument]):
                flag = name.replace("_", "-")
                raise UsageError(
                    f"--{flag} is decided when a campaign is made, and differently in {campaign.directory}; "
                    "leave it out, or name another directory by --campaign"
                )
        if given.get("labels"):
            take_labels(campaign, Path(given["labels"]))
    except BaseException:
        campaign.close()
        raise
    return campaign


def decisions(campaign: Campaign) -> dict[str, Any]:
    """Return what was decided when a campaign was made, by the arguments of `create`."""
    settings = campaign.settings
    oracle = settings.oracle
    return {
        "classes": list(campaign.classes),
        "test": settings.test and settings.test.location,
        "task": settings.task.name,
        "task_options": settings.task.options,
        "oracle": oracle and oracle.name,
        "oracle_options": oracle.options if oracle else {},
        "image_size": settings.image_shape[1:],
        "channels": settings.image_shape[0],
        "seed": settings.seed,
    }


def _agrees(wanted: Any, decided: Any) -> bool:
    """What was said is what was decided; of options and classes, others may have been decided besides."""
    if isinstance(wanted, Mapping):
        known = {key.replace("_", "-"): value for key, value in decided.items()}
        pairs = [(value, known.get(key.replace("_", "-"))) for key, value in wanted.items()]
        return all(_text(said) == _text(had) or _same_pool(str(said), str(had)) for said, had in pairs)
    if isinstance(wanted, list):
        return set(wanted) <= set(decided)
    if isinstance(wanted, str) and isinstance(decided, str):
        return _same_pool(wanted, decided)
    return bool(wanted == decided)


def _text(value: Any) -> str:
    """Write an option as it is typed, numbers in one way."""
    words = [str(word) for word in value] if isinstance(value, (list, tuple)) else str(value).split(",")
    return ",".join(_number(word.strip()) for word in words).lower()


def _number(word: str) -> str:
    try:
        return repr(float(word))
    except ValueError:
        return word


def checked_options(strategy: str | None, option: tuple[str, ...], budget: int) -> dict[str, str]:
    """Return a strategy's options; budget, name and options are checked before images are read.

    Raises:
        InvalidBudget: the budget is not positive.
        UsageError: there is no such strategy, or an option does not fit it.
    """
    from alkit.composition.factory import make_strategy
    from alkit.options import parse_pairs

    if budget < 1:
        raise InvalidBudget(f"the budget should be at least 1, not {budget}")
    options = parse_pairs(option)
    if strategy is not None:
        make_strategy(strategy, options)
    return options


def take_labels(campaign: Campaign, path: Path) -> None:
    """Take the labels of a file into a campaign that exists; the same file again takes no correction back."""
    from alkit.labeling.csv_table import read_answers

    answers, rejected, _ = read_answers(path)
    receipt = campaign.tell(
        answers, allow_new_classes=not campaign.classes, said_before=True, note={"file": str(path)}
    )
    for line, reason in sorted([*rejected, *receipt.rejected]):
        click.echo(f"line {line} of {path} is left out: {reason}", err=True)


def creation_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the options of a command into arguments of `create`."""
    from alkit.options import parse_pairs

    task_options: dict[str, Any] = dict(parse_pairs(given.get("task_option") or ()))
    if given.get("model"):
        task_options["model"] = given["model"]
    arguments: dict[str, Any] = {
        "root": given.get("root"),
        "download": bool(given.get("download")),
        "labels": given.get("labels"),
        "classes": [name.strip() for name in (given.get("classes") or "").split(",") if name.strip()],
        "test": given.get("test"),
        "task_options": task_options,
        "oracle": given.get("oracle"),
        "oracle_options": parse_pairs(given.get("oracle_option") or ()),
        "image_size": _size(given.get("image_size")),
        "channels": int(given["channels"]) if given.get("channels") else None,
        "seed": 0 if given.get("seed") is None else given["seed"],
    }
    if given.get("task"):
        arguments["task"] = given["task"]
    if given.get("strategy"):
        arguments["strategy"] = given["strategy"]
        arguments["strategy_options"] = parse_pairs(given.get("option") or ())
    return arguments


def _pool_name(pool: str) -> str:
    path = Path(pool)
    return (path.stem if path.suffix in (".csv", ".npz", ".npy") else path.resolve().name) or "pool"


def _same_pool(pool: str, location: str) -> bool:
    return pool == location or Path(pool).expanduser().resolve() == Path(location).resolve()


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
