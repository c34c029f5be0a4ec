"""Torchvision's own weights by name: which a network has, and their file, downloaded only if allowed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import torch

from alkit.errors import InvalidOption

PRETRAINED = "pretrained"
NAME = re.compile(r"\w+")


def is_name(weights: str) -> bool:
    """Say whether a text names weights (`pretrained`, `IMAGENET1K_V2`) rather than a file."""
    return NAME.fullmatch(weights) is not None and not Path(weights).exists()


def named_weights(model: str, name: str) -> Any:
    """Return torchvision's weights for a network by name; `pretrained` and `DEFAULT` are its best ones.

    Raises:
        InvalidOption: the network is not torchvision's, or has no such weights.
    """
    from torchvision import models  # noqa: PLC0415  # torchvision takes seconds to import

    if model not in models.list_models(module=models):
        raise InvalidOption(
            f"there are no weights '{name}' for the network '{model}'; choose a network of "
            "torchvision, such as --model resnet50, or name a file of weights"
        )
    known = models.get_model_weights(model)
    if name.upper() in (PRETRAINED.upper(), "DEFAULT"):
        return known.DEFAULT
    if name.upper() not in known.__members__:
        raise InvalidOption(
            f"there are no weights '{name}' for the network '{model}'; choose from {PRETRAINED}, "
            f"{', '.join(one.name for one in known)}, or name a file of weights"
        )
    return known[name.upper()]


def weights_file(chosen: Any, named: str, *, download: bool) -> Path:
    """Return the file of weights, in torch's cache.

    Args:
        chosen: one of torchvision's.
        named: what messages call the network.
        download: fetch them if they are not there.

    Raises:
        InvalidOption: they are not there and must not, or cannot, be downloaded.
    """
    kept = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
    if kept.exists():
        return kept
    if not download:
        raise InvalidOption(
            f"the weights of {named} are not on this machine; download {chosen.url} with "
            "--download, or name the file with -t weights=FILE"
        )
    try:
        torch.hub.load_state_dict_from_url(
            chosen.url, check_hash=True, progress=sys.stderr.isatty(), weights_only=True
        )
    except (OSError, RuntimeError) as error:  # there is no network, or another file came
        raise InvalidOption(
            f"the weights of {named} cannot be downloaded from {chosen.url}: {error}; download them "
            "elsewhere, and name the file with -t weights=FILE"
        ) from error
    return kept
