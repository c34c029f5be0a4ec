"""A campaign's directory, damaged in a way of its own at a time."""

from __future__ import annotations

import functools
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from . import damage
from .trial import Fault, call
from .world import World, recorded

FILES = (
    *("campaign.toml", "campaign.db", "campaign.db-wal", "campaign.db-shm", "campaign.lock"),
    *("cache/pool.u8", "cache/test.u8", "checkpoints/*.pt", "queries/002.csv", "queries/002.png"),
)
RECORD = ("campaign.toml", "campaign.db", "campaign.db-wal")
"""What cannot be made again: damage to any other file must cost nothing."""
COMPANIONS = ("campaign.db-shm", "campaign.lock")
VALUES = (
    '"text"',
    "-1",
    "0",
    "1e400",
    "nan",
    "true",
    "[]",
    "[1, [2]]",
    "{a = 1}",
    "9" * 5000,
    '"\\u001b[2J"',
)
KEYS = (
    *("format", "alkit", "seed", "location", "image_shape", "name", "distribution", "version", "epochs"),
    *("pool", "task", "strategy", "test", "options"),
)
ROWS = {
    "images": ("idx", "key", "hash", "width", "height", "unusable", "duplicate_of"),
    "test_images": ("idx", "key", "hash", "width", "unusable", "label"),
    "events": ("id", "time", "kind", "data"),
    "picks": ("event", "rank", "idx", "score", "control", "place", "predicted", "confidence"),
    "answers": ("id", "event", "idx", "kind", "value", "annotator", "time", "cost"),
}
CELLS = (
    *("NULL", "-1", "99999999", "9223372036854775807", "1e308", "'text'", "''", "x'fffe00'"),
    *("CAST(x'ff41' AS TEXT)", "'\x1b[2J'", "'[1, 2]'", "'{}'", "'null'", "'['"),
)
DATA = ("null", "[]", '"a"', "7", "{}", '{"deeper": ' * 3000, "-1", "[9999999]", '["\\u001b[2J"]', "true")
SCRIPTS = (
    *("DROP TABLE images", "DROP TABLE events", "DROP TABLE picks", "DROP TABLE answers"),
    *("DROP TABLE test_images", "DROP INDEX answers_by_image", "DELETE FROM images WHERE idx = 3"),
    *("DELETE FROM images", "DELETE FROM events", "DELETE FROM events WHERE kind = 'classes'"),
    *("DELETE FROM events WHERE kind = 'asked'", "DELETE FROM picks", "DELETE FROM answers"),
    *("DELETE FROM test_images", "PRAGMA user_version = 99", "PRAGMA user_version = 0"),
    *("PRAGMA user_version = 1", "PRAGMA user_version = -5", "ALTER TABLE answers RENAME TO replies"),
    *("ALTER TABLE images RENAME COLUMN hash TO digest", "PRAGMA journal_mode = DELETE"),
    *("INSERT INTO events (time, kind, data) VALUES ('', 'forked', '{}')",),
    *("UPDATE events SET kind = 'lost' WHERE kind = 'asked'", "UPDATE picks SET idx = idx + 1"),
    *("UPDATE images SET duplicate_of = idx", "UPDATE images SET duplicate_of = 9999"),
    *("UPDATE images SET unusable = 'all'", "UPDATE images SET key = 'x' || idx"),
    *("CREATE TRIGGER t BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'no'); END",),
)


class Mutation(NamedTuple):
    """One way to damage a campaign.

    Attributes:
        name: what is done to what.
        apply: does it.
        record: it may change what is recorded.
        refuse: commands may refuse the campaign.
    """

    name: str
    apply: Callable[[Path, Random], None]
    record: bool = True
    refuse: bool = True


