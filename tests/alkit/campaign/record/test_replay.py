"""The replay: every kind of event is either handled or known to leave the state as it is."""

from __future__ import annotations

from alkit.campaign.record import events, replay

WITHOUT_EFFECT = {
    events.Created,  # images are in a table of their own
    events.Extended,
    events.Trained,
    events.Ran,
    events.Stopped,
    events.Noted,
}


def test_every_kind_of_event_has_a_handler_or_does_not_change_the_state() -> None:
    assert set(replay.CHANGING) == set(events.ALL) - WITHOUT_EFFECT
