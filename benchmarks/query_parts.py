"""Where the time of one command goes: processor seconds by part, in the process that runs the command.

    python benchmarks/query_parts.py query --campaign camp --strategy entropy --budget 100

The last line is JSON. A part that calls another does not count the time of that other.
"""

from __future__ import annotations

import functools
import importlib
import importlib._bootstrap as bootstrap  # type: ignore[import-not-found]
import json
import sys
import time
from collections.abc import Callable
from typing import Any

PARTS = {
    "ledger": ("alkit.campaign.record.ledger:Ledger.*", "alkit.campaign.record.read:read_state"),
    "list for people": ("alkit.campaign.query_files:write_csv",),
    "contact sheet": ("alkit.campaign.query_files:write_contact_sheet",),
    "hashing": ("alkit.data.store:damaged_blocks",),
    "reading and decoding": ("alkit.data.preprocessing:ensure_store", "alkit.data.store:ImageStore.open"),
    "encoder": ("alkit.data.features:ensure_features",),
    "training": ("alkit.engine.train:train_model",),
    "forward": ("alkit.engine.passes:computed_at_once",),
    "selection": ("alkit.engine.round:choose",),
}
"""Functions of each part; what no part counts is `everything else`."""

taken: dict[str, float] = {}
running: list[list[Any]] = []  # of each part that is running, its name and when its own time began


def switch(now: float) -> None:
    """Count the time until now for the part that is running."""
    if running:
        name, began = running[-1]
        taken[name] = taken.get(name, 0.0) + now - began


def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return work that counts its time for a part."""

    @functools.wraps(work)
    def run(*args: Any, **given: Any) -> Any:
        switch(time.process_time())
        running.append([name, time.process_time()])
        try:
            return work(*args, **given)
        finally:
            switch(now := time.process_time())
            running.pop()
            if running:
                running[-1][1] = now

    return run


def watch(name: str, place: str) -> None:
    """Count the time of a function, of a method, or of all methods that a class has, for a part."""
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, last = path.split(".")
    for word in outer:
        owner = getattr(owner, word)
    names = [last] if last != "*" else [n for n, value in vars(owner).items() if callable(value)]
    for one in names:
        found = vars(owner)[one]
        if isinstance(found, classmethod):
            setattr(owner, one, classmethod(timed(name, found.__func__)))
            continue
        setattr(owner, one, timed(name, found))
        for other in [m for key, m in sys.modules.items() if key.startswith("alkit")]:
            if vars(other).get(one) is found:  # taken from there by name
                setattr(other, one, vars(owner)[one])


def main() -> None:
    """Run the command, and print what its parts took."""
    began = time.process_time()
    bootstrap._find_and_load = timed("imports", bootstrap._find_and_load)
    running.append(["everything else", began])
    for name, places in PARTS.items():
        for place in places:
            watch(name, place)
    from alkit.cli import cli  # the parts are watched first

    code = cli.main(sys.argv[1:], prog_name="alkit", standalone_mode=False)
    switch(time.process_time())
    found = {name: round(seconds, 3) for name, seconds in sorted(taken.items(), key=lambda item: -item[1])}
    found["start of Python"] = round(began, 3)
    print(json.dumps(found))
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
