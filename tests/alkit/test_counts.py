"""Numbers before nouns: one image, two images."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import alkit
from alkit.utils.counts import counted

ROOT = Path(alkit.__file__).parents[1]
FILES = sorted([*ROOT.glob("alkit/**/*.py"), *ROOT.glob("plugins/alkit_plugins/**/*.py")])
FEW_WORDS = r" (?:(?!and |of |in |at |on |by |is |as |to |than |the |from )[a-z][a-z-]* ){0,2}?"
PLURAL = re.compile(FEW_WORDS + r"(?:have|were|are|boxes|[a-z-]{2,}[a-rt-z]s)\b")
FITTING = re.compile(r"\b(?:[Oo]f|than|first|limit|labeled and)(?: the| all| up to)? $| x $")
MANY = {"pixels", "bytes", "characters", "letters", "channels"}


def texts(node: ast.JoinedStr) -> Iterator[tuple[str, ast.FormattedValue, str]]:
    """Yield each value with the text before and after it."""
    parts = [part.value if isinstance(part, ast.Constant) else part for part in node.values]
    for place, part in enumerate(parts):
        if isinstance(part, ast.FormattedValue):
            around = [parts[at] if 0 <= at < len(parts) else "" for at in (place - 1, place + 1)]
            before, after = (text if isinstance(text, str) else "" for text in around)
            yield before, part, after


def is_count(value: ast.FormattedValue) -> bool:
    """Say whether a value is certainly a number: it has thousands, or is made of lengths or sums."""
    if value.format_spec is not None:
        return ast.unparse(value.format_spec) in ("f','", 'f","')
    parts = ast.walk(value.value) if isinstance(value.value, (ast.Call, ast.BinOp)) else ()
    called = [
        part.func.id for part in parts if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
    ]
    return called[:1] in (["len"], ["sum"])


def uncounted(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        for before, value, after in texts(node) if isinstance(node, ast.JoinedStr) else ():
            named = PLURAL.match(after)
            if named is None or not is_count(value) or FITTING.search(before):
                continue
            if re.split(r"[ ,;)]", after)[1] not in MANY:
                found.append(f"{ast.unparse(value.value)}{named[0]}")
    return found


@pytest.mark.parametrize("said", ["{n:,} images", "the {len(x)} new rows are", "it has {n:,} boxes"])
def test_a_plural_after_any_number_is_found(said: str) -> None:
    assert uncounted(ast.parse(f'f"{said}"'))


@pytest.mark.parametrize("said", ["{n:,} of {m:,} images", "more than {n:,} labels", "{counted(n, 'image')}"])
def test_what_fits_any_number_is_not(said: str) -> None:
    assert not uncounted(ast.parse(f'f"{said}"'))


def test_no_sentence_has_a_plural_after_any_number() -> None:
    """`counted` writes a number and a noun; plugins, which cannot use it, put the number last."""
    found = {str(path.relative_to(ROOT)): uncounted(ast.parse(path.read_text("utf-8"))) for path in FILES}
    assert len(found) > 400
    assert {path: lines for path, lines in found.items() if lines} == {
        "alkit/labeling/class_names.py": ["counts[many] labels"],
        "alkit/data/sources/layout.py": ["len(folders) folders", "len(strays) images"],
        "plugins/alkit_plugins/tasks/objectives/class_labels.py": ["len(targets) labels"],
        "plugins/alkit_plugins/tasks/taps.py": ["len(example) images"],
    }


def test_counted() -> None:
    assert counted(1, "image") == "1 image"
    assert counted(0, "image") == "0 images"
    assert counted(1_000, "box is", "boxes are") == "1,000 boxes are"
