"""Similar work: copies in disguise are found, independent work is not, and what everybody has tells nothing."""

from __future__ import annotations

import ast
import json
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from autograder.classroom.folders.handed_in import Submitted, find_submitted
from autograder.classroom.folders.settings import load_settings
from autograder.classroom.likeness.answers import prints_of, written_in
from autograder.classroom.likeness.background import background_of
from autograder.classroom.likeness.fingerprints import GRAM, WINDOW, all_fingerprints, winnow
from autograder.classroom.likeness.pairs import FEW, LEAST_SHARED, WHOLE_LESSON, compare, least_bits
from autograder.classroom.likeness.similar_work import beside_each_other, compare_answers, find_similar_work
from autograder.classroom.likeness.structure import Token, tokens
from autograder.course.manifest import find_lesson
from autograder.course.released import solution_code
from tests.bench_likeness import (
    COPIED,
    INDEPENDENT,
    all_independent,
    count_each,
    count_in,
    count_lessons,
    made_up_class,
)
from tests.classroom.course_folder import hand_in, make_course
from tests.classroom.disguised_answers import disguise, independent_answers
from tests.notebooks import LESSON, reference_notebook, released_notebook, with_code

lesson = find_lesson("01")
NOTHING = np.empty(0, np.uint64)
ONE = """
def mean_of_rows(table, labels):
    kept = [row for row in table if row is not None]
    total = 0.0
    for row, label in zip(kept, labels):
        if label > 0:
            total += sum(row) / len(row)
        else:
            total -= max(row)
    return total / max(1, len(kept))
"""


def structure(code: str) -> list[str]:
    return [token.text for token in tokens(ast.parse(textwrap.dedent(code)).body)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(a, b):\n    c = a + b\n    return c", "def g(left, right):\n    s = left + right\n    return s"),
        ("def f(a):\n    return a", "def f(a: int) -> int:\n    '''Return it.'''\n    # as it is\n    return a"),
        ("def f(a):\n    a += 1", "def f(a):\n    a = a + 1"),
        ("def f(a):\n    return 0 > a", "def f(a):\n    return a < 0"),
        ("def f(a):\n    g(a, x=1, y=2)", "def f(a):\n    g(a, y=2, x=1)"),
        ("def f():\n    raise ValueError('no')", "def f():\n    raise ValueError(f'never {1}')"),
        ("class A:\n    def m(self):\n        self.x = 1", "class B:\n    def n(this):\n        this.y = 1"),
    ],
)
def test_names_notes_and_layout_do_not_count(one: str, other: str) -> None:
    assert structure(one) == structure(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(a):\n    return np.sum(a)", "def f(a):\n    return np.mean(a)"),
        ("def f(a):\n    return a[0]", "def f(a):\n    return a[1]"),
        ("def f(a):\n    return a + 1", "def f(a):\n    return a - 1"),
    ],
)
def test_what_code_does_counts(one: str, other: str) -> None:
    assert structure(one) != structure(other)


def test_a_common_part_that_is_long_enough_is_always_found() -> None:
    random = np.random.default_rng(1)

    def sequence(count: int) -> list[Token]:
        return [Token(str(value), 1) for value in random.integers(0, 10**6, count)]

    for _ in range(50):
        shared = sequence(GRAM + WINDOW - 1)
        one, other = ([*sequence(20), *shared, *sequence(20)] for _ in range(2))
        assert winnow(one).keys() & winnow(other).keys()
        assert winnow(one).keys() <= set(all_fingerprints(one).tolist())
    assert not winnow(sequence(GRAM - 1))


def test_fingerprints_know_their_lines() -> None:
    found = winnow(tokens(ast.parse(ONE).body))
    assert {line for lines in found.values() for line in lines} <= set(range(2, 11))
    assert len({first for first, _ in found.values()}) > 5


def test_copies_are_found_and_independent_work_is_not() -> None:
    """The figures of docs/measured.md: 95 independent answers of the batteries, and five more with a copy each."""
    answers = all_independent()
    counts = [count_in(*made_up_class(answers, seed)) for seed in range(10)]
    assert all(count.copies == COPIED and count.false == 0 for count in counts)
    assert sum(count.found for count in counts) >= 0.7 * COPIED * len(counts)
    handed_in, _ = made_up_class(answers, 0)
    assert sum(map(len, handed_in.values())) == INDEPENDENT + 2 * COPIED


def test_every_answer_in_turn_copied() -> None:
    count = count_each(all_independent())
    assert count.copies > 250
    assert count.false == 0
    assert count.told_found >= 0.9 * count.told > 0.75 * count.copies


def test_whole_lessons_copied() -> None:
    """Where each answer is short, all of them together tell."""
    count = count_lessons(all_independent())
    assert count.copies > 60
    assert count.false == 0
    assert count.found >= 0.8 * count.copies


def test_short_answers_tell_together() -> None:
    random = np.random.default_rng(6)
    names = [exercise.name for exercise in lesson.exercises[:2]]

    def short() -> np.ndarray:
        return np.sort(random.integers(0, 2**62, 9).astype(np.uint64))

    answers = {name: {f"student{number:02d}": short() for number in range(20)} for name in names}
    assert not [pair for found in compare_answers(lesson, answers) for pair in found.pairs]
    for name in names:
        answers[name]["zed"] = answers[name]["student03"]
    *single, together = compare_answers(lesson, answers)
    assert not [pair for found in single for pair in found.pairs]
    assert [(pair.first, pair.second, pair.exercise) for pair in together.pairs] == [("student03", "zed", WHOLE_LESSON)]
    # One exercise by itself is no lesson.
    del answers[names[0]]["zed"]
    assert not [pair for found in compare_answers(lesson, answers) for pair in found.pairs]


