"""A student's plots are shown where they stand, and nothing else that a cell put out."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from PIL import Image

from autograder.classroom.gradebook import shown_pictures
from autograder.classroom.gradebook.shown_notebook import make_notebook
from autograder.classroom.gradebook.shown_pictures import LEFT_OUT, NOTEBOOK, read_picture
from autograder.course.manifest import find_lesson
from autograder.grading.notebook_choice import read_notebook
from tests.notebooks import LESSON, cell_of, reference_notebook

CLAIM = "40 of 40 points"
DEEP: list = []
for _ in range(300):
    DEEP = [DEEP]


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> str:
    """Return a picture in base64, as Jupyter writes it into a notebook."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 50).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode() + "\n"


def huge_png() -> str:
    """Return a PNG of few bytes that claims to be 60,000 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    )
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def output(data: Any, kind: str = "display_data", **more: Any) -> dict[str, Any]:
    return {"output_type": kind, "metadata": {}, "data": data, **more}


PNG, JPEG = picture(), picture("JPEG")
GIF = picture("GIF")
PLOT = output({"image/png": PNG, "text/plain": "<Figure size 640x480>"})
HOSTILE: dict[str, Any] = {
    "html": [output({"text/html": f"<script>alert(1)</script>{CLAIM}"})],
    "svg": [output({"image/svg+xml": "<svg onload='alert(1)'/>"})],
    "javascript": [output({"application/javascript": "alert(1)"})],
    "printed": [{"output_type": "stream", "name": "stdout", "text": CLAIM}],
    "result": [output({"text/plain": CLAIM}, "execute_result", execution_count=1)],
    "error": [{"output_type": "error", "ename": CLAIM, "evalue": CLAIM, "traceback": [CLAIM]}],
    "another kind of file": [output({"image/png": GIF}), output({"image/png": JPEG}), output({"image/jpeg": PNG})],
    "text": [output({"image/png": base64.b64encode(CLAIM.encode()).decode()})],
    "a head alone": [output({"image/png": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()})],
    "no base64": [output({"image/png": f'{PNG.strip()}" onerror="alert(1)'})],
    "not ascii": [output({"image/png": "ä" * 100})],
    "too many pixels": [output({"image/png": huge_png()})],
    "no list": PLOT,
    "no outputs": [5, None, "text", [PLOT], {}, {"data": 5}, {"data": [PNG]}, output({"image/png": 5}), output({})],
    "odd parts": [output({"image/png": [5, None, {}]}), output({"image/png": DEEP}), output({"image/png": {"a": PNG}})],
}


def shown(cells: Sequence[Any] = (), solution: Any = None, name: str = "split_rows") -> nbformat.NotebookNode:
    """Return what is shown of the solved lesson with ``cells`` in front, and outputs in its cell ``name``."""
    notebook = reference_notebook()
    notebook["cells"] = [*cells, *notebook["cells"]]
    if solution is not None:
        cell_of(notebook, name)["outputs"] = solution
    content = json.dumps(notebook).encode()
    text = make_notebook(read_notebook(f"{LESSON}.ipynb", content, find_lesson(LESSON)))
    found = nbformat.reads(text, as_version=4)
    nbformat.validate(found)
    return found


def code(outputs: Any, source: str = "plot()") -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs, "execution_count": 3}


def pictures_in(notebook: nbformat.NotebookNode) -> list[str]:
    data = [found.data for cell in notebook.cells for found in cell.get("outputs", ()) if "data" in found]
    return [each[kind] for each in data for kind in each if kind.startswith("image/")]


def test_plots_stand_where_they_stood() -> None:
    found = shown([code([PLOT, {"output_type": "stream", "name": "stdout", "text": "loss"}, PLOT])], [PLOT])
    assert [list(each.data) for each in found.cells[0].outputs] == [["image/png"], ["image/png"]]
    assert found.cells[0].outputs[0].data["image/png"] == PNG.strip()
    solution = next(cell for cell in found.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "split_rows")
    assert [list(each.data) for each in solution.outputs] == [["image/png"]]
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(found)
    assert page.count(f"data:image/png;base64,{PNG.strip()}") == 3
    assert "loss" not in page


def test_jpeg_and_a_picture_in_lines_are_shown() -> None:
    lines = [PNG[:20] + "\n", PNG[20:]]
    found = shown([code([output({"image/jpeg": JPEG}), output({"image/png": lines}, "execute_result")])])
    assert pictures_in(found) == [JPEG.strip(), PNG.strip()]


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_else_is_shown(kind: str) -> None:
    outputs = HOSTILE[kind]
    found = shown([code(outputs)], outputs)
    assert not any(cell.get("outputs") for cell in found.cells)
    text = json.dumps(found)
    assert CLAIM not in text
    assert "alert" not in text


def test_a_check_shows_no_picture_of_the_students() -> None:
    assert not pictures_in(shown(solution=[PLOT], name="check-split_rows"))


def test_pictures_have_a_budget_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_pictures, "CELL", 3 * len(PNG))
    found = shown([code([PLOT] * 50), code([PLOT])])
    assert [len(found.cells[0].outputs), len(found.cells[1].outputs)] == [4, 1]
    assert found.cells[0].outputs[-1].data["text/plain"] == LEFT_OUT
    monkeypatch.setattr(shown_pictures.Budget.__init__, "__defaults__", (5 * len(PNG),))
    assert len(pictures_in(shown([code([PLOT] * 2) for _ in range(30)]))) == 5


def test_fifty_megabytes_of_pictures_stay_small() -> None:
    large = picture(size=(1500, 600))
    assert len(large) > 1_000_000
    found = shown([code([output({"image/png": large})] * 3) for _ in range(15)], [output({"image/png": "A" * 2**22})])
    assert 0 < len(pictures_in(found)) < 15
    assert len(json.dumps(found)) < NOTEBOOK + 1_000_000


def test_pasted_pictures_are_pictures() -> None:
    pasted = {"plot.png": {"image/png": PNG}, "page.png": {"image/png": "<script>", "text/html": "<script>"}}
    found = shown(
        [{"cell_type": "markdown", "metadata": {}, "source": "![](attachment:plot.png)", "attachments": pasted}]
    )
    assert dict(found.cells[0].attachments) == {"plot.png": {"image/png": PNG.strip()}}


def test_a_picture_is_written_anew() -> None:
    assert read_picture("image/png", f" {PNG[:8]}\n{PNG[8:]}") == PNG.strip()
