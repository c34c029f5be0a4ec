"""The interfaces that plugin authors implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

if TYPE_CHECKING:
    from alkit.data.source import Source as Source
    from alkit.interfaces.encoder import Encoder as Encoder
    from alkit.interfaces.encoder import OpenEncoder as OpenEncoder
    from alkit.interfaces.executor import Executor as Executor
    from alkit.interfaces.format import Export as Export
    from alkit.interfaces.format import Format as Format
    from alkit.interfaces.format import Item as Item
    from alkit.interfaces.format import LiveFormat as LiveFormat
    from alkit.interfaces.format import Prediction as Prediction
    from alkit.interfaces.format import Push as Push
    from alkit.interfaces.format import Reply as Reply
    from alkit.interfaces.format import Server as Server
    from alkit.interfaces.labels import ALL_KINDS as ALL_KINDS
    from alkit.interfaces.labels import Boxes as Boxes
    from alkit.interfaces.labels import ClassLabel as ClassLabel
    from alkit.interfaces.labels import ClassSet as ClassSet
    from alkit.interfaces.labels import ImageFacts as ImageFacts
    from alkit.interfaces.labels import Labels as Labels
    from alkit.interfaces.labels import Mask as Mask
    from alkit.interfaces.labels import Number as Number
    from alkit.interfaces.oracle import Answer as Answer
    from alkit.interfaces.oracle import AnswerKind as AnswerKind
    from alkit.interfaces.oracle import Oracle as Oracle
    from alkit.interfaces.strategy import ScoreStrategy as ScoreStrategy
    from alkit.interfaces.strategy import Strategy as Strategy
    from alkit.interfaces.task import TaskModel as TaskModel

_HOMES = {
    "alkit.data.source": ("Source",),
    "alkit.interfaces.encoder": ("Encoder", "OpenEncoder"),
    "alkit.interfaces.executor": ("Executor",),
    "alkit.interfaces.format": (
        "Export",
        "Format",
        "Item",
        "LiveFormat",
        "Prediction",
        "Push",
        "Reply",
        "Server",
    ),
    "alkit.interfaces.labels": (
        "ALL_KINDS",
        "Boxes",
        "ClassLabel",
        "ClassSet",
        "ImageFacts",
        "Labels",
        "Mask",
        "Number",
    ),
    "alkit.interfaces.oracle": (
        "Answer",
        "AnswerKind",
        "Oracle",
    ),
    "alkit.interfaces.strategy": (
        "ScoreStrategy",
        "Strategy",
    ),
    "alkit.interfaces.task": ("TaskModel",),
}

__all__ = sorted([name for names in _HOMES.values() for name in names])
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
