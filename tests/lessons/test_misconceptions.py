"""The catalogue of misconceptions: every mistake loses points and is named by its own id."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from autograder.checks import catalogue as catalogue_module
from autograder.checks.catalogue import Misconception, catalogue
from autograder.course.manifest import CourseError, find_lesson, load_course
from tests.lessons.answers import sampled
from tests.lessons.battery import MISTAKE_SEED, grade_and_diagnose, names_of, remembering, rivals, story

MET = Counter[str]()
ALL = [
    pytest.param(entry, id=entry.id, marks=[remembering(lesson.id), *sampled(MET, entry.exercise)])
    for lesson in load_course().lessons
    for entries in catalogue(lesson).values()
    for entry in entries
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mistake", ALL)
def test_every_mistake_loses_points_and_is_named(mistake: Misconception) -> None:
    result = grade_and_diagnose(mistake.exercise, names_of(mistake), MISTAKE_SEED)
    assert result.score < result.exercise.points
    assert result.misconception == mistake.id, f"{story(result)}\n{rivals(result, MISTAKE_SEED)}"
    assert result.problem.hint == mistake.hint


def test_every_exercise_has_five() -> None:
    short = {
        name: len(entries)
        for lesson in load_course().lessons
        for name, entries in catalogue(lesson).items()
        if len(entries) < 5
    }
    assert not short


@pytest.mark.parametrize("mistake", ALL)
def test_hints_are_two_or_three_sentences(mistake: Misconception) -> None:
    sentences = re.findall(r"[.!?](?=\s|$)", mistake.hint)
    assert 2 <= len(sentences) <= 3, mistake.hint
    assert re.fullmatch(r"[a-zA-Z_]\w*/[a-z0-9-]+", mistake.id)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("forward_fill: {a: {hint: b}}", "expected hint and either change or code"),
        ("forward_fill: {a: {hint: b, change: [no such text, x]}}", "does not hold"),
        ("forward_fill: {a: {hint: b, change: [alone]}}", "expected .old, new."),
        ("forward_fill: {a: {hint: [1], code: x = 1}}", "hint: expected a text"),
        ("no_such_exercise: {}", "no exercises"),
        ("rmse:\n  a: {hint: b, code: x = 1}\n  a: {hint: b, code: x = 1}", "line 3: a stands twice"),
        ("rmse: [", "mistakes.yaml, line 1"),
    ],
)
def test_a_broken_catalogue_is_refused(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "lesson_02"
    room.mkdir()
    (room / "mistakes.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(catalogue_module, "FOLDER", tmp_path)
    with pytest.raises(CourseError, match=said):
        catalogue.__wrapped__(find_lesson("02"))
