"""Images that stay in the ledger: the same as those in memory."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from alkit.campaign.record import images as module
from alkit.campaign.record.images import LedgerImages, RenamedImages
from alkit.campaign.record.ledger import Ledger
from alkit.data.image_list import ImageRecord, ImagesInMemory
from alkit.data.positions import Positions
from alkit.errors import CampaignError

RECORDS = [
    ImageRecord(
        at,
        f"{at:02}",
        f"{at % 7:064x}",
        8,
        8,
        "broken" if at == 3 else None,
        at % 7 if at >= 7 and at % 7 != 3 else None,
    )
    for at in range(20)
]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(module, "MOST_IN_MEMORY", 4)
    made = Ledger(tmp_path / "campaign.db", create=True)
    with made.transaction():
        made.add_images(RECORDS)
    return made


def test_images_in_the_ledger_are_those_in_memory(ledger: Ledger) -> None:
    found, same = ledger.images(), ImagesInMemory(RECORDS)
    assert isinstance(found, LedgerImages) and found == same and found[5:9] == RECORDS[5:9]
    assert found.set_aside == same.set_aside and found.keys == same.keys
    assert found.keys_of([9, 2]) == ["09", "02"] and found.index_of("11") == 11
    for record in RECORDS:
        assert list(found.of_content(record.hash)) == list(same.of_content(record.hash))
    for start in ("", "0000000000", "f" * 9, RECORDS[1].hash[:-1], RECORDS[1].hash):
        assert sorted(found.with_hash(start)) == sorted(same.with_hash(start))
    assert found.index_of("\ud800") is None is found.index_of("no\0ne")
    assert found.names_beyond(Positions(22)) == ["20", "21"] and found.names_beyond(Positions(101)) is None
    ledger.close()
    assert found[19] == RECORDS[19], "they have a connection of their own"


def test_only_the_first_images_and_from_any_thread(ledger: Ledger) -> None:
    found, seen = ledger.images(10), list[object]()
    assert (
        found == RECORDS[:10] and found.index_of("15") is None and len(found.of_content(RECORDS[1].hash)) == 2
    )
    reader = threading.Thread(target=lambda: seen.append(found[4]))
    reader.start()
    reader.join()
    assert seen == [RECORDS[4]]
    ledger.close()


def test_images_with_other_names_now(ledger: Ledger) -> None:
    found = RenamedImages(ledger.images(), {2: "05", 5: "new"})
    ledger.close()
    assert found.index_of("05") == 2 and found.index_of("new") == 5 and found.index_of("02") is None
    assert found.keys_of([1, 2, 5]) == ["01", "05", "new"] == [found[at].key for at in (1, 2, 5)]


def test_damage_is_one_sentence(ledger: Ledger) -> None:
    db = ledger._db
    db.execute("DROP TRIGGER images_no_UPDATE")
    db.execute("DROP TRIGGER images_no_DELETE")
    db.execute("UPDATE images SET width = 'wide' WHERE idx = 8")
    with pytest.raises(CampaignError, match="damaged: a row has width of type str"):
        list(ledger.images())
    db.execute("DELETE FROM images WHERE idx = 9")
    with pytest.raises(CampaignError, match="the list of images has gaps"):
        ledger.images()
    ledger.close()
