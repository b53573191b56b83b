"""Beginners' slips, which can happen in every exercise: found in the student's own code, proven by mending them.

A slip is named only where the code with this one slip mended passes the step that the code as it is fails.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from ...course.released import definitions
from ...isolation.process import Crashed, OutOfTime
from ...ladder.ladder import try_rung
from ...ladder.student import Student
from ...ladder.verdict import Result
from .in_classes import call_parent_constructor, make_layers_once, put_self_before_names, take_self
from .in_functions import (
    compare_with_itself,
    make_arrays,
    raise_what_is_printed,
    return_last_names,
    return_what_is_printed,
    start_at_one,
    use_what_was_changed,
)

# Opens the notebook with this code run behind its cells.
OpenCode = Callable[[str], AbstractContextManager[Student]]
Repair = Callable[[ast.Module], Iterator[ast.Module]]
# Characters of a cell that is mended: who writes an exercise needs a fiftieth of it.
LONGEST = 50_000


@dataclass(frozen=True)
class Slip:
    """One slip; ``repair`` yields the code with it mended, in every way that makes sense, and nothing without it.

    ``shows`` is a word of what came, without which the slip is not looked for.
    """

    id: str
    hint: str
    repair: Repair
    shows: str = ""


SLIPS = (
    Slip(
        "slip/equals-nan",
        "NaN is equal to nothing, not even to itself, so a comparison with it is always False. "
        "Which function tells you where an array holds NaN?",
        compare_with_itself,
    ),
    Slip(
        "slip/prints-instead-of-returning",
        "Your function prints its result, so whoever calls it gets None. What does `return` do that `print` does not?",
        return_what_is_printed,
    ),
    Slip(
        "slip/prints-instead-of-raising",
        "Your function tells of the error and goes on, so its caller never learns of it. "
        "Which statement stops a function with an error?",
        raise_what_is_printed,
    ),
    Slip(
        "slip/no-return",
        "Your function computes its result and never gives it back: a function without `return` returns None. "
        "What should its last line be?",
        return_last_names,
    ),
    Slip(
        "slip/no-parent-constructor",
        "Your class never calls its parent's constructor, so what PyTorch prepares there is missing. "
        "What must the first line of `__init__` be?",
        call_parent_constructor,
    ),
    Slip(
        "slip/layers-made-in-forward",
        "Your `forward` makes layers anew, with new weights, each time it is called, so nothing can be learned. "
        "Where must layers be made so that the model keeps them?",
        make_layers_once,
    ),
    Slip(
        "slip/result-of-a-change-in-place",
        "Methods such as `sort`, `append` and `shuffle` change what they are called on and return None. "
        "Which name holds the changed values?",
        use_what_was_changed,
    ),
    Slip(
        "slip/name-without-self",
        "What belongs to the object must be written with `self.` in front, where it is made and where it is used. "
        "Which name is without it?",
        put_self_before_names,
    ),
    Slip(
        "slip/method-without-self",
        "Python hands the object itself to each of its methods, as the first argument. "
        "Which of your methods does not take it?",
        take_self,
    ),
    Slip(
        "slip/index-before-the-first",
        "At index 0 the index minus one is -1, and that is the last entry, not one before the first. "
        "Where should your loop begin?",
        start_at_one,
    ),
    Slip(
        "slip/list-instead-of-array",
        "Your function returns a list. What it holds is right, but the docstring promises an array: "
        "which function makes one of a list?",
        make_arrays,
        shows="list",
    ),
)


def definition_of(sources: list[str], names: tuple[str, ...]) -> ast.Module | None:
    """Return what the last cell that defines one of ``names`` imports and defines, or None where none does."""
    for source in reversed(sources):
        if len(source) > LONGEST:
            continue
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if set(names) & set(definitions(tree)):
            kept = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            return ast.Module([node for node in tree.body if isinstance(node, kept)], [])
    return None


def find_slip(result: Result, sources: list[str], seed: int, open_code: OpenCode) -> Result:
    """Return ``result`` with the slip that explains its first failed rung and the slip's hint, or as it is."""
    failed = result.failed_rung
    if failed is None or result.problem is None or result.outcome not in ("failed", "error"):
        return result
    tree = definition_of(sources, result.exercise.names)
    if tree is None:
        return result
    came = set(re.findall(r"\w+", result.problem.got))
    for slip in (slip for slip in SLIPS if not slip.shows or slip.shows in came):
        for mended in slip.repair(copy.deepcopy(tree)):
            code = ast.unparse(ast.fix_missing_locations(mended))
            try:
                with open_code(code) as student:
                    passed = try_rung(failed.rung, result.exercise.name, student, seed) is None
            except (OutOfTime, Crashed):
                continue
            if passed:
                return replace(result, misconception=slip.id, problem=replace(result.problem, hint=slip.hint))
    return result
