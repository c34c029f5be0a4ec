"""What a campaign cost: the annotators' time and money, the machine's seconds and memory."""

from __future__ import annotations

from alkit.campaign.analysis.agreement import Agreement, Kappa
from alkit.reporting.document import Block, Table, Text
from alkit.reporting.wording import NONE, amount, interval
from alkit.utils.counts import counted

from .annotators import Annotator
from .findings import Findings

PHASES = ("train", "companion", "evaluate", "embed", "score", "adversary", "select", "predict")
NAMELESS = "(no name)"
LIKENESS = {
    "classes": "The mean F1 of two sets",
    "number": "The share of pairs of numbers within the tolerance",
    "mask": "The mean intersection over union of two masks",
    "boxes": "The mean F1 of two sets of boxes",
}
"""What two labels of an image are compared by, by the kind of labels."""


def annotation(found: Findings) -> list[Block]:
    """Say who answered how often and how fast, how far they agree, and what it cost."""
    if not found.annotators:
        return []
    rows = [
        (
            one.name or NAMELESS,
            f"{one.answers:,}",
            f"{one.images:,}",
            f"{one.abstained:,}",
            f"{one.unusable:,}",
            _pace(one),
            f"{one.cost:,.2f}" if one.costed else NONE,
        )
        for one in found.annotators
    ]
    head = ("annotator", "answers", "images", "abstained", "unusable", "seconds per answer", "cost")
    note = (
        "Seconds from one answer to the next: the median and the middle half; gaps over five "
        "minutes are left out. They are known only if each answer has its own time."
    )
    return [Table(head, rows, note=note), *_agreement(found), *_cost(found)]


def _pace(one: Annotator) -> str:
    if one.pace is None:
        return NONE
    return f"{amount(one.pace.median)} ({amount(one.pace.low)} to {amount(one.pace.high)})"


def _agreement(found: Findings) -> list[Block]:
    agreed = found.evidence.agreement
    if agreed is None:
        return [Text("The agreement of annotators is unknown: no image has answers from two of them.")]
    like = LIKENESS.get(found.settings.labels)
    mean = "" if agreed.likeness is None or like is None else f" {like} is {agreed.likeness:.3f}."
    if agreed.kappa is None:
        text = (
            f"{counted(agreed.images, 'image')} have answers from two or more annotators. They agree on "
            f"{interval(agreed.same)} of them, at 95%.{mean}"
        )
        return [Text(text)]
    text = (
        f"{counted(agreed.images, 'image')} have answers from two or more annotators. All gave the same "
        f"answer on {interval(agreed.same)} of them; beyond chance, Fleiss' kappa is {_kappa(agreed.kappa)}. "
        f"Intervals are at 95%.{mean}"
    )
    return [Text(text), *([_pairs(agreed)] if len(agreed.pairs) > 1 else [])]


def _pairs(agreed: Agreement) -> Table:
    rows = [
        (
            f"{pair.first or NAMELESS} and {pair.second or NAMELESS}",
            f"{pair.same.of:,}",
            interval(pair.same),
            _kappa(pair.kappa),
        )
        for pair in agreed.pairs
    ]
    head = ("annotators", "images", "same answer [95%]", "Cohen's kappa [95%]")
    return Table(head, rows, note="Agreement by pairs.", folded=True)


def _kappa(kappa: Kappa) -> str:
    if kappa.value is None:
        return "undefined, because all gave the same answer everywhere"
    if kappa.low is None or kappa.high is None:
        return f"{kappa.value:.3f}, too few images for an interval"
    return f"{kappa.value:.3f} [{kappa.low:.3f}, {kappa.high:.3f}]"


def _cost(found: Findings) -> list[Block]:
    costed, answers = (sum(getattr(one, name) for one in found.annotators) for name in ("costed", "answers"))
    if not costed:
        return [Text("No answer has a cost.")]
    total, labels = sum(one.cost for one in found.annotators), found.labels
    text = f"All answers together cost {total:,.2f}, in the unit of the answers"
    if labels:
        text += f": {total / labels:,.3f} per current label"
    if costed < answers:
        text += f". Of {answers:,} answers, {counted(answers - costed, 'has', 'have')} no cost"
    return [Text(f"{text}.")]


def time_and_memory(found: Findings) -> list[Block]:
    """Say how many seconds and how much memory each phase of a query took."""
    taken = [(query, query.asked.measures) for query in found.queries]
    names = dict.fromkeys(phase for _, of in taken for phase in of.get("seconds", {}))
    phases = [phase for phase in PHASES if phase in names] + sorted(names.keys() - set(PHASES))
    if not phases:
        return []
    on_gpu = any("peak_cuda_mb" in of for _, of in taken)
    kinds = ["peak_mb"] + ["peak_cuda_mb"] * on_gpu
    rows = []
    for phase in phases:
        seconds = [of["seconds"][phase] for _, of in taken if phase in of.get("seconds", {})]
        peaks = [
            max((of[kind][phase] for _, of in taken if phase in of.get(kind, {})), default=None)
            for kind in kinds
        ]
        mean = sum(seconds) / len(seconds)
        rows.append(
            (phase, str(len(seconds)), *map(amount, (mean, max(seconds), sum(seconds))), *map(amount, peaks))
        )
    head = ("phase", "queries", "mean s", "longest s", "all s", "peak MB", *(["peak GPU MB"] * on_gpu))
    note = (
        "Wall-clock seconds of each phase of a query, including the training before it if that was not done "
        "already, and the peak memory of the process during the phase."
    )
    by_query = [
        (str(query.number), query.strategy, *(amount(of.get("seconds", {}).get(phase)) for phase in phases))
        for query, of in taken
    ]
    return [
        Table(head, rows, note=note),
        Table(("query", "strategy", *phases), by_query, words=(1,), note="Seconds by query.", folded=True),
    ]
