"""Round trips: labels that go out and come back through formats, pairs of formats, and other tools.

    python benchmarks/roundtrips.py
    python benchmarks/roundtrips.py --examples 200 --datumaro-python tools/bin/python

Hypothesis makes the labels: boxes at thousandths of a pixel, masks with single pixels, holes and void, sets,
numbers. Each goes through each format five times, and through each pair of formats. A box may move by 0.01
pixel, and no pixel of a mask may change. What the labels cannot say, such as names of files, empty images and
crowds, is tried by itself. Tools that are installed (pycocotools, supervision, labelformat, datumaro) read
what alkit writes and write it again. The exit code is 1 if a format of alkit loses anything without
refusing it.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import itertools
import json
import platform
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from roundtrip_cases import tools
from roundtrip_cases.features import FEATURES, NONE
from roundtrip_cases.made import Pool, answers, make_pool
from roundtrip_cases.trips import compare, trip

import alkit
from alkit.interfaces.labels import PLAIN_KINDS
from alkit.plugin import registry

RESULTS = Path(__file__).parent / "results" / "roundtrips"
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "round-trips.md"
START, END = "<!-- written by benchmarks/roundtrips.py -->\n", "<!-- end -->"
TRIPS = 5
IMAGES = ("a.png", "a.jpg", "with blank.png")
GOOD = ("kept", "refused", NONE, "taken by name")


def formats(kind: str) -> list[str]:
    """Return the formats that read and write labels of a kind."""
    known = {plugin.name: registry.formats.get(plugin.name) for plugin in registry.formats}
    return sorted(name for name, cls in known.items() if kind in cls.kinds and name != "huggingface")


def through(names: tuple[str, ...], kind: str, examples: int) -> str:
    """Send made labels through formats, one after another; say whether all is kept, or what is not."""
    with tempfile.TemporaryDirectory() as place:
        pool = make_pool(Path(place), kind, names=IMAGES)
        number = itertools.count()
        largest = 0.0

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(answers(pool))
        def check(texts: Mapping[int, str]) -> None:
            nonlocal largest
            sent = _canonical(pool, texts)
            now = dict(sent)
            for name in names:
                arrived = trip(name, pool, now, Path(place) / f"trip-{next(number)}")
                assert not arrived.rejected, arrived.rejected[0]
                assert not arrived.doubled, "an image has two answers"
                now = arrived.texts
            difference = compare(pool, sent, now)
            largest = max(largest, difference.pixels)
            assert difference.lossless, f"{difference}"

        try:
            with contextlib.redirect_stdout(io.StringIO()):
                check()
        except Exception as error:
            return f"LOST: {' '.join(str(error).split())[:200]}"
        return f"kept within {largest:.4f} pixels" if largest else "kept"


def _canonical(pool: Pool, texts: Mapping[int, str]) -> dict[int, str]:
    items = {item.index: item for item in pool.items}
    return {index: pool.labels.text(pool.parse(text, items[index])) for index, text in texts.items()}


def of_formats(kind: str, examples: int) -> Iterator[dict[str, str]]:
    """Yield what each format keeps of a kind of labels."""
    for name in formats(kind):
        row = {"kind": kind, "format": name}
        row["labels"] = through((name,), kind, examples)
        row[f"{TRIPS} trips"] = through((name,) * TRIPS, kind, max(2, examples // TRIPS))
        for feature, look in FEATURES.items():
            with tempfile.TemporaryDirectory() as place:
                row[feature] = look(name, kind, Path(place))
        yield row


def of_pairs(kind: str, examples: int) -> dict[str, str]:
    """Return what pairs of formats lose of a kind of labels; those that lose nothing are left out."""
    pairs = itertools.permutations(formats(kind), 2)
    found = {f"{one} > {other}": through((one, other), kind, examples) for one, other in pairs}
    return {pair: said for pair, said in found.items() if not said.startswith("kept")}


def of_tools() -> Iterator[dict[str, str]]:
    """Yield what other tools keep."""
    for conversion in tools.CONVERSIONS:
        if tools.version(conversion.tool) is None:
            continue
        with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(io.StringIO()):
            said = tools.outcome(conversion, Path(place))
        drawn = dict(conversion.options).get("masks")
        yield {
            "tool": conversion.tool,
            "kind": conversion.kind,
            "from": conversion.source + (f" ({drawn}s)" if drawn else ""),
            "to": conversion.target,
            "outcome": said,
        }


def table(rows: list[dict[str, str]], leave_out: tuple[str, ...] = ()) -> str:
    """Return rows as a table of Markdown."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in leave_out]
    names = [name for name in names if any(row.get(name, NONE) != NONE for row in rows)]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(row.get(name, '') for name in names)} |" for row in rows]
    return "\n".join(lines)


