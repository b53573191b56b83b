"""Checks of lesson 03 beyond the block: the stage, the network, and the count of its parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import image, raise_channels, seed, shape_problem
from autograder.checks.lesson_03 import residual_weights as weights
from autograder.checks.lesson_03.residual_own_block import mistake_of_block, stands_on_block
from autograder.checks.lesson_03.residual_questions import (
    COMPARE_HINT,
    describe,
    expect_gradients,
    expect_kernels,
    expect_own_output,
    network_kernels,
    run,
    stage_kernels,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

make_stage = Ladder("make_stage")
keypoint_resnet = Ladder("KeypointResNet")
count_parameters = Ladder("count_parameters")

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


@make_stage.rung("shape", points=2, gate=True)
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
        got = expect.array(answer["output"], kind="torch", what=expected)
        expect.true(got.shape == want, expected, f"shape {got.shape}", hint=hint)


@make_stage.rung("values", points=4)
@stands_on_block
def blocks_of_their_own(student: Student, rng: np.random.Generator) -> None:
    """Each block has weights of its own, and only the first one widens."""
    hint = "The first block goes from in_channels to out_channels. How many come after it, and how wide are they?"
    for args in [3, 5, 2, 2], [4, 4, 3, 1], [3, 5, 3, 1], [4, 4, 2, 2]:
        found = describe(student, "make_stage", args, [2, args[0], 8, 8], rng)
        expect_kernels(found, stage_kernels(*args), f"make_stage{tuple(args)}", hint)


@make_stage.rung("edge cases", points=1)
@stands_on_block
def one_block(student: Student, rng: np.random.Generator) -> None:
    """A stage of one block is that block alone."""
    found = describe(student, "make_stage", [3, 5, 1, 2], [2, 3, 8, 8], rng)
    expect_kernels(found, stage_kernels(3, 5, 1, 2), "make_stage(3, 5, 1, 2)", "blocks counts the first block too.")


@make_stage.rung("gradients", points=2)
def trains_every_block(student: Student, rng: np.random.Generator) -> None:
    """Every parameter of the stage gets a gradient."""
    x, upstream = image(rng, 2, 3, 8, 8), image(rng, 2, 5, 4, 4)
    answer = run(student, "make_stage", [3, 5, 3, 2], x, rng, upstream=upstream)
    expect_gradients(answer, "a gradient for every parameter")


def _network_text(channels: list[int], blocks: int, outputs: int) -> str:
    return f"KeypointResNet({tuple(channels)}, blocks_per_stage={blocks}, outputs={outputs})"


@keypoint_resnet.rung("type", points=1, gate=True)
def network_is_a_module(student: Student, rng: np.random.Generator) -> None:
    """KeypointResNet is an nn.Module that can be built in other sizes than its own."""
    small: dict[str, Any] = {"channels": [3, 4], "blocks_per_stage": 1, "outputs": 6}
    found = describe(student, "KeypointResNet", [], [2, 1, 96, 96], rng, **small)
    expect.true(found["is_module"], "an nn.Module", f"a {found['type']}", hint="Derive it from nn.Module.")


def _expect_pooled(numbers: int, channels: int, what: str) -> None:
    """Expect that so many numbers of an image come to the linear layer as there are channels."""
    expected = f"{what}: {channels} numbers for the linear layer, one a channel"
    expect.true(numbers == channels, expected, f"{numbers} numbers", hint=HEAD_HINT)


@keypoint_resnet.rung("shape", points=2, gate=True)
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
            answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, fill="own", with_layers=bool(kwargs))
        except StudentError as error:
            raise_channels(error, expected)
            problem = shape_problem(error)
            if problem and problem[0] == "features":
                _expect_pooled(problem[1], channels[-1], what)
            raise
        for layer in answer["layers"]:
            if layer["kind"] == "linear" and len(layer["weight"]) == outputs:
                _expect_pooled(layer["weight"].shape[1], channels[-1], what)
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


@keypoint_resnet.rung("values", points=6)
@stands_on_block
def network_output(student: Student, rng: np.random.Generator) -> None:
    """The output of a small network in train mode, from its own weights."""
    # So many outputs that some are negative: else a ReLU behind them would not show.
    channels, outputs = [3, 5], 30
    # Flat patches: in noise alone, a large value is never far, and max-pooling hides whether a ReLU came before it.
    x = np.kron(rng.random((3, 1, 8, 8)), np.ones((12, 12))) + rng.uniform(0, 0.2, (3, 1, 96, 96))
    x = x.astype(np.float32)
    kwargs = {"channels": channels, "blocks_per_stage": 1, "outputs": outputs}
    answer = run(student, "KeypointResNet", [], x, rng, kwargs=kwargs, fill="plain")
    what = f"{_network_text(channels, 1, outputs)}(images)"
    expect.array(answer["output"], kind="torch", shape=(3, outputs), what=what)
    # A mistake in the student's block costs points there, not here again.
    own = mistake_of_block(student, rng)
    want, mistake = weights.explain_network(answer, x, channels, outputs, own)
    if mistake != "":
        expect_own_output(answer, want, what, COMPARE_HINT, weights.NETWORK_MISTAKES.get(mistake or ""))


@keypoint_resnet.rung("edge cases", points=2)
@stands_on_block
def one_image(student: Student, rng: np.random.Generator) -> None:
    """In eval mode a batch of one works, and an image's answer does not depend on its batch."""
    x = rng.random((3, 1, 96, 96), dtype=np.float32)
    inputs = {"kwargs": {"channels": [4, 6], "blocks_per_stage": 1, "outputs": 5}, "seed": seed(rng), "train": False}
    whole = run(student, "KeypointResNet", [], x, rng, **inputs)
    alone = run(student, "KeypointResNet", [], x[:1], rng, **inputs)
    hint = "squeeze() drops the batch axis too when it holds one image; say which axes to drop, or flatten from axis 1."
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
    expect_gradients(answer, "a gradient for every parameter")


