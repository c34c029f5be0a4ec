"""A rejected line and the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from alkit.utils.json_values import AsDict

from .mask_files import LOSSY, SUFFIXES

RejectionKind = Literal[
    "malformed", "unknown-image", "unusable-image", "invalid-label", "unknown-class", "not-text"
]


MOST_QUOTED = 80  # characters of a label


@dataclass(frozen=True, slots=True, order=True)
class Rejection(AsDict):
    """One line, task or file that is not accepted.

    Attributes:
        line: its number; 0 if it has no number.
        reason: for people.
        kind: for programs: `malformed` (it cannot be understood), `unknown-image`, `unusable-image`,
            `invalid-label` (not one of the task), `unknown-class`, `not-text` (UTF-8 cannot hold it).
    """

    json_keys: ClassVar[tuple[str, ...]] = ("line", "reason")

    line: int
    reason: str
    kind: RejectionKind = "malformed"


def shortened(label: str) -> str:
    """Return a label as a message quotes it: the beginning of a long one, such as JSON, but a whole path."""
    whole = len(label) <= MOST_QUOTED or label.lower().endswith((*SUFFIXES, *LOSSY))
    return label if whole else f"{label[:MOST_QUOTED]}..."


def quoted(label: str, image: str) -> str:
    """Return what a message calls the label of an image: itself, unless it is JSON with shapes."""
    return f"what is drawn on '{image}'" if label.startswith(("{", "[{")) else f"'{shortened(label)}'"
