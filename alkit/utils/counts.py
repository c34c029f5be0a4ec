"""Numbers of things in sentences."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """Put a number before a noun."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
