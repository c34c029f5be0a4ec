"""The number format that a forward pass computes in."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from alkit.utils.devices import has_fast_bfloat16

from .recipe import Precision


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
