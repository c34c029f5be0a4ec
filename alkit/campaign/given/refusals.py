"""What a strategy asks for that no file brings, in one sentence, before anything is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from alkit.errors import UnsupportedTask

if TYPE_CHECKING:
    from alkit.interfaces.strategy import Strategy
    from alkit.training.types import TaskSpec

FILES: Mapping[str, str] = {"embedding": "--embeddings FILE", "probabilities": "--predictions FILE"}
WORDS: Mapping[str, str] = {
    "embedding": "embeddings",
    "probabilities": "probabilities",
    "features": "mid-level features",
    "loss": "the loss of each image",
    "model": "a network to run",
}


def default_strategy(provides: frozenset[str]) -> str:
    """Return the strategy of a new campaign whose first query is from files, if none is named."""
    if provides >= {"embedding", "probabilities"}:
        return "uherding"
    return "margin" if "probabilities" in provides else "typiclust"


def check_given(strategy: Strategy, provides: frozenset[str]) -> None:
    """Check that files provide what a strategy needs.

    Args:
        strategy: it, with those nested in it.
        provides: what the files bring, in the words of `Strategy.needs`.

    Raises:
        UnsupportedTask: they do not; says which file would, or that none can.
    """
    for part in parts_of(strategy):
        if part.needs or not part.needs_labels:
            continue
        raise UnsupportedTask(
            f"strategy '{part.name}' learns from the pixels of images and uses neither embeddings nor "
            "predictions; leave the files out, or choose another strategy"
        )
    missing = sorted(strategy.needs - provides)
    beyond = [WORDS.get(word, word) for word in missing if word not in FILES]
    if beyond:
        raise UnsupportedTask(
            f"strategy '{strategy.name}' needs {' and '.join(beyond)}, which only a training in alkit "
            "provides; leave the files out, or choose a strategy that needs probabilities or embeddings, "
            "such as margin or typiclust"
        )
    if missing:
        wanted = " and ".join(WORDS[word] for word in missing)
        raise UnsupportedTask(
            f"strategy '{strategy.name}' needs {wanted}; bring them with "
            f"{' and '.join(FILES[word] for word in missing)}, or choose another strategy"
        )


def check_companion(strategy: Strategy, spec: TaskSpec) -> None:
    """Refuse a strategy that trains a module along with the model.

    Raises:
        UnsupportedTask: it does.
    """
    if strategy.companion(spec) is not None:
        raise UnsupportedTask(
            f"strategy '{strategy.name}' trains a module along with the model, which only a training in "
            "alkit does; leave the files out, or choose another strategy"
        )


def begins_with_files(strategy: Strategy) -> bool:
    """Say whether a strategy can choose from files while nothing is labeled.

    Predictions come from a model that has learned from labels already; embeddings alone may need to be
    compared with those of labeled images.
    """
    nested = getattr(strategy, "parts", {}).values()
    if nested:
        return all(begins_with_files(part) for part in nested)
    return not strategy.needs_labels or "probabilities" in strategy.needs


def parts_of(strategy: Strategy) -> Iterator[Strategy]:
    """Yield a strategy and those nested in it, except the combinators themselves."""
    nested = getattr(strategy, "parts", {}).values()
    for part in nested:
        yield from parts_of(part)
    if not nested:
        yield strategy
