"""Put an entry into the text of ``course.yaml``, so that its comments and its order stay as their author wrote them."""

from __future__ import annotations

from textwrap import indent

import yaml

from ..course.manifest import CourseError


def _last_line(node: yaml.Node) -> int:
    """Return the line (from 0) on which the last scalar of a node ends; a node's own end includes what follows it."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1])
    # A text in a block of its own (``|`` or ``>``) ends where the next line begins.
    end = node.end_mark
    return end.line - 1 if isinstance(node, yaml.ScalarNode) and end.column == 0 else end.line


def _field(mapping: yaml.Node | None, name: str) -> yaml.Node:
    for key, value in mapping.value if isinstance(mapping, yaml.MappingNode) else []:
        if key.value == name:
            return value
    raise CourseError(f"course.yaml: {name}: missing")


def _insert(text: str, after: int, block: str) -> str:
    lines = text.splitlines(keepends=True)
    lines[after] = lines[after].rstrip("\n") + "\n"
    return "".join([*lines[: after + 1], block, *lines[after + 1 :]])


def with_exercise(text: str, lesson_id: str, entry: str) -> str:
    """Return the manifest's ``text`` with an exercise's ``entry`` (at column 0) behind the last one of the lesson."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    lesson = next(node for node in _field(root, "lessons").value if _field(node, "id").value == lesson_id)
    exercises = _field(lesson, "exercises")
    if not isinstance(exercises, yaml.SequenceNode) or exercises.flow_style:
        raise CourseError(f"course.yaml, lesson {lesson_id}: exercises: expected one entry a line, each behind a dash")
    return _insert(text, _last_line(exercises), indent(entry, " " * exercises.start_mark.column))


def with_lesson(text: str, entry: str, exercise: str) -> str:
    """Return the manifest's ``text`` with a lesson's ``entry`` and its ``exercise`` behind the last lesson."""
    lessons = _field(yaml.compose(text, Loader=yaml.SafeLoader), "lessons")
    return _insert(text, _last_line(lessons), entry + indent(exercise, " " * 6))
