"""Classes over time: a label keeps the class that it was given."""

from __future__ import annotations

from alkit.campaign.record.classes import ClassHistory
from alkit.campaign.record.events import (
    ClassesAdded,
    ClassesMerged,
    ClassRenamed,
    ClassRestored,
    ClassRetired,
    Happening,
)


def after(*events: Happening) -> ClassHistory:
    classes = ClassHistory()
    for event in events:
        classes.apply(event)
    return classes


START = ClassesAdded(added=["cat", "dog", "owl"])


def test_a_renamed_class_keeps_its_number() -> None:
    classes = after(START, ClassRenamed(old="dog", new="hound"))
    assert classes.names == ["cat", "hound", "owl"]
    assert classes.former == {"dog": "hound"}
    again = after(START, ClassRenamed(old="dog", new="hound"), ClassRenamed(old="hound", new="dog"))
    assert (again.names, again.former) == (["cat", "dog", "owl"], {"hound": "dog"})


def test_names_that_are_exchanged() -> None:
    classes = after(START)
    cat, dog = classes.slot_of("cat"), classes.slot_of("dog")
    for old, new in (("cat", "x"), ("dog", "cat"), ("x", "dog")):
        classes.apply(ClassRenamed(old=old, new=new))
    assert classes.names == ["dog", "cat", "owl"]
    assert cat is not None and dog is not None
    assert (classes.present(cat), classes.present(dog)) == ("dog", "cat")
    assert classes.former == {"x": "dog"}


def test_merged_classes_count_as_one() -> None:
    classes = after(START)
    slots = dict(zip(classes.names, classes.slots, strict=True))
    classes.apply(ClassesMerged(classes=["cat", "dog"], into="owl"))
    classes.apply(ClassRenamed(old="owl", new="animal"))
    assert classes.names == ["animal"]
    assert {classes.present(slot) for slot in slots.values()} == {"animal"}
    assert classes.former == {"cat": "animal", "dog": "animal", "owl": "animal"}


def test_a_retired_class_can_come_back() -> None:
    classes = after(START)
    dog = classes.slot_of("dog")
    assert dog is not None
    classes.apply(ClassRetired(name="dog"))
    assert (classes.names, classes.retired, classes.present(dog)) == (["cat", "owl"], ["dog"], None)
    assert classes.last_name(dog) == "dog"
    classes.apply(ClassRestored(name="dog"))
    assert (classes.names, classes.retired, classes.present(dog)) == (["cat", "dog", "owl"], [], "dog")


def test_a_new_class_of_a_former_name_is_another_class() -> None:
    classes = after(START, ClassesMerged(classes=["dog"], into="cat"), ClassesAdded(added=["dog"]))
    assert classes.names == ["cat", "owl", "dog"]
    assert classes.former == {}
    assert classes.present(1) == "cat" and classes.slot_of("dog") == 3
