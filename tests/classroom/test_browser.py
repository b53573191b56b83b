"""A student's and a teacher's way in a real browser: JupyterLab with nbgrader's extensions, as `make` starts it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autograder.__main__ import main
from autograder.course.manifest import find_lesson
from data_scripts.folders import data_folder
from tests.classroom.course_folder import database, hand_in, notebook_key
from tests.classroom.desks import NBGRADER, Desk, make_desks
from tests.classroom.jupyter import BROWSER, serving
from tests.classroom.made_up_class import make_class
from tests.notebooks import LESSON, cell_of, reference_notebook, with_code

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-long does it")
pytestmark = [
    pytest.mark.long,
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed"),
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]

PATIENCE = 300_000  # milliseconds until something has to be there, on a machine that does other things as well
FIRST, *OTHERS = ("parse_pixels", "scale_pixels", "load_faces", "split_rows")
WORK = f"lessons/{LESSON}/{LESSON}.ipynb"
NOTHING = """
def split_rows(n_rows, val_fraction=0.2, seed=0):
    return [], []
"""
BY_HAND = """
select grade.manual_score from grade join base_cell on base_cell.id = grade.cell_id
where base_cell.name = 'check-split_rows' and grade.manual_score is not null
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"], timeout=PATIENCE)
        yield found
        found.close()


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, Desk]:
    """A teacher who has released the lesson, and a student who has thrown the lesson away."""
    teacher, student = make_desks(tmp_path_factory.mktemp("desks"))
    teacher.run(NBGRADER, "release_assignment", LESSON)
    shutil.rmtree(student.folder / "lessons" / LESSON)
    # The faces are drawn once for all tests.
    student.settings["COURSE_DATA"] = str(data_folder())
    return teacher, student


def decline_news(home: Path) -> None:
    """Answer before it is asked what JupyterLab asks a newcomer, in front of what lies below: whether to bring news."""
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"fetchNews": "false"}), encoding="utf-8")


@contextmanager
def page_of(browser: Any, desk: Desk, target: str, path: str = "lab") -> Iterator[Any]:
    """Start what ``make`` starts at somebody's desk and yield a page of it in the browser."""

    def command(options: list[str]) -> list[str]:
        # With the interpreter of these tests in place of an environment that make would install first.
        return ["make", target, "-o", ".venv/.installed", f"PY={sys.executable}", f"ARGS={' '.join(options)}"]

    decline_news(desk.home)
    with serving(desk.folder, command, desk.environment(), desk.home / "server.log") as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/{path}")
        yield page
        page.close()


def open_assignments(page: Any) -> Any:
    """Open Assignment List and return it, loaded."""
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Assignment List").click()
    page.locator("#nbgrader-assignment-list .list_item", has_text=LESSON).first.wait_for()
    return page.locator("#nbgrader-assignment-list")


def open_notebook(page: Any, assignments: Any) -> None:
    """Follow the link of Assignment List to the notebook."""
    fetched = assignments.locator("#fetched_assignments_list")
    fetched.locator(".assignment-notebooks-link", has_text=LESSON).click()
    fetched.locator(".nested_list_item a", has_text=LESSON).click()
    page.locator(".jp-NotebookPanel .jp-CodeCell").first.wait_for()
    page.locator(".jp-NotebookPanel-toolbar", has_text="Python 3 (ipykernel)").wait_for()


def cell_with(page: Any, text: str) -> Any:
    return page.locator(".jp-CodeCell").filter(has=page.locator(".jp-InputArea", has_text=text)).first


def run_cell(page: Any, text: str) -> Any:
    """Run the cell that holds a text, as a student does, and return it; it has run when its number is there."""
    cell = cell_with(page, text)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    cell.locator(".jp-InputPrompt", has_text="]:").filter(has_not_text="*").filter(has_not_text="[ ]").wait_for()
    return cell


def write(page: Any, name: str) -> None:
    """Replace a stub by the reference."""
    cell_with(page, f"def {name}(").locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("".join(cell_of(reference_notebook(), name)["source"]))


def validated(page: Any) -> str:
    """Press Validate and return what it says."""
    page.locator(".validate-button").first.click()
    dialog = page.locator(".jp-Dialog", has_text="Validation Results")
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Ok").click()
    return said


