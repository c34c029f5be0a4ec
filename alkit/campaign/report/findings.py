"""Everything in the report of a campaign except pictures; nothing is trained or changed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from alkit.campaign.analysis.advice import WORTH, Suggestion, findings, suggestion
from alkit.campaign.analysis.effort import Effort, efforts
from alkit.campaign.analysis.evidence import CampaignEvidence, gather
from alkit.campaign.next_step import NONE_LEFT
from alkit.campaign.rehearsal.result_file import last_rehearsal
from alkit.data.sources import VECTORS
from alkit.utils.json_values import AsDict, finite
from alkit.utils.provenance import versions

from .annotators import Annotator, annotators
from .outcomes import ClassCount, Outcome, class_counts, outcome

if TYPE_CHECKING:
    from alkit.campaign.analysis.stopping import StoppingRule
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.groups.standing import GroupReport
    from alkit.campaign.record.query import Query
    from alkit.campaign.record.settings import Settings
    from alkit.campaign.record.trainings import CycleRecord
    from alkit.campaign.rehearsal.forecasts import Rehearsal


@dataclass(frozen=True, slots=True)
class Ruled(AsDict):
    """What a stopping rule says about a campaign.

    Attributes:
        rule: as it is written.
        reason: why it is time to stop, or None.
        unknown: why that is unknown, or None.
    """

    json_keys: ClassVar[tuple[str, ...]] = ("rule", "holds", "reason=why")

    rule: str
    reason: str | None = None
    unknown: str | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the rule is met, or None where that is unknown."""
        return None if self.unknown else self.reason is not None

    @property
    def why(self) -> str | None:
        """Why it is met, or why that is unknown."""
        return self.reason or self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The findings about a campaign.

    Attributes:
        name: of its directory.
        settings: what was decided when it was made.
        status: where it stands, see `Campaign.status`.
        dates: of its first and of its last event, ISO 8601 in UTC.
        evidence: figures with intervals.
        suggestion: what to do next, and why.
        sentences: how good the model is, what labels bring, whether the picks are harder.
        rules: those that were asked about.
        queries: all, the first one first.
        outcomes: the outcome of each.
        classes: labels and predictions by class; empty if labels are not classes.
        annotators: who answered.
        history: the trainings, one a cycle.
        versions: of what made the report.
        rehearsal: the last one, or None.
        groups: where near-duplicates stand, or None if they are not grouped.
        efforts: what the labels of each training had cost people; empty where nothing is known of it.
    """

    name: str
    settings: Settings
    status: Mapping[str, Any]
    dates: tuple[str, str]
    evidence: CampaignEvidence
    suggestion: Suggestion
    sentences: tuple[str, ...]
    rules: tuple[Ruled, ...]
    queries: Sequence[Query]
    outcomes: tuple[Outcome, ...]
    classes: tuple[ClassCount, ...]
    annotators: tuple[Annotator, ...]
    history: Sequence[CycleRecord]
    versions: Mapping[str, str]
    rehearsal: Rehearsal | None = None
    groups: GroupReport | None = None
    efforts: tuple[Effort, ...] = ()

    @property
    def labels(self) -> int:
        """Labels that people gave: those that are no copies."""
        labeled, copied = self.status["labeled"], self.status["copied"]
        return int(labeled) - int(copied)

    @property
    def last_answered(self) -> Query | None:
        """The last query that waits for no answers and has a label: its control images may be revealed."""
        answered = [
            query
            for query, out in zip(self.queries, self.outcomes, strict=True)
            if out.answered and not query.open
        ]
        return answered[-1] if answered else None

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        shown = (
            "images",
            "labeled",
            "copied",
            "candidates",
            "pending",
            "set_aside",
            "aggregate",
            "disputed",
            "stopped",
        )
        settings = self.settings
        return finite(
            {
                "campaign": {
                    "name": self.name,
                    "pool": pool_name(settings.pool.location),
                    "test": settings.test and pool_name(settings.test.location),
                    "seed": settings.seed,
                    "image_shape": settings.image_shape,
                    "task": settings.task.as_dict(),
                    "strategy": settings.strategy.as_dict(),
                    "oracle": settings.oracle and settings.oracle.as_dict(),
                    "first_event": self.dates[0],
                    "last_event": self.dates[1],
                    **{key: self.status[key] for key in shown},
                },
                "suggestion": self.suggestion.as_dict(),
                "findings": self.sentences,
                "evidence": self.evidence.as_dict(),
                "rules": [rule.as_dict() for rule in self.rules],
                "queries": [
                    {**out.as_dict(), "measures": query.asked.measures}
                    for query, out in zip(self.queries, self.outcomes, strict=True)
                ],
                "classes": [count.as_dict() for count in self.classes],
                "annotators": [one.as_dict() for one in self.annotators],
                "history": [record.as_dict() for record in self.history],
                "versions": self.versions,
                "rehearsal": None if self.rehearsal is None else self.rehearsal.as_dict(),
                "groups": None if self.groups is None else self.groups.as_dict(),
                "efforts": [effort.as_dict() for effort in self.efforts],
            }
        )


def gather_findings(
    campaign: Campaign, *, rules: Sequence[StoppingRule] = (), worth: float = WORTH
) -> Findings:
    """Collect the findings about a campaign; reads only the ledger.

    Args:
        campaign: what it is about.
        rules: stopping rules to be asked.
        worth: accuracy that 100 labels should bring.
    """
    evidence, queries = gather(campaign), campaign.queries
    spent, n = campaign.pool.by_people, next_size(queries)
    ruled = tuple(_ruled(rule, evidence, spent, n) for rule in rules)
    reasons = [found.reason for found in ruled if found.reason is not None]
    if campaign.open_query is None and not len(campaign.pool.candidates):
        reasons.append(f"{NONE_LEFT[:1].upper()}{NONE_LEFT[1:]}.")
    events = campaign.ledger.all_events()
    return Findings(
        name=campaign.directory.absolute().name,
        settings=campaign.settings,
        status=campaign.status(),
        dates=(events[0].time, events[-1].time) if events else ("", ""),
        evidence=evidence,
        suggestion=suggestion(evidence, worth=worth, stopped=reasons),
        sentences=findings(evidence, worth),
        rules=ruled,
        queries=queries,
        outcomes=tuple(outcome(query, campaign.classes) for query in queries),
        classes=tuple(class_counts(campaign.class_counts(), queries)),
        annotators=tuple(annotators(campaign.ledger, campaign.state.retracted)),
        history=campaign.history(),
        versions=versions(),
        rehearsal=last_rehearsal(campaign.directory),
        groups=campaign.groups(),
        efforts=efforts(campaign),
    )


def pool_name(location: str) -> str:
    """Return how a pool is called, without where it lies."""
    path = Path(location.removeprefix(VECTORS))
    return path.name if path.is_absolute() else location


def next_size(queries: Sequence[Query]) -> int:
    """Return how many images the next query would ask for: as many as the last one."""
    return len(queries[-1].picks) if queries else 1


def _ruled(rule: StoppingRule, evidence: CampaignEvidence, labels: int, n: int) -> Ruled:
    curve = evidence.curve or evidence.values
    if rule.needs_curve and (not curve or rule.metric not in ("", curve[-1].metric)):
        missing = "the task does not compute it" if curve else "there is no test set"
        needed = f"the {rule.metric.replace('_', ' ')}" if rule.metric else "a metric"
        return Ruled(str(rule), unknown=f"This rule needs {needed} on a test set, and {missing}.")
    return Ruled(str(rule), rule.reason(curve, labels, n))
