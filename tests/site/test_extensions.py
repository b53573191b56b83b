"""What the site adds to Sphinx, tried on a site of one page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from autograder.course.manifest import ROOT

pytest.importorskip("sphinx", reason="the site's tools are not installed: make site")
pytest.importorskip("myst_nb", reason="the site's tools are not installed: make site")

EXTENSIONS = ROOT / "docs" / "site" / "extensions"
CONF = """
extensions = ["myst_nb", "equations", "arrows", "face_demo", "read_aloud"]
exclude_patterns = ["demo"]
myst_enable_extensions = ["dollarmath", "amsmath"]
html_math_renderer = "mathml"
"""


def build(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "conf.py").write_text(CONF, encoding="utf-8")
    (folder / "index.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "-q", str(folder), str(folder / "out")]
    paths = os.pathsep.join([str(EXTENSIONS), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)


def page(folder: Path, text: str) -> BeautifulSoup:
    done = build(folder, text)
    assert done.returncode == 0, done.stderr
    return BeautifulSoup((folder / "out" / "index.html").read_text(encoding="utf-8"), "html.parser")


def test_equations_are_drawn_by_the_browser_without_a_script(tmp_path: Path) -> None:
    soup = page(tmp_path, "# T\n\nHere $\\frac{1}{n}$ and\n\n$$\nL = \\sum_i (p_i - t_i)^2\n$$\n")
    inline, block = soup.find_all("math")
    assert inline.find("mfrac")
    assert (inline["display"], block["display"]) == ("inline", "block")
    assert block.parent["class"] == ["equation"]
    assert not soup.find("script", src=lambda src: bool(src) and "mathjax" in src.lower())


def test_an_equation_that_is_none_is_named(tmp_path: Path) -> None:
    done = build(tmp_path, "# T\n\n$x_a_b$\n")
    assert done.returncode != 0
    assert "no equation can be made of" in done.stderr


def test_a_flowchart_is_a_table_of_its_arrows(tmp_path: Path) -> None:
    chart = (
        'flowchart TD\n  a["one<br>two"] -- "makes" --> b\n  subgraph box["in a box"]\n    b["three, <br>four"]\n'
        "  end\n  b --> c\n"
    )
    rows = page(tmp_path, f"# T\n\n```mermaid\n{chart}```\n").find("table").find_all("tr")
    cells = [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in rows]
    assert cells[1:] == [["one, two", "makes", "three, four"], ["three, four", "", "c"]]


def test_the_documents_flowcharts_are_understood() -> None:
    sys.path.insert(0, str(EXTENSIONS))
    try:
        from arrows import arrows
    finally:
        sys.path.remove(str(EXTENSIONS))
    charts = [
        block.partition("```")[0]
        for path in (ROOT / "docs").glob("*.md")
        for block in path.read_text(encoding="utf-8").split("```mermaid\n")[1:]
    ]
    assert charts
    assert all(arrows(chart) for chart in charts)


def test_a_figure_without_a_text_stops_the_site_and_an_empty_heading_gets_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    done = build(tmp_path, "# T\n\n![](a.svg)\n")
    assert done.returncode != 0
    assert "an image without an alternative text: a.svg" in done.stderr
    soup = page(tmp_path, "# T\n\n![a face](a.svg)\n\n|  | b |\n|---|---|\n| 1 | 2 |\n")
    assert soup.find("th").get_text(strip=True) == "row"


def test_the_face_demo_is_shown_where_all_of_it_is_there(tmp_path: Path) -> None:
    text = "# T\n\n```{face-demo}\n```\n"
    demo = tmp_path / "demo"
    (demo / "node_modules").mkdir(parents=True)
    (demo / "index.html").write_text("<title>demo</title>", encoding="utf-8")
    (demo / "README.md").write_text("# How it is built", encoding="utf-8")
    (demo / "model.onnx").write_bytes(b"weights" * 300_000)
    assert page(tmp_path, text).find("iframe") is None, "its runtime is not there"
    assert not (tmp_path / "out" / "demo").exists()
    (demo / "ort").mkdir()
    (demo / "ort" / "ort.mjs").touch()
    frame = page(tmp_path, text).find("iframe")
    assert frame["src"] == "demo/index.html"
    assert frame["title"]
    assert "camera" in frame["allow"]
    assert "(loads 2 MB)" in frame.find_parent("details").summary.get_text()
    copied = {path.relative_to(tmp_path / "out" / "demo").as_posix() for path in (tmp_path / "out" / "demo").rglob("*")}
    assert copied == {"index.html", "model.onnx", "ort", "ort/ort.mjs"}
