"""Starting up: quick, without numpy or torch, and every command explains itself."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alkit.cli import COMMANDS, SECTIONS

EVERY_OPTION = {
    "init": "--pool --strategy --option --root --download --labels --classes --test --task --model "
    "--task-option --oracle --oracle-option --image-size --channels --seed --executor --workers --device "
    "--quiet --json",
    "query": "--budget --strategy --option --campaign --pool --new --control --avoid-unusable --scores "
    "--executor --workers --scheduler --executor-option --seed-strategy --seed-size --json",
    "score": "--strategy --option --budget --shard --scores --campaign --new --control --device --quiet "
    "--json",
    "ingest": "--campaign --format --option --dry-run --annotator --allow-new-classes --strict "
    "--aggregate --oracle --oracle-option --quiet --json",
    "export": "--format --option --out --labeled --splits --test-share --campaign --device --quiet --json",
    "export-model": "--out --format --force --campaign --device --quiet --json",
    "labelstudio": "--url --token --project --option --allow-new-classes --strict --dry-run --campaign "
    "--json",
    "status": "--campaign --images --json",
    "report": "--campaign --out --stop --map --worth --json",
    "train": "--strategy --option --campaign --device --quiet --json",
    "predict": "--out --probabilities --batch-size --force --executor --workers --campaign --device --quiet "
    "--json",
    "rehearse": "--strategy --more --seeds --campaign --device --quiet --json",
    "run": "--budget --cycles --campaign --pool --oracle --strategy --control --stop --seed-size --json",
    "update": "--campaign --pool --test --root --check --quiet --json",
    "classes": "--campaign --json",
    "groups": "--campaign --json",
    "remove": "--index --undo --reason --campaign --json",
    "fork": "--campaign --strategy --option --test --task --model --task-option --image-size --channels "
    "--value-range --seed --device --quiet --json",
    "bench": "--out --strategy --seeds --pool --test --root --download --cache --executor --workers "
    "--scheduler --executor-option --report-only --show --device --quiet --json",
    "label": "--campaign --port --annotator --show-guess --no-browser",
    "strategies": "--json",
    "plugins": "--json",
    "new-strategy": "",
    "new-plugin": "--kind",
    "check": "--kind --option --answers --pool --json",
}


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["strategies"], ["plugins"], ["query", "--help"]]
)
def test_no_heavy_import_where_nothing_heavy_is_done(words: list[str]) -> None:
    code = (
        "import sys; sys.argv[1:] = sys.argv[1:]\n"
        "from alkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "heavy = {'numpy', 'torch', 'sklearn', 'PIL', 'tqdm', 'torchvision', 'jinja2'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1] == "HEAVY []"


def test_answers_are_taken_in_without_torch(campaign: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text("image,label\nred/01.png,red\nblue/02.png,blue\n")
    code = (
        "import sys\nfrom alkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "print('HEAVY', sorted({'torch', 'sklearn', 'torchvision'} & set(sys.modules)))"
    )
    words = ["ingest", "-c", str(campaign), str(answers), "--allow-new-classes", "--quiet"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.startswith("2 answers accepted")
    assert ended.stdout.splitlines()[-1] == "HEAVY []"


def test_listing_runs_no_plugin() -> None:
    code = (
        "import sys\nfrom alkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith('alkit_plugins')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "strategies"], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "program", [[sys.executable, "-m", "alkit"], [str(Path(sys.executable).parent / "alkit")]]
)
def test_it_can_be_started_in_two_ways(program: list[str], tmp_path: Path) -> None:
    if not Path(program[0]).exists():
        pytest.skip("the console script is not installed here")
    ended = subprocess.run([*program, "status"], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: there is no campaign in this directory;")
    assert "Traceback" not in ended.stderr


def test_help_names_every_command(alkit: Callable[..., Any], alkit_ends: Callable[..., Any]) -> None:
    shown = alkit("--help").out
    for heading, names in SECTIONS.items():
        section = shown.partition(f"\n{heading}:\n")[2].partition("\n\n")[0]
        for name in names:
            assert re.search(rf"^  {name} +[A-Z][^.]*\.$", section, re.MULTILINE)
    said = alkit_ends()
    where = said.err or said.out  # click 8.1 writes it on standard output
    assert where.strip() == shown.strip(), "no word at all is a call for help"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example_and_explains_every_option(
    name: str, alkit: Callable[..., Any]
) -> None:
    from alkit.cli import cli

    shown = alkit(name, "--help").out
    assert f"  alkit {name}" in shown.split("Examples:")[1]
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert parameter.opts[-1] in shown
            assert parameter.help  # type: ignore[attr-defined]
    for option in EVERY_OPTION[name].split():
        assert option in shown


def test_an_unknown_command_is_wrong_usage(alkit_ends: Callable[..., Any]) -> None:
    said = alkit_ends("qery")
    assert (said.code, said.out) == (2, "")
    assert "there is no command 'qery'; did you mean 'query'?" in said.err


@pytest.mark.parametrize(
    "words", [["query"], ["query", "-n", "many"], ["init"], ["run", "-n", "3"], ["query", "-x"]]
)
def test_wrong_usage_exits_2_and_shows_how(words: list[str], alkit_ends: Callable[..., Any]) -> None:
    said = alkit_ends(*words)
    assert (said.code, said.out) == (2, "")
    assert "Usage: " in said.err
    assert "Error: " in said.err
