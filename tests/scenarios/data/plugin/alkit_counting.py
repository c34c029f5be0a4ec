"""A strategy that remembers how often it was asked, as its author wrote it for the older alkit."""

from __future__ import annotations

from typing import Any

import alkit


class Counting(alkit.Strategy):
    """Choose the first candidates."""

    name = "counting"
    needs_labels = False
    asked = 0

    def select(self, cycle: alkit.Cycle, n: int) -> Any:
        self.asked += 1
        cycle.diagnostics["asked"] = self.asked
        return cycle.candidates[:n]

    def state_dict(self) -> dict[str, Any]:
        return {"asked": self.asked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.asked = state["asked"]


@alkit.hookimpl
def alkit_strategies() -> list[type[alkit.Strategy]]:
    return [Counting]
