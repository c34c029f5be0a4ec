"""Answers: taking them from people and from oracles, and taking them back."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.events import Answered, ClassesAdded, Passed, Retracted, from_json
from alkit.campaign.record.reconcile import (
    IngestReport,
    Standing,
    reconcile_answers,
    reconcile_oracle_answers,
)
from alkit.errors import InvalidAnswers, UsageError
from alkit.labeling.given_answer import GivenAnswer
from alkit.plugin.oracles import answers_of

if TYPE_CHECKING:
    from alkit.campaign.record.query import Query
    from alkit.interfaces.labels import Labels
    from alkit.interfaces.oracle import Answer, Oracle

    from .session import CampaignSession


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How answers are taken in.

    Attributes:
        strict: keep nothing if anything is rejected.
        allow_new_classes: labels that are not classes yet become classes.
        said_before: what an annotator has said at any time is unchanged, also if corrected since.
        dry_run: only report what would happen to them; keep nothing.
        folders: where the relative paths of images may start, besides the pool and the current folder.
        note: what else to record of them, such as the file's name: fields of `Answered`, or other JSON.
    """

    strict: bool = False
    allow_new_classes: bool = False
    said_before: bool = False
    dry_run: bool = False
    folders: Sequence[Path] = ()
    note: Mapping[str, Any] = field(default_factory=dict)


def tell(session: CampaignSession, answers: Sequence[GivenAnswer], options: IngestOptions) -> IngestReport:
    """Take answers that name images by path, hash or index: see `Campaign.tell`."""
    with session.lock():
        standing = _standing(session, options.folders)
        labels = session.label_kind
        report = reconcile_answers(
            [_under_present_name(session, given) for given in answers],
            standing,
            labels=labels,
            allow_new_classes=options.allow_new_classes,
            said_before=options.said_before,
        )
        if options.strict and report.rejected:
            return IngestReport(rejected=report.rejected, still_open=len(session.pool.pending))
        if not options.dry_run:
            _keep(session, labels, report, options.note)
        return dataclasses.replace(report, still_open=len(session.pool.pending))


def given_answers(answers: Any, labels: Labels) -> list[GivenAnswer]:
    """Return answers as Python code gives them: labels by image, or records.

    Args:
        answers: see `Campaign.tell`.
        labels: of the campaign, to write values as text.

    Raises:
        UsageError: they are something else.
    """
    if isinstance(answers, Mapping):
        return [GivenAnswer.naming(_image(image), _label(label, labels)) for image, label in answers.items()]
    for answer in answers:
        if not isinstance(answer, GivenAnswer):
            raise UsageError(
                "answers are labels by image, as in {'a.png': 'owl'}, or a list of GivenAnswer, not of "
                f"{type(answer).__name__}"
            )
    return list(answers)


def _image(image: Any) -> str | int:
    if isinstance(image, os.PathLike):
        return Path(image).as_posix()
    if isinstance(image, (str, Integral)) and not isinstance(image, bool):
        return image if isinstance(image, str) else int(image)
    raise UsageError(f"an image is named by a path, file name, hash or index, not by {image!r:.60}")


def _label(label: Any, labels: Labels) -> str:
    """Return the text of a label; a value that is no text may come from numpy or torch."""
    if isinstance(label, str):
        return label
    if isinstance(label, os.PathLike):
        return os.fspath(label)
    if labels.kind == "mask":
        raise UsageError(f"a mask is given by the path of its file, not by {type(label).__name__}")
    value = label.tolist() if hasattr(label, "tolist") else label
    try:
        return labels.text(sorted(value) if isinstance(value, (set, frozenset)) else value)
    except (TypeError, ValueError, KeyError) as error:
        raise UsageError(f"{label!r:.60} is not a label of kind '{labels.kind}'; give its text") from error


def _standing(session: CampaignSession, folders: Sequence[Path] = ()) -> Standing:
    return Standing(
        records=session.state.records,
        pool=session.pool,
        classes=session.classes,
        location=Path(session.settings.pool.location),
        folders=folders,
        previous=session.state.answers_to,
        former=session.state.former,
    )


