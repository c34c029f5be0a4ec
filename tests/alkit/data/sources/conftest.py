"""What the tests of sources share."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def deny(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Make a file unreadable; for root, whom no mode stops, by an `open` that refuses."""
    denied: list[Path] = []

    def make(path: Path) -> None:
        path.chmod(0)
        denied.append(path)
        if os.geteuid() == 0:
            plain = builtins.open

            def refusing(file: Any, *args: Any, **options: Any) -> Any:
                if isinstance(file, str | Path) and Path(file) in denied:
                    raise PermissionError(13, "Permission denied", str(file))
                return plain(file, *args, **options)

            monkeypatch.setattr(builtins, "open", refusing)

    yield make
    for path in denied:
        path.chmod(0o644)
