"""Exported models, run as somebody without alkit runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def loaded(folder: Path) -> dict[str, Any]:
    """Run the code of an exported model."""
    code = (folder / "model.py").read_text(encoding="utf-8")
    assert "alkit" not in code.replace("alkit is not needed", "")
    namespace: dict[str, Any] = {"__name__": "model"}
    exec(compile(code, "model.py", "exec"), namespace)
    return namespace
