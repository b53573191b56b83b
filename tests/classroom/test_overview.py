"""The class page: its numbers add up, its tables agree with it, and no student's name can do harm in either."""

from __future__ import annotations

import csv
import html
import json
import re
import statistics
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from nbgrader.api import Grade, Gradebook

from autograder.__main__ import main
from autograder.classroom.folders.settings import load_settings
from autograder.classroom.gradebook.marks import ClassMarks, Graded, Mark, Person, read_class
from autograder.classroom.overview.facts import ClassFacts, all_tables
from autograder.classroom.overview.matrix import SCRIPT_POLICY, _score, heat
from autograder.classroom.overview.page import make_page
from autograder.classroom.overview.pieces import MOST_ROWS
from autograder.classroom.overview.summary import distribution_table, student_table
from autograder.course.manifest import find_lesson
from tests.classroom.course_folder import hand_in, make_course
from tests.classroom.made_up_class import make_class, make_entry
from tests.notebooks import LESSON

LESSONS = [find_lesson("01"), find_lesson("02")]
lesson = LESSONS[0]
FORMULA = '=HYPERLINK("http:evil","click")'
HOSTILE = [FORMULA, "+1", "-2+3", "@SUM(1)", "<script>alert(1)<script>", "a\u202eb", "two\nlines", "Zoë Nuñez 你好"]
STUDENTS = [f"student{number}" for number in range(6)] + HOSTILE


