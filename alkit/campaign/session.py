"""An opened campaign: its settings, its history and the lock to add to it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.events import Found, Happening, Lost
from alkit.campaign.record.ledger import Ledger
from alkit.campaign.record.read import read_state
from alkit.campaign.record.replay import CHANGING
from alkit.campaign.record.settings import Settings, read_settings
from alkit.campaign.record.state import State
from alkit.errors import CampaignError, CampaignLocked, SourceError
from alkit.utils.progress import Progress, chosen_progress

from .resources import Resources

if TYPE_CHECKING:
    from typing_extensions import Self

    from alkit.campaign.record.pool import Pool
    from alkit.campaign.record.query import Query
    from alkit.data.source import Source
    from alkit.interfaces.labels import Labels
    from alkit.interfaces.oracle import Oracle
    from alkit.labeling.references import References


SETTINGS, LEDGER, LOCK = "campaign.toml", "campaign.db", "campaign.lock"
LOCK_SECONDS = 10.0


class CampaignSession:
    """A campaign's settings, ledger, resources and state; one process at a time changes them.

    Args:
        directory: where it lives.
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        progress: True shows how far long work is, False does not; by default, notebooks show it.

    Raises:
        CampaignError: there is no campaign, or it cannot be read.
    """

    def __init__(
        self, directory: str | Path, *, device: str = "auto", progress: Progress | bool | None = None
    ) -> None:
        self.directory = Path(directory)
        self._written: Settings = read_settings(self.directory / SETTINGS)
        self.settings: Settings = self._written
        self.ledger = Ledger(self.directory / LEDGER)
        self.progress: Progress = chosen_progress(progress)
        self.resources = Resources(self.directory, self.settings, device, self.progress)
        self.state: State = read_state(self.ledger)
        self._labels: tuple[State, Labels] | None = None
        self._follow()

    def close(self) -> None:
        """Close the files."""
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pool(self) -> Pool:
        """Which images are labeled, asked, set aside or free."""
        return self.state.pool

    @property
    def classes(self) -> Sequence[str]:
        """Class names, in the order of their numbers."""
        return self.state.classes

    @property
    def queries(self) -> Sequence[Query]:
        """All queries, the first one first."""
        return self.state.queries

    @property
    def open_query(self) -> Query | None:
        """The query that waits for answers, or None."""
        return self.state.open_query

    @property
    def cycle(self) -> int:
        """Queries so far."""
        return len(self.state.asked)

    @property
    def source(self) -> Source:
        """Where the images come from."""
        return self.resources.source

    def oracle(self, name: str | None = None, options: Mapping[str, Any] | None = None) -> Oracle | None:
        """Return an oracle by name, connected to the pool; by default the campaign's own, if it has one."""
        return self.resources.oracle(self.state, name, options)

    @property
    def label_kind(self) -> Labels:
        """What reads and writes labels, with the classes as they are now."""
        if self._labels is None or self._labels[0] is not self.state:
            self._labels = (self.state, self.resources.labels(self.state))
        return self._labels[1]

    def fitted_values(self, state: State) -> Sequence[Any]:
        """Return the labels of a state in the order of `Pool.labeled`, for images as the task sees them."""
        values = state.pool.values
        if self.settings.labels == "class":  # the task, whose import takes seconds, is not needed
            return values
        records = [state.records[index] for index in state.pool.labeled.tolist()]
        return self.resources.fitted(self.resources.labels(state), values, records)

    @property
    def disputes(self) -> dict[int, tuple[int, ...]]:
        """The images on which annotators do not agree well enough, see `State.disputes`."""
        if self.settings.labels == "class" or not self.state.votes:
            return self.state.disputes
        return self.state.disputed(self.label_kind)

    def label_text(self, value: Any) -> str:
        """Write the value of a label as text."""
        if isinstance(value, str):  # the task, whose import takes seconds, is not needed
            return value
        return self.label_kind.text(value)

    def class_counts(self, values: Sequence[Any] | None = None) -> dict[str, int]:
        """Count images by class, in the order of the classes; an image with several counts for each.

        Args:
            values: of the labels; those of all labeled images by default.
        """
        values = self.pool.values if values is None else values
        counts = dict.fromkeys(self.classes, 0)
        if all(isinstance(value, str) and value in counts for value in values):
            names: Iterable[str] = values  # the task, whose import takes seconds, is not needed
        else:
            labels = self.label_kind
            names = (name for value in values for name in labels.names(value))
        for name in names:
            counts[name] = counts.get(name, 0) + 1
        return counts

    def references(self) -> References:
        """Return what finds the images of the pool by their names."""
        from alkit.labeling.references import References  # noqa: PLC0415  # a command may need none

        location = Path(self.settings.pool.location)
        return References(self.state.records, location, former=self.state.former)

    def relative(self, path: Path | None) -> str | None:
        """Return a file of the campaign as it is recorded: from the campaign's directory, with `/`."""
        return None if path is None else path.relative_to(self.directory).as_posix()

    def refresh(self) -> None:
        """See what has been added to the ledger, by whichever process."""
        self.state = read_state(self.ledger, self.state)
        self._follow()

    def _follow(self) -> None:
        """Look for images where the ledger says that they are now."""
        settings, moved = self._written, self.state.moved
        if moved is not None:
            pool = dataclasses.replace(settings.pool, location=moved.location, root=moved.root)
            settings = dataclasses.replace(settings, pool=pool)
        if (chosen := self.state.test_set) is not None:
            test = dataclasses.replace(settings.pool, location=chosen.location, root=chosen.root)
            settings = dataclasses.replace(settings, test=test)
        if settings != self.settings:
            self.settings = settings
            self.resources.follow(settings)

    def record(self, data: Happening) -> None:
        """Add an event, which is on the disk when this returns."""
        with self.ledger.transaction():
            self.ledger.add_event(data)
        if isinstance(data, CHANGING):
            self.refresh()

    @contextlib.contextmanager
    def lock(self, *, images: bool = False, restore: bool = True) -> Iterator[None]:
        """Keep other processes out, and see what they did before.

        Args:
            images: the block works with the images of the cache, so they are checked.
            restore: make the cache of images again if it is gone; without, that is left to the block.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  # filelock is slow to import

        lock = FileLock(self.directory / LOCK)
        try:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                self.progress.line("another process is working on this campaign; waiting")
                lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise CampaignLocked(
                f"another process is working on {self.directory}; wait until it finishes and try again"
            ) from None
        except OSError as error:
            raise CampaignError(f"{self.directory} cannot be written: {error.strerror or error}") from error
        try:
            self.refresh()
            if restore:
                self.set_lost_aside(check=images)
            yield
        except BaseException:
            self.refresh()
            raise
        finally:
            lock.release()

    def set_lost_aside(self, *, check: bool) -> None:
        """Read the originals again if the cache is gone, and set aside what has changed or gone since.

        Args:
            check: read those again, too, whose pixels in the cache are damaged.

        Raises:
            SourceError: most of the pool is gone.
        """
        damage: Sequence[int] | None = None
        if self.resources.images_are_there(self.state):
            damage = self.resources.damage(self.state) if check else []
            if damage == []:
                return
        lost = self.resources.restore_images(self.state)
        if damage is not None:  # of the others, nothing new is known
            lost += sorted(set(self.pool.lost.tolist()).difference(damage))
        readable = self.pool.size - sum(row.unusable is not None for row in self.state.records.set_aside)
        if 2 * len(lost) > readable:
            self.resources.forget_images()
            raise SourceError(
                f"{len(lost):,} of {readable:,} images in '{self.settings.pool.location}' are gone or "
                "changed, as if the folder were not mounted; bring it back and try again, or "
                f"{self.resources.hint('--pool')}"
            )
        before = set(self.pool.lost.tolist())
        self.record_found(sorted(before.difference(lost)))
        if fresh := sorted(set(lost) - before):
            self.record(Lost(indices=fresh, reason="changed or gone since it was listed"))

    def record_found(self, indices: Sequence[int]) -> list[int]:
        """Record that lost images are back, except those of which the pool has a copy by now."""
        if not indices:
            return []
        usable, images = self.pool.usable, self.state.records
        records = [images[index] for index in indices]
        found = [
            r.index
            for r in records
            if r.duplicate_of is not None or not usable[list(images.of_content(r.hash))].any()
        ]
        if found:
            self.record(Found(indices=found))
        return found
