"""Randomness: one seed per campaign, generators derived by purpose, global generators isolated."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch


def derive(seed: int, *purpose: str | int) -> int:
    """Derive a seed in [0, 2^63) for one purpose: the same words give the same seed in every process."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return a numpy generator for one purpose."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    return np.random.default_rng(derive(seed, *purpose))


def torch_generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Return a torch generator on the CPU for one purpose."""
    import torch  # noqa: PLC0415  # torch takes seconds to import

    return torch.Generator().manual_seed(derive(seed, *purpose))


@contextlib.contextmanager
def fence(seed: int) -> Iterator[None]:
    """Seed the global generators of random, numpy and torch for a block, and restore them after it."""
    import numpy as np  # noqa: PLC0415  # numpy is slow to import

    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_module = sys.modules.get("torch")
    torch_state = cuda_states = None
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if torch_module is not None:
        torch_state = torch_module.get_rng_state()
        if torch_module.cuda.is_available() and torch_module.cuda.is_initialized():
            cuda_states = torch_module.cuda.get_rng_state_all()
        _seed_torch(torch_module, seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if torch_module is not None and torch_state is not None:
            torch_module.set_rng_state(torch_state)
            if cuda_states is not None:
                torch_module.cuda.set_rng_state_all(cuda_states)


def _seed_torch(torch: Any, seed: int) -> None:
    """Seed torch's global generators; without an accelerator, the CPU's alone.

    `torch.manual_seed` formats its caller's stack for each kind of device that is not in use, which takes
    longer than many a block that is fenced.
    """
    accelerator = getattr(torch, "accelerator", None)  # since torch 2.6
    if accelerator is None or accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
