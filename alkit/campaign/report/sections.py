"""What the report of a campaign says, section by section."""

from __future__ import annotations

from collections.abc import Sequence

from alkit.reporting.document import (
    Block,
    Facts,
    Figure,
    Figures,
    Items,
    Notice,
    Report,
    Section,
    Table,
    Text,
    Verdict,
)
from alkit.reporting.figures import svg
from alkit.reporting.wording import NONE, counted, interval, listed, pairs

from . import charts
from .costs import annotation, time_and_memory
from .findings import Findings, next_size, pool_name
from .learning_curve import curve

CHART = 5.0
"""Inches across, which a phone shows whole."""
MOST_CLASSES = 30
ROW = 0.235
FOLDED_FROM = 12


def report_of(found: Findings, pictures: Sequence[Block], places: Sequence[Block]) -> Report:
    """Put the whole report together.

    Args:
        found: what there is to say.
        pictures: the contact sheets.
        places: the map.
    """
    sections = [
        Section("The campaign", _campaign(found)),
        Section("What it says", _answer(found)),
        Section("Learning curve", curve(found)),
        Section("Asked and answered", _outcomes(found)),
        Section("Classes", _classes(found)),
        Section("Annotators and cost", annotation(found)),
        Section("Time and memory", time_and_memory(found)),
        Section("Last picks", pictures),
        Section("Map", places),
        Section("Stopping rules", _rules(found)),
        Section("Provenance", _provenance(found)),
    ]
    return Report(
        title=f"Campaign {found.name}",
        lead=f"{counted(found.status['labeled'], 'label')} after {_queries(found)}, "
        f"as of {_minute(found.dates[1])}.",
        sections=[section for section in sections if section.blocks],
    )


def _queries(found: Findings) -> str:
    return counted(len(found.queries), "query", "queries")


def _minute(time: str) -> str:
    return f"{time[:10]} {time[11:16]} UTC"


def _campaign(found: Findings) -> list[Block]:
    status, settings = found.status, found.settings
    channels, height, width = settings.image_shape
    aside = listed(f"{count:,} {reason}" for reason, count in status["set_aside"].items() if count)
    open_query = status["open_query"]
    rows = [
        (
            "Pool",
            f"{pool_name(settings.pool.location)}: {counted(status['images'], 'image')}, for the model "
            f"{height} x {width}, {'color' if channels == 3 else 'grey'}" + (f" ({aside})" if aside else ""),
        ),
        ("Test set", pool_name(settings.test.location) if settings.test else "none"),
        ("Classes", _names([count.name for count in found.classes])),
        ("Model", ", ".join(filter(None, (settings.task.name, pairs(settings.task.options))))),
        ("Strategies", listed(dict.fromkeys(query.strategy for query in found.queries)) or NONE),
        ("Labels", f"{status['labeled']:,}; {status['candidates']:,} images are left to choose from"),
        ("Time", f"{_minute(found.dates[0])} to {_minute(found.dates[1])}"),
    ]
    if open_query:
        waiting = (
            f"query {open_query['query']}, {open_query['unanswered']:,} of {open_query['asked']:,} unanswered"
        )
        rows.append(("Open", waiting))
    if status["stopped"]:
        rows.append(("Stopped", f"by {status['stopped']['rule']}: {status['stopped']['reason']}"))
    return [Facts([row for row in rows if row[1]])]


def _names(names: Sequence[str]) -> str:
    if len(names) <= MOST_CLASSES:
        return f"{len(names)}: {', '.join(names)}" if names else ""
    return f"{len(names):,}, the first of them {', '.join(names[:MOST_CLASSES])}"


def _answer(found: Findings) -> list[Block]:
    suggested = found.suggestion
    blocks: list[Block] = [Verdict(f"Suggestion: {suggested.action}.")]
    if suggested.action == "stop":
        blocks.append(Items(suggested.reasons))
    blocks.append(Items(found.sentences))
    partly = [item for item in found.evidence.accuracy if 0 < item.unanswered + item.given_up < item.asked]
    if partly:
        blocks.append(
            Notice(
                f"Of the control images of {listed(f'query {item.queries[0]}' for item in partly)}, only "
                "some are answered: they may be the easier ones, and are no random sample until all are."
            )
        )
    blocks.append(
        Text(
            "Intervals allow for the images that happened to be drawn, not for another seed's training. "
            "Picks on which the model errs more often are harder; whether they taught it more than random "
            "ones would have, one campaign cannot tell: 'alkit bench' compares strategies over many seeds."
        )
    )
    return blocks


