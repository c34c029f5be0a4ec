"""The tables of the ledger: how they are made, and how a ledger of an older format is upgraded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

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
    """
    CREATE TABLE test_sets (
        event INTEGER NOT NULL REFERENCES events(id),
        idx INTEGER NOT NULL,
        key TEXT NOT NULL,
        hash TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        unusable TEXT,
        duplicate_of INTEGER,
        label TEXT,
        PRIMARY KEY (event, idx),
        UNIQUE (event, key)
    );
    """
    + "".join(
        f"CREATE TRIGGER test_sets_no_{verb} BEFORE {verb} ON test_sets "
        "BEGIN SELECT RAISE(ABORT, 'test_sets are only ever added'); END;"
        for verb in ("UPDATE", "DELETE")
    )
    + "CREATE TRIGGER test_sets_no_REPLACE BEFORE INSERT ON test_sets WHEN EXISTS (SELECT 1 FROM test_sets "
    "WHERE event = NEW.event AND (idx = NEW.idx OR key = NEW.key)) "
    "BEGIN SELECT RAISE(ABORT, 'test_sets are only ever added'); END;",
    # Millions of images are not read to open a campaign, nor to find one by its content.
    """
    CREATE INDEX images_set_aside ON images(idx, unusable, duplicate_of)
        WHERE unusable IS NOT NULL OR duplicate_of IS NOT NULL;
    CREATE INDEX images_by_content ON images(substr(hash, 1, 16));
    """,
]
BY_CONTENT = "CREATE INDEX images_by_content ON images(substr(hash, 1, 16))"


def statements(script: str) -> Iterator[str]:
    """Cut a script into statements; those of a trigger belong together."""
    statement = ""
    for piece in script.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
