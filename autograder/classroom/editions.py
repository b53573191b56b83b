"""The edition of an exercise: a digest of everything of its own that decides a mark.

An exercise whose edition is the same as before keeps the marks that were given, whatever else of the course changed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..checks import ladders
from ..course import Exercise, Lesson
from ..released import released_path

CHECKS = Path(__file__).parent.parent / "checks"
PROBES = Path(__file__).parent.parent / "worker" / "probes"
_PROBE = re.compile(r"(\w+)\.\w+")


def _imported(tree: ast.Module, folder: Path) -> Iterator[Path]:
    """Yield the modules beside this one that it imports, however it writes that."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for name in [(node.module or "").rpartition(".")[2], *(alias.name for alias in node.names)]:
                path = folder / f"{name}.py"
                if path.is_file():
                    yield path


def _with_imports(paths: list[Path]) -> dict[Path, ast.Module]:
    """Return the trees of modules and of those beside them that they import."""
    trees: dict[Path, ast.Module] = {}
    while paths:
        path = paths.pop()
        if path not in trees:
            trees[path] = ast.parse(path.read_text(encoding="utf-8"))
            paths += _imported(trees[path], path.parent)
    return trees


def _ladder_names(tree: ast.Module) -> dict[str, str]:
    """Return the exercise of each ladder that a module makes, by the ladder's name there."""
    found = {}
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Name(id="Ladder"), args=[ast.Constant(value=str(exercise))]),
            ):
                found[name] = exercise
    return found


def _climbs(node: ast.stmt) -> set[str]:
    """Return the names of the ladders that a function is a rung of."""
    names = set()
    for decorator in getattr(node, "decorator_list", []):
        match decorator:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="rung")):
                names.add(name)
    return names


def _own_part(tree: ast.Module, exercise: str) -> str:
    """Return what a module holds for an exercise: everything but the rungs of others."""
    others = {name for name, whose in _ladder_names(tree).items() if whose != exercise}
    kept = [node for node in tree.body if not (_climbs(node) and _climbs(node) <= others)]
    return ast.dump(ast.Module(kept, []))


def _probes(parts: list[str]) -> list[Path]:
    """Return the probe modules that checks name, such as "nan_masking.gradient"."""
    names = {match for part in parts for match in _PROBE.findall(part)} | {"calling"}
    return sorted(path for name in names if (path := PROBES / f"{name}.py").is_file())


@cache
def edition(lesson: Lesson, exercise: Exercise) -> str:
    """Return the digest of an exercise: its names, points and time, its stub, its checks and what they use."""
    rungs = ladders(lesson)[exercise.name].rungs
    modules = {importlib.import_module(rung.check.__module__).__file__ for rung in rungs}
    checks = _with_imports([Path(module) for module in modules if module])
    parts = [_own_part(tree, exercise.name) for _, tree in sorted(checks.items())]
    probes = _with_imports(_probes(parts))
    parts += [ast.dump(tree) for _, tree in sorted(probes.items())]
    cells = json.loads(released_path(lesson).read_text(encoding="utf-8"))["cells"]
    own = [cell["text"] for cell in cells if cell["kind"] == "setup" or cell["exercise"] == exercise.name]
    facts = [lesson.id, exercise.names, exercise.points, exercise.seconds, own, parts]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
