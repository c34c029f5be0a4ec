"""What the answers of a campaign say about its model and its strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alkit._lazy import lazy_exports

if TYPE_CHECKING:
    from alkit.campaign.analysis.advice import Suggestion as Suggestion
    from alkit.campaign.analysis.advice import suggestion as suggestion
    from alkit.campaign.analysis.evidence import CampaignEvidence as CampaignEvidence
    from alkit.campaign.analysis.evidence import gather as gather

_HOMES = {
    "alkit.campaign.analysis.advice": (
        "Suggestion",
        "suggestion",
    ),
    "alkit.campaign.analysis.evidence": (
        "CampaignEvidence",
        "gather",
    ),
}

__all__ = sorted([name for names in _HOMES.values() for name in names])
__getattr__, __dir__ = lazy_exports(__name__, _HOMES, __all__)
