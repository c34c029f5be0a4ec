"""The factory: from the text that names a strategy to the strategy, and back to where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from alkit.errors import BrokenPlugin, InvalidOption, UsageError
from alkit.interfaces import declared
from alkit.interfaces.strategy import Strategy
from alkit.options import build, options_of, values_of
from alkit.plugin import registry, single_file
from alkit.plugin.choice import PluginChoice, settled_options
from alkit.plugin.registry import Plugin
from alkit.utils.counts import counted

from . import expression
from .expression import Node
from .fields import parts_of, places_of, takes_many


def make_strategy(text: str, options: Mapping[str, Any] | None = None) -> Strategy:
    """Make the strategy that a text names.

    Args:
        text: a name from `alkit strategies`, `FILE.py:CLASS` (runs the code in the file), or a composition
            of such names, see `alkit.composition.expression`.
        options: options of a single strategy; a composition has them in its text.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such strategy, or it does not work.
        InvalidOption: an option does not fit the strategy.
        UsageError: the text does not follow the notation; says where.
    """
    if not expression.is_composed(text):
        return build(class_of(text), options)
    if options:
        raise InvalidOption(
            f"options of '{text}' belong inside its parentheses, as in coreset(metric=cosine)"
        )
    return _made(expression.read(text))


def find(name: str) -> Plugin:
    """Return where the strategy with this name comes from, without importing it.

    Raises:
        UnknownPlugin, AmbiguousPlugin: there is no such strategy, or several.
    """
    return single_file.find(name) if single_file.names_a_file(name) else registry.strategies.find(name)


def class_of(name: str) -> type[Strategy]:
    """Import the strategy with this name.

    Raises:
        UnknownPlugin, AmbiguousPlugin, BrokenPlugin: there is no such strategy, or it does not work.
    """
    return single_file.get(name) if single_file.names_a_file(name) else registry.strategies.get(name)


def plugin_of(strategy: Strategy) -> Plugin | None:
    """Return the plugin or file that a strategy comes from; None for a class that was passed directly.

    For a composition this is the combinator's plugin; see `origins` for the nested strategies.
    """
    return single_file.owner(type(strategy)) or registry.strategies.owner(type(strategy))


def origins(strategy: Strategy) -> dict[str, Any]:
    """Return name, distribution and version of the strategies nested at any depth, by place."""
    found: dict[str, Any] = {}
    for place, inside in parts_of(strategy).items():
        plugin = plugin_of(inside)
        found[place] = {
            "strategy": inside.name,
            "distribution": plugin and plugin.distribution,
            "version": plugin and plugin.version,
        }
        found |= {f"{place}.{deeper}": origin for deeper, origin in origins(inside).items()}
    return found


def origin_of(strategy: Strategy) -> dict[str, Any]:
    """Return distribution and version, and those of nested strategies as `parts`, for the record."""
    plugin, parts = plugin_of(strategy), origins(strategy)
    own = {"distribution": plugin and plugin.distribution, "version": plugin and plugin.version}
    return own | ({"parts": parts} if parts else {})


def same_code(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two records name the same distributions and files, regardless of versions."""
    return _code(one, "distribution") == _code(other, "distribution")


