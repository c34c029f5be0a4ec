"""The page's tools in a browser: zoom, light, notes, many at once, similar images, guidelines, the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alkit.campaign.campaign import Campaign
from alkit.campaign.create import create
from alkit.interfaces.labels import ClassSet
from alkit.label_app import asking
from alkit.label_app.guidelines import read_guidelines

pytestmark = pytest.mark.slow

TEN = ("bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kite")
DESKTOP, PHONE = (1280, 657, False), (390, 844, True)


@pytest.fixture
def opened(window: Any, served: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Open a campaign's page in the window, of a size; return the client."""

    def open_page(directory: Path, size: tuple[int, int, bool] = DESKTOP, **options: Any) -> Any:
        resize(window, size)
        client = served(directory, **options)
        window.open(f"{client.origin}/{client.page.token}/")
        return client

    yield open_page
    window.let_go()
    window.driver.get("about:blank")  # before the server ends


def resize(window: Any, size: tuple[int, int, bool]) -> None:
    width, height, mobile = size
    told = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", told)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures of 300 x 200 with a pattern."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(8):
        picture = Image.new("RGB", (300, 200), (30 * number, 80, 120))
        picture.paste((250, 30 * number, 0), (50, 20, 90 + 10 * number, 120))
        picture.save(folder / f"{number}.png")
    return folder


@pytest.fixture
def asked(photos: Path, tmp_path: Path) -> Path:
    """A campaign of ten classes with an open query of six."""
    with create(tmp_path / "camp", str(photos), classes=TEN) as campaign:
        campaign.ask(6, strategy="random")
    return tmp_path / "camp"


def in_force(directory: Path) -> dict[int, str]:
    with Campaign(directory) as campaign:
        return {pick.index: pick.answer for pick in campaign.queries[-1].picks if pick.answer is not None}


def hidden_parts(window: Any) -> list[str]:
    """Return the buttons, fields and sliders that cannot be seen in whole without scrolling."""
    return window.run("""
        const all = [...document.querySelectorAll("main button, main input")];
        const cut = (part) => {
          const { top, bottom, left, right } = part.getBoundingClientRect();
          const middle = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
          if (top < 0 || left < 0 || bottom > innerHeight || right > innerWidth) return true;
          return !part.contains(middle) && !middle?.contains(part);
        };
        const seen = all.filter((part) => part.checkVisibility());
        return seen.filter(cut).map((part) => part.id || part.textContent);
    """)


def shown_image(window: Any) -> dict[str, float]:
    """Return where the image is, from the stage's corner, and its filter."""
    return window.run("""
        const image = document.querySelector("#stage > img");
        const [box, stage] = [image, image.parentElement].map((part) => part.getBoundingClientRect());
        return {
          left: box.left - stage.left, top: box.top - stage.top, width: box.width, height: box.height,
          across: stage.width, along: stage.height, x: stage.left, y: stage.top,
          filter: getComputedStyle(image).filter,
        };
    """)


# -- what is seen ------------------------------------------------------------------------------------------


