"""`alkit query`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Alkit = Callable[..., Any]
Read = Callable[[Path], list[dict[str, str]]]


def test_it_writes_a_list_and_a_sheet_and_says_what_to_type_next(
    alkit: Alkit, labeled: Path, read_list: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(labeled)
    said = alkit("query", "-n", "4")
    assert said.out.splitlines() == [
        "query 1: 4 images chosen by 'uherding'",
        "list           queries/001.csv",
        "contact sheet  queries/001.png",
        "next           answer in the browser: alkit label --campaign .",
        "               or fill in the column 'label' in 001.csv, then run",
        "               alkit ingest --campaign . queries/001.csv",
    ]
    assert "training on 12 labels" in said.err
    rows = read_list(labeled / "queries" / "001.csv")
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert {row["strategy"] for row in rows} == {"uherding"}
    assert all(float(row["score"]) > 0 for row in rows)  # what each newly covers
    with Image.open(labeled / "queries" / "001.png") as sheet:
        assert sheet.width > 500


def test_the_next_command_works_as_printed(
    alkit: Alkit, campaign: Path, fill_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    monkeypatch.chdir(campaign.parent)
    said = alkit("query", "-c", "camp", "-n", "12")
    fill_in(campaign / "queries" / "001.csv", campaign / "queries" / "001.csv")
    command = said.out.strip().splitlines()[-1].split(None, 1)[1]
    said = alkit(*shlex.split(command))
    assert said.out.startswith("12 answers accepted")
    assert "next           alkit query --campaign camp --budget 12" in said.out


def test_quiet_and_json_leave_standard_output_to_json(alkit: Alkit, labeled: Path) -> None:
    said = alkit("query", "-c", labeled, "-n", "3", "--json")
    assert said.err != ""
    assert said.json["query"] == 1
    assert [pick["rank"] for pick in said.json["picks"]] == [1, 2, 3]
    assert said.json["list"].endswith("queries/001.csv")
    said = alkit("query", "-c", labeled, "-n", "3", "--json", "-q")
    assert said.err == ""
    assert said.json["reused"] is True


def test_an_open_query_is_returned_and_new_withdraws_it(alkit: Alkit, labeled: Path) -> None:
    alkit("query", "-c", labeled, "-n", "3", "-s", "random")
    listed = (labeled / "queries" / "001.csv").read_bytes()
    said = alkit("query", "-c", labeled, "-n", "9")
    assert re.match(r"query 1 is still open: 3 of 3 images by 'random' .*--new", said.out)
    assert (labeled / "queries" / "001.csv").read_bytes() == listed
    assert alkit("query", "-c", labeled, "-n", "2", "-s", "random", "--new").out.startswith(
        "query 2: 2 images"
    )


def test_one_line_makes_the_campaign_and_the_same_line_goes_on(
    alkit: Alkit, alkit_ends: Alkit, here: Path, pictures: Path
) -> None:
    line = ["query", "--pool", pictures, "-n", "4", "-s", "random", "--seed", "5", "-t", "epochs=2"]
    line += ["--model", "small-cnn", "--image-size", "10", "--classes", "blue,red"]
    assert "making a campaign in pics-campaign" in alkit(*line).err
    assert "query 1 is still open" in alkit(*line).out
    for other, flag in (
        (["--seed", "0"], "--seed"),
        (["-t", "epochs=3"], "--task-option"),
        (["--model", "resnet18"], "--model"),
        (["--image-size", "12"], "--image-size"),
        (["--channels", "1"], "--channels"),
        (["--classes", "cat"], "--classes"),
        (["--oracle", "dataset"], "--oracle"),
        (["--test", str(pictures)], "--test"),
    ):
        said = alkit_ends("query", "--pool", pictures, "-n", "4", *other)
        assert said.code == 2
        assert said.error.startswith(f"{flag} is fixed")
        assert "pics-campaign" in said.error


def test_another_pool_in_the_same_directory_is_refused(alkit_ends: Alkit, campaign: Path, here: Path) -> None:
    (here / "other").mkdir()
    said = alkit_ends("query", "-c", campaign, "--pool", "other", "-n", "3")
    assert said.code == 2
    assert "has the pool" in said.error


def test_known_labels_may_come_with_the_query(alkit: Alkit, campaign: Path, here: Path) -> None:
    (here / "known.csv").write_text(
        "image,label\n"
        + "".join(f"{c}/{n:02d}.png,{c}\n" for c in ("red", "blue") for n in range(3))
        + "x,red\n"
    )
    said = alkit("query", "-c", campaign, "--labels", "known.csv", "-n", "3")
    assert "query 1: 3 images chosen by 'uherding'" in said.out
    assert "line 8 of known.csv was left out: 'x' is not an image of this pool" in said.err
    assert alkit("status", "-c", campaign, "--json").json["labeled"] == 6


def test_a_cold_start_says_what_it_does(alkit: Alkit, campaign: Path) -> None:
    said = alkit("query", "-c", campaign, "-n", "6")
    assert "nothing is labeled yet: 'random' chooses 6 images as a seed for 'uherding'" in said.err
    assert "query 1: 6 images chosen by 'random'" in said.out
    assert said.out.rstrip().endswith("--allow-new-classes")


def test_a_cold_start_with_an_oracle_goes_straight_on(alkit: Alkit, here: Path, pictures: Path) -> None:
    words = ["--pool", pictures, "--oracle", "dataset", "-t", "epochs=2", "--seed-strategy", "random"]
    said = alkit("query", *words, "-n", "5", "-s", "entropy", "--seed-size", "10")
    assert "seed set: 10 images chosen by 'random' and labeled by oracle 'dataset'" in said.err
    assert "query 2: 5 images chosen by 'entropy'" in said.out
    assert "alkit ingest --campaign pics-campaign --oracle dataset" in said.out


def test_a_file_that_answers_is_found_from_elsewhere(
    alkit: Alkit, here: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"{color}/{number:02d}.png" for color in ("red", "blue", "green") for number in range(20)]
    (here / "all.csv").write_text("image,label\n" + "".join(f"{key},{key.split('/')[0]}\n" for key in keys))
    words = ["--pool", pictures, "--oracle", "file", "--oracle-option", "path=all.csv", "-t", "epochs=2"]
    assert alkit("query", *words, "-n", "2", "-s", "entropy", "--seed-size", "12").code == 0
    assert "is still open" in alkit("query", *words, "-n", "2").out, "the same again contradicts nothing"
    monkeypatch.chdir(here / "pics-campaign")
    assert alkit("ingest", "--oracle", "file", "--json").json["accepted"] == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("-n 0", 2, "the budget should be at least 1, not 0"),
        ("-n -5", 2, "the budget should be at least 1, not -5"),
        ("-n 49", 2, "a budget of 49 is more than the 48 images left to choose from"),
        ("-n 3 -s entropi", 2, "'entropi' in alkit.strategies; did you mean 'entropy'?"),
        ("-n 3 -s coreset -o colour=red", 2, "'coreset' has no option 'colour'; choose from metric, robust"),
        ("-n 3 -s random -o colour=red", 2, "'random' has no option 'colour'; it has no options"),
        (
            "-n 3 -s learning-loss -o hidden=0",
            2,
            "option 'hidden' of 'learning-loss' should be at least 1, not 0",
        ),
        ("-n 3 -s learning-loss -o loss=best", 2, "should be margin|ranking, not 'best'"),
        ("-n 3 -o nonsense", 2, "'nonsense' should have the form key=value"),
        ("-n 3 --device cuda:99", 2, "there is no device 'cuda:99' here"),
        ("-n 3 --labels nope.csv", 1, "there is no file nope.csv"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    alkit_ends: Alkit,
    labeled: Path,
    here: Path,
    contents: Callable[[Path], dict[str, str]],
    words: str,
    code: int,
    message: str,
) -> None:
    before = contents(labeled)
    said = alkit_ends("query", "-c", labeled, *words.split())
    assert (said.code, said.out) == (code, "")
    assert message in said.error
    assert contents(labeled) == before


def test_a_seed_of_nothing_is_refused(alkit_ends: Alkit, campaign: Path) -> None:
    assert alkit_ends("query", "-c", campaign, "-n", "3", "--seed-size", "0").code == 2


def test_one_class_only_says_what_to_do(alkit: Alkit, alkit_ends: Alkit, campaign: Path, here: Path) -> None:
    (here / "known.csv").write_text("image,label\nred/00.png,red\nred/01.png,red\n")
    alkit("ingest", "-c", campaign, "known.csv", "--allow-new-classes")
    said = alkit_ends("query", "-c", campaign, "-n", "3")
    assert said.code == 1
    assert re.search("all 2 labels are 'red', .*two classes", said.error)
    assert alkit("query", "-c", campaign, "-n", "3", "-s", "random").code == 0


def test_a_loss_that_is_not_finite_says_where(alkit_ends: Alkit, here: Path, pictures: Path) -> None:
    words = ["--pool", pictures, "--oracle", "dataset", "-t", "epochs=2", "-t", "learning-rate=1e30"]
    said = alkit_ends("query", *words, "-n", "5", "-s", "entropy", "--seed-size", "12")
    assert said.code == 1
    assert said.error.startswith("cycle 1: training on 12 labels: the loss became ")
    assert "epoch" in said.error
    assert "lower the learning rate" in said.error


def test_no_campaign_here_says_how_to_make_one(alkit_ends: Alkit, here: Path) -> None:
    for words in (["query", "-n", "3"], ["status"], ["train"], ["update"], ["ingest", "x.csv"]):
        said = alkit_ends(*words)
        assert said.code == 1
        assert re.search("no campaign in this directory; .*--campaign DIR, .*'alkit init DIR", said.error)
    said = alkit_ends("query", "-n", "3", "-c", "nowhere")
    assert (said.code, "there is no campaign in nowhere" in said.error) == (1, True)
    assert list(here.iterdir()) == []


def test_the_same_seed_chooses_alike_in_another_process(alkit: Alkit, labeled: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(labeled, tmp_path / "twin"))
    alkit("query", "-c", labeled, "-n", "8")
    words = [sys.executable, "-m", "alkit", "query", "-c", str(twin), "-n", "8", "-q"]
    # As many threads as here: torch adds up in another order with more.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(words, check=True, capture_output=True, timeout=120, env=environment)
    assert (twin / "queries" / "001.csv").read_bytes() == (labeled / "queries" / "001.csv").read_bytes()


def test_a_companion_and_options_reach_the_strategy(alkit: Alkit, labeled: Path) -> None:
    said = alkit("query", "-c", labeled, "-n", "3", "-s", "learning-loss", "-o", "loss=ranking", "--json")
    assert said.json["options"]["loss"] == "ranking"
    assert "with the companion of 'learning-loss'" in said.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "entropy", "coreset", "learning-loss", "vaal", "ta-vaal"])
def test_every_strategy_makes_a_whole_loop(alkit: Alkit, labeled: Path, name: str) -> None:
    options = ["-o", "iterations=20"] if "vaal" in name else []
    for number in (1, 2):
        said = alkit("query", "-c", labeled, "-n", "5", "-s", name, *options, "--json")
        assert (said.json["query"], said.json["strategy"], len(said.json["picks"])) == (number, name, 5)
        listed = labeled / "answers.csv"
        rows = [f"{pick['index']},{pick['image'].split('/')[0]}" for pick in said.json["picks"]]
        listed.write_text("\n".join(["index,label", *rows]))
        assert alkit("ingest", "-c", labeled, listed, "--json").json["accepted"] == 5


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demonstration(alkit: Alkit, here: Path, read_list: Read) -> None:
    said = alkit("query", "--strategy", "ta-vaal", "--pool", "digits", "--budget", "50")
    assert "list           digits-campaign/queries/002.csv" in said.out
    assert "contact sheet  digits-campaign/queries/002.png" in said.out
    assert "alkit ingest --campaign digits-campaign --oracle dataset" in said.out
    rows = read_list(here / "digits-campaign" / "queries" / "002.csv")
    assert len({row["image"] for row in rows}) == 50
    first = alkit("status", "-c", "digits-campaign", "--json").json
    assert first["labeled"] == 50
    assert first["history"][-1]["metrics"]["accuracy"] > 0.5
    alkit("ingest", "-c", "digits-campaign", "--oracle", "dataset")
    assert alkit("train", "-c", "digits-campaign", "--json").json["metrics"]["accuracy"] > 0.6


def test_the_same_line_again_takes_no_correction_back(alkit: Alkit, here: Path, pictures: Path) -> None:
    (here / "known.csv").write_text("image,label\nblue/00.png,blue\nred/00.png,red\n")
    line = ["query", "--pool", pictures, "--labels", "known.csv", "-n", "3", "-s", "random"]
    alkit(*line)
    (here / "second.csv").write_text("image,label\nblue/00.png,red\n")
    alkit("ingest", "-c", "pics-campaign", "second.csv")
    before = alkit("status", "-c", "pics-campaign", "--json").json["classes"]
    assert before == {"blue": 0, "red": 2}
    alkit(*line)
    assert alkit("status", "-c", "pics-campaign", "--json").json["classes"] == before


def test_a_file_that_cannot_be_read_is_not_said_to_be_written(
    alkit_ends: Alkit, labeled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/elsewhere/a.png")

    monkeypatch.setattr("alkit.campaign.campaign.Campaign.ask", refused)
    said = alkit_ends("query", "-c", labeled, "-n", "3")
    assert said.code == 1
    assert said.error.startswith("cannot read or write '/elsewhere/a.png': Permission denied")


def test_a_control_slice_is_counted_but_not_shown(alkit: Alkit, labeled: Path, read_list: Read) -> None:
    said = alkit("query", "-c", labeled, "-n", "20", "--control", "0.25")
    first = said.out.splitlines()[0]
    assert re.fullmatch("query 1: 20 images chosen by 'uherding', 5 .*at random.* control", first)
    assert {row["score"] for row in read_list(labeled / "queries" / "001.csv")} == {""}
    shown = alkit("query", "-c", labeled, "-n", "20", "--json").json
    assert [pick["control"] for pick in shown["picks"]] == [False] * 15 + [True] * 5


def test_an_oracle_needs_no_control(alkit: Alkit, here: Path, pictures: Path) -> None:
    words = ["query", "--pool", pictures, "--oracle", "dataset", "-t", "epochs=1", "-n", "12", "--json", "-q"]
    assert not any(pick["control"] for pick in alkit(*words).json["picks"])


@pytest.mark.parametrize("share", ["1", "-0.1", "most"])
def test_a_share_that_is_none_is_wrong_usage(alkit_ends: Alkit, labeled: Path, share: str) -> None:
    assert alkit_ends("query", "-c", labeled, "-n", "20", "--control", share).code == 2


def test_a_budget_that_is_not_used_is_said(alkit: Alkit, campaign: Path) -> None:
    alkit("query", "-c", campaign, "-n", "4", "-s", "random")
    same = alkit("query", "-c", campaign, "-n", "4", "--json")
    assert same.json["unused_budget"] is None and "--budget" not in same.err
    other = alkit("query", "-c", campaign, "-n", "7", "--json")
    assert other.json["unused_budget"] == 7 and len(other.json["picks"]) == 4
    assert "--budget 7 is not used: query 1 was made with 4 images" in other.err


def test_a_pool_of_vectors_counts_as_embeddings(here: Path, alkit: Alkit, alkit_ends: Alkit) -> None:
    values = np.random.default_rng(0).random((30, 3)).astype(np.float32)
    np.save("emb.npy", values)
    np.save("preds.npy", values / values.sum(axis=1, keepdims=True))
    query = ("query", "--pool", "emb.npy", "--budget", "3")
    assert alkit(*query, "--campaign", "alone", "--json").json["strategy"] == "typiclust"
    both = (*query, "--predictions", "preds.npy", "--json")
    assert alkit(*both, "--campaign", "both", "--strategy", "badge").json["strategy"] == "badge"
    said = alkit_ends(*query, "--campaign", "none", "--strategy", "margin")
    assert "needs probabilities" in said.err
    assert not Path("none").exists()
    alkit("init", "made", "--pool", "emb.npy")
    assert alkit("status", "--campaign", "made", "--json").json["strategy"]["name"] == "typiclust"


def test_files_that_do_not_fit_leave_no_campaign_behind(
    here: Path, alkit_ends: Alkit, pictures: Path
) -> None:
    np.save("emb.npy", np.ones((7, 3), dtype=np.float32))
    said = alkit_ends("query", "--pool", pictures, "-c", "new", "-n", "3", "--embeddings", "emb.npy")
    assert "names no images and has 7 rows, while the pool has 60 images" in said.error
    assert not Path("new").exists()


def test_options_without_a_strategy_are_those_of_the_campaigns_own(
    alkit: Alkit, alkit_ends: Alkit, pictures: Path, here: Path
) -> None:
    made = alkit("query", "-c", "camp", "--pool", pictures, "-n", "3", "-o", "uncertainty=entropy", "-q")
    assert "uherding uncertainty=entropy" in alkit("status", "-c", "camp").out
    assert made.out.startswith("query 1")
    for command in ("query", "run"):
        words = ("--oracle", "dataset", "--cycles", "1") if command == "run" else ()
        said = alkit_ends(command, "-c", "other", "--pool", pictures, "-n", "3", "-o", "third=1", *words)
        assert said.error.startswith("'uherding' has no option 'third'")
        assert not Path("other").exists()
