"""Checks of make_stage, a row of the student's own blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import image, raise_channels
from autograder.checks.lesson_03.residual_own_block import (
    block_fails,
    mistake_of_block,
    stands_on_block,
    unused_in_block,
)
from autograder.checks.lesson_03.residual_questions import (
    describe,
    expect_gradients,
    expect_kernels,
    expect_kernels_of_each,
    expect_own_output,
    run,
    stage_kernels,
)
from autograder.checks.lesson_03.residual_stage import (
    block_sizes,
    explain_stage,
    resembles_stage,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

make_stage = Ladder("make_stage")

STAGE_HINT = "A stage is a row of ResidualBlocks and nothing else; each takes what the one before it answers."


@make_stage.rung("type", points=1, gate=True)
@stands_on_block
def is_sequential(student: Student, rng: np.random.Generator) -> None:
    """The stage is an nn.Sequential."""
    found = describe(student, "make_stage", [3, 5, 2, 2], [2, 3, 8, 8], rng)
    hint = {
        "NoneType": "It gives nothing back. Does every way through it end in a return?",
        "ModuleList": "nn.ModuleList only holds modules and can't be called. What runs them one after the other?",
    }.get(found["type"], "nn.Sequential takes the blocks one by one: unpack a list of them with a star.")
    expect.true(found["is_sequential"], "make_stage(3, 5, 2, 2) is an nn.Sequential", f"a {found['type']}", hint=hint)


@make_stage.rung("shape", points=2)
@stands_on_block
def strides_once(student: Student, rng: np.random.Generator) -> None:
    """However many blocks there are, the resolution is halved once, or not at all."""
    hint = "Only the first block takes the stride and the new width; every later one keeps both."
    for args in [[3, 5, 1, 2], [3, 5, 3, 2], [4, 4, 2, 1], [3, 5, 2, 1], [4, 4, 2, 2]]:
        x = image(rng, 2, args[0], 16, 16)
        want = (2, args[1], 16 // args[3], 16 // args[3])
        expected = f"make_stage{tuple(args)} on x of shape {x.shape}: shape {want}"
        try:
            answer = run(student, "make_stage", args, x, rng)
        except StudentError as error:
            raise_channels(error, expected, hint)
            raise
        got = expect.array(answer["output"], kind="torch", dtype="float32", what=expected)
        expect.true(got.shape == want, expected, f"shape {got.shape}", hint=hint)


def _ask_stage(student: Student, rng: np.random.Generator, args: list[int]) -> tuple[np.ndarray, dict[str, Any], str]:
    """Return images, what the stage answers to them, and what that is called."""
    x = image(rng, 3, args[0], 6, 6)
    answer = run(student, "make_stage", args, x, rng, fill="plain")
    what = f"make_stage{tuple(args)}(x): its blocks one after the other"
    expect.array(answer["output"], kind="torch", what=what)
    return x, answer, what


def _expect_stage(student: Student, rng: np.random.Generator, args: list[int]) -> None:
    """Expect that the stage answers what its blocks make of images one after the other."""
    x, answer, what = _ask_stage(student, rng, args)
    sizes = block_sizes(*args)
    # A mistake in the student's block costs points there, not here again; nor does one that nobody knows.
    own = mistake_of_block(student, rng)
    want, right = explain_stage(answer, x, sizes, own)
    if right or (resembles_stage(answer, x, sizes) and block_fails(student)):
        return
    expect_own_output(answer, want, what, STAGE_HINT, None)


@make_stage.rung("values", points=4)
@stands_on_block
def blocks_of_their_own(student: Student, rng: np.random.Generator) -> None:
    """Residual blocks with weights of their own, of which only the first one widens."""
    hint = "The first block goes from in_channels to out_channels. How many come after it, and how wide are they?"
    # Several numbers of blocks: one too few, one alone and one and the same are told apart by them.
    asked = []
    for args in [3, 5, 3, 2], [3, 5, 4, 2], [3, 5, 2, 1], [4, 4, 3, 1], [4, 4, 2, 2]:
        found = describe(student, "make_stage", args, [2, args[0], 8, 8], rng)
        asked.append((found, stage_kernels(*args), f"make_stage{tuple(args)}"))
    expect_kernels_of_each(asked, hint)
    for args in [3, 5, 3, 2], [4, 4, 2, 1]:
        _expect_stage(student, rng, args)


@make_stage.rung("edge cases", points=1)
@stands_on_block
def one_block(student: Student, rng: np.random.Generator) -> None:
    """A stage of one block is that block alone."""
    found = describe(student, "make_stage", [3, 5, 1, 2], [2, 3, 8, 8], rng)
    expect_kernels(found, stage_kernels(3, 5, 1, 2), "make_stage(3, 5, 1, 2)", "blocks counts the first block too.")
    _expect_stage(student, rng, [3, 5, 1, 2])


@make_stage.rung("values", points=2)
@stands_on_block
def runs_residual_blocks(student: Student, rng: np.random.Generator) -> None:
    """What comes out is what residual blocks make of the input, however many there are."""
    problems: list[StudentError | expect.Mismatch] = []
    # One that widens, and one that does not: which block is to widen is asked before.
    for args in [3, 5, 2, 1], [4, 4, 2, 2]:
        try:
            _expect_resemblance(student, rng, args)
        except (StudentError, expect.Mismatch) as problem:
            problems.append(problem)
        else:
            return
    raise problems[0]


def _expect_resemblance(student: Student, rng: np.random.Generator, args: list[int]) -> None:
    """Expect that the stage answers much as one of a few blocks does, whatever is wrong with these."""
    x, answer, what = _ask_stage(student, rng, args)
    if any(resembles_stage(answer, x, block_sizes(args[0], args[1], count, args[3])) for count in (2, 1, 3)):
        return
    want, _ = explain_stage(answer, x, block_sizes(*args), None)
    expect_own_output(answer, want, what, STAGE_HINT, None)


def expect_every_gradient(student: Student, answer: dict[str, Any]) -> None:
    """Expect a gradient for every parameter, but for those of layers that the student's block leaves unused."""
    # A layer that the block itself leaves unused costs points there.
    if not (answer["without_grad"] and unused_in_block(student)):
        expect_gradients(answer, "a gradient for every parameter")


@make_stage.rung("gradients", points=2)
def trains_every_block(student: Student, rng: np.random.Generator) -> None:
    """Every parameter of the stage gets a gradient."""
    x, upstream = image(rng, 2, 3, 8, 8), image(rng, 2, 5, 4, 4)
    answer = run(student, "make_stage", [3, 5, 3, 2], x, rng, upstream=upstream)
    expect_every_gradient(student, answer)
