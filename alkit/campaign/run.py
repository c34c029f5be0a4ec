"""A run: training, asking and answering by an oracle, until the campaign has a given number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alkit.campaign.analysis.evidence import metric_curve, test_curve
from alkit.campaign.record.events import Ran, Stopped
from alkit.campaign.record.trainings import CycleRecord, history
from alkit.composition.factory import changed_files, effective_options, origin_of, same_code
from alkit.errors import CampaignError, InvalidBudget, InvalidOption
from alkit.plugin import registry
from alkit.reporting.wording import labels_and_copies
from alkit.utils.json_values import finite
from alkit.utils.profiling import Profile

from .ask import QueryRequest, strategy_of
from .choose import (
    check_budget,
    check_task_provides,
    choose_and_record,
    resolve_seed_strategy,
)
from .control import check_share
from .prepare import Selection
from .tell import consult_or_pass
from .train import train

if TYPE_CHECKING:
    from alkit.campaign.analysis.evidence import MetricPoint, Point
    from alkit.campaign.analysis.stopping import StoppingRule
    from alkit.campaign.record.query import Query
    from alkit.engine.train import TrainedModel
    from alkit.interfaces.oracle import Oracle
    from alkit.interfaces.strategy import Strategy

    from .session import CampaignSession


def run(
    session: CampaignSession,
    oracle: Oracle,
    request: QueryRequest,
    *,
    cycles: int,
    stop: Sequence[StoppingRule],
) -> list[CycleRecord]:
    """Train, ask and answer until there have been so many queries: see `Campaign.run`."""
    if cycles < 1:
        raise InvalidBudget(f"the number of cycles should be at least 1, not {cycles}")
    if request.sharing is not None:
        raise InvalidOption("a run scores its pool in one process; use 'alkit query' with an executor")
    n, control = request.n, request.control or 0.0
    chosen = strategy_of(session, request)
    _check_run(session, chosen.strategy, control, stop)
    with session.lock(images=True):
        _check_same(session, chosen.strategy)
        ended = stopped(session)
        if ended is not None and ended.rule in map(str, stop):
            session.progress.line(f"already stopped by {ended.rule}: {ended.reason}")
            return _history_of_run(session)
        if len(session.pool.labeled) == 0:
            check_task_provides(session, chosen.strategy)
        if (left := session.open_query) is not None:
            consult_or_pass(session, oracle, left)
        seeding_first = len(session.pool.labeled) == 0
        seed_size = request.seed_size or n
        done = len(_proper_queries(session))
        wanted = max(cycles - done, 0) * n + (seed_size if seeding_first else 0)
        if done < cycles:
            check_budget(n, len(session.pool.answerable))
            check_budget(wanted, len(session.pool.answerable))
        if seeding_first:
            seeder = resolve_seed_strategy(session, request.seed_strategy)
            seed = Selection(n=seed_size, seed=True, candidates=session.pool.answerable)
            first = choose_and_record(session, seeder, seed)
            consult_or_pass(session, oracle, first)
        for number in range(done + 1, cycles + 1):
            labels = labels_and_copies(session.pool.by_people, len(session.pool.copied))
            session.progress.line(f"cycle {number} of {cycles}: {labels}")
            profile = Profile()
            trained = _train_for_run(session, chosen.strategy, profile)
            if _stop(session, stop, n):
                break
            selection = Selection(n=n, control=control, candidates=session.pool.answerable)
            query = choose_and_record(session, chosen, selection, profile=profile, trained=trained)
            consult_or_pass(session, oracle, query)
        else:
            _train_for_run(session, chosen.strategy, Profile())
        return _history_of_run(session)


def stopped(session: CampaignSession) -> Stopped | None:
    """Return the rule that ended the last run and its reason, or None if there has been a query since."""
    events = session.ledger.events(Stopped)
    return events[-1].data if events and events[-1].data.cycle == session.cycle else None


def _check_run(
    session: CampaignSession, strategy: Strategy, control: float, stop: Sequence[StoppingRule]
) -> None:
    """Refuse what a run cannot do before anything is trained."""
    check_share(control)
    if strategy.asks_again:
        raise InvalidOption(
            f"strategy '{strategy.name}' asks about answered images again, which a run never does; use "
            "'alkit query'"
        )
    curved = [rule for rule in stop if rule.needs_curve]
    if curved and session.settings.test is None:
        raise InvalidOption(f"the rule {curved[0]} needs test images; name them with --test")
    metrics = [metric.name for metric in registry.tasks.get(session.settings.task.name).metrics]
    for rule in stop:
        if rule.metric and metrics and rule.metric not in metrics:
            raise InvalidOption(
                f"the rule {rule} needs the metric '{rule.metric}', which task "
                f"'{session.settings.task.name}' does not compute: it has {', '.join(metrics)}; "
                f"use budget=LABELS, target={metrics[0]}:VALUE or flat=GAIN:CYCLES"
            )
        if rule.metric and metrics and rule.metric != metrics[0]:
            raise InvalidOption(
                f"the rule {rule} should name the main metric of task '{session.settings.task.name}'; use "
                f"target={metrics[0]}:VALUE"
            )


def _check_same(session: CampaignSession, strategy: Strategy) -> None:
    """Refuse to count queries by another strategy, or with other options, as a run's own."""
    options, origin = finite(effective_options(strategy)), origin_of(strategy)
    changed: set[str] = set()
    for query in _proper_queries(session):
        other = [key for key, value in query.options.items() if options.get(key) != value]
        if query.strategy != strategy.name:
            whose = f"'{query.strategy}', not by '{strategy.name}'"
        elif not same_code(query.asked.origin, origin):
            whose = f"a '{query.strategy}' from another file or distribution"
        elif other:
            whose = f"'{query.strategy}' with {other[0]}={query.options[other[0]]}"
        else:
            changed.update(changed_files(query.asked.origin, origin))
            continue
        raise CampaignError(
            f"query {query.number} in {session.directory} was chosen by {whose}, so this run cannot continue "
            "from it; name another directory with --campaign"
        )
    for file in sorted(changed):
        session.progress.line(
            f"warning: {file} has changed since this run began; the run uses it as it is now"
        )


