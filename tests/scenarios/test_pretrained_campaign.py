"""A task that pretrains, in a campaign: once, for cycles and predictions, until the pool has other images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import alkit
from alkit.plugin import registry

PLUGIN = Path(__file__).parents[2] / "docs" / "plugins" / "alkit-rotation"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let the example plugin be found as if pip had installed it."""
    site = tmp_path / "site"
    (site / "alkit_rotation-1.0.dist-info").mkdir(parents=True)
    (site / "alkit_rotation-1.0.dist-info" / "METADATA").write_text("Name: alkit-rotation\nVersion: 1.0\n")
    listed = "[alkit.tasks]\nrotation = alkit_rotation\n"
    (site / "alkit_rotation-1.0.dist-info" / "entry_points.txt").write_text(listed)
    shutil.copy(PLUGIN / "alkit_rotation.py", site)
    monkeypatch.syspath_prepend(str(site))
    registry.tasks.refresh()
    yield
    registry.tasks.refresh()


def kept(directory):
    return sorted(path.name for path in (directory / "cache").glob("pretrained-*.pt"))


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_a_campaign_pretrains_once_for_its_images(tmp_path, pictures):
    pool = Path(shutil.copytree(pictures, tmp_path / "pics"))
    made = {
        "classes": sorted(path.name for path in pool.iterdir()),
        "task_options": {"rounds": 1, "width": 2},
    }
    with alkit.create(tmp_path / "c", str(pool), task="rotation", **made) as campaign:
        first = campaign.ask(6, strategy="typiclust")  # by the pretrained embedding, with nothing labeled
        files = kept(tmp_path / "c")
        assert len(first.picks) == 6 and len(files) == 1
        names = {image: image.split("/")[0] for image in campaign.state.keys}
        campaign.tell({image: names[image] for image in list(names)[::7]})
        trained = campaign.train()
        assert campaign.train().reused
        assert len(list(campaign.predict(pool))) == 60
        assert kept(tmp_path / "c") == files
        Image.new("RGB", (12, 12), (9, 8, 7)).save(pool / "red" / "copied.png")
        campaign.update()
        again = campaign.train()
        assert not again.reused and again.trained.fingerprint != trained.trained.fingerprint
        assert again.trained.starting_weights != trained.trained.starting_weights
        assert len(kept(tmp_path / "c")) == 2


def test_a_plain_training_is_not_taken_from_before_an_update(labeled, pictures, tmp_path):
    """New images change the statistics that normalize all; a copy of an image changes nothing."""
    pool = Path(shutil.copytree(pictures, tmp_path / "pics"))
    with alkit.Campaign(labeled) as campaign:
        campaign.update(pool=str(pool))
        first = campaign.train()
        shutil.copy(next(pool.rglob("*.png")), pool / "a-copy.png")
        campaign.update()
        assert campaign.train().reused
        Image.new("RGB", (12, 12), (250, 250, 250)).save(pool / "new.png")
        campaign.update()
        again = campaign.train()
        assert not again.reused and again.trained.fingerprint != first.trained.fingerprint
