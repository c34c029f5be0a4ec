"""Guidelines for annotators: a Markdown or text file as a tree that the page builds elements from.

The page gets names of elements out of a short list, and texts; never HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from alkit.data.source import MAX_BYTES
from alkit.errors import UsageError
from alkit.utils.extras import need
from alkit.utils.files import read_regular

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode


MOST_BYTES = 500_000
ELEMENTS = {
    "paragraph": "p",
    "strong": "strong",
    "em": "em",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
    "hardbreak": "br",
    "hr": "hr",
    **{name: name for name in ("table", "thead", "tbody", "tr", "th", "td")},
}
"""What stands in the tree for each construct; of others, only what they contain."""

Node = dict[str, Any]


@dataclass
class Guidelines:
    """The guidelines.

    Attributes:
        content: texts, and elements as `{"tag": ..., "children": [...]}`.
        pictures: files of the example pictures; the element `img` has the place of its own.
    """

    content: list[Node | str] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)


def read_guidelines(path: Path) -> Guidelines:
    """Read guidelines: Markdown, or plain text if the name ends with `.txt`.

    Raises:
        UsageError: they, or a picture in them, cannot be read.
    """
    try:
        text = read_regular(path, most=MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"the guidelines in '{path}' cannot be read: {reason}; they should be Markdown or text in UTF-8"
        ) from error
    if path.suffix.lower() == ".txt":
        return Guidelines([{"tag": "pre", "children": [text]}])
    need("markdown_it", "label")
    from markdown_it import MarkdownIt  # noqa: PLC0415  # an extra
    from markdown_it.tree import SyntaxTreeNode  # noqa: PLC0415  # an extra

    parsed = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    guidelines = Guidelines()
    guidelines.content = _several(SyntaxTreeNode(parsed).children, path, guidelines.pictures)
    return guidelines


def _several(nodes: Sequence[SyntaxTreeNode], path: Path, pictures: list[Path]) -> list[Node | str]:
    return [made for node in nodes for made in _made(node, path, pictures)]


def _made(node: SyntaxTreeNode, path: Path, pictures: list[Path]) -> list[Node | str]:
    kind = node.type
    if kind == "text":
        return [node.content] if node.content else []
    if kind == "softbreak":
        return [" "]
    if kind == "code_inline":
        return [{"tag": "code", "children": [node.content]}]
    if kind in ("code_block", "fence"):
        return [{"tag": "pre", "children": [node.content]}]
    if kind == "image":
        pictures.append(_picture(path, str(node.attrs.get("src", ""))))
        return [{"tag": "img", "picture": len(pictures) - 1, "alt": node.content, "children": []}]
    children = _several(node.children, path, pictures)
    if kind == "heading":
        return [{"tag": "heading", "level": int(node.tag[1:]), "children": children}]
    if kind == "link":
        address = str(node.attrs.get("href", ""))
        return children if children == [address] else [*children, f" ({address})"]
    return [{"tag": ELEMENTS[kind], "children": children}] if kind in ELEMENTS else children


def _picture(path: Path, address: str) -> Path:
    """Return the file of a picture, which lies in the folder of the guidelines or below it."""
    folder = path.resolve().parent
    file = (folder / unquote(address)).resolve()
    if "://" in address or not file.is_relative_to(folder):
        raise UsageError(
            f"the picture '{address}' in '{path}' is not in the folder of the guidelines; copy it there"
        )
    try:
        read_regular(file, most=MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"the picture '{address}' in '{path}' cannot be read: {reason}") from error
    return file
