"""``pytest autograder``: options, one test an exercise, and the report at the end."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

import pytest

from autograder.course.chosen import narrowed
from autograder.course.manifest import CourseError, Exercise, Lesson
from autograder.grading.graded_run import GradedRun
from autograder.grading.grader import LessonGrader
from autograder.grading.notebook_choice import find_submission
from autograder.grading.work_folder import asked_for
from autograder.isolation.sandbox import ISOLATIONS, make_sandbox
from autograder.isolation.workers import Workers
from autograder.ladder.verdict import Result
from autograder.report.page import make_page
from autograder.report.report_file import check_writable, write_aside
from autograder.report.results_json import write_results
from autograder.report.safe_text import safe_text
from autograder.report.terminal import print_report

SESSION = pytest.StashKey["GradingSession"]()


class GradingSession:
    """What one call of ``pytest autograder`` was asked for, and what it has found so far."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.getoption
        self.work, self.exercises = asked_for(option("--work"), option("--lesson"), option("--exercise"))
        self.lessons = self.work.lessons
        self.seed: int = secrets.randbits(48) if option("--seed") is None else option("--seed")
        self.sandbox = make_sandbox(option("--isolation"))
        self.report = Path(option("--report")).resolve() if option("--report") else None
        self.page = Path(option("--html")).resolve() if option("--html") else None
        if self.report is not None:
            check_writable(self.report, "--report")
            self.page = self.page or self.report.with_suffix(".html")
        if self.page is not None:
            check_writable(self.page, "--html")
        if self.page is not None and self.page == self.report:
            raise CourseError(f"--report {self.report} is where the HTML page goes; name it FILE.json")
        self.failed = False
        self._workers = Workers(self.lessons, self.sandbox)
        self._graders = {lesson.id: self._open(lesson, self.work.folder) for lesson in self.lessons}
        self._results: dict[str, Result] = {}
        self._notes: dict[str, list[str]] = {}
        self._grader: LessonGrader | None = None

    def _open(self, lesson: Lesson, work: Path) -> LessonGrader:
        return LessonGrader(find_submission(work, lesson), self.sandbox, self.seed, self._workers.of(lesson))

    def warm_up(self) -> None:
        """Let frameworks be imported while pytest collects and earlier lessons are graded, those that are needed."""
        for lesson in self.lessons:
            if self._graders[lesson.id].runs_code:
                self._workers.of(lesson).warm_up()

    def grade(self, exercise: Exercise) -> Result:
        """Return the verdict on one exercise; they come lesson by lesson, so one notebook is alive at a time."""
        if self._grader is None or self._grader.lesson.id != exercise.lesson:
            self._finish_lesson()
            self._grader = self._graders[exercise.lesson]
            self._notes[exercise.lesson] = self._grader.notes
        self._results[exercise.key] = self._grader.grade(exercise)
        return self._results[exercise.key]

    def _finish_lesson(self) -> None:
        """Name the misconceptions of the lesson whose exercises all have their verdict."""
        if self._grader is not None:
            for exercise in self._grader.lesson.exercises:
                if exercise.key in self._results:
                    self._results[exercise.key] = self._grader.diagnose(self._results[exercise.key])
            self._grader.close()
            self._grader = None

    @property
    def run(self) -> GradedRun:
        """What was found, for the reports."""
        shown = tuple(narrowed(lesson, self.exercises) for lesson in self.lessons)
        return GradedRun(shown, self._results, self._notes, self.seed, self.sandbox)

    def close(self) -> None:
        """End the last lesson and every worker."""
        try:
            self._finish_lesson()
        finally:
            self._workers.close()


def _seed(text: str) -> int:
    """Return a seed of the hidden inputs; a negative one would be no seed of NumPy's generators."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from 0, such as a report states")
    return int(text)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    # pytest takes the folder behind --work for a test folder until it knows the option, and would run a
    # conftest.py that a submission ships, in the very process that decides the grade.
    pluginmanager._noconftest = True
    group = parser.getgroup("autograder", "grading")
    group.addoption("--lesson", action="append", default=[], metavar="NN", help="a lesson's number or name; repeatable")
    group.addoption("--exercise", action="append", default=[], metavar="NN.N", help="one exercise alone; repeatable")
    group.addoption("--work", metavar="DIR", help="folder with <lesson>/<lesson>.ipynb (default: lessons/)")
    group.addoption("--report", metavar="FILE.json", help="also write Gradescope's results, and FILE.html beside")
    group.addoption("--html", metavar="FILE.html", help="also write the report as one HTML page, here")
    group.addoption("--isolation", choices=ISOLATIONS, default="auto", help="required: refuse to grade without")
    group.addoption("--seed", type=_seed, metavar="N", help="draw the hidden inputs of an earlier run again")


def pytest_configure(config: pytest.Config) -> None:
    try:
        config.stash[SESSION] = session = GradingSession(config)
        if not config.option.collectonly:
            session.warm_up()
    except CourseError as error:
        raise pytest.UsageError(str(error)) from None
    # The report says what failed; pytest's own tracebacks would only repeat it in its terms.
    config.option.tbstyle = "no"
    config.option.reportchars = ""
    config.option.disable_warnings = True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "exercise" in metafunc.fixturenames:
        exercises = metafunc.config.stash[SESSION].exercises
        metafunc.parametrize("exercise", exercises, ids=[exercise.key for exercise in exercises])


@pytest.fixture
def verdict(request: pytest.FixtureRequest, exercise: Exercise) -> Result:
    """Grade one exercise and keep its result for the report."""
    session = request.config.stash[SESSION]
    try:
        return session.grade(exercise)
    except CourseError as error:
        # The course is at fault, not the student: no grade at all is better than a wrong one.
        session.report, session.page, session.failed = None, None, True
        pytest.exit(f"nothing was graded: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    grading = session.config.stash[SESSION]
    grading.close()
    if session.config.option.collectonly:
        return
    if grading.report is not None:
        write_results(grading.report, grading.run)
    if grading.page is not None:
        write_aside(grading.page, make_page(grading.run))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    if config.option.collectonly:
        return
    session = config.stash[SESSION]
    if session.failed:
        return
    if session.work.said:
        terminalreporter.write_line(safe_text(session.work.said))
    writer = terminalreporter._tw
    terminalreporter.write(print_report(session.run, writer.fullwidth, writer.hasmarkup))
    for what, path in (("results", session.report), ("page", session.page)):
        if path is not None:
            terminalreporter.write_line(f"{what} written to {safe_text(str(path))}")
