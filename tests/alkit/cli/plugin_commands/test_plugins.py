"""`alkit plugins`, and plugins of others: broken, twice, and what they must not break."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Alkit = Callable[..., Any]

GOOD = """
import numpy, alkit
class First(alkit.Strategy):
    "Choose the first ones."
    name = "first"
    needs_labels = False
    def select(self, cycle, n):
        return cycle.candidates[:n]
@alkit.hookimpl
def alkit_strategies():
    return [First]
"""


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., None]:
    """Install a distribution with one module into a folder of its own, for `elsewhere`."""

    def put(distribution: str, module: str, source: str, *points: str) -> None:
        site = tmp_path / "site"
        info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        groups: dict[str, list[str]] = {}
        for point in points:
            group, _, entry = point.partition("/")
            groups.setdefault(group, []).append(entry)
        text = "".join(f"[{group}]\n" + "\n".join(entries) + "\n" for group, entries in groups.items())
        (info / "entry_points.txt").write_text(text)

    return put


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alkit_ends: Alkit) -> Iterator[Alkit]:
    """Call the command line where what was installed is seen; nothing of it stays."""
    from alkit.cli import cli
    from alkit.plugin import registry as plugins

    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    commands, modules = dict(cli.commands), set(sys.modules)

    def forget() -> None:
        for registry in (plugins.strategies, plugins.tasks, plugins.oracles):
            registry.refresh()
        plugins.extensions.cache_clear()
        cli.commands.clear()
        cli.commands.update(commands)
        cli._extended = False  # type: ignore[attr-defined]

    def call(*words: str | Path) -> Any:
        importlib.invalidate_caches()
        forget()
        return alkit_ends(*words)

    yield call
    for name in set(sys.modules) - modules:
        if name.startswith("alkit_") and not name.startswith("alkit_plugins"):
            del sys.modules[name]
    monkeypatch.undo()
    forget()


def test_everything_is_listed(alkit: Alkit) -> None:
    rows = alkit("plugins", "--json").json
    found = {(row["group"], row["name"]) for row in rows}
    assert {
        ("alkit.tasks", "classification"),
        ("alkit.oracles", "file"),
        ("alkit.strategies", "random"),
    } <= found
    assert "alkit.oracles" in alkit("plugins").out


@pytest.mark.parametrize(
    ("name", "flag"), [("classification", "-t"), ("dataset", "--oracle-option"), ("coreset", "-o")]
)
def test_one_is_shown_with_the_option_that_sets_it(alkit: Alkit, name: str, flag: str) -> None:
    assert f"options ({flag} NAME=VALUE)" in alkit("plugins", name).out
    assert alkit("plugins", name, "--json").json["name"] == name


def test_all_plugins_of_one_name_are_shown(alkit: Alkit) -> None:
    said = alkit("plugins", "file").out
    assert "oracle file (alkit " in said
    assert "encoder file (alkit " in said
    assert [row["kind"] for row in alkit("plugins", "csv", "--json").json] == ["format", "source"]


def test_an_unknown_name(alkit_ends: Alkit) -> None:
    said = alkit_ends("plugins", "nobody")
    assert said.code == 2
    assert "plugin 'nobody'; 'alkit plugins'" in said.error


def test_a_strangers_strategy_is_found_and_used(
    install: Callable[..., None], installed: Alkit, campaign: Path, read_list: Any
) -> None:
    install("alkit-first", "alkit_first", GOOD, "alkit.strategies/first = alkit_first")
    listed = installed("strategies").out
    line = r"^  first +alkit-first 1\.2 +Choose the first ones\.$"
    assert re.search(line, listed.partition("\nOther\n")[2], re.MULTILINE)
    ended = installed("query", "-c", campaign, "-n", "3", "-s", "first")
    assert ended.code == 0, ended.err
    assert [row["index"] for row in read_list(campaign / "queries" / "001.csv")] == ["0", "1", "2"]
    shown = installed("query", "-c", campaign, "-n", "3", "--json").json
    assert (shown["distribution"], shown["version"]) == ("alkit-first", "1.2")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
        ("import no_such_module_here", "cannot be imported: ModuleNotFoundError"),
        ("def :", "cannot be imported: SyntaxError"),
        ("x = 1", "returns nothing, not 'first'"),
        (GOOD.replace('name = "first"', 'name = "last"'), "returns last, not 'first'"),
        (GOOD.replace("return [First]", "raise KeyError('x')"), "is broken: KeyError"),
        (
            GOOD.replace("return cycle.candidates[:n]", "return cycle.candidates[:1]"),
            "returned 1 image instead of 3",
        ),
        (GOOD.replace("return cycle.candidates[:n]", "raise KeyError('x')"), "failed: KeyError: 'x'"),
    ],
)
def test_a_broken_plugin_is_named_and_others_still_work(
    install: Callable[..., None],
    installed: Alkit,
    campaign: Path,
    contents: Callable[[Path], dict[str, str]],
    source: str,
    message: str,
) -> None:
    install("alkit-bad", "alkit_bad", source, "alkit.strategies/first = alkit_bad")
    before = contents(campaign)
    ended = installed("query", "-c", campaign, "-n", "3", "-s", "first")
    assert ended.code == 1, ended.err
    error = ended.err.strip().splitlines()[-1]
    assert error.startswith("Error: ")
    assert "'alkit-bad'" in error
    assert message in error
    assert "Traceback" not in ended.err
    assert contents(campaign) == before
    listed = installed("strategies")
    assert "first" in listed.out
    assert "entropy" in listed.out


def test_two_of_one_name_are_told_apart_by_distribution(
    install: Callable[..., None], installed: Alkit, campaign: Path
) -> None:
    install("alkit-first", "alkit_first", GOOD, "alkit.strategies/first = alkit_first")
    install("alkit-second", "alkit_second", GOOD, "alkit.strategies/first = alkit_second")
    ended = installed("query", "-c", campaign, "-n", "3", "-s", "first")
    assert ended.code == 2
    assert "'alkit-first:first' or 'alkit-second:first'" in ended.err
    ended = installed("query", "-c", campaign, "-n", "3", "-s", "alkit-second:first", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["distribution"] == "alkit-second"
    assert installed("query", "-c", campaign, "-n", "3", "-s", "random").code == 0


def test_an_extension_adds_a_command_and_a_broken_one_does_not_hurt(
    install: Callable[..., None], installed: Alkit
) -> None:
    hello = (
        "import alkit, click\n@alkit.hookimpl\ndef alkit_commands(cli):\n"
        "    @cli.command('hello')\n    def hello():\n        'Say hello.'\n        click.echo('hello')\n"
    )
    install("alkit-hello", "alkit_hello", hello, "alkit.extensions/hello = alkit_hello")
    install("alkit-bad", "alkit_bad", "1 / 0", "alkit.extensions/bad = alkit_bad")
    ended = installed("hello")
    assert (ended.code, ended.out) == (0, "hello\n")
    assert "extension 'bad' of distribution 'alkit-bad' cannot be imported" in ended.err
    assert "hello  " in installed("--help").out
    assert installed("strategies").code == 0


def test_an_observer_that_fails_stops_nothing(
    install: Callable[..., None], installed: Alkit, campaign: Path
) -> None:
    observer = "import alkit\n@alkit.hookimpl\ndef alkit_cycle_finished(campaign, query):\n    1 / 0\n"
    install("alkit-watch", "alkit_watch", observer, "alkit.extensions/watch = alkit_watch")
    ended = installed("query", "-c", campaign, "-n", "3", "-s", "random")
    assert ended.code == 0
    assert "extension 'watch' of distribution 'alkit-watch' failed: ZeroDivisionError" in ended.err
