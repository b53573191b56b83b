"""Which room may import which: the list is the house from the roof down, and imports run downwards only."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A module belongs to the longest prefix of its name. Rooms of one line stand side by side and do not know each other.
FLOORS = """
data_scripts.train_landmarks data_scripts.augmentation_effect data_scripts.nose_tip_settings data_scripts.carry_over
data_scripts.studies
autograder
autograder.commands
autograder.classroom.overview autograder.notebook_api
autograder.classroom.exports autograder.classroom.likeness
autograder.classroom.run
autograder.classroom.gradebook
autograder.classroom.results
autograder.classroom.folders
autograder.authoring
autograder.report
autograder.grading
autograder.checks
autograder.checks.lesson_
autograder.checks.common
autograder.ladder
autograder.isolation
autograder.course
autograder.worker
data_scripts
data_scripts.browser
data_scripts.heatmaps
data_scripts.training
data_scripts.kaggle data_scripts.imm data_scripts.ibug
data_scripts.drawing
data_scripts.files
"""


def rooms_by_floor() -> dict[str, int]:
    """Return the floor of every room, the roof being 0."""
    floors = FLOORS.strip().splitlines()
    return {room: floor for floor, line in enumerate(floors) for room in line.split()}


def room_of(module: str) -> str:
    """Return the room that a module stands in."""
    fitting = [room for room in rooms_by_floor() if f"{module}.".startswith(room if room.endswith("_") else f"{room}.")]
    room = max(fitting, key=len, default="")
    # Each lesson has a room of its own.
    return ".".join(module.split(".")[:3]) if room.endswith("_") else room


def modules() -> dict[str, Path]:
    """Return the path of every module of the course's packages."""
    paths = [path for package in ("autograder", "data_scripts") for path in (ROOT / package).rglob("*.py")]
    names = [path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in paths]
    return {name.removesuffix(".__init__"): path for name, path in zip(names, paths, strict=True)}


def imports_of(module: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the course's modules that a module imports, at its top or inside a function."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            named = [f"{base}.{alias.name}" for alias in node.names]
            yield from (name if name in known else base for name in named if name in known or base in known)


def arrows() -> set[tuple[str, str]]:
    """Return every import between two different modules."""
    known = modules()
    found = {(name, other) for name, path in known.items() for other in imports_of(name, path, known)}
    return {(one, other) for one, other in found if one != other}


def drawing() -> str:
    """Return which room imports which, a line a room, for the message of a failing test and for the curious."""
    below = defaultdict(set)
    for one, other in arrows():
        if room_of(one) != room_of(other):
            below[room_of(one)].add(room_of(other))
    return "\n".join(f"{room or '?'} -> {', '.join(sorted(others))}" for room, others in sorted(below.items()))


def test_imports_run_downwards() -> None:
    floors = rooms_by_floor()

    def floor_of(module: str) -> int:
        room = room_of(module)
        return floors[room if room in floors else "autograder.checks.lesson_"]

    upward = [
        f"{one} -> {other}"
        for one, other in sorted(arrows())
        if room_of(one) != room_of(other) and floor_of(one) >= floor_of(other)
    ]
    assert not upward, f"imports that do not run downwards:\n{chr(10).join(upward)}\n\nthe house:\n{drawing()}"


def test_no_module_imports_itself_in_a_circle() -> None:
    below = defaultdict(set)
    for one, other in arrows():
        below[one].add(other)
    try:
        list(TopologicalSorter(below).static_order())
    except CycleError as error:
        raise AssertionError(f"modules that import each other: {' -> '.join(error.args[1])}") from None


def test_files_of_the_engine_are_short() -> None:
    long = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}
    long = {name: lines for name, lines in long.items() if name.startswith("autograder") and lines > 300}
    assert not long
