"""The kit finds an encoder whose weights are drawn anew each time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from alkit.data import EncoderInput
from alkit.interfaces import Encoder, OpenEncoder
from alkit.plugin.encoders import NamedEncoder
from alkit.testing import Nonconforming, encoders


class Drawn(Encoder):
    name = "drawn"
    seeds = iter((0, 0, 1, 2))

    def open(self, variant: str) -> OpenEncoder:
        torch.manual_seed(next(self.seeds))
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
        taken = EncoderInput(size=(4, 4), mean=(0.5,) * 3, std=(0.5,) * 3)
        return OpenEncoder(network=network, input=taken, dim=5)

    def identity(self, variant: str) -> str:
        return "always the same"


def test_features_have_to_be_the_same_when_an_encoder_is_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoders, "open_encoder", lambda name, **_: NamedEncoder(name, Drawn(), ""))
    encoders.identity_stays(NamedEncoder("drawn", Drawn(), ""))
    with pytest.raises(Nonconforming, match="the features differ when the encoder is opened again"):
        encoders.identity_stays(NamedEncoder("drawn", Drawn(), ""))


def test_an_input_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="resize of EncoderInput should be one of crop, stretch, letterbox"):
        EncoderInput(size=(4, 4), mean=(0.5,) * 3, std=(0.5,) * 3, resize="zoom")  # type: ignore[arg-type]
