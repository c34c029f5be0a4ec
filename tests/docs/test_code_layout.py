"""The page on the code layout names what is there, and its picture is that of the code."""

from __future__ import annotations

import configparser
import importlib
import inspect
import re
import subprocess
import sys
from functools import reduce
from types import ModuleType
from typing import Any

import pytest

REFERENCE = re.compile(r"`([\w.]+):([\w.]+)`")
JOURNEYS = 6


@pytest.fixture
def page(documentation) -> str:
    return (documentation.root / "docs" / "explanation" / "code-layout.md").read_text(encoding="utf-8")


def journeys(page: str) -> list[list[tuple[str, str]]]:
    """The references of each section with numbered steps, in order."""
    sections = (re.findall(r"^\d+\. .*$", text, re.MULTILINE) for text in page.split("\n## "))
    return [REFERENCE.findall("\n".join(steps)) for steps in sections if steps]


def found(module: str, name: str) -> tuple[ModuleType, Any]:
    home = importlib.import_module(module)
    return home, reduce(getattr, name.split("."), home)


def test_every_function_on_the_page_exists(page):
    references = REFERENCE.findall(page)
    assert len(references) > 60
    for module, name in references:
        home, value = found(module, name)
        assert value is not None
        if inspect.isfunction(value) or inspect.isclass(value):
            assert value.__module__ == home.__name__, f"{module}:{name} is from {value.__module__}"


def test_every_step_is_named_in_an_earlier_one(page):
    """A step's function is called, or at least named, in the module of a step before it."""
    assert len(journeys(page)) == JOURNEYS
    for journey in journeys(page):
        sources = inspect.getsource(importlib.import_module(journey[0][0]))
        for module, name in journey[1:]:
            last = name.rpartition(".")[2]
            assert name == "command" or re.search(rf"\b{last}\b", sources), f"{module}:{name}"
            sources += inspect.getsource(importlib.import_module(module))


def test_the_table_is_the_contract(page, documentation):
    config = configparser.ConfigParser()
    config.read(documentation.root / "setup.cfg", encoding="utf-8")
    lines = config["importlinter:contract:layers"]["layers"].split()
    layers = [line.split("|") for line in " ".join(lines).replace(" | ", "|").split()]
    expected = [
        (str(number), name, below(number, len(layers)))
        for number, names in enumerate(layers, start=1)
        for name in names
    ]
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    assert rows == expected


def below(number: int, last: int) -> str:
    if number == last:
        return "nothing"
    if number + 1 == last:
        return f"layer {last}"
    return f"layers {number + 1} {'and' if number + 2 == last else 'to'} {last}"


def test_every_path_on_the_page_exists(page, documentation):
    paths = re.findall(r"`((?:alkit|plugins|tests)/[\w/.]*)`", page)
    assert len(paths) > 12
    for path in paths:
        assert (documentation.root / path).exists(), path


def test_the_picture_is_up_to_date(documentation):
    pytest.importorskip("grimp", reason="import-linter is not installed")
    script = documentation.root / "scripts" / "draw-layout"
    check = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=120
    )
    assert check.returncode == 0, check.stdout + check.stderr
