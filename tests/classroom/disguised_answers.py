"""A made-up class for likeness: independent answers out of the batteries, and copies of some in disguise."""

from __future__ import annotations

import ast
import inspect
import random
import re
import textwrap
from collections import defaultdict

from autograder.course.manifest import Lesson
from tests.lessons.answers import answers_of


def _source(value: object) -> str | None:
    try:
        return textwrap.dedent(inspect.getsource(value))  # type: ignore[arg-type]
    except (OSError, TypeError):
        return None


def independent_answers(lesson: Lesson, kinds: tuple[str, ...] = ("RIGHT", "WRONG")) -> dict[str, list[str]]:
    """Return the batteries' answers to each exercise as code, each text once; those that only change the reference
    are none of their own and left out."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    names = {exercise.name: exercise.names for exercise in lesson.exercises}
    for kind in kinds:
        for answer in answers_of(lesson, kind):
            if callable(answer.names):
                continue
            parts = [_source(answer.names[name]) for name in names[answer.exercise] if name in answer.names]
            code = "\n\n".join(part for part in parts if part)
            if None not in parts and code and _is_module(code):
                found[answer.exercise][_named(code, names[answer.exercise])] = None
    return {exercise: list(codes) for exercise, codes in found.items()}


def _is_module(code: str) -> bool:
    try:
        return all(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.parse(code).body)
    except SyntaxError:
        return False


def _named(code: str, names: tuple[str, ...]) -> str:
    """Return code whose definitions bear the exercise's names, as a student's do."""
    tree = ast.parse(code)
    for node, name in zip(tree.body, names, strict=False):
        code = re.sub(rf"\b{node.name}\b", name, code)  # type: ignore[attr-defined]
    return code


class _Renamed(ast.NodeTransformer):
    """Gives every variable another name."""

    def __init__(self, tree: ast.AST, kept: set[str]) -> None:
        stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        self._names = {name: f"my_{index}" for index, name in enumerate(sorted(stored - kept))}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)


def _used(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _given(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _reorder(body: list[ast.stmt], chance: random.Random) -> None:
    """Swap neighbors that do not need each other, and shuffle methods."""
    methods = [place for place, node in enumerate(body) if isinstance(node, ast.FunctionDef)]
    shuffled = chance.sample(methods, len(methods))
    before = list(body)
    for place, other in zip(methods, shuffled, strict=True):
        body[place] = before[other]
    for place in range(len(body) - 1):
        one, two = body[place], body[place + 1]
        plain = isinstance(one, ast.Assign) and isinstance(two, ast.Assign)
        if plain and not (_given(one) & _used(two) or _given(two) & _used(one)):
            body[place], body[place + 1] = two, one


def disguise(code: str, seed: int) -> str:
    """Return code that does the same: variables renamed, statements and methods in another order, laid out anew, with
    comments and a docstring of its own."""
    chance, tree = random.Random(seed), ast.parse(code)
    tree = _Renamed(tree, {node.name for node in tree.body}).visit(tree)  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
            _reorder(node.body, chance)
            node.body.insert(0, ast.Expr(ast.Constant(f"I wrote this myself, {seed} times.")))
    lines = ast.unparse(ast.fix_missing_locations(tree)).splitlines()
    return "\n".join(f"{line}  # step {number}" if number % 3 == 0 else line for number, line in enumerate(lines))
