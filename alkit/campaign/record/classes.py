"""Classes over time: added, renamed, merged, retired; a label keeps the class that it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alkit.interfaces.labels.class_set import UNKNOWN

from .events import ClassesAdded, ClassesMerged, ClassRenamed, ClassRestored, ClassRetired, Happening

CLASS_EVENTS = (ClassesAdded, ClassRenamed, ClassesMerged, ClassRetired, ClassRestored)
"""Kinds of events that change the classes."""

Meant = tuple[str, "int | None"]
"""The mark before a name in a label (`?` if nothing is known of the class), and the slot of the class."""


def is_box(part: Any) -> bool:
    """Say whether a part of a label is a box with a class."""
    return isinstance(part, dict) and isinstance(part.get("class"), str)


class ClassHistory:
    """The classes of a campaign, as its events tell them.

    Every class that is added gets a slot for good. Its name may change, it may be merged into another slot,
    and it may be retired. So a name can be looked up as it was meant at any time.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._merged: dict[int, int] = {}
        self._active: list[int] = []
        self._former: dict[str, int] = {}
        self._by_name: dict[object, int] = {}

    def apply(self, event: Happening) -> None:
        """Take an event into account; one of another kind changes nothing."""
        self._change(event)
        self._by_name = {self._names[slot]: slot for slot in self._active}

    def _change(self, event: Happening) -> None:
        if isinstance(event, ClassesAdded):
            for name in event.added:
                self._active.append(len(self._names))
                self._names.append(name)
        elif isinstance(event, ClassRenamed):
            slot = self.slot_of(event.old)
            if slot is not None:
                self._former[event.old] = slot
                self._names[slot] = event.new
        elif isinstance(event, ClassesMerged):
            self._merge(
                [slot for name in event.classes if (slot := self.slot_of(name)) is not None], event.into
            )
        elif isinstance(event, ClassRetired):
            self._active = [slot for slot in self._active if self._names[slot] != event.name]
        elif isinstance(event, ClassRestored):
            self._active = sorted({*self._active, *self._retired(event.name)})

    def _merge(self, slots: Sequence[int], into: str) -> None:
        target = self.slot_of(into)
        for slot in slots:
            if target is not None and slot != target:
                self._merged[slot] = target
                self._active.remove(slot)
                self._former[self._names[slot]] = target

    def _retired(self, name: str) -> list[int]:
        """Return the slot that was retired last under a name, in a list, or nothing."""
        gone = [slot for slot in range(len(self._names)) if slot not in (*self._active, *self._merged)]
        return [slot for slot in gone if self._names[slot] == name][-1:]

    @property
    def names(self) -> list[str]:
        """The classes now, in the order of their numbers."""
        return [self._names[slot] for slot in self._active]

    @property
    def by_slot(self) -> Sequence[str | None]:
        """The present name of every slot; None of a retired class."""
        return tuple(self.present(slot) for slot in range(len(self._names)))

    @property
    def retired(self) -> list[str]:
        """The classes that are retired, by the names that they had last."""
        gone = [slot for slot in range(len(self._names)) if slot not in (*self._active, *self._merged)]
        return [self._names[slot] for slot in gone]

    @property
    def former(self) -> Mapping[str, str]:
        """The class that is meant by a name that no class has any more, by that name."""
        meant = {name: self.present(slot) for name, slot in self._former.items() if name not in self.names}
        return {name: present for name, present in meant.items() if present is not None}

    @property
    def slots(self) -> Sequence[int]:
        """The slots of the classes now, in the order of their numbers."""
        return tuple(self._active)

    def slot_of(self, name: object) -> int | None:
        """Return the slot of a class by the name that it has now."""
        return self._by_name.get(name) if isinstance(name, str) else None

    def meant_by(self, value: Any) -> tuple[Meant, ...] | None:
        """Return the slots of a label: a class, or a list of classes or boxes; None if it is neither."""
        if isinstance(value, list) and value and all(is_box(part) for part in value):
            value = [box["class"] for box in value]
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            found = [self._meant(name) for name in value]
            return None if None in found else tuple(one for one in found if one is not None)
        slot = self.slot_of(value)
        return None if slot is None else (("", slot),)

    def _meant(self, name: str) -> Meant | None:
        """Return the slot of a name in a list, which may be marked as unknown."""
        slot = self.slot_of(name)
        if slot is not None:
            return "", slot
        if name == UNKNOWN:
            return UNKNOWN, None
        slot = self.slot_of(name.removeprefix(UNKNOWN))
        return None if slot is None or not name.startswith(UNKNOWN) else (UNKNOWN, slot)

    def now(self, value: Any, meant: Sequence[Meant]) -> Any:
        """Return a label with the names that its classes have now, without those that are retired.

        None if nothing of it is left; sets of classes and lists of boxes may become empty.
        """
        names = [self.shown(one) for one in meant]
        if not isinstance(value, list):
            return names[0] if names else None
        if value and is_box(value[0]):
            pairs = zip(value, names, strict=True)
            return [{**box, "class": name} for box, name in pairs if name is not None]
        return sorted({name for name in names if name is not None})

    def shown(self, meant: Meant) -> str | None:
        """Return how the classes now say what was meant; None if the class is retired."""
        mark, slot = meant
        name = "" if slot is None else self.present(slot)
        return None if name is None else f"{mark}{name}"

    def present(self, slot: int) -> str | None:
        """Return the name that a slot has now, after all mergers; None if it is retired."""
        while slot in self._merged:
            slot = self._merged[slot]
        name = self._names[slot]
        return name if self._by_name.get(name) == slot else None

    def last_name(self, slot: int) -> str:
        """Return the name that a slot has now, or had when it was retired."""
        while slot in self._merged:
            slot = self._merged[slot]
        return self._names[slot]
