"""Options: what text becomes, what is refused and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest

from alkit.errors import BrokenPlugin, InvalidOption
from alkit.options import build, option, options_of, parse_pairs, values_of

if TYPE_CHECKING:
    from nowhere import Unknown


@dataclass(kw_only=True)
class Base:
    name: ClassVar[str]

    hidden: Unknown = field(init=False, repr=False, compare=False)


@dataclass(kw_only=True)
class Sample(Base):
    name: ClassVar[str] = "sample"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"detach-after": "0.5", "steps": 7},
        "quick": {"steps": 1},
    }

    steps: int = option(3, "how many", minimum=1, maximum=10)
    detach_after: float = option(0.6, "share of the epochs", minimum=0)
    ceiling: float = option(1.0, "bounded above only", maximum=2)
    free: float = option(0.0, "bounded nowhere")
    loss: Literal["margin", "ranking"] = option("margin", "which")
    level: Literal[1, 2] = option(1, "which number")
    rounds: int | None = option(None, "auto by size", minimum=1)
    file: str | None = option(None, "a path")
    augment: bool | None = option(None, "auto by kind")
    flag: bool = option(False, "on or off")
    layers: tuple[str, ...] = option((), "names")
    widths: tuple[int, ...] | None = option(None, "numbers")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("steps", "5", 5),
        ("steps", 5, 5),
        ("steps", 5.0, 5),
        ("detach-after", "0.25", 0.25),
        ("detach_after", "1", 1.0),
        ("detach-after", 1, 1.0),
        ("free", "-1e3", -1000.0),
        ("loss", "ranking", "ranking"),
        ("level", "2", 2),
        ("rounds", "4", 4),
        ("rounds", "auto", None),
        ("rounds", "none", None),
        ("rounds", "", None),
        ("rounds", None, None),
        ("file", "a/b", "a/b"),
        ("file", "None", None),
        ("augment", "auto", None),
        ("augment", "off", False),
        ("flag", "true", True),
        ("flag", "Yes", True),
        ("flag", "1", True),
        ("flag", "0", False),
        ("flag", "no", False),
        ("flag", True, True),
        ("layers", "a, b.c", ("a", "b.c")),
        ("layers", ["a"], ("a",)),
        ("widths", "1,2", (1, 2)),
        ("widths", "auto", None),
    ],
)
def test_text_and_values_become_what_the_field_declares(key: str, text: Any, value: Any) -> None:
    result = getattr(build(Sample, {key: text}), key.replace("-", "_"))
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("steps", "many", "should be int, not 'many'"),
        ("steps", "2.5", "should be int"),
        ("steps", 2.5, "should be int"),
        ("steps", True, "should be int"),
        ("steps", None, "should be int"),
        ("steps", "auto", "should be int"),
        ("steps", [1], "should be int"),
        ("steps", "0", "should be between 1 and 10, not 0"),
        ("steps", "11", "should be between 1 and 10"),
        ("steps", "9" * 400, "should be between 1 and 10"),
        ("detach-after", "-1", "should be at least 0"),
        ("detach-after", "nan", "should be at least 0"),
        ("detach-after", "inf", "should be at least 0"),
        ("ceiling", "3", "should be at most 2, not 3"),
        ("free", "nan", "should be a finite number"),
        ("free", "-inf", "should be a finite number"),
        ("free", 10**400, "should be float"),
        ("loss", "square", "should be margin|ranking, not 'square'"),
        ("rounds", "0", "should be at least 1"),
        ("rounds", "few", "should be int|none"),
        ("flag", "perhaps", "should be bool"),
        ("file", 3, "should be str|none"),
        ("layers", 3, "should be str,..."),
        ("widths", "1,x", "should be int,...|none"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(key: str, text: Any, words: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        build(Sample, {key: text})
    assert words in str(caught.value)
    assert f"option '{key}' of 'sample'" in str(caught.value)


def test_an_unknown_option_lists_what_there_is() -> None:
    with pytest.raises(
        InvalidOption, match="'sample' has no option 'step'; choose from steps, detach-after, ceil"
    ):
        build(Sample, {"step": 1})


def test_an_option_given_in_two_spellings_is_refused() -> None:
    with pytest.raises(InvalidOption, match="option 'detach-after' of 'sample' is given twice"):
        build(Sample, {"detach-after": 1, "detach_after": 2})


def test_a_preset_is_a_start_over_which_what_is_given_wins() -> None:
    assert build(Sample, {"preset": "paper"}) == Sample(detach_after=0.5, steps=7)
    assert build(Sample, {"preset": "paper", "steps": "2"}) == Sample(detach_after=0.5, steps=2)
    with pytest.raises(InvalidOption, match="no preset 'fast'; choose from paper, quick"):
        build(Sample, {"preset": "fast"})


def test_only_a_class_variable_called_presets_makes_presets() -> None:
    with pytest.raises(InvalidOption, match="no preset 'x'; it has no presets"):
        build(Plain, {"preset": "x"})


@dataclass(kw_only=True)
class Plain:
    size: int = option(2, "pixels")

    def __post_init__(self) -> None:
        if self.size % 2:
            raise ValueError("size must be even")


def test_nothing_given_means_the_defaults() -> None:
    assert build(Plain) == Plain(size=2)


def test_a_constructor_may_refuse_a_combination() -> None:
    with pytest.raises(InvalidOption, match="the options of 'Plain' do not fit: size must be even"):
        build(Plain, {"size": 3})


def test_listing_tells_name_type_default_and_sentence_in_order() -> None:
    listed = options_of(Sample)
    assert [o.name for o in listed][:3] == ["steps", "detach-after", "ceiling"]
    assert (listed[1].field, listed[1].default, listed[1].help) == (
        "detach_after",
        0.6,
        "share of the epochs",
    )
    types = {o.name: o.type_name for o in listed}
    assert types["loss"] == "margin|ranking"
    assert types["rounds"] == "int|none"
    assert types["layers"] == "str,..."


def test_fields_that_the_constructor_does_not_take_are_no_options() -> None:
    assert "hidden" not in {o.name for o in options_of(Sample)}


@dataclass(kw_only=True)
class Broken:
    name: ClassVar[str] = "broken"
    value: Unknown = option(None, "of a type that is imported for type checkers only")


def test_an_option_of_an_unknown_type_blames_the_module() -> None:
    with pytest.raises(BrokenPlugin, match=r"option of 'broken' has a type that .* does not import"):
        options_of(Broken)


@dataclass(kw_only=True)
class Narrower(Sample):
    steps: Literal[1, 2] = option(2, "fewer")  # type: ignore[assignment]


def test_a_subclass_may_declare_an_option_anew() -> None:
    assert {o.name: o.type_name for o in options_of(Narrower)}["steps"] == "1|2"
    with pytest.raises(InvalidOption):
        build(Narrower, {"steps": 5})


def test_the_values_in_force_build_the_same_again() -> None:
    plugin = build(Sample, {"steps": "4", "layers": "a,b", "augment": "no"})
    values = values_of(plugin)
    assert values["steps"] == 4
    assert values["layers"] == ("a", "b")
    assert build(Sample, values) == plugin


def test_pairs() -> None:
    assert parse_pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("word", ["a", "=1", ""])
def test_a_word_that_is_no_pair_is_refused(word: str) -> None:
    with pytest.raises(InvalidOption, match=f"'{word}' should have the form key=value"):
        parse_pairs([word])


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(InvalidOption, match="option 'a' is given twice"):
        parse_pairs(["a=1", "a=2"])
