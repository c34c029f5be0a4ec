"""Two changes, alone and together: what each is worth, and whether that depends on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alkit.utils.json_values import AsDict

from .curves import Curves, Floats
from .estimates import PairedDifference, difference, holm, paired


@dataclass(frozen=True, slots=True)
class Effect(AsDict):
    """What one change is worth, seed by seed, over the seeds that all four arms have.

    Attributes:
        name: of the change, or `both together`.
        alone: the change alone, against neither; of `both together`, both against neither.
        area: its main effect on the area, the mean of its differences without and with the other change; of
            `both together` the interaction, how much the change of one differs with the other.
        final: the same of the last step.
    """

    name: str
    alone: PairedDifference
    area: PairedDifference
    final: PairedDifference


def effects(
    curves: Curves, arms: Mapping[tuple[bool, bool], str], names: tuple[str, str], level: float
) -> tuple[Effect, ...]:
    """Estimate both main effects and the interaction; p values are corrected over the three.

    Args:
        curves: one metric of a benchmark.
        arms: the strategies by which changes they have.
        names: of the two changes.
        level: of the intervals.
    """
    areas = {arm: curves.areas(name) for arm, name in arms.items()}
    finals = {arm: curves.finals(name) for arm, name in arms.items()}
    by_area, by_final = (holm(_contrasts(values, level)) for values in (areas, finals))
    alone = holm(
        [
            difference(paired(areas[arm], areas[False, False]), level, bootstrap=True)
            for arm in ((True, False), (False, True), (True, True))
        ]
    )
    return tuple(
        Effect(name, *found)
        for name, *found in zip((*names, "both together"), alone, by_area, by_final, strict=True)
    )


def _contrasts(of: Mapping[tuple[bool, bool], Floats], level: float) -> list[PairedDifference]:
    neither, first = of[False, False], of[True, False]
    second, both = of[False, True], of[True, True]
    found = (
        paired((first + both) / 2, (neither + second) / 2),
        paired((second + both) / 2, (neither + first) / 2),
        paired(both - second, first - neither),
    )
    return [difference(one, level, bootstrap=True) for one in found]
