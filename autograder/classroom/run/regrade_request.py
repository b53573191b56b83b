"""``python -m autograder regrade-request``: grade a submission as it was graded, and show both. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...checks.edition import edition
from ...course.manifest import CourseError, Exercise, Lesson, find_lesson, load_course
from ...report.safe_text import safe_text
from ...report.words import in_words, mistake_in_words, number, title_of
from ..folders.handed_in import HandedIn, Submitted, find_submitted, read_handed_in
from ..folders.settings import Settings, load_settings
from ..gradebook.marks import Graded, read_class
from ..results.store import Store, write_whole
from ..results.submission_result import ExerciseEntry, KeptResult
from .job import grade_submission, release_worker
from .regrade_page import regrade_page
from .work_list import ToGrade, has_name, make_job

ANEW = "it is graded anew by: python -m autograder grade"


@dataclass(frozen=True)
class RegradeRequest:
    """What the command was asked for."""

    student: str
    lesson: str
    course: Path | None = None
    isolation: str = "auto"
    html: Path | None = None


@dataclass(frozen=True)
class Compared:
    """One exercise then and now. ``edited``: its checks, or what it builds upon, changed since."""

    exercise: Exercise
    then: ExerciseEntry
    now: ExerciseEntry
    edited: bool
    by_hand: float | None

    @property
    def same(self) -> bool:
        return all(self.then[key] == self.now[key] for key in ("score", "outcome"))  # type: ignore[literal-required]


@dataclass(frozen=True)
class Answered:
    """All that is said about a request. ``changes`` say what is not as it was when the submission was graded."""

    result: KeptResult
    lesson: Lesson
    compared: tuple[Compared, ...]
    changes: tuple[str, ...]
    graded: Graded | None

    @property
    def same(self) -> bool:
        return all(each.same for each in self.compared)


def _find(settings: Settings, request: RegradeRequest, lesson: Lesson) -> tuple[Submitted, KeptResult]:
    """Return the submission and its kept result. Raises CourseError where there is none of them."""
    student = safe_text(request.student, 80, one_line=True)
    where = f"{Path(settings.coursedir.root) / settings.coursedir.submitted_directory}"
    found = {each.student: each for each in find_submitted(settings.coursedir, lesson)}
    submitted = found.get(request.student)
    if submitted is None:
        held = f"{len(found)} students" if found else "nobody"
        raise CourseError(f"{where} holds nothing of {student} for {lesson.id}; {held} handed it in")
    result = Store(settings.coursedir).read(request.student, lesson.id) if has_name(request.student) else None
    if result is None:
        raise CourseError(f"{student}, {lesson.id}: not graded yet; run: python -m autograder grade {lesson.number}")
    return submitted, result


def _grade_again(submitted: Submitted, handed_in: HandedIn, result: KeptResult, isolation: str) -> list[ExerciseEntry]:
    """Return the verdicts that the same seeds bring today, of each exercise that was graded and is still there."""
    known = {exercise.name for exercise in submitted.lesson.exercises}
    then = {entry["name"]: entry for entry in result["exercises"] if entry["name"] in known}
    # An exercise that came later has no verdict to compare with: a stand-in keeps it from being graded.
    stand_ins: list[ExerciseEntry] = [
        {**entry, "name": name} for entry in [*then.values()][:1] for name in known - {*then}
    ]
    found: dict[str, ExerciseEntry] = {}
    for seed in dict.fromkeys(entry["seed"] for entry in then.values()):
        others = [entry for entry in then.values() if entry["seed"] != seed]
        job = make_job(ToGrade(submitted, (*others, *stand_ins)), handed_in, seed, isolation)
        again = {entry["name"]: entry for entry in grade_submission(job)["exercises"]}
        found |= {name: again[name] for name, entry in then.items() if entry["seed"] == seed}
    return [found[name] for name in then]


def _changes(result: KeptResult, handed_in: HandedIn, lesson: Lesson, edited: Sequence[str]) -> list[str]:
    """Return what is not as it was when the submission was graded."""
    said = []
    if handed_in.digest != result["digest"]:
        said.append(f"what lies in submitted/ is not what was graded: it was handed in again, or changed; {ANEW}")
    if handed_in.timestamp != result["timestamp"]:
        said.append(f"handed in {handed_in.timestamp or 'without a time'}, then {result['timestamp'] or 'without'}")
    if result["course"] != load_course().version:
        said.append(f"the course is version {load_course().version}, then it was {result['course']}")
    if edited:
        said.append(f"checked otherwise than then: {', '.join(edited)}; {ANEW}")
    there = {exercise.name for exercise in lesson.exercises}
    graded = {entry["name"] for entry in result["exercises"]}
    if graded - there:
        said.append(f"no exercise of the lesson any more: {', '.join(sorted(graded - there))}")
    if there - graded:
        said.append(f"an exercise since then only: {', '.join(sorted(there - graded))}; {ANEW}")
    return said


def answer(settings: Settings, request: RegradeRequest) -> Answered:
    """Grade a submission again with the seeds of its kept result. Raises CourseError where there is none."""
    lesson = find_lesson(request.lesson)
    submitted, result = _find(settings, request, lesson)
    handed_in = read_handed_in(submitted)
    try:
        again = {entry["name"]: entry for entry in _grade_again(submitted, handed_in, result, request.isolation)}
    finally:
        release_worker()
    marks = read_class(settings, [lesson])
    graded = marks.graded.get((request.student, lesson.id))
    by_hand = {mark.exercise.name: mark.score for mark in graded.marks if mark.by_hand} if graded else {}
    then = {entry["name"]: entry for entry in result["exercises"]}
    compared = tuple(
        Compared(
            exercise,
            then[exercise.name],
            again[exercise.name],
            then[exercise.name]["edition"] != edition(lesson, exercise),
            by_hand.get(exercise.name),
        )
        for exercise in lesson.exercises
        if exercise.name in again
    )
    changes = _changes(result, handed_in, lesson, [each.exercise.name for each in compared if each.edited])
    changes += [f"marks given by hand are not known: {marks.trouble}"] if marks.trouble else []
    return Answered(result, lesson, compared, tuple(changes), graded)


def verdict(entry: ExerciseEntry) -> str:
    """Return points, outcome and mistake of one exercise in a line."""
    mistake = f" ({mistake_in_words(entry['misconception'])})" if entry["misconception"] else ""
    return f"{number(entry['score'])} of {number(entry['max_score'])}, {in_words(entry['outcome'])}{mistake}"


def compared_lines(each: Compared) -> list[str]:
    """Return what a reader should know of one exercise, then and now."""
    lines = [f"{title_of(each.exercise)}: {verdict(each.then)}; seed {each.then['seed']}"]
    lines.append("  the same again" if each.same else f"  NOT THE SAME again: {verdict(each.now)}")
    if each.by_hand is not None:
        lines.append(f"  counts: {number(each.by_hand)} of {number(each.exercise.points)}, by hand")
    return lines


def conclusion(answered: Answered) -> str:
    """Return in a line whether the grade was reproduced."""
    others = [each.exercise.name for each in answered.compared if not each.same]
    if not others:
        return f"The grade is reproduced: {len(answered.compared)} exercises come out as they did."
    return f"The grade is not reproduced: {', '.join(others)} came out otherwise."


def head_lines(answered: Answered) -> list[str]:
    """Return who, what, when and where it was graded, and what changed since."""
    result, graded = answered.result, answered.graded
    lines = [
        f"{safe_text(result['student'], 80, one_line=True)}, {answered.lesson.id}: graded {result['graded_at']}, "
        f"course {result['course']}, {safe_text(result['isolation'], 200, one_line=True)}"
    ]
    if graded is not None:
        more = f", {number(graded.more)} of them for lateness or extra credit" if graded.more else ""
        lines.append(f"counts: {number(graded.points)} of {number(answered.lesson.points)} points{more}")
    return lines + [f"changed: {safe_text(change, 300, one_line=True)}" for change in answered.changes]


def answer_text(answered: Answered) -> str:
    """Return the whole answer as text: what counts, then and now, and what was asked and answered."""
    parts = ["\n".join(head_lines(answered))]
    parts.append("\n".join(line for each in answered.compared for line in compared_lines(each)))
    for each in answered.compared:
        if each.same:
            parts.append(each.then["text"])
        else:
            parts += [f"then:\n{each.then['text']}", f"again:\n{each.now['text']}"]
    notes = [safe_text(note, 400, one_line=True) for note in answered.result["notes"]]
    parts += ["\n".join(f"note: {note}" for note in notes)] if notes else []
    return "\n\n".join([*parts, conclusion(answered)])


def answer_request(request: RegradeRequest) -> int:
    """Do what the command does and return the exit status: 1 where it came out otherwise. Raises CourseError."""
    settings = load_settings(request.course)
    answered = answer(settings, request)
    print(answer_text(answered))
    if request.html is not None:
        out = request.html.expanduser().resolve()
        write_whole(
            out,
            regrade_page(
                answered.lesson.title,
                head_lines(answered),
                conclusion(answered),
                [
                    (compared_lines(each), each.then["html"], None if each.same else each.now["html"])
                    for each in answered.compared
                ],
            ),
        )
        print(out)
    return 0 if answered.same else 1
