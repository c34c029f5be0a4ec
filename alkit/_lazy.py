"""Public names of a package, each imported when it is first asked for: importing the package stays quick."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_exports(
    package: str, homes: Mapping[str, Sequence[str]], public: Sequence[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` of a package.

    Args:
        package: its name.
        homes: for each module, the names that the package offers from it; a name can be that of a submodule.
        public: what `dir` lists.
    """
    module_of = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        module = importlib.import_module(module_of[name])
        if hasattr(module, name):
            return getattr(module, name)
        return importlib.import_module(f"{module_of[name]}.{name}")

    return get, lambda: list(public)