def markdown(result: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    used = ", ".join(f"{name} {number}" for name, number in result["tools"].items()) or "none"
    parts = [
        f"`{result['command']}`, {result['date']}, alkit {alkit.__version__}; {result['examples']} made "
        f"examples for each format. Tools: {used}."
    ]
    for kind in PLAIN_KINDS:
        rows = [row for row in result["formats"] if row["kind"] == kind]
        lost = {pair: said for pair, said in result["pairs"].get(kind, {}).items()}
        pairs = f"{len(formats(kind)) * (len(formats(kind)) - 1)} pairs of formats: "
        said = "all keep everything." if not lost else "; ".join(f"{p}: {s}" for p, s in lost.items())
        parts += [f"### Labels of kind `{kind}`", table(rows, ("kind",)), pairs + said]
    if result["conversions"]:
        parts += ["### Other tools", table(result["conversions"])]
    return "\n\n".join(parts) + "\n"


def losses(result: dict[str, Any]) -> list[str]:
    """Return what alkit's own formats lose."""
    found = [
        f"{row['kind']} in {row['format']}, {name}: {said}"
        for row in result["formats"]
        for name, said in row.items()
        if name not in ("kind", "format") and not said.startswith(GOOD)
    ]
    pairs = [f"{kind}, {pair}: {said}" for kind, all in result["pairs"].items() for pair, said in all.items()]
    return found + pairs


def main() -> int:
    """Try everything and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", type=int, default=50, help="made examples for each format and kind")
    parser.add_argument("--kind", choices=[*PLAIN_KINDS], action="append", help="only labels of this kind")
    parser.add_argument("--datumaro-python", help="the Python that has datumaro, if it is another one")
    parser.add_argument("--out", type=Path, help="path of the results, without .json and .md")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    tools.DATUMARO["python"] = given.datumaro_python
    kinds = given.kind or [*PLAIN_KINDS]
    used = {name: tools.version(name) for name in dict.fromkeys(c.tool for c in tools.CONVERSIONS)}
    other = " --datumaro-python PYTHON" if given.datumaro_python else ""
    result: dict[str, Any] = {
        "command": f"python benchmarks/roundtrips.py --examples {given.examples}{other}",
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "examples": given.examples,
        "tools": {name: number for name, number in used.items() if number is not None},
        "formats": [row for kind in kinds for row in of_formats(kind, given.examples)],
        "pairs": {kind: of_pairs(kind, max(2, given.examples // 10)) for kind in kinds},
        "conversions": list(of_tools()),
    }
    text = markdown(result)
    print(text)
    if given.out is not None:
        given.out.with_suffix(".json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        given.out.with_suffix(".md").write_text(text)
        if given.out.resolve() == RESULTS and PAGE.exists():
            page = PAGE.read_text()
            head, rest = page.split(START, 1)
            PAGE.write_text(f"{head}{START}{text}{END}{rest.split(END, 1)[1]}")
    for loss in (lost := losses(result)):
        print(f"lost: {loss}", file=sys.stderr)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
