"""A real Label Studio: pushed, annotated by two people, pulled.

It runs where a Label Studio is installed: `label-studio` on the path, or named by ALKIT_LABEL_STUDIO; its SDK
has to be importable here. With ALKIT_RECORD set to a file, the export is kept there for the other tests.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EXECUTABLE = os.environ.get("ALKIT_LABEL_STUDIO") or shutil.which("label-studio")
TOKEN = "0123456789abcdef" * 2 + "01234567"  # of the server that the test starts
PATIENCE = 300  # seconds for an answer of the server: its first ones take long on a busy machine
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        EXECUTABLE is None, reason="no Label Studio: set ALKIT_LABEL_STUDIO=/path/to/label-studio"
    ),
    pytest.mark.filterwarnings("default"),  # those of the SDK and its packages are not ours
]
Alkit = Callable[..., Any]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A document root with a pool of twelve images below."""
    from PIL import Image

    root = tmp_path_factory.mktemp("root")
    for number in range(12):
        kind = ("cat", "dog")[number % 2]
        (root / "pool" / kind).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (20 * number, 90, 40)).save(root / "pool" / kind / f"{number:02d}.png")
    return root


@pytest.fixture(scope="module")
def server(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("data")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(images),
    }
    words = f"start --internal-host 127.0.0.1 -p {port} --no-browser --username a@example.org"
    more = ["--password", "Secret-1234"]
    more += ["--user-token", TOKEN, "--enable-legacy-api-token", "--data-dir", str(data)]
    with open(data / "log", "wb") as log:
        process = subprocess.Popen(
            [str(EXECUTABLE), *words.split(), *more], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    httpx = pytest.importorskip("httpx")
    for _ in range(1200):
        assert process.poll() is None, "Label Studio ended"
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    pytest.fail("Label Studio did not start")


def httpx_client() -> Any:
    import httpx

    return httpx.Client(timeout=PATIENCE, follow_redirects=True)


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Any]:
    sdk = pytest.importorskip("label_studio_sdk")
    with httpx_client() as line:
        yield sdk.LabelStudio(base_url=server, api_key=TOKEN, httpx_client=line)


@pytest.fixture
def asked(alkit: Alkit, images: Path, tmp_path: Path) -> Path:
    directory = tmp_path / "camp"
    alkit("init", directory, "--pool", images / "pool", "--classes", "cat,dog")
    alkit("query", "-c", directory, "-n", "6")
    return directory


def choose(client: Any, task: int, label: str | None, **more: Any) -> Any:
    value = {"choices": [label]}
    result = [{"from_name": "choice", "to_name": "image", "type": "choices", "value": value}] if label else []
    return client.annotations.create(task, result=result, was_cancelled=label is None, lead_time=2.5, **more)


