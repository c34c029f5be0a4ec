"""The SQLite file under a campaign: the frozen list of images, and events that are only ever added.

A transaction is on the disk before anything is reported (write-ahead log, `synchronous=FULL`). Triggers
refuse to change, delete or replace a row, whoever asks.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from alkit.errors import CampaignError, CampaignLocked
from alkit.interfaces.oracle import Answer
from alkit.utils.json_values import as_json
from alkit.utils.timestamps import now

from .events import Happening, Unknown, from_json

if TYPE_CHECKING:
    from alkit.data.preprocessing import ImageRecord
    from alkit.interfaces.oracle import Answer


SECONDS_TO_WAIT = 30.0
HINTS = {
    "unable to open": "; make its directory writable",
    "readonly": "; make the file and its directory writable",
    "disk I/O error": "; the disk may be full or failing",
}

# One entry a version of the format; a migration is only ever appended.
MIGRATIONS = [
    """
    CREATE TABLE images (
        idx INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        hash TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        unusable TEXT,
        duplicate_of INTEGER REFERENCES images(idx)
    );
    CREATE TABLE test_images (
        idx INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        hash TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        unusable TEXT,
        duplicate_of INTEGER,
        label TEXT
    );
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time TEXT NOT NULL,
        kind TEXT NOT NULL,
        data TEXT NOT NULL
    );
    CREATE TABLE picks (
        event INTEGER NOT NULL REFERENCES events(id),
        rank INTEGER NOT NULL,
        idx INTEGER NOT NULL REFERENCES images(idx),
        score REAL,
        PRIMARY KEY (event, rank),
        UNIQUE (event, idx)
    );
    CREATE TABLE answers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event INTEGER NOT NULL REFERENCES events(id),
        idx INTEGER NOT NULL REFERENCES images(idx),
        kind TEXT NOT NULL CHECK (kind IN ('label', 'abstain', 'unusable')),
        value TEXT,
        annotator TEXT NOT NULL,
        time TEXT NOT NULL,
        cost REAL
    );
    CREATE INDEX answers_by_image ON answers(idx);
    """
    + "".join(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END;"
        for table in ("images", "test_images", "events", "picks", "answers")
        for verb in ("UPDATE", "DELETE")
    )
    # REPLACE deletes without asking the triggers above.
    + "".join(
        f"CREATE TRIGGER {table}_no_REPLACE BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} "
        f"WHERE {same}) BEGIN SELECT RAISE(ABORT, '{table} are only ever added'); END;"
        for table, same in (
            ("images", "idx = NEW.idx OR key = NEW.key"),
            ("test_images", "idx = NEW.idx OR key = NEW.key"),
            ("events", "id = NEW.id"),
            ("picks", "event = NEW.event AND (rank = NEW.rank OR idx = NEW.idx)"),
            ("answers", "id = NEW.id"),
        )
    ),
    """
    ALTER TABLE picks ADD COLUMN control INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE picks ADD COLUMN place INTEGER;
    ALTER TABLE picks ADD COLUMN predicted INTEGER;
    ALTER TABLE picks ADD COLUMN confidence REAL;
    """,
]


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
        with self._blamed("used"):
            self._db = sqlite3.connect(path, timeout=SECONDS_TO_WAIT, isolation_level=None)
        try:
            with self._blamed("used"):
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA synchronous = FULL")
                if create:
                    self._db.execute("PRAGMA journal_mode = WAL")
                self._migrate(create)
        except BaseException:
            self._db.close()
            raise

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
        with self.transaction("upgraded to this version's format"):
            for migration in MIGRATIONS[self._version() :]:  # another process may have been quicker
                for statement in _statements(migration):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _version(self) -> int:
        version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
        return version

    def close(self) -> None:
        """Close the file."""
        self._db.close()

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
        if self._db.in_transaction:
            yield
            return
        with self._blamed("read"):
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _blamed(self, what: str) -> Iterator[None]:
        """Name the file in SQLite's errors; a violated constraint is a bug and is raised unchanged."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise CampaignLocked(f"{self.path} is in use by another process; try again") from error
            hint = next((hint for words, hint in HINTS.items() if words in str(error)), "")
            raise CampaignError(f"{self.path} cannot be {what}: {error}{hint}") from error

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._blamed("read"):
            return self._db.execute(query, values).fetchall()

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
        self._db.executemany(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(r.index, r.key, r.hash, r.width, r.height, r.unusable, r.duplicate_of) for r in records],
        )

    def add_test_images(self, records: Iterable[ImageRecord], labels: Mapping[str, str]) -> None:
        """Add the test set inside a transaction; labels by key."""
        self._db.executemany(
            "INSERT INTO test_images VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.index, r.key, r.hash, r.width, r.height, r.unusable, r.duplicate_of, labels.get(r.key))
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
        count: int = self._rows("SELECT COUNT(*) FROM images")[0][0]
        return count

    def images(self) -> list[ImageRecord]:
        """Return the frozen list of images, in the order of their indices."""
        from alkit.data.preprocessing import ImageRecord  # noqa: PLC0415  # numpy is slow to import

        rows = self._rows(
            "SELECT idx, key, hash, width, height, unusable, duplicate_of FROM images ORDER BY idx"
        )
        return [ImageRecord(*row) for row in rows]

    def test_images(self) -> tuple[list[ImageRecord], list[str | None]]:
        """Return the test images and their labels."""
        from alkit.data.preprocessing import ImageRecord  # noqa: PLC0415  # numpy is slow to import

        rows = self._rows(
            "SELECT idx, key, hash, width, height, unusable, duplicate_of, label FROM test_images "
            "ORDER BY idx"
        )
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
        rows = self._rows(
            f"SELECT id, time, kind, data FROM events WHERE id > ?{which} ORDER BY id",
            (after, *(kind.kind for kind in kinds)),
        )
        return [self._event(*row) for row in rows]

    def _event(self, number: int, time: str, kind: str, data: str) -> Event[Happening]:
        try:
            return Event(number, time, from_json(kind, json.loads(data)))
        except (AttributeError, ValueError) as error:
            raise CampaignError(
                f"event {number} in {self.path} is damaged: {error}; restore the file from a backup"
            ) from error

    def picks(self, event: int) -> list[PickRow]:
        """Return the picks of an `asked` event, most wanted first."""
        rows = self._rows(
            "SELECT idx, score, control, place, predicted, confidence FROM picks WHERE event = ? "
            "ORDER BY rank",
            (event,),
        )
        return [PickRow(index, score, bool(control), *rest) for index, score, control, *rest in rows]

    def answers(self, index: int | None = None, *, after: int = 0) -> list[AnswerRow]:
        """Return answers in the order of acceptance: all or those of one image, that came after one."""
        which = "" if index is None else " AND idx = ?"
        rows = self._rows(
            "SELECT id, event, idx, kind, value, annotator, time, cost FROM answers "
            f"WHERE id > ?{which} ORDER BY id",
            (after,) if index is None else (after, index),
        )
        return [
            AnswerRow(number, event, at, Answer(kind, json.loads(value), annotator, time, cost))
            for number, event, at, kind, value, annotator, time, cost in rows
        ]


def _statements(script: str) -> Iterator[str]:
    """Cut a script into statements; those of a trigger belong together."""
    statement = ""
    for piece in script.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def holds_events(path: Path) -> bool:
    """Say whether something is recorded in a ledger, or may be, since the file cannot be read."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=SECONDS_TO_WAIT)) as db:
            return db.execute("SELECT 1 FROM events LIMIT 1").fetchone() is not None
    except sqlite3.DatabaseError as error:
        return "no such table" not in str(error)