def test_the_reference_and_the_released_text_tell_nothing() -> None:
    for exercise, ignored in background_of(lesson).items():
        found = [each for each in written_in(reference(), lesson) if each.exercise == exercise]
        prints = [prints_of(each.nodes) for each in found]
        assert len(prints) == 1
        assert np.isin(prints[0], ignored).all(), exercise
    assert "def parse_pixels" in solution_code(lesson)


def reference() -> bytes:
    return json.dumps(reference_notebook()).encode()


def test_stubs_are_no_answers() -> None:
    assert written_in(json.dumps(released_notebook()).encode(), lesson) == []
    assert len(written_in(reference(), lesson)) == len(lesson.exercises)


def test_what_is_no_notebook_holds_no_answer() -> None:
    assert written_in(b"nothing", lesson) == []
    assert written_in(b'{"cells": [1, {"cell_type": "code", "source": "def parse_pixels(:"}]}', lesson) == []


def test_code_that_is_nested_too_deeply_has_no_structure() -> None:
    deep: ast.expr = ast.Name("a", ast.Load())
    for _ in range(5000):
        deep = ast.UnaryOp(ast.Not(), deep)
    assert tokens([ast.Expr(deep)]) == []


def prints(code: str) -> np.ndarray:
    return prints_of(ast.parse(code).body)


def test_what_many_share_is_the_idiom_of_the_class() -> None:
    random = np.random.default_rng(2)
    common = np.sort(random.integers(0, 2**62, 40).astype(np.uint64))
    few = {f"student{number}": common for number in range(3)}
    many = {f"student{number}": common for number in range(12)}
    others = {f"other{number}": np.sort(random.integers(0, 2**62, 40).astype(np.uint64)) for number in range(20)}
    found = compare("x", few | others, NOTHING)
    assert {pair.first for pair in found.pairs} | {pair.second for pair in found.pairs} == set(few)
    assert (found.common, found.pairs[0].alike, found.pairs[0].pairs) == (0, 3, 253)
    assert found.pairs[0].likeness == 1
    found = compare("x", many | others, NOTHING)
    assert found.pairs == ()
    assert found.common == 66 > FEW


def test_too_few_and_too_short_answers_are_not_compared() -> None:
    short = np.arange(LEAST_SHARED - 1, dtype=np.uint64)
    assert compare("x", {}, NOTHING).usual is None
    found = compare("x", {"ada": short, "bob": short}, NOTHING)
    assert (found.written, found.answers, found.pairs) == (2, 0, ())


def test_more_pairs_need_more_evidence() -> None:
    assert least_bits(500_000) > least_bits(500) > least_bits(1) > 0


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight students with answers of their own to one exercise, one who copied, one whose file is no notebook."""
    folder = make_course(tmp_path_factory.mktemp("likeness") / "course")
    codes = independent_answers(lesson, ("RIGHT",))["load_faces"]
    for number, code in enumerate(codes):
        hand_in(folder, f"student{number}", with_code("load_faces", code))
    hand_in(folder, "zed", with_code("load_faces", disguise(codes[0], 3)))
    hand_in(folder, "broken", b"{}")
    return folder


def test_a_class_folder_is_compared(course: Path) -> None:
    coursedir = load_settings(course).coursedir
    work = find_similar_work(coursedir, [lesson])
    ((found_lesson, pair),) = work.pairs()
    assert (found_lesson, pair.first, pair.second, pair.exercise) == (lesson, "student0", "zed", "load_faces")
    assert pair.alike == 1
    assert pair.likeness > 0.8 > pair.usual
    ((one, other),) = [sides for sides in beside_each_other(coursedir, lesson, [pair]) if sides]
    assert (one.student, other.student) == ("student0", "zed")
    assert len(one.shared) > 5
    assert "def load_faces" in "\n".join(one.lines)
    assert any("# step" in line for line in other.lines)


def test_a_pair_that_was_taken_away_since_is_none(course: Path, tmp_path: Path) -> None:
    pair = find_similar_work(load_settings(course).coursedir, [lesson]).pairs()[0][1]
    empty = make_course(tmp_path / "empty")
    assert beside_each_other(load_settings(empty).coursedir, lesson, [pair]) == [None]


def test_large_classes_are_read_by_several_processes(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.classroom.likeness.similar_work.AT_A_TIME", 2)
    work = find_similar_work(load_settings(course).coursedir, [lesson])
    assert [(pair.first, pair.second) for _, pair in work.pairs()] == [("student0", "zed")]
    assert work.unread == 0
    assert lesson.id == LESSON


def die(submissions: Sequence[Submitted]) -> list[tuple[str, str, np.ndarray]]:
    os._exit(3)


def test_a_process_that_breaks_is_said(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.classroom.likeness.similar_work.AT_A_TIME", 2)
    monkeypatch.setattr("autograder.classroom.likeness.similar_work.fingerprinted", die)
    coursedir = load_settings(course).coursedir
    work = find_similar_work(coursedir, [lesson])
    assert work.unread == len(find_submitted(coursedir, lesson)) > 5
    assert work.pairs() == []
