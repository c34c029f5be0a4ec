"""The labeling page in a real browser, by keyboard: a whole query, reloads, kills, locks, other queries."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from filelock import FileLock

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.campaign.record.events import Answered
from alkit.campaign.session import LOCK
from alkit.labeling.given_answer import GivenAnswer

pytestmark = pytest.mark.slow

CLASSES = ("blue", "green", "red")
PATIENCE = 30


def in_force(directory: Path) -> dict[int, str]:
    with Campaign(directory) as campaign:
        return {pick.index: pick.answer for pick in campaign.queries[-1].picks if pick.answer is not None}


@pytest.fixture
def asked(labeled: Path) -> Path:
    """A campaign with an open query of 9, chosen at random."""
    with Campaign(labeled) as campaign:
        campaign.ask(9, strategy="random")
    return labeled


def test_a_whole_query_by_keyboard_with_a_reload_half_way(window, label, asked):
    process, address = label(asked, "--annotator", "ada")
    window.open(address)
    given = {}
    for number in range(9):
        if number == 5:
            window.open(address)
        assert window.text("count") == f"{number} of 9"
        key, word = [("1", "blue"), ("2", "green"), ("3", "red"), ("0", "abstain"), ("-", "unusable")][
            number % 5
        ]
        given[window.answer(key)] = word
    assert "All 9 images are answered" in window.text("stage")
    assert len(given) == 9
    assert in_force(asked) == given
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert re.fullmatch(r"9 answers \w+, 0 images still open", said.splitlines()[-1])


def test_what_the_page_has_acknowledged_survives_a_kill(window, label, asked):
    process, address = label(asked)
    window.open(address)
    given = {window.answer("123"[number % 3]): CLASSES[number % 3] for number in range(4)}
    process.kill()
    process.wait()
    assert in_force(asked) == given
    window.press("1")
    window.until(lambda: "Not recorded yet: 'blue'" in window.text("trouble"))
    assert window.text("count") == "4 of 9"
    _, address = label(asked)
    window.let_go()
    window.open(address)
    assert window.text("count") == "4 of 9"
    given[window.answer("3")] = "red"
    assert in_force(asked) == given


def test_undo_takes_back_until_another_answer_is_given(window, label, asked):
    from selenium.webdriver import Keys

    _, address = label(asked)
    window.open(address)
    first, second = window.answer("1"), window.answer("2")
    window.open(address)  # what can be undone survives a reload
    third = window.index
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == second)
    assert in_force(asked) == {first: "blue"}
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == first)
    assert "Your answer 'blue' was undone" in window.text("undone")
    assert window.text("count") == "0 of 9"
    assert in_force(asked) == {}
    assert window.answer("3") == first
    assert window.index == second
    assert not window.visible("undone")
    assert window.answer("2") == second
    assert window.index == third
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == second)
    window.press(Keys.ESCAPE)
    window.until(lambda: window.index == third)
    assert in_force(asked) == {first: "red", second: "green"}
    with Campaign(asked) as campaign:
        assert [row.answer.value for row in campaign.ledger.answers(first)] == ["blue", "red"]


def test_the_last_answer_of_a_query_can_be_taken_back(window, label, asked):
    from selenium.webdriver import Keys

    _, address = label(asked)
    window.open(address)
    for _ in range(8):
        window.answer("1")
    last = window.answer("2")
    assert window.index == -1
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == last)
    with Campaign(asked) as campaign:
        assert campaign.open_query is not None
    window.answer("3")
    assert in_force(asked)[last] == "red"


def test_what_was_said_before_it_was_asked_for_again_cannot_be_undone(window, label, labeled):
    from selenium.webdriver import Keys

    with Campaign(labeled) as campaign:
        for annotator, name in (("ann", "red"), ("bob", "blue")):
            campaign.tell([GivenAnswer(0, "", name, annotator, index=index) for index in (0, 20)])
        campaign.ask(2, strategy="disputed")
    _, address = label(labeled, "--annotator", "ann")
    window.open(address)
    first = window.index
    undo = "return document.getElementById('undo').getAttribute('aria-disabled')"
    assert window.driver.execute_script(undo) == "true"
    window.press(Keys.BACKSPACE)
    assert window.index == first
    assert "undone" not in window.text("spoken")
    window.answer("2")
    second = window.index
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == first)
    assert "green undone" in window.text("spoken")
    window.press(Keys.ESCAPE)
    window.until(lambda: window.index == second)


@pytest.mark.parametrize("status", [400, 413, 415, 499])
def test_what_is_refused_is_not_tried_again(window, label, asked, status):
    _, address = label(asked)
    window.open(address)
    refused = f"Response.json({{error: 'not this'}}, {{status: {status}}})"
    window.driver.execute_script(f"window.asked = 0; fetch = async () => (window.asked++, {refused})")
    window.press("1")
    window.until(lambda: window.text("trouble") == "Not recorded: 'blue'. Not this.")
    busy = "document.getElementById('panel').getAttribute('aria-busy')"
    assert window.driver.execute_script(f"return [window.asked, {busy}]") == [1, "false"]


def test_the_guess_is_hidden_until_asked_for(window, label, labeled):
    with Campaign(labeled) as campaign:
        campaign.ask(3)
    process, address = label(labeled)
    window.open(address)
    assert not window.visible("guessed")
    window.press("?")
    window.until(lambda: window.visible("guessed"))
    assert re.fullmatch(r"Model's guess: (blue|green|red) \(\d+%\)", window.text("guessed"))
    window.answer("1")
    assert not window.visible("guessed")
    window.answer("1")
    with Campaign(labeled) as campaign:
        events = campaign.ledger.events(Answered)[-2:]
    assert [event.data.saw_guess for event in events] == [True, False]
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)
    _, address = label(labeled, "--show-guess")
    window.open(address)
    window.until(lambda: window.visible("guessed"))
    assert not window.visible("guess")


def test_a_locked_campaign_is_said_and_the_answer_is_tried_again(window, label, asked):
    _, address = label(asked)
    window.open(address)
    index = window.index
    with FileLock(asked / LOCK):
        window.press("1")
        window.until(
            lambda: "Not recorded yet: 'blue'. Another process is working on" in window.text("trouble")
        )
        assert window.index == index
    window.until(lambda: window.index != index)
    assert window.text("trouble") == ""
    assert in_force(asked) == {index: "blue"}


def test_a_query_that_is_replaced_is_said(window, label, asked):
    _, address = label(asked)
    window.open(address)
    window.answer("1")
    with Campaign(asked) as campaign:
        fresh = campaign.ask(3, strategy="random", new=True)
    late = window.index
    window.press("2")
    window.until(lambda: window.visible("news"))
    assert re.fullmatch(r"green recorded\. Query 2 .*replaced query 1.*", window.text("news-text"))
    with Campaign(asked) as campaign:
        answer = campaign.pool.answer_of(late)
        assert answer is not None and answer.value == "green"
    window.driver.execute_script("document.getElementById('news-go').focus()")
    window.press("\n")
    window.until(lambda: window.text("count") == "0 of 3")
    assert window.answer("3") in fresh.indices


def test_many_classes_are_found_by_typing(window, label, pictures, tmp_path):
    from selenium.webdriver import Keys

    classes = ["cat", "caterpillar", "maple tree", "tractor", "train", *(f"other {n}" for n in range(40))]
    with create(tmp_path / "camp", str(pictures), classes=classes) as campaign:
        campaign.ask(5, strategy="random")
    _, address = label(tmp_path / "camp")
    window.open(address)
    given = {window.answer("tr", Keys.ENTER): "tractor"}
    given[window.answer("tree", Keys.ENTER)] = "maple tree"
    given[window.answer("CAT", Keys.ENTER)] = "cat"
    given[window.answer("5")] = "train"
    index = window.index
    window.press("zzz", Keys.ENTER)
    assert window.visible("nothing")
    window.press(Keys.ESCAPE)
    assert not window.visible("nothing")
    assert window.index == index
    given[window.answer("other 11", Keys.ENTER)] = "other 11"
    assert in_force(tmp_path / "camp") == given


NAMED = """
const element = document.activeElement;
const label = element.labels?.[0]?.textContent.trim();
return element.getAttribute("aria-label") || label || element.textContent.trim();
"""


def test_small_windows_and_every_button_by_tab(window, label, asked):
    from selenium.webdriver import Keys

    _, address = label(asked)
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        window.open(address)
        assert window.driver.execute_script("return document.documentElement.scrollWidth") == 360
        reached = []
        for _ in range(14):
            window.press(Keys.TAB)
            reached.append(window.driver.execute_script(NAMED))
            outline = window.driver.execute_script(
                "return getComputedStyle(document.activeElement).outlineStyle"
            )
            assert outline == "solid", f"the focus on {reached[-1]} cannot be seen"
    finally:
        window.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert reached[:6] == ["1blue", "2green", "3red", "0Cannot tell", "-Unusable", "⌫Undo"]
    assert reached[6:8] == ["Note on this image", "Keys"]
    assert reached[8:] == ["Zoom out", "Zoom in", "Brightness", "Contrast", "HomeReset", "#Grid"]
