"""A lesson as a page: no solution that nobody asked for, a text for every figure, and nothing but drawn faces."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.authoring import generated, lesson_run
from autograder.authoring.alt_texts import LONGEST, pictures_of
from autograder.authoring.site import build, face_demo
from autograder.authoring.site.lesson_page import SHOW_DRAWING, SHOW_SOLUTION, lesson_page
from autograder.authoring.site.lessons_table import lessons_table
from autograder.authoring.site.settings import Settings
from autograder.course.manifest import ROOT, CourseError, Lesson, find_notebook, load_course
from autograder.course.released import reference_path, released_cells

LESSONS = load_course().notebooks
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.id for lesson in LESSONS])
DEMO = Path("demo")


def reference(lesson: Lesson) -> NotebookNode:
    return nbformat.read(reference_path(lesson), as_version=4)


def picture(**metadata: object) -> NotebookNode:
    return new_output("display_data", {"image/png": "", "text/plain": "<Figure>"}, metadata=metadata)


def without_marks(solution: str) -> str:
    return re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", solution, flags=re.MULTILINE).rstrip("\n")


def code(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@by_lesson
def test_a_page_holds_what_students_get_and_no_solution(lesson: Lesson) -> None:
    page = lesson_page(lesson, reference(lesson), "quick", Settings(DEMO))
    assert code(page) == [cell["text"] for cell in released_cells(lesson)]
    assert "BEGIN SOLUTION" not in nbformat.writes(page)


@by_lesson
def test_a_teachers_page_folds_each_solution_away_below_its_stub(lesson: Lesson) -> None:
    page = lesson_page(lesson, reference(lesson), "quick", Settings(DEMO, solutions=True))
    added = [cell for cell in page.cells if cell.metadata.get("mystnb", {}).get("code_prompt_show") == SHOW_SOLUTION]
    solutions = [cell.source for cell in reference(lesson).cells if cell.metadata.get("nbgrader", {}).get("solution")]
    assert [cell.source for cell in added] == [without_marks(solution) for solution in solutions]
    assert all("hide-input" in cell.metadata["tags"] for cell in added)
    nbformat.validate(page)


def test_the_head_of_a_page_says_what_awaits_a_student() -> None:
    first = lesson_page(find_notebook("02"), reference(find_notebook("02")), "quick", Settings(DEMO)).cells[0].source
    assert "60 minutes · 50 points · 5 exercises" in first
    assert "at the scale `quick`" in first
    assert first.startswith("# 02 · ")
    primer = lesson_page(find_notebook("00"), reference(find_notebook("00")), None, Settings(DEMO)).cells[0].source
    assert "30 minutes · to be read, not graded" in primer
    assert "Not run for this page" in primer


def test_a_lesson_opens_elsewhere_only_where_a_repository_is_known() -> None:
    lesson = find_notebook("02")
    place = "lessons/02_nan_masking/02_nan_masking.ipynb"
    links = Settings(DEMO, repository="someone/faces", branch="main").open_links(lesson)
    assert links["Colab"].endswith(f"/github/someone/faces/blob/main/{place}")
    assert "labpath=lessons%2F02_nan_masking%2F02_nan_masking.ipynb" in links["Binder"]
    assert "someone/faces" in links["Codespaces"]
    assert (ROOT / place).is_file()
    with_links = lesson_page(lesson, reference(lesson), None, Settings(DEMO, repository="someone/faces"))
    assert all(link in with_links.cells[0].source for link in links.values())
    assert "Colab" not in lesson_page(lesson, reference(lesson), None, Settings(DEMO)).cells[0].source
    with pytest.raises(CourseError, match="expected OWNER/NAME"):
        Settings(DEMO, repository="https://somewhere.org/a/b")


def test_code_that_draws_is_folded_and_progress_bars_are_left_out() -> None:
    lesson = find_notebook("00")
    drawing = new_code_cell("draw()", metadata={"jupyter": {"source_hidden": True}})
    drawing.outputs = [new_output("stream", name="stderr", text="100%"), new_output("stream", name="stdout", text="ok")]
    notebook = new_notebook(cells=[new_markdown_cell("# Title\n\nProse."), drawing])
    shown = lesson_page(lesson, notebook, "quick", Settings(DEMO)).cells[1]
    assert shown.metadata["tags"] == ["hide-input"]
    assert shown.metadata["mystnb"]["code_prompt_show"] == SHOW_DRAWING
    assert [output.name for output in shown.outputs] == ["stdout"]
    assert drawing.outputs[0].name == "stderr", "the executed notebook stays as it was"


def test_a_figure_is_told_by_hand_by_its_titles_or_by_the_prose_before() -> None:
    by_hand = new_code_cell("a()", outputs=[picture(**{"image/png": {"alt": "Figure: titles."}})])
    by_hand.metadata["mystnb"] = {"image": {"alt": "Two faces side by side."}}
    own = new_code_cell("b()", outputs=[picture(**{"image/png": {"alt": "Figure: titles."}})])
    prose = new_code_cell("c()", outputs=[picture()])
    text = "## Where `NaN` goes\n\nFirst.\n\nLook at [its weights](x.html) after **one** step:"
    notebook = new_notebook(cells=[new_markdown_cell("# T"), by_hand, new_markdown_cell(text), own, prose])
    assert [alt for _, _, alt in pictures_of(notebook)] == [
        "Two faces side by side.",
        "Figure: titles.",
        "Figure: Where NaN goes. Look at its weights after one step:",
    ]
    page = lesson_page(find_notebook("00"), notebook, "quick", Settings(DEMO))
    assert (
        page.cells[4].metadata["mystnb"]["image"]["alt"]
        == "Figure: Where NaN goes. Look at its weights after one step:"
    )
    endless = new_code_cell("d()", outputs=[picture(**{"image/png": {"alt": "word " * 1000}})])
    assert len(next(pictures_of(new_notebook(cells=[endless])))[2]) <= LONGEST


def test_the_front_page_lists_every_lesson_with_its_page() -> None:
    for lesson in LESSONS:
        assert f"](lessons/{lesson.id}/{lesson.id}.ipynb)<br>{lesson.goal} | {lesson.minutes} |" in lessons_table()


def executed(folder: Path, lesson: Lesson, **changes: object) -> Path:
    """Leave in a folder what a run of a lesson leaves there, with changes of what it says of itself."""
    kept = {
        "sources": lesson_run._sources(lesson),
        "scale": "quick",
        "comparisons": "whole",
        "drawn": True,
        "seconds": 1.0,
    }
    kept |= {"figures": []} | changes
    (folder / f".{lesson.id}.json").write_text(json.dumps(kept), encoding="utf-8")
    (folder / f"{lesson.id}.html").touch()
    nbformat.write(reference(lesson), folder / f"{lesson.id}.ipynb")
    return folder


def test_a_run_counts_while_its_source_is_the_same_and_no_photograph_was_seen(tmp_path: Path) -> None:
    lesson = find_notebook("01")
    found = lesson_run.executed_on_drawn_faces(lesson, executed(tmp_path, lesson))
    assert found is not None
    assert found[1] == "quick"
    assert lesson_run.executed_on_drawn_faces(lesson, executed(tmp_path, lesson, drawn=False)) is None
    assert lesson_run.executed_on_drawn_faces(lesson, executed(tmp_path, lesson, comparisons="brief")) is None
    assert lesson_run.executed_on_drawn_faces(lesson, executed(tmp_path, lesson, sources="of yesterday")) is None
    executed(tmp_path, lesson)
    (tmp_path / f"{lesson.id}.ipynb").unlink()
    assert lesson_run.executed_on_drawn_faces(lesson, tmp_path) is None


def test_faces_of_somebody_else_are_not_what_a_run_may_publish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in lesson_run.OTHER_FACES:
        monkeypatch.delenv(name, raising=False)
    own = ROOT / "data" / "synthetic"
    assert lesson_run._saw_drawn_faces(own)
    assert not lesson_run._saw_drawn_faces(tmp_path)
    monkeypatch.setenv("COURSE_IBUG", str(tmp_path))
    assert not lesson_run._saw_drawn_faces(own)


def test_only_what_is_missing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("COURSE_DATA", *lesson_run.OTHER_FACES):
        monkeypatch.delenv(name, raising=False)
    ran: list[str] = []
    monkeypatch.setattr(
        build, "run_lessons", lambda data, scale, comparisons, out, lessons: ran.extend(each.id for each in lessons)
    )
    for lesson in LESSONS[2:]:
        executed(tmp_path, lesson)
    build._run_missing(Settings(tmp_path), "trial")
    assert ran == [lesson.id for lesson in LESSONS[:2]]
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match="COURSE_DATA names others; unset it"):
        build._run_missing(Settings(tmp_path), "trial")


def test_without_its_tools_the_site_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="make site"):
        build.build_site(tmp_path / "site", Settings(tmp_path), run=False)


def test_work_in_the_lessons_folder_is_not_offered_to_students(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generated, "edited", lambda paths, copy: paths)
    with pytest.raises(CourseError, match="is not as it was built"):
        build.write_pages(Settings(tmp_path))


def test_the_face_demo_is_left_out_with_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(face_demo, "DEMO", tmp_path)
    monkeypatch.setattr(face_demo, "RUNTIME", tmp_path / "ort")
    assert face_demo.bring_runtime() == "", "a course without a demo lacks nothing"
    (tmp_path / "package.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(face_demo.shutil, "which", lambda name: None)
    assert face_demo.bring_runtime() == "npm is not installed"
    (tmp_path / "ort").mkdir()
    assert face_demo.bring_runtime() == ""
