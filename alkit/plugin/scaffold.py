"""Projects to begin a plugin with: module, entry point, tests, from templates."""

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
    """What differs between kinds beside the templates: how the class's name ends, and commands to try it."""

    ending: str
    check: str
    use: str


KINDS = {
    "strategy": Kind("", "alkit check {}", "alkit query --strategy {} --pool digits --budget 20"),
    "task": Kind("Task", "alkit check {}", "alkit query --task {} --pool digits --budget 20"),
    "oracle": Kind("Oracle", "alkit check {} --pool photos/", "alkit init birds --pool photos/ --oracle {}"),
    "format": Kind("Format", "alkit check {}", "alkit export --campaign birds --format {}"),
}


def create(kind: str, name: str, directory: Path | None = None) -> list[Path]:
    """Write the project of a new plugin; nothing that exists is changed.

    Args:
        kind: out of `KINDS`.
        name: of the plugin, in kebab-case.
        directory: where to; `alkit-NAME` in this one by default.

    Returns:
        The files, the module first.

    Raises:
        UsageError: the name does not fit or is taken, or a file is there already.
    """
    check_name(kind, name)
    directory = Path(f"alkit-{name}") if directory is None else directory
    files = {directory / path: text for path, text in _files(kind, name).items()}
    for path in files:
        if path.exists():
            raise UsageError(f"{path} is there already; name another directory, nothing was written")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{error.filename} is in the way; name another directory") from error
    return list(files)


def check_name(kind: str, name: str) -> None:
    """Check that a plugin can be called so.

    Raises:
        UsageError: says why not.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"'{name}' should be in kebab-case, as in my-idea: small letters and digits, in words joined by "
            f"hyphens, at most {LONGEST} characters"
        )
    for plugin in registry.KINDS[kind]:
        if plugin.name == name:
            raise UsageError(f"there is a {kind} {plugin} already; choose another name")
    if importlib.util.find_spec(_module(name)) is not None:
        raise UsageError(f"there is a module {_module(name)} already; choose another name than '{name}'")


def _module(name: str) -> str:
    return f"alkit_{_identifier(name)}"


def _identifier(name: str) -> str:
    return name.replace("-", "_")


def _files(kind: str, name: str) -> dict[str, str]:
    """Return the files of a project by path."""
    told = KINDS[kind]
    values = {
        "kind": kind,
        "name": name,
        "Name": name.replace("-", " ").capitalize(),
        "Class": "".join(word.capitalize() for word in name.split("-")) + told.ending,
        "identifier": _identifier(name),
        "module": _module(name),
        "distribution": f"alkit-{name}",
        "group": registry.KINDS[kind].group,
        "interface": str(INTERFACE),
        "version": __version__,
        "check": told.check.format(name),
        "use": told.use.format(name),
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
