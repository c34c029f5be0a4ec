"""The SQLite file under a campaign: the frozen list of images, and events that are only ever added.

A transaction is on the disk before anything is reported (write-ahead log, `synchronous=FULL`). Triggers
refuse to change, delete or replace a row, whoever asks.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_args

from alkit.errors import CampaignError, CampaignLocked
from alkit.interfaces.oracle import Answer, AnswerKind
from alkit.utils.files import check_regular
from alkit.utils.json_values import as_json
from alkit.utils.timestamps import now

from .events import Happening, Unknown, from_json
from .schema import BY_CONTENT, MIGRATIONS, statements

if TYPE_CHECKING:
    from alkit.data.image_list import ImageList
    from alkit.data.preprocessing import ImageRecord


SECONDS_TO_WAIT = 30.0
ANSWER_KINDS = get_args(AnswerKind)
DAMAGED = "restore the file from a backup, or make the campaign again from its images and answers"
UNWRITABLE = ("unable to open", "readonly")
HINTS = {
    "malformed": f"; it is damaged: {DAMAGED}",
    "not a database": f"; it is damaged: {DAMAGED}",
    "decode": f"; it is damaged: {DAMAGED}",
    "no such": f"; it is damaged: {DAMAGED}",
    "unable to open": "; make its directory writable",
    "readonly": "; make the file and its directory writable",
    "disk I/O error": "; the disk may be full or failing",
}

IMAGE_COLUMNS: dict[str, type | tuple[type, ...]] = {
    "idx": int,
    "key": str,
    "hash": str,
    "width": int,
    "height": int,
    "unusable": (str, NoneType),
    "duplicate_of": (int, NoneType),
}

H = TypeVar("H", bound=Happening)


@dataclass(frozen=True, slots=True)
class Event(Generic[H]):
    """Something that happened: its number, its time (ISO 8601, UTC), and what."""

    id: int
    time: str
    data: H

    @property
    def kind(self) -> str:
        """The word in the ledger."""
        return self.data.word if isinstance(self.data, Unknown) else self.data.kind


@dataclass(frozen=True, slots=True)
class PickRow:
    """One pick as it is kept; its rank is its place among the picks of the query.

    Attributes:
        index: position in the pool.
        score: of the strategy, or None.
        control: drawn at random from all candidates.
        place: from 1, where people see it; None: by its rank.
        predicted: number of the class that the model predicted when it was asked, or None.
        confidence: the predicted probability of that class, or None.
    """

    index: int
    score: float | None
    control: bool = False
    place: int | None = None
    predicted: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One accepted answer as it is kept."""

    id: int
    event: int
    index: int
    answer: Answer


