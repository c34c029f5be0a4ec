"""Pool-based deep active learning on images: which ones to label next, and did it help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

from ._version import INTERFACE as INTERFACE
from ._version import __version__ as __version__
from .options import option as option
from .plugin.hooks import hookimpl as hookimpl

if TYPE_CHECKING:
    from alkit._typing import Indices as Indices
    from alkit.campaign.analysis.curve import CurvePoint as CurvePoint
    from alkit.campaign.analysis.curve import LearningCurve as LearningCurve
    from alkit.campaign.ask import QueryRequest as QueryRequest
    from alkit.campaign.campaign import Campaign as Campaign
    from alkit.campaign.create import create as create
    from alkit.campaign.fork import fork as fork
    from alkit.campaign.model.predictions import PredictedImage as PredictedImage
    from alkit.campaign.model.predictions import Predictions as Predictions
    from alkit.campaign.record.known_labels import KnownLabels as KnownLabels
    from alkit.campaign.record.pool import Pool as Pool
    from alkit.campaign.record.query import Pick as Pick
    from alkit.campaign.record.query import Query as Query
    from alkit.campaign.record.trainings import CycleRecord as CycleRecord
    from alkit.campaign.tell import IngestOptions as IngestOptions
    from alkit.composition.combinator import Combinator as Combinator
    from alkit.composition.fields import nested as nested
    from alkit.data.loader import Batch as Batch
    from alkit.data.source import Source as Source
    from alkit.data.store import ImageStore as ImageStore
    from alkit.engine.cycle import Cycle as Cycle
    from alkit.errors import AlkitError as AlkitError
    from alkit.interfaces.encoder import Encoder as Encoder
    from alkit.interfaces.executor import Executor as Executor
    from alkit.interfaces.oracle import Answer as Answer
    from alkit.interfaces.oracle import AnswerKind as AnswerKind
    from alkit.interfaces.oracle import Oracle as Oracle
    from alkit.interfaces.strategy import ScoreStrategy as ScoreStrategy
    from alkit.interfaces.strategy import Strategy as Strategy
    from alkit.interfaces.task import TaskModel as TaskModel
    from alkit.plugin.encoders import NamedEncoder as NamedEncoder
    from alkit.plugin.encoders import open_encoder as open_encoder
    from alkit.plugin.sources import open_source as open_source
    from alkit.training.types import Companion as Companion
    from alkit.training.types import Metric as Metric
    from alkit.training.types import Output as Output
    from alkit.training.types import Step as Step
    from alkit.training.types import Tap as Tap
    from alkit.training.types import TaskSpec as TaskSpec
    from alkit.utils import seeding as seeding

_HOMES = {
    "alkit._typing": ("Indices",),
    "alkit.campaign.analysis.curve": ("CurvePoint", "LearningCurve"),
    "alkit.campaign.ask": ("QueryRequest",),
    "alkit.campaign.campaign": ("Campaign",),
    "alkit.campaign.create": ("create",),
    "alkit.campaign.fork": ("fork",),
    "alkit.campaign.model.predictions": (
        "PredictedImage",
        "Predictions",
    ),
    "alkit.campaign.record.known_labels": ("KnownLabels",),
    "alkit.campaign.record.pool": ("Pool",),
    "alkit.campaign.record.query": (
        "Pick",
        "Query",
    ),
    "alkit.campaign.record.trainings": ("CycleRecord",),
    "alkit.campaign.tell": ("IngestOptions",),
    "alkit.composition.combinator": ("Combinator",),
    "alkit.composition.fields": ("nested",),
    "alkit.data.loader": ("Batch",),
    "alkit.data.source": ("Source",),
    "alkit.plugin.sources": ("open_source",),
    "alkit.data.store": ("ImageStore",),
    "alkit.engine.cycle": ("Cycle",),
    "alkit.errors": ("AlkitError",),
    "alkit.interfaces.encoder": ("Encoder",),
    "alkit.interfaces.executor": ("Executor",),
    "alkit.plugin.encoders": ("NamedEncoder", "open_encoder"),
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
    "alkit.training.types": (
        "Companion",
        "Metric",
        "Output",
        "Step",
        "Tap",
        "TaskSpec",
    ),
    "alkit.utils": ("seeding",),
}

__all__ = sorted(
    [name for names in _HOMES.values() for name in names] + ["INTERFACE", "__version__", "hookimpl", "option"]
)
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
