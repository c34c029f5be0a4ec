"""Extras: packages that only some commands need, and the message when one is missing."""

from __future__ import annotations

import importlib
from typing import Any

from alkit.errors import AlkitError

NEEDED_BY = {
    "bench": "benchmarks need",
    "label": "'alkit label' needs",
    "onnx": "a model as ONNX needs",
    "parquet": "Parquet files need",
}


class MissingExtra(AlkitError):
    """A package of an extra is not installed."""


def need(module: str, extra: str = "bench") -> Any:
    """Import a module of an extra.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        command = f"pip install 'alkit[{extra}]'"
        raise MissingExtra(f"{NEEDED_BY[extra]} {error.name}; install it with: {command}") from error
