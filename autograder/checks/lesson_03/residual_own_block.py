"""The student's own ResidualBlock, on which the stage and the network of lesson 03 stand."""

from __future__ import annotations

from functools import wraps

import numpy as np

from autograder.checks.common.module_shapes import image
from autograder.checks.lesson_03 import residual_weights as weights
from autograder.checks.lesson_03.residual_questions import (
    block_kernels,
    block_text,
    describe,
    expect_kernels,
    run,
    stage_kernels,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Check
from autograder.ladder.student import Student, StudentError

# The last one shows both paths at once.
STRIDING = [3, 4, 2]
KINDS = ([4, 4, 1], [3, 4, 1], [4, 4, 2], STRIDING)


def mistake_of_block(student: Student, rng: np.random.Generator) -> str | None:
    """Return the known mistake of the student's ResidualBlock; None for a right or an unknown one."""
    x = image(rng, 4, STRIDING[0], 6, 6)
    try:
        answer = run(student, "ResidualBlock", STRIDING, x, rng)
        expect.array(answer["output"], kind="torch")
    except (StudentError, expect.Mismatch):
        return None
    return weights.explain_block(answer, x, STRIDING, train=True)[1] or None


def _what_fails(student: Student) -> str | None:
    """Return what is wrong with the student's ResidualBlock by itself, in a few words, or None."""
    rng = np.random.default_rng(0)
    for args in KINDS:
        x = image(rng, 4, args[0], 6, 6)
        try:
            found = describe(student, "ResidualBlock", args, list(x.shape), rng)
            expect_kernels(found, block_kernels(*args), block_text(args), "")
            answer = run(student, "ResidualBlock", args, x, rng)
            expect.array(answer["output"], kind="torch")
        except StudentError as error:
            return None if error.type == "MissingName" else f"{block_text(args)} ends with {error.type}"
        except expect.Mismatch as mismatch:
            return f"{block_text(args)}: {mismatch.got}"
        if weights.explain_block(answer, x, args, train=True)[1] != "":
            return f"{block_text(args)} answers something else"
    return None


def block_fails(student: Student) -> bool:
    """Return whether the student's ResidualBlock is there and wrong by itself."""
    return _what_fails(student) is not None


def unused_in_block(student: Student) -> bool:
    """Return whether the student's ResidualBlock leaves a layer of its own unused."""
    rng = np.random.default_rng(0)
    x, upstream = image(rng, 2, STRIDING[0], 6, 6), image(rng, 2, STRIDING[1], 3, 3)
    try:
        return bool(run(student, "ResidualBlock", STRIDING, x, rng, upstream=upstream)["without_grad"])
    except StudentError:
        return False


def stands_on_block(check: Check) -> Check:
    """Let the check blame the student's ResidualBlock where that fails by itself already."""

    @wraps(check)
    def checked(student: Student, rng: np.random.Generator) -> None:
        try:
            check(student, rng)
        except (StudentError, expect.Mismatch) as problem:
            if isinstance(problem, StudentError) and expect.is_stub(problem):
                raise
            wrong = _what_fails(student)
            if wrong is None:
                raise
            hint = "This exercise stands on ResidualBlock. Make the checks of ResidualBlock pass first."
            expected = "a ResidualBlock that passes its own checks"
            raise expect.Mismatch(expected, wrong, hint=hint, where=problem.where) from None

    return checked


def _stage_fails(student: Student) -> str | None:
    """Return what is wrong with the student's make_stage by itself, in a few words, or None."""
    rng = np.random.default_rng(0)
    for args in [3, 4, 1, 2], [3, 4, 3, 2], [4, 4, 2, 1]:
        x, call = image(rng, 2, args[0], 8, 8), f"make_stage{tuple(args)}"
        try:
            found = describe(student, "make_stage", args, list(x.shape), rng)
            expect.true(found["is_sequential"], call, f"a {found['type']}")
            expect_kernels(found, stage_kernels(*args), call, "")
            answer = run(student, "make_stage", args, x, rng)
            size = 8 // args[3]
            expect.array(answer["output"], (2, args[1], size, size), kind="torch")
        except StudentError as error:
            return None if error.type == "MissingName" else f"{call} ends with {error.type}"
        except expect.Mismatch as mismatch:
            return f"{call}: {mismatch.got}"
    return None


def stands_on_stage(check: Check) -> Check:
    """Let the check blame the student's ResidualBlock or make_stage where one of them fails by itself already."""

    @wraps(check)
    def checked(student: Student, rng: np.random.Generator) -> None:
        try:
            stands_on_block(check)(student, rng)
        except (StudentError, expect.Mismatch) as problem:
            stub = isinstance(problem, StudentError) and expect.is_stub(problem)
            wrong = None if stub or _what_fails(student) is not None else _stage_fails(student)
            if wrong is None:
                raise
            hint = "This exercise stands on make_stage. Make the checks of make_stage pass first."
            expected = "a make_stage that passes its own checks"
            raise expect.Mismatch(expected, wrong, hint=hint, where=problem.where) from None

    return checked
