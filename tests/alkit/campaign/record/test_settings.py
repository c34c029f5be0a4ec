"""`campaign.toml`: written once, read back the same, and refused in one sentence when it is not its own."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from alkit.campaign.record.settings import Settings, SourceChoice, read_settings
from alkit.errors import CampaignError, InvalidOption, UnknownPlugin
from alkit.plugin.choice import PluginChoice, choice_of
from alkit.plugin.registry import tasks

SETTINGS = Settings(
    seed=5,
    pool=SourceChoice('/pics "of" b\\irds', None),
    image_shape=(3, 12, 16),
    task=PluginChoice("classification", {"epochs": 2, "taps": ("a", "b"), "weights": None}, "alkit", "1"),
    strategy=PluginChoice("entropy", {}, "alkit", "1"),
    oracle=PluginChoice("dataset", {"noise": 0.5}, "alkit", "1"),
    test=SourceChoice("cifar10", "/data"),
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.toml"
    path.write_text(SETTINGS.to_toml("0.1"))
    return path


def test_what_is_written_is_what_is_read(written: Path) -> None:
    read = read_settings(written)
    assert (read.seed, read.pool, read.image_shape) == (5, SETTINGS.pool, (3, 12, 16))
    assert read.task.options == {"epochs": 2, "taps": ["a", "b"]}, (
        "what is left to the default is not written"
    )
    assert (read.strategy, read.oracle, read.test) == (SETTINGS.strategy, SETTINGS.oracle, SETTINGS.test)


def test_oracle_and_test_images_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text(dataclasses.replace(SETTINGS, oracle=None, test=None).to_toml("0.1"))
    assert (read_settings(path).oracle, read_settings(path).test) == (None, None)


def test_no_campaign_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"no campaign in .* 'alkit init"):
        read_settings(tmp_path / "campaign.toml")


def test_a_newer_format_asks_for_an_upgrade(written: Path) -> None:
    written.write_text(written.read_text().replace("format = 1", "format = 2\nnew = true"))
    with pytest.raises(CampaignError, match=r"newer alkit \(0\.1, format 2\)"):
        read_settings(written)


@pytest.mark.parametrize(
    "damage",
    [
        ("seed = 5", ""),
        ("seed = 5", 'seed = "five"'),
        ("format = 1", ""),
        ("format = 1", 'format = "x"'),
        ("[pool]", "[puddle]"),
        ("image_shape", "image_shap"),
        ('name = "entropy"', 'nam = "entropy"'),
        ("[strategy]", "[strateg"),
        ("[strategy]", "\x00"),
        ("seed = 5", "seed = 5.5"),
        ("seed = 5", "seed = true"),
        ("seed = 5", "seed = " + "9" * 5000),
        ("seed = 5", "seed = 5\nthreads = 0"),
        ("seed = 5", 'seed = 5\nthreads = "all"'),
        ('root = "/data"', "root = 7"),
        ("epochs = 2", "epochs = 2\n[oracle.options.deeper]\n[[oracle.options.deeper.x]]\n[task.name]"),
        ("    12,", "    0,"),
        ("    12,", "    -12,"),
        ("    12,", "    99999999,"),
        ("    3,", "    0,"),
        ("    3,", "    2000,"),
        ("location = ", 'pixel_type = "int7"\nlocation = '),
        ('name = "entropy"', "name = 3"),
        ('version = "1"', "version = []"),
        ("format = 1", "format = 1\na = " + "[" * 5000 + "]" * 5000),
    ],
)
def test_damage_is_one_sentence_that_names_the_file(written: Path, damage: tuple[str, str]) -> None:
    assert damage[0] in written.read_text()
    written.write_text(written.read_text().replace(*damage, 1))
    with pytest.raises(CampaignError, match=r"campaign\.toml") as caught:
        read_settings(written)
    assert "\n" not in str(caught.value)


def test_a_pipe_in_its_place_is_damage(written: Path) -> None:
    written.unlink()
    os.mkfifo(written)
    with pytest.raises(CampaignError, match=r"campaign\.toml cannot be read: not a file but a pipe"):
        read_settings(written)


def test_the_number_of_threads_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text(dataclasses.replace(SETTINGS, threads=3).to_toml("0.1"))
    assert read_settings(path).threads == 3


def test_a_table_that_is_a_number_is_damage(written: Path) -> None:
    written.write_text("format = 1\nseed = 1\npool = 3\n")
    with pytest.raises(CampaignError, match="changed since alkit wrote it"):
        read_settings(written)


def test_bytes_that_are_no_text_are_damage(written: Path) -> None:
    written.write_bytes(b"\xff\xfe\x00" * 40)
    with pytest.raises(CampaignError, match="cannot be read"):
        read_settings(written)


def test_a_choice_keeps_what_was_given_and_where_it_came_from() -> None:
    choice = choice_of(tasks, "classification", {"batch_size": "8", "warm-start": "yes"})
    assert choice.options == {"batch-size": 8, "warm-start": True}
    assert choice.distribution == "alkit"
    assert choice.version


def test_a_choice_is_checked() -> None:
    with pytest.raises(UnknownPlugin, match="did you mean 'classification'"):
        choice_of(tasks, "clasification", {})
    with pytest.raises(InvalidOption, match="at least 1"):
        choice_of(tasks, "classification", {"epochs": 0})