def test_ten_classes_and_all_actions_are_seen_at_once(window, opened, asked, tmp_path):
    from selenium.webdriver import Keys

    (tmp_path / "g.md").write_text("# Bee\n\nIt hums.\n")
    opened(asked, guidelines=read_guidelines(tmp_path / "g.md"))
    assert (
        len(window.run("return [...document.querySelectorAll('#classes button')].map((b) => b.value)")) == 10
    )
    assert hidden_parts(window) == []
    window.answer("1")
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.visible("undone"))
    window.run("document.getElementById('guess').hidden = document.getElementById('guessed').hidden = false")
    assert hidden_parts(window) == []
    assert window.run("return document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (900, 600, False), (320, 600, True)])
def test_nothing_is_wider_than_the_window(window, opened, asked, size, tmp_path):
    (tmp_path / "g.md").write_text(f"# Bee\n\n{'long' * 60}\n")
    opened(asked, size, guidelines=read_guidelines(tmp_path / "g.md"))
    for key in ("", "!", "#", "#"):
        window.press(*key)
        assert window.run("return document.documentElement.scrollWidth") == size[0]
    window.run("document.getElementById('help').click()")
    assert window.run("return document.documentElement.scrollWidth") == size[0]


def test_dark_and_still_if_the_user_wants_that(window, opened, asked):
    opened(asked)
    background = "return getComputedStyle(document.body).backgroundColor"
    light = window.run(background)
    features = [
        {"name": "prefers-color-scheme", "value": "dark"},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        assert window.run(background) != light
        window.run("document.getElementById('progress').removeAttribute('value')")
        style = "getComputedStyle(document.getElementById('progress'))"
        assert window.run(f"return [{style}.animationName, {style}.transitionProperty]")[0] == "none"
    finally:
        window.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# -- keys of classes ---------------------------------------------------------------------------------------


def test_every_class_shows_the_keys_that_choose_it(window, opened, photos, tmp_path):
    from selenium.webdriver import Keys

    names = (*TEN[:9], "cat food", "caterpillar", "10 o'clock", "Éclair")
    with create(tmp_path / "camp", str(photos), classes=names) as campaign:
        campaign.ask(6, strategy="random")
    opened(tmp_path / "camp")
    keys = window.run("return [...document.querySelectorAll('#classes kbd')].map((kbd) => kbd.textContent)")
    assert keys[:9] == list("123456789")
    assert keys[9:] == ["cat f↵", "cate↵", "/1↵", "é↵"]
    given = {}
    for name, key in zip(names[9:], keys[9:], strict=True):
        given[window.answer(*key.replace("↵", Keys.ENTER))] = name
    assert in_force(tmp_path / "camp") == given


# -- zoom and light ----------------------------------------------------------------------------------------


def test_wheel_and_keys_enlarge_what_is_under_the_pointer(window, opened, asked):
    from selenium.webdriver import Keys

    opened(asked)
    before = shown_image(window)
    assert before["width"] / before["height"] == pytest.approx(1.5, abs=0.01)
    point = before["across"] * 0.6, before["along"] * 0.4
    place = [(point[0] - before["left"]) / before["width"], (point[1] - before["top"]) / before["height"]]
    wheel = {"type": "mouseWheel", "x": before["x"] + point[0], "y": before["y"] + point[1], "deltaX": 0}
    for _ in range(3):
        window.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {**wheel, "deltaY": -200})
    window.until(lambda: shown_image(window)["width"] > 3 * before["width"])
    after = shown_image(window)
    assert after["left"] + place[0] * after["width"] == pytest.approx(point[0], abs=2)
    assert after["top"] + place[1] * after["height"] == pytest.approx(point[1], abs=2)
    assert window.text("zoom-level") == f"{round(100 * after['width'] / 300)}%"
    window.press(Keys.ARROW_LEFT)
    assert shown_image(window)["left"] == pytest.approx(after["left"] + 0.15 * after["across"], abs=2)
    window.press(Keys.HOME)
    assert shown_image(window) == before
    window.press(".", ".")
    enlarged = shown_image(window)
    assert enlarged["width"] == pytest.approx(before["width"] * 1.96, rel=0.01)
    window.press(",", ",", ",", ",")
    assert shown_image(window) == before
    window.press(".")
    window.answer("1")
    enlarged = "return document.getElementById('stage').classList.contains('enlarged')"
    assert not window.run(enlarged), "the next image is shown as it is"


def test_the_mouse_moves_the_image_but_not_out_of_sight(window, opened, asked):
    opened(asked)
    window.press(*"......")
    before = shown_image(window)

    def drag(right: float, down: float) -> None:
        middle = {"x": before["x"] + before["across"] / 2, "y": before["y"] + before["along"] / 2}
        ends = {"x": middle["x"] + right, "y": middle["y"] + down}
        for kind, at in (("mousePressed", middle), ("mouseMoved", ends), ("mouseReleased", ends)):
            told = {"type": kind, **at, "button": "left", "buttons": 1, "clickCount": 1}
            window.driver.execute_cdp_cmd("Input.dispatchMouseEvent", told)

    drag(60, -40)
    after = shown_image(window)
    assert (after["left"] - before["left"], after["top"] - before["top"]) == (
        pytest.approx(60, abs=2),
        pytest.approx(-40, abs=2),
    )
    for _ in range(30):
        drag(-400, 0)
    last = shown_image(window)
    assert last["left"] + last["width"] == pytest.approx(last["across"], abs=2)


def test_two_fingers_enlarge_and_one_moves(window, opened, asked):
    opened(asked, PHONE)
    before = shown_image(window)
    x, y = before["x"] + before["across"] / 2, before["y"] + before["along"] / 2

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": left, "y": top, "id": number} for number, (left, top) in enumerate(places)]
        window.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 20, y), (x + 20, y))
    for apart in (30, 40, 50, 60):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    window.until(lambda: shown_image(window)["width"] > 2 * before["width"])
    after = shown_image(window)
    assert after["width"] == pytest.approx(3 * before["width"], rel=0.1)
    touch("touchStart", (x, y))
    for moved in (10, 20, 30, 40):
        touch("touchMove", (x + moved, y))
    touch("touchEnd")
    window.until(lambda: shown_image(window)["left"] > after["left"] + 20)
    assert window.run("return [scrollY, visualViewport.scale]") == [0, 1]


