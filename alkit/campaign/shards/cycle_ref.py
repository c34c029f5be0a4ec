"""A reference to the current cycle of a campaign, from which any process rebuilds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alkit.campaign.prepare import PreparedCycle, Selection, prepare
from alkit.campaign.session import CampaignSession
from alkit.campaign.training_ref import choice_for_others, last_event
from alkit.composition.factory import resolve
from alkit.errors import CampaignError
from alkit.utils.progress import NullProgress, Progress

if TYPE_CHECKING:
    from alkit.engine.cycle import Cycle


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRef:
    """Names a cycle by paths and options; images, features and weights are opened where they are.

    Attributes:
        campaign: its directory, under a path that every process sees.
        query: queries before this cycle.
        strategy: its text.
        options: of the strategy.
        n: images to choose.
        control: share of them that is drawn at random.
        seed: whether it is a seed query.
        new: whether the open query is withdrawn for it.
        checkpoint: of the model, from the campaign's directory; None where the strategy needs none.
        event: the last event before the cycle, so that another state of the campaign is noticed.
        device: where tensors live.
    """

    campaign: str
    query: int
    strategy: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    n: int
    control: float = 0.0
    seed: bool = False
    new: bool = False
    checkpoint: str | None = None
    event: int = 0
    device: str = "auto"

    @classmethod
    def of(cls, session: CampaignSession, prepared: PreparedCycle) -> CycleRef:
        """Return a reference to a prepared cycle.

        Raises:
            UsageError: the strategy cannot be made from its text.
        """
        selection, trained = prepared.selection, prepared.trained
        choice = choice_for_others(prepared.chosen, "choose without an executor")
        return cls(
            campaign=str(session.directory.absolute()),
            query=session.cycle,
            strategy=choice.name,
            options=dict(choice.options),
            n=selection.n,
            control=selection.control,
            seed=selection.seed,
            new=selection.instead_of is not None,
            checkpoint=None if trained is None else session.relative(trained.checkpoint),
            event=last_event(session),
            device=str(session.resources.device),
        )

    def open(self, progress: Progress | None = None) -> Cycle:
        """Return the cycle, as the strategy sees it.

        Raises:
            CampaignError: the campaign has changed since the reference was made.
            NotTrained: the checkpoint is gone.
        """
        return self.prepare(progress).open()

    def prepare(self, progress: Progress | None = None) -> PreparedCycle:
        """Return the cycle, ready to be opened; nothing is locked and nothing is written.

        Raises:
            CampaignError: the campaign has changed since the reference was made.
            NotTrained: the checkpoint is gone.
        """
        progress = NullProgress() if progress is None else progress
        with CampaignSession(self.campaign, device=self.device, progress=progress) as session:
            session.resources.mapped = True
            if (session.cycle, last_event(session)) != (self.query, self.event):
                raise CampaignError(f"{self.campaign} has changed since this cycle began; begin again")
            withdrawn = session.open_query if self.new else None
            if withdrawn is not None:
                session.pool.withdraw(pick.index for pick in withdrawn.unanswered)
            selection = Selection(n=self.n, seed=self.seed, control=self.control, instead_of=withdrawn)
            prepared = prepare(session, resolve(self.strategy, self.options), selection, load_only=True)
            trained = prepared.trained
            if (None if trained is None else session.relative(trained.checkpoint)) != self.checkpoint:
                raise CampaignError(
                    f"the model of {self.campaign} is not {self.checkpoint} here; begin again"
                )
            return prepared
