"""A benchmark that takes seconds: a few digits, two epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from alkit.bench.protocol import Protocol, parse_protocol


def write_digits(folder: Path, *, classes: int = 3) -> tuple[Path, Path]:
    """Write digits of the first few classes as a pool and a test set, if they are not there."""
    pool, test = folder / "pool.npz", folder / "test.npz"
    if pool.exists():
        return pool, test
    digits = load_digits()
    few = np.flatnonzero(digits.target < classes)
    images = np.round(digits.images[few] * 15.9).astype(np.uint8)
    half = len(few) // 2
    np.savez(pool, images=images[:half], labels=digits.target[few][:half])
    np.savez(test, images=images[half:], labels=digits.target[few][half:])
    return pool, test


def tiny_protocol(folder: Path, **changes: Any) -> Protocol:
    """Return a protocol on such digits; `changes` are tables of the file."""
    pool, test = write_digits(folder)
    table: dict[str, Any] = {
        "name": "tiny",
        "seeds": 2,
        "data": {"pool": str(pool), "test": str(test)},
        "task": {"options": {"epochs": 2, "batch-size": 8, "model": "tiny-cnn"}},
        "labels": {"start": 12, "budget": 6, "cycles": 2},
        "strategies": ["random", "entropy"],
    }
    return parse_protocol(table | changes)
