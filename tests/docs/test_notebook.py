"""The notebook of the tutorial runs from top to bottom, and is committed with what it shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

PLACE = "docs/tutorial/notebook.ipynb"
MOST_BYTES = 100_000


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def shown(cell):
    """Return the kinds of a cell's outputs."""
    return [(output["output_type"], *sorted(output.get("data", ()))) for output in cell.get("outputs", ())]


def plain(cell):
    """Return a cell's outputs as text, without numbers, which differ between machines."""
    texts = [
        "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
        for output in cell["outputs"]
    ]
    return re.sub(r"[\d,.]+", "#", "\n".join(texts))


def test_the_notebook_is_committed_with_its_outputs(documentation):
    path = documentation.root / PLACE
    assert path.stat().st_size < MOST_BYTES
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"execute_result", "stream"}
    assert {output["name"] for output in outputs if output["output_type"] == "stream"} == {"stdout"}
    text = json.dumps(outputs)
    assert "data:image/png" in text and "<svg" in text
    assert "\\r" not in text and "widget" not in text
    for place in ("/home/", "/tmp/", "/root/", "/Users/"):
        assert place not in text


def test_links_of_the_notebook_lead_somewhere(documentation):
    text = "".join("".join(cell["source"]) for cell in cells(documentation.root / PLACE))
    links = re.findall(r"\]\((\S+?)\)", text)
    assert links
    for link in links:
        local = documentation.local(link)
        assert local is not None and (documentation.root / local).exists(), link


@pytest.mark.slow
def test_the_notebook_runs(documentation, tmp_path):
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    script, again = documentation.root / "scripts" / "run-notebook", tmp_path / "again.ipynb"
    subprocess.run([sys.executable, str(script), str(again)], check=True, timeout=280)
    before, now = cells(documentation.root / PLACE), cells(again)
    assert [cell["source"] for cell in now] == [cell["source"] for cell in before]
    for cell, earlier in zip(now, before, strict=True):
        assert shown(cell) == shown(earlier), cell["source"]
    asked = next(cell for cell in now if "open_source" in "".join(cell["source"]))
    assert plain(asked) == "<IngestReport: # accepted; # still open>"
    trained = next(cell for cell in now if "campaign.train()" in "".join(cell["source"]))
    accuracy = re.findall(r"test accuracy (\d\.\d+)", json.dumps(trained["outputs"]))
    assert len(accuracy) == 4
    assert float(accuracy[-1]) > float(accuracy[0])
