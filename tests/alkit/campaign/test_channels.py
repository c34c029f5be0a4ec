"""Campaigns on images of any channels and types, from the first query to the label page and the export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

import alkit
from alkit.campaign.export import labeled_export
from alkit.campaign.groups.vectors import Known
from alkit.campaign.report.write import write_report
from alkit.data import ArraySource, Source
from alkit.errors import InvalidOption, UnsupportedTask
from alkit.label_app.alike import Alike, compare
from alkit.label_app.images import picture
from alkit.plugin import registry

KINDS = {
    "six-8": (6, np.uint8, "uint8"),
    "six-16": (6, np.uint16, "uint16"),
    "two-float": (2, np.float32, "float32"),
    "four-signed": (4, np.int16, "float32"),
    "grey-16": (1, np.uint16, "uint16"),
}


def pool(folder: Path, channels: int, dtype: type) -> Path:
    """Write two folders of arrays, one of bright images."""
    rng = np.random.default_rng(0)
    for name, offset in (("bright", 120), ("dark", 0)):
        (folder / name).mkdir(parents=True)
        for index in range(8):
            values = offset + 100 * rng.random((12, 10, channels))
            np.save(folder / name / f"{index}.npy", values.astype(dtype) - (50 if dtype == np.int16 else 0))
    return folder


@pytest.fixture(params=KINDS)
def campaign(request: pytest.FixtureRequest, tmp_path: Path) -> alkit.Campaign:
    channels, dtype, kind = KINDS[request.param]
    made = alkit.create(
        tmp_path / "c",
        str(pool(tmp_path / "photos", channels, dtype)),
        oracle="dataset",
        strategy="entropy",
        task_options={"epochs": "2", "model": "tiny-cnn"},
    )
    assert made.settings.image_shape == (channels, 12, 10)
    assert made.settings.pool.pixel_type == kind
    return made


def test_two_queries_a_repeat_and_all_that_people_see(campaign: alkit.Campaign, tmp_path: Path) -> None:
    kind = campaign.settings.pool.pixel_type
    query = campaign.ask(6)  # the oracle has labeled a seed, and a model is trained
    stored = campaign.resources.images(campaign.state).take(np.arange(16)).numpy()
    for record in campaign.state.records:
        original = np.load(tmp_path / "photos" / record.key)
        assert np.array_equal(stored[record.index], original.transpose(2, 0, 1))
    sheet = campaign.directory / "queries" / f"{query.number:03d}.png"
    sheet.unlink()
    again = alkit.Campaign(tmp_path / "c")
    assert again.ask(6).picks == query.picks
    with Image.open(sheet) as seen:
        assert seen.width > 100
    shown = picture(again.source, again.state.records[0])
    assert shown.mimetype == "image/png"
    indices = [pick.index for pick in query.picks]
    known = Known(again.directory / "cache", again.settings.image_shape, kind)
    alike = compare(known, indices, again.pool.usable)
    assert sorted(alike.order) == sorted(indices)
    assert Alike(known, 16).known
    export = labeled_export(again)
    assert {export.content(item)[1:4] for item in export.items} == {b"PNG"}
    write_report(again, tmp_path / "report.html")
    assert "data:image/jpeg" in (tmp_path / "report.html").read_text()


def test_no_encoder_and_no_exported_model(campaign: alkit.Campaign, tmp_path: Path) -> None:
    campaign.ask(6)
    with pytest.raises(UnsupportedTask, match="only models of 8-bit grey or color images"):
        campaign.export_model(tmp_path / "model")
    found = campaign.predict(str(tmp_path / "photos"))
    assert len(found) == 16


def test_an_encoder_refuses_other_channels(tmp_path: Path) -> None:
    place = str(pool(tmp_path / "photos", 6, np.uint8))
    means = Path(__file__).parents[2] / "plugins" / "encoders" / "means.py"
    with pytest.raises(InvalidOption, match="takes images of 1 or 3 channels, and these have 6"):
        alkit.create(tmp_path / "c", place, task="encoded", task_options={"encoder": f"file:{means}:make"})


def test_eight_bits_on_request(tmp_path: Path) -> None:
    place = str(pool(tmp_path / "photos", 1, np.uint16))
    campaign = alkit.create(tmp_path / "c", place, pixel_type="uint8")
    assert campaign.settings.pool.pixel_type == "uint8"
    assert campaign.resources.images(campaign.state).pixel_type == "uint8"
    assert "pixel_type" not in (tmp_path / "c" / "campaign.toml").read_text()


class Broken(ArraySource):
    """Images that cannot be shown, as somebody's own source may have them."""

    name: ClassVar[str] = "broken-pictures"
    schemes = ("broken-pictures",)

    @classmethod
    def open(cls, location: str, *, root: str | None = None, download: bool = False) -> Source:
        values = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 5)).astype(np.uint8)
        return cls(location, values, list("ab") * 6, ("a", "b"))

    def picture(self, key: str):
        raise ZeroDivisionError("no picture")


def test_a_query_outlives_a_picture_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alkit.campaign.record.settings.open_source", lambda place, **_: Broken.open(place))
    monkeypatch.setattr("alkit.campaign.create.open_source", lambda place, **_: Broken.open(place))
    said: list[str] = []
    campaign = alkit.create(tmp_path / "c", "broken-pictures:x")
    monkeypatch.setattr(campaign.progress, "line", said.append, raising=False)
    query = campaign.ask(3, strategy="random")
    assert alkit.Campaign(tmp_path / "c").ask(3, strategy="random").picks == query.picks
    assert "broken-pictures" not in [plugin.name for plugin in registry.sources]


def test_test_images_of_other_channels_are_refused_or_announced(
    tmp_path: Path, pictures: Path, make_pictures: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    six, two = (pool(tmp_path / name, count, np.uint8) for name, count in (("six", 6), ("two", 2)))
    with pytest.raises(InvalidOption, match="have 2 channels, but the model sees 6"):
        alkit.create(tmp_path / "a", str(six), test=str(two))
    assert not (tmp_path / "a").exists()
    grey = make_pictures(tmp_path / "grey", each=2)
    for path in grey.glob("*/*.png"):
        Image.open(path).convert("L").save(path)
    alkit.create(tmp_path / "b", str(pictures), test=str(grey), progress=True).close()
    assert "the test images are grey, but the model sees color" in capsys.readouterr().err
