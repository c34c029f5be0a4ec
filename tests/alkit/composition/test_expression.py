"""The notation for strategies made of strategies: what it means, how it is written, where it is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alkit.composition.expression import THEN, Node, is_composed, read, read_part, write
from alkit.errors import InvalidOption, UsageError

WORDS = st.from_regex(r"[a-z][a-z0-9.:/_-]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="ascii", exclude_characters="[]\t\n\r\x0b\x0c"), max_size=8)
COUNTS = st.integers(1, 10**6)


def nodes(inside: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    shares = st.none() | st.floats(0, exclude_min=True, allow_nan=False, allow_infinity=False)
    parts = st.lists(st.tuples(shares, inside), max_size=3).map(tuple)
    calls = st.builds(Node, WORDS, st.dictionaries(WORDS.map(lambda w: w.replace("_", "-")), VALUES), parts)
    chains = st.builds(
        lambda first, second, keep: Node(THEN, {"keep": str(keep)}, ((None, first), (None, second))),
        inside,
        inside,
        COUNTS,
    )
    return calls | chains


@given(st.recursive(st.builds(Node, WORDS), nodes, max_leaves=6))
def test_what_is_written_is_read_back(node: Node) -> None:
    assert read(write(node)) == node


def test_a_sign_keeps_some_for_the_next() -> None:
    node = read("subset(30, by=cover) > entropy(20)>coreset")
    nested = Node(THEN, {"keep": "20"}, ((None, Node("entropy")), (None, Node("coreset"))))
    assert node == Node(THEN, {"keep": "30"}, ((None, Node("subset", {"by": "cover"})), (None, nested)))
    assert write(node) == "subset(30, by=cover) > entropy(20) > coreset"


def test_shares_options_and_brackets() -> None:
    node = read("mix(.8 ta-vaal( channels=[32,64] , vae_steps=2), 2 [my file.py:A], random())")
    assert node.nested == (
        (0.8, Node("ta-vaal", {"channels": "32,64", "vae-steps": "2"})),
        (2.0, Node("my file.py:A")),
        (None, Node("random")),
    )
    assert write(node) == "mix(0.8 ta-vaal(channels=[32,64], vae-steps=2), 2 [my file.py:A], random)"
    assert read_part("0.5 a(3) > b")[0] == 0.5


def test_shares_are_written_in_all_their_digits() -> None:
    shares = (1e6, 1 / 3, 0.00001, 2.0, 12345678.9)
    written = write(Node("mix", nested=tuple((share, Node("a")) for share in shares)))
    assert written == "mix(1000000 a, 0.3333333333333333 a, 0.00001 a, 2 a, 12345678.9 a)"


def test_a_chain_before_a_sign_is_written_as_a_call() -> None:
    text = "then(a(5) > b, c, keep=3)"
    assert write(read(text)) == text


def test_a_name_alone_is_no_composition() -> None:
    assert not is_composed("ta-vaal")
    assert not is_composed("./my file.py:Mine")
    assert is_composed("ta-vaal()")
    assert is_composed("a(1)>b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a(3 > b", r"at '> b' \(character 5\): .*',' or '\)'"),
        ("a(3", r"at its end: .*',' or '\)'"),
        ("a > b", r"at 'a > b' \(character 1\): 'a' .*number .*as in a\(2000\) > \.\.\."),
        ("a(b) > c", r"at 'a\(b\) > c' \(character 1\): 'a\(b\)' .*number .*as in a\(2000, b\) > \.\.\."),
        ("a(x=1,2)", r"at 'a\(x=1,2\)' .*: 2 .*; a value with commas goes in brackets, as in x=\[1,2\]"),
        ("mix(b, a(30))", r"at 'a\(30\)\)' \(character 8\): 30 .*after '>'"),
        ("a(3) >", "at its end: .*a strategy's name"),
        ("a(2.5) > b", r"at '2\.5\) > b' \(character 3\): .*one whole number"),
        ("a(2, 3) > b", r"at '3\) > b' \(character 6\): .*one whole number"),
        ("mix(0 a)", r"at '0 a\)' \(character 5\): the number should be above 0"),
        ("a(x=)", r"at '\)' \(character 5\): .*a value"),
        ("a(x=1, x=2)", r"at 'x=2\)' \(character 8\): option 'x' is given twice"),
        ("a(x=1 2)", r"at '2\)' \(character 7\): .*',' or '\)'"),
        ("a() b", r"at 'b' \(character 5\): .*end of the strategy"),
        ("(a)", r"at '\(a\)' \(character 1\): .*a strategy's name"),
        ("a(x=[1)", r"at '\[1\)' \(character 5\): .*a value"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^strategy '{re.escape(text)}' cannot be read {said}"):
        read(text)


def test_a_share_outside_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'0\.5 a\(\)' has a share before 'a'; .*'mix\("):
        read("0.5 a()")


def test_a_value_with_brackets_cannot_be_written() -> None:
    with pytest.raises(InvalidOption, match=r"'\[1' contains brackets"):
        write(Node("a", {"x": "[1"}))