def _outcomes(found: Findings) -> list[Block]:
    if not found.outcomes:
        return [Text("Nothing has been asked yet.")]
    given_up = any(out.given_up for out in found.outcomes)
    head = ["query", "strategy", "labels before", "asked", "answered", "abstained", "unusable", "open"]
    head += ["withdrawn"] * given_up + ["control images"]
    rows = []
    for out in found.outcomes:
        counts = [out.labels, out.asked, out.answered, out.abstained, out.unusable, out.open]
        counts += [out.given_up] * given_up + [out.control]
        rows.append([str(out.query), out.strategy, *(f"{count:,}" for count in counts)])
    note = "Control images are drawn at random from all candidates, and are among those asked."
    folded = len(rows) > FOLDED_FROM
    return [
        Table(head, rows, words=(1,), note=f"{_queries(found)}. {note}" if folded else note, folded=folded)
    ]


def _classes(found: Findings) -> list[Block]:
    counts = found.classes
    if not any(count.labels for count in counts):
        return []
    shown = counts
    if len(counts) > MOST_CLASSES:
        shown = tuple(sorted(counts, key=lambda count: -count.labels)[:MOST_CLASSES])
    drawing = svg(charts.classes(counts, shown), (CHART, 1.3 + ROW * len(shown)), "classes")
    asked = sum(count.answered for count in counts)
    caption = "Share of each class among all labels"
    if asked:
        caption += (
            f"; and, of the {asked:,} answered images whose prediction was recorded when they were asked, "
            "which share was answered with the class, and which the model took for it"
        )
    if len(shown) < len(counts):
        caption += f". The {len(shown)} most frequent of {len(counts):,} classes"
    by_name = {balance.name: balance for balance in found.evidence.classes}
    rows = [
        (
            count.name,
            f"{count.labels:,}",
            f"{count.answered:,}",
            f"{count.predicted:,}",
            interval(by_name[count.name].picks if count.name in by_name else None),
            interval(by_name[count.name].control if count.name in by_name else None),
        )
        for count in counts
    ]
    head = ("class", "labels", "answered", "predicted", "share of picks [95%]", "share of control [95%]")
    note = (
        "The same in numbers; shares are those of the last strategy's answered picks, and of their control."
    )
    return [
        Figures([Figure("classes", "labels and predictions by class", drawing, CHART)], f"{caption}."),
        Table(head, rows, note=note, folded=True),
    ]


def _rules(found: Findings) -> list[Block]:
    if not found.rules:
        return []
    rows = [
        (
            ruled.rule,
            "cannot be told" if ruled.unknown else "yes" if ruled.reason else "no",
            ruled.unknown or ruled.reason or NONE,
        )
        for ruled in found.rules
    ]
    n = next_size(found.queries)
    note = f"The next query is taken to ask for {counted(n, 'image')}, as the last one did."
    return [Table(("rule", "time to stop", "because"), rows, words=(0, 1, 2), note=note)]


def _provenance(found: Findings) -> list[Block]:
    settings = found.settings
    facts = [
        ("Versions", pairs(found.versions)),
        ("Seed", str(settings.seed)),
        (
            "Oracle",
            " ".join(filter(None, (settings.oracle.name, pairs(settings.oracle.options))))
            if settings.oracle
            else "",
        ),
        (
            "Answers",
            f"of several annotators: {found.status['aggregate']}; {found.status['disputed']:,} in dispute",
        ),
    ]
    if found.history:
        last = found.history[-1].trained
        facts += [
            (
                "Last training",
                f"{last.labels:,} labels, {last.fingerprint[:12]}, on {last.device}",
            ),
            ("Recipe", pairs(last.recipe)),
        ]
    rows = [
        (
            str(query.number),
            query.strategy,
            f"{query.asked.distribution} {query.asked.version}",
            ", ".join(f"{name}={value}" for name, value in query.options.items()) or NONE,
        )
        for query in found.queries
    ]
    table = Table(
        ("query", "strategy", "from", "options"),
        rows,
        words=(1, 2, 3),
        note="Strategies and their options.",
        folded=True,
    )
    return [Facts([fact for fact in facts if fact[1]]), *([table] if rows else [])]
