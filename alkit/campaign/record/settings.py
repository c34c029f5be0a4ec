"""`campaign.toml`: the settings chosen once when a campaign is made."""

from __future__ import annotations

import dataclasses
import math
import sys
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from alkit.data.pixel_types import MOST_CHANNELS, PIXEL_TYPES, PixelType
from alkit.data.source import Source
from alkit.errors import CampaignError
from alkit.plugin.sources import open_source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib
import tomli_w

from alkit.plugin.choice import PluginChoice
from alkit.utils.console import command_to_run
from alkit.utils.files import read_regular
from alkit.utils.json_types import check_type

FORMAT = 1
CLASS = "class"
MOST_BYTES = 2**20
MOST_THREADS = 1024
MOST_PIXELS = 2**26  # of an image as the model sees it
T = TypeVar("T")
HEADER = "# Settings chosen when this campaign was made; alkit reads them and never changes them.\n"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source of images.

    Attributes:
        location: what opens it again.
        root: torchvision's root directory, where it has one.
        value_range: what becomes black and white, where values are not 8-bit; see `Source`.
        pixel_type: in which images are kept; see `Source`.
    """

    location: str
    root: str | None = None
    value_range: tuple[float, float] | None = None
    pixel_type: PixelType = "uint8"

    def open(self) -> Source:
        """Open it.

        Raises:
            SourceError: it no longer exists.
        """
        source = open_source(self.location, root=self.root)
        return self.applied(source)

    def applied(self, source: Source) -> Source:
        """Return a source that gives values as those of this one are given."""
        source.value_range, source.pixel_type = self.value_range, self.pixel_type
        return source

    def as_dict(self) -> dict[str, Any]:
        """Return it as TOML values."""
        more: dict[str, Any] = {"root": self.root} if self.root else {}
        if self.value_range is not None:
            more["value_range"] = list(self.value_range)
        if self.pixel_type != "uint8":
            more["pixel_type"] = self.pixel_type
        return {"location": self.location, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of `campaign.toml`.

    Attributes:
        seed: of all randomness.
        pool: where images come from.
        image_shape: (C, H, W) to which images are resized.
        task: the task model.
        strategy: what `alkit query` uses when no strategy is named.
        oracle: answers automatically, or None.
        test: where test images come from, or None.
        labels: the kind of labels of the task, see `alkit.interfaces.Labels`.
        plain_labels: these labels depend on no option of the task, so that answers are read without it.
        threads: of torch on a CPU, which decide how sums round; None in campaigns of older versions.
    """

    seed: int
    pool: SourceChoice
    image_shape: tuple[int, int, int]
    task: PluginChoice
    strategy: PluginChoice
    oracle: PluginChoice | None = None
    test: SourceChoice | None = None
    threads: int | None = None
    labels: str = CLASS
    plain_labels: bool = False

    def to_toml(self, version: str) -> str:
        """Return the file's text."""
        table: dict[str, Any] = {
            "format": FORMAT,
            "alkit": version,
            "seed": self.seed,
            **({"threads": self.threads} if self.threads else {}),
            **({"labels": self.labels} if self.labels != CLASS else {}),
            **({"plain_labels": True} if self.plain_labels else {}),
            "pool": {**self.pool.as_dict(), "image_shape": list(self.image_shape)},
            "task": self.task.as_dict(),
            "strategy": self.strategy.as_dict(),
        }
        if self.oracle is not None:
            table["oracle"] = self.oracle.as_dict()
        if self.test is not None:
            table["test"] = self.test.as_dict()
        return HEADER + tomli_w.dumps(table)


def read_settings(path: Path) -> Settings:
    """Read `campaign.toml`.

    Raises:
        CampaignError: it is missing, incomplete, not TOML, or of a newer format.
    """
    try:
        table = tomllib.loads(read_regular(path, most=MOST_BYTES).decode())
    except FileNotFoundError:
        if (ledger := path.with_suffix(".db")).exists():
            raise CampaignError(
                f"{path} is missing but {ledger.name} exists; restore it from a backup"
            ) from None
        command = command_to_run("init", path.parent, "--pool", "IMAGES")
        raise CampaignError(f"there is no campaign in {path.parent}; make one with {command}") from None
    except OSError as error:
        raise CampaignError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # no text, no TOML, or numbers and tables beyond reason
        raise CampaignError(f"{path} cannot be read: {error}; restore it from a backup") from error
    try:
        check_type(table.get("format", 0), int, "'format'")
        if table["format"] > FORMAT:
            raise CampaignError(
                f"{path} was made by a newer alkit ({table.get('alkit')}, format {table['format']}): upgrade"
            )
        check_type(table["seed"], int, "'seed'")
        check_type(threads := table.get("threads"), int | None, "'threads'")
        if threads is not None and not 1 <= threads <= MOST_THREADS:
            raise ValueError(f"'threads' should be from 1 to {MOST_THREADS}, not {threads}")
        check_type(labels := table.get("labels", CLASS), str, "'labels'")
        check_type(plain := table.get("plain_labels", False), bool, "'plain_labels'")
        check_type(table["pool"], dict[str, Any], "'pool'")
        return Settings(
            seed=table["seed"],
            threads=threads,
            labels=labels,
            plain_labels=plain,
            image_shape=_shape(table["pool"].pop("image_shape")),
            pool=_source(table, "pool"),
            task=_made(PluginChoice, table, "task"),
            strategy=_made(PluginChoice, table, "strategy"),
            oracle=_made(PluginChoice, table, "oracle") if "oracle" in table else None,
            test=_source(table, "test") if "test" in table else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise CampaignError(
            f"{path} has been changed since alkit wrote it: {reason}; restore it from a backup"
        ) from error


def _made(cls: type[T], table: dict[str, Any], name: str) -> T:
    """Make a record from a table of the file, each value of the type that belongs there."""
    check_type(table[name], dict[str, Any], f"'{name}'")
    hints = typing.get_type_hints(cls)
    for key, value in table[name].items():
        check_type(value, hints.get(key, Any), f"'{name}.{key}'")
    return cls(**table[name])


def _source(table: dict[str, Any], name: str) -> SourceChoice:
    check_type(table[name], dict[str, Any], f"'{name}'")
    value_range = table[name].pop("value_range", None)
    choice = _made(SourceChoice, table, name)
    if choice.pixel_type not in PIXEL_TYPES:
        raise ValueError(
            f"'{name}.pixel_type' should be one of {', '.join(PIXEL_TYPES)}, not {choice.pixel_type}"
        )
    if value_range is None:
        return choice
    numbers = isinstance(value_range, list) and [type(value) in (int, float) for value in value_range]
    if numbers != [True, True] or not -math.inf < value_range[0] < value_range[1] < math.inf:
        raise ValueError(f"'{name}.value_range' should be two ascending numbers, not {value_range}")
    return dataclasses.replace(choice, value_range=(float(value_range[0]), float(value_range[1])))


def _shape(value: Any) -> tuple[int, int, int]:
    check_type(value, tuple[int, int, int], "'pool.image_shape'")
    channels, height, width = value
    if not 1 <= channels <= MOST_CHANNELS or min(height, width) < 1 or height * width > MOST_PIXELS:
        raise ValueError(f"'pool.image_shape' should be [channels, height, width], not {value}")
    return channels, height, width
