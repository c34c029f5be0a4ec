"""Archives of arrays that are caches: what was written, or nothing."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alkit.utils.files import open_regular


def read_array(path: Path, name: str) -> npt.NDArray[Any] | None:
    """Read an array of a file of `numpy.savez`; None if it is missing or damaged, which checksums tell."""
    try:
        with io.BufferedReader(open_regular(path)) as file:
            kept = np.load(file, allow_pickle=False)
            if not isinstance(kept, np.lib.npyio.NpzFile):
                return None
            found: npt.NDArray[Any] = kept[name]
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error):
        return None
    return found
