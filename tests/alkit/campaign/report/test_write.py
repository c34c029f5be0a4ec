"""The report of a campaign: what stands in it, that it says what is known, that it changes nothing."""

from __future__ import annotations

import csv
import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from alkit.campaign.analysis.stopping import parse
from alkit.campaign.campaign import Campaign
from alkit.campaign.report.findings import gather_findings, pool_name
from alkit.campaign.report.write import write_report
from alkit.errors import UsageError
from alkit.reporting import figures

Alkit = Callable[..., Any]
HEADINGS = [
    "The campaign",
    "Findings",
    "Learning curve",
    "Error on the pool",
    "Queries and answers",
    "Classes",
    "Annotators and cost",
    "Time and memory",
    "Last picks",
    "Map",
    "Stopping rules",
    "Provenance",
]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the time of drawing where figures are not what matters."""
    for module in ("sections", "learning_curve", "write"):
        monkeypatch.setattr(f"alkit.campaign.report.{module}.svg", lambda paint, size, name: "<svg></svg>")


class Tags(HTMLParser):
    """What a browser finds: names of tags, values of attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: dict[str, list[str | None]] = defaultdict(list)
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attrs:
            self.attributes[name].append(value)

    def handle_data(self, data: str) -> None:
        self.text += data


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def row(page: str, first: str, section: str = "") -> list[str]:
    """Return the other cells of the first row that begins so, in a section."""
    cells = re.search(rf"<tr><td[^>]*>{first}</td>(.*?)</tr>", page[page.find(f"<h2>{section}") :])
    assert cells, first
    return re.findall(r"<td[^>]*>(.*?)</td>", cells[1])


def write(campaign: Campaign, **options: Any) -> str:
    path = campaign.directory.parent / "report.html"
    write_report(campaign, path, **options)
    return path.read_text(encoding="utf-8")


def test_all_of_it_in_one_file_that_needs_nothing(session: Campaign, tmp_path: Path, pictures: Path) -> None:
    page = write(session, rules=[parse("budget=100")])
    assert headings(page) == HEADINGS
    assert page.count("<svg role") == 3
    assert "<script" not in page and "@import" not in page
    for address in re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)", page):
        assert "".join(address).startswith(("#", "data:image/")), address
    assert str(tmp_path) not in page and str(pictures.parent) not in page, "nobody learns where files lie"
    assert len(page) < 3_000_000


def test_nothing_is_changed_and_the_same_is_written_again(
    session: Campaign, contents: Callable[[Path], dict[str, str]]
) -> None:
    before = contents(session.directory)
    assert write(session) == write(session)
    assert contents(session.directory) == before


@pytest.mark.usefixtures("undrawn")
def test_it_says_what_the_evidence_says(session: Campaign) -> None:
    page = write(session)
    found = gather_findings(session)
    assert found.evidence.comparison is not None and found.evidence.gain is not None
    assert f"Suggestion: {found.suggestion.action}." in page
    for sentence in found.sentences:
        assert sentence.replace("'", "&#39;") in page
    assert row(page, "3", "Queries") == ["margin", "24", "12", "12", "0", "0", "0", "3"]
    assert row(page, "ada") == ["36", "36", "0", "0", "-", "-"]
    assert "No answer has a cost." in page
    assert "36 labels after 3 queries" in page
    assert "9 answered images that &#39;margin&#39; chose in query 3; below" in page
    assert "3 answered images that were drawn at random as its control in query 3; below" in page


@pytest.mark.usefixtures("undrawn")
def test_where_all_is_flat_it_says_stop_and_the_rest_as_well(session: Campaign) -> None:
    page = write(session, rules=[parse("budget=40"), parse("budget=1000")])
    assert "Suggestion: stop." in page
    assert row(page, "budget=40") == [
        "yes",
        "With 36 labels, 12 more would exceed the budget of 40.",
    ]
    assert row(page, "budget=1000") == ["no", "-"]
    assert "The accuracy on the test set is" in page


@pytest.mark.usefixtures("undrawn")
def test_the_control_of_an_open_query_stays_unknown(alkit: Alkit, session: Campaign) -> None:
    alkit("query", "-c", session.directory, "-n", "10", "--control", "0.5", "-s", "margin")
    with Campaign(session.directory) as campaign:
        page = write(campaign)
        asked = campaign.queries[-1]
    assert row(page, "4", "Queries")[-2:] == ["10", "5"]
    assert "in query 3; below" in page and "in query 4; below" not in page
    assert not [pick.image for pick in asked.picks if pick.image in page]
    assert "Only some control images" not in page, "none is"


@pytest.mark.usefixtures("undrawn")
def test_a_control_that_is_answered_in_part_is_said_to_be_no_sample(
    alkit: Alkit, answered: Path, tmp_path: Path
) -> None:
    query = alkit("query", "-c", answered, "-n", "10", "--control", "0.5", "-s", "margin", "--json").json
    first = next(pick["image"] for pick in query["picks"] if pick["control"])
    (tmp_path / "one.csv").write_text(f"image,label\n{first},{first.split('/')[0]}\n")
    alkit("ingest", "-c", answered, tmp_path / "one.csv")
    with Campaign(answered) as campaign:
        page = write(campaign)
    assert "Only some control images of query 4 are answered" in page
    assert first not in page, "pictures wait until all are answered"


