"""Carry out the same commands with two checkouts, and compare what they record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .cases import DIGITS, FOR_OTHER_DATA, Case
from .checkout import Checkout, CheckoutError
from .records import differences
from .runs import Recorded, Run

Both = tuple[Checkout, Checkout]


@dataclass(frozen=True, slots=True)
class Row:
    """One cycle of a strategy, and all that differs in it; nothing does if it is identical."""

    part: str
    strategy: str
    seed: int
    cycle: int
    differences: list[str]


def shared_cases(both: Both) -> list[Case]:
    """Return the cases of strategies that both checkouts have; none of them may be left out.

    Raises:
        CheckoutError: one is not compared.
    """
    old, new = (checkout.strategies() for checkout in both)
    if missing := (old & new).difference(FOR_OTHER_DATA, (case.strategy for case in DIGITS)):
        raise CheckoutError(
            f"both checkouts have strategies that are not compared: {', '.join(sorted(missing))}; "
            "add them to comparison/cases.py"
        )
    return [case for case in DIGITS if case.strategy not in old ^ new]


def compare(part: str, run: Run, both: Both) -> list[Row]:
    """Carry out a run with both checkouts at the same time, and compare cycle by cycle."""
    with ThreadPoolExecutor(len(both)) as threads:
        old, new = threads.map(lambda checkout: carry_out(run, checkout), both)
    failures = [
        f"{name}: {result}" for name, result in (("old", old), ("new", new)) if isinstance(result, str)
    ]
    if isinstance(old, str) or isinstance(new, str):
        return [Row(part, run.name, run.seed, 0, failures)]
    rows = []
    for name, seed in sorted({*old, *new}):
        before, now = old.get((name, seed), {}), new.get((name, seed), {})
        rows += [
            Row(part, name, seed, cycle, differences(before.get(cycle, {}), now.get(cycle, {})))
            for cycle in sorted({*before, *now})
        ]
    return rows


def carry_out(run: Run, checkout: Checkout) -> Recorded | str:
    """Return what a run recorded, or in words why it failed."""
    for name, text in run.files.items():
        (checkout.workplace / name).write_text(text)
    try:
        for words in run.commands:
            checkout.alkit(words)
        return run.read(checkout.workplace)
    except (CheckoutError, OSError) as error:
        return str(error)
