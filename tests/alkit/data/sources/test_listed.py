"""Images named one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from alkit.data.sources.listed import Listed, read_list
from alkit.errors import SourceError


def test_paths_are_relative_to_the_list_or_absolute(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "here.png").write_bytes((pictures / "red" / "00.png").read_bytes())
    listed = tmp_path / "list.txt"
    listed.write_text(f"\ufeffhere.png\r\n\r\n{pictures / 'red' / '01.png'}\nmissing.png\n", encoding="utf-8")
    source = read_list(listed)
    assert source.keys() == ["here.png", str(pictures / "red" / "01.png"), "missing.png"]
    readings = [source.read(key) for key in ("here.png", str(pictures / "red" / "01.png"), "missing.png")]
    assert [reading.unusable for reading in readings] == [None, None, "no such file"]


def test_order_and_repetitions_stay() -> None:
    assert Listed(["b.png", Path("a.png"), "b.png"]).keys() == ["b.png", "a.png", "b.png"]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00"])
def test_a_list_that_names_nothing_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(SourceError, match=r"names no images|not UTF-8"):
        read_list(tmp_path / "list.txt")


def test_a_list_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_list(tmp_path)
