"""The origin of results: versions, machine, state of the working copy."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from alkit._version import __version__

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "joblib")


def versions() -> dict[str, str]:
    """Return the versions of the libraries that compute."""
    found = {"alkit": __version__, "python": platform.python_version()}
    return found | {package: importlib.metadata.version(package) for package in PACKAGES}


def machine(device: str) -> dict[str, Any]:
    """Name the processor, its cores, the memory and the device."""
    found: dict[str, Any] = {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "device": device,
    }
    if (memory := _memory()) is not None:
        found["memory_gb"] = memory
    if device.startswith("cuda"):
        import torch  # noqa: PLC0415  # torch takes seconds to import

        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown")


def _memory() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    total = next((int(line.split()[1]) for line in lines if line.startswith("MemTotal:")), None)
    return None if total is None else round(total / 2**20, 1)


def git_state() -> dict[str, Any] | None:
    """Return the commit of the working copy that alkit runs from, and whether it was changed."""
    here = Path(__file__).parent
    try:
        commit = _git(here, "rev-parse", "--short", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no", "--", str(here.parent.parent))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": bool(changed)}


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=20, check=True)
    return done.stdout.strip()
