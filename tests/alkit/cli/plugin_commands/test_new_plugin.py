"""`alkit new-plugin` and `alkit new-strategy`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]


def files(folder: Path) -> dict[str, str]:
    found = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_text() for file in found}


def test_a_strategy_goes_to_a_directory_of_its_name(alkit: Alkit, here: Path) -> None:
    said = alkit("new-strategy", "my-idea")
    assert set(said.out.splitlines()) == {f"alkit-my-idea/{file}" for file in files(here / "alkit-my-idea")}
    assert 'next  cd alkit-my-idea\nnext  pip install -e ".[test]"\nnext  alkit check my-idea' in said.err
    assert "next  alkit query --strategy my-idea --pool digits --budget 20" in said.err


def test_the_short_form_writes_the_same(alkit: Alkit, here: Path) -> None:
    alkit("new-strategy", "my-idea", "short")
    alkit("new-plugin", "--kind", "strategy", "my-idea", "long")
    assert files(here / "short") == files(here / "long")
    assert files(here / "short")


@pytest.mark.parametrize("kind", ["task", "oracle", "format"])
def test_every_kind_is_written(alkit: Alkit, here: Path, kind: str) -> None:
    alkit("new-plugin", "--kind", kind, "my-idea", "there")
    assert f"alkit_{kind}s" in (here / "there" / "alkit_my_idea.py").read_text()


def test_what_cannot_be_written_is_one_sentence(alkit_ends: Alkit, here: Path) -> None:
    said = alkit_ends("new-strategy", "random")
    assert said.code == 2
    assert "a strategy random (alkit " in said.error
    assert list(here.iterdir()) == []
