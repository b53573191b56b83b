"""One slip in lesson 03 costs what it concerns, is named for what it is, and later exercises say what they stand on."""

from __future__ import annotations

import time
from typing import Any

import pytest

from autograder.course.manifest import find_exercise
from tests.lessons.battery import MISTAKE_SEED, grade, grade_and_diagnose, names_after, remembering, story
from tests.reference import reference_names

LESSON = "03_residual_block"
RETURNS = "        return torch.relu(out + self.shortcut(x))"
FORWARD = f"""        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
{RETURNS}"""
BLOCK = f"""
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Identity()
        if in_channels != out_channels or stride != 1:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride)

    def forward(self, x):
{FORWARD}
"""
# The old text, the one in its place, the least share of the points, and the mistake's name.
SLIPS = {
    "x overwritten": ("out", "x", 0.15, "shortcut-of-what-was-computed"),
    "x becomes the shortcut": (
        FORWARD,
        f"        x = self.shortcut(x)\n{FORWARD.replace('self.shortcut(x)', 'x')}",
        0.4,
        "convolutions-of-the-shortcut",
    ),
    "no first padding": ("stride=stride, padding=1", "stride=stride", 0.15, "first-padding-forgotten"),
    "no second padding": ("out_channels, 3, padding=1", "out_channels, 3", 0.15, "second-padding-forgotten"),
    "a norm of in_channels": (
        "self.bn1 = nn.BatchNorm2d(out_",
        "self.bn1 = nn.BatchNorm2d(in_",
        0.4,
        "first-norm-of-in-channels",
    ),
    "and for or": (
        "in_channels != out_channels or stride != 1",
        "in_channels != out_channels and stride != 1",
        0.4,
        "shortcut-only-where-both-change",
    ),
    "no stride": ("stride=stride", "stride=1", 0.5, "stride-never-used"),
    "stride for padding": (", 3, stride=stride, padding=1", ", 3, 1, stride", 0.5, "stride-in-the-place-of-padding"),
    "second convolution of x": ("self.conv2(out)", "self.conv2(x)", 0.0, "second-convolution-of-x"),
    "channels exchanged": (
        "self.conv1 = nn.Conv2d(in_channels, out_channels",
        "self.conv1 = nn.Conv2d(out_channels, in_channels",
        0.25,
        "channels-exchanged",
    ),
    "padded shortcut": ("1, stride=stride)", "1, stride=stride, padding=1)", 0.4, "shortcut-padded"),
    "concatenated": ("out + self.shortcut(x)", "torch.cat([out, self.shortcut(x)], 1)", 0.0, "concatenated"),
    "no identity": (
        RETURNS,
        "        return torch.relu(out if out.shape == x.shape else out + self.shortcut(x))",
        0.5,
        "identity-never-added",
    ),
    "no projection": (
        RETURNS,
        "        return torch.relu(out + x if out.shape == x.shape else out)",
        0.5,
        "projection-never-added",
    ),
}
RETURN_IN_LOOP = """
def make_stage(in_channels, out_channels, blocks, stride):
    stage = nn.Sequential()
    stage.append(ResidualBlock(in_channels, out_channels, stride))
    for _ in range(1, blocks):
        stage.append(ResidualBlock(out_channels, out_channels, 1))
        return stage
"""
BY_HAND = """
class KeypointResNet(nn.Module):
    def __init__(self, channels=(32, 64, 128, 256, 512), blocks_per_stage=2, outputs=30):
        super().__init__()
        self.conv = nn.Conv2d(1, channels[0], 7, stride=2, padding=3)
        self.bn = nn.BatchNorm2d(channels[0])
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.s1 = make_stage(channels[0], channels[0], blocks_per_stage, 1)
        self.s2 = make_stage(channels[0], channels[1], blocks_per_stage, 2)
        self.s3 = make_stage(channels[1], channels[2], blocks_per_stage, 2)
        self.s4 = make_stage(channels[2], channels[3], blocks_per_stage, 2)
        self.s5 = make_stage(channels[3], channels[4], blocks_per_stage, 2)
        self.fc = nn.Linear(channels[4], outputs)

    def forward(self, images):
        x = self.pool(torch.relu(self.bn(self.conv(images))))
        return self.fc(self.s5(self.s4(self.s3(self.s2(self.s1(x))))).mean(dim=(2, 3)))
"""
LATER_TAKE_IN = """
def make_stage(in_channels, out_channels, blocks, stride):
    layers = []
    for i in range(blocks):
        layers.append(ResidualBlock(in_channels, out_channels, stride if i == 0 else 1))
    return nn.Sequential(*layers)
"""
FIRST_TAKES_OUT = """
def make_stage(in_channels, out_channels, blocks, stride):
    return nn.Sequential(*[ResidualBlock(out_channels, out_channels, 1 if i else stride) for i in range(blocks)])
"""
MADE_ANEW = """
def make_stage(in_channels, out_channels, blocks, stride):
    for i in range(blocks):
        block = ResidualBlock(out_channels if i else in_channels, out_channels, 1 if i else stride)
        stage = nn.Sequential(block)
    return stage
"""
IN_A_LOOP = """
class KeypointResNet(nn.Module):
    def __init__(self, channels=(32, 64, 128, 256, 512), blocks_per_stage=2, outputs=30):
        super().__init__()
        self.conv = nn.Conv2d(1, channels[0], 7, stride=2, padding=3)
        self.bn = nn.BatchNorm2d(channels[0])
        self.pool = nn.MaxPool2d(3, 2, 1)
        previous = channels[0]
        self.stages = nn.ModuleList()
        for i, c in enumerate(channels):
            self.stages.append(make_stage(previous, c, blocks_per_stage, 1 if i == 0 else 2))
            previous = c
        self.fc = nn.Linear(channels[-1], outputs)

    def forward(self, images):
        x = self.pool(torch.relu(self.bn(self.conv(images))))
        for stage in self.stages:
            x = stage(x)
        return self.fc(x.mean(dim=(2, 3)))
"""
FLATTENED = IN_A_LOOP.replace("nn.Linear(channels[-1], outputs)", "nn.LazyLinear(outputs)").replace(
    "x.mean(dim=(2, 3))", "x.flatten(1)"
)
LAST_STAGE = IN_A_LOOP.replace("x = stage(x)", "y = stage(x)").replace("x.mean(", "y.mean(")
OTHER_STRIDES = IN_A_LOOP.replace("1 if i == 0 else 2", "2 if i == 0 else 1")
FIRST_MISSING = IN_A_LOOP.replace("enumerate(channels)", "enumerate(channels[1:])")
WRONG_AXES = IN_A_LOOP.replace("dim=(2, 3)", "dim=(1, 2)")
FIXED = BY_HAND.replace("super().__init__()", "super().__init__()\n        channels = (32, 64, 128, 256, 512)")


