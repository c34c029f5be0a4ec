"""`alkit update`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Alkit = Callable[..., Any]


def test_new_broken_copied_and_missing_images(
    alkit: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    pool = make_pictures(here / "pool", each=3)
    alkit("init", "camp", "--pool", pool)
    assert alkit("update", "-c", "camp").out == "0 images added, 0 of them unusable, 0 exact copies\n"
    (pool / "blue" / "02.png").unlink()
    (pool / "blue" / "bad.png").touch()
    shutil.copy(pool / "red" / "00.png", pool / "green" / "copy.png")
    make_pictures(here / "more", each=1, seed=5)
    shutil.copy(here / "more" / "red" / "00.png", pool / "red" / "new.png")
    assert alkit("update", "-c", "camp").out.splitlines() == [
        "3 images added, 1 of them unusable, 1 exact copies",
        "unusable: 'blue/bad.png': empty file",
        "warning: 1 images are missing, such as 'blue/02.png'",
    ]
    report = alkit("update", "-c", "camp", "--json", "-q").json
    assert (report["added"], report["missing"]) == (0, ["blue/02.png"])
    status = alkit("status", "-c", "camp", "--json").json
    assert (status["images"], status["candidates"]) == (12, 10)


def test_a_pool_that_is_gone_is_one_sentence(
    alkit: Alkit, alkit_ends: Alkit, here: Path, make_pictures: Callable[..., Path]
) -> None:
    make_pictures(here / "pool", each=2)
    alkit("init", "camp", "--pool", "pool")
    shutil.rmtree(here / "pool")
    said = alkit_ends("update", "-c", "camp")
    assert said.code == 1
    assert "there is no folder or file" in said.error


def test_images_that_are_back_are_said(alkit: Alkit, here: Path, make_pictures: Callable[..., Path]) -> None:
    pool = make_pictures(here / "pool", each=3)
    alkit("init", "camp", "--pool", pool)
    (pool / "blue").rename(here / "blue")
    (here / "camp" / "cache" / "pool.u8").unlink()
    alkit("query", "-c", "camp", "-n", "2", "-s", "random")
    (here / "blue").rename(pool / "blue")
    assert alkit("update", "-c", "camp").out.splitlines()[1] == "3 images that were missing are back"
