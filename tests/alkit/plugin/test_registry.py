"""The door: plugins of made-up distributions, some of them broken, on a path of the test's own."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import alkit
from alkit.errors import AmbiguousPlugin, BrokenPlugin, UnknownPlugin
from alkit.plugin import registry as plugins
from alkit.plugin.registry import Registry

ENGINE = Path(alkit.__file__).parent

STRATEGY = '''
import alkit

class Mine(alkit.Strategy):
    """Mine."""

    name = "{name}"

    def select(self, cycle, n):
        return cycle.candidates[:n]

@alkit.hookimpl
def alkit_strategies():
    return [Mine]
'''

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with entry points and modules on the path, as an installer would."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install(
        distribution: str,
        entry_points: dict[str, str],
        modules: dict[str, str] | None = None,
        *,
        group: str = "alkit.strategies",
        version: str = "1.0",
        form: str = "dist-info",
    ) -> Path:
        folder = tmp_path / f"{distribution.replace('-', '_')}-{version}.{form}"
        folder.mkdir()
        metadata = "METADATA" if form == "dist-info" else "PKG-INFO"
        (folder / metadata).write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [f"[{group}]", *(f"{name} = {module}" for name, module in entry_points.items())]
        (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for module, text in (modules or {}).items():
            (tmp_path / f"{module}.py").write_text(text)
        importlib.invalidate_caches()
        _forget()
        return tmp_path

    yield install
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]
    _forget()


def _forget() -> None:
    plugins.extensions.cache_clear()
    for registry in (plugins.strategies, plugins.tasks, plugins.oracles):
        registry.refresh()


@pytest.fixture
def registry() -> Registry[Any]:
    return Registry("strategy", "alkit.strategies", "alkit_strategies", "alkit:Strategy")


def test_a_strangers_strategy_is_listed_and_loaded(install: Install, registry: Registry[Any]) -> None:
    install(
        "alkit-mine", {"mine": "mine_module"}, {"mine_module": STRATEGY.format(name="mine")}, version="2.5"
    )
    plugin = registry.find("mine")
    assert str(plugin) == "mine (alkit-mine 2.5)"
    assert plugin.group == "alkit.strategies"
    assert "mine_module" not in sys.modules
    assert registry.get("mine").name == "mine"
    assert registry.get("mine") is registry.get("mine")
    assert plugin.name in {
        found.name for found in plugins.all_plugins() if found.distribution == "alkit-mine"
    }


def test_the_list_is_sorted_and_of_one_group(install: Install, registry: Registry[Any]) -> None:
    install("alkit-zebra", {"zebra": "z", "aardvark": "a"})
    install("alkit-oracle", {"delphi": "d"}, group="alkit.oracles")
    names = [plugin.name for plugin in registry]
    assert names == sorted(names)
    assert {"zebra", "aardvark", "random"} <= set(names)
    assert "delphi" not in names


def test_a_plugin_installed_since_is_seen_after_refresh(install: Install, registry: Registry[Any]) -> None:
    assert "late" not in [plugin.name for plugin in registry]
    install("alkit-late", {"late": "late_module"})
    assert "late" not in [plugin.name for plugin in registry]
    registry.refresh()
    assert "late" in [plugin.name for plugin in registry]


def test_an_unknown_name_gets_the_nearest_one(registry: Registry[Any]) -> None:
    with pytest.raises(UnknownPlugin, match=r"strategy 'ta-val' .*did you mean 'ta-vaal'\?"):
        registry.get("ta-val")


def test_a_name_that_is_near_to_none_gets_the_list(registry: Registry[Any]) -> None:
    with pytest.raises(UnknownPlugin, match=r"'qqqqqqqq' .*choose from .*coreset, .*entropy"):
        registry.get("qqqqqqqq")


def test_an_empty_group_says_none() -> None:
    empty: Registry[Any] = Registry("strategy", "alkit.nothing", "alkit_strategies", "alkit:Strategy")
    with pytest.raises(UnknownPlugin, match=r"'random' in alkit\.nothing; none"):
        empty.get("random")


def test_a_duplicate_name_is_ambiguous_and_fixed_by_the_distribution(
    install: Install, registry: Registry[Any]
) -> None:
    install("alkit-one", {"twin": "twin_one"}, {"twin_one": STRATEGY.format(name="twin")})
    install("alkit-two", {"twin": "twin_two"}, {"twin_two": STRATEGY.format(name="twin")})
    with pytest.raises(AmbiguousPlugin, match="'alkit-one:twin' or 'alkit-two:twin'"):
        registry.get("twin")
    assert registry.get("alkit-one:twin").__module__ == "twin_one"
    assert registry.get("alkit-two:twin").__module__ == "twin_two"
    with pytest.raises(UnknownPlugin):
        registry.get("alkit-three:twin")


def test_a_stranger_cannot_take_a_built_in_name_silently(install: Install, registry: Registry[Any]) -> None:
    install("alkit-thief", {"random": "thief"}, {"thief": STRATEGY.format(name="random")})
    with pytest.raises(AmbiguousPlugin):
        registry.get("random")
    assert registry.get("alkit:random").__module__ == "alkit_plugins.strategies.random"


def test_a_strategy_and_an_oracle_may_share_a_name(install: Install, registry: Registry[Any]) -> None:
    install("alkit-one", {"twin": "twin_strategy"}, {"twin_strategy": STRATEGY.format(name="twin")})
    oracle = STRATEGY.format(name="twin").replace("alkit.Strategy", "alkit.Oracle")
    oracle = oracle.replace("alkit_strategies", "alkit_oracles").replace("def select", "def label")
    install("alkit-two", {"twin": "twin_oracle"}, {"twin_oracle": oracle}, group="alkit.oracles")
    oracles: Registry[Any] = Registry("oracle", "alkit.oracles", "alkit_oracles", "alkit:Oracle")
    assert registry.get("twin").__module__ == "twin_strategy"
    assert oracles.get("twin").__module__ == "twin_oracle"


BROKEN = {
    "raises": ("raise RuntimeError('out of order')", "cannot be imported: RuntimeError: out of order"),
    "syntax": ("def (", "cannot be imported: SyntaxError"),
    "imports": ("import no_such_module_at_all", "cannot be imported: ModuleNotFoundError"),
    "exits": ("raise SystemExit(3)", "cannot be imported: SystemExit"),
    "no-hook": ("", "its alkit_strategies returns nothing"),
    "wrong-hook": (
        STRATEGY.format(name="wrong-hook").replace("alkit_strategies", "alkit_stratagems"),
        "is broken: .*alkit_stratagems",
    ),
    "wrong-argument": (
        STRATEGY.format(name="wrong-argument").replace("alkit_strategies()", "alkit_strategies(pool)"),
        "is broken: .*pool",
    ),
    "wrong-name": (STRATEGY.format(name="other"), "returns other, not 'wrong-name'"),
    "not-a-list": (
        STRATEGY.format(name="not-a-list").replace("[Mine]", "Mine"),
        "is broken: ",
    ),
    "hook-raises": (
        STRATEGY.format(name="hook-raises").replace("return [Mine]", "return [1 / 0]"),
        "ZeroDivisionError",
    ),
    "not-a-strategy": (
        STRATEGY.format(name="not-a-strategy").replace("(alkit.Strategy)", ""),
        "is broken: .*Strategy",
    ),
    "abstract": (
        STRATEGY.format(name="abstract").replace("def select", "def elect"),
        "is broken: Mine does not define select",
    ),
    "no-dataclass": (
        STRATEGY.format(name="no-dataclass").replace(
            "def select", "size: int = alkit.option(3, '')\n    def select"
        ),
        r"size of Mine is an option only with @dataclass\(kw_only=True\) above the class",
    ),
    "no-default": (
        STRATEGY.format(name="no-default").replace(
            "def select", "def __init__(self, size): ...\n    def select"
        ),
        r"Mine cannot be made without size; make it an option, size: TYPE = alkit\.option",
    ),
    "an-instance": (
        STRATEGY.format(name="an-instance").replace("[Mine]", "[Mine()]"),
        "is broken: ",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_with_its_distribution_and_others_still_work(
    install: Install, registry: Registry[Any], name: str
) -> None:
    text, reason = BROKEN[name]
    module = f"broken_{name.replace('-', '_')}"
    install("alkit-broken", {name: module}, {module: text})
    source = f"strategy '{name}' of distribution 'alkit-broken' "
    with pytest.raises(BrokenPlugin, match=f"{source}.*{reason}") as raised:
        registry.get(name)
    assert "\n" not in str(raised.value)
    assert re.search(rf" \({module}\.py(, line [1-9]\d*)?\)$", str(raised.value))
    assert str(raised.value).count(".py") == 1
    assert name in [plugin.name for plugin in registry]
    assert registry.get("random").name == "random"


def test_a_missing_module_or_attribute_is_named(install: Install, registry: Registry[Any]) -> None:
    install("alkit-gone", {"gone": "gone_module", "half": "json:nothing"})
    for name in ("gone", "half"):
        with pytest.raises(BrokenPlugin, match="distribution 'alkit-gone' cannot be imported"):
            registry.get(name)


def test_two_names_on_one_module(install: Install, registry: Registry[Any]) -> None:
    text = STRATEGY.format(name="left").replace("[Mine]", "[Mine, Other]") + (
        "\nclass Other(Mine):\n    name = 'right'\n"
    )
    install("alkit-pair", {"left": "pair_module", "right": "pair_module"}, {"pair_module": text})
    assert registry.get("left").name == "left"
    assert registry.get("right").name == "right"


def test_metadata_seen_twice_is_one_plugin(install: Install, registry: Registry[Any]) -> None:
    install("alkit-twice", {"twice": "twice_module"}, {"twice_module": STRATEGY.format(name="twice")})
    install("alkit-twice", {"twice": "twice_module"}, form="egg-info")
    assert [plugin.name for plugin in registry].count("twice") == 1
    assert registry.get("twice").name == "twice"


def test_a_stale_folder_of_an_older_version_is_no_second_plugin(
    install: Install, registry: Registry[Any], tmp_path: Path
) -> None:
    install("alkit-moved", {"moved": "new_home"}, {"new_home": STRATEGY.format(name="moved")}, version="2.0")
    old = tmp_path / "elsewhere"
    old.mkdir()
    folder = old / "alkit_moved-1.0.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: alkit_moved\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[alkit.strategies]\nmoved = old_home\n")
    sys.path.append(str(old))
    try:
        assert registry.get("moved").__module__ == "new_home"
    finally:
        sys.path.remove(str(old))


OBSERVER = """
import alkit