def changed_files(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare two records of the same code, and return the strategy files that have changed."""
    files, was, is_ = _code(now, "distribution"), _code(before, "version"), _code(now, "version")
    return sorted(
        {
            str(files[place])
            for place in files
            if str(files[place]).endswith(".py") and was[place] != is_[place]
        }
    )


def _code(record: Mapping[str, Any], what: str) -> dict[str, Any]:
    inside = {place: part[what] for place, part in record.get("parts", {}).items()}
    return {"": record.get(what), **inside}


def effective_options(strategy: Strategy) -> dict[str, Any]:
    """Return the values of a strategy's options for JSON; options of nested strategies as `place.option`."""
    values = values_of(strategy)
    for place, inside in parts_of(strategy).items():
        values |= {f"{place}.{key}": value for key, value in effective_options(inside).items()}
    return values


class ResolvedStrategy(NamedTuple):
    """A strategy, the plugin or file that it comes from (None: neither), and what is recorded of it."""

    strategy: Strategy
    plugin: Plugin | None
    choice: PluginChoice


def resolve(
    strategy: str | Strategy | type[Strategy] | ResolvedStrategy, options: Mapping[str, Any] | None = None
) -> ResolvedStrategy:
    """Make a strategy from its text, unless it is made already, and return what is recorded of it.

    Args:
        strategy: its text, see `make_strategy`, or the strategy itself, or its class.
        options: options of a single strategy; a composition has them in its text.

    Raises:
        as `make_strategy`.
    """
    if isinstance(strategy, ResolvedStrategy):
        return strategy
    if isinstance(strategy, type):
        if fault := declared.fault_of(strategy, Strategy):
            raise BrokenPlugin(fault)
        strategy = build(strategy, options)
    elif options and not isinstance(strategy, str):
        raise UsageError(f"strategy '{strategy.name}' is made already; set its options where it is made")
    made = make_strategy(strategy, options) if isinstance(strategy, str) else strategy
    plugin = plugin_of(made)
    origin = ("", "") if plugin is None else (plugin.distribution, plugin.version)
    if places_of(type(made)):
        return ResolvedStrategy(made, plugin, PluginChoice(expression.write(written_as(made)), {}, *origin))
    if not isinstance(strategy, str):
        options = _changed_options(made)
    elif expression.is_composed(strategy):
        options = expression.read(strategy).options
    choice = PluginChoice(_name_of(made), settled_options(made, options or {}), *origin)
    return ResolvedStrategy(made, plugin, choice)


def _changed_options(strategy: Strategy) -> dict[str, Any]:
    return {
        option.name: value
        for option in options_of(type(strategy))
        if (value := getattr(strategy, option.field)) != option.default
    }


def composed(text: str) -> tuple[float | None, Strategy, Node]:
    """Make a nested strategy from its text; return its share, the strategy, and its normal form.

    Raises:
        as `make_strategy`.
    """
    share, node = expression.read_part(text)
    strategy = _made(node)
    return share, strategy, _tidy(node, strategy)


def written_as(strategy: Strategy) -> Node:
    """Return the normal form of a composition: its nested strategies, and options unlike the default."""
    cls = type(strategy)
    own = {place.name for place in places_of(cls)}
    inside: list[tuple[float | None, Node]] = []
    for place in places_of(cls):
        given = getattr(strategy, place.name)
        inside += [expression.read_part(text) for text in (given if takes_many(place) else (given,))]
    options = {
        option.name: _text(getattr(strategy, option.field))
        for option in options_of(cls)
        if option.field not in own
        and (cls.name == expression.THEN or getattr(strategy, option.field) != option.default)
    }
    return Node(_name_of(strategy), options, tuple(inside))


def shown_name(name: str) -> str:
    """Return a strategy's name as users see it."""
    return single_file.shown(name) if single_file.names_a_file(name) else name


def text_of(strategy: Strategy, shown: Callable[[str], str] = shown_name) -> str:
    """Return a strategy in the notation: texts differ if the strategies do, also in options only.

    Args:
        strategy: of a plugin or a file.
        shown: how to write names; `str` gives a text that makes the strategy again.
    """
    if places_of(type(strategy)):
        return expression.write(written_as(strategy), shown)
    options = {name: _text(value) for name, value in _changed_options(strategy).items()}
    return expression.write(Node(_name_of(strategy), options), shown)


def _made(node: Node) -> Strategy:
    cls = class_of(node.name)
    return build(cls, {**node.options, **_placed(node, cls)})


def _placed(node: Node, cls: type[Strategy]) -> dict[str, Any]:
    """Assign the nested strategies to the fields that hold them, in order."""
    if not node.nested:
        return {}
    parts = [expression.write_part(share, part) for share, part in node.nested]
    if not places_of(cls):
        raise UsageError(
            f"'{node.name}' takes options only, so '{parts[0]}' cannot be nested in it; leave it out"
        )
    values: dict[str, Any] = {}
    for place in places_of(cls):
        if parts:
            taken, parts = (tuple(parts), []) if takes_many(place) else (parts[0], parts[1:])
            if place.name.replace("_", "-") in node.options:
                raise UsageError(
                    f"'{place.name}' of '{node.name}' is given twice, by name and by position; leave one out"
                )
            values[place.name] = taken
    if parts:
        count = counted(len(values), "nested strategy", "nested strategies")
        raise UsageError(f"'{node.name}' takes only {count}, so '{parts[0]}' is too many; leave it out")
    return values


def _tidy(node: Node, strategy: Strategy) -> Node:
    """Return the normal form of a strategy: absolute paths of files, and its options in order."""
    if places_of(type(strategy)):
        return written_as(strategy)
    preset = {key: value for key, value in node.options.items() if key == "preset"}
    given = {
        option.name: _text(getattr(strategy, option.field))
        for option in options_of(type(strategy))
        if option.name in node.options and (preset or getattr(strategy, option.field) != option.default)
    }
    return Node(_name_of(strategy), preset | given)


def _name_of(strategy: Strategy) -> str:
    """Return a name that finds a strategy's class again; it has the distribution if two share the name."""
    plugin = plugin_of(strategy)
    if plugin is None:
        return strategy.name
    if plugin.group == single_file.GROUP:
        return plugin.entry_point.value
    shared = sum(other.name == plugin.name for other in registry.strategies) > 1
    return f"{plugin.distribution}:{plugin.name}" if shared else plugin.name


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
