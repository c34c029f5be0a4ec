"""Public packages: what they offer can be imported, and type checkers see the same names."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

PACKAGES = (
    *("alkit", "alkit.interfaces", "alkit.data", "alkit.labeling", "alkit.training", "alkit.testing"),
    "alkit.campaign.analysis",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_there_at_run_time_and_for_type_checkers(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__all__ == sorted(package.__all__) == dir(package)
    assert all(hasattr(package, public) for public in package.__all__)
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    declared = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert declared == set(package.__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_name_that_is_not_there_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nonsense'"):
        importlib.import_module(name).nonsense  # noqa: B018
