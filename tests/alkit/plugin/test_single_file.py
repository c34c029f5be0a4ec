"""A strategy from a single file: found, run once, and what is wrong with it in one sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from alkit import options
from alkit.composition.factory import make_strategy, plugin_of
from alkit.errors import BrokenPlugin, InvalidOption, UnknownPlugin
from alkit.plugin import single_file

MINE = '''
from __future__ import annotations
from dataclasses import dataclass
import alkit
from alkit_plugins.strategies.random import Random

@dataclass(kw_only=True)
class Mine(alkit.Strategy):
    """The first ones."""
    needs_labels = False
    shift: int = alkit.option(0, "places")

    def select(self, cycle, n):
        return cycle.candidates[self.shift:][:n]

class Half(alkit.Strategy):
    pass

class Other:
    pass
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_class_in_a_file_is_a_strategy_with_options(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    strategy = make_strategy("./mine.py:Mine", {"shift": "3"})
    assert strategy.name == "mine.py:Mine"
    assert options.values_of(strategy) == {"shift": 3}
    with pytest.raises(InvalidOption, match=r"'mine.py:Mine' has no option 'step'"):
        make_strategy("mine.py:Mine", {"step": 1})


def test_path_and_hash_stand_for_distribution_and_version(mine: Path) -> None:
    plugin = plugin_of(make_strategy(f"{mine}:Mine"))
    assert plugin is not None
    assert plugin.distribution == str(mine)
    assert plugin.version == hashlib.sha256(MINE.encode()).hexdigest()
    assert single_file.find(f"{mine}:Mine") == plugin


def test_a_file_runs_again_only_when_it_has_changed(mine: Path) -> None:
    first = single_file.get(f"{mine}:Mine")
    assert single_file.get(f"{mine}:Mine") is first
    mine.write_text(MINE.replace("The first ones", "Others"))
    assert single_file.get(f"{mine}:Mine").__doc__ == "Others."


def test_a_class_that_the_file_imports_keeps_its_own_name_elsewhere(mine: Path) -> None:
    from alkit_plugins.strategies.random import Random

    assert make_strategy(f"{mine}:Random").name == "mine.py:Random"
    assert Random.name == "random"


def test_only_what_ends_in_py_and_a_class_is_a_file() -> None:
    assert all(map(single_file.names_a_file, ("a.py:B", "./x/a.py:B", r"C:\x\a.py:B", "a.py")))
    assert not any(map(single_file.names_a_file, ("entropy", "alkit:entropy", "a.py:1", "a.pyc:B")))
    assert single_file.absolute("entropy") == "entropy"


@pytest.mark.parametrize(
    ("text", "cls", "error", "said"),
    [
        (MINE, "Nothing", UnknownPlugin, "{} has no class 'Nothing'; it has Random, Mine, Half"),
        (
            MINE,
            "Other",
            BrokenPlugin,
            "'Other' in {} is not a strategy; it should be a subclass of alkit.Strategy{at}",
        ),
        (MINE, "Half", BrokenPlugin, "'Half' in {} does not define select{at}"),
        ("x = 1\n1 / 0\n", "A", BrokenPlugin, "{} fails in line 2: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "A", BrokenPlugin, "{} fails in line 1: SystemExit: 3"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, text: str, cls: str, error: type[Exception], said: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(error) as raised:
        single_file.get(f"{path}:{cls}")
    line = text[: text.find(f"class {cls}")].count("\n") + 1
    assert str(raised.value) == said.format(path, at=f" (mine.py, line {line})")


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("\n\nclass A(:\n")
    with pytest.raises(BrokenPlugin, match=r"mine\.py fails in line 3: SyntaxError"):
        single_file.get(f"{path}:A")


def test_a_missing_file_or_class_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownPlugin, match=r"file .*no\.py cannot be read: No such file"):
        make_strategy(f"{tmp_path}/no.py:A")
    with pytest.raises(UnknownPlugin, match=r"'no\.py' names no class; .* no\.py:CLASS"):
        make_strategy("no.py")
