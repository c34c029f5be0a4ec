"""Whether a plugin was written for this alkit: what its module states, or what its distribution requires."""

from __future__ import annotations

from importlib.metadata import Distribution
from typing import Any

from alkit._version import INTERFACE, __version__
from alkit.errors import BrokenPlugin


def check(module: Any, distribution: Distribution | None, source: str) -> None:
    """Check a plugin's module; `alkit_interface = 1` in it decides, where it stands there.

    Args:
        module: imported.
        distribution: that it belongs to, as far as it is known.
        blame: kind, name and distribution of the plugin, for the error.

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
    """Check what a distribution requires of alkit, extras aside; one that requires nothing of it passes.

    Raises:
        BrokenPlugin: this alkit is not what it requires.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in (distribution.requires or ()) if distribution is not None else ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # an installer's matter, not ours
            continue
        if canonicalize_name(requirement.name) != "alkit":
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not requirement.specifier.contains(__version__, prereleases=True):
            raise BrokenPlugin(
                f"{source} requires alkit{requirement.specifier}, and this is alkit {__version__}; install "
                "an alkit that fits, or another version of the plugin"
            )
