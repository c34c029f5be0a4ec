"""Which column of a table says what, by the names that people and programs give to columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alkit.errors import InvalidAnswers

MEANINGS: dict[str, tuple[str, ...]] = {
    "image": (
        *(
            "image",
            "path",
            "file",
            "filename",
            "file_name",
            "filepath",
            "file_path",
            "image_path",
            "image_file",
        ),
        *("image_name", "imagename", "image_filename", "img", "img_path", "img_name", "photo", "picture"),
    ),
    "index": ("index", "alkit_index"),
    "hash": ("hash", "alkit_hash", "sha256"),
    "label": (
        *("label", "class", "class_name", "classname", "label_name", "category", "category_name", "choice"),
        *("target", "answer", "labels", "classes", "species", "tag"),
    ),
    "annotator": ("annotator", "labeler", "labeller", "annotated_by", "user"),
    "time": ("time", "timestamp", "updated_at", "created_at"),
    "cost": ("cost", "lead_time", "seconds"),
}
"""What a column may mean, and the names that mean it, the most certain first."""
SEVERAL = ("classes", "numbers")
"""What several columns may mean together: whether each class applies, or one number each."""
PLUS = "+"
"""Between the names of such columns."""
WEAK = ("image_id", "id", "name", "key", "uri", "url")
"""Columns that name the image if no other does."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The places of the columns.

    Attributes:
        images: all columns that name the image by path or hash, the most certain first.
        single: the place of each other meaning.
        notes: which columns were taken, if they have other names than alkit's own.
        several: the places of the columns that are one label together, by their names.
        meaning: what these columns mean: `classes` or `numbers`; empty if there are none.
    """

    images: Sequence[int] = ()
    single: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    several: Mapping[str, int] = field(default_factory=dict)
    meaning: str = ""

    @property
    def has_labels(self) -> bool:
        """Whether a column, or several together, hold labels."""
        return "label" in self.single or bool(self.several)

    def cell(self, row: Sequence[str], meaning: str) -> str:
        """Return a cell of a row; empty if the table has no such column."""
        place = self.single.get(meaning)
        return row[place] if place is not None and place < len(row) else ""

    @property
    def names_images(self) -> bool:
        """Whether a column says which image a row is about."""
        return bool(self.images) or "index" in self.single or "hash" in self.single


def choose_columns(header: Sequence[str], named: str, given: Mapping[str, str] | None = None) -> Columns:
    """Find the columns of a table by their names, in any case, with spaces or hyphens for underscores.

    Args:
        header: names of the columns.
        named: the file, for messages.
        given: columns by meaning, as the user says; see `MEANINGS`.

    Raises:
        InvalidAnswers: two columns have one name, or there is no column that the user names.
    """
    names = [plain_name(name) for name in header]
    for name in filter(None, names):
        if names.count(name) > 1:
            raise InvalidAnswers(
                f"{named} has {names.count(name)} columns called '{name}'; rename or remove one"
            )
    joined = next((word for word in SEVERAL if word in (given or {})), "")
    names_of_several = [name.strip() for name in (given or {}).get(joined, "").split(PLUS) if name.strip()]
    several = {name: _place(name, header, named) for name in names_of_several}
    places: dict[str, list[int]] = {}
    for meaning, known in MEANINGS.items():
        if meaning in (given or {}):
            places[meaning] = [_place((given or {})[meaning], header, named)]
        else:
            places[meaning] = [names.index(name) for name in known if name in names]
    if not places["image"]:
        places["image"] = [names.index(name) for name in WEAK if name in names][:1]
    if given and "image" in given and "index" not in given:
        places["index"] = []
    if several:
        places["label"] = []
    single = {meaning: found[0] for meaning, found in places.items() if found and meaning != "image"}
    used = {"image": places["image"][:1], "label": places["label"][:1]}
    renamed = [
        f"{meaning} from '{header[found[0]]}'"
        for meaning, found in used.items()
        if found and names[found[0]] != meaning and not (meaning == "image" and names[found[0]] == "path")
    ]
    notes = (
        [f"it has no columns called {' and '.join(used)}: took {' and '.join(renamed)}"] if renamed else []
    )
    return Columns(places["image"], single, notes, several, joined)


def parse_columns(text: str) -> dict[str, str]:
    """Turn `image=FILE,label=SPECIES` into columns by meaning; `classes=cat+dog` names several.

    Raises:
        InvalidAnswers: it is not of that form.
    """
    given: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        meaning, equals, name = pair.partition("=")
        if not equals or meaning.strip() not in (*MEANINGS, *SEVERAL) or not name.strip():
            raise InvalidAnswers(
                f"columns should be like image=FILE,label=SPECIES (also {', '.join([*MEANINGS][1:3])}, "
                f"{', '.join([*MEANINGS][4:])}), not '{text}'"
            )
        given[meaning.strip()] = name.strip()
    return given


def _place(name: str, header: Sequence[str], named: str) -> int:
    for form in (str, plain_name):
        found = [place for place, column in enumerate(header) if form(column) == form(name)]
        if len(found) == 1:
            return found[0]
    raise InvalidAnswers(f"{named} has no column '{name}'; its columns are {', '.join(header) or 'none'}")


def plain_name(name: str) -> str:
    """Return a column's name as names are compared."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")
