"""What the tests of formats share: images to export, and a pool to match answers with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit import options
from alkit.interfaces.format import Export, Format
from alkit.plugin import registry
from alkit.testing.formats import FormatSubject


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Nine images, rank 1 has index 8, rank 9 has index 0; nobody has answered."""
    return FormatSubject("csv", {}, tmp_path / "subject").export()


@pytest.fixture(scope="session")
def make() -> Callable[..., Format]:
    """Make a format by name and options."""

    def build(name: str, **given: Any) -> Format:
        return options.build(registry.formats.get(name), given)

    return build
