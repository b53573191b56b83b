"""The golden record: what every known answer earns on the hidden inputs of one seed.

``python -m tests.golden.record`` writes ``record.json`` anew, ``python -m tests.golden.record 03`` what it holds of one
lesson. Its test, part of the long run, compares: a change of the engine or of a check that changes a grade shows here,
answer by answer.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from autograder.checks.catalogue import catalogue
from autograder.course.manifest import CourseError, Lesson, find_lesson, load_course
from autograder.course.released import released_cells
from tests.lessons.answers import KINDS, answers_of
from tests.lessons.battery import MISTAKE_SEED, grade_and_diagnose, names_of
from tests.reference import reference_names

RECORD = Path(__file__).with_name("record.json")

# Points, outcome, the first rung that failed, and the misconception.
Entry = list[Any]


def _stub_names(lesson: Lesson) -> dict[str, Any]:
    """Return the names of the lesson with the stubs in place of every exercise."""
    names = dict(reference_names(lesson.id))
    for exercise in lesson.exercises:
        for name in exercise.names:
            del names[name]
    for text in (cell["text"] for cell in released_cells(lesson) if cell["kind"] == "solution"):
        # A stub that stands between definitions ends its cell, as it does in a notebook.
        with suppress(NotImplementedError):
            exec(text, names)
    return names


def known_answers(lesson: Lesson) -> Iterator[tuple[str, str, Any]]:
    """Yield a key, the exercise and a function that makes the names, for everything known of the lesson."""
    for exercise in lesson.exercises:
        yield f"reference/{exercise.name}", exercise.name, lambda: reference_names(lesson.id)
        yield f"stub/{exercise.name}", exercise.name, lambda: _stub_names(lesson)
        for mistake in catalogue(lesson)[exercise.name]:
            yield f"catalogue/{mistake.id}", exercise.name, lambda mistake=mistake: names_of(mistake)
    for kind in KINDS:
        for answer in answers_of(lesson, kind):
            yield f"{kind.lower()}/{answer.exercise}/{answer.id}", answer.exercise, answer.all_names


def grade_known(exercise: str, make_names: Any) -> Entry:
    """Return what an answer earns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = grade_and_diagnose(exercise, make_names(), MISTAKE_SEED)
    failed = result.failed_rung
    return [result.score, result.outcome, failed.rung.name if failed else None, result.misconception]


def write_record(lessons: tuple[Lesson, ...]) -> None:
    """Grade everything that is known of the lessons and write the record, a line an answer; keep those of others."""
    every = [(lesson, answer) for lesson in load_course().lessons for answer in known_answers(lesson)]
    held: dict[str, Entry] = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    kept = {key: held[key] for lesson, (key, *_) in every if lesson not in lessons and key in held}
    asked = [answer for lesson, answer in every if lesson in lessons]
    entries = kept | {key: grade_known(exercise, names) for key, exercise, names in tqdm(asked, unit="answer")}
    lines = [f"{json.dumps(key)}: {json.dumps(entries[key], ensure_ascii=False)}" for key in sorted(entries)]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    others = {lesson.id for lesson, (key, *_) in every if lesson not in lessons and key not in held}
    if others:
        print(f"no record of {', '.join(sorted(others))} yet: run python -m tests.golden.record without a lesson")
    changed = sorted(key for key in entries.keys() & held.keys() if entries[key] != held[key])
    gone = sorted(held.keys() - entries.keys())
    for what, keys in (("changed", changed), ("gone", gone)):
        print(*(f"{what}: {key}" for key in keys), sep="\n", end="\n" if keys else "")
    print(f"{len(entries.keys() - held.keys())} new, {len(changed)} changed, {len(gone)} gone")


def main() -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.record", description="Write the golden record.")
    parser.add_argument("lesson", nargs="*", help="numbers or names; all of them without any")
    try:
        write_record(tuple(map(find_lesson, parser.parse_args().lesson)) or load_course().lessons)
    except CourseError as error:
        print(f"record: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("record: interrupted; the record is as it was", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
