"""What a run has to do: which submissions are graded, which marks stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from nbgrader.coursedir import CourseDirectory

from ...checks.edition import edition
from ...course.manifest import Lesson, load_course
from ..folders.handed_in import HandedIn, Submitted, read_handed_in
from ..folders.settings import autograded_path
from ..results.store import ClassRun, Store
from ..results.submission_result import ExerciseEntry, KeptResult
from .job import Job

# Takes what goes wrong with one submission, so that the others are graded.
Guard = Callable[[Submitted], AbstractContextManager[None]]


@dataclass(frozen=True)
class ToGrade:
    """One submission that is to be graded. ``kept`` holds the exercises whose marks stay."""

    submitted: Submitted
    kept: tuple[ExerciseEntry, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.submitted.student, self.submitted.lesson.id


@dataclass(frozen=True)
class Settled:
    """One submission that is not graded again: its kept ``result`` and what was handed in, read anew."""

    submitted: Submitted
    result: KeptResult
    handed_in: HandedIn

    @property
    def lesson(self) -> Lesson:
        return self.submitted.lesson

    @property
    def restamped(self) -> bool:
        """Whether the same notebook was handed in at another time."""
        return self.result["timestamp"] != self.handed_in.timestamp


@dataclass
class WorkList:
    """``to_grade`` is graded, ``settled`` is not; ``unnamed`` has no name that could stand in a gradebook."""

    to_grade: list[ToGrade] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    unnamed: list[Submitted] = field(default_factory=list)


def kept_entries(result: KeptResult, digest: str, lesson: Lesson) -> tuple[ExerciseEntry, ...]:
    """Return the exercises of a former result whose marks stay: neither they nor the notebook changed since."""
    if result["digest"] != digest:
        return ()
    editions = {exercise.name: edition(lesson, exercise) for exercise in lesson.exercises}
    return tuple(entry for entry in result["exercises"] if editions.get(entry["name"]) == entry["edition"])


def has_name(student: str) -> bool:
    """Return whether a folder's name can be a student's in the gradebook, which holds text."""
    try:
        student.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _sort(coursedir: CourseDirectory, store: Store, submitted: Submitted, run: ClassRun) -> ToGrade | Settled:
    """Return what ``run`` has to do with a submission."""
    lesson = submitted.lesson
    result = store.read(submitted.student, lesson.id)
    if result is None or (run.force and result["run"] != run.id):
        return ToGrade(submitted)
    handed_in = replace(read_handed_in(submitted), content=None)
    kept = kept_entries(result, handed_in.digest, lesson)
    whole = len(kept) == len(lesson.exercises) and result["course"] == load_course().version
    if whole and autograded_path(coursedir, submitted.student, lesson).is_file():
        return Settled(submitted, result, handed_in)
    return ToGrade(submitted, kept)


def make_work_list(
    coursedir: CourseDirectory, store: Store, submissions: Collection[Submitted], run: ClassRun, guarded: Guard
) -> WorkList:
    """Return what ``run`` has to do with ``submissions``. ``guarded`` takes what goes wrong with one of them."""
    found = WorkList()
    for submitted in submissions:
        if not has_name(submitted.student):
            found.unnamed.append(submitted)
            continue
        with guarded(submitted):
            each = _sort(coursedir, store, submitted, run)
            if isinstance(each, Settled):
                found.settled.append(each)
            else:
                found.to_grade.append(each)
    return found


def make_job(to_grade: ToGrade, handed_in: HandedIn, seed: int, isolation: str) -> Job:
    """Return the work that grading a submission is."""
    return Job(
        student=to_grade.submitted.student,
        assignment=to_grade.submitted.lesson.id,
        seed=seed,
        isolation=isolation,
        file=handed_in.file,
        content=handed_in.content,
        problem=handed_in.problem,
        kept=to_grade.kept,
        beside=handed_in.beside,
    )


def make_jobs(
    to_grade: Collection[ToGrade],
    run: ClassRun,
    isolation: str,
    taken: dict[tuple[str, str], HandedIn],
    guarded: Guard,
) -> Iterator[Job]:
    """Yield a job for each submission, read when it is asked for; ``taken`` receives what was handed in, by key."""
    for each in to_grade:
        job = None
        with guarded(each.submitted):
            taken[each.key] = read_handed_in(each.submitted)
            job = make_job(each, taken[each.key], run.seed, isolation)
        if job is not None:
            yield job
