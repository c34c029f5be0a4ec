"""Threads sleep while they wait, unless the user has said otherwise."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import os, sys
{first}
from alkit.utils.waiting import wait_passively
print(wait_passively(), os.environ.get("OMP_WAIT_POLICY"))
"""


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("", "True PASSIVE"),
        ("os.environ['OMP_WAIT_POLICY'] = 'ACTIVE'", "False ACTIVE"),
        ("os.environ['GOMP_SPINCOUNT'] = '9'", "False None"),
        ("sys.modules['torch'] = None", "False None"),
    ],
)
def test_it_is_set_only_where_it_helps_and_nobody_has_chosen(first: str, said: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(first=first)],
        capture_output=True,
        env=environment,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == said