def test_brightness_and_contrast_stay_until_they_are_reset(window, opened, asked):
    from selenium.webdriver import Keys

    opened(asked)
    window.run("document.getElementById('brightness').focus()")
    window.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert shown_image(window)["filter"] == "brightness(1.02) contrast(1)"
    window.answer("1")
    assert shown_image(window)["filter"] == "brightness(1.02) contrast(1)"
    window.run("document.getElementById('stage').focus()")
    window.press(Keys.HOME)
    assert shown_image(window)["filter"] == "none"


def test_single_keys_can_be_turned_off(window, opened, asked):
    opened(asked)
    window.run("document.getElementById('keys').click()")
    before, index = shown_image(window), window.index
    window.press("1", ".", "#", "*", "!")
    assert (shown_image(window), window.index) == (before, index)
    assert window.run("return document.activeElement.id") != "note"


# -- notes -------------------------------------------------------------------------------------------------


def test_a_note_is_written_between_answers(window, opened, asked):
    from selenium.webdriver import Keys

    client = opened(asked)
    index = window.index
    window.press("*")
    window.press("1 too dark - #2", Keys.ENTER)
    window.until(lambda: window.text("spoken") == "Note recorded.")
    assert window.index == index, "its digits are no answers"
    assert client.state()["notes"] == {str(index): "1 too dark - #2"}
    window.press("*", "!")
    window.driver.find_element("css selector", "#classes button").click()  # without Enter for the note
    window.until(lambda: window.index != index)
    assert window.run("return document.getElementById('note').value") == ""
    assert in_force(asked) == {index: "bee"}
    assert client.state()["notes"] == {str(index): "1 too dark - #2!"}
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == index)
    assert window.run("return document.getElementById('note').value") == "1 too dark - #2!"


# -- many at once ------------------------------------------------------------------------------------------


def tiles(window: Any) -> dict[int, bool]:
    """Return the images of the grid in order, and whether each is selected."""
    script = "return [...document.querySelectorAll('.tile')].map((t) => [+t.dataset.index, t.ariaSelected])"
    return {index: selected == "true" for index, selected in window.run(script)}


def all_seen(window: Any) -> bool:
    return window.run("return [...document.querySelectorAll('.tile img')].every((image) => image.complete)")


def test_many_are_answered_and_undone_at_once(window, opened, asked):
    from selenium.webdriver import ActionChains, Keys

    opened(asked)
    window.press("#")
    window.until(lambda: len(tiles(window)) == 6)
    window.until(lambda: all_seen(window))
    order = list(tiles(window))
    window.press("1")
    assert in_force(asked) == {}, "nothing is selected"
    window.press(Keys.ARROW_RIGHT, " ")
    ActionChains(window.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).key_up(
        Keys.SHIFT
    ).perform()
    assert [index for index, selected in tiles(window).items() if selected] == order[1:4]
    assert window.text("selected") == "Your answer is for 3 images."
    window.press("2")
    window.until(lambda: list(tiles(window)) == [order[0], *order[4:]])
    assert in_force(asked) == dict.fromkeys(order[1:4], "cat")
    window.press(Keys.BACKSPACE)
    window.until(lambda: len(tiles(window)) == 6)
    assert in_force(asked) == {}
    assert [index for index, selected in tiles(window).items() if selected] == order[1:4]
    assert "Your answer 'cat' for 3 images was undone" in window.text("undone")
    window.press(Keys.ESCAPE)
    window.until(lambda: len(tiles(window)) == 3)
    assert in_force(asked) == dict.fromkeys(order[1:4], "cat")


