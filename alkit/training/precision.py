"""The number format that a forward pass computes in."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import torch

from alkit.utils.devices import has_fast_bfloat16

from .recipe import Precision, Recipe


def autocast(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[Any]:
    """Return the mixed-precision context of a device: bfloat16 if requested, or if it is faster."""
    if settled_precision(device, precision) == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def settled_precision(device: torch.device, precision: Precision) -> Precision:
    """Return the format that `auto` selects on a device; return anything else unchanged."""
    if precision != "auto":
        return precision
    return "bfloat16" if has_fast_bfloat16(device) else "float32"


def settled(recipe: Recipe, device: torch.device) -> Recipe:
    """Return a recipe with the format that it selects on a device."""
    return dataclasses.replace(recipe, precision=settled_precision(device, recipe.precision))
