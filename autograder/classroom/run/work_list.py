"""What a run has to do: which submissions are graded, which marks stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from nbgrader.coursedir import CourseDirectory

from ...checks.edition import edition
from ...course.manifest import Lesson, load_course
from ..folders.handed_in import HandedIn, Submitted, read_handed_in
from ..folders.settings import autograded_path
from ..results.store import ClassRun, Store
from ..results.submission_result import ExerciseEntry, KeptResult
from .job import Job


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

    lesson: Lesson
    result: KeptResult
    handed_in: HandedIn

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


def make_work_list(
    coursedir: CourseDirectory, store: Store, submissions: Collection[Submitted], run: ClassRun
) -> WorkList:
    """Return what ``run`` has to do with ``submissions``."""
    found = WorkList()
    for submitted in submissions:
        lesson = submitted.lesson
        if not has_name(submitted.student):
            found.unnamed.append(submitted)
            continue
        result = store.read(submitted.student, lesson.id)
        if result is None or (run.force and result["run"] != run.id):
            found.to_grade.append(ToGrade(submitted))
            continue
        handed_in = replace(read_handed_in(submitted), content=None)
        kept = kept_entries(result, handed_in.digest, lesson)
        whole = len(kept) == len(lesson.exercises) and result["course"] == load_course().version
        if whole and autograded_path(coursedir, submitted.student, lesson).is_file():
            found.settled.append(Settled(lesson, result, handed_in))
        else:
            found.to_grade.append(ToGrade(submitted, kept))
    return found


def make_job(to_grade: ToGrade, handed_in: HandedIn, run: ClassRun, isolation: str) -> Job:
    """Return the work that grading a submission is."""
    return Job(
        student=to_grade.submitted.student,
        assignment=to_grade.submitted.lesson.id,
        seed=run.seed,
        isolation=isolation,
        file=handed_in.file,
        content=handed_in.content,
        problem=handed_in.problem,
        kept=to_grade.kept,
        beside=handed_in.beside,
    )


def make_jobs(
    to_grade: Collection[ToGrade], run: ClassRun, isolation: str, taken: dict[tuple[str, str], HandedIn]
) -> Iterator[Job]:
    """Yield a job for each submission, read when it is asked for; ``taken`` receives what was handed in, by key."""
    for each in to_grade:
        handed_in = read_handed_in(each.submitted)
        taken[each.key] = handed_in
        yield make_job(each, handed_in, run, isolation)
