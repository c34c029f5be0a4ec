"""Where tensors live, by name, and what suits the device."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from alkit.errors import InvalidOption, reason_of


def find_device(name: str) -> torch.device:
    """Return a device by name; `auto` is the first GPU, or the CPU.

    Raises:
        InvalidOption: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
        if device.type == "meta":
            raise RuntimeError("it computes nothing")
    except (RuntimeError, AssertionError) as error:
        raise InvalidOption(f"there is no device '{name}' here: {reason_of(error)}") from error
    return device


def has_fast_bfloat16(device: torch.device) -> bool:
    """Say whether a device multiplies matrices in bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    asks = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return device.type == "cpu" and any(ask is not None and ask() for ask in asks)


def worthwhile_threads() -> int:
    """Return torch's number of threads, or fewer: no more than the cores that this process may use.

    A container may be given a part of its machine's cores, which torch does not notice.
    """
    asked = torch.get_num_threads()
    if "OMP_NUM_THREADS" in os.environ:
        return asked
    cores = [asked]
    with contextlib.suppress(AttributeError):  # not on this system
        cores.append(len(os.sched_getaffinity(0)))
    with contextlib.suppress(OSError, ValueError):  # no such file, or no quota in it
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores.append(-(-int(quota) // int(period)))
    return max(1, min(cores))


@contextlib.contextmanager
def threads_for(side: int, device: torch.device, most: int | None = None) -> Iterator[None]:
    """Use one thread on a CPU for images of up to 16 pixels: waking others takes longer than the work.

    Args:
        side: of an image, in pixels.
        device: where the work is done.
        most: threads for larger images; by default as many as torch uses already.
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1 if side <= 16 else most or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
