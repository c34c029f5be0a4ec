"""Making a campaign: everything is there, or nothing is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.draft import DRAFT
from alkit.campaign.record.ledger import Ledger
from alkit.errors import AlkitError, CampaignError, InvalidAnswers, InvalidOption, SourceError, UnknownPlugin
from alkit.interfaces.labels import Number
from alkit.plugin.registry import tasks


class Listener:
    """Progress that remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def bar(self, total: int, label: str) -> Any:
        from alkit.utils.progress import NullProgress

        return NullProgress().bar(total, label)


@pytest.fixture
def known(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of labels."""

    def write(*lines: str) -> Path:
        path = tmp_path / "known.csv"
        path.write_text("\n".join(["image,label", *lines]))
        return path

    return write


def test_a_campaign_holds_the_list_of_images_and_what_was_decided(pictures: Path, tmp_path: Path) -> None:
    with create(tmp_path / "a" / "b", str(pictures), seed=3, classes=["red", "red", "blue"]) as made:
        assert len(made.state.records) == 60
        assert made.settings.seed == 3
        assert made.settings.image_shape == (3, 12, 12)
        assert list(made.classes) == ["red", "blue"]
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir() if path.suffix != ".lock") == [
        "cache",
        "campaign.db",
        "campaign.toml",
    ]


def test_the_labels_of_folders_stay_hidden(pictures: Path, tmp_path: Path) -> None:
    with create(tmp_path / "c", str(pictures)) as made:
        assert list(made.classes) == []
        assert len(made.pool.labeled) == 0


def test_known_labels_make_the_classes(pictures: Path, tmp_path: Path, known: Callable[..., Path]) -> None:
    labels = known("red/00.png,warm", "blue/00.png,cold", "blue/01.png,abstain", "blue/02.png,")
    with create(tmp_path / "c", str(pictures), labels=labels) as made:
        assert list(made.classes) == ["cold", "warm"]
        assert made.pool.values == ["cold", "warm"]
        assert made.pool.set_aside["abstained"] == 1


def test_a_class_may_be_called_abstain(pictures: Path, tmp_path: Path, known: Callable[..., Path]) -> None:
    labels = known("red/00.png,abstain", "blue/00.png,cold")
    with create(tmp_path / "c", str(pictures), labels=labels, classes=["abstain", "cold"]) as made:
        assert made.pool.values == ["cold", "abstain"]


def test_the_label_of_an_unusable_image_is_left_out_and_said(
    make_pictures: Callable[..., Path], tmp_path: Path, known: Callable[..., Path]
) -> None:
    pool = make_pictures(tmp_path / "pool", each=2)
    (pool / "red" / "bad.png").write_bytes(b"")
    said = Listener()
    labels = known("red/00.png,red", "red/bad.png,red")
    with create(tmp_path / "c", str(pool), labels=labels, progress=said) as made:
        assert len(made.pool.labeled) == 1
    assert any("line 3 of" in line and "skipped" in line and "empty file" in line for line in said.lines)
    assert any("1 unusable" in line for line in said.lines)


def test_images_to_test_on_bring_their_classes(
    pictures: Path, make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    make_pictures(tmp_path / "test", each=3, colors=("green", "blue"), seed=9)
    shutil.copy(pictures / "red" / "00.png", tmp_path / "test" / "blue" / "leak.png")
    said = Listener()
    with create(tmp_path / "c", str(pictures), test=str(tmp_path / "test"), progress=said) as made:
        assert list(made.classes) == ["blue", "green"]
    assert any("1 test image is an exact copy" in line for line in said.lines)


def test_test_images_without_labels_are_refused(pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures / "red", tmp_path / "test")
    with pytest.raises(SourceError, match="have no labels; put them into a folder for each class"):
        create(tmp_path / "c", str(pictures), test=str(tmp_path / "test"))
    assert not (tmp_path / "c").exists()


def nothing(folder: Path) -> Path:
    folder.mkdir()
    return folder


def broken(folder: Path) -> Path:
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(b"broken" * number)
    return folder


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"pool": "nowhere"}, SourceError, "no folder or file 'nowhere'"),
        ({"pool": nothing}, SourceError, "holds no images"),
        ({"pool": broken}, SourceError, "no image in "),
        ({"strategy": "entopy"}, UnknownPlugin, "did you mean 'entropy'"),
        (
            {"strategy_options": {"k": "1"}},
            InvalidOption,
            "'uherding' has no option 'k'; choose from uncertainty, radius, temperature, subset",
        ),
        ({"task": "clasification"}, UnknownPlugin, "did you mean 'classification'"),
        ({"task_options": {"epochs": "0"}}, InvalidOption, "at least 1"),
        ({"task_options": {"epoch": "3"}}, InvalidOption, "has no option 'epoch'; choose from .*model, "),
        ({"oracle": "datset"}, UnknownPlugin, "did you mean 'dataset'"),
        ({"oracle": "dataset", "oracle_options": {"noise": "2"}}, InvalidOption, "between 0 and 1"),
        ({"device": "tpu9"}, InvalidOption, "no device 'tpu9'"),
        ({"labels": "nowhere.csv"}, InvalidAnswers, "no file"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    pictures: Path, tmp_path: Path, given: dict[str, Any], error: type[AlkitError], message: str
) -> None:
    pool = given.pop("pool", pictures)
    pool = str(pool(tmp_path / "pool")) if callable(pool) else str(pool)
    with pytest.raises(error, match=message):
        create(tmp_path / "a" / "b", pool, **given)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nope.png,red", "line 3 of .*'nope.png' is not an image"),
        ("red/01.png,rde", "did you mean 'red'"),
        ("red/01.png,red,extra", "line 3 .*more cells"),
    ],
)
def test_labels_that_do_not_fit_are_refused_and_leave_nothing(
    pictures: Path, tmp_path: Path, known: Callable[..., Path], line: str, message: str
) -> None:
    labels = known("red/00.png,red", line)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine.txt").touch()
    with pytest.raises(InvalidAnswers, match=message):
        create(tmp_path / "c", str(pictures), labels=labels, classes=["red", "blue"])
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["mine.txt"]


def test_a_campaign_is_never_made_over_another(campaign: Path, pictures: Path) -> None:
    with pytest.raises(CampaignError, match="already holds a campaign"):
        create(campaign, str(pictures))


def test_a_directory_that_is_a_file_is_refused(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CampaignError, match="cannot be written"):
        create(tmp_path / "file" / "c", str(pictures))
    with pytest.raises(CampaignError, match="cannot be written"):
        create(tmp_path / "file", str(pictures))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="needs a directory that even root cannot write to"
)
def test_a_directory_without_permission_is_refused(pictures: Path) -> None:
    with pytest.raises(CampaignError, match="cannot be written"):
        create("/proc/campaign", str(pictures))


def test_an_error_half_way_leaves_nothing(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alkit.data.preprocessing.StoreWriter.append", full)
    with pytest.raises(CampaignError, match="No space left"):
        create(tmp_path / "c", str(pictures))
    assert not (tmp_path / "c").exists()


def test_an_interruption_half_way_leaves_nothing(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("alkit.campaign.record.ledger.Ledger.add_images", stop)
    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "c", str(pictures))
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("moves", [0, 1, 2])
def test_what_was_moved_in_is_taken_back(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int, error: BaseException
) -> None:
    replace, left = Path.replace, [moves]

    def fail(path: Path, target: Path) -> Path:
        if not left[0]:
            raise error
        left[0] -= 1
        return replace(path, target)

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    for directory in (tmp_path / "new", tmp_path / "mine"):
        left[0] = moves
        with monkeypatch.context() as patch, pytest.raises((KeyboardInterrupt, CampaignError)):
            patch.setattr(Path, "replace", fail)
            create(directory, str(pictures))
    assert not (tmp_path / "new").exists()
    assert [path.name for path in (tmp_path / "mine").iterdir() if path.suffix != ".lock"] == ["notes.txt"]


def test_what_a_killed_process_left_does_not_block_the_next(pictures: Path, tmp_path: Path) -> None:
    directory = tmp_path / "c"
    with create(directory, str(pictures)) as made:
        expected = made.ask(5, strategy="random").indices
    (directory / f"{DRAFT}dead" / "cache").mkdir(
        parents=True
    )  # killed while moving in: the settings come last
    (directory / "campaign.toml").rename(directory / f"{DRAFT}dead" / "campaign.toml")
    (directory / "campaign.db-wal").write_bytes(b"of another database")
    with create(directory, str(pictures)) as made:
        assert made.queries == []
        assert made.ask(5, strategy="random").indices == expected
    assert not list(directory.glob(f"{DRAFT}*"))


def test_the_draft_of_a_process_at_work_is_left_alone(pictures: Path, tmp_path: Path) -> None:
    draft = tmp_path / "c" / f"{DRAFT}alive"
    draft.mkdir(parents=True)
    with FileLock(draft / "campaign.lock"):
        create(tmp_path / "c", str(pictures)).close()
        assert draft.exists()


def test_a_folder_called_cache_of_somebody_else_is_left_alone(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "c" / "cache").mkdir(parents=True)
    (tmp_path / "c" / "cache" / "mine").touch()
    create(tmp_path / "c", str(pictures)).close()
    assert (tmp_path / "c" / "cache" / "mine").exists()


def test_two_at_once_make_one(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import alkit.campaign.create as creation

    move_in = creation.move_in

    def overtaken(draft: Path, directory: Path) -> None:
        monkeypatch.setattr(creation, "move_in", move_in)
        create(directory, str(pictures), seed=1).close()
        move_in(draft, directory)

    monkeypatch.setattr(creation, "move_in", overtaken)
    with pytest.raises(CampaignError, match="already holds a campaign"):
        create(tmp_path / "c", str(pictures), seed=2)
    with Campaign(tmp_path / "c") as kept:
        assert kept.settings.seed == 1
    assert not list((tmp_path / "c").glob(f"{DRAFT}*"))


def test_the_pool_may_be_named_from_here(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pictures.parent)
    create(tmp_path / "c", pictures.name).close()
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(tmp_path / "c" / "cache")
    with Campaign("c") as session:
        assert Path(session.settings.pool.location).is_absolute()
        session.ask(2, strategy="random")


def test_images_of_other_sizes_and_one_channel(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    pool.mkdir()
    for number in range(4):
        Image.new("L", (20 + number, 30), number).save(pool / f"{number}.png")
    with create(tmp_path / "c", str(pool), image_size=(10, 14)) as made:
        assert made.settings.image_shape == (1, 10, 14)
    with create(tmp_path / "d", str(pool), image_size=(10, 14), channels=3) as made:
        assert made.settings.image_shape == (3, 10, 14)


def test_digits_answer_themselves_and_have_test_images(tmp_path: Path) -> None:
    with create(tmp_path / "c", "digits") as made:
        assert made.settings.oracle is not None
        assert made.settings.oracle.name == "dataset"
        assert made.settings.test is not None
        assert len(made.classes) == 10
        assert (tmp_path / "c" / "cache" / "test.u8").stat().st_size == 500 * 64


def test_a_ledger_whose_settings_are_gone_is_never_replaced(labeled: Path, pictures: Path) -> None:
    (labeled / "campaign.toml").unlink()
    before = (labeled / "campaign.db").read_bytes()
    with pytest.raises(CampaignError, match=r"campaign\.toml is missing; restore it from a backup"):
        create(labeled, str(pictures))
    assert (labeled / "campaign.db").read_bytes() == before
    with pytest.raises(CampaignError, match=r"campaign\.toml is missing but campaign\.db exists"):
        Campaign(labeled)


def test_a_ledger_without_events_may_be_replaced(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    Ledger(tmp_path / "c" / "campaign.db", create=True).close()
    with create(tmp_path / "c", str(pictures)) as made:
        assert made.pool.size == 60


def test_a_file_that_cannot_be_read_is_not_said_to_be_written(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/elsewhere/a.png")

    monkeypatch.setattr("alkit.campaign.create.scan", refused)
    with pytest.raises(CampaignError, match=r"^/elsewhere/a\.png cannot be read: Permission denied$"):
        create(tmp_path / "c", str(pictures))


def test_test_images_without_content_are_no_copies(
    make_pictures: Callable[..., Path], tmp_path: Path
) -> None:
    ear = Listener()
    pool, test = make_pictures(tmp_path / "pool", seed=1), make_pictures(tmp_path / "test", seed=2)
    for folder in (pool, test):
        (folder / "red" / "none.png").touch()
    create(tmp_path / "c", str(pool), test=str(test), progress=ear).close()
    assert "test set: 61 images" in ear.lines
    assert not [line for line in ear.lines if "exact copies of pool images" in line]


def test_test_labels_that_are_none_of_the_task_are_refused(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.get("classification"), "labels", Number)
    with pytest.raises(
        SourceError, match=r"do not fit task 'classification': label 'blue' of 'blue/00\.png'"
    ):
        create(tmp_path / "c", str(pictures), test=str(pictures))


@pytest.mark.parametrize(
    ("side", "mode", "options", "proposed"),
    [
        (200, "RGB", {}, True),
        (80, "RGB", {}, True),
        (32, "RGB", {}, False),
        (200, "L", {}, False),
        (200, "RGB", {"task_options": {"model": "small-cnn"}}, False),
        (200, "RGB", {"image_size": (32, 32)}, False),
    ],
)
def test_an_installed_encoder_is_proposed_for_photos(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    side: int,
    mode: str,
    options: dict[str, Any],
    proposed: bool,
) -> None:
    monkeypatch.setattr("alkit.campaign.create.installed_encoder", lambda: "some-encoder")
    pool = tmp_path / "pool"
    pool.mkdir()
    for number in range(3):
        Image.new(mode, (side, side), number).save(pool / f"{number}.png")
    with create(tmp_path / "c", str(pool), **options) as made:
        assert made.overview.get("proposed_encoder") == ("some-encoder" if proposed else None)
        notes = [note for note in made.overview["notes"] if "--encoder some-encoder" in note]
        assert len(notes) == proposed


def test_a_campaign_keeps_whether_its_labels_depend_on_the_task() -> None:
    from alkit.plugin.registry import tasks

    plain = {plugin.name: tasks.get(plugin.name).has_plain_labels() for plugin in tasks}
    assert plain["classification"]
    assert plain["encoded"]
    assert not plain["segmentation"]  # an option says which pixels have no label


@pytest.mark.parametrize("executor", ["local", pytest.param("processes", marks=pytest.mark.slow)])
def test_images_that_an_executor_reads_make_the_same_campaign(
    executor: str, campaign: Path, pictures: Path, tmp_path: Path, alkit: Callable[..., Any]
) -> None:
    pool = Path(shutil.copytree(pictures, tmp_path / "pics"))
    (pool / "red" / "broken.png").write_bytes(b"no image")
    shutil.copy(pool / "red" / "00.png", pool / "red" / "copy.png")
    made = [tmp_path / name for name in ("here", "elsewhere")]
    alkit("init", made[0], "--pool", pool)
    said = alkit("init", made[1], "--pool", pool, "--executor", executor)
    assert f"1 block of up to 64 images to read for '{executor}'" in said.err
    for name in ("cache/pool.u8", "cache/pool.u8.crc"):
        assert (made[0] / name).read_bytes() == (made[1] / name).read_bytes()
    records = []
    for directory in made:
        with Campaign(directory) as opened:
            records.append(list(opened.state.records))
    assert records[0] == records[1]
    assert len(records[0]) == 62
    assert [path.name for path in (made[1] / "cache").iterdir()] == [
        path.name for path in (made[0] / "cache").iterdir()
    ]


def test_the_default_strategy_suits_the_situation(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = f"file:{Path(__file__).parents[2] / 'plugins' / 'encoders' / 'means.py'}:make"
    encoded = {"task": "encoded", "task_options": {"encoder": encoder}}
    with create(tmp_path / "plain", str(pictures)) as made:
        assert (made.settings.strategy.name, made.settings.strategy.options) == ("uherding", {})
    with create(tmp_path / "sets", str(pictures), task="multi-label", classes=("red", "blue")) as made:
        assert made.settings.strategy.name == "badge"
    with create(tmp_path / "numbers", str(pictures), task="regression") as made:
        assert made.settings.strategy.name == "coreset"
    with create(tmp_path / "encoded", str(pictures), **encoded) as made:
        assert (made.settings.strategy.name, made.settings.strategy.options) == ("uherding", {})
    with create(tmp_path / "named", str(pictures), strategy="margin", **encoded) as made:
        assert made.settings.strategy.name == "margin"
    monkeypatch.setattr("alkit.campaign.create.MOST_COMPARED", 59)
    with create(tmp_path / "large", str(pictures), **encoded) as made:
        assert (made.settings.strategy.name, made.settings.strategy.options) == ("uherding", {"subset": 59})
