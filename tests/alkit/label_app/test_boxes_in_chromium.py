"""Boxes on the labeling page in a real browser: their classes are corrected by key, and they are deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.interfaces.format import Prediction

pytestmark = pytest.mark.slow

CLASSES = ("cat", "dog", "owl")
DESKTOP, PHONE = (1280, 657, False), (390, 844, True)
SUGGESTED = [
    {"class": "cat", "x": 0, "y": 0, "width": 120, "height": 90, "score": 0.9},
    {"class": "cat", "x": 20, "y": 20, "width": 40, "height": 40, "score": 0.6},
    {"class": "dog", "x": 180, "y": 100, "width": 100, "height": 80, "score": 0.7},
]


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign of boxes with an open query of four images, for which a model suggests three boxes."""
    for number in range(5):
        picture = Image.new("RGB", (300, 200), (30 * number, 80, 120))
        for box in SUGGESTED:
            x, y, width, height = (int(box[side]) for side in ("x", "y", "width", "height"))
            picture.paste((200, 40 * number, 30), (x, y, x + width, y + height))
        path = tmp_path / "pool" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        picture.save(path)
    with create(
        tmp_path / "camp", str(tmp_path / "pool"), task="detection", classes=CLASSES, device="cpu"
    ) as campaign:
        campaign.ask(4, strategy="random")

    def suggest(campaign: Campaign, labels: Any, items: Any) -> dict[int, Prediction]:
        return {item.index: Prediction(labels.text(SUGGESTED), 0.6) for item in items}

    monkeypatch.setattr("alkit.campaign.model.suggestions.suggestions", suggest)
    monkeypatch.setattr("alkit.label_app.drawings.Drawings.possible", True)
    return tmp_path / "camp"


@pytest.fixture
def opened(window: Any, served: Callable[..., Any], street: Path) -> Iterator[Callable[..., Any]]:
    """Open the page in a window of a size."""

    def open_page(size: tuple[int, int, bool]) -> None:
        width, height, mobile = size
        told = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", told)
        client = served(street)
        window.open(f"{client.origin}/{client.page.token}/")

    yield open_page
    window.let_go()
    window.driver.get("about:blank")  # before the server ends


def answers(directory: Path) -> dict[int, Any]:
    """Return what each image was answered with: classes of boxes by x, or another answer."""
    with Campaign(directory) as campaign:
        said = {p.index: p.answer for p in campaign.queries[-1].picks if p.answer is not None}
    return {
        index: {box["x"]: box["class"] for box in json.loads(text)} if text.startswith("[") else text
        for index, text in said.items()
    }


def names(window: Any) -> list[str]:
    """Return the names that the boxes show."""
    return window.run("return [...document.querySelectorAll('.box')].map((box) => box.textContent)")


def show(window: Any) -> None:
    """Ask for the model's boxes of the image on show."""
    window.until(window.seen)
    window.press("?")
    window.until(lambda: len(names(window)) == 3)


def click_at(window: Any, x: float, y: float) -> None:
    """Click on a place of the image, in its own pixels."""
    from selenium.webdriver import ActionChains

    left, top, scale = window.run("""
        const image = document.querySelector("#stage > img");
        const { left, top, width } = image.getBoundingClientRect();
        return [left, top, width / image.naturalWidth];
    """)
    body = window.driver.find_element("tag name", "html")
    across, down = window.run("return [innerWidth / 2, innerHeight / 2]")
    chain = ActionChains(window.driver)
    chain.move_to_element_with_offset(body, round(left + scale * x - across), round(top + scale * y - down))
    chain.click().perform()


def test_boxes_are_corrected_deleted_and_sent_by_key(window, opened, street, tmp_path):
    from selenium.webdriver import Keys

    opened(DESKTOP)
    show(window)
    assert names(window) == ["cat", "cat", "dog"]
    assert "60% sure or more" in window.text("guessed")
    window.driver.save_screenshot(str(tmp_path / "desktop.png"))
    window.press("2")
    assert "Choose a box first" in window.text("guessed")
    window.press(Keys.TAB, "3", Keys.TAB, "2", Keys.TAB, Keys.DELETE)
    assert names(window) == ["owl", "dog"]
    window.press(Keys.BACKSPACE, Keys.BACKSPACE)  # the box is there again, and its neighbor a cat
    assert names(window) == ["owl", "cat", "dog"]
    assert window.text("give").endswith("Answer: 3 boxes")
    window.driver.save_screenshot(str(tmp_path / "corrected.png"))
    first = window.answer(Keys.ENTER)
    assert answers(street) == {first: {0: "owl", 20: "cat", 180: "dog"}}
    assert names(window) == []
    second = window.answer("1")
    show(window)
    third = window.answer("-")
    show(window)
    window.press(Keys.TAB, Keys.DELETE, Keys.TAB, Keys.DELETE, Keys.TAB, Keys.DELETE)
    assert window.text("give").endswith("Answer: nothing here")
    fourth = window.answer(Keys.ENTER)
    assert answers(street) == {
        first: {0: "owl", 20: "cat", 180: "dog"},
        second: "none",
        third: "unusable",
        fourth: "none",
    }
    with Campaign(street) as campaign:
        rows = campaign.ledger.answers()
        assert all("score" not in box for row in rows for box in row.answer.value or ())


def test_an_answer_that_was_undone_can_be_corrected(window, opened, street):
    from selenium.webdriver import Keys

    opened(DESKTOP)
    show(window)
    window.press(Keys.TAB, "3")
    first = window.answer(Keys.ENTER)
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == first and names(window) == ["owl", "cat", "dog"])
    assert "Your answer '3 boxes' was undone" in window.text("undone")
    window.press(Keys.TAB, "2")
    window.answer(Keys.ENTER)
    assert answers(street) == {first: {0: "dog", 20: "cat", 180: "dog"}}


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_click_chooses_the_smallest_box_there(window, opened, street, size, tmp_path):
    opened(size)
    window.until(window.seen)
    window.driver.find_element("id", "guess").click()
    window.until(lambda: len(names(window)) == 3)
    pressed = "return [...document.querySelectorAll('.box')].findIndex((b) => b.ariaPressed === 'true')"
    click_at(window, 40, 40)
    assert window.run(pressed) == 1
    click_at(window, 41, 40)
    assert window.run(pressed) == 0  # the larger one around it
    click_at(window, 230, 140)
    assert window.run(pressed) == 2
    window.driver.find_element("css selector", "#classes button[value=owl]").click()
    assert names(window) == ["cat", "cat", "owl"]
    click_at(window, 40, 40)
    window.driver.find_element("id", "drop").click()
    assert names(window) == ["cat", "owl"]
    assert window.run("return document.documentElement.scrollWidth <= innerWidth")
    window.driver.save_screenshot(str(tmp_path / f"clicked-{size[0]}.png"))
    index = window.index
    window.driver.find_element("id", "give").click()
    window.until(lambda: window.index != index)
    assert answers(street) == {index: {0: "cat", 180: "owl"}}
