"""The ledger: only ever added to, all or nothing, safe against crashes and company."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.record.events import Answered, Asked, Trained, Unknown
from alkit.campaign.record.ledger import Ledger, PickRow
from alkit.campaign.record.schema import MIGRATIONS
from alkit.data.preprocessing import ImageRecord
from alkit.errors import CampaignError, CampaignLocked
from alkit.interfaces.oracle import Answer

from ....processes import Process

RECORDS = [
    ImageRecord(0, "a.png", "h0", 8, 8, None, None),
    ImageRecord(1, "b.png", "h1", 0, 0, "truncated", None),
    ImageRecord(2, "ü.png", "h0", 8, 8, None, 0),
]


PICKS = [PickRow(2, 0.5, place=2, predicted=1, confidence=0.75), PickRow(0, None, control=True, place=1)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "campaign.db", create=True)
    with ledger.transaction():
        ledger.add_images(RECORDS)
        ledger.add_test_images(RECORDS[:1], {"a.png": "cat"})
        asked = ledger.add_event(Asked(cycle=0, strategy="random"))
        ledger.add_picks(asked, PICKS)
        answered = ledger.add_event(Answered(more={"note": "später"}))
        ledger.add_answers(answered, [(2, Answer(value="cat", annotator="ann", time="2020", cost=1.5))])
    yield ledger
    ledger.close()


def test_what_is_added_is_what_is_read(ledger: Ledger) -> None:
    assert ledger.images() == RECORDS
    assert ledger.test_images() == (RECORDS[:1], ["cat"])
    assert [(e.id, e.kind, e.data) for e in ledger.all_events()] == [
        (1, "asked", Asked(cycle=0, strategy="random")),
        (2, "answered", Answered(more={"note": "später"})),
    ]
    assert ledger.picks(1) == PICKS
    (row,) = ledger.answers()
    assert (row.event, row.index) == (2, 2)
    assert row.answer == Answer(value="cat", annotator="ann", time="2020", cost=1.5)


def test_events_can_be_asked_for_by_kind(ledger: Ledger) -> None:
    assert [event.id for event in ledger.events(Answered)] == [2]
    assert [event.id for event in ledger.all_events(Answered, Asked)] == [1, 2]
    assert ledger.events(Trained) == []


def test_an_event_has_its_time_in_utc(ledger: Ledger) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ledger.all_events()[0].time)


def test_all_answers_of_an_image_are_kept_in_order(ledger: Ledger) -> None:
    with ledger.transaction():
        event = ledger.add_event(Answered())
        ledger.add_answers(event, [(2, Answer(value="dog")), (0, Answer("abstain"))])
    assert [row.answer.value for row in ledger.answers(2)] == ["cat", "dog"]
    assert [(row.index, row.answer.kind) for row in ledger.answers()] == [
        (2, "label"),
        (2, "label"),
        (0, "abstain"),
    ]
    assert ledger.answers(2)[1].answer.time.endswith("Z"), "the moment of acceptance"


TABLES = {"images": "idx", "test_images": "idx", "events": "id", "picks": "rank", "answers": "id"}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement", ["UPDATE {t} SET {c} = {c}", "DELETE FROM {t}", "REPLACE INTO {t} SELECT * FROM {t}"]
)
def test_nobody_can_change_or_delete(ledger: Ledger, table: str, statement: str) -> None:
    stranger = sqlite3.connect(ledger.path)
    try:
        before = stranger.execute(f"SELECT * FROM {table}").fetchall()
        assert before
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} are only ever added"):
            stranger.execute(statement.format(t=table, c=TABLES[table]))
        assert stranger.execute(f"SELECT * FROM {table}").fetchall() == before
    finally:
        stranger.close()


def test_an_error_in_a_transaction_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(KeyboardInterrupt), ledger.transaction():
        event = ledger.add_event(Answered())
        ledger.add_answers(event, [(0, Answer(value="dog"))])
        raise KeyboardInterrupt
    assert len(ledger.all_events()) == 2
    assert len(ledger.answers()) == 1
    with ledger.transaction():
        ledger.add_event(Unknown(word="later", more={}))
    assert [event.kind for event in ledger.all_events()] == ["asked", "answered", "later"]


def test_a_pick_or_answer_of_no_image_is_refused_whole(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError), ledger.transaction():
        event = ledger.add_event(Asked(cycle=0, strategy="random"))
        ledger.add_picks(event, [PickRow(0, None), PickRow(99, None)])
    assert len(ledger.all_events()) == 2


def test_an_image_is_picked_once_a_query(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError), ledger.transaction():
        ledger.add_picks(
            ledger.add_event(Asked(cycle=0, strategy="random")), [PickRow(0, None), PickRow(0, None)]
        )


def test_the_name_of_a_file_may_be_no_text(ledger: Ledger) -> None:
    with ledger.transaction():
        ledger.add_event(Answered(file="caf\udce9.csv"))
    assert ledger.events(Answered)[-1].data.file == "caf\udce9.csv"


def test_nan_is_not_written_as_json(ledger: Ledger) -> None:
    with pytest.raises(ValueError), ledger.transaction():
        ledger.add_event(Unknown(word="trained", more={"loss": float("nan")}))
    assert len(ledger.all_events()) == 2


def test_reopening_finds_the_same(ledger: Ledger) -> None:
    again = Ledger(ledger.path)
    try:
        assert again.images() == ledger.images()
        assert again.all_events() == ledger.all_events()
    finally:
        again.close()


@pytest.fixture
def first_format(tmp_path: Path) -> Path:
    """A ledger as the first alkit made it."""
    path = tmp_path / "campaign.db"
    old = sqlite3.connect(path)
    old.executescript(f"BEGIN; {MIGRATIONS[0]} PRAGMA user_version = 1; COMMIT;")
    old.execute("INSERT INTO images VALUES (0, 'a.png', 'h0', 8, 8, NULL, NULL)")
    old.execute("INSERT INTO events VALUES (1, '2020', 'asked', '{}')")
    old.execute("INSERT INTO picks VALUES (1, 1, 0, 0.5)")
    old.commit()
    old.close()
    return path


def test_two_may_open_a_ledger_of_the_first_format_at_once(
    first_format: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = Ledger.transaction

    def late(ledger: Ledger, what: str) -> AbstractContextManager[None]:
        """Another process is quicker between the look at the version and the change."""
        monkeypatch.setattr(Ledger, "transaction", transaction)
        Ledger(first_format).close()
        return transaction(ledger, what)

    monkeypatch.setattr(Ledger, "transaction", late)
    ledger = Ledger(first_format)
    assert ledger.picks(1) == [PickRow(0, 0.5)]
    ledger.close()


def test_a_ledger_of_the_first_format_that_is_read_only_is_one_sentence(
    first_format: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda at, **o: connect(at.replace("mode=rw", "mode=ro"), **o))
    with pytest.raises(CampaignError, match=r"cannot be upgraded .*: .* writable$"):
        Ledger(first_format)


def test_a_ledger_of_the_first_format_opens_without_loss(first_format: Path) -> None:
    ledger = Ledger(first_format)
    try:
        assert ledger.picks(1) == [PickRow(0, 0.5)]
        with ledger.transaction():
            event = ledger.add_event(Asked(cycle=0, strategy="random"))
            ledger.add_picks(event, [PickRow(0, None, control=True, place=1)])
        with pytest.raises(sqlite3.IntegrityError, match="picks are only ever added"):
            ledger._db.execute("UPDATE picks SET control = 0")
    finally:
        ledger.close()
    again = Ledger(first_format)
    assert again.picks(2) == [PickRow(0, None, control=True, place=1)]
    again.close()


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="missing"):
        Ledger(tmp_path / "campaign.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"campaign\.db cannot be used: unable to open"):
        Ledger(tmp_path / "nowhere" / "campaign.db", create=True)


def test_a_newer_format_is_refused(ledger: Ledger) -> None:
    stranger = sqlite3.connect(ledger.path)
    stranger.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    stranger.close()
    with pytest.raises(
        CampaignError, match=r"made by a newer alkit \(format \d+, this one knows \d+\); upgrade"
    ):
        Ledger(ledger.path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "campaign.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(CampaignError, match=r"campaign\.db cannot be used: file is not a database"):
        Ledger(path)


def test_damage_inside_is_one_sentence(ledger: Ledger) -> None:
    ledger.close()  # the log is written back
    content = bytearray(ledger.path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    ledger.path.write_bytes(content)
    with pytest.raises(CampaignError, match=r"campaign\.db cannot be (used|read): "):
        damaged = Ledger(ledger.path)
        try:
            damaged.images()
            damaged.all_events()
            damaged.answers()
        finally:
            damaged.close()


def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(ledger: Ledger) -> None:
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")
    with (
        pytest.raises(CampaignError, match=r"cannot be written: database or disk is full"),
        ledger.transaction(),
    ):
        for _ in range(100):
            ledger.add_event(Unknown(word="large", more={"text": "x" * 1000}))
    assert len(ledger.all_events()) == 2


def test_a_second_writer_waits_and_then_gets_a_clear_message(ledger: Ledger) -> None:
    second = Ledger(ledger.path)
    second._db.execute("PRAGMA busy_timeout = 50")
    try:
        with ledger.transaction():
            ledger.add_event(Unknown(word="first", more={}))
            assert len(second.all_events()) == 2, "readers see what is committed, and do not wait"
            with (
                pytest.raises(CampaignLocked, match="in use by another process; try again"),
                second.transaction(),
            ):
                pytest.fail("two writers at once")
        with second.transaction():
            second.add_event(Unknown(word="second", more={}))
        assert [event.kind for event in ledger.all_events()][2:] == ["first", "second"]
    finally:
        second.close()


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from alkit.campaign.record.events import Answered
    from alkit.campaign.record.ledger import Ledger
    from alkit.interfaces.oracle import Answer

    ledger = Ledger(Path(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        with ledger.transaction():
            event = ledger.add_event(Answered(more={"number": number}))
            ledger.add_answers(event, [(0, Answer(value=str(number))), (2, Answer(value=str(number)))])
        print(number, flush=True)
    """
)