seen = []

@alkit.hookimpl
def alkit_cycle_finished(campaign, query):
    seen.append((campaign, query))
    {then}
"""


def test_extensions_work_beside_broken_ones(install: Install) -> None:
    group = "alkit.extensions"
    install("alkit-good", {"good": "good_ext"}, {"good_ext": OBSERVER.format(then="pass")}, group=group)
    install("alkit-bad", {"bad": "bad_ext"}, {"bad_ext": "raise ValueError('bad day')"}, group=group)
    install("alkit-worse", {"worse": "worse_ext"}, {"worse_ext": OBSERVER.format(then="1 / 0")}, group=group)
    loaded, broken = plugins.extensions()
    assert {plugin.name for plugin, _ in loaded} == {"good", "worse"}
    assert len(broken) == 1
    assert "extension 'bad' of distribution 'alkit-bad' cannot be imported: ValueError: bad day" in broken[0]
    failures = plugins.notify("alkit_cycle_finished", campaign="campaign", query="query")
    assert sys.modules["good_ext"].seen == [("campaign", "query")]
    assert len(failures) == 2
    assert "extension 'worse' of distribution 'alkit-worse' failed: ZeroDivisionError" in failures[1]
    assert {"good", "bad", "worse"} <= {plugin.name for plugin in plugins.all_plugins()}


def test_one_extension_under_two_names_acts_under_each(install: Install) -> None:
    entry_points = {"first": "same_ext", "second": "same_ext"}
    install("alkit-same", entry_points, {"same_ext": OBSERVER.format(then="pass")}, group="alkit.extensions")
    loaded, broken = plugins.extensions()
    assert [plugin.name for plugin, _ in loaded] == ["first", "second"]
    assert broken == []


def test_listing_imports_neither_numpy_nor_torch_nor_any_plugin() -> None:
    code = (
        "import sys\n"
        "import alkit\n"
        "from alkit.plugin import registry as plugins\n"
        "assert len(list(map(str, plugins.all_plugins()))) >= 9\n"
        "heavy = {'numpy', 'torch', 'torchvision', 'sklearn', 'PIL', 'alkit_plugins'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_getting_one_plugin_imports_no_other() -> None:
    code = (
        "import sys\n"
        "from alkit.plugin import registry as plugins\n"
        "plugins.strategies.get('random')\n"
        "loaded = {name for name in sys.modules if name.startswith('alkit_plugins.')}\n"
        "assert loaded == {'alkit_plugins.strategies', 'alkit_plugins.strategies.random'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_everything_that_comes_with_alkit_can_be_loaded() -> None:
    for registry in (plugins.strategies, plugins.tasks, plugins.oracles):
        own = [plugin.name for plugin in registry if plugin.distribution == "alkit"]
        assert own
        for name in own:
            assert registry.get(f"alkit:{name}").name == name


# An option's default value, which any other strategy may take the place of, and what '>' stands for.
# The defaults that the engine names, the baseline of benchmarks, and words that only happen to be names.
DEFAULTS = {
    ("campaign/ask.py", "random"),
    ("cli/options.py", "random"),
    ("campaign/spec.py", "badge"),
    ("campaign/spec.py", "uherding"),
    ("campaign/spec.py", "coreset"),
    ("campaign/create.py", "subset"),  # an option
    ("campaign/spec.py", "typiclust"),
    ("composition/expression.py", "then"),
    ("bench/protocol.py", "random"),
    ("bench/statistics/__init__.py", "random"),
    ("reporting/figures.py", "random"),
    ("testing/formats.py", "random"),
    ("bench/prepare.py", "random"),  # how a seed set is drawn
    ("bench/report/wording.py", "random"),
    ("bench/protocol.py", "balanced"),
    ("bench/prepare.py", "balanced"),
    ("campaign/rehearsal/rehearse.py", "badge"),
    ("campaign/rehearsal/rehearse.py", "margin"),
    ("campaign/rehearsal/forecast.py", "random"),
    ("campaign/given/refusals.py", "margin"),
    ("campaign/given/refusals.py", "uherding"),
    ("campaign/given/refusals.py", "typiclust"),
    ("bench/report/__init__.py", "balanced"),  # accuracy
    ("bench/report/sections.py", "balanced"),
    ("campaign/campaign.py", "disputed"),  # labels
    ("cli/commands/status.py", "disputed"),
    ("campaign/report/costs.py", "disputed"),
    ("campaign/report/findings.py", "disputed"),
    ("campaign/report/sections.py", "disputed"),
    ("campaign/analysis/avoided.py", "usable"),  # what --avoid-unusable puts around a strategy
}


def test_the_engine_imports_and_names_no_plugin() -> None:
    names = {plugin.name for plugin in plugins.strategies if plugin.distribution == "alkit"}
    assert {"random", "ta-vaal"} <= names
    sources = sorted(ENGINE.rglob("*.py"))
    assert len(sources) > 20
    found = []
    for source in sources:
        text, place = source.read_text(), source.relative_to(ENGINE).as_posix()
        if "alkit_plugins" in text:
            found.append(f"{place} says alkit_plugins")
        words = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
        found += [f"{place} says '{name}'" for name in words & names if (place, name) not in DEFAULTS]
    assert found == []


def requiring(folder: Path, *lines: str) -> None:
    """Let the distribution installed last require something."""
    (metadata,) = folder.glob("*.dist-info/METADATA")
    with metadata.open("a") as file:
        file.writelines(f"Requires-Dist: {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (2, "was written for interface 2 of alkit, .* has interface 1; install a newer alkit$"),
        (0, "was written for interface 0 of alkit, .*; install a newer version of it, or an older alkit$"),
        ("'1'", "states alkit_interface = '1'; it should be a whole number$"),
        (True, "states alkit_interface = True; it should be a whole number$"),
    ],
)
def test_a_plugin_for_another_interface_is_refused(
    install: Install, registry: Registry[Any], stated: Any, reason: str
) -> None:
    text = f"alkit_interface = {stated}\n{STRATEGY.format(name='mine')}"
    install("alkit-mine", {"mine": "mine_module"}, {"mine_module": text})
    with pytest.raises(BrokenPlugin, match=f"^strategy 'mine' of distribution 'alkit-mine' {reason}"):
        registry.get("mine")
    assert registry.get("random").name == "random"


@pytest.mark.parametrize("line", ["alkit>=99", "Alkit (<0.1)", 'alkit==7; python_version > "3"'])
def test_where_no_interface_is_stated_the_requirement_decides(
    install: Install, registry: Registry[Any], line: str
) -> None:
    folder = install("alkit-mine", {"mine": "mine_module"}, {"mine_module": STRATEGY.format(name="mine")})
    requiring(folder, "click", line)
    reason = r"requires alkit[<>=]+[\d.]+, .*this is alkit \d[\d.]+; install "
    with pytest.raises(BrokenPlugin, match=f"'mine' of distribution 'alkit-mine' {reason}"):
        registry.get("mine")


def test_a_requirement_that_is_not_met_explains_a_failing_import(
    install: Install, registry: Registry[Any]
) -> None:
    folder = install("alkit-mine", {"mine": "mine_module"}, {"mine_module": "from alkit import Tomorrow"})
    with pytest.raises(BrokenPlugin, match="cannot be imported: ImportError"):
        registry.get("mine")
    requiring(folder, "alkit>=99")
    registry.refresh()
    with pytest.raises(BrokenPlugin, match="requires alkit>=99"):
        registry.get("mine")


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ("alkit", ""),
        ("alkit>=0.0.1", ""),
        ('alkit>=99; extra == "test"', ""),
        ('alkit>=99; python_version < "3"', ""),
        ("alkit >= !", ""),
        ("alkit-tools>=99", ""),
        ("alkit>=99", "alkit_interface = 1"),
    ],
)
def test_a_plugin_for_this_alkit_is_loaded(
    install: Install, registry: Registry[Any], line: str, stated: str
) -> None:
    text = f"{stated}\n{STRATEGY.format(name='mine')}"
    requiring(install("alkit-mine", {"mine": "mine_module"}, {"mine_module": text}), line)
    assert registry.get("mine").name == "mine"


def test_an_extension_for_another_interface_does_not_act(install: Install) -> None:
    text = f"alkit_interface = 2\n{OBSERVER.format(then='pass')}"
    install("alkit-old", {"old": "old_ext"}, {"old_ext": text}, group="alkit.extensions")
    loaded, broken = plugins.extensions()
    assert loaded == []
    assert "extension 'old' of distribution 'alkit-old' was written for interface 2" in broken[0]
