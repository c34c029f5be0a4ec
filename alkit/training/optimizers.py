"""torch's optimizers, used without torch's compiler."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import torch
from torch.optim import Optimizer

METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


@cache
def without_compiler(optimizer: Any) -> Any:
    """Return the same kind of optimizer, whose use does not import torch's compiler.

    torch wraps these methods to tell its compiler about them, and imports it to do so, which takes over a
    second of every process. Nothing here is compiled, so the methods are used as they are inside. The updates
    are the same.

    Args:
        optimizer: a class of `torch.optim`; not one whose `differentiable` is set.
    """
    bare = {name: inspect.unwrap(getattr(Optimizer, name)) for name in METHODS}
    step = torch.no_grad()(inspect.unwrap(optimizer.step))
    return type(optimizer.__name__, (optimizer,), {**bare, "step": step})