def take_back(session: CampaignSession, index: int, annotator: str, *, after: int) -> Answer:
    """Take back an annotator's latest answer to an image: see `Campaign.take_back`."""
    with session.lock():
        row = session.state.latest(index, annotator, after=after)
        if row is None:
            raise InvalidAnswers(f"there is no answer by '{annotator}' to image {index} to take back")
        session.record(Retracted(index=session.pool.canonical_index(index), answer=row.id))
        return row.answer


def consult_about_open(session: CampaignSession, oracle: Oracle) -> IngestReport:
    """Let an oracle answer the open query: see `Campaign.consult`."""
    with session.lock():
        query = session.open_query
        if query is None:
            raise InvalidAnswers("no query is open; make one with 'alkit query' first")
        return dataclasses.replace(consult(session, oracle, query), still_open=len(session.pool.pending))


def consult(session: CampaignSession, oracle: Oracle, query: Query) -> IngestReport:
    """Let an oracle answer what a query waits for."""
    asked, labels = [pick.index for pick in query.unanswered], session.label_kind
    report = reconcile_oracle_answers(
        _under_present_names(session, answers_of(oracle, asked)),
        asked,
        oracle,
        _standing(session, oracle.folders),
        labels=labels,
    )
    for rejection in report.rejected:
        session.progress.line(f"oracle '{oracle.name}': {rejection.reason}")
    _keep(session, labels, report, {"oracle": oracle.name})
    return report


def consult_or_pass(session: CampaignSession, oracle: Oracle, query: Query) -> None:
    """Let an oracle answer in a run; what it leaves out is not waited for, and not asked again.

    Raises:
        InvalidAnswers: it has never answered anything, and does not now.
    """
    report = consult(session, oracle, query)
    if not report.kept and not any(
        event.data.oracle == oracle.name for event in session.ledger.events(Answered)
    ):
        raise InvalidAnswers(
            f"oracle '{oracle.name}' answers for no image of query {query.number}, "
            f"which stays open; check that its options fit this pool"
        )
    rest = session.open_query
    if rest is not None:
        session.progress.line(
            f"oracle '{oracle.name}' leaves out {len(rest.unanswered):,} of {len(rest.picks):,} images; "
            "they will not be asked again"
        )
        indices = [pick.index for pick in rest.unanswered]
        session.record(Passed(query=rest.number, oracle=oracle.name, indices=indices))


def _under_present_name(session: CampaignSession, given: GivenAnswer) -> GivenAnswer:
    """Return an answer with its class as it is called now, if it was renamed or merged since."""
    former = session.state.former_classes
    label = given.meant([*session.classes, *former])
    return dataclasses.replace(given, label=former[label]) if label in former else given


def _under_present_names(session: CampaignSession, answers: Mapping[int, Answer]) -> dict[int, Answer]:
    """Return what an oracle says with classes as they are called now, without those that are retired."""
    state = session.state
    retired = set(state.retired) - set(state.classes)
    named: dict[int, Answer] = {}
    for index, answer in answers.items():
        value = answer.value
        if answer.kind == "label" and isinstance(value, str):
            value = state.former_classes.get(value, value)
            if value in retired:
                continue
        elif answer.kind == "label" and isinstance(value, list):
            present = [state.former_classes.get(name, name) for name in value]
            value = [name for name in present if name not in retired]
        named[index] = dataclasses.replace(answer, value=value)
    return named


def _keep(session: CampaignSession, labels: Labels, report: IngestReport, note: Mapping[str, Any]) -> None:
    if not report.kept:
        return
    labels.keep(answer.value for _, answer in report.kept if answer.kind == "label")
    with session.ledger.transaction():
        if report.new_classes:
            session.ledger.add_event(ClassesAdded(added=report.new_classes))
        event = session.ledger.add_event(from_json(Answered.kind, {"answers": len(report.kept), **note}))
        session.ledger.add_answers(event, report.kept)
    session.refresh()
