"""Guidelines become a tree of known elements and texts; pictures stay inside their folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alkit.errors import UsageError
from alkit.label_app.guidelines import ELEMENTS, read_guidelines

KNOWN = {*ELEMENTS.values(), "heading", "code", "pre", "img"}


def tags(nodes) -> set[str]:
    found = set()
    for node in nodes:
        if not isinstance(node, str):
            found |= {node["tag"]} | tags(node["children"])
    return found


def text(nodes) -> str:
    return "".join(node if isinstance(node, str) else text(node["children"]) for node in nodes)


def test_markdown_becomes_a_tree(tmp_path: Path):
    (tmp_path / "g.md").write_text(
        "# Birds\n\nOne *two* **three**\nfour `five`\n\n1. six\n   - seven\n\n> eight\n\n"
        "| a | b |\n|---|---|\n| c | d |\n"
    )
    content = read_guidelines(tmp_path / "g.md").content
    assert content[0] == {"tag": "heading", "level": 1, "children": ["Birds"]}
    assert content[1]["children"] == [
        "One ",
        {"tag": "em", "children": ["two"]},
        " ",
        {"tag": "strong", "children": ["three"]},
        " ",
        "four ",
        {"tag": "code", "children": ["five"]},
    ]
    assert [node["tag"] for node in content[2:]] == ["ol", "blockquote", "table"]
    assert tags(content) <= KNOWN


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<style>*{display:none}</style>\n\n<iframe src='https://example.com'></iframe>",
        "[click](javascript:alert(1))",
        "[click](https://example.com 'title')",
        "<https://example.com/x>",
        "&lt;b&gt; \\<i>",
        "> " * 500 + "deep",
    ],
)
def test_html_and_links_are_texts(tmp_path: Path, evil):
    (tmp_path / "g.md").write_text(evil)
    content = read_guidelines(tmp_path / "g.md").content
    assert tags(content) <= KNOWN
    for word in ("alert(1)", "display:none", "https://example.com", "<b>"):
        if word in evil:
            assert word in text(content)


def test_plain_text_stays_as_it_is(tmp_path: Path):
    (tmp_path / "g.txt").write_text("# no heading\n<b>\n", encoding="utf-8-sig")
    assert read_guidelines(tmp_path / "g.txt").content == [
        {"tag": "pre", "children": ["# no heading\n<b>\n"]}
    ]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("../secret.png", "not in the folder"),
        ("/etc/passwd", "not in the folder"),
        ("..%2Fsecret.png", "not in the folder"),
        ("https://example.com/a.png", "not in the folder"),
        ("link.png", "not in the folder"),
        ("missing.png", "No such file"),
        ("", "directory"),
    ],
)
def test_pictures_elsewhere_and_missing_ones_are_refused(tmp_path: Path, address, words):
    folder = tmp_path / "folder"
    folder.mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "g.md").write_text(f"![x]({address})")
    with pytest.raises(UsageError, match=words):
        read_guidelines(folder / "g.md")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"x" * 500_001])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content):
    if content is not None:
        (tmp_path / "g.md").write_bytes(content)
    with pytest.raises(UsageError, match=r"g\.md' cannot be read"):
        read_guidelines(tmp_path / "g.md")
