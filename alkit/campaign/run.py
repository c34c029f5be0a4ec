"""A run: training, asking and answering by an oracle, until the campaign has had so many queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alkit.campaign.record.trainings import CycleRecord, history
from alkit.composition.factory import changed_files, options_in_force, origin_of, same_code
from alkit.errors import CampaignError, InvalidBudget, InvalidOption
from alkit.utils.json_values import finite
from alkit.utils.profiling import Measures

from .ask import check_budget, check_needs_of, choose_and_record, make_chooser, make_seeder
from .tell import consult_or_pass
from .train import train

if TYPE_CHECKING:
    from alkit.campaign.analysis.stopping import Rule
    from alkit.campaign.record.query import Query
    from alkit.engine.train import Learned
    from alkit.interfaces.oracle import Oracle
    from alkit.interfaces.strategy import Strategy

    from .session import Opened


def run(
    opened: Opened,
    oracle: Oracle,
    *,
    cycles: int,
    n: int,
    strategy: str | None,
    options: Mapping[str, Any] | None,
    seed_strategy: str,
    seed_size: int | None,
    control: float,
    stop: Sequence[Rule],
) -> list[CycleRecord]:
    """Train, ask and answer until there have been so many queries: see `Campaign.run`."""
    if cycles < 1:
        raise InvalidBudget(f"the number of cycles should be at least 1, not {cycles}")
    chosen = make_chooser(opened, strategy, options)
    _check_run(opened, chosen.strategy, control, stop)
    with opened.lock():
        _check_same(opened, chosen.strategy)
        ended = stopped(opened)
        if ended is not None and ended["rule"] in map(str, stop):
            opened.progress.line(f"stopped already by {ended['rule']}: {ended['reason']}")
            return _history_of_run(opened)
        if len(opened.pool.labeled) == 0:
            check_needs_of(opened, chosen.strategy)
        if (left := opened.open_query) is not None:
            consult_or_pass(opened, oracle, left)
        seeding_first = len(opened.pool.labeled) == 0
        done = len(_proper_queries(opened))
        wanted = max(cycles - done, 0) * n + ((seed_size or n) if seeding_first else 0)
        if done < cycles:
            check_budget(n, len(opened.pool.answerable))
            check_budget(wanted, len(opened.pool.answerable))
        if seeding_first:
            seeder = make_seeder(opened, seed_strategy)
            first = choose_and_record(
                opened, seeder, seed_size or n, seed=True, candidates=opened.pool.answerable
            )
            consult_or_pass(opened, oracle, first)
        for number in range(done + 1, cycles + 1):
            opened.progress.line(f"cycle {number} of {cycles}: {len(opened.pool.labeled):,} labels")
            measures = Measures()
            learned = _train_for_run(opened, chosen.strategy, measures)
            if _stop(opened, stop, n):
                break
            query = choose_and_record(
                opened,
                chosen,
                n,
                candidates=opened.pool.answerable,
                measures=measures,
                learned=learned,
                control=control,
            )
            consult_or_pass(opened, oracle, query)
        else:
            _train_for_run(opened, chosen.strategy, Measures())
        return _history_of_run(opened)


def stopped(opened: Opened) -> Mapping[str, Any] | None:
    """Return the rule that ended the last run and its reason, or None if there has been a query since."""
    events = opened.ledger.events("stopped")
    return events[-1].data if events and events[-1].data["cycle"] == opened.cycle else None


def _check_run(opened: Opened, strategy: Strategy, control: float, stop: Sequence[Rule]) -> None:
    """Refuse before anything is trained what a run cannot do."""
    from .control import check_share

    check_share(control)
    if strategy.asks_again:
        raise InvalidOption(
            f"strategy '{strategy.name}' asks again about answered images, which a run never does; use "
            "'alkit query'"
        )
    curved = [rule for rule in stop if rule.needs_curve]
    if curved and opened.settings.test is None:
        raise InvalidOption(f"the rule {curved[0]} needs test images; name them by --test")


def _check_same(opened: Opened, strategy: Strategy) -> None:
    """Refuse to count queries by another strategy, or with other options, as a run's own."""
    options, origin = finite(options_in_force(strategy)), origin_of(strategy)
    changed: set[str] = set()
    for query in _proper_queries(opened):
        other = [key for key, value in query.options.items() if options.get(key) != value]
        if query.strategy != strategy.name:
            whose = f"'{query.strategy}', not by '{strategy.name}'"
        elif not same_code(query.record, origin):
            whose = f"another '{query.strategy}', out of another file or distribution"
        elif other:
            whose = f"'{query.strategy}' with {other[0]}={query.options[other[0]]}"
        else:
            changed.update(changed_files(query.record, origin))
            continue
        raise CampaignError(
            f"query {query.number} in {opened.directory} was chosen by {whose}, so this run cannot go on "
            "from it; name another directory by --campaign"
        )
    for file in sorted(changed):
        opened.progress.line(f"warning: {file} has changed since this run began, and is used as it is now")


def _stop(opened: Opened, rules: Sequence[Rule], n: int) -> bool:
    """Say whether one of the rules ends the run here, and record which."""
    from alkit.campaign.analysis.evidence import test_curve

    if not rules:
        return False
    curve = test_curve(opened)
    for rule in rules:
        if rule.needs_curve and not curve:
            raise InvalidOption(
                f"the rule {rule} needs the metric 'accuracy' of test images, which task "
                f"'{opened.settings.task.name}' does not give"
            )
        reason = rule.reason(curve, len(opened.pool.labeled), n)
        if reason is not None:
            opened.progress.line(f"stopped by {rule}: {reason}")
            opened.record("stopped", {"cycle": opened.cycle, "rule": str(rule), "reason": reason})
            return True
    return False


def _train_for_run(opened: Opened, strategy: Strategy, measures: Measures) -> Learned:
    """Train, and record which training it is that the run reports for this cycle."""
    learned, _ = train(opened, strategy, measures)
    data = {"cycle": opened.cycle, "strategy": strategy.name, "fingerprint": learned.fingerprint}
    if data not in [event.data for event in opened.ledger.events("ran")]:
        opened.record("ran", data)
    return learned


def _proper_queries(opened: Opened) -> list[Query]:
    """Return the queries that are no seed."""
    return [query for query in opened.queries if not query.record.get("seed_query")]


def _history_of_run(opened: Opened) -> list[CycleRecord]:
    cycles = {query.cycle for query in _proper_queries(opened)} | {opened.cycle}
    return [record for record in history(opened.ledger) if record.cycle in cycles]