class Tables(HTMLParser):
    """The tables of a page, as lists of rows of texts, and what its elements ask for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.tables[-1][-1][-1] += data

    def with_columns(self, *columns: str) -> list[list[str]]:
        """Return the rows of the one table that begins with these columns."""
        found = [rows for rows in self.tables if tuple(rows[0][: len(columns)]) == columns]
        assert len(found) == 1, columns
        return found[0][1:]


def read_csv(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    course, results = make_class(tmp_path_factory.mktemp("class") / "course", STUDENTS, LESSONS, absent=0.2)
    feedback = course / "feedback" / HOSTILE[-1] / LESSON
    feedback.mkdir(parents=True)
    (feedback / f"{LESSON}.html").write_text("feedback", encoding="utf-8")
    assert main(["overview", "--course", str(course)]) == 0
    return course, results


@pytest.fixture(scope="module")
def folder(made: tuple[Path, list[dict[str, Any]]]) -> Path:
    return made[0] / "grading" / "overview"


@pytest.fixture(scope="module")
def results(made: tuple[Path, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return made[1]


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(page: str) -> Tables:
    return Tables(page)


def entries(results: list[dict[str, Any]], lesson_id: str, exercise: str) -> list[dict[str, Any]]:
    return [
        entry
        for result in results
        for entry in result["exercises"]
        if result["assignment"] == lesson_id and entry["name"] == exercise
    ]


def test_lessons_count_who_handed_in(folder: Path, results: list[dict[str, Any]]) -> None:
    handed_in = Counter(result["assignment"] for result in results)
    known = {result["student"] for result in results}
    for row in read_csv(folder, "lessons"):
        scores = [result["score"] for result in results if result["assignment"] == row["lesson"]]
        assert int(row["handed in"]) == int(row["graded"]) == handed_in[row["lesson"]] > 0
        assert int(row["handed in nothing"]) == len(known) - handed_in[row["lesson"]]
        assert float(row["median"]) == pytest.approx(statistics.median(scores), abs=0.001)
        assert float(row["mean"]) == pytest.approx(statistics.fmean(scores), abs=0.001)
    nothing = Counter(row["lesson"] for row in read_csv(folder, "nothing"))
    assert nothing == {row["lesson"]: int(row["handed in nothing"]) for row in read_csv(folder, "lessons")}


def test_every_submission_lies_in_one_tenth(folder: Path, results: list[dict[str, Any]]) -> None:
    rows = read_csv(folder, "distribution")
    for chosen in LESSONS:
        counts = [int(row["students"]) for row in rows if row["lesson"] == chosen.id]
        scores = [result["score"] for result in results if result["assignment"] == chosen.id]
        expected, _ = np.histogram(scores, np.linspace(0, chosen.points, 11))
        assert counts == expected.tolist()
    assert sum(int(row["students"]) for row in rows if row["lesson"] == "all lessons") == len(
        {result["student"] for result in results}
    )


def test_exercises_add_up(folder: Path, results: list[dict[str, Any]]) -> None:
    rows = read_csv(folder, "exercises")
    assert len(rows) == sum(len(chosen.exercises) for chosen in LESSONS)
    for row, exercise in zip(rows, (exercise for chosen in LESSONS for exercise in chosen.exercises), strict=True):
        found = entries(results, row["lesson"], exercise.name)
        full = [entry for entry in found if entry["score"] == exercise.points]
        parts = [int(row[part]) for part in ("full points", "some points", "no points", "nothing written")]
        assert sum(parts) == int(row["graded"]) == len(found)
        assert parts[0] == len(full)
        assert parts[3] == sum(entry["outcome"] == "not_attempted" for entry in found)
        assert float(row["pass rate percent"]) == pytest.approx(100 * len(full) / len(found), abs=0.001)
        assert float(row["mean points"]) == pytest.approx(
            statistics.fmean(entry["score"] for entry in found), abs=0.001
        )


def test_misconceptions_are_counted_with_their_hint(
    folder: Path, results: list[dict[str, Any]], parsed: Tables
) -> None:
    named = Counter(
        entry["misconception"] for result in results for entry in result["exercises"] if entry["misconception"]
    )
    rows = read_csv(folder, "misconceptions")
    assert {row["misconception"]: int(row["students"]) for row in rows} == named
    counts = [int(row["students"]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert all(len(row["hint"]) > 20 for row in rows)
    shown = [row[:3] for row in parsed.with_columns("misconception", "students", "hint", "who")]
    assert shown == [[row["misconception"], row["students"], row["hint"]] for row in rows[: len(shown)]]
    assert shown


def test_seconds_are_those_of_code_that_ran(folder: Path, results: list[dict[str, Any]]) -> None:
    exercises = (exercise for chosen in LESSONS for exercise in chosen.exercises)
    for row, exercise in zip(read_csv(folder, "seconds"), exercises, strict=True):
        ran = [entry["seconds"] for entry in entries(results, row["lesson"], exercise.name) if entry["seconds"]]
        assert int(row["runs"]) == len(ran)
        assert float(row["median seconds"]) == pytest.approx(statistics.median(ran), abs=0.001)
        assert float(row["longest"]) == pytest.approx(max(ran), abs=0.001)


def test_who_needs_a_look_and_why(folder: Path, results: list[dict[str, Any]], parsed: Tables) -> None:
    reasons = Counter(reason for result in results for reason in result["look"])
    rows = read_csv(folder, "look")
    assert Counter(row["why"] for row in rows) == reasons
    assert reasons
    shown = parsed.with_columns("student", "why", "lesson", "pages")
    # In a spreadsheet's table the apostrophe stands before what would be a formula, on the page it need not.
    assert [[row["student"].removeprefix("'"), row["why"], row["lesson"]] for row in rows] == [row[:3] for row in shown]


@pytest.mark.parametrize("name", ["lessons", "exercises", "seconds", "students"])
def test_tables_of_page_and_files_agree(folder: Path, parsed: Tables, name: str) -> None:
    rows = read_csv(folder, name)
    # Nobody has a name here, and above a student's points the lesson's number is enough.
    columns = ["student", *(lesson.number for lesson in LESSONS)] if name == "students" else [*rows[0]][:4]
    shown = parsed.with_columns(*columns)
    assert len(shown) == len(rows)
    for row, cells in zip(rows, shown, strict=True):
        if name == "students":
            del row["last name"], row["first name"]
        for value, cell in zip(row.values(), cells, strict=True):
            # A student's points are followed by links.
            said = cell.removesuffix(" log").removesuffix(" feedback").strip()
            if re.fullmatch(r"\d+(\.\d+)?", said):
                assert float(said) == pytest.approx(float(value), abs=0.006), row
            else:
                assert said == value.removeprefix("'") or (said, value) == ("–", ""), row


def test_totals_are_sums(folder: Path, results: list[dict[str, Any]]) -> None:
    for row in read_csv(folder, "students"):
        name = row["student"].removeprefix("'")
        scores = [result["score"] for result in results if shown(result["student"]) == name]
        if scores:
            assert float(row["total"]) == pytest.approx(sum(scores), abs=0.001)
        else:
            assert row["total"] == ""


def shown(student: str) -> str:
    return student.replace("\u202e", "\\u202e").replace("\n", "\\n")


def test_no_cell_is_a_formula(folder: Path) -> None:
    cells = []
    for path in folder.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            cells += [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\r", "\n")]
    assert not [cell for cell in cells if cell.startswith("-") and not re.fullmatch(r"-\d+(\.\d+)?", cell)]
    assert {f"'{name}" for name in HOSTILE[:4]} <= set(cells)


def test_page_shows_hostile_names_as_they_are(page: str, parsed: Tables) -> None:
    names = {row[0] for row in parsed.with_columns("student", LESSONS[0].number)}
    assert names == {shown(name) for name in STUDENTS}
    assert "\u202e" not in page
    # The page's data and its own script; a name brings no third one.
    assert parsed.tags["script"] == 2


def test_page_asks_for_nothing_from_elsewhere(page: str, parsed: Tables, folder: Path) -> None:
    assert not parsed.tags.keys() & {"link", "iframe", "img", "object"}
    assert "default-src 'none'" in page
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in page
    assert SCRIPT_POLICY in page
    assert not re.search(r"fetch\(|XMLHttp|import\(|eval\(|innerHTML|https?://(?!www.w3.org)", script)
    assert page.count("<style") == 1
    assert not re.search(r"url\((?!#)", page)
    files = {path.name for path in folder.iterdir()}
    for link in parsed.links:
        assert link.startswith(("#", "../")) or link in files, link


def test_figures_are_drawn_in_the_color_of_text(page: str, parsed: Tables) -> None:
    assert parsed.tags["svg"] == 4
    assert "currentColor" in page
    assert page.count('role="img" aria-label="') == 4
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_links_lead_to_feedback_and_logs(folder: Path, parsed: Tables) -> None:
    pages = [link for link in parsed.links if link.startswith("..")]
    feedback = [link for link in pages if link.endswith(".html")]
    # In the table of students, and where that student needs a look.
    assert len(set(feedback)) == 1
    assert "Zo%C3%AB%20Nu%C3%B1ez" in feedback[0]
    assert all((folder / unquote(link)).is_file() for link in pages)


def class_of(count: int) -> ClassMarks:
    """Return a large class without any files."""
    random = np.random.default_rng(3)
    names = [f"student{index:04d}" for index in range(count)]
    graded = {}
    for chosen in LESSONS:
        for name in names:
            marks = []
            for exercise in chosen.exercises:
                entry = make_entry(chosen, exercise, random)
                found = (entry["score"], entry["outcome"], entry["misconception"], entry["seconds"], False)
                marks.append(Mark(exercise, *found))
            graded[name, chosen.id] = Graded(name, chosen, tuple(marks), 0.0, ("see to it",))
    handed_in = {chosen.id: names for chosen in LESSONS}
    people = {name: Person(name) for name in [*names, *(f"absent{index:04d}" for index in range(count))]}
    return ClassMarks(people, tuple(LESSONS), handed_in, graded)


def test_a_page_stays_small_while_its_tables_hold_all() -> None:
    marks = class_of(1000)
    facts = ClassFacts(marks)
    tables = all_tables(facts)
    page = make_page(facts, tables, lambda student, chosen: "")
    lengths = {name: len(table.rows) for name, table in tables.items()}
    assert (lengths["students"], lengths["look"], lengths["nothing"]) == (2000, 2000, 2000)
    assert len(page) < 400_000
    parsed = Tables(page)
    assert max(len(rows) - 1 for rows in parsed.tables) == MOST_ROWS
    assert f"{2000 - MOST_ROWS:,} more rows are in" in page
    assert f"and {1000 - MOST_ROWS:,} more" in page


def test_a_class_of_one() -> None:
    marks = class_of(1)
    facts = ClassFacts(marks)
    page = make_page(facts, all_tables(facts), lambda student, chosen: "")
    assert "2 students, 2 graded submissions" in page


def test_points_at_the_edges_of_the_tenths() -> None:
    exercise = lesson.exercises[0]

    def total(score: float) -> Graded:
        return Graded(str(score), lesson, (Mark(exercise, score, "failed", None, 1.0, False),), 0.0, ())

    scores = [0.0, 3.99, 4.0, 12.0, 28.0, 40.0, 45.0]
    graded = {(str(score), LESSON): total(score) for score in scores}
    names = [str(score) for score in scores]
    marks = ClassMarks({name: Person(name) for name in names}, (lesson,), {LESSON: names}, graded)
    counts = [row[3] for row in distribution_table(marks).rows if row[0] == LESSON]
    assert counts == [2, 1, 0, 1, 0, 0, 0, 1, 0, 2]


def test_nobody_handed_in_anything(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    course = make_course(tmp_path / "course")
    assert main(["overview", "--course", str(course)]) == 2
    assert "nobody handed in anything" in capsys.readouterr().err


def test_handed_in_and_not_graded(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    hand_in(course, "ada", b"{}")
    assert main(["overview", "--course", str(course)]) == 0
    folder = course / "grading" / "overview"
    (row,) = read_csv(folder, "look")
    assert (row["student"], row["lesson"]) == ("ada", LESSON)
    assert "not graded yet" in row["why"]
    (counts,) = read_csv(folder, "lessons")
    assert (counts["handed in"], counts["graded"], counts["median"]) == ("1", "0", "")
    assert "Nothing is graded yet." in (folder / "index.html").read_text(encoding="utf-8")


def perfect(result: dict[str, Any]) -> None:
    for entry, exercise in zip(result["exercises"], find_lesson(result["assignment"]).exercises, strict=True):
        entry |= {"score": exercise.points, "outcome": "passed", "misconception": None, "doubtful": False}
    result["look"] = []


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> ClassMarks:
    """A class of full marks but for two verdicts that are doubtful, with a gradebook in which a person was at work."""

    def change(result: dict[str, Any]) -> None:
        perfect(result)
        if result["student"] in ("cat", "dan"):
            result["exercises"][0] |= {"score": 0.0, "outcome": "timeout", "doubtful": True}
            result["look"] = ["parse_pixels ran out of time"]

    handed_in = ["ada", "bob", "cat", "dan"]
    course, _ = make_class(tmp_path_factory.mktemp("by-hand") / "course", handed_in, [lesson], change=change)
    settings = load_settings(course)
    gradebook = Gradebook(settings.coursedir.db_url, settings.coursedir.course_id)
    gradebook.add_assignment(LESSON)
    gradebook.add_notebook(LESSON, LESSON)
    first, second = (exercise.check_id for exercise in lesson.exercises[:2])
    for exercise in lesson.exercises:
        gradebook.add_grade_cell(exercise.check_id, LESSON, LESSON, max_score=exercise.points, cell_type="code")
    for student in (*handed_in, "eve"):
        gradebook.add_student(student, first_name="Ada", last_name="Lovelace")
        for grade in gradebook.add_submission(LESSON, student).notebooks[0].grades:
            grade.auto_score, grade.needs_manual_grade = 1.0, False

    def grade(name: str, student: str) -> Grade:
        return gradebook.find_grade(name, LESSON, LESSON, student)

    grade(first, "ada").manual_score, grade(first, "ada").extra_credit = 2.5, 1.0
    grade(second, "ada").needs_manual_grade = True
    gradebook.find_submission_notebook(LESSON, LESSON, "bob").late_submission_penalty = 15.0
    grade(first, "cat").needs_manual_grade = True
    grade(first, "dan").manual_score = 9.0
    gradebook.db.commit()
    gradebook.close()
    return read_class(settings)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_a_mark_given_by_hand_wins(by_hand: ClassMarks) -> None:
    assert by_hand.trouble is None
    ada, bob, cat, dan = by_hand.of(lesson)
    assert ada.points == 40 - 10 + 2.5 + 1
    assert [mark.by_hand for mark in ada.marks] == [True, False, False, False]
    assert bob.points == 40 - 15
    assert cat.points == 30
    assert dan.points == 39
    assert student_table(by_hand).rows[0] == ("ada", "Lovelace", "Ada", 33.5, 33.5)
    assert by_hand.people["ada"].name == "Lovelace, Ada"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_a_mark_given_by_hand_settles_a_doubtful_verdict(by_hand: ClassMarks) -> None:
    looks = {graded.student: graded.look for graded in by_hand.of(lesson)}
    assert looks == {
        "ada": ("scale_pixels: nbgrader waits for a mark given by hand",),
        "bob": (),
        "cat": ("parse_pixels ran out of time",),
        "dan": (),
    }
    # Entered with a submission in the gradebook, but nothing of hers lies there.
    assert by_hand.absent(lesson) == ["eve"]


def test_a_damaged_gradebook_is_said_and_left_out(tmp_path: Path) -> None:
    course, _ = make_class(tmp_path / "course", ["ada"], [lesson], change=perfect)
    (course / "gradebook.db").write_bytes(b"no database" * 500)
    assert main(["overview", "--course", str(course)]) == 0
    page = (course / "grading" / "overview" / "index.html").read_text(encoding="utf-8")
    assert "Marks given by hand are left out" in page
    assert "is damaged" in html.unescape(page)
    assert read_class(load_settings(course)).total("ada") == 40


def test_reading_makes_no_gradebook(tmp_path: Path) -> None:
    course, _ = make_class(tmp_path / "course", ["ada"], [lesson], change=perfect)
    read_class(load_settings(course))
    assert not (course / "gradebook.db").exists()


def test_a_result_of_another_edition_needs_a_look(tmp_path: Path) -> None:
    def older(result: dict[str, Any]) -> None:
        perfect(result)
        result["exercises"][0]["name"] = "a_former_exercise"

    course, _ = make_class(tmp_path / "course", ["ada"], [lesson], change=older)
    (ada,) = read_class(load_settings(course)).of(lesson)
    assert ada.points == 30
    assert "another version of the course" in ada.look[0]


def test_results_are_the_graders_own(tmp_path: Path) -> None:
    """The made-up class is kept by the grader's own store, in its own place."""
    course, results = make_class(tmp_path / "course", ["ada"], [lesson])
    path = course / "grading" / "ada" / LESSON / "result.json"
    assert json.loads(path.read_text(encoding="utf-8"))["score"] == results[0]["score"]


def test_a_lesson_that_is_not_graded_is_one_line_to_look_at(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    for student in ("ada", "bob", "eve"):
        hand_in(course, student, b"{}")
    assert main(["overview", "--course", str(course)]) == 0
    folder = course / "grading" / "overview"
    assert len(read_csv(folder, "look")) == 3
    page = Tables((folder / "index.html").read_text(encoding="utf-8"))
    (row,) = page.with_columns("student", "why", "lesson", "pages")
    assert row[0].startswith("3 students")
    assert "ada, bob, eve" in row[0]


def test_what_was_not_found_is_another_sign_than_what_was_not_written() -> None:
    exercise = find_lesson(LESSON).exercises[0]
    outcomes = ("not_attempted", "missing", "failed")
    found = [_score(Mark(exercise, 0.0, outcome, None, 0.0, by_hand=False)) for outcome in outcomes]
    assert found == ["–", "?", 0]
    assert [heat(score, exercise.points) for score in found] == ["", "", "h0"]


def test_the_lessons_table_is_read_row_by_row_on_a_phone(page: str) -> None:
    assert re.search(r'class="wide stack"[^>]*aria-label="lessons"', page)
