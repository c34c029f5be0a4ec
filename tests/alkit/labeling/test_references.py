"""Tests of the resolver of images."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from alkit.data.preprocessing import ImageRecord
from alkit.labeling.given_answer import GivenAnswer
from alkit.labeling.references import References, UnknownImageError
from alkit.labeling.rejection import Rejection

HASHES = [f"{number:x}" * 64 for number in range(6)]
RECORDS = [
    ImageRecord(0, "cat/a.png", HASHES[1], 8, 8, None, None),
    ImageRecord(1, "3", HASHES[2], 8, 8, None, None),
    ImageRecord(2, "ü b.png", HASHES[3], 8, 8, None, None),
    ImageRecord(3, "broken.png", HASHES[4], 0, 0, "truncated", None),
    ImageRecord(4, "copy.png", HASHES[1], 8, 8, None, 0),
    ImageRecord(5, "lost.png", "", 0, 0, "no such file", None),
]


def pool(*keys: str) -> list[ImageRecord]:
    return [ImageRecord(i, key, f"{i:064x}", 8, 8, None, None) for i, key in enumerate(keys)]


def find(text: str, records: Sequence[ImageRecord] = RECORDS, location: Path = Path("/photos")) -> int | None:
    try:
        return References(records, location).find(GivenAnswer(1, text, "x"))
    except UnknownImageError:
        return None


def reason(given: GivenAnswer, records: Sequence[ImageRecord] = RECORDS) -> str:
    with pytest.raises(UnknownImageError) as caught:
        References(records, Path("/photos")).find(given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("cat/a.png", 0),
        ("./cat/a.png", 0),
        ("cat\\a.png", 0),
        (" cat/a.png ", 0),
        ("/photos/cat/a.png", 0),
        ("photos/cat/a.png", 0),
        ("C:\\Users\\ada\\photos\\cat\\a.png", 0),
        ("/mnt/other/cat/a.png", 0),
        ("file:///mnt/other/cat/a.png", 0),
        ("https://example.org/x/cat/a.png?width=100", 0),
        ("/data/local-files/?d=photos/cat/a.png", 0),
        ("/data/local-files/?d=photos%2Fcat%2Fa.png", 0),
        ("/data/upload/3/0f3c9a2b-a.png", 0),
        ("upload/0f3c9a2b-a.png", 0),
        ("a.png", 0),
        ("A.PNG", 0),
        ("CAT/A.PNG", 0),
        ("a", 0),
        ("cat/a", 0),
        ("3", 1),
        ("3.0", 1),
        ("003", 1),
        ("ü b.png", 2),
        (unicodedata.normalize("NFD", "ü b.png"), 2),
        ("%C3%BC%20b.png", 2),
        (HASHES[3], 2),
        (HASHES[3].upper(), 2),
        (HASHES[3][:8], 2),
        (HASHES[1], 0),  # of copies, the first
    ],
)
def test_an_image_is_known_however_it_is_written(name: str, index: int) -> None:
    assert find(name) == index


@pytest.mark.parametrize(
    "name",
    [
        *("cat", "0", "2", "6", "-1", "1.0", "02", "٣", "9" * 5000, HASHES[3][:7], "", " ", "\0"),
        *("/photos", "dog/a.png", "cat/../a.png", "b.jpg", "a.jpg"),
    ],
)
def test_what_is_no_image_is_not_guessed(name: str) -> None:
    assert find(name) is None


@pytest.mark.parametrize("name", ["0.png", "7.png"])
def test_a_bare_number_is_a_name_or_a_stem_and_never_an_index(name: str) -> None:
    records = pool("5.png", name, "x.png")
    assert find(name.removesuffix(".png"), records) == 1
    assert find("2", records) is None


def test_the_path_as_written_wins() -> None:
    records = pool("a.png", "x/a.png", "a%20b.png", "a b.png", HASHES[1][:8], "b/c.png", "b\\c.png")
    assert [find(record.key, records) for record in records] == list(range(7))
    spaced = pool("a.png", " a.png")
    assert [find(name, spaced) for name in ("a.png", " a.png", "a.png ")] == [0, 1, 0]


def test_several_that_fit_are_named() -> None:
    records = pool("x/a.png", "y/a.png", "z/a.png", "w/a.png", "b.jpg", "b.png")
    said = reason(GivenAnswer(1, "a.png", ""), records)
    assert said == (
        "'a.png' may be 'x/a.png' or 'y/a.png' or 'z/a.png' or one of 1 more; write the path from the pool"
    )
    assert reason(GivenAnswer(1, "b", ""), records).startswith("'b' may be 'b.jpg' or 'b.png'")
    assert find("/elsewhere/y/a.png", records) == 1


def test_a_miss_suggests_the_nearest_name() -> None:
    assert reason(GivenAnswer(1, "brokem.png", "")).endswith("; the nearest is 'broken.png'")
    assert reason(GivenAnswer(1, "dog/a.png", "")).endswith("; the nearest is 'cat/a.png'")
    assert reason(GivenAnswer(1, "copy.jpg", "")).endswith("; the nearest is 'copy.png'")
    assert reason(GivenAnswer(1, "zzzzzzzz", "")) == "'zzzzzzzz' is not an image of this pool"


def test_a_short_hash_has_to_be_enough() -> None:
    twins = [ImageRecord(i, f"{i}.png", "abcdef01" + str(i) * 56, 1, 1, None, None) for i in range(2)]
    assert find("abcdef01", twins) is None
    assert find("abcdef010", twins) == 0


@pytest.mark.parametrize(
    ("given", "index"),
    [
        (GivenAnswer(1, "", "", index=2), 2),
        (GivenAnswer(1, "ü b.png", "", index=2), 2),
        (GivenAnswer(1, "", "", index=2, hash=HASHES[3][:16]), 2),
        (GivenAnswer(1, "", "", index=4, hash=HASHES[1]), 4),  # the copy itself
        (GivenAnswer(1, "renamed.png", "", hash=HASHES[3]), 2),
        (GivenAnswer(1, "renamed.png", "", others=("ü b.png",)), 2),
    ],
)
def test_all_that_is_said_of_an_image_counts(given: GivenAnswer, index: int) -> None:
    assert References(RECORDS, Path("/photos")).find(given) == index


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (GivenAnswer(1, "ü b.png", "", index=0), "contradicts itself: index 0 is 'cat/a.png', 'ü b.png' is"),
        (GivenAnswer(1, "ü b.png", "", hash=HASHES[1]), "contradicts itself: hash 11111111"),
        (
            GivenAnswer(1, "ü b.png", "", others=("cat/a.png",)),
            "contradicts itself: 'ü b.png' is 'ü b.png', 'c",
        ),
        (GivenAnswer(1, "", "", index=1, hash=HASHES[1]), "contradicts itself"),
        (GivenAnswer(1, "renamed.png", "", index=2), "'renamed.png' is not an image of this pool"),
        (GivenAnswer(1, "ü b.png", "", hash="f" * 64), "'ü b.png' with hash ffffffff... is not in this pool"),
        (GivenAnswer(1, "", "", index=6), "index 6 is not an image of this pool, which has 6"),
        (GivenAnswer(1, "", "", index=-1), "index -1 is not"),
        (GivenAnswer(1, "", ""), "names no image"),
    ],
)
def test_contradictions_are_refused(given: GivenAnswer, said: str) -> None:
    assert reason(given).startswith(said)


def resolved(*names: str, records: Sequence[ImageRecord]) -> list[int | str]:
    found = References(records, Path("/data/train")).find_all(GivenAnswer(1, name, "x") for name in names)
    return [place.kind if isinstance(place, Rejection) else place for place in found]


def test_files_of_another_folder_with_the_same_name_are_no_images_of_the_pool() -> None:
    records = pool("1.png", "2.png")
    no = "unknown-image"
    assert resolved("train/1.png", "test/1.png", "test/2.png", records=records) == [0, no, no]
    assert resolved("/far/train/1.png", "/far/test/2.png", records=records) == [0, no]
    assert resolved("a/1.png", "b/1.png", "a/2.png", records=records) == [no, no, 1]
    assert resolved("images/1.png", "images/2.png", records=records) == [0, 1]


def test_a_file_is_known_by_its_path_from_here_and_from_its_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    references = References(RECORDS, tmp_path / "photos")
    for name in ("photos/cat/a.png", "photos/../photos/cat/a.png"):
        assert references.find(GivenAnswer(1, name, "")) == 0
    monkeypatch.chdir(tmp_path / "elsewhere")
    beside = References(RECORDS, tmp_path / "photos", [tmp_path / "photos" / "cat"])
    assert beside.find(GivenAnswer(1, "../cat/a.png", "")) == 0


def test_an_absolute_path_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "store.png").touch()
    (tmp_path / "photos" / "cat" / "a.png").symlink_to(tmp_path / "store.png")
    (tmp_path / "alias").symlink_to(tmp_path / "photos")
    for folder, location in (("photos", "photos"), ("alias", "alias"), ("alias", "photos")):
        assert find(str(tmp_path / folder / "cat" / "a.png"), location=tmp_path / location) == 0


def test_an_image_is_found_in_a_large_pool_at_once() -> None:
    records = pool(*(f"folder-{i % 100}/{i:06d}.jpg" for i in range(20_000)))
    references = References(records, Path("/photos"))
    found = references.find_all(GivenAnswer(1, f"{i:06d}.jpg", "x") for i in range(20_000))
    assert found == list(range(20_000))
