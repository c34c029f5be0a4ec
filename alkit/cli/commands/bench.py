"""`alkit bench`: compare strategies over many seeds, with a report that a reviewer can check."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alkit.bench.protocol import (
    BASELINE,
    UPPER_BOUND,
    Entry,
    check_protocol,
    find_protocol,
    read_protocol,
    shipped,
)
from alkit.bench.records import PROTOCOL, cycles_of, read_all
from alkit.cli.options import (
    device_option,
    executor_options,
    executor_options_given,
    json_option,
    quiet_option,
)
from alkit.cli.output import print_json, print_rows
from alkit.errors import BenchmarkError, CellsFailed, UsageError
from alkit.utils.extras import need
from alkit.utils.progress import NullProgress, Terminal

if TYPE_CHECKING:
    from alkit.bench.protocol import Protocol


EXAMPLES = """\b
Examples:
  alkit bench                                  list the protocols
  alkit bench quick                            every strategy on digits, in minutes
  alkit bench cnn --pool photos/train --test photos/test
  alkit bench cnn --strategy my-idea           add a strategy to existing results
  alkit bench old/ --strategy my-idea          add it to the results in old/
  alkit bench cnn --show > mine.toml           start a protocol of your own
  alkit bench mine.toml --seeds 10 --workers 4
  alkit bench quick --upper-bound 20           also show how much there is to gain
  alkit bench quick --report-only              write the report again
  alkit bench old/ --report-only --out new/    write the report of the results in old/ to new/
  alkit bench quick --drop my-idea             remove a strategy
  alkit bench compare results/a results/b      compare two results, cell by cell
"""


@click.command("bench", short_help="Compare strategies over many seeds.", epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[PROTOCOL | RESULTS | compare A B]")
@click.option(
    "--out",
    metavar="DIR",
    help="Folder of the results, or for the report of RESULTS.  [default: results/PROTOCOL, or RESULTS]",
)
@click.option(
    "-s",
    "--strategy",
    "strategies",
    multiple=True,
    metavar="NAME",
    help="Run only this strategy, which need not be in the protocol, and random. Repeatable.",
)
@click.option(
    "--seeds", type=click.IntRange(min=1), metavar="N", help="Number of seeds.  [default: the protocol's]"
)
@click.option(
    "--upper-bound",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also show how much there is to gain: in each query the best of N batches, by true labels. It is no "
    "strategy, and each batch takes a training.",
)
@click.option("--pool", metavar="IMAGES", help="Labeled images to use in place of the protocol's.")
@click.option("--test", metavar="IMAGES", help="Labeled images to test the models on.")
@click.option("--root", metavar="DIR", help="Folder of a torchvision data set, or of copies.")
@click.option("--download", is_flag=True, help="Let torchvision download the data set to --root.")
@click.option(
    "--cache",
    metavar="DIR",
    help="Folder for images and embeddings.  [default: cache, next to the results]",
)
@executor_options("cells run", default="processes")
@click.option(
    "--keep-going",
    is_flag=True,
    help="Try all cells, even if three in a row, of several strategies, fail with the same error.",
)
@click.option("--report-only", is_flag=True, help="Run nothing; write the report from existing records.")
@click.option(
    "--drop",
    "dropped",
    multiple=True,
    metavar="NAME",
    help="Remove a strategy from the results and delete its records. Repeatable.",
)
@click.option("--show", is_flag=True, help="Run nothing; print the protocol as TOML.")
@device_option
@quiet_option
@json_option
def command(
    words: tuple[str, ...],
    out: str | None,
    show: bool,
    report_only: bool,
    dropped: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Compare strategies on a protocol: same seeds, same start, paired statistics, one report.

    Each cell (one strategy with one seed) records every cycle as it ends. To continue a run that was stopped,
    run the same command again. More seeds or strategies can be added to existing results, also by the name of
    their folder, RESULTS, whose records may be compressed. If three cells in a row fail with the same error,
    the others are not tried; the same command continues, and --keep-going tries all.
    """
    if not words:
        return _list_protocols(as_json)
    if words[0] == "compare":
        return _compare(words[1:])
    if len(words) > 1:
        raise UsageError(
            f"name one protocol, not {len(words)}; to compare two results, use 'alkit bench compare A B'"
        )
    if (report_only or dropped) and (folder := _results_folder(words[0])):
        return _drop_and_report(folder, Path(out or folder), dropped, as_json)
    protocol, results = _protocol(words[0], out, given)
    if show:
        click.echo(protocol.to_toml(), nl=False)
        return
    if report_only or dropped:
        return _drop_and_report(results, results, dropped, as_json)
    try:
        _run(protocol, results, given, quiet)
    except CellsFailed:
        if any(cycles_of(read_all(results))):
            _report(results, results, as_json)  # on the cells that did not fail
        raise
    _report(results, results, as_json)


