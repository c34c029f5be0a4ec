"""Whose fault an error is, and what a plugin returns that its interface does not allow."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import alkit
from alkit.campaign.ingest import read_reply
from alkit.data import FileSource
from alkit.data.preprocessing import read_block
from alkit.data.source import DecodedImage
from alkit.errors import BrokenPlugin, SourceError
from alkit.interfaces import Format
from alkit.plugin import registry, single_file
from alkit.plugin.executors import run_all
from alkit.plugin.faults import blamed, sentence_about
from alkit.plugin.oracles import answers_of, connect
from alkit.plugin.sources import hidden_answers, keys_of, open_source
from alkit.plugin.tasks import build_task, encode, output_of
from alkit.utils.progress import NullProgress

FAILS = """
import alkit


class Mine(alkit.Strategy):
    def select(self, cycle, n):
        return cycle.nothing


"""


class Says(alkit.Oracle):
    name = "says"

    def __init__(self, answers: Any) -> None:
        self.answers = answers

    def label(self, indices: Any) -> Any:
        if isinstance(self.answers, BaseException):
            raise self.answers
        return self.answers


class Lists(FileSource):
    """A text file with a name on each line."""

    name = "lists"
    names: tuple[Any, ...] = ()
    found: Any = None

    def __init__(self, file: Path) -> None:
        super().__init__(str(file), str(file.parent))

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> Any:
        if "broken" in location:
            raise KeyError("bucket")
        return cls(Path(location.removeprefix("lists:")).absolute())

    def keys(self) -> list[str]:
        return list(self.names or Path(self.location.removeprefix("lists:")).read_text().split())

    def read(self, key: str, *, at_least: Any = None) -> Any:
        return self.found if self.found is not None else super().read(key, at_least=at_least)


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    from alkit.plugin import sources
    from alkit.plugin.summary import Claims

    known, own = registry.sources.get, sources.claimed()
    monkeypatch.setattr(registry.sources, "get", lambda name: Lists if name == "lists" else known(name))
    monkeypatch.setattr(sources, "claimed", lambda: own | {"lists": Claims()})


def test_the_plugin_is_named_and_the_place_in_its_code() -> None:
    with pytest.raises(
        BrokenPlugin, match=r"^oracle 'says' failed to answer: KeyError: 'server' \(test_faults.py"
    ):
        answers_of(Says(KeyError("server")), [1])
    with pytest.raises(SourceError, match="away"), blamed(Says({})):
        raise SourceError("the place is away")
    with pytest.raises(BrokenPlugin, match="oracle 'says' failed: SystemExit: 3"), blamed(Says({})):
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (None, "should return a dictionary of alkit.Answer by index from label, not nothing"),
        ([alkit.Answer(value="owl")], "from label, not list"),
        ({4: "owl"}, "image 4: 'owl' is not an Answer"),
        ({4: alkit.Answer("skip")}, "no kind of answer called 'skip', only label, abstain, unusable"),
        ({4: alkit.Answer("label")}, "image 4: label with value None"),
        ({4: alkit.Answer(value="owl", cost=float("nan"))}, "image 4: its cost is nan"),
    ],
)
def test_answers_are_checked(answers: Any, said: str) -> None:
    with pytest.raises(BrokenPlugin, match=f"^oracle 'says' .*{said}"):
        answers_of(Says(answers), [4])


def test_an_oracle_that_cannot_be_connected_is_named(lists: None, tmp_path: Path) -> None:
    class Offline(Says):
        def connect(self, source: Any, keys: Any, seed: int) -> None:
            raise RuntimeError("no route")

    with pytest.raises(BrokenPlugin, match=r"failed to be connected to '.*': RuntimeError: no route"):
        connect(Offline({}), Lists(tmp_path / "all.txt"), [], 0)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ({}, "build does not set self.spec"),
        ({"spec": "mine"}, "build should set self.spec to an alkit.TaskSpec, not str"),
        ({"spec": alkit.TaskSpec("mine", (1, 8, 8), 2, frozenset())}, "build does not set self.network"),
        (
            {"spec": alkit.TaskSpec("mine", (1, 8, 8), 2, frozenset()), "network": [nn.Linear(1, 1)]},
            "build should set self.network to a torch.nn.Module, not list",
        ),
        (
            {"spec": alkit.TaskSpec("mine", (1, 8, 8), 2, ["loss"]), "network": nn.Linear(1, 1)},
            "provides of its spec should be a frozenset of texts, not list",
        ),
    ],
)
def test_what_build_leaves_behind_is_checked(sets: dict[str, Any], said: str) -> None:
    def build(self: Any, *_: Any) -> None:
        vars(self).update(sets)

    abstract = {name: lambda self: None for name in alkit.TaskModel.__abstractmethods__}
    task = type("Mine", (alkit.TaskModel,), {"name": "mine", **abstract, "build": build})()
    with pytest.raises(
        BrokenPlugin, match=f"^task 'mine' is broken: {said} \\(test_faults.py, line \\d+\\)$"
    ):
        build_task(task, (1, 8, 8), (), torch.device("cpu"))


def test_a_source_opened_by_its_name_alone_is_opened_again(lists: None, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "all.txt").write_text("a.png")
    source = open_source(f"lists:{tmp_path / 'all.txt'}")
    assert source.location == f"lists:{tmp_path / 'all.txt'}"
    assert open_source(source.location).keys() == ["a.png"]
    with pytest.raises(
        BrokenPlugin, match="source 'lists' failed to open 'lists:broken': KeyError: 'bucket'"
    ):
        open_source("lists:broken")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((Path("a.png"),), "should return texts from keys, not PosixPath"),
        (("a.png", "b.png", "a.png"), "names the image 'a.png' twice"),
    ],
)
def test_keys_are_distinct_texts(tmp_path: Path, names: Any, said: str) -> None:
    source = Lists(tmp_path / "all.txt")
    source.names = names
    with pytest.raises(BrokenPlugin, match=said):
        keys_of(source)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (np.zeros((4, 4, 3), np.uint8), "should return a DecodedImage from read, not ndarray"),
        (DecodedImage("", 4, 4, np.zeros((4, 4, 3))), r"as uint8, not \(4, 4, 3\) as float64"),
        (DecodedImage("", 4, 4, np.zeros((4, 4), np.uint8)), r"\[H, W, C\] as uint8, not \(4, 4\)"),
    ],
)
def test_what_a_source_reads_is_checked(tmp_path: Path, found: Any, said: str) -> None:
    source = Lists(tmp_path / "all.txt")
    source.found = found
    with pytest.raises(BrokenPlugin, match=f"source 'lists' .*{said}"):
        read_block(source, ["a.png"], (3, 4, 4))


def test_a_format_reads_a_reply(tmp_path: Path) -> None:
    class Bare(Format):
        name = "bare"
        extensions = (".bare",)
        recognizes = write = lambda self, *_: True

        def read(self, path: Path) -> Any:
            return {0: "owl"}

    with pytest.raises(BrokenPlugin, match=r"'bare' should return .*Reply from read, not dict"):
        read_reply(Bare(), tmp_path)


def test_an_error_below_a_plugin_is_not_the_plugins(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAILS)
    mine = single_file.get(f"{tmp_path / 'mine.py'}:Mine")
    with pytest.raises(AttributeError) as raised:
        mine().select(None, 1)
    assert sentence_about(raised.value) == (
        f"code of the file '{tmp_path / 'mine.py'}' failed: AttributeError: "
        "'NoneType' object has no attribute 'nothing' (mine.py, line 7)"
    )
    with pytest.raises(AttributeError) as raised:
        open_source(None)  # type: ignore[arg-type]
    assert sentence_about(raised.value) == ""


def _task(**methods: Any) -> alkit.TaskModel:
    abstract = {name: lambda self: None for name in alkit.TaskModel.__abstractmethods__}
    made: alkit.TaskModel = type("Mine", (alkit.TaskModel,), {"name": "mine", **abstract, **methods})()
    made.spec = alkit.TaskSpec("mine", (1, 8, 8), 2, frozenset({"probabilities"}))
    return made


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([1, 0], "should return a torch.Tensor or an alkit.data.Targets from encode, not list"),
        (torch.tensor(1), r"should return a row for each of 2 labels from encode, not the shape \(\)"),
        (torch.zeros(3), r"should return a row for each of 2 labels from encode, not the shape \(3,\)"),
    ],
)
def test_targets_are_checked(found: Any, said: str) -> None:
    task = _task(encode=lambda self, values: found)
    with pytest.raises(BrokenPlugin, match=rf"^task 'mine' {said} \(test_faults.py, line \d+\)$"):
        encode(task, ["a", "b"])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (torch.zeros(1, 2), "should return an alkit.Output from forward, not Tensor"),
        (
            alkit.Output(torch.zeros(1, 2)),
            "is broken: its spec provides probabilities, and the output of forward has none",
        ),
    ],
)
def test_outputs_have_what_the_task_promises(found: Any, said: str) -> None:
    task = _task(forward=lambda self, images: found)
    batch: Any = SimpleNamespace(images=torch.zeros(1, 1, 8, 8))
    with pytest.raises(BrokenPlugin, match=rf"^task 'mine' {said} \(test_faults.py, line \d+\)$"):
        output_of(task, batch)


class Listed(FileSource):
    """A source whose hidden answers are what it is told."""

    name = "listed"
    found: Any = None

    def keys(self) -> Any:
        return []

    def answers(self) -> Any:
        return self.found


def test_hidden_answers_are_a_dictionary(tmp_path: Path) -> None:
    source = Listed(str(tmp_path), str(tmp_path))
    source.found = {"a.png": "owl"}
    assert hidden_answers(source) == {"a.png": "owl"}
    source.found = ["owl"]
    with pytest.raises(
        BrokenPlugin, match=r"dictionary of texts by key from answers, not list \(test_faults"
    ):
        hidden_answers(source)


class Runs(alkit.Executor):
    name = "runs"

    def run(self, function: Any, jobs: Any, *, say: Any) -> None:
        for job in jobs:
            function(job)
        self.nothing()  # type: ignore[attr-defined]


def test_an_executor_is_blamed_for_its_own_code_and_not_for_the_jobs() -> None:
    def run(function: Any) -> None:
        run_all(Runs(), function, [1], lambda job: False, NullProgress())

    with pytest.raises(
        BrokenPlugin, match=r"^executor 'runs' failed to run jobs: AttributeError: .*\(test_fau"
    ):
        run(print)
    with pytest.raises(TypeError, match="the JSON object must be"):
        run(json.loads)  # whose argument is a number
