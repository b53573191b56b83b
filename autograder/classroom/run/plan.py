"""What a run has to do: which submissions are graded, which marks stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from nbgrader.coursedir import CourseDirectory

from ...checks.edition import edition
from ...course.manifest import Lesson, load_course
from ..folders.handed_in import HandedIn, Submitted, read_handed_in
from ..folders.settings import autograded_path
from ..results.store import Run, Store
from .task import Job


@dataclass(frozen=True)
class Task:
    """One submission that is to be graded. ``kept`` holds the exercises whose marks stay."""

    submitted: Submitted
    kept: tuple[dict[str, Any], ...]

    @property
    def key(self) -> tuple[str, str]:
        return self.submitted.student, self.submitted.lesson.id


@dataclass(frozen=True)
class Settled:
    """One submission that is not graded again: its kept ``result`` and what was handed in, read anew."""

    lesson: Lesson
    result: dict[str, Any]
    handed_in: HandedIn

    @property
    def restamped(self) -> bool:
        """Whether the same notebook was handed in at another time."""
        return self.result["timestamp"] != self.handed_in.timestamp


@dataclass
class Plan:
    """``todo`` is to be graded, ``settled`` is not; ``unnamed`` has no name that could stand in a gradebook."""

    todo: list[Task]
    settled: list[Settled]
    unnamed: list[Submitted]


def kept_entries(result: dict[str, Any] | None, digest: str, lesson: Lesson) -> tuple[dict[str, Any], ...]:
    """Return the exercises of a former result whose marks stay: neither they nor the notebook changed since."""
    if result is None or result["digest"] != digest:
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


def make_plan(coursedir: CourseDirectory, store: Store, submissions: Collection[Submitted], run: Run) -> Plan:
    """Return what ``run`` has to do with ``submissions``."""
    plan = Plan([], [], [])
    for submitted in submissions:
        lesson = submitted.lesson
        if not has_name(submitted.student):
            plan.unnamed.append(submitted)
            continue
        result = store.read(submitted.student, lesson.id)
        if run.force and result is not None and result["run"] != run.id:
            result = None
        handed_in = replace(read_handed_in(submitted), content=None)
        kept = kept_entries(result, handed_in.digest, lesson)
        whole = len(kept) == len(lesson.exercises) and result["course"] == load_course().version
        if whole and autograded_path(coursedir, submitted.student, lesson).is_file():
            plan.settled.append(Settled(lesson, result, handed_in))
        else:
            plan.todo.append(Task(submitted, kept))
    return plan


def make_job(task: Task, handed_in: HandedIn, run: Run, isolation: str) -> Job:
    """Return the work that a task is."""
    return Job(
        student=task.submitted.student,
        assignment=task.submitted.lesson.id,
        seed=run.seed,
        isolation=isolation,
        file=handed_in.file,
        content=handed_in.content,
        problem=handed_in.problem,
        kept=task.kept,
    )


def jobs(todo: list[Task], run: Run, isolation: str, taken: dict[tuple[str, str], HandedIn]) -> Iterator[Job]:
    """Yield the jobs of a plan, each read when it is asked for; ``taken`` receives what was handed in, by key."""
    for task in todo:
        handed_in = read_handed_in(task.submitted)
        taken[task.key] = handed_in
        yield make_job(task, handed_in, run, isolation)
