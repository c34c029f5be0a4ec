"""What the report of a campaign says, section by section."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alkit.campaign.record.pool import aside_in_words
from alkit.campaign.record.settings import CLASS
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
from alkit.reporting.wording import NONE, interval, labels_and_copies, listed, pairs
from alkit.utils.counts import counted

from . import charts
from .costs import annotation, time_and_memory
from .findings import Findings, next_size, pool_name
from .human_cost import human_cost
from .learning_curve import curve
from .near_duplicates import near_duplicates
from .pool_error import errors
from .rehearsal import rehearsed
from .saved_answers import saved_answers

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query

CHART = 5.0
"""Inches across, which a phone shows whole."""
MOST_CLASSES = 30
HARDER = (
    "Intervals account for which images were drawn, not for training with another seed. "
    "Picks are harder if the model is wrong on them more often. "
)
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
        Section("Findings", _answer(found)),
        Section("Learning curve", curve(found)),
        Section("Human cost", human_cost(found)),
        Section("Error on the pool", errors(found)),
        Section("Rehearsal", rehearsed(found)),
        Section("Queries and answers", _outcomes(found)),
        Section("Near-duplicates", near_duplicates(found.groups, found.status["labeled"])),
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
        lead=f"{labels_and_copies(found.labels, found.status['copied'])} after {_queries(found)}, "
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
    aside = listed(aside_in_words(status["set_aside"]))
    open_query = status["open_query"]
    copied = f", and {status['copied']:,} copied from near-duplicates" if status["copied"] else ""
    rows = [
        (
            "Pool",
            f"{pool_name(settings.pool.location)}: {counted(status['images'], 'image')}, kept as "
            f"{height} x {width}, {'color' if channels == 3 else 'grey'}" + (f" ({aside})" if aside else ""),
        ),
        ("Test set", pool_name(settings.test.location) if settings.test else "none"),
        ("Classes", _names([count.name for count in found.classes])),
        ("Model", ", ".join(filter(None, (settings.task.name, pairs(settings.task.options))))),
        ("Strategies", listed(dict.fromkeys(query.strategy for query in found.queries)) or NONE),
        (
            "Labels",
            f"{found.labels:,}{copied}; {counted(status['candidates'], 'image is', 'images are')} left to "
            "choose from",
        ),
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
                f"Only some control images of {listed(f'query {item.queries[0]}' for item in partly)} "
                "are answered: they may be the easier ones and are not a random sample until all are."
            )
        )
    blocks.append(
        Text(
            f"{HARDER if found.settings.labels == CLASS else ''}One campaign cannot show whether "
            "picks taught the model more than random ones: 'alkit bench' compares strategies over many seeds."
        )
    )
    return blocks


def _outcomes(found: Findings) -> list[Block]:
    if not found.outcomes:
        return [Text("There are no queries yet.")]
    given_up = any(out.given_up for out in found.outcomes)
    head = ["query", "strategy", "labels before", "asked", "answered", "abstained", "unusable", "open"]
    head += ["withdrawn"] * given_up + ["control images"]
    rows = []
    for out in found.outcomes:
        counts = [out.labels, out.asked, out.answered, out.abstained, out.unusable, out.open]
        counts += [out.given_up] * given_up + [out.control]
        rows.append([str(out.query), out.strategy, *(f"{count:,}" for count in counts)])
    note = "Control images are drawn at random from all candidates and count among the asked images."
    folded = len(rows) > FOLDED_FROM
    return [
        Table(head, rows, words=(1,), note=f"{_queries(found)}. {note}" if folded else note, folded=folded),
        *saved_answers(found.evidence.avoided),
    ]


def _classes(found: Findings) -> list[Block]:
    counts = found.classes
    if not any(count.labels for count in counts):
        return []
    shown = counts
    if len(counts) > MOST_CLASSES:
        shown = tuple(sorted(counts, key=lambda count: -count.labels)[:MOST_CLASSES])
    single = found.settings.labels == CLASS
    labeled = sum(count.labels for count in counts) if single else found.status["labeled"]
    drawing = svg(charts.classes(counts, shown, labeled), (CHART, 1.3 + ROW * len(shown)), "classes")
    asked = sum(count.answered for count in counts)
    caption = "Share of each class among all labels" if single else "Share of labeled images with each class"
    if asked:
        caption += (
            f"; and, among the {counted(asked, 'answered image')} with a recorded prediction, "
            "the share that was answered with the class and the share that the model predicted as it"
        )
    if len(shown) < len(counts):
        caption += f". The {len(shown)} most frequent of {len(counts):,} classes"
    by_name = {balance.name: balance for balance in found.evidence.classes}
    rows: list[tuple[str, ...]] = [
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
    head: tuple[str, ...] = ("class", "labels", "answered", "predicted")
    head += ("share of picks [95%]", "share of control [95%]")
    note = (
        "The chart in numbers; shares are of the last strategy's answered picks and of their control images."
    )
    if not single:
        head, rows, note = ("class", "images"), [row[:2] for row in rows], "The chart in numbers."
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
            "unknown" if ruled.unknown else "yes" if ruled.reason else "no",
            ruled.unknown or ruled.reason or NONE,
        )
        for ruled in found.rules
    ]
    n = next_size(found.queries)
    note = f"This assumes that the next query asks for {counted(n, 'image')}, as the last one did."
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
            f"several annotators: {found.status['aggregate']}; {found.status['disputed']:,} in dispute",
        ),
    ]
    if found.history:
        last = found.history[-1].trained
        labels = labels_and_copies(last.by_people, last.copied or 0)
        facts += [
            (
                "Last training",
                f"{labels}, {last.fingerprint[:12]}, on {last.device}",
            ),
            ("Recipe", last.solver or pairs(last.recipe)),
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
    return [Facts([fact for fact in facts if fact[1]]), *([table] if rows else []), *_files(found.queries)]


def _files(queries: Sequence[Query]) -> list[Block]:
    """Show the files that queries chose from, in the place of a training."""
    rows = [
        (str(query.number), kind, Path(file["file"]).name, f"{file['rows']:,}", file["sha256"][:12])
        for query in queries
        for kind, file in query.asked.given.items()
    ]
    if not rows:
        return []
    head = ("query", "what", "file", "rows", "SHA-256")
    return [Table(head, rows, words=(1, 2, 4), note="Files that queries chose from; nothing was trained.")]
