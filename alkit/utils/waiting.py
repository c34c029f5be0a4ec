"""How threads wait for one another: asleep, so that a busy machine costs a program no more than its share."""

from __future__ import annotations

import os
import sys

SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""For GNU's OpenMP and for that of LLVM and Intel, which both read them when torch is loaded."""
SAID = (*SETTINGS, "GOMP_SPINCOUNT", "KMP_LIBRARY")


def wait_passively() -> bool:
    """Let OpenMP's threads sleep while they wait, unless torch is loaded already or the user has chosen.

    By default they spin. Where another program needs the cores, a thread then spins for as long as the
    scheduler gives it, while the thread that it waits for does not run.

    Returns:
        Whether it was set.
    """
    if "torch" in sys.modules or any(name in os.environ for name in SAID):
        return False
    os.environ.update(SETTINGS)
    return True
