"""Whether a plugin was written for this alkit: what its module states or its distribution requires."""

from __future__ import annotations

from functools import cache
from importlib.metadata import Distribution
from typing import Any

from alkit._version import INTERFACE, __version__
from alkit.errors import BrokenPlugin


def check(module: Any, distribution: Distribution | None, source: str) -> None:
    """Check a plugin's module; `alkit_interface = 1` in it decides, if it is stated.

    Args:
        module: the imported module.
        distribution: the distribution it belongs to, if known.
        source: kind, name and distribution of the plugin, for the error.

    Raises:
        BrokenPlugin: it was written for another interface or version of alkit; says what to install.
    """
    stated = getattr(module, "alkit_interface", None)
    if stated is None:
        check_requirement(distribution, source)
    elif type(stated) is not int:
        raise BrokenPlugin(f"{source} states alkit_interface = {stated!r}; it should be a whole number")
    elif stated != INTERFACE:
        remedy = "a newer alkit" if stated > INTERFACE else "a newer version of it, or an older alkit"
        raise BrokenPlugin(
            f"{source} was written for interface {stated} of alkit, and alkit {__version__} has interface "
            f"{INTERFACE}; install {remedy}"
        )


def check_requirement(distribution: Distribution | None, source: str) -> None:
    """Check which alkit a distribution requires, extras aside; one that does not require alkit passes.

    Raises:
        BrokenPlugin: it requires another version of alkit.
    """
    for line in () if distribution is None else _about_alkit(distribution):
        from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415  # packaging is slow to import

        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # for the installer to report
            continue
        if requirement.name.lower() != "alkit":
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            raise BrokenPlugin(
                f"{source} requires alkit{requirement.specifier}, but this is alkit {__version__}; install "
                "a matching alkit or another version of the plugin"
            )


@cache
def _about_alkit(distribution: Distribution) -> list[str]:
    """Return the requirements that may be of alkit; each distribution is read once."""
    return [line for line in distribution.requires or () if line.strip().lower().startswith("alkit")]
