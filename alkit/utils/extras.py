"""Extras: packages that only benchmarks need."""

from __future__ import annotations

import importlib
from typing import Any

from alkit.errors import AlkitError


class MissingExtra(AlkitError):
    """A package of the extra `bench` is not installed."""


def need(module: str) -> Any:
    """Import a module of the extra `bench`.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra(f"benchmarks need {error.name}; pip install 'alkit[bench]' brings it") from error
