"""A random draw of images with known chances, from which the whole pool can be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Images drawn one after another, without replacement.

    Attributes:
        picks: [n] positions in the pool, in the order of the draws.
        candidates: how many images there were to draw from.
        chance: [n] the chance of each draw, given those before it; None: all that are left are as likely.
        inclusion: [n] the chance that the image is among the n; None: n in `candidates`.
        before: positions that the same strategy had chosen before it drew.
    """

    picks: Indices
    candidates: int
    chance: Floats | None = None
    inclusion: Floats | None = None
    before: Indices

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values; a draw in which all images are as likely has no chances."""
        known = {
            name: values.tolist()
            for name, values in (("chance", self.chance), ("inclusion", self.inclusion))
            if values is not None
        }
        before = {"before": self.before.tolist()} if len(self.before) else {}
        return {"candidates": self.candidates, "picks": self.picks.tolist(), **known, **before}
