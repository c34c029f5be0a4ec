"""Where somebody else's code begins, or failed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from alkit.interfaces.strategy import ScoreStrategy
from alkit.utils.code_places import told, where, where_in

CODE = """import alkit

class Mine(alkit.ScoreStrategy):
    name = "mine"

    def score(self, cycle, output):
        return 1 / 0
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "mine.py").write_text(CODE)
    spec = importlib.util.spec_from_file_location("a_module_of_mine", tmp_path / "mine.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "a_module_of_mine", made)
    spec.loader.exec_module(made)
    return made


def test_the_first_method_that_is_not_alkits_is_found_or_else_the_class(module: Any) -> None:
    assert where(module.Mine, "select", "score") == where(module.Mine(), "score") == " (mine.py, line 6)"
    assert where(module.Mine) == where(module.Mine, "select") == " (mine.py, line 3)"
    renamed = type("Other", (module.Mine,), {"__module__": module.__name__})
    assert where(renamed, "score") == " (mine.py, line 6)"
    assert where(ScoreStrategy, "select") == where(3) == ""


def test_a_module_without_the_function_is_a_file(module: Any) -> None:
    assert where_in(module, "alkit_strategies") == " (mine.py)"


def test_an_error_has_one_place(module: Any, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        module.Mine().score(None, None)
    assert told(raised.value, " (elsewhere)") == "ZeroDivisionError: division by zero (mine.py, line 7)"
    assert told(ValueError("a\nb"), " (mine.py, line 6)") == "ValueError: a (mine.py, line 6)"
    with pytest.raises(SyntaxError) as wrong:
        compile("x = (", str(tmp_path / "mine.py"), "exec")
    assert told(wrong.value) == "SyntaxError: '(' was never closed (mine.py, line 1)"
