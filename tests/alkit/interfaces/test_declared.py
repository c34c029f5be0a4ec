"""Attributes of plugins' classes that have other types than the interface declares."""

import pytest

import alkit
import alkit.testing
from alkit.interfaces import Format
from alkit.interfaces.declared import fault_of
from alkit.plugin import registry


def _made(base: type, **attributes: object) -> type:
    abstract = {name: lambda self: None for name in getattr(base, "__abstractmethods__", ())}
    return type("Mine", (base,), {"name": "mine", **abstract, **attributes})


@pytest.mark.parametrize(
    ("base", "attributes", "said"),
    [
        (alkit.Strategy, {"needs": "probabilities"}, "needs of Mine should be a set of texts, not 'prob"),
        (alkit.Strategy, {"needs": ["probabilities"]}, "needs of Mine should be a set of texts, not "),
        (alkit.Strategy, {"needs": frozenset({1})}, "needs of Mine should be a set of texts"),
        (alkit.Strategy, {"needs_labels": "no"}, "needs_labels of Mine should be True or False, not 'no'"),
        (alkit.Strategy, {"name": 3}, "name of Mine should be a text, not 3"),
        (
            alkit.TaskModel,
            {"labels": "number"},
            "labels of Mine should be a subclass of Labels, not 'number'",
        ),
        (alkit.TaskModel, {"metrics": ("accuracy",)}, "metrics of Mine should be a tuple of Metric records"),
        (Format, {"extensions": ".txt"}, "extensions of Mine should be a tuple of texts, not '.txt'"),
        (Format, {}, "Mine has no extensions; write extensions = "),
        (alkit.Strategy, {}, ""),
        (alkit.Strategy, {"needs": {"probabilities"}}, ""),
        (alkit.TaskModel, {"metrics": [alkit.Metric("accuracy")]}, ""),
    ],
)
def test_attributes_have_the_declared_types(base: type, attributes: dict[str, object], said: str) -> None:
    found = fault_of(_made(base, **attributes), base)
    assert found.startswith(said) and bool(found) == bool(said)


def test_a_class_without_a_name_is_told_which_line_to_write() -> None:
    class FarFromMean(alkit.Strategy):
        def select(self, cycle, n):
            return cycle.candidates[:n]

    assert fault_of(FarFromMean, alkit.Strategy) == (
        'FarFromMean has no name; write name = "far-from-mean" in the class'
    )
    assert fault_of(alkit.ScoreStrategy, alkit.Strategy) == "ScoreStrategy does not define score"
    assert fault_of(int, alkit.Strategy) == "int is not a subclass of alkit.Strategy"


def test_the_checks_of_a_plugin_begin_with_its_class() -> None:
    with pytest.raises(alkit.errors.BrokenPlugin, match="needs of Mine should be a set of texts"):
        alkit.testing.check_strategy(_made(alkit.Strategy, needs="probabilities"))
    with pytest.raises(alkit.errors.BrokenPlugin, match="metrics of Mine should be a tuple"):
        alkit.testing.check_task(_made(alkit.TaskModel, metrics="accuracy"))


def test_every_kind_of_plugin_declares_a_name() -> None:
    for known in registry.KINDS.values():
        assert "name of Mine should be a text" in fault_of(
            _made(known.base, name=3, extensions=()), known.base
        )
