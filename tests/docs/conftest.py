"""What the tests of the documentation share: its pages, its fenced blocks, and a place to run them in."""

from __future__ import annotations

import configparser
import csv
import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

from alkit.cli import main
from alkit.data import EncoderInput
from alkit.interfaces import OpenEncoder
from alkit.plugin import registry

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^>]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FILL_IN = re.compile(r"# fill in the column label of (\S+)")
KINDS = ("gull", "owl", "wren")
QUOTED = re.compile(r"""'[^']*'|"[^"$`]*\"""")
SHELL = set("|><&;$*`")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, the comment just above it and its line in the page."""

    language: str
    text: str
    mark: str
    line: int


def project_urls() -> dict[str, str]:
    """Return the addresses of the project, which are listed in setup.cfg."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    lines = setup["metadata"]["project_urls"].strip().splitlines()
    return {name.strip(): url.strip() for name, url in (line.split("=", 1) for line in lines)}


class Documentation:
    """The pages for people: the root's and those under docs, plugins aside."""

    root = ROOT
    repository = project_urls()["Source"]

    def local(self, link: str) -> str | None:
        """Return the path and anchor in the checkout that an address of the repository stands for."""
        raw = self.repository.replace("//github.com/", "//raw.githubusercontent.com/")
        for start in (f"{self.repository}/blob/main/", f"{self.repository}/tree/main/", f"{raw}/main/"):
            if link.startswith(start):
                return link.removeprefix(start)
        return None

    @property
    def pages(self) -> list[Path]:
        plugin_docs = ROOT / "docs" / "plugins"
        pages = [page for page in sorted((ROOT / "docs").rglob("*.md")) if plugin_docs not in page.parents]
        return [*sorted(ROOT.glob("*.md")), *pages]

    @staticmethod
    def blocks(page: Path) -> list[Block]:
        text = page.read_text(encoding="utf-8")
        return [
            Block(
                match["language"], match["text"], match["mark"] or "", text[: match.start()].count("\n") + 1
            )
            for match in FENCE.finditer(text)
        ]


class Reader:
    """Somebody who types what a page says, in a directory with some images."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.page = types.ModuleType("page")
        self.page.__file__ = str(directory / "page.py")
        sys.modules["page"] = self.page  # dataclasses look there

    def run(self, block: Block) -> None:
        if block.mark.startswith("file: "):
            path = self.directory / block.mark.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            exec(compile(block.text, "page", "exec"), vars(self.page))
        elif block.language == "bash":
            for line in block.text.replace("\\\n", " ").splitlines():
                self.type(line.strip())

    def type(self, line: str) -> None:
        if filled := FILL_IN.match(line):
            fill_in(Path(filled[1]))
        if not line or line.startswith("#"):
            return
        words = shlex.split(line.removeprefix("PYTHONPATH=. "))  # the test has put it on the path
        if words[0] == "alkit" and not SHELL & set(QUOTED.sub("", line)):
            before = sys.argv
            sys.argv = words
            try:
                main()
            except SystemExit as end:
                assert not end.code, f"'{line}' ended with exit code {end.code}"
            finally:
                sys.argv = before
        elif words[0] == "cd":
            os.chdir(words[1])
        else:
            here = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", line],
                check=True,
                timeout=120,
                env={**os.environ, "PATH": here},
            )


def fill_in(path: Path) -> None:
    """Label the images of a query as a person would: the picture's number says what is on it."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            number = int(re.sub(r"\D", "", Path(row["image"]).stem))
            writer.writerow({**row, "label": KINDS[number % 3]})


@pytest.fixture(scope="session")
def documentation() -> Documentation:
    return Documentation()


@pytest.fixture
def brief_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave every command as it is, but train for one epoch and two iterations, on the means of an image."""
    classification: Any = registry.tasks.get("classification")
    settled = classification.recipe

    def recipe(self: Any, labeled: int) -> Any:
        return dataclasses.replace(settled(self, labeled), epochs=1)

    monkeypatch.setattr(classification, "recipe", recipe)
    vaal: Any = registry.strategies.get("vaal")
    planned = vaal.plan

    def plan(self: Any, *arguments: Any) -> Any:
        return planned(self, *arguments)._replace(iterations=2, channels=(8, 8))

    monkeypatch.setattr(vaal, "plan", plan)
    means = OpenEncoder(
        network=nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()),
        input=EncoderInput(size=(16, 16), mean=(0.5,) * 3, std=(0.5,) * 3),
        dim=12,
    )
    encoder: Any = registry.encoders.get("efficientnet-lite0")
    monkeypatch.setattr(encoder, "open", lambda self, variant: means)


@pytest.fixture
def reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brief_training: None
) -> Iterator[Callable[[], Reader]]:
    """Yield what makes a reader in a directory with `photos/`, `sorted/`, `test-photos/` and `known.csv`."""

    def make() -> Reader:
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        rng = np.random.default_rng(0)
        known = ["image,label"]
        for number in range(120):
            kind = KINDS[number % 3]
            pixels = rng.integers(0, 90, (16, 16, 3), dtype=np.uint8)
            pixels[..., number % 3] += 150
            picture = Image.fromarray(pixels)
            for path in (f"photos/IMG_{number:04}.jpg", f"sorted/{kind}/{number:04}.jpg"):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                picture.save(path)
            if number % 4 == 0:
                Path(f"test-photos/{kind}").mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels[::-1].copy()).save(f"test-photos/{kind}/{number}.jpg")
            if number < 12:
                known.append(f"IMG_{number:04}.jpg,{kind}")
        Path("known.csv").write_text("\n".join(known) + "\n")
        return Reader(tmp_path)

    before = set(sys.modules)
    yield make
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


Python = Callable[..., str]


@pytest.fixture(scope="session")
def python() -> Python:
    """Run Python with arguments in another process, which sees what is installed in `path`."""

    def run(*arguments: str, cwd: Path, path: Path | None = None) -> str:
        environment = dict(os.environ)
        if path is not None:
            environment["PYTHONPATH"] = os.pathsep.join([str(path), environment.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def install(python: Python, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Install projects, without the network, into a folder of their own, which is returned."""
    pytest.importorskip("setuptools")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")

    def put(*projects: Path) -> Path:
        folder = tmp_path_factory.mktemp("installed")
        copies = [shutil.copytree(project, folder / "from" / project.name) for project in projects]
        target = folder / "site"
        words = ["-m", "pip", "install", "-q", *offline, "--target", str(target), *map(str, copies)]
        python(*words, cwd=folder)
        return target

    return put
