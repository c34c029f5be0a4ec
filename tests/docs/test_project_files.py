"""What stands in several files of the project says the same, and tools can read these files."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import alkit

ROOT = Path(__file__).resolve().parents[2]
NOTES = ROOT / "scripts" / "release-notes"
CHANGELOG = """# Changes

## [0.3.0] - unreleased

- Not yet.

## [0.2.0] - 2027-01-31

### Added

- Two things.

## [0.1.0] - 2026-12-24

- One thing.
"""


def setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(ROOT / "setup.cfg")
    return found


def pythons(text: str) -> list[str]:
    return re.findall(r"\b3\.\d\d\b", text)


def notes(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    script = folder / "scripts" / "release-notes"
    script.parent.mkdir(exist_ok=True)
    script.write_text(NOTES.read_text(encoding="utf-8"))
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    return subprocess.run(
        [sys.executable, str(script), version], capture_output=True, text=True, check=False, timeout=60
    )


def test_release_notes_are_the_section_of_the_version(tmp_path):
    assert notes(tmp_path, "0.2.0").stdout == "### Added\n\n- Two things.\n"
    assert notes(tmp_path, "0.1.0").stdout == "- One thing.\n"


@pytest.mark.parametrize(("version", "said"), [("0.3.0", "write the date"), ("0.9.0", "no section")])
def test_a_version_that_is_not_ready_has_no_notes(tmp_path, version, said):
    ended = notes(tmp_path, version)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert said in ended.stderr


def test_the_version_is_written_once():
    assert setup()["metadata"]["version"] == "attr: alkit._version.__version__"
    assert f"version: {alkit.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == alkit.__version__


def test_every_python_that_is_promised_is_tested():
    promised = pythons(setup()["metadata"]["classifiers"])
    workflow = (ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
    matrix = re.search(r"^ +python: (\[.*\])$", workflow, re.MULTILINE)
    assert matrix is not None
    assert json.loads(matrix[1]) == promised
    assert setup()["options"]["python_requires"] == f">={promised[0]}"
    lowest = workflow.partition("lowest-versions:")[2].partition("lowest-direct")[0]
    assert pythons(lowest) == [promised[0]]


def test_files_in_yaml_can_be_read():
    yaml = pytest.importorskip("yaml")
    files = [*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
    assert len(files) >= 8
    for file in files:
        assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict), file


def test_hooks_before_a_commit_run_what_scripts_lint_runs():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    for line in (ROOT / "scripts" / "lint").read_text(encoding="utf-8").splitlines():
        if line.startswith(("python -m", "lint-imports")):
            assert f"entry: {line.partition(' --check')[0].removesuffix(' .')}" in hooks, line


def test_every_module_and_every_file_beside_it_is_installed():
    options, data = setup()["options"], setup()["options.package_data"]
    listed = set(options["packages"].split())
    for root, base in ((ROOT / "alkit", ROOT), (ROOT / "plugins" / "alkit_plugins", ROOT / "plugins")):
        for file in root.rglob("*"):
            if file.is_dir() or "__pycache__" in file.parts:
                continue
            if file.suffix == ".py":
                assert ".".join(file.parent.relative_to(base).parts) in listed, f"{file} is not installed"
                continue
            owner = next(one for one in file.parents if (one / "__init__.py").exists())
            patterns = data.get(".".join(owner.relative_to(base).parts), "").split()
            found = {path for pattern in patterns for path in owner.glob(pattern)}
            assert file in found, f"{file} is not installed"
