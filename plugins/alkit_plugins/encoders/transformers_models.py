"""The image models of Hugging Face transformers: by name on the hub, or from a folder."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

import alkit
from alkit.data import EncoderInput
from alkit.errors import InvalidOption, reason_of
from alkit.interfaces import Encoder, OpenEncoder

from .weights import listed

EXAMPLE = "transformers/facebook/dinov2-small"
OWNER_AND_NAME = re.compile(r"[\w.-]+/[\w.-]+")
BICUBIC = 3  # Pillow's number
CONVNEXT_STRETCHES_FROM = 384  # pixels: the rule of ConvNextImageProcessor


class Pooled(nn.Module):
    """An image model whose features are its pooled output, or else its first token: [B, D].

    Args:
        model: takes `pixel_values`.
        pooler: it has a pooled output whose weights are known.
    """

    def __init__(self, model: nn.Module, *, pooler: bool) -> None:
        super().__init__()
        self.model, self.pooler = model, pooler

    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, D] of images [B, 3, H, W]."""
        output = self.model(pixel_values=images)
        pooled = getattr(output, "pooler_output", None) if self.pooler else None
        if pooled is not None:
            return pooled.flatten(1)
        hidden: Tensor = output.last_hidden_state
        return hidden.mean((2, 3)) if hidden.ndim == 4 else hidden[:, 0]


@dataclass(kw_only=True)
class Transformers(Encoder):
    """`transformers/OWNER/NAME`: an image model of the Hugging Face hub, with its own preprocessing.

    `weights` is a folder that `save_pretrained` wrote: model and preprocessing.
    """

    name: ClassVar[str] = "transformers"

    def open(self, variant: str) -> OpenEncoder:
        """Load model and preprocessing from a folder, the hub's cache or a download."""
        transformers = _transformers()
        self._check(variant)
        place = self.weights or variant
        options = {"local_files_only": bool(self.weights) or not self.download}
        try:
            model, found = transformers.AutoModel.from_pretrained(place, output_loading_info=True, **options)
            processor = transformers.AutoImageProcessor.from_pretrained(place, **options)
        except Exception as error:  # the hub's errors are of many kinds
            named = f"{self.name}/{variant}"
            if self.weights:
                raise InvalidOption(
                    f"the folder {self.weights} does not fit {named}: {reason_of(error)}; save model and "
                    "preprocessing there with save_pretrained"
                ) from error
            if not self.download:
                raise InvalidOption(
                    f"{named} is not on this machine; allow a download with --download, or name a folder "
                    f"with -t weights=FOLDER: {reason_of(error)}"
                ) from error
            raise InvalidOption(
                f"{named} cannot be loaded (a name is like {EXAMPLE}): {reason_of(error)}"
            ) from error
        wrong = sorted({*map(str, found["missing_keys"]), *(str(one[0]) for one in found["mismatched_keys"])})
        network = getattr(model, "vision_model", model)
        wanted = [name for name in wrong if "pooler" not in name and not name.startswith("text_")]
        if wanted:
            raise InvalidOption(f"the weights of transformers/{variant} lack {listed(wanted)}")
        taken = _input(processor, variant)
        pooled = Pooled(network.eval(), pooler=not any("pooler" in name for name in wrong))
        with torch.no_grad():
            dim = int(pooled(torch.zeros(1, *taken.shape)).shape[-1])
        return OpenEncoder(network=pooled, input=taken, dim=dim)

    def identity(self, variant: str) -> str:
        """Name the version of transformers; a folder is looked into."""
        return "" if self.weights else str(_transformers().__version__)

    def nearest(self, guess: str) -> str | None:
        """Take a name with an owner for one of the hub."""
        return guess if OWNER_AND_NAME.fullmatch(guess) and not guess.endswith(".py") else None

    def _check(self, variant: str) -> None:
        """Refuse what is no name of a model and what is no folder.

        Raises:
            InvalidOption: it is not.
        """
        if self.weights and not Path(self.weights).is_dir():
            raise InvalidOption(
                f"{self.weights} is not a folder; {self.name}/{variant} takes one that save_pretrained wrote"
            )
        if not self.weights and variant and Path(variant).is_dir():
            raise InvalidOption(f"{variant} is a folder; name it with -t weights={variant}")
        if not self.weights and not OWNER_AND_NAME.fullmatch(variant):
            raise InvalidOption(
                f"'{self.name}/{variant}' names no model of the hub; write transformers/OWNER/NAME, for "
                f"example {EXAMPLE}"
            )


def _transformers() -> Any:
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise InvalidOption(
            "transformers is not installed; install it with: pip install 'alkit[transformers]'"
        ) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def _input(processor: Any, variant: str) -> EncoderInput:
    """Return how a processor treats an image.

    Raises:
        InvalidOption: it does what alkit has no rule for.
    """
    size, cropped = processor.size, getattr(processor, "crop_size", None)
    normalized = getattr(processor, "do_normalize", True)
    given: dict[str, Any] = {
        "mean": tuple(processor.image_mean) if normalized else (0.0,) * 3,
        "std": tuple(processor.image_std) if normalized else (1.0,) * 3,
        "bicubic": int(getattr(processor, "resample", 2)) == BICUBIC,
    }
    edge = size.get("shortest_edge")
    share = getattr(processor, "crop_pct", None)
    if getattr(processor, "do_center_crop", False) and edge and cropped:
        height, width = cropped["height"], cropped["width"]
        return EncoderInput(size=(height, width), crop=min(1.0, min(height, width) / edge), **given)
    if edge and share is not None and edge < CONVNEXT_STRETCHES_FROM:
        return EncoderInput(size=(edge, edge), crop=share, **given)
    if edge and share is not None:
        return EncoderInput(size=(edge, edge), resize="stretch", **given)
    if size.get("height") and size.get("width") and not getattr(processor, "do_center_crop", False):
        return EncoderInput(size=(size["height"], size["width"]), resize="stretch", **given)
    raise InvalidOption(
        f"transformers/{variant} prepares images in a way that alkit does not know "
        f"({type(processor).__name__}); load it in a function of yours and name it file:PATH.py:FUNCTION"
    )


@alkit.hookimpl
def alkit_encoders() -> list[type[Encoder]]:
    """Offer the image models of transformers."""
    return [Transformers]
