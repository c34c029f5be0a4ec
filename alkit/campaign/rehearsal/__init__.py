"""Rehearsals: what the next labels would bring, forecast from replays of the labels at hand."""
