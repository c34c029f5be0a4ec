"""Where the groups of a campaign stand: who is asked, who is withheld, and what the audit says.

Followers are drawn for the audit when groups are found, each with the same chance. They are asked once their
leader is labeled, and never get its label. So among the followers of labeled leaders they are a random
sample, whichever leaders a strategy chose, and the share of them whose label differs from that of the leader
says how many copied labels would be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from alkit.utils.json_values import AsDict
from alkit.utils.proportions import LEVEL, upper_bound

if TYPE_CHECKING:
    import numpy.typing as npt

    from alkit._typing import Indices
    from alkit.campaign.record.events import Grouped
    from alkit.campaign.record.state import State

    Flags = npt.NDArray[np.bool_]


KINDS = ("class", "classes")
"""Kinds of labels that can be copied: two are the same or not."""


@dataclass(frozen=True, slots=True)
class LevelAudit(AsDict):
    """What the audit says about followers that are at least so much like their leader.

    Attributes:
        likeness: the level.
        followers: those of labeled leaders.
        audited: of these, drawn for the audit and answered.
        wrong: of these, with another answer than the leader.
        bound: upper end of the exact interval (Clopper and Pearson) of the share of wrong ones; all levels
            hold together with 95 % confidence.
    """

    likeness: float
    followers: int
    audited: int
    wrong: int
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport(AsDict):
    """Where near-duplicates stand.

    Attributes:
        groups: with at least one follower.
        followers: images that look nearly like the leader of their group.
        by: what was compared, `features` or `pixels`.
        limit: largest share of wrong ones among copied labels.
        drawn: followers that were drawn for the audit.
        due: of these, images that wait to be asked.
        levels: by likeness, ascending.
        chosen: the lowest level whose bound is within the limit, or None.
        copied: images that have the label of their leader now.
        bound: of the level from which these were copied; None without any.
    """

    groups: int
    followers: int
    by: str
    limit: float
    drawn: int
    due: int
    levels: tuple[LevelAudit, ...]
    chosen: float | None
    copied: int
    bound: float | None


class Standing:
    """The groups of a state.

    Args:
        state: in which there are groups.
        groups: what was found.
    """

    def __init__(self, state: State, groups: Grouped) -> None:
        self.state, self.groups = state, groups
        self.indices = np.asarray(groups.indices, np.int64)
        self.leaders = np.asarray(groups.leaders, np.int64)
        self.likeness = np.asarray(groups.likeness)
        self.audit: Flags = np.isin(self.indices, np.asarray(groups.audit, np.int64))

    def _marked(self, positions: Indices) -> Flags:
        marked = np.zeros(len(self.state.records), np.bool_)
        marked[positions] = True
        return marked

    @cached_property
    def _labeled(self) -> Flags:
        """[N] bool: images with a label of their own."""
        pool = self.state.pool
        marked = self._marked(pool.labeled)
        marked[list(pool.copied)] = False
        return marked

    @cached_property
    def _led(self) -> Flags:
        """[n] bool: followers whose leader has a label that may be copied: it was not asked as a control."""
        controls = [pick.index for picks in self.state.picks for pick in picks if pick.control]
        may_lead = self._labeled.copy()
        may_lead[controls] = False
        found: Flags = may_lead[self.leaders]
        return found

    @cached_property
    def levels(self) -> tuple[LevelAudit, ...]:
        """What the audit says about each level."""
        pool, rows = self.state.pool, []
        drawn = np.flatnonzero(self._led & self.audit).tolist()
        answers = {row: pool.answer_of(self.indices[row]) for row in drawn}
        differs = {
            row: answer.kind != "label" or answer.value != self._value(self.leaders[row])
            for row, answer in answers.items()
            if answer is not None
        }
        for level in self.groups.levels:
            at_least = self._led & (self.likeness >= level)
            known = [wrong for row, wrong in differs.items() if at_least[row]]
            confidence = 1 - (1 - LEVEL) / len(self.groups.levels)
            bound = upper_bound(sum(known), len(known), confidence) if known else 1.0
            rows.append(LevelAudit(level, int(at_least.sum()), len(known), sum(known), bound))
        return tuple(rows)

    def _value(self, leader: int) -> object:
        answer = self.state.pool.answer_of(leader)
        return None if answer is None else answer.value

    def chosen(self, limit: float) -> LevelAudit | None:
        """Return the lowest level whose bound is within a limit."""
        return next((level for level in self.levels if level.bound <= limit), None)

    @cached_property
    def due(self) -> Indices:
        """Followers of the audit whose leader is labeled, and which nobody has answered or was asked."""
        found = np.intersect1d(self.indices[self._led & self.audit], self.state.pool.candidates)
        return found.astype(np.int64)

    @cached_property
    def withheld(self) -> Indices:
        """Followers that no strategy is offered: their leader is labeled, or is asked in their place.

        If the audit has settled on a level, followers that are less like their leader are images like others.
        """
        pool = self.state.pool
        stands = self._labeled | self._marked(pool.candidates) | self._marked(pool.pending)
        chosen = self.chosen(self.groups.limit)
        like = self.likeness >= (0.0 if chosen is None else chosen.likeness)
        return self.indices[stands[self.leaders] & (like | self.audit)]

    def copies(self, level: float) -> tuple[Indices, Indices]:
        """Return the followers that would get the label of their leader at a level, and the leaders."""
        pool = self.state.pool
        free = self._marked(pool.candidates)
        free[list(pool.copied)] = True
        wanted = self._led & ~self.audit & (self.likeness >= level) & free[self.indices]
        return self.indices[wanted], self.leaders[wanted]

    def report(self) -> GroupReport:
        """Return where they stand."""
        chosen, copied = self.chosen(self.groups.limit), self.state.pool.copied
        level = min((self._likeness_of[index] for index in copied), default=None)
        at = [found for found in self.levels if level is not None and found.likeness <= level]
        return GroupReport(
            groups=len(np.unique(self.leaders)),
            followers=len(self.indices),
            by=self.groups.by,
            limit=self.groups.limit,
            drawn=int(self.audit.sum()),
            due=len(self.due),
            levels=self.levels,
            chosen=None if chosen is None else chosen.likeness,
            copied=len(copied),
            bound=at[-1].bound if at else None,
        )

    @cached_property
    def _likeness_of(self) -> dict[int, float]:
        return dict(zip(self.indices.tolist(), self.likeness.tolist(), strict=True))


def standing_of(state: State) -> Standing | None:
    """Return the groups of a state, or None without any."""
    return None if state.groups is None else Standing(state, state.groups)


def one_of_each(state: State, candidates: Indices, n: int) -> tuple[Indices, Indices]:
    """Return what a strategy is offered for a query of n images, and which of these are audits.

    Audits that are due take up to half of the query. A strategy is offered one image of each group, or all
    if too few are left.

    Args:
        state: of the campaign.
        candidates: [m] int64 ascending, what may be chosen.
        n: images.
    """
    standing = standing_of(state)
    if standing is None:
        return candidates, candidates[:0]
    due = np.intersect1d(standing.due, candidates)
    audits = np.random.default_rng(len(due)).permutation(due)[: n // 2].astype(np.int64)
    others = candidates[np.isin(candidates, audits, invert=True)]
    drawn = standing.indices[standing.audit]
    for kept_back in (standing.withheld, drawn):  # what the audit asks, no strategy should choose
        offered = others[np.isin(others, kept_back, invert=True)]
        if len(offered) >= n - len(audits):
            return offered, audits
    return others, audits
