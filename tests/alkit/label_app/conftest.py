"""An open query with a page for it, served in this process, and plain requests to it."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.campaign import Campaign
from alkit.label_app.page import Page
from alkit.label_app.server import serving
from alkit.label_app.session import LabelSession

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 30


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Client:
    """Asks a page; headers are a browser's unless others are given."""

    port: int
    page: Page
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: Any = None, *, raw: str | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {**headers, **({} if body is None else {"Content-Type": "application/json"})}
        sent = {name.replace("_", "-"): value for name, value in sent.items()}
        where = f"/{self.page.token}/{path}" if raw is None else raw
        try:
            content = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", where, content, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def state(self) -> Any:
        return self.ask("state").json

    def answer(self, index: int, label: str, query: int = 1, **headers: str) -> Reply:
        return self.ask(
            "answer", {"query": query, "index": index, "label": label, "saw_guess": False}, **headers
        )

    def undo(self, index: int, query: int = 1) -> Reply:
        return self.ask("undo", {"query": query, "index": index})


@pytest.fixture
def served() -> Iterator[Callable[..., Client]]:
    """Serve a page for a campaign's open query to somebody called ada."""
    ends: list[Callable[[], None]] = []

    def serve(directory: Path, annotator: str = "ada", **options: Any) -> Client:
        recorder = ThreadPoolExecutor(1)
        session = recorder.submit(lambda: LabelSession(Campaign(directory), annotator)).result()
        page = Page(session, recorder, **options)
        context = serving(page)
        server = context.__enter__()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def end() -> None:
            server.shutdown()
            thread.join()
            context.__exit__(None, None, None)
            page.close()
            recorder.submit(session.campaign.close).result()
            recorder.shutdown()

        ends.append(end)
        return Client(server.port, page)

    yield serve
    for end in ends:
        end()


@pytest.fixture
def asked(labeled: Path) -> Path:
    """A campaign with an open query of 4, chosen at random."""
    with Campaign(labeled) as campaign:
        campaign.ask(4, strategy="random")
    return labeled


@pytest.fixture
def client(asked: Path, served: Callable[..., Client]) -> Client:
    """A page for that query."""
    return served(asked)


class Window:
    """A browser window, used as a person without a mouse does."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)
        self.until(lambda: self.text("count") != "")
        self.until(self.seen)

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def answer(self, *keys: str) -> int:
        """Press keys that answer the image on show; return its index when the page has gone on."""
        self.until(self.seen)
        index = self.index
        self.press(*keys)
        self.until(lambda: self.index != index)
        return index

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def let_go(self) -> None:
        """Leave the page without being asked whether to."""
        self.run("window.addEventListener('beforeunload', (e) => e.stopImmediatePropagation(), true)")

    def text(self, name: str) -> str:
        return self.driver.execute_script(f"return document.getElementById('{name}').textContent")

    def visible(self, name: str) -> bool:
        return self.driver.execute_script(f"return !document.getElementById('{name}').hidden")

    def seen(self) -> bool:
        return self.driver.execute_script("return document.querySelector('#stage img')?.complete ?? true")

    @property
    def index(self) -> int:
        """The image on show, -1 if all are answered."""
        script = "return document.querySelector('#stage img')?.src ?? '/-1'"
        return int(self.driver.execute_script(script).rpartition("/")[2])

    def until(self, condition: Callable[[], Any]) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05).until(lambda _: condition())


@pytest.fixture(scope="package")
def driver() -> Iterator[Any]:
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("chromium and chromedriver are not installed")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
        yield driver
        driver.quit()


@pytest.fixture
def window(driver: Any) -> Iterator[Window]:
    """A window, in which no script may fail and no policy may be broken."""
    driver.get_log("browser")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    yield Window(driver)
    Window(driver).let_go()
    driver.get("about:blank")
    refused = ("net::ERR", "503 (", "422 (")  # what the browser itself notes of requests that fail
    log = [line["message"] for line in driver.get_log("browser")]
    assert [line for line in log if not any(word in line for word in refused)] == []


@pytest.fixture
def label() -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start `alkit label`; return the process and the address that it prints."""
    processes: list[subprocess.Popen[str]] = []

    def start(directory: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "alkit", "label", "-c", str(directory), "--no-browser", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        return process, found[0]

    yield start
    for process in processes:
        process.kill()
        process.communicate(timeout=PATIENCE)