def _expect(exercise: str, code: str, least: float, name: str | None) -> None:
    result = grade_and_diagnose(exercise, names_after(LESSON, code), MISTAKE_SEED)
    assert least <= result.score / result.exercise.points < 1, story(result)
    assert result.misconception == (name and f"{exercise}/{name}"), story(result)
    assert result.doubt is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("id", [pytest.param(id, marks=remembering(LESSON)) for id in SLIPS])
def test_one_slip_in_a_block(id: str) -> None:
    old, new, least, name = SLIPS[id]
    head, forward = BLOCK.split("    def forward", 1)
    code = f"{head}    def forward{forward.replace(old, new)}" if id == "x overwritten" else BLOCK.replace(old, new)
    assert code != BLOCK
    _expect("ResidualBlock", code, least, name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("exercise", "code", "least", "name"),
    [
        pytest.param("make_stage", RETURN_IN_LOOP, 0.3, "return-inside-the-loop", marks=remembering(LESSON)),
        pytest.param("make_stage", LATER_TAKE_IN, 0.3, "later-blocks-take-in-channels", marks=remembering(LESSON)),
        pytest.param("make_stage", FIRST_TAKES_OUT, 0.2, "first-block-takes-out-channels", marks=remembering(LESSON)),
        pytest.param("make_stage", MADE_ANEW, 0.0, "only-the-last-block", marks=remembering(LESSON)),
        pytest.param("KeypointResNet", FLATTENED, 0.6, "flattened", marks=remembering(LESSON)),
        pytest.param("KeypointResNet", LAST_STAGE, 0.1, "only-the-last-stage-runs", marks=remembering(LESSON)),
        pytest.param("KeypointResNet", OTHER_STRIDES, 0.3, "strides-the-other-way-round", marks=remembering(LESSON)),
        pytest.param("KeypointResNet", FIRST_MISSING, 0.0, "first-stage-missing", marks=remembering(LESSON)),
        pytest.param("KeypointResNet", WRONG_AXES, 0.0, "mean-over-the-wrong-axes", marks=remembering(LESSON)),
        pytest.param("KeypointResNet", BY_HAND, 0.3, "five-stages-by-hand", marks=remembering(LESSON)),
        pytest.param("KeypointResNet", FIXED, 0.0, "widths-fixed", marks=remembering(LESSON)),
    ],
)
def test_one_slip_beyond_the_block(exercise: str, code: str, least: float, name: str) -> None:
    _expect(exercise, code, least, name)


@pytest.mark.parametrize(
    ("exercise", "change", "on"),
    [
        ("make_stage", ("        super().__init__()\n        # Batch", "        # Batch"), "ResidualBlock"),
        ("KeypointResNet", ("        super().__init__()\n        # Batch", "        # Batch"), "ResidualBlock"),
        ("KeypointResNet", ("return nn.Sequential(first, *later)", "return [first, *later]"), "make_stage"),
    ],
)
def test_later_exercises_say_what_they_stand_on(exercise: str, change: tuple[str, str], on: str) -> None:
    names: dict[str, Any] = reference_names(LESSON, change)
    result = grade(exercise, names, 0)
    assert result.problem is not None
    assert f"stands on {on}" in str(result.problem.hint), story(result)


# Kernels that no layer of the block uses: few enough that orders of them are tried, and far too many.
SPARE = """        super().__init__()
        self.spare = nn.ModuleList(nn.Conv2d(out_channels, out_channels, 3, padding=1) for _ in range({count}))
"""


@pytest.mark.parametrize("count", [12, 300])
def test_many_kernels_cost_no_time(count: int) -> None:
    names = names_after(LESSON, BLOCK.replace("        super().__init__()\n", SPARE.format(count=count)))
    started = time.process_time()
    result = grade("ResidualBlock", names, MISTAKE_SEED)
    assert time.process_time() - started < find_exercise("ResidualBlock").seconds
    assert result.outcome == "failed", story(result)