def test_an_image_of_the_grid_is_looked_at_alone(window, opened, asked):
    from selenium.webdriver import Keys

    opened(asked)
    window.press("#")
    window.until(lambda: len(tiles(window)) == 6)
    order = list(tiles(window))
    window.press(Keys.END, Keys.ENTER)
    window.until(lambda: window.index == order[-1])
    window.until(window.seen)
    window.press("3")
    window.until(lambda: window.index == order[0])
    assert in_force(asked) == {order[-1]: "dog"}


def test_similar_images_are_near_each_other(window, opened, asked):
    client = opened(asked)
    wanted = client.ask("order/1").json["order"]
    window.press("#")
    window.until(lambda: len(tiles(window)) == 6)
    before = list(tiles(window))
    window.run("document.getElementById('by-likeness').click()")
    window.until(lambda: list(tiles(window)) == wanted)
    window.run("document.getElementById('select-all').click()")
    assert all(tiles(window).values())
    window.run("document.getElementById('by-likeness').click()")
    window.until(lambda: list(tiles(window)) == before)


# -- similar images ----------------------------------------------------------------------------------------


def test_similar_images_get_the_answer_only_if_somebody_wants_that(window, opened, photos, tmp_path):
    from selenium.webdriver import Keys

    pool = Path(shutil.copytree(photos, tmp_path / "pool"))
    for path in sorted(pool.glob("*.png")):
        with Image.open(path) as image:
            image.point(lambda value: value * 0.95).save(path.with_name(f"dark-{path.name}"))
    with create(tmp_path / "camp", str(pool), classes=TEN) as campaign:
        campaign.ask(8, strategy="random")
    client = opened(tmp_path / "camp")
    window.until(lambda: window.visible("alike"))
    beside = window.run("return [...document.querySelectorAll('#alike-images button')].map((b) => +b.value)")
    assert beside == [image["index"] for image in client.ask(f"alike/1/{window.index}").json["images"]]
    first = window.answer("1")
    assert in_force(tmp_path / "camp") == {first: "bee"}
    window.press(Keys.BACKSPACE)
    window.until(lambda: window.index == first)
    window.until(lambda: window.visible("alike"))
    window.press("=")
    assert window.text("selected") == f"Your answer is for {1 + len(beside)} images."
    window.answer("2")
    with Campaign(tmp_path / "camp") as campaign:
        given = {index: campaign.pool.answer_of(index) for index in (first, *beside)}
    assert {answer.value for answer in given.values() if answer is not None} == {"cat"}
    assert None not in given.values()


# -- guidelines --------------------------------------------------------------------------------------------


def test_guidelines_are_shown_and_nothing_in_them_runs(window, opened, asked, photos, tmp_path):
    shutil.copy(photos / "1.png", tmp_path / "bee.png")
    (tmp_path / "g.md").write_text(
        "# Animals\n\n<script>document.title = 'evil'</script> <img src=x onerror=alert(1)>\n\n"
        "## BEE\n\nIt *hums*.\n\n![A bee](bee.png)\n\n## Cat\n\nIt does not.\n"
    )
    opened(asked, guidelines=read_guidelines(tmp_path / "g.md"))
    assert not window.visible("guidelines")
    window.press("!")
    assert window.visible("guidelines")
    assert "<script>document.title = 'evil'</script>" in window.text("guidelines")
    count = "return document.querySelectorAll(arguments[0]).length"
    assert window.run(count, "#guidelines img") == 1
    assert window.run(count, "#guidelines :is(script, a, style, iframe)") == 0
    assert "evil" not in window.driver.title
    classes = "[...document.querySelectorAll('#classes button')].slice(0, 3)"
    assert window.run(f"return {classes}.map((b) => b.title)") == ["It hums.", "It does not.", ""]
    assert window.run(f"return {classes}.map((b) => b.querySelector('img')?.src.split('/').at(-1))") == [
        "0",
        None,
        None,
    ]
    window.press("!")
    assert not window.visible("guidelines")


