"""Options: the fields of a dataclass, as the command line, JSON, `repr` and the docs show them."""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

from .errors import BrokenPlugin, InvalidOption

T = TypeVar("T")


def option(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Declare a field with the help text that the command line and the docs show.

    Args:
        default: the default value.
        help: one short phrase, with the unit.
        minimum: the smallest number allowed.
        maximum: the largest number allowed.
    """
    return dataclasses.field(default=default, metadata={"help": help, "minimum": minimum, "maximum": maximum})


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One option of a plugin: its kebab-case name, type, default and help text."""

    name: str
    field: str
    type: Any
    default: Any
    help: str
    minimum: float | None
    maximum: float | None

    @property
    def type_name(self) -> str:
        """The type as a user reads it: `int`, `margin|ranking`."""
        return _type_name(self.type)


def options_of(cls: type) -> list[Option]:
    """List the options that a plugin class declares, in order.

    Raises:
        BrokenPlugin: the type of an option uses a name that its module does not import.
    """
    if not dataclasses.is_dataclass(cls):
        return []
    hints = _hints(cls)
    return [
        Option(
            name=field.name.replace("_", "-"),
            field=field.name,
            type=hints[field.name],
            default=field.default,
            help=field.metadata.get("help", ""),
            minimum=field.metadata.get("minimum"),
            maximum=field.metadata.get("maximum"),
        )
        for field in dataclasses.fields(cls)
        if field.init
    ]


def _hints(cls: type) -> dict[str, Any]:
    """Resolve the types of options only: names of other types may be imported under `TYPE_CHECKING`."""
    wanted = {field.name: field.type for field in dataclasses.fields(cls) if field.init}
    hints: dict[str, Any] = {}
    for owner in cls.__mro__:
        declared = {name: wanted.pop(name) for name in inspect.get_annotations(owner) if name in wanted}
        only = type(owner.__name__, (), {"__annotations__": declared})
        try:
            hints.update(typing.get_type_hints(only, vars(sys.modules[owner.__module__])))
        except NameError as error:
            raise BrokenPlugin(
                f"an option of '{getattr(cls, 'name', cls.__name__)}' has a type that {owner.__module__} "
                f"does not import ({error}); import it outside TYPE_CHECKING"
            ) from error
    return hints


def build(cls: type[T], given: Mapping[str, Any] | None = None) -> T:
    """Make an instance of a plugin from options, given as text or as values.

    `preset` starts from a named set of values (`cls.presets`); options given explicitly override it.

    Raises:
        InvalidOption: an option is unknown or its value does not fit; says which options or values do.
    """
    given = dict(given or {})
    known = {option.name: option for option in options_of(cls)}
    presets: Mapping[str, Mapping[str, Any]] = getattr(cls, "presets", {})
    label = f"'{getattr(cls, 'name', cls.__name__)}'"
    values: dict[str, Any] = {}
    preset = given.pop("preset", None)
    if preset is not None:
        if preset not in presets:
            raise InvalidOption(f"{label} has no preset '{preset}'; {_choices(presets, 'it has no presets')}")
        values.update(_settled(presets[preset], known, label))
    misnamed: Mapping[str, str] = getattr(cls, "misnamed", {})
    for key in given:
        if key not in known and key in misnamed:
            raise InvalidOption(f"{label} has no option '{key}'; {misnamed[key]}")
    values.update(_settled(given, known, label))
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise InvalidOption(f"the options of {label} do not fit: {error}") from error


def _settled(given: Mapping[str, Any], known: Mapping[str, Option], label: str) -> dict[str, Any]:
    """Turn options, spelled with hyphens or underscores, into field values."""
    values: dict[str, Any] = {}
    for key, value in given.items():
        name = key.replace("_", "-")
        if name not in known:
            raise InvalidOption(f"{label} has no option '{key}'; {_choices(known, 'it has no options')}")
        if known[name].field in values:
            raise InvalidOption(f"option '{name}' of {label} is given twice; leave one out")
        values[known[name].field] = _converted(known[name], value, label)
    return values


def values_of(plugin: Any) -> dict[str, Any]:
    """Return the values of a plugin's options for JSON, by kebab-case name."""
    return {option.name: getattr(plugin, option.field) for option in options_of(type(plugin))}


def _choices(names: typing.Iterable[str], none: str) -> str:
    listed = ", ".join(names)
    return f"choose from {listed}" if listed else none


def parse_pairs(pairs: typing.Iterable[str]) -> dict[str, str]:
    """Turn `key=value` pairs into a mapping.

    Raises:
        InvalidOption: a pair has no equals sign, or a key is given twice.
    """
    parsed: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InvalidOption(f"'{pair}' should have the form key=value")
        if key in parsed:
            raise InvalidOption(f"option '{key}' is given twice; leave one out")
        parsed[key] = value
    return parsed


def _converted(option: Option, value: Any, label: str) -> Any:
    try:
        converted = _convert(option.type, value)
    except (TypeError, ValueError):
        raise InvalidOption(
            f"option '{option.name}' of {label} should be {option.type_name}, not '{value}'"
        ) from None
    if isinstance(converted, (int, float)) and not isinstance(converted, bool):
        low, high = option.minimum, option.maximum
        too_low = low is not None and converted < low
        too_high = high is not None and converted > high
        if too_low or too_high or (isinstance(converted, float) and not math.isfinite(converted)):
            bounds = _bounds(low, high)
            raise InvalidOption(f"option '{option.name}' of {label} should be {bounds}, not {value}")
    return converted


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    if low is not None:
        return f"at least {low:g}"
    return "a finite number" if high is None else f"at most {high:g}"


def _convert(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        absent = value is None or (isinstance(value, str) and value.lower() in ("none", "auto", ""))
        if absent and type(None) in arguments:
            return None
        for argument in arguments:
            if argument is not type(None):
                try:
                    return _convert(argument, value)
                except (TypeError, ValueError):
                    continue
        raise ValueError(value)
    if origin is Literal:
        for choice in arguments:
            if str(choice) == str(value):
                return choice
        raise ValueError(value)
    if origin is tuple:
        words = value.split(",") if isinstance(value, str) else list(value)
        return tuple(
            _convert(arguments[0], word.strip() if isinstance(word, str) else word) for word in words
        )
    if hint is bool:
        return _boolean(value)
    if hint in (int, float):
        if isinstance(value, bool):
            raise ValueError(value)
        if hint is int and isinstance(value, float) and not value.is_integer():
            raise ValueError(value)
        try:
            return hint(value)
        except OverflowError:  # a whole number may be too large for a float
            raise ValueError(value) from None
    if hint is str and isinstance(value, str):
        return value
    raise ValueError(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError(value)


def _type_name(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return "|".join("none" if argument is type(None) else _type_name(argument) for argument in arguments)
    if origin is Literal:
        return "|".join(str(choice) for choice in arguments)
    if origin is tuple:
        return f"{_type_name(arguments[0])},..."
    return getattr(hint, "__name__", str(hint))
