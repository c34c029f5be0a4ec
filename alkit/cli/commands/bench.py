"""`alkit bench`: strategies compared over many seeds, with a report that a reviewer can check."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alkit.cli.options import device_option, json_option, quiet_option
from alkit.cli.output import print_json, print_rows
from alkit.errors import BenchmarkError, CellsFailed, UsageError

if TYPE_CHECKING:
    from alkit.bench.protocol import Protocol


EXAMPLES = """\b
Examples:
  alkit bench                                  list the protocols
  alkit bench quick                            every strategy on digits, in minutes
  alkit bench cnn --pool photos/train --test photos/test
  alkit bench cnn --strategy my-idea           add a strategy to results that are there
  alkit bench cnn --show > mine.toml           a protocol of your own to change
  alkit bench mine.toml --seeds 10 --jobs 4
  alkit bench quick --report-only              write the report anew
  alkit bench quick --drop my-idea             take a strategy out again
  alkit bench compare results/a results/b      two results, cell by cell
"""


@click.command("bench", epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[PROTOCOL | compare A B]")
@click.option("--out", metavar="DIR", help="Folder of the results.  [results/PROTOCOL]")
@click.option(
    "-s",
    "--strategy",
    "strategies",
    multiple=True,
    metavar="NAME",
    help="Only these of the protocol's, or others beside random; may be repeated.",
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="How many.  [the protocol's]")
@click.option("--pool", metavar="IMAGES", help="Labeled images in place of the protocol's.")
@click.option("--test", metavar="IMAGES", help="Labeled images to judge the models on.")
@click.option("--root", metavar="DIR", help="Where a torchvision data set lies.")
@click.option("--download", is_flag=True, help="Let torchvision download the data set to --root.")
@click.option("--cache", metavar="DIR", help="Folder for images and embeddings.  [cache beside the results]")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Cells at once.  [one a core]")
@click.option(
    "--backend",
    type=click.Choice(["loky", "dask", "sequential"]),
    default="loky",
    show_default=True,
    help="Processes of this machine, a dask cluster, or this process.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Of a dask cluster.  [a local one is started]")
@click.option("--report-only", is_flag=True, help="Write the report of the records that are there.")
@click.option(
    "--drop",
    "dropped",
    multiple=True,
    metavar="NAME",
    help="Take a strategy out of results that are there, records and all; may be repeated.",
)
@click.option("--show", is_flag=True, help="Print the protocol as TOML and do nothing.")
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

    Each cell (a strategy with a seed) records every cycle as it ends; a suite that was stopped goes on by the
    same command, and more seeds or strategies can be added to results that are there.
    """
    if not words:
        return _list_protocols(as_json)
    if words[0] == "compare":
        return _compare(words[1:])
    if len(words) > 1:
        raise UsageError(
            f"name one protocol, not {len(words)}; 'alkit bench compare A B' compares two results"
        )
    protocol, results = _protocol(words[0], out, given)
    if show:
        click.echo(protocol.to_toml(), nl=False)
        return
    if dropped:
        from alkit.bench.resume import drop

        drop(results, dropped)
    if report_only or dropped:
        _report(results, as_json)
        return
    try:
        _run(protocol, results, given, quiet)
    except CellsFailed:
        _report(results, as_json)  # of the cells that did not
        raise
    _report(results, as_json)


def _list_protocols(as_json: bool) -> None:
    from alkit.bench.protocol import shipped

    found = shipped()
    if as_json:
        print_json(found)
    else:
        print_rows([("protocol", "compares"), *found.items()])


def _compare(folders: tuple[str, ...]) -> None:
    from alkit.bench.report import compare_report

    if len(folders) != 2:
        raise UsageError("name two folders of results: alkit bench compare A B")
    click.echo(compare_report(*map(Path, folders)), nl=False)


def _protocol(name: str, out: str | None, given: dict[str, Any]) -> tuple[Protocol, Path]:
    """Read the protocol, and change it as the options say."""
    from alkit.bench.protocol import BASELINE, Entry, check_protocol, find_protocol

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
    if given["seeds"]:
        first = protocol.seeds[: given["seeds"]]
        more = (seed for seed in range(10**6) if seed not in first)
        seeds = first + tuple(next(more) for _ in range(given["seeds"] - len(first)))
        protocol = dataclasses.replace(protocol, seeds=seeds)
    check_protocol(protocol)
    return protocol, results


def _run(protocol: Protocol, results: Path, given: dict[str, Any], quiet: bool) -> None:
    from alkit.bench.suite import SuiteOptions, run_suite
    from alkit.utils.extras import need
    from alkit.utils.progress import NullProgress, Terminal

    for module in ("matplotlib", "statsmodels"):  # said now, not after hours
        need(module)
    run_suite(
        protocol,
        results,
        SuiteOptions(
            cache=Path(given["cache"]) if given["cache"] else None,
            device=given["device"],
            jobs=given["jobs"],
            backend=given["backend"],
            scheduler=given["scheduler"],
            download=given["download"],
            command=shlex.join(["alkit", *sys.argv[1:]]),
        ),
        progress=NullProgress() if quiet else Terminal(),
    )


def _report(results: Path, as_json: bool) -> None:
    from alkit.bench.records import read_all
    from alkit.bench.report import write_report

    if not read_all(results):
        raise BenchmarkError(f"there are no records in {results}; leave --report-only out to make some")
    write_report(results)
    if as_json:
        click.echo((results / "summary.json").read_text(encoding="utf-8"), nl=False)
        return
    click.echo(f"report: {results / 'report.html'}")