@pytest.fixture
def colleague(server: str) -> Iterator[tuple[Any, str]]:
    """Sign up somebody else, and return a client of theirs, with a personal access token."""
    import httpx
    from label_studio_sdk import LabelStudio

    with httpx.Client(base_url=server, follow_redirects=True, timeout=PATIENCE) as browser:
        mine = browser.get("/api/invite", headers={"Authorization": f"Token {TOKEN}"})
        link = mine.json()["invite_url"]
        browser.get(link)
        form = {
            "email": "b@example.org",
            "password": "Secret-5678",
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        browser.post(link, data=form, headers={"Referer": server + link})
        token = browser.post("/api/token/", headers={"X-CSRFToken": browser.cookies["csrftoken"]}).json()[
            "token"
        ]
    with httpx_client() as line:
        yield LabelStudio(base_url=server, api_key=token, httpx_client=line), token


def test_a_query_goes_out_and_comes_back(
    alkit: Alkit,
    asked: Path,
    server: str,
    client: Any,
    colleague: tuple[Any, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from alkit.campaign.record.ledger import Ledger

    other, personal = colleague
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    live = ("--campaign", asked, "--url", server)
    pushed = alkit("labelstudio", "push", *live, "-o", "images=local", "--json").json
    assert (pushed["added"], pushed["known"]) == (6, 0)
    project = pushed["project"]
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", personal)
    again = alkit("labelstudio", "push", *live, "-o", "images=local", "--json").json
    assert again == {"query": 1, "project": project, "added": 0, "known": 6}

    tasks = sorted(client.tasks.list(project=project, fields="all"), key=lambda task: task.id)
    assert [task.data["alkit_rank"] for task in tasks] == [1, 2, 3, 4, 5, 6]
    assert client.projects.get(project).sampling == "Sequential sampling"
    _check_image(server, tasks[0].data["image"])

    choose(client, tasks[0].id, "cat")
    choose(other, tasks[0].id, "dog")
    first = choose(client, tasks[1].id, "cat")
    choose(client, tasks[2].id, None)
    choose(client, tasks[3].id, "unusable")
    dry = alkit("labelstudio", "pull", *live, "--dry-run", "--json").json
    assert (dry["accepted"], dry["dry_run"]) == (5, True)
    took = alkit("labelstudio", "pull", *live, "--json").json
    assert (took["accepted"], took["corrected"], took["rejected"]) == (5, 1, [])
    assert alkit("labelstudio", "pull", *live, "--json").json["accepted"] == 0

    mended = [{"from_name": "choice", "to_name": "image", "type": "choices", "value": {"choices": ["dog"]}}]
    client.annotations.update(first.id, result=mended)
    took = alkit("labelstudio", "pull", *live, "--json").json
    assert (took["accepted"], took["corrected"], took["unchanged"]) == (1, 1, 4)

    exported = b"".join(client.projects.exports.download_sync(project, export_type="JSON"))
    if record := os.environ.get("ALKIT_RECORD"):
        Path(record).write_text(json.dumps(json.loads(exported), indent=1) + "\n")
    (asked / "export.json").write_bytes(exported)
    assert alkit("ingest", "-c", asked, asked / "export.json", "--json").json["accepted"] == 0

    ledger = Ledger(asked / "campaign.db")
    rows = [(row.index, row.answer.kind, row.answer.value, row.answer.annotator) for row in ledger.answers()]
    assert all(row.answer.cost == 2.5 for row in ledger.answers())
    ledger.close()
    index = [task.data["alkit_index"] for task in tasks]
    assert rows == [
        (index[0], "label", "cat", "label-studio-1"),
        (index[0], "label", "dog", "label-studio-2"),
        (index[1], "label", "cat", "label-studio-1"),
        (index[2], "abstain", None, "label-studio-1"),
        (index[3], "unusable", None, "label-studio-1"),
        (index[1], "label", "dog", "label-studio-1"),
    ]

    alkit("query", "-c", asked, "-n", "1", "-s", "disputed", "--new")
    for added, known in ((1, 0), (0, 1)):
        pushed = alkit("labelstudio", "push", *live, "-o", "images=local", "--json").json
        assert (pushed["project"], pushed["added"], pushed["known"]) == (project, added, known)
    fresh = max(client.tasks.list(project=project, fields="all"), key=lambda task: task.id)
    assert fresh.data["alkit_index"] == index[0]
    choose(client, fresh.id, "dog")
    took = alkit("labelstudio", "pull", *live, "--json").json
    assert (took["accepted"], took["still_open"], took["rejected"]) == (1, 0, [])


def _check_image(server: str, path: str) -> None:
    import httpx

    answer = httpx.get(server + path, headers={"Authorization": f"Token {TOKEN}"}, timeout=PATIENCE)
    assert (answer.status_code, answer.content[:4]) == (200, b"\x89PNG")


def test_a_file_by_hand_into_a_project_of_ones_own(
    alkit: Alkit, asked: Path, server: str, client: Any, tmp_path: Path
) -> None:
    out = tmp_path / "tasks.json"
    alkit("export", "-c", asked, "-f", "label-studio", "--out", out)
    own = client.projects.create(title="mine", label_config=(tmp_path / "tasks-config.xml").read_text())
    client.projects.import_tasks(own.id, request=json.loads(out.read_text()))
    live = ("--campaign", asked, "--url", server, "--token", TOKEN, "--project", own.id)
    live = tuple(map(str, live))
    assert alkit("labelstudio", "push", *live, "--json").json["added"] == 0
    for task in client.tasks.list(project=own.id):
        choose(client, task.id, "dog")
    assert alkit("labelstudio", "pull", *live, "--json").json["accepted"] == 6


@pytest.mark.parametrize(
    ("task", "classes", "texts"),
    [
        ("multi-label", ["--classes", "cat,dog,emu"], ["cat;emu", "none", "dog"]),
        ("regression", [], ["0.125", "-3.0", "1e-06"]),
        (
            "detection",
            ["--classes", "cat,dog"],
            [
                '[{"class": "cat", "x": 0.125, "y": 3, "width": 7.3, "height": 2.01}, '
                '{"class": "dog", "x": 0, "y": 0, "width": 16, "height": 16, "crowd": true}]',
                "none",
                '[{"class": "dog", "x": 5, "y": 6, "width": 1, "height": 1}]',
            ],
        ),
        (
            "segmentation",
            ["--classes", "background,cat"],
            [
                '{"shapes": [{"class": "cat", "polygon": [[1, 1, 9, 2, 4, 13]]}]}',
                '{"shapes": []}',
                '{"shapes": [{"class": "cat", "polygon": [[0, 0, 16, 0, 16, 16]]}, '
                '{"class": "void", "polygon": [[2, 2, 5, 2, 5, 5, 2, 5]]}]}',
            ],
        ),
    ],
)
def test_labels_of_every_kind_come_back_as_they_were_drawn(
    alkit: Alkit,
    images: Path,
    server: str,
    client: Any,
    tmp_path: Path,
    task: str,
    classes: list[str],
    texts: list[str],
) -> None:
    from alkit.campaign.campaign import Campaign
    from alkit.campaign.export import open_export
    from alkit.interfaces import ImageFacts, Mask
    from alkit_plugins.formats.label_studio.results import results_for

    directory = tmp_path / "camp"
    alkit("init", directory, "--pool", images / "pool", "--task", task, *classes)
    alkit("query", "-c", directory, "-n", "3", "-s", "random")
    live = ("--campaign", directory, "--url", server, "--token", TOKEN)
    project = alkit("labelstudio", "push", *live, "--json").json["project"]
    with Campaign(directory) as campaign:
        export, labels = open_export(campaign), campaign.label_kind
        wanted = {}
        for item, text in zip(export.items, texts, strict=True):
            value = labels.parse(text, ImageFacts(width=item.width, height=item.height))
            answered = dataclasses.replace(item, answer=labels.text(value))
            result = results_for(dataclasses.replace(export, labels=labels), answered, labels.kind)
            (found,) = (
                each
                for each in client.tasks.list(project=project, fields="all")
                if each.data["alkit_index"] == item.index
            )
            client.annotations.create(found.id, result=result, was_cancelled=False, lead_time=1.0)
            wanted[item.index] = labels.pixels(value).tolist() if isinstance(labels, Mask) else value
    took = alkit("labelstudio", "pull", *live, "--json").json
    assert (took["accepted"], took["rejected"]) == (3, [])
    assert alkit("labelstudio", "pull", *live, "--json").json["accepted"] == 0
    with Campaign(directory) as campaign:
        labels = campaign.label_kind
        values = {index: campaign.pool.answer_of(index).value for index in wanted}
        got = {i: labels.pixels(v).tolist() if isinstance(labels, Mask) else v for i, v in values.items()}
    assert got == wanted


@pytest.mark.parametrize(
    ("task", "classes", "guess"),
    [
        (
            "detection",
            "cat,dog",
            '[{"class": "cat", "x": 0.125, "y": 3, "width": 7.3, "height": 2.01}, '
            '{"class": "dog", "x": 0, "y": 0, "width": 16, "height": 16}]',
        ),
        (
            "segmentation",
            "background,cat",
            '{"shapes": [{"class": "cat", "polygon": [[1, 1, 9, 2, 4, 13]]}]}',
        ),
    ],
)
def test_a_guess_waits_on_the_server_and_comes_back_as_it_was(
    alkit: Alkit,
    images: Path,
    server: str,
    client: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    classes: str,
    guess: str,
) -> None:
    from alkit.campaign.campaign import Campaign
    from alkit.interfaces import ImageFacts, Mask
    from alkit.interfaces.format import Prediction

    directory = tmp_path / "camp"
    alkit("init", directory, "--pool", images / "pool", "--task", task, "--classes", classes)
    alkit("query", "-c", directory, "-n", "1", "-s", "random")
    with Campaign(directory) as campaign:
        (item,) = campaign.pool.pending.tolist()
        record, labels = campaign.state.records[item], campaign.label_kind
        value = labels.parse(guess, ImageFacts(width=record.width, height=record.height))
        text = labels.text(value)
        labels.keep([value])
        wanted = labels.pixels(value).tolist() if isinstance(labels, Mask) else value
    monkeypatch.setattr(
        "alkit.campaign.export._predicted", lambda *given: {item: Prediction(text, 0.75)}
    )  # what a trained model says is another matter
    live = ("--campaign", directory, "--url", server, "--token", TOKEN)
    project = alkit("labelstudio", "push", *live, "-o", "predictions=true", "--json").json["project"]
    (found,) = client.tasks.list(project=project, fields="all")
    (shown,) = client.predictions.list(task=found.id)
    assert alkit("labelstudio", "pull", *live, "--json").json["accepted"] == 0  # a guess is no answer
    client.annotations.create(found.id, result=shown.result, was_cancelled=False, lead_time=1.0)
    took = alkit("labelstudio", "pull", *live, "--json").json
    assert (took["accepted"], took["rejected"]) == (1, [])
    with Campaign(directory) as campaign:
        labels, got = campaign.label_kind, campaign.pool.answer_of(item).value
        assert (labels.pixels(got).tolist() if isinstance(labels, Mask) else got) == wanted


def test_what_the_server_refuses_is_one_sentence(alkit_ends: Alkit, asked: Path, server: str) -> None:
    for words, message in (
        (["--token", "f" * 40], "rejects the token"),
        (["--token", TOKEN, "--project", "9999"], "has no such project"),
        (["--token", TOKEN], "has no project of this campaign"),
    ):
        said = alkit_ends("labelstudio", "pull", "-c", asked, "--url", server, *words)
        assert said.code != 0
        assert message in said.error
        assert words[1] not in said.err