COUNTED = ("conv.weight", "conv.bias", "inner.0.weight", "inner.0.bias", "linear.weight", "linear.bias")


def _expect_count(student: Student, rng: np.random.Generator, *frozen: str) -> None:
    channels, features = (int(n) for n in rng.integers(3, 20, 2))
    sizes = dict(zip(COUNTED, (9 * channels, *[channels] * 3, channels * features, features), strict=True))
    want = sum(size for name, size in sizes.items() if name not in frozen)
    answer = student.probe("lesson_03.count", channels=channels, features=features, frozen=list(frozen))
    example = f"Conv2d(1, {channels}, 3), BatchNorm2d({channels}), ReLU, Linear({channels}, {features})"
    if frozen:
        example += f" with {' and '.join(frozen)} frozen (requires_grad False)"
    got = expect.number(answer, "count_parameters(model)")
    hint = "Every number counts in each tensor of parameters() that requires a gradient, at any depth of the model."
    expect.true(got == want, f"{want}", f"{got:g}", example, hint)


@count_parameters.rung("type", points=1, gate=True)
def is_an_integer(student: Student, rng: np.random.Generator) -> None:
    """The count is a whole number."""
    answer = student.probe("lesson_03.count", channels=4, features=3, frozen=[])
    count = expect.number(answer, "count_parameters(model)")
    expect.true(count == int(count), "a whole number", f"{count:g}")


@count_parameters.rung("values", points=3)
def counts_elements(student: Student, rng: np.random.Generator) -> None:
    """Weights and biases of every layer, at any depth; no buffers."""
    _expect_count(student, rng)


@count_parameters.rung("edge cases", points=2)
def leaves_out_frozen(student: Student, rng: np.random.Generator) -> None:
    """Frozen parameters do not count; a model all of whose parameters are frozen has 0."""
    _expect_count(student, rng, "conv.weight", "inner.0.bias")
    _expect_count(student, rng, *COUNTED)
