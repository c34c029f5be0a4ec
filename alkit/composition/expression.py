"""The notation for strategies made of strategies: `subset(300) > ta-vaal`, `mix(0.8 coreset, 0.2 random)`.

    chain    = step [ ">" step ]...         each step keeps some candidates, the last one chooses from them
    step     = name [ "(" argument [ "," argument ]... ")" ]
    argument = key "=" value                an option
             | number                       how many candidates a step keeps for the next
             | [ number ] chain             a nested strategy with its share

A value or a name with spaces or any of `,()=>` goes in brackets: `channels=[32,64]`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from alkit.errors import InvalidOption, UsageError

THEN = "then"
"""The plugin that `>` stands for; its option `keep` is the number given to the step before the sign."""

_TOKEN = re.compile(r"\s*(?:(?P<sign>[(),>=])|\[(?P<quoted>[^\[\]]*)\]|(?P<word>[^\s(),>=\[\]]+))")
_WORD = re.compile(r"[^\s(),>=\[\]]+")
_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")


@dataclass(frozen=True, slots=True)
class Node:
    """A strategy as it is written.

    Attributes:
        name: name of the plugin, or of a file and a class in it.
        options: options by name, as text.
        nested: the nested strategies, each with its share or None.
        count: number of candidates it keeps for the next step; None in what `read` returns, where `then`
            holds it.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    nested: tuple[tuple[float | None, Node], ...] = ()
    count: int | None = None


def is_composed(text: str) -> bool:
    """Say whether a text is more than a name."""
    return any(sign in text for sign in "(>[")


def read(text: str) -> Node:
    """Read a whole text.

    Raises:
        UsageError: it does not follow the notation; says where.
    """
    share, node = read_part(text)
    if share is not None:
        raise UsageError(
            f"'{text}' has a share before '{write(node)}'; shares are allowed inside 'mix(...)' only"
        )
    return node


def read_part(text: str) -> tuple[float | None, Node]:
    """Read a strategy with an optional share before it.

    Raises:
        UsageError: as `read`.
    """
    reader = _Reader(text)
    part = reader.part()
    if not reader.at_end:
        raise reader.error("expected the end of the strategy")
    return part


def write(node: Node, shown: Callable[[str], str] = str) -> str:
    """Write a strategy in normal form: equal strategies have equal texts.

    Args:
        node: the strategy.
        shown: how to write its name and the names of nested strategies.

    Raises:
        InvalidOption: a value contains brackets.
    """
    if node.name == THEN and len(node.nested) == 2 and set(node.options) == {"keep"}:
        first, second = node.nested[0][1], node.nested[1][1]
        if first.name != THEN:
            step = replace(first, count=int(node.options["keep"]))
            return f"{write(step, shown)} > {write(second, shown)}"
    inside = [] if node.count is None else [str(node.count)]
    inside += [write_part(share, part, shown) for share, part in node.nested]
    inside += [f"{key}={_quoted(value)}" for key, value in node.options.items()]
    name = _quoted(shown(node.name))
    return f"{name}({', '.join(inside)})" if inside else name


def write_part(share: float | None, node: Node, shown: Callable[[str], str] = str) -> str:
    """Write a strategy with its share, with all digits and without an exponent."""
    if share is None:
        return write(node, shown)
    return f"{Decimal(repr(float(share))).normalize():f} {write(node, shown)}"


def _quoted(word: str) -> str:
    if _WORD.fullmatch(word):
        return word
    if "[" in word or "]" in word:
        raise InvalidOption(
            f"'{word}' contains brackets, so it cannot be written inside a strategy; leave them out"
        )
    return f"[{word}]"


class _Reader:
    """Reads a text from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    @property
    def at_end(self) -> bool:
        return not self.text[self.place :].strip()

    def error(self, wanted: str) -> UsageError:
        rest = self.text[self.place :].strip()
        place = f"at '{rest}' (character {self.text.index(rest, self.place) + 1})" if rest else "at its end"
        return UsageError(f"strategy '{self.text}' cannot be read {place}: {wanted}")

    def sign(self, wanted: str) -> bool:
        """Consume a sign if it comes next; say whether it did."""
        found = _TOKEN.match(self.text, self.place)
        if found is None or found["sign"] != wanted:
            return False
        self.place = found.end()
        return True

    def word(self, what: str) -> str:
        found = _TOKEN.match(self.text, self.place)
        if found is None or found["sign"] is not None:
            raise self.error(f"expected {what}")
        self.place = found.end()
        return found["quoted"] if found["word"] is None else found["word"]

    def number(self) -> float | None:
        found = _TOKEN.match(self.text, self.place)
        if found is None or not _NUMBER.fullmatch(found["word"] or ""):
            return None
        value = float(found["word"])
        if not 0 < value < math.inf:
            raise self.error("the number should be above 0")
        self.place = found.end()
        return value

    def part(self) -> tuple[float | None, Node]:
        return self.number(), self.chain()

    def chain(self) -> Node:
        start = self.place
        step = self.step()
        if not self.sign(">"):
            if step.count is not None:
                self.place = start
                hint = ""
                if step.options:
                    name, value = list(step.options.items())[-1]
                    hint = f"; a value with commas goes in brackets, as in {name}=[{value},{step.count}]"
                raise self.error(
                    f"{step.count} is the number of candidates to keep for a strategy after '>', but none "
                    f"follows{hint}"
                )
            return step
        if step.count is None:
            self.place = start
            raise self.error(
                f"'{write(step)}' needs the number of candidates to keep, as in "
                f"{write(replace(step, count=2000))} > ..."
            )
        first = replace(step, count=None)
        return Node(THEN, {"keep": str(step.count)}, ((None, first), (None, self.chain())))

    def step(self) -> Node:
        node = Node(self.word("a strategy's name"))
        if not self.sign("(") or self.sign(")"):
            return node
        while True:
            node = self.argument(node)
            if self.sign(")"):
                return node
            if not self.sign(","):
                raise self.error("expected ',' or ')'")

    def argument(self, node: Node) -> Node:
        start = self.place
        number = self.number()
        if number is not None and self.text[self.place :].lstrip()[:1] in ("", ",", ")", ">"):
            if not number.is_integer() or node.count is not None:
                self.place = start
                raise self.error("expected one whole number, the number of candidates to keep")
            return replace(node, count=int(number))
        named = self.place
        if number is None:
            key = self.word("an option or a strategy")
            if self.sign("="):
                key = key.replace("_", "-")
                if key in node.options:
                    self.place = named
                    raise self.error(f"option '{key}' is given twice")
                return replace(node, options={**node.options, key: self.word("a value")})
            self.place = named
        return replace(node, nested=(*node.nested, (number, self.chain())))
