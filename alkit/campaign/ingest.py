"""Answers from labeling tools: detecting the format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alkit.errors import InvalidAnswers, UsageError
from alkit.interfaces.format import Format, Reply
from alkit.labeling.contents import describe
from alkit.labeling.mask_folder import about_jpegs
from alkit.options import build
from alkit.plugin import registry
from alkit.plugin.faults import blamed, returned


def find_format(
    path: Path, name: str | None = None, given: Mapping[str, Any] | None = None, *, kind: str = "class"
) -> Format:
    """Return the format called `name`, or the one that recognizes a file.

    Args:
        path: of the answers.
        name: of the format, if it is known.
        given: options of the format.
        kind: of the campaign's labels.

    Raises:
        InvalidAnswers: there is no such file, or no format recognizes it.
        UsageError: several formats do.
        InvalidOption: the format called `name` carries no labels of this kind.
    """
    if not path.exists():
        raise InvalidAnswers(f"there is no file {path}")
    format = _found(path, kind) if name is None else registry.formats.get(name)
    ready = build(format, given)
    ready.carry(kind)
    return ready


def _found(path: Path, kind: str) -> type[Format]:
    """Return the format that recognizes a file and carries the kind of labels."""
    found: list[Format] = []
    others: list[Format] = []
    reasons: list[str] = []
    broken: list[str] = []
    for plugin in registry.formats:
        try:
            known = build(registry.formats.get(f"{plugin.distribution}:{plugin.name}"), {})
            if known.recognizes(path):
                (found if kind in known.kinds else others).append(known)
        except InvalidAnswers as error:
            reasons.append(str(error))
        except Exception as error:  # a broken format of another plugin must not stop the rest
            said = " ".join(str(error).split())
            broken.append(f" ({plugin} failed to read it: {type(error).__name__}: {said})")
    if len(found) > 1:
        raise UsageError(f"{path} may be {' or '.join(f.name for f in found)}; name the format with --format")
    if found:
        return type(found[0])
    if reasons:
        raise InvalidAnswers("; ".join(dict.fromkeys(reasons)))
    listed = ", ".join(sorted(p.name for p in registry.formats if kind in registry.formats.get(p.name).kinds))
    looks = "".join(f", or {known.name}, which carries no labels of kind '{kind}'" for known in others)
    raise InvalidAnswers(
        f"{path} cannot be read: it looks like none of the formats {listed}: it is {describe(path)}{looks}"
        f"{''.join(broken)}{about_jpegs(path) if kind == 'mask' else ''}; "
        "name the format with --format, or export the answers again"
    )


def read_reply(format: Format, path: Path) -> Reply:
    """Let a format read a file of answers.

    Raises:
        InvalidAnswers: it cannot be read.
        BrokenPlugin: the format returned something else than a `Reply`.
    """
    with blamed(format, f"to read {path}"):
        reply: Any = format.read(path)
    if not isinstance(reply, Reply):
        raise returned(format, "read", reply, "an alkit.interfaces.Reply")
    return reply


def check_understood(reply: Reply, path: str) -> None:
    """Refuse a file in which nothing was found.

    Raises:
        InvalidAnswers: it holds no answer, no unanswered image and nothing that could be rejected.
    """
    if not (reply.answers or reply.rejected or reply.blank):
        raise InvalidAnswers(f"{path} names no images; export the answers again, with all tasks")