def start_writer(path: Path, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_do_not_interleave(ledger: Ledger) -> None:
    writers = [start_writer(ledger.path, 20) for _ in range(2)]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    rows = ledger.answers()[1:]
    assert len(rows) == 80
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert (first.event, first.index, second.event, second.index) == (first.event, 0, first.event, 2)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("reported", [1, 7, 23])
def test_a_killed_writer_loses_nothing_that_it_reported(ledger: Ledger, reported: int) -> None:
    with start_writer(ledger.path, 100_000) as writer:
        assert writer.stdout is not None
        for _ in range(reported):
            last = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        lines = writer.stdout.read().split()
    last = int(lines[-1]) if lines else last
    again = Ledger(ledger.path)
    try:
        numbers = [int(row.answer.value) for row in again.answers()[1:]]
        assert numbers == sorted([*range(len(numbers) // 2)] * 2), "every transaction is there whole"
        assert len(numbers) // 2 >= last + 1
        with again.transaction():
            again.add_event(Unknown(word="later", more={}))
    finally:
        again.close()


def test_an_older_ledger_that_cannot_be_written_is_read_from_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "campaign.db"
    with monkeypatch.context() as older:
        older.setattr("alkit.campaign.record.ledger.MIGRATIONS", MIGRATIONS[:2])
        made = Ledger(path, create=True)
        with made.transaction():
            made.add_images(RECORDS)
        made.close()
    before, connected = path.read_bytes(), Ledger._connected

    def refused(self: Ledger, address: str) -> sqlite3.Connection:
        if address.endswith("?mode=rw") and str(path) in address:
            raise sqlite3.OperationalError("unable to open database file")
        return connected(self, address)

    monkeypatch.setattr(Ledger, "_connected", refused)
    ledger = Ledger(path)
    try:
        assert ledger.images() == RECORDS
        assert ledger.test_images() == ([], [])
        with pytest.raises(CampaignError, match="writable"), ledger.transaction():
            pass
    finally:
        ledger.close()
    assert path.read_bytes() == before


def without_triggers(path: Path, script: str) -> None:
    with sqlite3.connect(path) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute(script)
    db.close()


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE images SET width = 'wide' WHERE idx = 1",
        "UPDATE images SET hash = x'ff' WHERE idx = 1",
        "UPDATE images SET key = CAST(x'ff41' AS TEXT) WHERE idx = 1",
        "UPDATE images SET duplicate_of = 99 WHERE idx = 1",
        "UPDATE images SET duplicate_of = idx WHERE idx = 1",
        "DELETE FROM images WHERE idx = 1",
        "DELETE FROM images",
        "UPDATE answers SET idx = 99999999",
        "UPDATE answers SET idx = -1",
        "UPDATE answers SET kind = 'maybe'",
        "UPDATE answers SET value = 'not JSON'",
        "UPDATE answers SET value = 'null'",
        "UPDATE answers SET value = replace(hex(zeroblob(50000)), '00', '[')",
        "UPDATE answers SET annotator = x'00'",
        "UPDATE events SET data = '{}' WHERE kind = 'classes'",
        "UPDATE events SET data = '{\"by\": 3}', kind = 'aggregate' WHERE kind = 'classes'",
        "UPDATE events SET data = '{\"by\": \"chance\"}', kind = 'aggregate' WHERE kind = 'classes'",
        "UPDATE events SET data = '{\"indices\": [-1]}', kind = 'lost' WHERE kind = 'classes'",
        "UPDATE events SET time = x'00'",
        "DROP TABLE answers",
        "ALTER TABLE images RENAME COLUMN hash TO digest",
    ],
)
def test_a_damaged_row_is_one_sentence(alkit_ends: Callable[..., Any], labeled: Path, script: str) -> None:
    without_triggers(labeled / "campaign.db", script)
    said = alkit_ends("status", "-c", labeled)
    assert said.code == 1
    assert "damaged" in said.error
    assert "restore the file from a backup" in said.error


@pytest.mark.parametrize("name", ["campaign.db", "campaign.db-wal", "campaign.db-shm"])
def test_a_pipe_in_the_place_of_a_ledger_is_one_sentence(
    alkit_ends: Callable[..., Any], labeled: Path, name: str
) -> None:
    (labeled / name).unlink(missing_ok=True)
    os.mkfifo(labeled / name)
    said = alkit_ends("status", "-c", labeled)
    assert said.code == 1
    assert f"{name} cannot be used: not a file but a pipe" in said.error


# Runs a command on a campaign as one who may write nothing; another campaign has it import all that it needs.
READING = """
import contextlib, ctypes, os, sys
from alkit.cli import main
other = sys.argv.pop(1)
reading = sys.argv
with contextlib.suppress(SystemExit):
    sys.argv = [word if word != reading[-1] else other for word in reading]
    main()
print("AND NOW")
sys.argv = reading
if os.getuid() == 0:  # who may write anything, and gives that up here: capset(2), no capability
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()) == 0, ctypes.get_errno()
    assert not os.access(reading[-1], os.W_OK)
main()
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_campaign_that_cannot_be_written_can_be_read(labeled: Path, tmp_path: Path, killed: bool) -> None:
    database = sqlite3.connect(labeled / "campaign.db", isolation_level=None)
    if killed:  # what was committed last is in the log only
        database.execute("PRAGMA wal_autocheckpoint = 0")
    database.execute(
        "INSERT INTO events (time, kind, data) VALUES ('2026-01-01', 'classes', '{\"added\": [\"latest\"]}')"
    )
    if not killed:
        database.close()
    camp = Path(shutil.copytree(labeled, tmp_path / "read-only"))
    database.close()
    (camp / "campaign.db-shm").unlink(missing_ok=True)
    assert killed == (camp / "campaign.db-wal").exists()
    for path in (camp, *camp.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        for words in (["status"], ["status", "--json"], ["report", "--json"]):
            process = Process(READING, labeled, *words, "-c", camp)
            code, out, err = process.communicate()
            process.close()
            assert code == 0, err
            assert "latest" in out.partition("AND NOW")[2] or words[0] == "report"
        process = Process(READING, labeled, "ingest", "--aggregate", "majority", "-c", camp)
        code, _, err = process.communicate()
        process.close()
        assert code == 1
        assert "cannot be written" in err
    finally:
        for path in (camp, *camp.rglob("*")):
            path.chmod(0o755)


def test_a_closed_ledger_is_not_called_damaged(ledger: Ledger) -> None:
    ledger.close()
    for use in (ledger.undamaged, ledger.transaction, ledger.snapshot):
        with (
            pytest.raises(CampaignError, match=r"has been closed; open it again with alkit\.Campaign"),
            use(),
        ):
            pass
    with pytest.raises(CampaignError, match="has been closed"):
        ledger.all_events()
