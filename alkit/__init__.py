"""Pool-based deep active learning on images: which ones to label next, and did it help."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .markers import hookimpl as hookimpl
from .options import option as option

if TYPE_CHECKING:
    from .batches import Batch as Batch
    from .campaign import Campaign as Campaign
    from .combinator import Combinator as Combinator
    from .combinator import inner as inner
    from .cycle import Cycle as Cycle
    from .errors import AlkitError as AlkitError
    from .oracle import Answer as Answer
    from .oracle import Oracle as Oracle
    from .pool import Pool as Pool
    from .queries import Query as Query
    from .sources import Source as Source
    from .sources import open_source as open_source
    from .store import ImageStore as ImageStore
    from .strategy import ScoreStrategy as ScoreStrategy
    from .strategy import Strategy as Strategy
    from .task import Companion as Companion
    from .task import Output as Output
    from .task import Step as Step
    from .task import Tap as Tap
    from .task import TaskModel as TaskModel
    from .task import TaskSpec as TaskSpec

__version__ = "0.1.0"

INTERFACE = 1
"""Goes up with each change that breaks plugins; one says which it was written for: alkit_interface = 1."""

_HOME = {
    "AlkitError": "errors",
    "Answer": "oracle",
    "Batch": "batches",
    "Campaign": "campaign",
    "Combinator": "combinator",
    "Companion": "task",
    "Cycle": "cycle",
    "ImageStore": "store",
    "Oracle": "oracle",
    "Output": "task",
    "Pool": "pool",
    "Query": "queries",
    "ScoreStrategy": "strategy",
    "Source": "sources",
    "Step": "task",
    "Strategy": "strategy",
    "Tap": "task",
    "TaskModel": "task",
    "TaskSpec": "task",
    "inner": "combinator",
    "open_source": "sources",
}

__all__ = sorted([*_HOME, "INTERFACE", "__version__", "hookimpl", "option"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import alkit` stays quick."""
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module 'alkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
