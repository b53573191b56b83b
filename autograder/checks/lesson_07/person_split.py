"""Checks of lesson 07: split_by_person, on names and paths in any order."""

from __future__ import annotations

from collections import Counter

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

split_by_person = Ladder("split_by_person")


def _draw_files(rng: np.random.Generator, persons: list[int], folder: str = "", equal: bool = False) -> list[str]:
    """Return file names of these persons, shuffled; each has one to six, or all six where ``equal``."""
    files = []
    for person in persons:
        kinds = range(1, 7) if equal else np.flatnonzero(rng.random(6) < 0.6) + 1
        letter = "mf"[int(rng.integers(2))]
        files += [f"{folder}{person:02d}-{kind}{letter}.asf" for kind in (kinds if len(kinds) else [1])]
    return [files[number] for number in rng.permutation(len(files))]


def _draw_persons(rng: np.random.Generator, count: int) -> list[int]:
    return sorted(int(person) for person in rng.choice(np.arange(1, 41), count, replace=False))


def _person(file: str) -> int:
    return int(file.rpartition("/")[2][:2])


def _split(student: Student, files: list[str], n_val: int | None, paths: bool = False) -> tuple[list, list]:
    """Return the student's two lists as texts; ``n_val`` None leaves it out."""
    answer = student.probe("lesson_07.split", files=files, n_val=n_val, paths=paths)
    hint = "End with: return train, val"
    expect.true(answer["count"] == 2, "two lists: train, val", answer["text"], hint=hint)
    for part, what in ((0, "train"), (1, "val")):
        found = answer["types"][part]
        expect.true(found in ("list", "tuple"), f"{what}: a list", f"{what}: {found}")
        wanted = "pathlib.Path" if paths else "str"
        others = [kind for kind in answer["items"][part] if kind != wanted]
        expected = f"{what}: the items of files themselves, each a {wanted}"
        hint = "Sort the items that you were given into two lists, not their numbers and not their names."
        expect.true(not others, expected, f"{what}: items that are a {', '.join(others)}", hint=hint)
    return answer["parts"][0], answer["parts"][1]


def _say(persons: list[int]) -> str:
    return ", ".join(map(str, sorted(set(persons)))) or "nobody"


def _expect_split(student: Student, files: list[str], n_val: int | None, example: str, paths: bool = False) -> None:
    train, val = _split(student, files, n_val, paths)
    persons = sorted({_person(file) for file in files})
    count = 8 if n_val is None else n_val
    last = persons[max(0, len(persons) - count) :]
    got = [_person(file) for file in train], [_person(file) for file in val]
    shared = set(got[0]) & set(got[1])
    hint = "All files of a person go to the same side, wherever they stand in the list."
    came = f"{len(shared)} person{'s' * (len(shared) != 1)} on both sides"
    expect.true(not shared, "no person on both sides", came, example, hint)
    hint = "The persons with the highest numbers validate. How many persons are there, and how many files?"
    who = "who validates: "
    expect.true(set(got[1]) == set(last), who + _say(last), who + _say(got[1]), example, hint)
    hint = "Both lists together hold what you were given: nothing left out, nothing twice."
    every = Counter(train) + Counter(val) == Counter(files)
    came = f"{len(train)} and {len(val)} of {len(files)} files"
    expect.true(every, "every file once, in one of the lists", came, example, hint)


@split_by_person.rung("type", points=1, gate=True)
def returns_two_lists(student: Student, rng: np.random.Generator) -> None:
    """It returns two lists of the items that it was given."""
    files = sorted(_draw_files(rng, [1, 2, 3, 4], equal=True))
    _split(student, files, 1)


@split_by_person.rung("values", points=2)
def the_last_persons_validate(student: Student, rng: np.random.Generator) -> None:
    """The persons with the highest numbers validate, all their files."""
    files = sorted(_draw_files(rng, list(range(1, 11)), equal=True))
    _expect_split(student, files, 3, "persons 1 … 10 with six files each, sorted by name; n_val = 3")


@split_by_person.rung("values", points=2)
def persons_have_any_number_of_files(student: Student, rng: np.random.Generator) -> None:
    """Persons may be absent, and have different numbers of files in any order."""
    persons = _draw_persons(rng, 9)
    _expect_split(student, _draw_files(rng, persons), 4, f"persons {_say(persons)}, files in any order; n_val = 4")


@split_by_person.rung("values", points=1)
def eight_by_default(student: Student, rng: np.random.Generator) -> None:
    """Without n_val, eight persons validate."""
    files = _draw_files(rng, _draw_persons(rng, 15), equal=True)
    _expect_split(student, files, None, "15 persons with six files each; n_val not given")


@split_by_person.rung("values", points=2)
def keeps_persons_together(student: Student, rng: np.random.Generator) -> None:
    """No person is on both sides, and one side has n_val persons, whichever they are."""
    for count in (9, 12):
        files = _draw_files(rng, _draw_persons(rng, count))
        train, val = _split(student, files, 4)
        sides = [{_person(file) for file in part} for part in (train, val)]
        shared, example = len(sides[0] & sides[1]), f"{count} persons, files in any order; n_val = 4"
        hint = "All files of a person go to the same side, wherever they stand in the list."
        came = f"{shared} person{'s' * (shared != 1)} on both sides"
        expect.true(not shared, "no person on both sides", came, example, hint)
        sizes = [len(side) for side in sides]
        got = f"{' and '.join(map(str, sizes))} persons"
        expect.true(sorted(sizes) == [4, count - 4], f"4 and {count - 4} persons", got, example, hint)
        got = f"{len(train)} and {len(val)} of {len(files)} files"
        every = Counter(train) + Counter(val) == Counter(files)
        expect.true(every, "every file once, in one of the lists", got, example, hint)


@split_by_person.rung("edge cases", points=2)
def takes_paths(student: Student, rng: np.random.Generator) -> None:
    """Paths come back as paths, and digits in a folder's name are no person."""
    persons = _draw_persons(rng, 6)
    for folder in ("faces-2/99-imm/", "03-5m.asf/"):
        files = _draw_files(rng, persons, folder)
        _expect_split(student, files, 2, f"Path({files[0]!r}) and others of persons {_say(persons)}; n_val = 2", True)
    files = _draw_files(rng, persons, "faces-2/99-imm/")
    _expect_split(student, files, 2, f"the string {files[0]!r} and others of persons {_say(persons)}; n_val = 2")


@split_by_person.rung("edge cases", points=1)
def nobody_or_everybody(student: Student, rng: np.random.Generator) -> None:
    """With n_val 0 nobody validates; with more than there are, everybody does."""
    persons = _draw_persons(rng, 4)
    files = _draw_files(rng, persons)
    for n_val in (0, 4, 6):
        _expect_split(student, files, n_val, f"four persons, {_say(persons)}; n_val = {n_val}")


@split_by_person.rung("side effects", points=1)
def leaves_the_list_alone(student: Student, rng: np.random.Generator) -> None:
    """The caller's list is as it was."""
    files = _draw_files(rng, _draw_persons(rng, 5))
    answer = student.probe("lesson_07.split", files=files, n_val=2, paths=False)
    # Who does nothing changes nothing.
    _expect_split(student, files, 2, "persons' files in any order; n_val = 2")
    hint = "sort(), pop() and remove() work on the caller's own list; sorted() makes another one."
    expect.true(answer["files"] == files, "files as it was", "a list that was changed", hint=hint)
