"""Projects to start a plugin from: module, entry point and tests, made from templates."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from alkit._version import INTERFACE, __version__
from alkit.errors import UsageError

from . import registry

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between kinds besides the templates: the ending of the class name, and commands to try."""

    ending: str
    check: str
    use: str


KINDS = {
    "strategy": Kind("", "alkit check {}", "alkit query --strategy {} --pool digits --budget 20"),
    "task": Kind("Task", "alkit check {}", "alkit query --task {} --pool digits --budget 20"),
    "oracle": Kind("Oracle", "alkit check {} --pool photos/", "alkit init birds --pool photos/ --oracle {}"),
    "encoder": Kind(
        "Encoder", "alkit check {}", "alkit query --pool photos/ --labels known.csv --encoder {} --budget 20"
    ),
    "source": Kind("Source", "alkit check {0} --pool photos.{0}", "alkit init birds --pool photos.{0}"),
    "executor": Kind("Executor", "alkit check {}", "alkit query --pool digits --budget 20 --executor {}"),
    "format": Kind("Format", "alkit check {}", "alkit export --campaign birds --format {}"),
}


def create(kind: str, name: str, directory: Path | None = None) -> list[Path]:
    """Write the project of a new plugin; change no existing file.

    Args:
        kind: one of `KINDS`.
        name: name of the plugin, in kebab-case.
        directory: where to write; the default is `alkit-NAME` in the current directory.

    Returns:
        The files, the module first.

    Raises:
        UsageError: the name is invalid or taken, or a file already exists.
    """
    check_name(kind, name)
    directory = Path(f"alkit-{name}") if directory is None else directory
    files = {directory / path: text for path, text in _files(kind, name).items()}
    for path in files:
        if path.exists():
            raise UsageError(f"{path} already exists, so nothing was written; name another directory")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{error.filename} is in the way; name another directory") from error
    return list(files)


def check_name(kind: str, name: str) -> None:
    """Check that a plugin can have this name.

    Raises:
        UsageError: it cannot; says why.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"'{name}' should be in kebab-case, as in my-idea: words of lower-case letters and digits joined "
            f"by hyphens, at most {LONGEST} characters"
        )
    for plugin in registry.KINDS[kind]:
        if plugin.name == name:
            raise UsageError(f"there is already a {kind} {plugin}; choose another name")
    if importlib.util.find_spec(_module(name)) is not None:
        raise UsageError(f"there is already a module {_module(name)}; choose a name other than '{name}'")


def _module(name: str) -> str:
    return f"alkit_{_identifier(name)}"


def _identifier(name: str) -> str:
    return name.replace("-", "_")


def _files(kind: str, name: str) -> dict[str, str]:
    """Return the files of a project by path."""
    scaffold = KINDS[kind]
    values = {
        "kind": kind,
        "name": name,
        "Name": name.replace("-", " ").capitalize(),
        "Class": "".join(word.capitalize() for word in name.split("-")) + scaffold.ending,
        "identifier": _identifier(name),
        "module": _module(name),
        "distribution": f"alkit-{name}",
        "group": registry.KINDS[kind].group,
        "interface": str(INTERFACE),
        "version": __version__,
        "check": scaffold.check.format(name),
        "use": scaffold.use.format(name),
    }
    templates = {
        f"{_module(name)}.py": f"{kind}/module.py",
        f"tests/test_{_identifier(name)}.py": f"{kind}/test.py",
        "pyproject.toml": "project/pyproject.toml",
        "README.md": "project/README.md",
        ".gitignore": "project/gitignore",
    }
    folder = resources.files(__package__) / "templates"
    return {
        path: Template((folder / f"{template}.template").read_text(encoding="utf-8")).substitute(values)
        for path, template in templates.items()
    }