class Ledger:
    """Reads and adds to `campaign.db`.

    Args:
        path: the file; created if it is missing and `create` is set.
        create: make it.

    Raises:
        CampaignError: it is missing, damaged, or of a newer format (damage may also show when it is read).
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not create and not path.exists():
            raise CampaignError(f"{path} is missing; the campaign cannot be read")
        for file in (path, *(path.with_name(path.name + rest) for rest in ("-wal", "-shm", "-journal"))):
            if os.path.lexists(file) and not file.is_dir():  # of a folder, SQLite itself complains
                _check_regular(file)
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._is_closed = False
        with self._blamed("used"):
            self._address = f"{path.absolute().as_uri()}?mode=rw"
            try:
                self._db = self._connected(f"{self._address}{'c' * create}")
            except sqlite3.OperationalError as error:
                if create or self._log.is_dir() or not any(words in str(error) for words in UNWRITABLE):
                    raise
                self._address = self._unwritable_address()
                self._db = self._connected(self._address)
        try:
            with self._blamed("used"):
                if create:
                    self._db.execute("PRAGMA journal_mode = WAL")
                self._migrate(create)
        except BaseException:
            self.close()
            raise

    def _connected(self, address: str, *, any_thread: bool = False) -> sqlite3.Connection:
        """Open a database and look into it, which is when SQLite notices that it cannot."""
        db = sqlite3.connect(
            address,
            timeout=SECONDS_TO_WAIT,
            isolation_level=None,
            uri=True,
            check_same_thread=not any_thread,
        )
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA cell_size_check = ON")
            db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        except BaseException:
            db.close()
            raise
        return db

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")

    def _unwritable_address(self) -> str:
        """Return how to read a ledger where no file can be made: SQLite needs one beside it otherwise.

        What a killed process left in the log beside it belongs to it, so both are copied then. A ledger of an
        older format is copied too, and the copy is upgraded.
        """
        log, address = self._log, f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        logged = log.exists() and log.stat().st_size > 0
        if not logged:
            with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
                if db.execute("PRAGMA user_version").fetchone()[0] in (0, len(MIGRATIONS)):
                    return address
        self._copy = tempfile.TemporaryDirectory(prefix="alkit-ledger-")
        for file in (self.path, log)[: 1 + logged]:
            shutil.copyfile(file, Path(self._copy.name) / file.name)
        return f"{(Path(self._copy.name) / self.path.name).as_uri()}?mode=rw"

    def _migrate(self, create: bool) -> None:
        version = self._version()
        if version == 0 and not create:  # SQLite takes an empty file for a new one
            raise CampaignError(f"{self.path} is not a campaign's ledger: it is empty or of another kind")
        if version > len(MIGRATIONS):
            raise CampaignError(
                f"{self.path} was made by a newer alkit (format {version}, this one knows "
                f"{len(MIGRATIONS)}); upgrade alkit"
            )
        if version == len(MIGRATIONS):
            return
        whole = self.transaction("upgraded to this version's format")
        with whole if self._copy is None else contextlib.nullcontext():
            for migration in MIGRATIONS[self._version() :]:  # another process may have been quicker
                for statement in statements(migration):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _version(self) -> int:
        version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
        return version

    def close(self) -> None:
        """Close the file."""
        self._is_closed = True
        self._db.close()
        if self._copy is not None:
            self._copy.cleanup()

    @contextlib.contextmanager
    def transaction(self, what: str = "written") -> Iterator[None]:
        """Commit all that the block adds, or nothing.

        Args:
            what: participle for the error message, after "cannot be".

        Raises:
            CampaignLocked: another process has been writing for half a minute.
            CampaignError: the disk is full or the file cannot be written.
        """
        with self._blamed(what):
            if self._copy is not None:
                raise CampaignError(f"{self.path} cannot be {what}{HINTS['readonly']}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let the block read a single snapshot, whatever other processes add meanwhile."""
        self._check_open()
        if self._db.in_transaction:
            yield
            return
        with self._blamed("read"):
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            if self._db.in_transaction:  # SQLite ends it itself where it finds damage
                with self._blamed("read"):
                    self._db.execute("COMMIT")

    @contextlib.contextmanager
    def undamaged(self) -> Iterator[None]:
        """Take whatever goes wrong in the block, which only reads what is recorded, as damage.

        Raises:
            CampaignError: it is damaged, or closed.
        """
        self._check_open()
        try:
            yield
        except CampaignError:
            raise
        except Exception as error:  # what a damaged record says may break anything
            raise self._damaged(f"{type(error).__name__}: {error}") from error

    def _check_open(self) -> None:
        if self._is_closed:
            raise CampaignError(
                f"the campaign in {self.path.parent} has been closed; open it again with alkit.Campaign"
            )

    def _damaged(self, reason: object) -> CampaignError:
        return CampaignError(f"{self.path} is damaged: {reason}; {DAMAGED}")

    @contextlib.contextmanager
    def _blamed(self, what: str) -> Iterator[None]:
        """Name the file in SQLite's errors; a violated constraint is a bug and is raised unchanged."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.ProgrammingError):
                self._check_open()
            if "locked" in str(error):
                raise CampaignLocked(f"{self.path} is in use by another process; try again") from error
            hint = next((hint for words, hint in HINTS.items() if words in str(error)), "")
            raise CampaignError(f"{self.path} cannot be {what}: {error}{hint}") from error

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._blamed("read"):
            return self._db.execute(query, values).fetchall()

    def _typed_rows(self, query: str, values: Sequence[Any], **columns: type | tuple[type, ...]) -> list[Any]:
        """Read rows, each column of the types that belong there: SQLite itself keeps any value anywhere."""
        rows = self._rows(f"SELECT {', '.join(columns)} {query}", values)
        self._check_types(rows, columns)
        return rows

    def _check_types(self, rows: Sequence[Any], columns: Mapping[str, type | tuple[type, ...]]) -> None:
        for (name, wanted), column in zip(columns.items(), zip(*rows, strict=True), strict=False):
            if wrong := set(map(type, column)).difference(wanted if isinstance(wanted, tuple) else (wanted,)):
                raise self._damaged(f"a row has {name} of type {wrong.pop().__name__}")

    def _image_rows(
        self, table: str, values: Sequence[Any] = (), **more: type | tuple[type, ...]
    ) -> list[Any]:
        rows = self._typed_rows(f"FROM {table} ORDER BY idx", values, **IMAGE_COLUMNS, **more)
        if any(row[0] != index for index, row in enumerate(rows)):
            raise self._damaged(f"the list of {table} has gaps")
        if any(row[6] is not None and not 0 <= row[6] < row[0] for row in rows):
            raise self._damaged(f"the list of {table} has a copy of no image")
        return rows

    def add_event(self, data: Happening) -> int:
        """Add an event inside a transaction; return its number."""
        kind = data.word if isinstance(data, Unknown) else data.kind
        cursor = self._db.execute(
            "INSERT INTO events (time, kind, data) VALUES (?, ?, ?)",
            (now(), kind, as_json(data.to_json())),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def add_images(self, records: Iterable[ImageRecord]) -> None:
        """Add images inside a transaction."""
        known = "SELECT 1 FROM sqlite_master WHERE name = 'images_by_content'"
        alone = self._db.execute(f"{known} AND NOT EXISTS (SELECT 1 FROM images)").fetchone() is not None
        if alone:  # one sort at the end is quicker than finding the place of every hash
            self._db.execute("DROP INDEX images_by_content")
        self._db.executemany(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((r.index, r.key, r.hash, r.width, r.height, r.unusable, r.duplicate_of) for r in records),
        )
        if alone:
            self._db.execute(BY_CONTENT)

    def add_test_images(self, records: Iterable[ImageRecord], labels: Mapping[str, str]) -> None:
        """Add the test set inside a transaction; labels by key."""
        self._db.executemany(
            "INSERT INTO test_images VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.index, r.key, r.hash, r.width, r.height, r.unusable, r.duplicate_of, labels.get(r.key))
                for r in records
            ],
        )

    def add_test_set(self, event: int, records: Iterable[ImageRecord], labels: Mapping[str, str]) -> None:
        """Add the test images of a `test-set` event inside a transaction; labels by key."""
        self._db.executemany(
            "INSERT INTO test_sets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    event,
                    r.index,
                    r.key,
                    r.hash,
                    r.width,
                    r.height,
                    r.unusable,
                    r.duplicate_of,
                    labels.get(r.key),
                )
                for r in records
            ],
        )

    def add_picks(self, event: int, picks: Iterable[PickRow]) -> None:
        """Add the picks of an `asked` event inside a transaction, most wanted first."""
        self._db.executemany(
            "INSERT INTO picks (event, rank, idx, score, control, place, predicted, confidence) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (event, rank, p.index, p.score, p.control, p.place, p.predicted, p.confidence)
                for rank, p in enumerate(picks, 1)
            ],
        )

    def add_answers(self, event: int, answers: Iterable[tuple[int, Answer]]) -> None:
        """Add the answers of an `answered` event inside a transaction."""
        self._db.executemany(
            "INSERT INTO answers (event, idx, kind, value, annotator, time, cost) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    event,
                    index,
                    a.kind,
                    json.dumps(a.value, ensure_ascii=False),
                    a.annotator,
                    a.time or now(),
                    a.cost,
                )
                for index, a in answers
            ],
        )

    def image_count(self) -> int:
        """Return how many images there are."""
        last: int | None = self._rows("SELECT MAX(idx) FROM images")[0][0]
        return 0 if last is None else last + 1

    def images(self, first: int | None = None) -> ImageList:
        """Return the frozen list of images in the order of their indices, or the first ones of it."""
        from alkit.data.image_list import ImagesInMemory  # noqa: PLC0415  # numpy is slow to import

        from . import images  # noqa: PLC0415  # numpy is slow to import

        count = self._rows("SELECT COUNT(*) FROM images")[0][0]
        if count <= images.MOST_IN_MEMORY:
            return ImagesInMemory(self._records(self._image_rows("images")[:first]))
        if count != self.image_count():
            raise self._damaged("the list of images has gaps")
        return self._images_in_place(count if first is None else min(first, count))

    def _images_in_place(self, count: int) -> ImageList:
        """Return images that are read when they are looked at."""
        from alkit.data.image_list import SetAside  # noqa: PLC0415  # numpy is slow to import

        from .images import LedgerImages  # noqa: PLC0415  # numpy is slow to import

        aside = self._typed_rows(
            "FROM images WHERE (unusable IS NOT NULL OR duplicate_of IS NOT NULL) AND idx < ? ORDER BY idx",
            (count,),
            idx=int,
            unusable=(str, NoneType),
            duplicate_of=(int, NoneType),
        )
        if any(row[2] is not None and not 0 <= row[2] < row[0] for row in aside):
            raise self._damaged("the list of images has a copy of no image")
        with self._blamed("read"):
            own = self._connected(self._address, any_thread=True)
        return LedgerImages(own, count, self._records, [SetAside(*row) for row in aside], self._blamed)

    def _records(self, rows: Sequence[Any]) -> list[ImageRecord]:
        """Return records of rows of images, whose types are right."""
        from alkit.data.preprocessing import ImageRecord  # noqa: PLC0415  # numpy is slow to import

        self._check_types(rows, IMAGE_COLUMNS)
        return [ImageRecord(*row) for row in rows]

    def test_images(self) -> tuple[list[ImageRecord], list[str | None]]:
        """Return the test images that were chosen last, and their labels."""
        from alkit.data.preprocessing import ImageRecord  # noqa: PLC0415  # numpy is slow to import

        last = self._rows("SELECT MAX(event) FROM test_sets")[0][0]
        if last is None:
            rows = self._image_rows("test_images", label=(str, NoneType))
        else:
            rows = self._image_rows("test_sets WHERE event = ?", (last,), label=(str, NoneType))
        return [ImageRecord(*row[:7]) for row in rows], [row[7] for row in rows]

    def events(self, kind: type[H], *, after: int = 0) -> list[Event[H]]:
        """Return the events of one kind, in order, that came after one."""
        return cast("list[Event[H]]", self.all_events(kind, after=after))

    def all_events(self, *kinds: type[Happening], after: int = 0) -> list[Event[Happening]]:
        """Return events of some kinds or of all, in order, that came after one.

        Raises:
            CampaignError: an event is damaged.
        """
        which = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        rows = self._typed_rows(
            f"FROM events WHERE id > ?{which} ORDER BY id",
            (after, *(kind.kind for kind in kinds)),
            id=int,
            time=str,
            kind=str,
            data=str,
        )
        return [self._event(*row) for row in rows]

    def _event(self, number: int, time: str, kind: str, data: str) -> Event[Happening]:
        try:
            return Event(number, time, from_json(kind, json.loads(data)))
        except (AttributeError, ValueError, RecursionError) as error:
            raise CampaignError(f"event {number} in {self.path} is damaged: {error}; {DAMAGED}") from error

    def picks(self, event: int) -> list[PickRow]:
        """Return the picks of an `asked` event, most wanted first."""
        number = (float, int, NoneType)
        rows = self._typed_rows(
            "FROM picks WHERE event = ? ORDER BY rank",
            (event,),
            idx=int,
            score=number,
            control=int,
            place=(int, NoneType),
            predicted=(int, NoneType),
            confidence=number,
        )
        return [PickRow(index, score, bool(control), *rest) for index, score, control, *rest in rows]

    def answers(self, index: int | None = None, *, after: int = 0) -> list[AnswerRow]:
        """Return answers in the order of acceptance: all or those of one image, that came after one."""
        which = "" if index is None else " AND idx = ?"
        rows = self._typed_rows(
            f"FROM answers WHERE id > ?{which} ORDER BY id",
            (after,) if index is None else (after, index),
            id=int,
            event=int,
            idx=int,
            kind=str,
            value=str,
            annotator=str,
            time=str,
            cost=(float, int, NoneType),
        )
        return [self._answer(*row) for row in rows]

    def _answer(self, number: int, event: int, index: int, kind: str, value: str, *rest: Any) -> AnswerRow:
        try:
            answer = Answer(cast("Any", kind), json.loads(value), *rest)
        except (ValueError, RecursionError) as error:
            raise CampaignError(f"answer {number} in {self.path} is damaged: {error}; {DAMAGED}") from error
        if kind not in ANSWER_KINDS or (kind == "label") == (answer.value is None):
            raise CampaignError(
                f"answer {number} in {self.path} is damaged: {kind} with the value {value!r:.60}; {DAMAGED}"
            )
        return AnswerRow(number, event, index, answer)


def _check_regular(path: Path) -> None:
    try:
        check_regular(path)
    except OSError as error:
        raise CampaignError(f"{path} cannot be used: {error.strerror or error}; move it away") from error


def holds_events(path: Path) -> bool:
    """Say whether something is recorded in a ledger, or may be, since the file cannot be read."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    _check_regular(path)
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=SECONDS_TO_WAIT)) as db:
            return db.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError as error:
        return "no such table" not in str(error)
