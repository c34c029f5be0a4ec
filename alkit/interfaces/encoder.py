"""The interface of encoders: pretrained networks by name, frozen, that turn images into features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from alkit.options import option

if TYPE_CHECKING:
    from torch import nn

    from alkit.data.encoder_input import EncoderInput


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEncoder:
    """A network with its weights.

    Attributes:
        network: maps normalized images [B, 3, H, W] to features [B, D].
        input: how it takes images.
        dim: D.
    """

    network: nn.Module
    input: EncoderInput
    dim: int


@dataclass(kw_only=True)
class Encoder(ABC):
    """Base of all encoders; the dataclass fields of a subclass are its options.

    Users write the name of the plugin, and what follows the first slash or colon is the variant:
    `torchvision/resnet50`, `file:mine.py:make`.

    Attributes:
        name: what the user types, the same as the entry point.
    """

    name: ClassVar[str]

    weights: str = option("", "file with the weights; those of the library if empty")
    download: bool = option(False, "let the library download the weights if they are not there")

    @abstractmethod
    def open(self, variant: str) -> OpenEncoder:
        """Make the network and load its weights.

        Raises:
            InvalidOption: a library is missing, there is no such variant, or the weights do not fit.
        """

    @abstractmethod
    def identity(self, variant: str) -> str:
        """Return all that the features depend on, as text, without making the network; empty if unknown.

        Where it is empty, the features of a few fixed images take its place, for which the network is made.
        """

    def source(self, variant: str) -> str:
        """Return the text of Python code that defines `make_encoder()`, which returns the network untrained.

        It may import anything but alkit. Where it is empty, an exported model contains the network as a
        program of `torch.export` instead of code.
        """
        return ""

    def nearest(self, guess: str) -> str | None:
        """Return the variant that somebody meant who wrote a guess, or None; it need not import a library."""
        return None

    def is_installed(self) -> bool:
        """Say whether the encoder can be used without a download and without an option; never raises."""
        return False
