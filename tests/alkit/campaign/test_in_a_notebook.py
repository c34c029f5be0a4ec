"""What a campaign and its results look like in a notebook: a line of text, and HTML with escaped text."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alkit import Campaign, create
from alkit.errors import UsageError

BOLD = "<b>dark"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """A campaign of 24 images with hostile names, 8 of them labeled, trained, with a query open."""
    folder = tmp_path_factory.mktemp("in-a-notebook")
    rng = np.random.default_rng(0)
    classes = [BOLD, "light"]
    for place in ("pool", *(f"test/{name}" for name in classes)):
        (folder / place).mkdir(parents=True)
    for number in range(24):
        pixels = rng.integers(0, 90, (8, 8, 3), dtype=np.uint8) + np.uint8(150 * (number % 2))
        Image.fromarray(pixels).save(folder / "pool" / f"<i>{number:02d}.png")
        Image.fromarray(pixels).save(folder / "test" / classes[number % 2] / f"{number:02d}.png")
    test = str(folder / "test")
    with create(
        folder / "c", str(folder / "pool"), classes=classes, test=test, task_options={"epochs": 1}
    ) as made:
        query = made.ask(8)
        made.tell({image: classes[int(image[3:5]) % 2] for image in query.images})
        made.train()
        made.ask(10, strategy="margin", control=0.5)
        yield made


def html(result: Any) -> str:
    text: str = result._repr_html_()
    assert "<b>" not in text and "<i>" not in text, "text is not escaped"
    return text


def test_a_query_has_a_length_and_yields_its_picks(shown: Campaign) -> None:
    query = shown.queries[-1]
    assert len(query) == 10
    assert [pick.image for pick in query] == query.images


def test_a_line_says_what_matters(shown: Campaign) -> None:
    trained = shown.history()[-1]
    accuracy = trained.metrics["accuracy"]
    assert repr(shown).endswith("8 of 24 images labeled, query 2 waits for 10 answers>")
    assert repr(shown.queries[0]) == "<Query 1: 8 images chosen by random, all answered>"
    assert repr(shown.open_query) == "<Query 2: 10 images chosen by margin, 10 unanswered>"
    assert repr(trained).startswith(f"<CycleRecord of cycle 1: 8 labels, accuracy {accuracy:.3f}, ")
    assert repr(shown.curve()) == f"<LearningCurve: test accuracy {accuracy:.3f} at 8 labels>"
    assert re.fullmatch(r"<KnownLabels of 8 images: \S+ \d, \S+ \d>", repr(shown.labels()))
    report = shown.tell({"<i>00.png": "nonsense", "unknown.png": "light"}, dry_run=True)
    assert repr(report) == "<IngestReport: 0 accepted, 2 rejected; 10 still open>"
    assert "&#x27;nonsense&#x27;" in html(report)


def test_a_query_shows_its_contact_sheet(shown: Campaign) -> None:
    query = shown.open_query
    assert query is not None and query.sheet == shown.sheet_path(query)
    (encoded,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html(query))
    assert base64.b64decode(encoded) == query.sheet.read_bytes()
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).format == "PNG"


def test_without_a_contact_sheet_a_query_shows_what_people_see_in_the_list(shown: Campaign) -> None:
    query = shown.open_query
    assert query is not None and query.sheet is not None
    sheet = query.sheet.read_bytes()
    query.sheet.unlink()
    try:
        text = html(query)
    finally:
        query.sheet.write_bytes(sheet)
    assert re.findall(r"&lt;i&gt;(\d\d\.png)", text) == [pick.image[3:] for pick in query.shown]
    assert not any(str(pick.score) in text for pick in query.picks if pick.score is not None), "it is blind"


def test_labels_are_what_tell_takes(shown: Campaign) -> None:
    labels = shown.labels()
    assert sorted(labels) == sorted(shown.queries[0].images)
    assert shown.tell(labels).unchanged == len(labels) == 8
    assert "&lt;b&gt;dark" in html(labels)
    assert sum(labels.counts.values()) == 8


def test_the_campaign_shows_its_classes(shown: Campaign) -> None:
    text = html(shown)
    for name, count in shown.labels().counts.items():
        assert f"<td>{count}</td>" in text, name


def test_the_curve_is_a_table_and_a_drawing(shown: Campaign) -> None:
    pytest.importorskip("matplotlib")
    curve = shown.curve()
    ((labels, accuracy),) = curve
    assert f"<td>{labels}</td><td>{accuracy:.3f}</td>" in html(curve)
    assert html(curve).startswith("<svg")
    assert curve[:1].points == curve.points and curve[-1] == (labels, accuracy)


def test_the_curve_is_a_table_without_matplotlib(shown: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert html(shown.curve()).startswith("<table>")
    with pytest.raises(UsageError, match=r"alkit\[report\]"):
        shown.curve().plot()


def test_the_curve_is_drawn_on_axes_of_the_caller(shown: Campaign) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.add_subplot()
    assert shown.curve().plot(axes) is axes
    (line,) = [line for line in axes.get_lines() if list(line.get_xdata()) == [8]]
    assert list(line.get_ydata()) == [shown.curve()[0][1]]


def test_no_curve_says_what_it_needs(tmp_path: Path, pictures: Path) -> None:
    with create(tmp_path / "c", str(pictures)) as made:
        assert repr(made.curve()) == "<LearningCurve: no points>"
        assert "it needs a test set" in html(made.curve())
        with pytest.raises(UsageError, match="it needs a test set"):
            made.curve().plot()


def test_without_test_images_the_curve_is_that_of_the_control(tmp_path: Path, pictures: Path) -> None:
    with create(tmp_path / "c", str(pictures), task_options={"epochs": 1}) as made:
        made.tell({image: image.partition("/")[0] for image in made.ask(6).images}, allow_new_classes=True)
        query = made.ask(10, strategy="margin", control=0.5)
        made.tell({image: image.partition("/")[0] for image in query.images}, allow_new_classes=True)
        curve = made.curve()
        assert curve.name == "control accuracy"
        (point,) = curve.points
        assert point.labels == 6
        assert point.share is not None and point.share.of == 5


def test_predictions_show_the_first_images(shown: Campaign) -> None:
    text = html(shown.predict(shown.settings.pool.location))
    assert text.count("<tr>") == 11
    assert "and 14 more" in text


def test_progress_in_a_log_is_sentences_without_carriage_returns(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with create(tmp_path / "c", str(pictures), task_options={"epochs": 1}, progress=True) as made:
        made.tell({image: image.partition("/")[0] for image in made.ask(6).images}, allow_new_classes=True)
        made.train()
    out, err = capsys.readouterr()
    assert out == ""
    assert "pool: 60 images as 12 x 12, color; 0 unusable, 0 exact copies\n" in err
    assert "\r" not in err
