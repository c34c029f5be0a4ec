"""Where tensors live, by name."""

from __future__ import annotations

import torch

from .errors import InvalidOption


def find_device(name: str) -> torch.device:
    """Return a device by name; `auto` is the first GPU, or the CPU.

    Raises:
        InvalidOption: no such device is there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InvalidOption(f"there is no device '{name}' here: {reason}") from error
    return device
