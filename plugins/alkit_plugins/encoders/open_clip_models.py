"""The image towers of open_clip's models, by its names."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

import alkit
from alkit.data import EncoderInput
from alkit.errors import InvalidOption, reason_of
from alkit.interfaces import Encoder, OpenEncoder

from .near import near
from .weights import filled

EXAMPLE = "open_clip/ViT-B-32/laion2b_s34b_b79k"


@dataclass(kw_only=True)
class OpenClip(Encoder):
    """`open_clip/MODEL/TAG`: the image tower of a CLIP model, with the weights that open_clip calls TAG."""

    name: ClassVar[str] = "open_clip"

    def open(self, variant: str) -> OpenEncoder:
        """Make the model and keep its image tower; the weights come from a file or a download."""
        open_clip = _open_clip()
        model, tag = _model_and_tag(open_clip, variant)
        if not self.weights and not self.download:
            raise InvalidOption(
                f"{self.name}/{variant} downloads its weights, or finds them in its own cache; allow that "
                "with --download, or name a file with -t weights=FILE"
            )
        logging.disable(logging.WARNING)  # it warns of random weights, which are replaced below
        try:
            made = open_clip.create_model(model, pretrained=None if self.weights else tag)
        except Exception as error:  # the hub's errors are of many kinds
            raise InvalidOption(f"{self.name}/{variant} cannot be made: {reason_of(error)}") from error
        finally:
            logging.disable(logging.NOTSET)
        if self.weights:
            filled(made, Path(self.weights), f"{self.name}/{variant}", has_head=False)
        tower = made.visual.eval()
        told = {**tower.preprocess_cfg, **(open_clip.get_pretrained_cfg(model, tag) or {})}
        taken = _input(told)
        with torch.no_grad():
            dim = int(tower(torch.zeros(1, *taken.shape)).shape[-1])
        return OpenEncoder(network=tower, input=taken, dim=dim)

    def identity(self, variant: str) -> str:
        """Name open_clip's version, which fixes weights and preprocessing; a file is looked into."""
        return "" if self.weights else str(_open_clip().__version__)

    def nearest(self, guess: str) -> str | None:
        """Return a model whose name is like a guess, with its latest weights."""
        open_clip = _open_clip()
        model = near(guess, open_clip.list_models())
        tags = open_clip.list_pretrained_tags_by_model(model) if model else []
        return f"{model}/{tags[-1]}" if tags else None


def _open_clip() -> Any:
    try:
        import open_clip  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise InvalidOption(
            "open_clip is not installed; install it with: pip install 'alkit[open_clip]'"
        ) from error
    return open_clip


def _model_and_tag(open_clip: Any, variant: str) -> tuple[str, str]:
    """Split MODEL/TAG.

    Raises:
        InvalidOption: open_clip does not know them.
    """
    model, _, tag = variant.partition("/")
    known = open_clip.list_models()
    if model not in known:
        close = near(model, known, cutoff=0.6)
        hint = f"did you mean 'open_clip/{close}/TAG'?" if close else f"for example {EXAMPLE}"
        raise InvalidOption(f"open_clip has no model '{model}'; {hint}")
    tags = open_clip.list_pretrained_tags_by_model(model)
    if tag not in tags:
        close = tag and near(tag, tags, cutoff=0.6)
        choices = f"choose from {', '.join(tags)}" if tags else "take another model"
        hint = f"did you mean 'open_clip/{model}/{close}'?" if close else choices
        named = f"no weights '{tag}'" if tag else "several weights" if tags else "no weights"
        raise InvalidOption(f"open_clip has {named} for {model}; {hint}")
    return model, tag


def _input(told: dict[str, Any]) -> EncoderInput:
    size = told["size"]
    height, width = (size, size) if isinstance(size, int) else size
    rules: dict[str, Any] = {"shortest": "crop", "longest": "letterbox", "squash": "stretch"}
    return EncoderInput(
        size=(height, width),
        mean=tuple(told["mean"]),
        std=tuple(told["std"]),
        resize=rules[told["resize_mode"]],
        bicubic=told["interpolation"] == "bicubic",
    )


@alkit.hookimpl
def alkit_encoders() -> list[type[Encoder]]:
    """Offer open_clip's image towers."""
    return [OpenClip]
