"""``python -m autograder grade``: a class's submissions on all cores, into nbgrader's gradebook."""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from tqdm import tqdm

from ...checks.edition import edition
from ...course.manifest import CourseError, Lesson, find_lesson, load_course
from ...isolation.cores import cores
from ...isolation.sandbox import make_sandbox
from ...report.safe_text import clean, safe_text
from ..folders.handed_in import HandedIn, Submitted, find_submitted, strange_assignments, unreadable_names
from ..folders.settings import Settings, load_settings
from ..gradebook.gradebook_writer import GradebookWriter
from ..results.keeping import full_result, keep, restamp
from ..results.store import ClassRun, Store, Unwritable, now
from ..results.submission_result import GradedSubmission, KeptResult
from .job import Job
from .pool import Failed, LocalPool, Outcome
from .tally import Tally, absent, say, summarize, tell_moves
from .work_list import Settled, WorkList, make_jobs, make_work_list

LOWER = "a mark would fall below what the student was shown; add --yes to write it"


class Executor(Protocol):
    """Whatever runs jobs: it takes them one by one and yields each with its outcome, in any order."""

    def __enter__(self) -> Executor: ...

    def __exit__(self, *exc: object) -> None: ...

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]: ...


@dataclass(frozen=True)
class GradeRequest:
    """What the command was asked for. Without assignments or students: all; without a seed: a secret one.

    ``lower``: marks may fall below those that students have been shown.
    """

    assignments: tuple[str, ...] = ()
    course: Path | None = None
    students: tuple[str, ...] = ()
    seed: int | None = None
    force: bool = False
    isolation: str = "auto"
    lower: bool = False
    processes: int | None = None


def _submissions(settings: Settings, request: GradeRequest) -> list[Submitted]:
    """Return what is to be looked at. Raises CourseError where the request names nothing that is there."""
    chosen = [find_lesson(name) for name in request.assignments] or list(load_course().lessons)
    lessons = [lesson for lesson in load_course().lessons if lesson in chosen]
    found = {lesson: find_submitted(settings.coursedir, lesson) for lesson in lessons}
    where = Path(settings.coursedir.root) / settings.coursedir.submitted_directory
    known = {submitted.student for submissions in found.values() for submitted in submissions}
    strangers = sorted(set(request.students) - known)
    if strangers:
        raise CourseError(f"{where} holds nothing of {', '.join(safe_text(name, 80) for name in strangers)}")
    for lesson in lessons:
        if request.assignments and not found[lesson]:
            say(f"{lesson.id}: nobody handed it in")
    if not known:
        what = ", ".join(lesson.id for lesson in lessons) if request.assignments else "any lesson"
        raise CourseError(f"nobody handed in {what}: expected {where}/STUDENT/LESSON/LESSON.ipynb")
    wanted = set(request.students) or known
    return [submitted for lesson in lessons for submitted in found[lesson] if submitted.student in wanted]


def _begin(store: Store, request: GradeRequest) -> ClassRun:
    """Return the run that was cut off, if this is the same request, or a new one."""
    cut_off = store.unfinished_run()
    if cut_off and cut_off.force == request.force and request.seed in (None, cut_off.seed):
        say(f"going on with the run of {cut_off.started}")
        return cut_off
    seed = secrets.randbits(48) if request.seed is None else request.seed
    return ClassRun(secrets.token_hex(8), seed, request.force, now())


def _check_edition(lesson: Lesson, graded: GradedSubmission) -> None:
    """Raise CourseError where another version of the course graded than the one here."""
    own = {exercise.name: edition(lesson, exercise) for exercise in lesson.exercises}
    odd = [entry["name"] for entry in graded["exercises"] if entry["edition"] != own.get(entry["name"])]
    if odd:
        names = ", ".join(odd)
        raise CourseError(f"{lesson.id}: {names} was graded by another version of the course; use one everywhere")


