"""Checks of KeypointResNet, the network of the student's own stages."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import image, raise_channels, seed, shape_problem
from autograder.checks.lesson_03 import residual_weights as weights
from autograder.checks.lesson_03.residual_make_stage import expect_every_gradient
from autograder.checks.lesson_03.residual_mistakes import NETWORK_MISTAKES
from autograder.checks.lesson_03.residual_own_block import (
    block_fails,
    mistake_of_block,
    stands_on_stage,
)
from autograder.checks.lesson_03.residual_questions import (
    COMPARE_HINT,
    describe,
    expect_kernels,
    expect_kernels_of_each,
    expect_own_output,
    expect_small,
    network_kernels,
    run,
)
from autograder.checks.lesson_03.residual_stage import (
    block_sizes,
    networks_of_one_stage,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

keypoint_resnet = Ladder("KeypointResNet")

# So many that a network's answers to them do not resemble each other by chance.
IMAGES = 6
HEAD_HINT = (
    "The linear layer takes one number for each channel of the last stage, its average over height and width, whatever "
    "they are, and answers as many numbers as were asked for."
)


def _network_text(channels: list[int], blocks: int, outputs: int) -> str:
    return f"KeypointResNet({tuple(channels)}, blocks_per_stage={blocks}, outputs={outputs})"


@keypoint_resnet.rung("type", points=1)
@stands_on_stage
def network_is_a_module(student: Student, rng: np.random.Generator) -> None:
    """KeypointResNet is an nn.Module that can be built."""
    found = describe(student, "KeypointResNet", [], [2, 1, 96, 96], rng)
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
@stands_on_stage
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


def _without_head(found: dict[str, Any], what: str, outputs: int, channels: int) -> dict[str, Any]:
    """Return the module described without the kernel of a linear layer that is written as a 1x1 convolution."""
    expect.true("shapes" in found, f"{what}: an nn.Module", f"a {found['type']}")
    shapes, head = list(found["shapes"]), [outputs, channels, 1, 1]
    if head in shapes:
        shapes.remove(head)
    return {**found, "shapes": shapes}


@keypoint_resnet.rung("values", points=4)
@stands_on_stage
def owns_its_layers(student: Student, rng: np.random.Generator) -> None:
    """The kernels of the stem, of every stage and of its blocks, as in the table."""
    hint = "Go through the table of the lesson stage by stage: width, number of blocks, and which of them strides."
    # Where the width stays, a 1x1 kernel shows that a stage strides; two networks tell which of them does.
    asked = []
    for channels in [4, 4, 4], [4, 5, 5]:
        # As many outputs as no layer has channels: a head written as a 1x1 convolution is told by them.
        what = _network_text(channels, 1, 6)
        kwargs: dict[str, Any] = {"channels": channels, "blocks_per_stage": 1, "outputs": 6}
        found = describe(student, "KeypointResNet", [], [2, 1, 96, 96], rng, **kwargs)
        asked.append((_without_head(found, what, 6, channels[-1]), network_kernels(channels, 1), what))
    expect_kernels_of_each(asked, hint)
    for channels, blocks, outputs in [([4, 5], 3, 6), ([32, 64, 128, 256, 512], 2, 30)]:
        default = channels[0] == 32
        kwargs = {} if default else {"channels": channels, "blocks_per_stage": blocks, "outputs": outputs}
        found = describe(student, "KeypointResNet", [], [2, 1, 96, 96], rng, **kwargs)
        what = "KeypointResNet()" if default else _network_text(channels, blocks, outputs)
        rest = _without_head(found, what, outputs, channels[-1])
        expect_kernels(rest, network_kernels(channels, blocks), what, hint)
    # Kernels that lie about unused are no network: one of them has to answer much as a network does.
    _expect_network(student, rng, [4, 3], strict=False)


@keypoint_resnet.rung("values", points=6)
@stands_on_stage
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
    expect_small(answer, what)
    # A mistake in the student's block costs points there, not here again.
    own = mistake_of_block(student, rng)
    want, mistake = weights.explain_network(answer, x, channels, outputs, own)
    alike = want is not None and weights.resembles(answer["output"].array, want, weights.NETWORK_RESEMBLANCE)
    # Nor does a mistake in the block that nobody knows.
    excused = (not strict and (alike or mistake is not None)) or (alike and mistake is None and block_fails(student))
    if mistake != "" and not excused:
        expect_own_output(answer, want, what, COMPARE_HINT, NETWORK_MISTAKES.get(mistake or ""))


@keypoint_resnet.rung("values", points=4)
@stands_on_stage
def five_stages(student: Student, rng: np.random.Generator) -> None:
    """The network of the table, and what one of five narrower stages answers."""
    hint = "Go through the table of the lesson stage by stage: width, number of blocks, and which of them strides."
    channels = [32, 64, 128, 256, 512]
    found = describe(student, "KeypointResNet", [], [2, 1, 96, 96], rng)
    expect_kernels(
        _without_head(found, "KeypointResNet()", 30, 512), network_kernels(channels, 2), "KeypointResNet()", hint
    )
    _expect_network(student, rng, [3, 4, 5, 6, 7], strict=False)


@keypoint_resnet.rung("values", points=2)
@stands_on_stage
def one_stage(student: Student, rng: np.random.Generator) -> None:
    """A network of one stage answers much as such a network does, from weights drawn here."""
    kwargs: dict[str, Any] = {"channels": [4], "blocks_per_stage": 2, "outputs": 30}
    x = _flat_patches(rng)
    answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, fill="plain")
    what = f"{_network_text([4], 2, 30)}(images)"
    expect.array(answer["output"], kind="torch", shape=(IMAGES, 30), what=what)
    expect_small(answer, what)
    first = None
    for stride, own in itertools.product((1, 2), dict.fromkeys((None, mistake_of_block(student, rng)))):
        for want in networks_of_one_stage(answer, x, block_sizes(4, 4, 2, stride), 30, own):
            if weights.resembles(answer["output"].array, want):
                return
            first = want if first is None else first
    expect_own_output(answer, first, what, COMPARE_HINT, None)


@keypoint_resnet.rung("edge cases", points=2)
@stands_on_stage
def one_image(student: Student, rng: np.random.Generator) -> None:
    """In eval mode a batch of one works, and an image's answer does not depend on its batch."""
    x = rng.random((3, 1, 96, 96), dtype=np.float32)
    inputs = {
        "kwargs": {"channels": [4, 6, 5, 4, 3], "blocks_per_stage": 1, "outputs": 5},
        "seed": seed(rng),
        "train": False,
    }
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
    kwargs = {"channels": [3, 4, 5, 4, 3], "blocks_per_stage": 2, "outputs": 5}
    answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, upstream=upstream)
    expect_every_gradient(student, answer)
