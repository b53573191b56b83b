"""Checks of ResidualBlock, which is compared with its own weights, recomputed in NumPy (``residual_weights``)."""

from __future__ import annotations

import numpy as np

from autograder.checks.common.module_shapes import LAYERS, image, seed, shape_problem
from autograder.checks.lesson_03 import residual_weights as weights
from autograder.checks.lesson_03.residual_mistakes import BLOCK_MISTAKES
from autograder.checks.lesson_03.residual_questions import (
    COMPARE_HINT,
    block_kernels,
    block_text,
    describe,
    expect_gradients,
    expect_kernels,
    expect_own_output,
    run,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

residual_block = Ladder("ResidualBlock")

# Sizes of blocks whose shortcut is a convolution: in_channels, out_channels, stride.
PROJECTING = [3, 5, 2], [3, 5, 1], [4, 4, 2]


def _expect_block(student: Student, rng: np.random.Generator, args: list[int], train: bool) -> None:
    x = image(rng, 4, args[0], 6, 6)
    answer = run(student, "ResidualBlock", args, x, rng, train=train)
    what = f"{block_text(args)} in {'train' if train else 'eval'} mode: relu(F(x) + shortcut(x))"
    expect.array(answer["output"], kind="torch", what=what)
    want, mistake = weights.explain_block(answer, x, args, train)
    if mistake == "":
        return
    kernels = [(size, len(weights.convs_of(answer["layers"], size))) for size in (1, 3)]
    if args[0] == args[1] and args[2] == 1 and kernels == [(1, 1), (3, 2)]:
        got = "a 1x1 convolution in the shortcut, where x already has the right shape"
        raise expect.Mismatch(what, got, hint=COMPARE_HINT)
    expect_own_output(answer, want, what, COMPARE_HINT, BLOCK_MISTAKES.get(mistake or ""))


@residual_block.rung("type", points=1, gate=True)
def is_a_module(student: Student, rng: np.random.Generator) -> None:
    """ResidualBlock is an nn.Module that can be built."""
    for args, call in ([3, 5, 2], "ResidualBlock(3, 5, 2)"), ([4, 4], "ResidualBlock(4, 4), without a stride,"):
        found = describe(student, "ResidualBlock", args, [2, args[0], 8, 8], rng)
        expected = f"{call} is an nn.Module"
        expect.true(found["is_module"], expected, f"a {found['type']}", hint="Derive it from nn.Module.")


@residual_block.rung("shape", points=3)
def keeps_or_halves(student: Student, rng: np.random.Generator) -> None:
    """Stride 1 keeps height and width; stride 2 halves them, also for odd sizes and where the width stays."""
    hint = "Write down the shape after each layer of both paths. Which layers stride, and which keep the size?"
    even, odd = (6, 8), (7, 9)
    wanted, came, where = [], [], None
    # All that differ are told: what the shortcut overlooks shows only beside what it sees to.
    for args, size in ([4, 4, 1], even), ([3, 5, 1], even), ([3, 5, 2], even), ([4, 4, 2], even), ([3, 5, 2], odd):
        x = image(rng, 2, args[0], *size)
        want = (2, args[1], *(-(-side // args[2]) for side in size))
        expected = f"{block_text(args)} on x of shape {x.shape}: shape {want}"
        try:
            answer = run(student, "ResidualBlock", args[:2], x, rng, kwargs={"stride": args[2]})
            shape = expect.array(answer["output"], kind="torch", what=expected).shape
            got = f"shape {shape}"
        except StudentError as error:
            problem = shape_problem(error)
            if problem is None:
                raise
            where, shape, got = where or error.where, None, _misfit(problem)
        if shape != want:
            wanted.append(expected)
            came.append(got)
    if wanted:
        raise expect.Mismatch("; ".join(wanted[:3]), "; ".join(came[:3]), hint=hint, where=where)


def _misfit(problem: tuple[str, int, int]) -> str:
    """Return what does not fit in a block, in words."""
    kind, one, other = problem
    if kind in LAYERS:
        return f"a {LAYERS[kind]} made for {one} channels is given {other}"
    return f"a sum of two tensors that differ in size, {one} and {other}"


@residual_block.rung("dtype", points=1)
def keeps_float32(student: Student, rng: np.random.Generator) -> None:
    """The output is float32 and can be trained."""
    x = image(rng, 2, 3, 6, 6)
    answer = run(student, "ResidualBlock", [3, 4, 2], x, rng)
    expect.array(answer["output"], dtype="float32", kind="torch", what="ResidualBlock(3, 4, 2)(x)")
    expect.true(answer["output"].requires_grad, "an output with a gradient", "an output cut off from the parameters")


@residual_block.rung("values", points=4)
def identity_block(student: Student, rng: np.random.Generator) -> None:
    """relu(F(x) + x) where the shape stays, in train mode, from its own weights."""
    _expect_block(student, rng, [4, 4, 1], train=True)


@residual_block.rung("values", points=4)
def owns_its_kernels(student: Student, rng: np.random.Generator) -> None:
    """Two 3x3 kernels, and a 1x1 kernel only where width or stride changes the shape."""
    hint = "Count the convolutions: two of 3x3, and one of 1x1 in the shortcut if the shape changes."
    for args in PROJECTING:
        found = describe(student, "ResidualBlock", args, [2, args[0], 8, 8], rng)
        expect_kernels(found, block_kernels(*args), block_text(args), hint)
    # Kernels that lie about unused are no block: it has to answer much as one does, whatever mistake it may hold.
    # Some mistakes can be run on one kind of block, or on small images, alone.
    problems: list[StudentError | expect.Mismatch] = []
    for args, side in (PROJECTING[1], 6), ([4, 4, 1], 6), ([4, 4, 1], 3), ([4, 4, 1], 5):
        try:
            _expect_likeness(student, rng, args, side)
        except (StudentError, expect.Mismatch) as problem:
            problems.append(problem)
        else:
            return
    raise problems[0]


def _expect_likeness(student: Student, rng: np.random.Generator, args: list[int], side: int) -> None:
    """Expect that the block answers as one with or without a known mistake; where it projects, much as one does."""
    x = image(rng, 4, args[0], side, side)
    answer = run(student, "ResidualBlock", args, x, rng)
    got = expect.array(answer["output"], kind="torch", what=block_text(args))
    want, mistake = weights.explain_block(answer, x, args, train=True)
    alike = args in PROJECTING and want is not None and weights.resembles(got, want, weights.BLOCK_RESEMBLANCE)
    if mistake is None and not alike:
        expect_own_output(answer, want, f"{block_text(args)}: relu(F(x) + shortcut(x))", COMPARE_HINT, None)


@residual_block.rung("values", points=4)
def projection_block(student: Student, rng: np.random.Generator) -> None:
    """relu(F(x) + 1x1 convolution of x) where the shape changes, in train mode, from its own weights."""
    for args in PROJECTING:
        _expect_block(student, rng, args, train=True)


@residual_block.rung("values", points=2)
def eval_mode(student: Student, rng: np.random.Generator) -> None:
    """In eval mode each image is normalized by the running statistics, whatever else is in its batch."""
    hint = (
        "In eval mode batch normalization must use its running statistics: nn.BatchNorm2d does so by itself; "
        "F.batch_norm must be told with training=self.training."
    )
    for args in [4, 4, 1], [3, 5, 2]:
        x = image(rng, 4, args[0], 6, 6)
        inputs = {"seed": seed(rng), "train": False}
        what = f"{block_text(args)} in eval mode, the first image alone"
        whole, first = (
            expect.array(run(student, "ResidualBlock", args, images, rng, **inputs)["output"], kind="torch", what=what)
            for images in (x, x[:1])
        )
        # The same numbers in the same order, but a library may split the work differently for another batch size.
        alike = weights.agrees(first, whole[:1])
        expect.true(alike, f"{what}: as beside the others", "another answer than beside the others", hint=hint)
        # Without a normalization nothing depends on the batch: there has to be one, and to work in both modes.
        for train in (True, False):
            _expect_block(student, rng, args, train)


@residual_block.rung("edge cases", points=2)
def identity_without_parameters(student: Student, rng: np.random.Generator) -> None:
    """Where nothing changes the shape, the shortcut has no parameters and hands x on unchanged."""
    hint = "With the same width and stride 1 the input already has the right shape: add it as it is."
    what = block_text([4, 4, 1])
    expect_kernels(describe(student, "ResidualBlock", [4, 4, 1], [2, 4, 8, 8], rng), block_kernels(4, 4, 1), what, hint)
    x = image(rng, 2, 4, 5, 5)
    answer = run(student, "ResidualBlock", [4, 4, 1], x, rng, fill="zero")
    example = "all parameters 0, so that F(x) = 0 and the block is relu(x)"
    expect.close(answer["output"], np.maximum(x, 0), what=what, example=example, hint=hint)


@residual_block.rung("side effects", points=1)
def leaves_the_input(student: Student, rng: np.random.Generator) -> None:
    """The block does not change its input."""
    hint = "An operation in place (+=, relu_, inplace=True) wrote into x itself. Use one that returns a new tensor."
    for args in [4, 4, 1], [3, 5, 2]:
        x = image(rng, 2, args[0], 6, 6)
        answer = run(student, "ResidualBlock", args, x, rng)
        # Who does nothing changes nothing: the call must have made an output.
        shape = (2, args[1], *(-(-side // args[2]) for side in x.shape[2:]))
        expect.array(answer["output"], shape, kind="torch", what=f"{block_text(args)}(x)")
        kept = np.array_equal(expect.array(answer["x_after"], kind="torch", what="x"), x)
        expect.true(kept, f"x as it was before {block_text(args)}(x)", "an x that was overwritten", hint=hint)


@residual_block.rung("gradients", points=2)
def gradient_takes_the_shortcut(student: Student, rng: np.random.Generator) -> None:
    """The gradient reaches x through the identity undiminished, and every parameter gets one."""
    x, upstream = image(rng, 2, 4, 5, 5), image(rng, 2, 4, 5, 5)
    answer = run(student, "ResidualBlock", [4, 4, 1], x, rng, fill="zero", upstream=upstream)
    expect.close(
        answer["x_grad"],
        upstream * (x > 0),
        what="gradient at x of ResidualBlock(4, 4) with all parameters 0",
        example="then the block is relu(x), so the gradient of its output passes where x > 0",
        hint="Nothing on the way of the shortcut may stop the gradient (detach, .data, no_grad) or change it.",
    )
    for args in [4, 4, 1], [4, 6, 1]:
        upstream = image(rng, 2, args[1], 5, 5)
        answer = run(student, "ResidualBlock", args, x, rng, upstream=upstream)
        expect_gradients(answer, f"{block_text(args)}: every parameter gets a gradient")
