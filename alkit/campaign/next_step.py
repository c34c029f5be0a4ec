"""What to do next with a campaign whose query is answered: a command that can be copied."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import CampaignSession

FIRST = 50  # images of a first query
NONE_LEFT = "no image is left to choose: every usable one is labeled, asked or set aside"


def query_command(session: CampaignSession) -> str:
    """Return the command for another query, as large as the last one, or as large as the pool allows."""
    left = len(session.pool.candidates)
    size = len(session.queries[-1].picks) if session.queries else FIRST
    return f"alkit query {_campaign(session)} --budget {min(size, left)}"


def next_step(session: CampaignSession) -> str:
    """Return the command for another query, or what to do if no image is left for one."""
    if len(session.pool.candidates):
        return query_command(session)
    return f"alkit report {_campaign(session)} ({NONE_LEFT}; 'alkit update' takes in new ones)"


def _campaign(session: CampaignSession) -> str:
    return f"--campaign {shlex.quote(str(session.directory))}"
