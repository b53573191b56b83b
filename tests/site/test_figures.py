"""What a figure says of itself, in words, and that it says so in a real kernel."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder.authoring import source
from autograder.authoring.alt_texts import RUN_IN_KERNEL
from autograder.authoring.figures_in_kernel import MOST_PANELS, describe_figure
from autograder.course.manifest import find_notebook


@pytest.fixture(autouse=True)
def _no_window() -> None:
    matplotlib.use("agg")


def test_a_figure_tells_its_titles_axes_and_legends() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    figure.suptitle("Two\nruns")
    left.plot([1, 2], label="train")
    left.set(title="Loss", xlabel="epoch", ylabel="pixels²")
    left.legend()
    assert describe_figure(figure) == "Figure: Two runs. Loss (x: epoch, y: pixels²); shown: train."
    right.set_title("Faces.")
    said = describe_figure(figure)
    assert said == "Figure: Two runs. Panel 1: Loss (x: epoch, y: pixels²); shown: train. Panel 2: Faces."
    plt.close(figure)


def test_many_panels_are_counted_and_a_figure_without_words_says_nothing() -> None:
    figure, panels = plt.subplots(3, 3)
    assert describe_figure(figure) == ""
    for number, panel in enumerate(panels.flat):
        panel.set_title(f"row {number}")
    said = describe_figure(figure)
    assert said.startswith("Figure of 9 panels. Panel 1: row 0.")
    assert said.endswith(f"row {MOST_PANELS - 1}. And {9 - MOST_PANELS} panels more.")
    plt.close(figure)


def test_in_a_kernel_the_text_comes_with_the_picture_and_no_name_is_left() -> None:
    first = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.set_title('A face')\nplt.show()"
    names = "print(sorted(name for name in dir() if 'escribe' in name or name == 'runpy'))"
    cells = [new_code_cell(names), new_code_cell(first), new_code_cell("figure"), new_code_cell("plt.subplots();")]
    notebook = new_notebook(cells=cells)
    options = [f"--IPKernelApp.exec_lines={[RUN_IN_KERNEL]!r}"]
    NotebookClient(notebook, kernel_name="python3", extra_arguments=options, timeout=120).execute()
    said, shown, again, wordless = [cell.outputs for cell in notebook.cells]
    assert said[0].text == "[]\n"
    for (output,) in (shown, again):
        assert output.metadata["image/png"]["alt"] == "Figure: A face."
        assert output.data["image/png"]
    assert "alt" not in wordless[-1].metadata.get("image/png", {})
    assert wordless[-1].data["image/png"]


def test_what_an_author_says_of_a_figure_reaches_the_notebook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "00_primer.py"
    marker = '# %% mystnb={"image": {"alt": "Two faces."}} jupyter={"source_hidden": true}'
    script.write_text(f"# %% [markdown]\n# # {{{{lesson}}}}\n\n{marker}\nprint(1)\n", encoding="utf-8")
    monkeypatch.setattr(source, "source_path", lambda lesson: script)
    cell = source.source_notebook(find_notebook("00")).cells[-1]
    assert cell.metadata == {"mystnb": {"image": {"alt": "Two faces."}}, "jupyter": source.FOLDED}
