"""The labels of a campaign as a mapping that prints in a line and renders in a notebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from alkit.reporting import notebook
from alkit.utils.counts import counted

SHOWN = 12  # classes in a line


class KnownLabels(Mapping[str, str]):
    """The current label of each labeled image, by its key.

    Args:
        labels: by key.
    """

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = dict(labels)

    @property
    def counts(self) -> dict[str, int]:
        """Number of images by label, the most frequent first."""
        return dict(Counter(self._labels.values()).most_common())

    def __getitem__(self, image: str, /) -> str:
        return self._labels[image]

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __repr__(self) -> str:
        counts = self.counts
        named = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:SHOWN])
        more = f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else ""
        return f"<KnownLabels of {counted(len(self), 'image')}: {named or 'none'}{more}>"

    def _repr_html_(self) -> str:
        rows = [(name, f"{count:,}") for name, count in self.counts.items()]
        return notebook.line(f"{counted(len(self), 'labeled image')}") + notebook.table(
            ("label", "images"), rows
        )
