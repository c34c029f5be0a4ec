"""What is said of groups of near-duplicates, in the terminal and in reports."""

from __future__ import annotations

from alkit.utils.counts import counted

from .standing import GroupReport

HEAD = ("likeness", "with labeled leader", "audited", "wrong", "at most wrong")


def about(found: GroupReport) -> str:
    """Say how many images are one question."""
    compared = "features of the encoder" if found.by == "features" else "small copies"
    return (
        f"{counted(found.followers, 'image looks', 'images look')} nearly like the leader of "
        f"{counted(found.groups, 'group')}, by {compared}. Strategies are offered one image of each group. "
        f"{counted(found.drawn, 'of the others was', 'of the others were')} drawn at random for an audit; "
        f"{counted(found.due, 'of these waits', 'of these wait')} to be asked."
    )


def rows(found: GroupReport) -> list[tuple[str, ...]]:
    """Return a row for each level of likeness, in the order of `HEAD`."""
    return [
        (
            f"{level.likeness:.2f} or more",
            f"{level.followers:,}",
            f"{level.audited:,}",
            f"{level.wrong:,}",
            f"{level.bound:.1%}",
        )
        for level in found.levels
    ]


def verdict(found: GroupReport) -> str:
    """Say whether labels may be copied, and what was."""
    if found.chosen is None:
        allowed = f"No level shows yet that at most {found.limit:.1%} of copied labels would be wrong."
    else:
        allowed = (
            f"From a likeness of {found.chosen:.2f}, at most {found.limit:.1%} of copied labels are wrong, "
            "at 95% confidence."
        )
    if not found.copied:
        return f"{allowed} No label is copied."
    said = f"{allowed} {counted(found.copied, 'label')} {'is' if found.copied == 1 else 'are'} copied"
    if found.bound is None or found.bound <= found.limit:
        return f"{said}."
    return (
        f"{said}, and up to {found.bound:.1%} of them may be wrong, which is more than the limit; "
        "'alkit groups drop' drops them."
    )
