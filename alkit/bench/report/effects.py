"""The section on the defects of published baselines: what each is worth, and both together."""

from __future__ import annotations

from alkit.reporting.document import Block, Table, Text

from .evidence import ReportData
from .wording import NumberFormat, probability


def effects(evidence: ReportData) -> list[Block]:
    """Show main effects and interaction; nothing without all four arms."""
    found = evidence.effects
    if not found:
        return []
    digits = NumberFormat.of(evidence.comparison)
    rows = [
        (
            one.name if number < 2 else "interaction",
            str(one.area.estimate.n),
            digits.signed_interval(one.area.estimate),
            probability(one.area.p_holm),
            digits.signed_interval(one.final.estimate),
        )
        for number, one in enumerate(found)
    ]
    text = (
        "Random sampling takes part four times: as a baseline should be, and with one or both of two defects "
        "of published code. A main effect is the mean of a defect's difference without and with the other; "
        "the interaction is how much these two differ."
    )
    note = "Paired by seed; p of the area is corrected over the three (Holm)."
    return [Text(text), Table(("effect", "seeds", "area", "p Holm", "final"), rows, note=note)]
