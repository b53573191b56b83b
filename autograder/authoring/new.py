"""``python -m autograder new``: the skeleton of an exercise or a lesson, and what to fill in.

A skeleton works: it asks to double some values, and every file agrees with the others. The author replaces what it
asks, place by place; ``FILL IN`` marks the places, and ``build`` refuses while one is left.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

from ..course.fields import LESSON_ID
from ..course.manifest import MANIFEST, ROOT, CourseError, Lesson, find_lesson, load_course
from ..course.root import shown_path
from .generated import put_back, write_files
from .manifest_text import with_exercise, with_lesson
from .source import source_path

TEMPLATES = Path(__file__).with_name("skeleton")
_AFTER_THE_LAST_CHECK = re.compile(r'(?s)\A(.*^autograder\.check\("\w+"\)\n)\n*(.*)\Z', re.MULTILINE)


@dataclass(frozen=True)
class Skeleton:
    """What ``new`` writes: the content of each file, whole, and the lesson and the name that it is for."""

    lesson_id: str
    name: str
    files: dict[Path, str]

    @property
    def room(self) -> str:
        """What the lesson's folders of checks and of tests are called."""
        return f"lesson_{self.lesson_id.partition('_')[0]}"


def _fill(template: str, **values: str) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(values)


def _refuse_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or hasattr(builtins, name):
        raise CourseError(
            f"{name!r} is no name for a new exercise; expected a function's, such as mirror_faces, not Python's "
            "own (make a class of it when you fill it in)"
        )
    imported = {module.partition(".")[0] for lesson in load_course().lessons for module in lesson.frameworks}
    if name in imported | sys.stdlib_module_names:
        raise CourseError(f"{name} is a module that notebooks import; choose another name")
    for lesson in load_course().lessons:
        if name in lesson.names:
            raise CourseError(f"{lesson.id} has an exercise named {name}; choose another name")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _exercise_files(lesson_id: str, name: str, probe: bool) -> dict[Path, str]:
    """Return the files of an exercise apart from the source and the manifest."""
    number = lesson_id.partition("_")[0]
    room = f"lesson_{number}"
    checks, tests = ROOT / "autograder" / "checks" / room, ROOT / "tests" / "lessons" / room
    values = {"name": name, "room": room, "number": number}
    files = {folder / "__init__.py": _read(folder / "__init__.py") for folder in (checks, tests)}
    files[checks / f"{name}.py"] = _fill("ladder.py", **values)
    files[tests / f"{name}.py"] = _fill("answers.py", **values)
    for path in (checks / f"{name}.py", tests / f"{name}.py"):
        if path.exists():
            raise CourseError(f"{shown_path(path)} is there already; choose another name, or remove it")
    files[checks / "mistakes.yaml"] = _read(checks / "mistakes.yaml") + _fill("mistakes.yaml", **values)
    files[checks / "hints.yaml"] = _read(checks / "hints.yaml") + _fill("hints.yaml", **values)
    if probe:
        probes = ROOT / "autograder" / "worker" / "probes" / f"{room}.py"
        files[probes] = (_read(probes) or _fill("probe_module.py", **values)) + _fill("probe.py", **values)
        files[checks / f"{name}.py"] += _fill("ladder_probe.py", **values)
    return files


def exercise_skeleton(lesson: Lesson, name: str, probe: bool = False) -> Skeleton:
    """Return the skeleton of an exercise at the end of a lesson; with ``probe`` one rung looks through a probe.

    Raises CourseError where the name is taken or is none, or a file stands in the way.
    """
    _refuse_name(name)
    source = source_path(lesson)
    parts = _AFTER_THE_LAST_CHECK.match(_read(source))
    if not parts:
        raise CourseError(f"{shown_path(source)}: expected a check cell, behind which the exercise goes")
    files = _exercise_files(lesson.id, name, probe)
    files[MANIFEST] = with_exercise(_read(MANIFEST), lesson.id, _fill("manifest_exercise.yaml", name=name))
    files[source] = f"{parts[1]}\n{_fill('exercise.py', name=name)}{parts[2]}"
    return Skeleton(lesson.id, name, files)