@pytest.mark.usefixtures("undrawn")
def test_a_new_campaign_has_a_report_that_says_what_is_missing(campaign: Path) -> None:
    with Campaign(campaign) as fresh:
        page = write(fresh, rules=[parse("accuracy=0.9"), parse("budget=10")])
    assert "0 labels after 0 queries" in page
    assert "accuracy is unknown: there is no test set" in page
    assert "There is no curve yet" in page
    assert "There are no queries yet." in page
    assert "There is no map: nothing has been trained yet." in page
    assert row(page, "accuracy=0.9")[0] == "unknown"
    assert row(page, "budget=10")[0] == "no"


@pytest.mark.usefixtures("undrawn")
def test_without_a_test_set_the_control_makes_the_curve(
    alkit: Alkit, labeled: Path, fill_in: Callable[..., Path], tmp_path: Path
) -> None:
    for number in (1, 2):
        alkit("query", "-c", labeled, "-n", "10", "--control", "0.5", "-s", "margin")
        alkit("ingest", "-c", labeled, fill_in(labeled / "queries" / f"{number:03d}.csv", tmp_path / "a.csv"))
    with Campaign(labeled) as campaign:
        page = write(campaign)
        (first, _) = campaign.queries
    right = sum(bool(pick.correct) for pick in first.picks if pick.control)
    assert re.search("random images.* by number of labels", page)
    label, shown = row(page, "12"), f"{right / 5:.3f} ["
    assert label[0].startswith(shown) and label[1] == "5"


@pytest.mark.usefixtures("undrawn")
def test_a_metric_without_interval_is_drawn_and_said_to_have_none(
    session: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from alkit.campaign.record.trainings import CycleRecord

    records = [
        CycleRecord(dataclasses.replace(record.trained, metrics={"mean_error": 0.5}))
        for record in session.history()
    ]
    for module in ("campaign", "analysis.evidence"):
        monkeypatch.setattr(f"alkit.campaign.{module}.history", lambda _: records)
    assert re.search("Test mean error by number of labels.*no .*interval", write(session))


@pytest.mark.usefixtures("undrawn")
def test_lost_images_are_a_sentence(session: Campaign) -> None:
    session.resources.forget_images()
    page = write(session)
    assert "Map" in headings(page) and page.count("<svg") == 2


@pytest.mark.usefixtures("undrawn")
def test_only_an_earlier_report_is_written_over(session: Campaign) -> None:
    path = session.directory.parent / "deep" / "page.html"
    write_report(session, path, places="none")
    assert headings(path.read_text(encoding="utf-8"))[-2:] == ["Last picks", "Provenance"]
    write_report(session, path, places="none")
    path.write_text("<html>mine</html>")
    with pytest.raises(UsageError, match=r"page\.html exists and is not a report"):
        write_report(session, path)
    assert path.read_text() == "<html>mine</html>"
    with pytest.raises(UsageError, match="exists and is not a report"):
        write_report(session, path.parent)


def test_many_classes_are_cut_in_the_figure_and_whole_in_the_table(
    session: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alkit.campaign.report.sections.MOST_CLASSES", 2)
    page = write(session, places="none")
    assert "The 2 most frequent of 3 classes." in page
    assert "3, the first of them red, green" in page
    assert all(len(row(page, color)) == 5 for color in ("red", "green", "blue"))


def test_a_pool_is_named_without_its_place(tmp_path: Path) -> None:
    assert pool_name(str(tmp_path / "photos")) == "photos"
    assert pool_name("cifar10/test") == "cifar10/test"


def test_names_cannot_inject_anything(alkit: Alkit, pictures: Path, tmp_path: Path) -> None:
    tag, quote, braces = "<script>alert(1)<!--", '"onload="alert(1)', "{{ 7 * 7 }}</style>"
    pool, directory = tmp_path / "<img>pool", tmp_path / "<img>birds"
    (pool / quote).mkdir(parents=True)
    for source in sorted(pictures.rglob("*.png"))[:6]:
        shutil.copy(source, pool / quote / f"'><img src=x onerror=alert(1)> {source.name}")
    alkit("init", directory, "--pool", pool, "--classes", f"{tag},{quote}")
    listed = alkit("query", "-c", directory, "-n", "4", "--json").json["picks"]
    with open(tmp_path / "answers.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image", "label"], *((pick["image"], braces) for pick in listed)])
    alkit("ingest", "-c", directory, tmp_path / "answers.csv", "--annotator", tag, "--allow-new-classes")
    with Campaign(directory) as campaign:
        page = Tags(write(campaign))
    assert not page.names & {"script", "img", "link", "iframe"}
    assert not [name for name in page.attributes if name.startswith("on")]
    classes, annotators = page.text.split("Annotators and cost")[-2:]
    assert all(name in classes for name in (tag, quote, braces)) and tag in annotators
    assert "Campaign <img>birds" in page.text and "<img>pool: 6 images" in page.text
    assert f"{listed[0]['image']}: labeled {braces}" in page.attributes["aria-label"]


def test_the_figures_keep_the_style_of_all_others(session: Campaign) -> None:
    page = write(session)
    assert f"var(--c-{figures.BLUE[1:]}, {figures.BLUE})" in page
