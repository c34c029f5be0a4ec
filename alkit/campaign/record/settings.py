"""`campaign.toml`: the settings chosen once when a campaign is made."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alkit.data.source import Source
from alkit.data.sources import open_source
from alkit.errors import CampaignError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib
import tomli_w

from alkit.plugin.choice import PluginChoice

FORMAT = 1
HEADER = "# Settings chosen when this campaign was made; alkit reads them and never changes them.\n"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """A source of images: what reopens it, and torchvision's root directory where it has one."""

    location: str
    root: str | None = None

    def open(self) -> Source:
        """Open it.

        Raises:
            SourceError: it no longer exists.
        """
        return open_source(self.location, root=self.root)

    def as_dict(self) -> dict[str, Any]:
        """Return it as TOML values."""
        return {"location": self.location, **({"root": self.root} if self.root else {})}


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
    """

    seed: int
    pool: SourceChoice
    image_shape: tuple[int, int, int]
    task: PluginChoice
    strategy: PluginChoice
    oracle: PluginChoice | None = None
    test: SourceChoice | None = None

    def to_toml(self, version: str) -> str:
        """Return the file's text."""
        table: dict[str, Any] = {
            "format": FORMAT,
            "alkit": version,
            "seed": self.seed,
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
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if (ledger := path.with_suffix(".db")).exists():
            raise CampaignError(
                f"{path} is missing but {ledger.name} exists; restore it from a backup"
            ) from None
        raise CampaignError(
            f"there is no campaign in {path.parent}; make one with 'alkit init {path.parent} --pool IMAGES'"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CampaignError(f"{path} cannot be read: {error}") from error
    try:
        if int(table["format"]) > FORMAT:
            raise CampaignError(
                f"{path} was made by a newer alkit ({table.get('alkit')}, format {table['format']}): upgrade"
            )
        channels, height, width = map(int, table["pool"].pop("image_shape"))
        return Settings(
            seed=int(table["seed"]),
            pool=SourceChoice(**table["pool"]),
            image_shape=(channels, height, width),
            task=PluginChoice(**table["task"]),
            strategy=PluginChoice(**table["strategy"]),
            oracle=PluginChoice(**table["oracle"]) if "oracle" in table else None,
            test=SourceChoice(**table["test"]) if "test" in table else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise CampaignError(
            f"{path} has been changed since alkit wrote it: {reason}; restore it from a backup"
        ) from error
