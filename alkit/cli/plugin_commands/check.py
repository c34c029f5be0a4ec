"""`alkit check`: run the conformance kit and explain each failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from alkit.cli.options import json_option
from alkit.cli.output import print_json
from alkit.composition import expression
from alkit.composition.factory import make_strategy
from alkit.errors import AmbiguousPlugin, InvalidOption, UnknownPlugin, UsageError
from alkit.interfaces.labels import ImageFacts
from alkit.options import build, parse_pairs
from alkit.plugin import registry as plugins
from alkit.plugin import single_file
from alkit.plugin.oracles import connect
from alkit.plugin.sources import claimed, open_source
from alkit.utils.counts import counted

from .new_plugin import KINDS

if TYPE_CHECKING:
    from alkit.interfaces.oracle import Oracle
    from alkit.testing.results import Result


ASKED = 64
EXAMPLES = """\b
Examples:
  alkit check my-idea
  alkit check ./mine.py:Mine -o temperature=2
  alkit check "subset(300) > my-idea"
  alkit check --kind oracle my-oracle --pool photos/
  alkit check --kind source webdataset --pool shards/
"""


@click.command("check", short_help="Check a plugin, and explain each failure.", epilog=EXAMPLES)
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Kind of plugin.  [default: found by its name]")
@click.option(
    "-o",
    "--option",
    "option",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option of the plugin. Repeatable.",
)
@click.option(
    "--answers",
    metavar="A,B,...",
    help="Labels to try a task with.  [default: class names, if the task has classes]",
)
@click.option(
    "--pool",
    metavar="POOL",
    help="Images to ask an oracle about, or to open with a source.  [default: digits, or a source's own]",
)
@json_option
def command(
    name: str, kind: str | None, option: tuple[str, ...], answers: str | None, pool: str | None, as_json: bool
) -> int:
    """Check that a plugin follows the interface; for each failure, say what was checked, what happened and
    what to do.

    NAME is a name from 'alkit plugins', a composition, or FILE.py:CLASS (runs the code in the file). The exit
    code is 1 if a check fails.
    """
    from alkit.testing.hints import describe, explain  # noqa: PLC0415  # torch takes seconds to import

    kind, origin = _found(name, kind)
    click.echo(f"checking {kind} {origin}", err=True)
    results = _results(kind, name, parse_pairs(option), answers, pool)
    failed = [result for result in results if not result.ok]
    if as_json:
        checks = [_as_json(result) | explain(kind, result)._asdict() for result in results]
        print_json({"kind": kind, "name": name, "ok": not failed, "checks": checks})
        return int(bool(failed))
    if failed:
        click.echo(describe(kind, failed))
    skipped = sum(result.ok and bool(result.sentence) for result in results)
    passed = len(results) - len(failed) - skipped
    click.echo(f"{counted(passed, 'check')} passed, {len(failed)} failed, {skipped} not applicable")
    return int(bool(failed))


def _as_json(result: Result) -> dict[str, Any]:
    return {key: value for key, value in result._asdict().items() if key != "error"}


def _found(name: str, kind: str | None) -> tuple[str, str]:
    """Return the kind of a plugin, and how it is shown.

    Raises:
        UnknownPlugin, AmbiguousPlugin: no plugin, or more than one, has that name.
    """
    if expression.is_composed(name) or single_file.names_a_file(name):
        if kind not in (None, "strategy"):
            raise UsageError(f"'{name}' is a strategy, but --kind says {kind}; leave out --kind")
        return "strategy", name
    if kind is not None:
        return kind, str(plugins.KINDS[kind].find(name))
    found = [
        (other, plugin)
        for other, registry in plugins.KINDS.items()
        for plugin in registry
        if name in (plugin.name, f"{plugin.distribution}:{plugin.name}")
    ]
    kinds = list(dict.fromkeys(other for other, _ in found))
    if not found:
        raise UnknownPlugin(f"there is no plugin '{name}'; 'alkit plugins' lists those installed")
    if len(kinds) > 1:
        owners = " and ".join(f"of {'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind in kinds)
        raise AmbiguousPlugin(f"'{name}' is the name {owners}; add --kind, as in --kind {kinds[0]}")
    return kinds[0], str(plugins.KINDS[kinds[0]].find(name))


def _results(
    kind: str, name: str, options: dict[str, str], answers: str | None, pool: str | None
) -> list[Result]:
    from alkit import testing  # noqa: PLC0415  # its names are imported when asked for

    if kind == "source":
        plain = name.rpartition(":")[2]
        own = next(iter(claimed()[plain].datasets), None)
        if pool is None and own is None:
            raise UsageError(f"source '{plain}' needs something to open; name it with --pool")
        return testing.check_source(pool or str(own), plain)
    if kind == "strategy":
        make_strategy(name, options)
        return testing.check_strategy(name, options)
    made = build(plugins.KINDS[kind].get(name), options)
    if kind == "task":
        return _task_results(name, options, answers)
    if kind == "oracle":
        return _oracle_results(made, pool or "digits")
    if kind == "encoder":
        return testing.check_encoder(name, weights=options.get("weights", ""))
    if kind == "executor":
        return testing.check_executor(name, options)
    return testing.check_format(name, options)


def _task_results(name: str, options: dict[str, str], answers: str | None) -> list[Result]:
    from alkit import testing  # noqa: PLC0415  # its names are imported when asked for

    labels = build(plugins.tasks.get(name), options).make_labels(())
    if not answers:
        if not labels.named:
            raise UsageError(
                f"task '{name}' has no classes; give some labels for it, as in --answers 0.1,0.7,0.4"
            )
        return testing.check_task(name, options)
    words = [word.strip() for word in answers.split(",")]
    try:
        values = [labels.parse(word, ImageFacts()) for word in words]
    except ValueError as error:
        raise InvalidOption(
            f"--answers {answers} holds a value that is not a label of task '{name}': {error}"
        ) from error
    classes = tuple(dict.fromkeys(name for value in values for name in labels.names(value)))
    return testing.check_task(name, options, classes=classes, values=values)


def _oracle_results(oracle: Oracle, pool: str) -> list[Result]:
    from alkit import testing  # noqa: PLC0415  # its names are imported when asked for

    source = open_source(pool)
    keys: Any = source.keys()
    connect(oracle, source, keys, 0)
    return testing.check_oracle(oracle, range(min(ASKED, len(keys))))
