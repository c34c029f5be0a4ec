"""What goes with an exported model: its configuration, how good it is, and where its labels come from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit._version import __version__
from alkit.campaign.analysis.evidence import gather, test_curve
from alkit.interfaces.labels import Number
from alkit.utils.json_values import finite

if TYPE_CHECKING:
    from alkit.campaign.session import CampaignSession
    from alkit.data.model_input import Preprocessing
    from alkit.training.types import PortableNetwork

    from .trained import UsableModel


def configuration(session: CampaignSession, model: UsableModel, network: PortableNetwork) -> dict[str, Any]:
    """Return what is needed to use the model, and what it was made by."""
    trained, labels = model.trained, session.label_kind
    return {
        "alkit": __version__,
        "task": model.task.name,
        "labels": model.kind,
        "classes": list(model.classes),
        "numbers": labels.count if isinstance(labels, Number) else 0,
        "architecture": {"name": network.name, "arguments": dict(network.arguments)},
        "preprocessing": _preprocessing(model.preprocessing),
        **({"choice": dict(network.choice)} if network.choice else {}),
        "training": {
            "cycle": trained.cycle,
            **trained.counts(),
            "seed": session.settings.seed,
            "options": dict(trained.options),
            "solver": trained.solver,
            "recipe": dict(trained.recipe),
            "fingerprint": trained.fingerprint,
        },
    }


def _preprocessing(steps: Preprocessing) -> dict[str, Any]:
    channels, height, width = steps.shape
    taken = steps.encoder_input
    return {
        "channels": channels,
        "mode": "L" if channels == 1 else "RGB",
        "order": "RGB" if taken is None else taken.channels,
        "size": [height, width],
        "resize": "stretch" if taken is None else taken.resize,
        "crop": taken.crop if taken is not None and taken.resize == "crop" else None,
        "filter": "bicubic" if taken is not None and taken.bicubic else "bilinear",
        "reducing_gap": 3.0 if taken is None else None,
        "range": [0, 1],
        "mean": list(steps.mean),
        "std": list(steps.std),
    }


def metrics(session: CampaignSession, model: UsableModel) -> dict[str, Any]:
    """Return the metrics on the test images and on the control images, with intervals where there are some.

    The control says how good the models of the last queries were on the pool that remained; those models
    have seen fewer labels than this one.
    """
    trained = model.trained
    points = [p for p in test_curve(session) if (p.cycle, p.labels) == (trained.cycle, trained.by_people)]
    test: dict[str, Any] = dict(trained.metrics)
    if points:
        test["accuracy"] = points[-1].accuracy.as_dict()
    recent = gather(session).recent
    found: dict[str, Any] = finite(
        {"test": test or None, "control": None if recent is None else recent.as_dict()}
    )
    return found


def provenance(session: CampaignSession, model: UsableModel) -> dict[str, Any]:
    """Return how many labels the model was trained on, by class, by annotator and by the query that asked."""
    state, settings = model.state, session.settings
    labeled = state.pool.labeled.tolist()
    asked = {
        pick.index: (query.number, pick.control)
        for query in state.queries
        for pick in query.picks
        if not pick.given_up
    }
    annotators: Counter[str] = Counter()
    copied = state.pool.copied
    for index in labeled:
        if index in copied:
            continue
        answer = state.pool.answer_of(index)
        annotators[answer.annotator if answer is not None else ""] += 1
    by_class = session.class_counts(state.pool.values)
    by_query = Counter(asked[index][0] for index in labeled if index in asked)
    controls = Counter(asked[index][0] for index in labeled if index in asked and asked[index][1])
    return {
        "pool": Path(settings.pool.location).name,
        "images": len(state.records),
        "test": None if settings.test is None else Path(settings.test.location).name,
        "labels": len(labeled),
        **({"copied": len(copied)} if copied else {}),
        "aggregate": state.aggregate,
        "by_class": {name: by_class.get(name, 0) for name in state.classes},
        "by_annotator": dict(annotators.most_common()),
        "by_query": [
            {
                "query": query.number,
                "strategy": query.strategy,
                "labels": by_query[query.number],
                "control": controls[query.number],
            }
            for query in state.queries
        ],
        "not_asked_for": sum(index not in asked and index not in copied for index in labeled),
    }
