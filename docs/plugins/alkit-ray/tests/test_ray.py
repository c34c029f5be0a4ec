"""The conformance kit on a Ray of this machine."""

from __future__ import annotations

import alkit.testing


class TestRay(alkit.testing.ExecutorTests):
    name = "ray"
    options = {"workers": 2}  # noqa: RUF012
