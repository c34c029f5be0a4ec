"""Training a network on labels: recipe, loop, checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

if TYPE_CHECKING:
    from alkit.training.checkpoints import load_safely as load_safely
    from alkit.training.checkpoints import save_atomically as save_atomically
    from alkit.training.optimizers import without_compiler as without_compiler
    from alkit.training.pool_images import PoolImages as PoolImages
    from alkit.training.possible_labels import Hypothesis as Hypothesis
    from alkit.training.possible_labels import hypotheses as hypotheses
    from alkit.training.precision import autocast as autocast
    from alkit.training.recipe import Precision as Precision
    from alkit.training.recipe import Recipe as Recipe
    from alkit.training.recipe import Schedule as Schedule
    from alkit.training.recipe import TrainingRun as TrainingRun
    from alkit.training.types import Companion as Companion
    from alkit.training.types import Metric as Metric
    from alkit.training.types import Objects as Objects
    from alkit.training.types import Output as Output
    from alkit.training.types import PortableNetwork as PortableNetwork
    from alkit.training.types import Reduction as Reduction
    from alkit.training.types import Step as Step
    from alkit.training.types import Tap as Tap
    from alkit.training.types import TaskSpec as TaskSpec
    from alkit.utils.devices import has_fast_bfloat16 as has_fast_bfloat16
    from alkit.utils.devices import threads_for as threads_for
    from alkit.utils.progress import Bar as Bar
    from alkit.utils.progress import Progress as Progress

_HOMES = {
    "alkit.training.checkpoints": (
        "load_safely",
        "save_atomically",
    ),
    "alkit.training.optimizers": ("without_compiler",),
    "alkit.training.pool_images": ("PoolImages",),
    "alkit.training.possible_labels": ("Hypothesis", "hypotheses"),
    "alkit.training.precision": ("autocast",),
    "alkit.training.recipe": (
        "Precision",
        "Recipe",
        "Schedule",
        "TrainingRun",
    ),
    "alkit.training.types": (
        "Companion",
        "Metric",
        "Objects",
        "Output",
        "PortableNetwork",
        "Reduction",
        "Step",
        "Tap",
        "TaskSpec",
    ),
    "alkit.utils.devices": (
        "has_fast_bfloat16",
        "threads_for",
    ),
    "alkit.utils.progress": (
        "Bar",
        "Progress",
    ),
}

__all__ = sorted([name for names in _HOMES.values() for name in names])
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