def lesson_skeleton(lesson_id: str, name: str | None = None, probe: bool = False) -> Skeleton:
    """Return the skeleton of a lesson behind the last one; its exercise is ``name``, or what the lesson is named.

    Raises CourseError where the id or its number is taken or is none, or a file stands in the way.
    """
    if not re.fullmatch(LESSON_ID, lesson_id):
        raise CourseError(f"{lesson_id!r} is no lesson's id; expected NN_name, such as 10_mirror_faces")
    number, _, topic = lesson_id.partition("_")
    last = load_course().lessons[-1]
    if int(number) != int(last.number) + 1:
        expected = f"{int(last.number) + 1:02d}_{topic}"
        raise CourseError(f"{lesson_id}: the last lesson is {last.id}; expected {expected}")
    name = name or topic
    _refuse_name(name)
    source = ROOT / "solutions" / lesson_id / f"{lesson_id}.py"
    if source.parent.exists():
        raise CourseError(f"{shown_path(source.parent)} is there already; choose another id, or remove it")
    files = _exercise_files(lesson_id, name, probe)
    entry = _fill("manifest_lesson.yaml", lesson=lesson_id)
    exercise = _fill("manifest_exercise.yaml", name=name)
    files[MANIFEST] = with_lesson(_read(MANIFEST), entry, exercise)
    files[source] = _fill("lesson.py", name=name, exercise=_fill("exercise.py", name=name))
    return Skeleton(lesson_id, name, files)


def write_skeleton(skeleton: Skeleton) -> list[Path]:
    """Write the files of a skeleton, all or none; return those that changed."""
    former = {path: path.read_bytes() if path.is_file() else None for path in skeleton.files}
    changed = {path: text.encode() for path, text in skeleton.files.items() if former[path] != text.encode()}
    try:
        write_files(changed)
    except BaseException:
        put_back({path: former[path] for path in changed})
        raise
    return sorted(changed)


def steps(skeleton: Skeleton) -> list[tuple[str, str, str]]:
    """Return what to do next: a file, what to fill in there, and the command that proves it."""
    lesson, room, name = skeleton.lesson_id, skeleton.room, skeleton.name
    number = lesson.partition("_")[0]
    checks, tests = f"autograder/checks/{room}", f"tests/lessons/{room}"
    probes = ROOT / "autograder" / "worker" / "probes" / f"{room}.py"
    released = any(lesson == each.id for each in load_course().lessons)
    version = " Give the course another version: the lesson was released with fewer points." if released else ""
    own = "points and hint of the exercise" if released else "title, goal, minutes, needs; points and hint"
    found = [
        ("autograder/course.yaml", f"{own}.{version}", "python -m autograder lessons"),
        (
            f"solutions/{lesson}/{lesson}.py",
            "the prose (also a row of the table at the top), the docstring (shapes, units, errors), the reference",
            f"python -m autograder unfilled {number}",
        ),
        (
            f"{checks}/{name}.py",
            "the ladder: what is asked and what is right, one rung for each thing that can be wrong",
            f"pytest tests/lessons/test_course.py -k 'ladder and {lesson}'",
        ),
        (
            f"{tests}/{name}.py",
            "answers written in other ways: right ones, and wrong ones with words that they are told",
            f"pytest tests/lessons/test_answers.py -k {name}",
        ),
        (
            f"{checks}/mistakes.yaml",
            "at least five mistakes that students really make, each with a hint of two or three sentences",
            f"python -m autograder build {number} && pytest tests/lessons/test_misconceptions.py -k {name}",
        ),
    ]
    found.append(
        (
            f"{checks}/hints.yaml",
            "three hints, from a question to the shape of the code, and what to tell who has passed",
            f"pytest tests/lessons/test_hints.py -k {name}",
        )
    )
    if probes in skeleton.files:
        found.insert(3, (shown_path(probes), "what runs beside the student's code", found[2][2]))
    return [
        *found,
        (
            f"lessons/{lesson}/{lesson}.ipynb",
            "nothing: the notebooks of all lessons and the README's table are generated, and hold the course's version",
            f"python -m autograder build && pytest autograder --work solutions --lesson {number}",
        ),
        (
            f"build/demo/{lesson}",
            "nothing: the lesson runs from top to bottom, so a cell that raises shows here; look at its figures",
            f"python -m autograder demo --lesson {number} --scale trial",
        ),
        (
            "tests/golden/record.json",
            "nothing: what every known answer of the lesson earns is recorded; the difference shows new answers alone",
            f"python -m tests.golden.record {number} && make lint test",
        ),
    ]


def make_new(kind: str, lesson: str, name: str | None, probe: bool) -> Skeleton:
    """Write the skeleton of a ``lesson`` or an ``exercise``; print the files and the steps that follow."""
    if kind == "lesson":
        skeleton = lesson_skeleton(lesson, name, probe)
    else:
        skeleton = exercise_skeleton(find_lesson(lesson), name or "", probe)
    todo = steps(skeleton)
    for path in write_skeleton(skeleton):
        print(f"{shown_path(path)}: written")
    print("\nFill in, file by file, every place marked FILL IN; each step ends with the command that proves it.\n")
    for position, (file, what, command) in enumerate(todo, start=1):
        print(f"{position}. {file}\n   {what}\n   $ {command}")
    print("\nNothing else was changed: to take it back, restore and remove what git status names.")
    return skeleton