def _list_protocols(as_json: bool) -> None:

    found = shipped()
    if as_json:
        print_json(found)
    else:
        print_rows([("protocol", "compares"), *found.items()])


def _compare(folders: tuple[str, ...]) -> None:
    from alkit.bench.report import compare_report  # noqa: PLC0415  # Pillow is slow to import

    if len(folders) != 2:
        raise UsageError("name two folders of results: alkit bench compare A B")
    click.echo(compare_report(*map(Path, folders)), nl=False)


def _results_folder(word: str) -> Path | None:
    """Return the folder of results with this name, unless a shipped protocol has the name."""
    return Path(word) if Path(word).is_dir() and word not in shipped() else None


def _protocol(name: str, out: str | None, given: dict[str, Any]) -> tuple[Protocol, Path]:
    """Read the protocol, which results have, too, and change it as the options say."""
    if folder := _results_folder(name):
        protocol = read_protocol(folder / PROTOCOL)
        results = Path(out or folder)
    else:
        protocol = find_protocol(name)
        results = Path(out or Path("results") / protocol.name)
    data = protocol.data
    if given["pool"]:
        data = dataclasses.replace(data, pool=(given["pool"],), test=given["test"])
    elif given["test"]:
        data = dataclasses.replace(data, test=given["test"])
    if given["root"]:
        data = dataclasses.replace(data, root=given["root"])
    protocol = dataclasses.replace(protocol, data=data)
    if given["strategies"]:
        known = {entry.shown: entry for entry in protocol.strategies}
        wanted = dict.fromkeys((BASELINE, *given["strategies"]))
        protocol = dataclasses.replace(
            protocol, strategies=tuple(known.get(name, Entry(name=name)) for name in wanted)
        )
    if given["upper_bound"]:
        entry = Entry(name=UPPER_BOUND, options={"batches": given["upper_bound"]})
        others = (one for one in protocol.strategies if one.name != UPPER_BOUND)
        protocol = dataclasses.replace(protocol, strategies=(*others, entry))
    if given["seeds"]:
        first = protocol.seeds[: given["seeds"]]
        more = (seed for seed in range(10**6) if seed not in first)
        seeds = first + tuple(next(more) for _ in range(given["seeds"] - len(first)))
        protocol = dataclasses.replace(protocol, seeds=seeds)
    check_protocol(protocol)
    return protocol, results


def _run(protocol: Protocol, results: Path, given: dict[str, Any], quiet: bool) -> None:
    from alkit.bench.suite import SuiteOptions, run_suite  # noqa: PLC0415  # Pillow is slow to import

    for module in ("matplotlib", "statsmodels"):  # fail now, not after hours
        need(module)
    run_suite(
        protocol,
        results,
        SuiteOptions(
            cache=Path(given["cache"]) if given["cache"] else None,
            device=given["device"],
            executor=given["executor"],
            executor_options=executor_options_given(
                given["executor"], given["workers"], given["scheduler"], given["executor_option"]
            ),
            download=given["download"],
            command=shlex.join(["alkit", *sys.argv[1:]]),
            keep_going=given["keep_going"],
            continue_others=not given["strategies"],
        ),
        progress=NullProgress() if quiet else Terminal(),
    )


def _drop_and_report(results: Path, out: Path, dropped: tuple[str, ...], as_json: bool) -> None:
    from alkit.bench.resume import drop  # noqa: PLC0415  # Pillow is slow to import

    if dropped:
        drop(results, dropped)
    _report(results, out, as_json)


def _report(results: Path, out: Path, as_json: bool) -> None:
    from alkit.bench.report import write_report  # noqa: PLC0415  # Pillow is slow to import

    if not read_all(results):
        raise BenchmarkError(f"there are no records in {results}; run the benchmark to make some")
    write_report(results, out)
    if as_json:
        print_json(json.loads((out / "summary.json").read_text(encoding="utf-8")))
        return
    click.echo(f"report: {out / 'report.html'}")