def test_a_student_fetches_opens_checks_validates_submits_and_reads_the_mark(
    browser: Any, desks: tuple[Desk, Desk]
) -> None:
    teacher, student = desks
    with page_of(browser, student, "lab") as page:
        assignments = open_assignments(page)
        assignments.locator("#released_assignments_list").get_by_role("button", name="Fetch").click()
        open_notebook(page, assignments)
        assert (student.folder / WORK).read_bytes() == (teacher.folder / WORK).read_bytes()

        run_cell(page, "import autograder")
        run_cell(page, f"def {FIRST}(")
        assert "not attempted" in run_cell(page, f'autograder.check("{FIRST}")').inner_text()
        write(page, FIRST)
        run_cell(page, f"def {FIRST}(")
        assert "passed" in run_cell(page, f'autograder.check("{FIRST}")').inner_text()
        said = validated(page)
        assert "failed" in said
        assert f'autograder.check("{FIRST}")' not in said
        assert all(f'autograder.check("{name}")' in said for name in OTHERS)
        for name in OTHERS:
            write(page, name)
        assert "Success! Your notebook passes all the tests." in validated(page)

        page.get_by_role("tab", name="Assignments").click()
        assignments.locator("#fetched_assignments_list").get_by_role("button", name="Submit").click()
        submitted = assignments.locator("#submitted_assignments_list")
        submitted.locator(".nested_list_item").wait_for()

        teacher.run(NBGRADER, "collect", LESSON)
        assert "1 graded" in teacher.run(sys.executable, "-m", "autograder", "grade", "01")
        teacher.run(NBGRADER, "generate_feedback", LESSON)
        teacher.run(NBGRADER, "release_feedback", LESSON)
        submitted.get_by_role("button", name="Fetch Feedback").click()
        submitted.get_by_text("(view feedback)").click()
    (feedback,) = (student.folder / "lessons" / LESSON / "feedback").rglob("*.html")
    assert "Score: 40.0 / 40.0" in feedback.read_text(encoding="utf-8")


def test_a_teacher_opens_a_lesson_of_the_clone(browser: Any, desks: tuple[Desk, Desk]) -> None:
    teacher, _ = desks
    with page_of(browser, teacher, "lab") as page:
        open_notebook(page, open_assignments(page))
        assert page.url.endswith(WORK.removeprefix("lessons"))


def test_a_teacher_marks_by_hand_in_formgrader(browser: Any, desks: tuple[Desk, Desk]) -> None:
    teacher, _ = desks
    hand_in(teacher.folder, "partial", with_code("split_rows", NOTHING))
    teacher.run(sys.executable, "-m", "autograder", "grade", "01", "--student", "partial")
    submission = notebook_key(teacher.folder, "partial")
    with page_of(browser, teacher, "formgrader", "") as page:
        pages = page.frame_locator("iframe")
        pages.get_by_role("link", name="Manual Grading").click()
        # The assignment, its only notebook, the submission: each stands on a page of its own.
        for link in (f"gradebook/{LESSON}", f"gradebook/{LESSON}/{LESSON}", f"submissions/{submission}"):
            pages.locator(f"a[href$='/formgrader/{link}']:visible").first.click()
        mark = pages.locator("#check-split_rows")
        assert mark.get_attribute("placeholder") == "0"
        mark.fill("7")
        with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT"):
            mark.blur()
    with database(teacher.folder) as connection:
        assert connection.execute(BY_HAND).fetchall() == [(7.0,)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_class_page_fits_a_phone(browser: Any, tmp_path: Path, scheme: str) -> None:
    students = [f"student{number:03d}" for number in range(30)]
    course, _ = make_class(tmp_path / "course", students, [find_lesson("01"), find_lesson("04")], absent=0.4)
    assert main(["overview", "--course", str(course), "--no-similar"]) == 0
    page = browser.new_page(viewport={"width": 400, "height": 900}, color_scheme=scheme)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto((course / "grading" / "overview" / "index.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    hints = page.locator("#misconceptions tbody tr")
    assert hints.count() > 5
    # A hint is a few sentences: in a column of a word's width it would be as high as the screen.
    assert max(hints.nth(place).bounding_box()["height"] for place in range(hints.count())) < 300
    assert page.locator("svg.figure").first.bounding_box()["width"] >= 600
    folded = page.locator("details", has_text="student0").filter(has_text="01_pixel_parsing")
    assert not folded.get_by_text("student0").first.is_visible()
    assert not trouble
    page.close()
