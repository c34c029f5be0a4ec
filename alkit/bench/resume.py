"""An existing folder of results: what may be added to it, and what is dropped from it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alkit.composition.factory import plugin_of
from alkit.errors import BenchmarkError, InvalidProtocol, UsageError
from alkit.utils.files import write_atomically

from . import records
from .cell import is_complete
from .embedding_maps import MAP
from .protocol import Entry, Protocol, read_protocol
from .shared_data import SharedData
from .upper_bound import participant

LOCK = "suite.lock"


@contextlib.contextmanager
def exclusive_lock(results: Path) -> Iterator[None]:
    """Keep other processes from changing these results meanwhile.

    Raises:
        BenchmarkError: another process is changing them.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  # filelock is slow to import

    (results / records.CELLS).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(results / records.CELLS / LOCK, timeout=0):
            yield
    except Timeout:
        raise BenchmarkError(
            f"another process is running a benchmark in {results}; wait, or choose another folder with --out"
        ) from None


def drop(results: Path, strategies: Sequence[str]) -> None:
    """Remove strategies from results, with all their records and unfinished work.

    Raises:
        InvalidProtocol: there are no results.
        UsageError: the results lack one of them, or no strategy would be left.
    """
    protocol = read_protocol(results / records.PROTOCOL)
    there = [entry.shown for entry in protocol.strategies]
    for name in strategies:
        if name not in there:
            raise UsageError(f"{results} has no strategy '{name}' to drop; it has {', '.join(there)}")
    left = tuple(entry for entry in protocol.strategies if entry.shown not in strategies)
    if not left:
        raise UsageError(f"no strategy would be left in {results}; remove the folder instead")
    with exclusive_lock(results):
        unpack_results(results)
        for name in strategies:
            for seed in protocol.seeds:
                path = records.cell_path(results, name, seed)
                path.unlink(missing_ok=True)
                shutil.rmtree(path.with_suffix(records.WORK), ignore_errors=True)
        kept = [
            record
            for record in records.read(results / records.RECORDS)
            if record["strategy"] not in strategies
        ]
        records.write(results / records.RECORDS, kept)
        write_atomically(results / records.PROTOCOL, dataclasses.replace(protocol, strategies=left).to_toml())


def unpack_results(results: Path) -> bool:
    """Unpack what is compressed in a folder, before anything in it changes; say whether something was."""
    found = [records.unpack(results / name) for name in (records.RECORDS, MAP)]
    return any(found)


def check_same(
    found: Sequence[records.Record],
    identity: str,
    protocol: Protocol,
    shared: SharedData,
    options: Mapping[str, Any],
    results: Path,
) -> None:
    """Refuse to mix these records with those of another protocol, task, version or device."""
    versions = {entry.shown: origin_of(entry)["version"] for entry in protocol.strategies}
    device = shared.device.partition(":")[0]
    options = json.loads(json.dumps(options))
    for record in found:
        if record["kind"] != "cell":
            continue
        if record["protocol"] != identity:
            reason = "from another protocol, other images or other labels"
        elif record["version"] != versions.get(record["strategy"], record["version"]):
            reason = f"from another version of '{record['strategy']}' ({record['version'][:12]})"
        elif record["machine"]["device"].partition(":")[0] != device:
            reason = f"that were computed on '{record['machine']['device']}', not on '{device}'"
        elif changed := sorted(
            name
            for name in {*options, *record["task_options"]}
            if options.get(name) != record["task_options"].get(name)
        ):
            reason = f"whose task had other options ({', '.join(changed)})"
        else:
            continue
        raise BenchmarkError(
            f"{results} holds records {reason}; choose another folder with --out, or remove it"
        )


def merge_protocol(protocol: Protocol, results: Path) -> Protocol:
    """Add the strategies and seeds that the results already have."""
    path = results / records.PROTOCOL
    if not path.exists():
        return protocol
    before = read_protocol(path)
    names = {entry.shown: entry for entry in before.strategies}
    for entry in protocol.strategies:
        if dataclasses.replace(names.get(entry.shown, entry), seeds=entry.seeds) != entry:
            raise InvalidProtocol(
                f"{results} holds '{entry.shown}' with other options; give this one another label"
            )
        names[entry.shown] = entry
    seeds = tuple(dict.fromkeys((*before.seeds, *protocol.seeds)))
    return dataclasses.replace(protocol, strategies=tuple(names.values()), seeds=seeds)


def complete_cells(found: Sequence[records.Record], protocol: Protocol) -> set[tuple[str, int]]:
    """Return strategy and seed of the cells that ran to their end."""
    by_cell: dict[tuple[str, int], list[records.Record]] = {}
    for record in found:
        by_cell.setdefault((record["strategy"], record["seed"]), []).append(record)
    return {key for key, cell in by_cell.items() if is_complete(cell, protocol)}


def origin_of(entry: Entry) -> dict[str, str]:
    """Say where a strategy comes from."""
    plugin = plugin_of(participant(entry))
    return {
        "plugin": entry.name,
        "distribution": plugin.distribution if plugin else "",
        "version": plugin.version if plugin else "",
    }
