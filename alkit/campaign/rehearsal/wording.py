"""What a rehearsal says, as sentences and as rows of a table."""

from __future__ import annotations

from alkit.reporting.wording import listed, metric_name
from alkit.utils.counts import counted

from .forecasts import Outlook, Rehearsal

HEAD = ("further labels", "strategy", "gain", "more than random", "verdict")
EVERY_LABEL = (
    "the labels themselves, most of which a strategy chose, so that gains on the whole pool may differ; a "
    "test set or control slices would tell"
)


def about(rehearsal: Rehearsal) -> str:
    """Say what was forecast, from what, and on what models were judged."""
    name = metric_name(rehearsal.metric)
    judges = {
        "test set": f"{counted(rehearsal.judges, 'image')} of the test set",
        "random images": f"{counted(rehearsal.judges, 'label')} of random images, held out from training",
        "all labels": f"{counted(rehearsal.judges, 'label')} held out of {EVERY_LABEL}",
    }[rehearsal.judged]
    return (
        f"From replays of {counted(rehearsal.labels, 'label')} with {counted(rehearsal.seeds, 'seed')}. The "
        f"{name} is {rehearsal.value:.3f} now, judged on {judges}."
    )


def rows(rehearsal: Rehearsal) -> list[tuple[str, ...]]:
    """Return a row for each number of further labels and strategy, in the order of `HEAD`."""
    found: list[tuple[str, ...]] = []
    for place, first in enumerate(rehearsal.strategies[0].outlooks):
        for item in rehearsal.strategies:
            outlook = item.outlooks[place]
            more = f"{outlook.more:,}" if outlook is first else ""
            better = "" if outlook.over_random is None else str(outlook.over_random)
            found.append((more, item.strategy, str(outlook.gain), better, verdict(outlook)))
    return found


def verdict(outlook: Outlook) -> str:
    """Say in a few words whether a strategy is better than random labels; empty for random itself."""
    if outlook.verdict is None:
        return ""
    if outlook.verdict != "cannot tell":
        return outlook.verdict
    if outlook.needed is None:
        return "cannot tell; this pool has too few images to tell"
    return f"cannot tell yet; about {counted(outlook.needed, 'label')} would"


def conclusion(rehearsal: Rehearsal) -> str:
    """Say in one sentence which strategies are better than random labels, or that nobody can tell."""
    found: dict[str, list[str]] = {"better": [], "worse": [], "cannot tell": []}
    for item in rehearsal.strategies[1:]:
        for word in ("better", "worse", "cannot tell"):
            if any(outlook.verdict == word for outlook in item.outlooks):
                found[word].append(f"'{item.strategy}'")
                break
    if not rehearsal.strategies[1:]:
        return "No strategy was rehearsed besides random."
    parts = []
    if found["better"]:
        parts.append(f"{listed(found['better'])} should gain more than random labels")
    if found["worse"]:
        parts.append(f"{listed(found['worse'])} should gain less than random labels")
    if found["cannot tell"]:
        parts.append(f"for {listed(found['cannot tell'])} these labels cannot tell")
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."
