"""What sources are made of: folders, manifests, arrays, data sets, lists of files."""

from __future__ import annotations

DIGITS = "digits"
