"""The report of a benchmark: what stands in it, that it says what was computed, that it needs nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from alkit.bench.records import RECORDS, read_all, write
from alkit.bench.report import compare_report, write_report
from alkit.bench.report.evidence import guessed_direction, read_report_data
from alkit.bench.report.wording import NumberFormat
from alkit.errors import BenchmarkError
from alkit.reporting import figures

HEADINGS = [
    "Setup",
    "Summary",
    "Learning curves",
    "Differences from the baseline",
    "Results",
    "Pairwise wins",
    "Average ranks",
    "Costs",
    "Diagnostics",
    "Checks and failures",
    "Provenance",
]
SMALL = {"seeds": 3, "cycles": 2}
Results = Callable[..., Path]
VOID = {"meta", "link", "br", "img", "path", "use"}


class Page(HTMLParser):
    """What a browser would find: headings, tables, references, and tags that close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.headings: list[str] = []
        self.references: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID or tag in ("path", "use"):
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "data", "action", "poster"):
                self.references.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "h2" in self.open:
            self.headings.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data

    def rows(self, head: str) -> dict[str, list[str]]:
        """Return the rows of the table with that column, by their first cell."""
        table = next(table for table in self.tables if head in table[0])
        return {row[0]: row[1:] for row in table[1:]}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, make_results: Results) -> Path:
    """A report of three strategies, for reading only."""
    folder = make_results(
        tmp_path_factory.mktemp("report") / "results", ("random", "entropy", "vaal"), **SMALL
    )
    write_report(folder)
    return folder


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the time of drawing where figures are not what matters."""
    monkeypatch.setattr(figures, "svg", lambda paint, size, name: f'<svg aria-label="{name}"></svg>')


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_and_the_markdown_have_the_same_sections_in_order(written: Path) -> None:
    markdown = (written / "report.md").read_text(encoding="utf-8")
    assert page_of(written).headings == HEADINGS
    assert re.findall(r"^## (.*)$", markdown, re.MULTILINE) == HEADINGS


def test_cells_that_differ_in_seed_and_date_only_are_told_together(written: Path) -> None:
    provenance = json.loads((written / "summary.json").read_text())["provenance"]
    assert len({told["strategy"] for told in provenance}) == len(provenance)
    assert all(told["seeds"] == [0, 1, 2] for told in provenance)
    assert {(told["from"], told["to"]) for told in provenance} == {
        ("2026-11-23T10:00:00Z", "2026-11-23T10:02:00Z")
    }


def test_numbers_in_the_table_are_those_of_the_statistics(written: Path) -> None:
    rows = page_of(written).rows("labels saved")
    comparison = json.loads((written / "summary.json").read_text())["comparison"]
    assert [*rows] == ["random", "entropy", "vaal"]
    for summary in comparison["summaries"]:
        final, area = summary["final"], summary["area"]
        cells = rows[summary["strategy"]]
        interval = f"[{final['low']:.4f}, {final['high']:.4f}]"
        assert cells[0] == f"{final['mean']:.4f} ± {final['std']:.4f} {interval}"
        assert cells[1] == f"{area['mean']:.4f}"
    for one in comparison["versus"]:
        cells, area = rows[one["strategy"]], one["area"]["estimate"]
        assert cells[2] == f"{area['mean']:+.4f} [{area['low']:+.4f}, {area['high']:+.4f}]"
        assert cells[4] == one["verdict"]
        assert one["sentence"] in page_of(written).text
    assert rows["random"][4] == "baseline"


def test_every_figure_of_the_markdown_is_there_and_no_other(written: Path) -> None:
    markdown = (written / "report.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\((figures/[^)]*)\)", markdown)
    assert sorted(named) == sorted(f"figures/{path.name}" for path in (written / "figures").iterdir())
    assert len(named) > 6


def test_the_page_loads_nothing_and_runs_nothing(written: Path) -> None:
    page = page_of(written)
    assert "script" not in page.tags and "link" not in page.tags and "iframe" not in page.tags
    assert all(reference.startswith(("#", "data:image/png")) for reference in page.references)
    text = (written / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import", text)
    assert (written / "report.html").stat().st_size < 3e6


def test_what_drawings_refer_to_is_on_the_page_once_or_the_same(written: Path) -> None:
    page = page_of(written)
    used = {reference[1:] for reference in page.references if reference.startswith("#")}
    assert used <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_same_records_give_the_same_bytes(fake_results: Results, contents: Any) -> None:
    how: dict[str, Any] = {"seeds": 2, "cycles": 1, "strategies": ("random",), "imbalance": "step"}
    first, second = fake_results(name="a", **how), fake_results(name="b", **how)
    for folder in (first, second):
        write_report(folder)
    assert contents(first) == contents(second)


def test_names_cannot_inject_anything(fake_results: Results) -> None:
    evil = "<script>alert(1)</script> & | `x`"
    folder = fake_results(("random", evil), seeds=2, cycles=1)
    write_report(folder)
    page = page_of(folder)
    assert "script" not in page.tags
    assert evil in page.text
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    before_protocol = markdown[: markdown.index("```toml")]
    assert "<script" not in before_protocol and r"\| \`x\`" in before_protocol
    assert all(re.fullmatch(r"[a-z0-9-]+\.svg", path.name) for path in (folder / "figures").iterdir())


@pytest.mark.usefixtures("undrawn")
def test_a_partial_suite_with_failures_says_so(
    fake_results: Results, fake_records: Callable[..., Any]
) -> None:
    names = ("random", "vaal")
    records = [
        record
        for record in fake_records(names, **SMALL)
        if not (record["strategy"] == "vaal" and record["seed"] == 2 and record.get("cycle", 0) > 0)
    ]
    error = "TrainingDiverged: the loss became NaN"
    records.append({"kind": "failed", "strategy": "vaal", "seed": 2, "cycle": 1, "error": error})
    folder = fake_results(names, records=records, **SMALL)
    write_report(folder)
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "partial: 5 of 6 cells are complete" in text
        assert f"vaal, seed 2, cycle 1: {error}" in text
        assert "No cell failed" not in text
    assert "Only 2 of 3 seeds are complete for vaal" in page_of(folder).text


@pytest.mark.usefixtures("undrawn")
def test_cells_of_several_processors_are_told_of(
    fake_results: Results, fake_records: Callable[..., Any]
) -> None:
    names = ("random", "vaal")
    records = fake_records(names, **SMALL)
    folder = fake_results(names, records=records, **SMALL)
    write_report(folder, folder)
    assert "several places" not in (folder / "report.md").read_text()
    cells = [record for record in records if record["kind"] == "cell"]
    for place, cell in enumerate(one for one in cells if one["seed"] == 1):
        cell["machine"] = {**cell["machine"], "cpu": "Another CPU"}
        folder = fake_results(names, name=f"mixed{place}", records=records, **SMALL)
        write_report(folder, folder)
        said = "several places" in (folder / "report.md").read_text()
        assert said == (place == 0), "where all cells of a seed ran in one place, pairs are alike"
    cells[0]["machine"] = {**cells[0]["machine"], "cpu": "Another CPU"}
    folder = fake_results(names, name="mixed", records=records, **SMALL)
    write_report(folder, folder)
    told = " ".join((folder / "report.md").read_text().split())
    assert "in several places: 3 cells on Another CPU, cpu, torch" in told
    assert "and 3 cells on Some CPU" in told


@pytest.mark.usefixtures("undrawn")
def test_one_seed_has_no_intervals_and_no_verdicts(fake_results: Results) -> None:
    folder = fake_results(("random", "vaal"), seeds=1, cycles=2)
    write_report(folder)
    page = page_of(folder)
    assert re.search(r"\bonly one seed\b.* no intervals and no tests", page.text)
    assert "±" not in page.rows("labels saved")["vaal"][0]
    assert all("verdict" not in table[0] for table in page.tables)
    assert "better than random" not in page.text


def test_one_strategy_alone_has_nothing_to_be_compared_with(fake_results: Results) -> None:
    folder = fake_results(("random",), seeds=2, cycles=1)
    write_report(folder)
    page = page_of(folder)
    assert "only one strategy, random," in page.text
    assert page.headings and not any("baseline" in heading for heading in page.headings)
    assert not any("wins" in heading for heading in page.headings)


@pytest.mark.usefixtures("undrawn")
def test_without_random_the_first_strategy_is_the_baseline(fake_results: Results) -> None:
    folder = fake_results(("entropy", "vaal"), seeds=2, cycles=1)
    write_report(folder)
    assert re.search(r"no records of random sampling\b.*\bentropy, the first strategy", page_of(folder).text)


@pytest.mark.usefixtures("undrawn")
def test_a_metric_that_is_better_low_has_verdicts_the_right_way_round(fake_results: Results) -> None:
    folder = fake_results(("random", "ta-vaal"), seeds=5, cycles=3, metric="mae", falls=True)
    write_report(folder)
    page = page_of(folder)
    row = page.rows("labels saved")["ta-vaal"]
    assert row[2].startswith("-") and row[4] == "better"
    assert "lower is better" in page.text


def test_the_direction_that_the_task_declared_wins_over_the_name(
    tmp_path: Path, fake_results: Results
) -> None:
    folder = fake_results(("random", "ta-vaal"), seeds=5, cycles=3, metric="mae", falls=True)
    path = folder / "records.jsonl"
    told = [json.loads(line) for line in path.read_text().splitlines()]
    cells = [record for record in told if record["kind"] == "cell"]
    for record in cells[1:]:  # an older alkit made the first one
        record["lower_is_better"] = ["gap"]
    path.write_text("".join(json.dumps(record) + "\n" for record in told))
    found = read_report_data(folder)
    assert found.is_better_high("mae") and found.is_better_high("plain_mae")
    assert not found.is_better_high("gap") and not found.is_better_high("plain_gap")


@pytest.mark.parametrize(
    ("metric", "higher"),
    [("accuracy", True), ("mean_iou", True), ("mae", False), ("plain_loss", False), ("box-error", False)],
)
def test_directions_go_by_name_in_records_that_do_not_tell(metric: str, higher: bool) -> None:
    assert guessed_direction(metric) is higher


@pytest.mark.parametrize(("imbalance", "skewed"), [("step", False), ("none", True)])
@pytest.mark.usefixtures("undrawn")
def test_classes_and_balanced_accuracy_appear_where_they_matter(
    fake_results: Results, imbalance: str, skewed: bool
) -> None:
    folder = fake_results(("random", "vaal"), imbalance=imbalance, skewed=skewed, seeds=2, cycles=1)
    write_report(folder)
    assert "Classes picked" in page_of(folder).headings
    assert (folder / "figures" / "balanced.svg").exists()
    assert json.loads((folder / "summary.json").read_text())["balanced"]["metric"] == "balanced_accuracy"
    every = read_all(folder)
    for record in every:
        if record["kind"] == "cycle":
            record["metrics"]["balanced_accuracy"] = record["metrics"]["accuracy"]
    write(folder / RECORDS, every)
    assert read_report_data(folder).balanced is None  # it would say the same again


@pytest.mark.usefixtures("undrawn")
def test_strategies_are_compared_at_equal_human_cost(fake_results: Results) -> None:
    folder = fake_results(("random", "entropy"), **SMALL)
    every = read_all(folder)
    for record in every:
        if record["kind"] == "cycle":  # what entropy picks has three times as many boxes
            many = 3 if record["strategy"] == "entropy" else 1
            record["effort"] = {"boxes": 10 + 10 * many * record["cycle"]}
            record["metrics"] = {"accuracy": 0.3 + 0.1 * record["cycle"] * (1.2 if many > 1 else 1)}
    write(folder / RECORDS, every)
    write_report(folder)
    page = page_of(folder)
    assert "At equal human cost" in page.headings
    rows = page.rows("at equal boxes")
    assert [rows[name][0] for name in ("random", "entropy")] == ["30", "70"]
    assert rows["entropy"][2].startswith("-") and rows["entropy"][1].startswith("+")
    assert "From the best to the worst mean by boxes: random, entropy." in page.text
    assert "By number of images the order is another one: there, entropy is ahead of random." in page.text
    assert "entropy is better by images and worse by boxes" in page.text
    found = json.loads((folder / "summary.json").read_text())["equal_cost"]
    assert [(one["unit"], one["order"], one["swapped"]) for one in found] == [
        ("boxes", ["random", "entropy"], [["entropy", "random"]])
    ]


@pytest.mark.parametrize("boundaries", [False, True])
def test_maps_of_picks_are_drawn(
    fake_results: Results, fake_map: Callable[..., Any], boundaries: bool
) -> None:
    names = ("random", "vaal")
    plane = fake_map(names, points=500, boundaries=boundaries)
    folder = fake_results(names, plane=plane, seeds=2, cycles=1)
    write_report(folder)
    page = page_of(folder)
    assert "Maps of picks" in page.headings
    assert ("Regions show the class" in page.text) is boundaries
    assert any(reference.startswith("data:image/png") for reference in page.references)
    assert len(list((folder / "figures").glob("map-*.svg"))) == 2


def test_a_map_that_is_none_is_an_error(fake_results: Results, fake_map: Callable[..., Any]) -> None:
    plane = fake_map(("random",), points=10)
    plane["strategies"]["random"]["picked"] = [10]
    folder = fake_results(("random",), plane=plane, seeds=2, cycles=1)
    with pytest.raises(BenchmarkError, match=r"map\.json .*map of picks \("):
        write_report(folder)


@pytest.mark.usefixtures("undrawn")
def test_figures_of_an_earlier_report_go_away(fake_results: Results) -> None:
    folder = fake_results(("random",), seeds=2, cycles=1)
    (folder / "figures").mkdir()
    (folder / "figures" / "old.svg").write_text("<svg/>")
    write_report(folder)
    assert not (folder / "figures" / "old.svg").exists()


def test_no_records_of_cycles_say_why(fake_results: Results) -> None:
    failed = {"kind": "failed", "strategy": "random", "seed": 0, "cycle": 0, "error": "out of memory"}
    folder = fake_results(("random",), records=[failed])
    with pytest.raises(BenchmarkError, match="a cell failed: out of memory"):
        read_report_data(folder)


def test_shares_of_classes_are_counted_over_all_picks(
    fake_results: Results, fake_records: Callable[..., Any]
) -> None:
    records = fake_records(("random",), seeds=1, cycles=2)
    cycles = [record for record in records if record["kind"] == "cycle"]
    for record, counts in zip(cycles, ([1, 0], [2, 1], []), strict=True):
        record["classes_picked"] = counts
    cycles[-1]["classes_labeled"] = [3, 1]
    folder = fake_results(("random",), records=records, seeds=1, cycles=2)
    evidence = read_report_data(folder)
    assert evidence.picked_shares == {"random": (0.75, 0.25)}
    assert evidence.pool_shares == (0.75, 0.25)
    assert evidence.is_imbalanced and not evidence.is_skewed


@pytest.mark.parametrize(
    ("largest", "written"),
    [(0.61, "0.6100"), (6.1, "6.100"), (61.0, "61.00"), (6100.0, "6100"), (0.0, "0.0000")],
)
def test_digits_suit_the_size(largest: float, written: str) -> None:
    assert NumberFormat.of_values([largest, None]).number(largest) == written


def test_two_suites_are_compared_as_markdown(fake_results: Results, fake_records: Callable[..., Any]) -> None:
    a = fake_results(("random", "vaal"), name="a", **SMALL)
    b = fake_results(("random", "vaal", "entropy"), name="b", **SMALL)
    same = compare_report(a, a)
    assert "suites are identical" in same and "| vaal | 3 | +0.0000" in same
    assert f"entropy: only in {b}." in compare_report(a, b)
    changed = fake_records(("random", "vaal"), **SMALL)
    for record in changed:
        if record["kind"] == "cycle" and record["strategy"] == "vaal":
            record["metrics"]["accuracy"] += 0.1 + 0.001 * record["seed"]
    c = fake_results(("random", "vaal"), name="c", records=changed, **SMALL)
    text = compare_report(a, c)
    assert "The area of vaal changed" in text and "| 9 of 9 |" in text