def attempt(world: World, number: int, rng: Random) -> str:
    """Damage a campaign, use it by several commands, and check that nothing recorded was lost."""
    mutation = ALL[number % len(ALL)]
    room = world.room()
    camp = world.copy("asked", room)
    before = recorded(camp)
    mutation.apply(camp, rng)
    commands: list[tuple[str | Path, ...]] = [
        ("status", "-c", camp, "--images"),
        ("status", "-c", camp, "--json"),
        ("report", "-c", camp, "--out", room / "report.html", "--map", "none"),
        ("export", "-c", camp, "-f", "csv", "--out", room / "export.csv"),
        ("ingest", "-c", camp, world.known, "-q"),
        ("query", "-c", camp, "-n", "3", "-s", "entropy", "-q", "--new"),
        ("update", "-c", camp, "-q"),
        ("train", "-c", camp, "-q"),
        ("predict", "-c", camp, world.pool, "--out", room / "predicted.csv", "-q"),
        ("remove", "-c", camp, "red/00.png"),
        ("ingest", "-c", camp, "--undo"),
        ("classes", "-c", camp),
        ("fork", "-c", camp, room / "forked", "-q"),
        ("update", "-c", camp, "--check", "-q"),
    ]
    # A run of all commands is long; each trial of the same mutation takes others.
    for words in [commands[0], *rng.sample(commands[1:], 3)]:
        said = call(*words)
        if not mutation.refuse and said.code != 0 and words[0] in ("status", "ingest"):
            raise Fault(f"{mutation.name}: {words[0]} fails: {said.err.strip()[-200:]}")
    if not mutation.record and recorded(camp)[: len(before)] != before:
        raise Fault(f"{mutation.name}: recorded answers are lost")
    if mutation.name.startswith("cache/pool.u8") and call("train", "-c", camp, "-q").code == 0:
        whole = (world.folder / "asked" / "cache" / "pool.u8").read_bytes()
        with open(camp / "cache" / "pool.u8", "rb") as cache:
            if cache.read(len(whole)) != whole:
                raise Fault(f"{mutation.name}: the model was trained on damaged images")
    return mutation.name


def _file(pattern: str, done: damage.Damage, camp: Path, rng: Random) -> None:
    path = next(iter(sorted(camp.glob(pattern))), camp / pattern)
    if not path.exists():
        path.write_bytes(b"")
    done(path, rng)


def _setting(key: str, value: str, camp: Path, _: Random) -> None:
    path = camp / "campaign.toml"
    text = path.read_text()
    if re.search(rf"^\[{key}\]", text, re.MULTILINE):
        text = re.sub(rf"^\[{key}\]", f"[{key}-gone]", text, flags=re.MULTILINE)
        text = f"{key} = {value}\n{text}"
    else:
        text = re.sub(
            rf"^{key} = (\[.*?^\]|.*?$)", lambda _: f"{key} = {value}", text, count=1, flags=re.M | re.S
        )
    path.write_text(text)


def _sql(script: str, camp: Path, _: Random) -> None:
    database = sqlite3.connect(camp / "campaign.db", isolation_level=None)
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    database.execute("PRAGMA ignore_check_constraints = ON")
    try:
        database.execute(script)
    except sqlite3.IntegrityError:
        pass  # what SQLite refuses cannot happen this way
    finally:
        database.close()


def _cell(table: str, column: str, camp: Path, rng: Random) -> None:
    value = rng.choice(CELLS)
    _sql(
        f"UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT rowid FROM {table} "
        f"ORDER BY rowid LIMIT 1 OFFSET {rng.randrange(4)})",
        camp,
        rng,
    )


def _event(kind: str, camp: Path, rng: Random) -> None:
    """Change one value somewhere in the JSON of an event."""
    database = sqlite3.connect(camp / "campaign.db")
    (data,) = database.execute("SELECT data FROM events WHERE kind = ? LIMIT 1", (kind,)).fetchone()
    database.close()
    places = [found.span(1) for found in re.finditer(r'": ?("[^"]*"|\[[^\]]*\]|[-\w.]+)', data)]
    start, end = rng.choice(places)
    changed = data[:start] + rng.choice(DATA) + data[end:]
    quoted = changed.replace("'", "''")
    _sql(f"UPDATE events SET data = '{quoted}' WHERE kind = '{kind}'", camp, rng)


ALL: tuple[Mutation, ...] = (
    *(
        Mutation(
            f"{file} {done.__name__}",
            functools.partial(_file, file, done),
            record=file in RECORD,
            refuse=file in (*RECORD, *COMPANIONS),
        )
        for file in FILES
        for done in damage.ALL
    ),
    *(
        Mutation(f"campaign.toml {key} = {value:.20}", functools.partial(_setting, key, value))
        for key in KEYS
        for value in VALUES
    ),
    *(
        Mutation(f"campaign.db {table}.{column}", functools.partial(_cell, table, column))
        for table, columns in ROWS.items()
        for column in columns
    ),
    *(Mutation(f"campaign.db {script:.60}", functools.partial(_sql, script)) for script in SCRIPTS),
    *(
        Mutation(f"campaign.db event {kind}", functools.partial(_event, kind))
        for kind in ("created", "classes", "asked", "answered", "trained")
        for _ in range(4)
    ),
)