def _stop(session: CampaignSession, rules: Sequence[StoppingRule], n: int) -> bool:
    """Say whether one of the rules ends the run here, and record which."""
    if not rules:
        return False
    curve: Sequence[Point] | Sequence[MetricPoint] = test_curve(session)
    if not curve:
        curve = metric_curve(session)
    for rule in rules:
        if rule.needs_curve and (not curve or (rule.metric and curve[-1].metric != rule.metric)):
            needed = f"the metric '{rule.metric}'" if rule.metric else "a metric"
            raise InvalidOption(
                f"the rule {rule} needs {needed} on test images, which task "
                f"'{session.settings.task.name}' does not compute"
            )
        reason = rule.reason(curve, session.pool.by_people, n)
        if reason is not None:
            session.progress.line(f"stopped by {rule}: {reason}")
            session.record(Stopped(cycle=session.cycle, rule=str(rule), reason=reason))
            return True
    return False


def _train_for_run(session: CampaignSession, strategy: Strategy, profile: Profile) -> TrainedModel:
    """Train, and record which training it is that the run reports for this cycle."""
    trained, _ = train(session, strategy, profile)
    ran = Ran(cycle=session.cycle, strategy=strategy.name, fingerprint=trained.fingerprint)
    if ran not in [event.data for event in session.ledger.events(Ran)]:
        session.record(ran)
    return trained


def _proper_queries(session: CampaignSession) -> list[Query]:
    """Return the queries without the seed query."""
    return [query for query in session.queries if not query.asked.seed_query]


def _history_of_run(session: CampaignSession) -> list[CycleRecord]:
    cycles = {query.cycle for query in _proper_queries(session)} | {session.cycle}
    return [record for record in history(session.ledger) if record.cycle in cycles]
