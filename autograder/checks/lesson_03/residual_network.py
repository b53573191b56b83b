"""Checks of lesson 03 beyond the block: the stage and the network."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import image, raise_channels, seed, shape_problem
from autograder.checks.lesson_03 import residual_weights as weights
from autograder.checks.lesson_03.residual_own_block import (
    block_fails,
    mistake_of_block,
    stands_on_block,
    unused_in_block,
)
from autograder.checks.lesson_03.residual_questions import (
    COMPARE_HINT,
    describe,
    expect_gradients,
    expect_kernels,
    expect_kernels_of_each,
    expect_own_output,
    network_kernels,
    run,
    stage_kernels,
)
from autograder.checks.lesson_03.residual_stage import (
    block_sizes,
    explain_stage,
    networks_of_one_stage,
    resembles_stage,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

make_stage = Ladder("make_stage")
keypoint_resnet = Ladder("KeypointResNet")

# So many that a network's answers to them do not resemble each other by chance.
IMAGES = 6
STAGE_HINT = "A stage is a row of ResidualBlocks and nothing else; each takes what the one before it answers."
HEAD_HINT = (
    "The linear layer takes one number for each channel of the last stage, its average over height and width, whatever "
    "they are, and answers as many numbers as were asked for."
)


@make_stage.rung("type", points=1, gate=True)
def is_sequential(student: Student, rng: np.random.Generator) -> None:
    """The stage is an nn.Sequential."""
    found = describe(student, "make_stage", [3, 5, 2, 2], [2, 3, 8, 8], rng)
    hint = "nn.Sequential takes the blocks one by one: unpack a list of them with a star."
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
    args = [3, 5, 2, 1]
    x, answer, what = _ask_stage(student, rng, args)
    if any(resembles_stage(answer, x, block_sizes(args[0], args[1], count, 1)) for count in (2, 1, 3)):
        return
    want, _ = explain_stage(answer, x, block_sizes(*args), None)
    expect_own_output(answer, want, what, STAGE_HINT, None)


def _expect_every_gradient(student: Student, answer: dict[str, Any]) -> None:
    # A layer that the block itself leaves unused costs points there.
    if not (answer["without_grad"] and unused_in_block(student)):
        expect_gradients(answer, "a gradient for every parameter")


@make_stage.rung("gradients", points=2)
def trains_every_block(student: Student, rng: np.random.Generator) -> None:
    """Every parameter of the stage gets a gradient."""
    x, upstream = image(rng, 2, 3, 8, 8), image(rng, 2, 5, 4, 4)
    answer = run(student, "make_stage", [3, 5, 3, 2], x, rng, upstream=upstream)
    _expect_every_gradient(student, answer)


def _network_text(channels: list[int], blocks: int, outputs: int) -> str:
    return f"KeypointResNet({tuple(channels)}, blocks_per_stage={blocks}, outputs={outputs})"


@keypoint_resnet.rung("type", points=1, gate=True)
def network_is_a_module(student: Student, rng: np.random.Generator) -> None:
    """KeypointResNet is an nn.Module that can be built in other sizes than its own."""
    small: dict[str, Any] = {"channels": [3, 4], "blocks_per_stage": 1, "outputs": 6}
    found = describe(student, "KeypointResNet", [], [2, 1, 96, 96], rng, **small)
    expect.true(found["is_module"], "an nn.Module", f"a {found['type']}", hint="Derive it from nn.Module.")


def _flat_patches(rng: np.random.Generator) -> np.ndarray:
    """Draw images of flat patches.

    In noise alone, a large value is never far, and max-pooling hides whether a ReLU came before it.
    """
    x = np.kron(rng.random((IMAGES, 1, 8, 8)), np.ones((12, 12))) + rng.uniform(0, 0.2, (IMAGES, 1, 96, 96))
    return x.astype(np.float32)


def _expect_pooled(numbers: int, channels: int, what: str) -> None:
    """Expect that so many numbers of an image come to the linear layer as there are channels."""
    expected = f"{what}: {channels} numbers for the linear layer, one a channel"
    expect.true(numbers == channels, expected, f"{numbers} numbers", hint=HEAD_HINT)


@keypoint_resnet.rung("shape", points=2)
@stands_on_block
def answers_outputs(student: Student, rng: np.random.Generator) -> None:
    """(B, 1, 96, 96) -> (B, 30), or as many outputs as are asked for, whatever the number of stages."""
    three: dict[str, Any] = {"channels": [3, 4, 5], "outputs": 7}
    one: dict[str, Any] = {"channels": [4], "blocks_per_stage": 1, "outputs": 4}
    default: dict[str, Any] = {}
    for kwargs in three, one, default:
        x = rng.random((2, 1, 96, 96), dtype=np.float32)
        text = ", ".join(f"{key}={tuple(value) if isinstance(value, list) else value}" for key, value in kwargs.items())
        outputs, channels = kwargs.get("outputs", 30), kwargs.get("channels", [512])
        what = f"KeypointResNet({text})"
        expected = f"{what}(images): shape {(2, outputs)}"
        try:
            # The whole network is large; what its weights are does not matter here.
            answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, fill="own")
        except StudentError as error:
            raise_channels(error, expected)
            problem = shape_problem(error)
            if problem and problem[0] == "features":
                _expect_pooled(problem[1], channels[-1], what)
            raise
        for layer in answer["layers"]:
            shape = layer["shapes"].get("weight")
            if layer["kind"] == "linear" and shape and shape[0] == outputs:
                _expect_pooled(shape[1], channels[-1], what)
        got = expect.array(answer["output"], kind="torch", dtype="float32", what=f"{what}(images)")
        expect.true(got.shape == (2, outputs), expected, f"shape {got.shape}", hint=HEAD_HINT)


@keypoint_resnet.rung("values", points=4)
@stands_on_block
def owns_its_layers(student: Student, rng: np.random.Generator) -> None:
    """The kernels of the stem, of every stage and of its blocks, as in the table."""
    hint = "Go through the table of the lesson stage by stage: width, number of blocks, and which of them strides."
    # Where the width stays, a 1x1 kernel shows that a stage strides.
    for channels, blocks, outputs in [([4, 4, 4], 1, 5), ([4, 5], 3, 6), ([32, 64, 128, 256, 512], 2, 30)]:
        default = channels[0] == 32
        kwargs = {} if default else {"channels": channels, "blocks_per_stage": blocks, "outputs": outputs}
        found = describe(student, "KeypointResNet", [], [2, 1, 96, 96], rng, **kwargs)
        what = "KeypointResNet()" if default else _network_text(channels, blocks, outputs)
        shapes, head = list(found["shapes"]), [outputs, channels[-1], 1, 1]
        if head in shapes:
            # The linear layer may be written as a 1x1 convolution.
            shapes.remove(head)
        expect_kernels({**found, "shapes": shapes}, network_kernels(channels, blocks), what, hint)
    # Kernels that lie about unused are no network: one of them has to answer much as a network does.
    _expect_network(student, rng, [4, 3], strict=False)


@keypoint_resnet.rung("values", points=6)
@stands_on_block
def network_output(student: Student, rng: np.random.Generator) -> None:
    """The output of a small network in train mode, from its own weights."""
    _expect_network(student, rng, [3, 5])


def _expect_network(student: Student, rng: np.random.Generator, channels: list[int], strict: bool = True) -> None:
    """Expect the output of a network of one block a stage; not ``strict``: it may be that of a known mistake."""
    # So many outputs that some are negative: else a ReLU behind them would not show.
    outputs = 30
    x = _flat_patches(rng)
    kwargs = {"channels": channels, "blocks_per_stage": 1, "outputs": outputs}
    answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, fill="plain")
    what = f"{_network_text(channels, 1, outputs)}(images)"
    expect.array(answer["output"], kind="torch", shape=(IMAGES, outputs), what=what)
    # A mistake in the student's block costs points there, not here again.
    own = mistake_of_block(student, rng)
    want, mistake = weights.explain_network(answer, x, channels, outputs, own)
    alike = want is not None and weights.resembles(answer["output"].array, want, weights.NETWORK_RESEMBLANCE)
    # Nor does a mistake in the block that nobody knows.
    excused = (not strict and (alike or mistake is not None)) or (alike and mistake is None and block_fails(student))
    if mistake != "" and not excused:
        expect_own_output(answer, want, what, COMPARE_HINT, weights.NETWORK_MISTAKES.get(mistake or ""))


@keypoint_resnet.rung("values", points=2)
@stands_on_block
def one_stage(student: Student, rng: np.random.Generator) -> None:
    """A network of one stage answers much as such a network does, from weights drawn here."""
    kwargs: dict[str, Any] = {"channels": [4], "blocks_per_stage": 2, "outputs": 30}
    x = _flat_patches(rng)
    answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, fill="plain")
    what = f"{_network_text([4], 2, 30)}(images)"
    expect.array(answer["output"], kind="torch", shape=(IMAGES, 30), what=what)
    first = None
    for stride, own in itertools.product((1, 2), dict.fromkeys((None, mistake_of_block(student, rng)))):
        for want in networks_of_one_stage(answer, x, block_sizes(4, 4, 2, stride), 30, own):
            if weights.resembles(answer["output"].array, want):
                return
            first = want if first is None else first
    expect_own_output(answer, first, what, COMPARE_HINT, None)


@keypoint_resnet.rung("edge cases", points=2)
@stands_on_block
def one_image(student: Student, rng: np.random.Generator) -> None:
    """In eval mode a batch of one works, and an image's answer does not depend on its batch."""
    x = rng.random((3, 1, 96, 96), dtype=np.float32)
    inputs = {"kwargs": {"channels": [4, 6], "blocks_per_stage": 1, "outputs": 5}, "seed": seed(rng), "train": False}
    whole = run(student, "KeypointResNet", [], x, rng, **inputs)
    alone = run(student, "KeypointResNet", [], x[:1], rng, **inputs)
    hint = "squeeze() drops the batch axis too when it holds one image; say which axes to drop, or flatten from axis 1."
    expect.array(whole["output"], kind="torch", shape=(3, 5), what="a batch of three images")
    expect.array(alone["output"], kind="torch", shape=(1, 5), what="a batch of one image")
    scale = float(np.abs(whole["output"].array).max())
    # The same sums in float32, perhaps in another order; relative to the largest output.
    got, want = alone["output"].array, whole["output"].array[:1]
    expect.close(got, want, rtol=1e-3, atol=1e-3 * max(scale, 1), what="one image alone, as in its batch", hint=hint)


@keypoint_resnet.rung("gradients", points=2)
def trains_every_layer(student: Student, rng: np.random.Generator) -> None:
    """Every parameter gets a gradient."""
    x, upstream = rng.random((2, 1, 96, 96), dtype=np.float32), image(rng, 2, 5)
    kwargs = {"channels": [3, 4], "blocks_per_stage": 2, "outputs": 5}
    answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, upstream=upstream)
    _expect_every_gradient(student, answer)