class Batch:
    """One run over a class."""

    def __init__(self, settings: Settings, store: Store, run: ClassRun, isolation: str) -> None:
        self._settings, self._store, self._run, self._isolation = settings, store, run, isolation
        self.tally = Tally()

    def _take(self, writer: GradebookWriter, submitted: Submitted, handed_in: HandedIn, outcome: Outcome) -> None:
        """Keep one outcome and write it into the gradebook."""
        student, lesson = submitted.student, submitted.lesson
        if isinstance(outcome, CourseError):
            raise outcome
        if isinstance(outcome, Failed):
            self._fail(student, lesson, str(outcome))
            return
        _check_edition(lesson, outcome)
        result = full_result(outcome, handed_in, self._run)
        self._note_reasons(lesson, result, writer)
        if writer.would_lower(lesson, result):
            # Not kept either, so that every table and page goes on showing what the student was shown.
            self.tally.waiting += 1
            self.tally.add_look(student, lesson.id, [LOWER])
            return
        try:
            keep(self._settings, self._store, lesson, outcome["notebook"], result)
        except Unwritable as error:
            if error.everywhere:
                raise
            self._fail(student, lesson, str(error))
            return
        self.tally.graded += 1
        self.tally.add_look(student, lesson.id, [*result["look"], *writer.write(lesson, result, result["graded"])])

    def _note_reasons(self, lesson: Lesson, result: KeptResult, writer: GradebookWriter) -> None:
        """Write down why marks of a submission may move, and count exercises that came after it was handed in."""
        student, former = result["student"], self._store.read(result["student"], lesson.id)
        if former is None:
            return
        editions = {entry["name"]: entry["edition"] for entry in former["exercises"]}
        again = former["digest"] != result["digest"]
        for entry in result["exercises"]:
            name = entry["name"]
            if name not in editions and not again and entry["outcome"] == "missing":
                self.tally.came_later[lesson.id, name] += 1
            if again:
                why = "handed in again"
            elif editions.get(name) != entry["edition"]:
                why = f"the exercise changed between versions {former['course']} and {result['course']}"
            else:
                why = "graded again"
            writer.reasons[student, lesson.id, name] = why

    def _settle(self, known: Settled) -> KeptResult | None:
        """Return the result of a submission that is not graded again, brought up to date; None where that fails."""
        with self.guarded(known.submitted):
            return self._brought_up_to_date(known)
        return None

    def _brought_up_to_date(self, known: Settled) -> KeptResult:
        result = known.result
        if known.restamped:
            result = restamp(self._settings, self._store, known.lesson, result, known.handed_in.timestamp)
        self.tally.unchanged += 1
        self.tally.add_look(result["student"], known.lesson.id, [*known.handed_in.look, *result["look"]])
        return result

    @contextmanager
    def guarded(self, submitted: Submitted) -> Iterator[None]:
        """Let one submission stop no other, whatever it raises: it is not graded, and somebody should look at it.

        What is the course's fault is raised all the same.
        """
        try:
            yield
        except CourseError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            self._fail(submitted.student, submitted.lesson, f"{traceback.format_exc()}\n{said}")

    def _fail(self, student: str, lesson: Lesson, why: str) -> None:
        """Note a submission that has no verdict; it is tried again in the next run."""
        self.tally.failed += 1
        last = why.strip().splitlines() or ["nobody knows why"]
        self.tally.add_look(student, lesson.id, [f"not graded: {last[-1]}"])
        say(clean(f"{safe_text(student, 80, one_line=True)}, {lesson.id}: {why}"))

    def do(self, work: WorkList, writer: GradebookWriter, executor: Executor) -> None:
        """Grade what is to be graded and bring the gradebook up to date."""
        for submitted in work.unnamed:
            why = "the folder's name is no UTF-8 text and can't stand in a gradebook; rename it"
            self.tally.add_look(submitted.student, submitted.lesson.id, [why])
        for lesson in load_course().lessons:
            brought = [self._settle(known) for known in work.settled if known.lesson == lesson]
            settled = [result for result in brought if result is not None]
            if settled or any(each.submitted.lesson == lesson for each in work.to_grade):
                writer.catch_up(lesson, settled)
        submissions = {each.key: each.submitted for each in work.to_grade}
        taken: dict[tuple[str, str], HandedIn] = {}
        jobs = make_jobs(work.to_grade, self._run, self._isolation, taken, self.guarded)
        with tqdm(total=len(submissions), desc="grading", unit="notebook", disable=not submissions) as bar, executor:
            for job, outcome in executor.run(jobs):
                key = job.student, job.assignment
                with self.guarded(submissions[key]):
                    self._take(writer, submissions[key], taken.pop(key), outcome)
                bar.set_postfix_str(f"{len(self.tally.look)} to look at", refresh=False)
                bar.update()
        for (student, lesson_id), reasons in writer.write_waiting().items():
            self.tally.add_look(student, lesson_id, reasons)


def grade_class(request: GradeRequest, executor: Executor | None = None) -> int:
    """Grade what students handed in; return the exit status. Raises CourseError for a request that can't be met."""
    settings = load_settings(request.course)
    store = Store(settings.coursedir)
    submissions = _submissions(settings, request)
    sandbox = make_sandbox(request.isolation)
    if not sandbox.isolated:
        say(sandbox.notice)
    for name in strange_assignments(settings.coursedir):
        say(f"{safe_text(name, 80, one_line=True)} is no lesson of this course; it was left alone")
    for name in unreadable_names(settings.coursedir):
        say(f"{safe_text(name, 80, one_line=True)} can't be a student's name in nbgrader; rename the folder")
    with _locked(store), GradebookWriter(settings, store, say, request.lower) as writer:
        return _grade_locked(request, settings, store, submissions, writer, executor)


def _locked(store: Store) -> FileLock:
    """Return a lock that only one run holds; the system opens it when the run ends, however that ends."""
    lock = FileLock(store.folder / "lock", timeout=0)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise CourseError(f"another run is at work in {store.folder}; wait for it to end") from None
    except OSError as error:
        raise CourseError(f"{store.folder} can't be written: {error.strerror}") from None
    return lock


def _grade_locked(
    request: GradeRequest,
    settings: Settings,
    store: Store,
    submissions: list[Submitted],
    writer: GradebookWriter,
    executor: Executor | None,
) -> int:
    run = _begin(store, request)
    store.start_run(run)
    batch = Batch(settings, store, run, request.isolation)
    work = make_work_list(settings.coursedir, store, submissions, run, batch.guarded)
    batch.do(work, writer, executor or LocalPool(min(request.processes or cores(), max(1, len(work.to_grade)))))
    moves = list(writer.moves())
    for line in absent(settings, writer, dict.fromkeys(submitted.lesson for submitted in submissions)):
        print(line)
    for move in writer.held_back:
        batch.tally.add_look(move.student, move.lesson_id, [LOWER])
    summarize(batch.tally, writer, run, print)
    tell_moves(store, moves, writer.held_back)
    print(f"logs: {store.log_path('STUDENT', 'LESSON')}")
    if writer.waiting:
        return 2
    store.finish_run(run)
    return 1 if batch.tally.look else 0