# -- the end -----------------------------------------------------------------------------------------------


def answer_all(window: Any) -> None:
    window.press("#")
    window.until(lambda: len(tiles(window)) == 6 and all_seen(window))
    window.run("document.getElementById('select-all').click()")
    window.press("4")
    window.until(lambda: window.run("return document.getElementById('end') !== null"))
    window.press("#")


def test_the_next_images_are_asked_for_on_the_page(window, opened, asked, monkeypatch):
    class AtRandom(Campaign):
        def ask(self, n: int, **_: Any) -> Any:
            return super().ask(n, strategy="random")

    monkeypatch.setattr(asking, "Campaign", AtRandom)
    opened(asked)
    answer_all(window)
    assert "All 6 images are answered" in window.text("stage")
    field = "const field = document.getElementById('next-size');"
    assert window.run(f"{field} return [field.value, field.max]") == ["2", "2"]
    window.run(f"{field} field.value = '3'; document.getElementById('next-go').click()")
    window.until(lambda: "3 is more than the 2 images" in window.text("next-trouble"))
    window.run(f"{field} field.value = '0'; document.getElementById('next-go').click()")
    assert "at least 1" in window.text("next-trouble")
    window.run(f"{field} field.focus(); field.select()")
    window.press("2\n")
    window.until(lambda: window.text("title") == "Query 2")
    window.until(lambda: window.text("count") == "0 of 2")
    assert not window.visible("news")
    window.answer("1")
    window.until(window.seen)
    window.press("1")
    window.until(lambda: "No images are left" in window.text("stage"))
    with Campaign(asked) as campaign:
        assert len(campaign.queries) == 2


def test_the_choice_is_shown_survives_a_reload_and_can_be_stopped(window, opened, asked, monkeypatch):
    class Slow(Campaign):
        def ask(self, n: int, **_: Any) -> Any:
            import time

            with self.lock(), self.progress.bar(1000, "train") as bar:
                for _step in range(1000):
                    time.sleep(0.05)
                    bar.update(1)
            raise AssertionError("nobody has stopped it")

    monkeypatch.setattr(asking, "Campaign", Slow)
    opened(asked)
    answer_all(window)
    window.run("document.getElementById('next-go').click()")
    window.until(lambda: "Train: " in window.text("next-text"))
    window.driver.refresh()
    window.until(lambda: window.run("return document.getElementById('next-text') !== null"))
    window.until(lambda: "of 1,000" in window.text("next-text"))
    window.run("document.getElementById('next-stop').click()")
    window.until(lambda: window.text("next-trouble") == "Stopped; nothing was recorded.")
    assert window.run("return document.getElementById('next').checkVisibility()")


# -- sets of classes ---------------------------------------------------------------------------------------


def test_a_set_of_classes_is_chosen_and_sent(window, opened, asked, monkeypatch):
    from selenium.webdriver import Keys

    from alkit.campaign import resources

    monkeypatch.setitem(resources.PLAIN_KINDS, "class", ClassSet)
    client = opened(asked)
    assert client.state()["kind"] == "classes"
    window.press("2", "3", "k", Keys.ENTER, "3")
    pressed = "[...document.querySelectorAll('#classes [aria-pressed=true]')].map((b) => b.value)"
    assert window.run(f"return {pressed}") == ["cat", "kite"]
    first = window.answer(Keys.ENTER)
    second = window.answer(Keys.ENTER)
    with Campaign(asked) as campaign:
        rows = {row.index: row.answer.value for row in campaign.ledger.answers()}
    assert rows == {first: ["cat", "kite"], second: []}
    tally = "return document.querySelectorAll('#classes .tally')[1].textContent"
    assert window.run(tally) == "1"
