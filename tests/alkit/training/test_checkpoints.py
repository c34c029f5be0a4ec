"""Files of weights: what changed on the disk is noticed, and pipes are not waited for."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
import torch

from alkit.training import load_safely, save_atomically


def test_a_changed_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    save_atomically({"w": torch.arange(1000.0)}, path)
    assert torch.equal(load_safely(path)["w"], torch.arange(1000.0))
    with zipfile.ZipFile(path) as archive:
        info = next(info for info in archive.infolist() if "data/0" in info.filename)
    content = bytearray(path.read_bytes())
    content[info.header_offset + 500] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        load_safely(path)
    load_safely(path, checked=False)  # weights from elsewhere may have no checksums


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
def test_a_pipe_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(OSError, match="not a file but a pipe"):
        load_safely(tmp_path / name)
