"""The reference code of lesson 03 against loops in NumPy, finite differences and counts by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.lessons.answers import Answer
from tests.lessons.battery import grade
from tests.lessons.lesson_03.made_up_answers import WRONG as MADE_UP
from tests.reference import reference_names

NAMES = reference_names("03_residual_block")
DIAGRAM = 11_202_942


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Cross-correlate (B, C, H, W) with (O, C, h, w), one output number at a time."""
    batch, _, height, width = x.shape
    outputs, _, rows, columns = kernel.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    size = ((height + 2 * padding - rows) // stride + 1, (width + 2 * padding - columns) // stride + 1)
    result = np.zeros((batch, outputs, *size))
    for image in range(batch):
        for channel in range(outputs):
            for top in range(size[0]):
                for left in range(size[1]):
                    y, x0 = top * stride, left * stride
                    patch = padded[image, :, y : y + rows, x0 : x0 + columns]
                    result[image, channel, top, left] = (patch * kernel[channel]).sum()
    return result


def normalize(x: np.ndarray) -> np.ndarray:
    """Give each channel mean 0 and spread 1 over the batch, as a fresh batch normalization does."""
    mean, var = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5)


def random_input(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("in_channels", "out_channels", "stride"), [(3, 3, 1), (2, 4, 1), (2, 4, 2), (3, 3, 2)])
def test_block_is_its_equation(in_channels: int, out_channels: int, stride: int) -> None:
    block = NAMES["ResidualBlock"](in_channels, out_channels, stride)
    x = random_input(2, in_channels, 5, 6)
    arrays = {name: value.detach().numpy().astype(float) for name, value in block.named_parameters()}
    inner = normalize(convolve(x.numpy().astype(float), arrays["conv1.weight"], stride, 1))
    inner = normalize(convolve(np.maximum(inner, 0), arrays["conv2.weight"], 1, 1))
    skipped = x.numpy().astype(float)
    if "shortcut.weight" in arrays:
        skipped = convolve(skipped, arrays["shortcut.weight"], stride, 0)
    want = np.maximum(inner + skipped, 0)
    np.testing.assert_allclose(block(x).detach().numpy(), want, rtol=1e-4, atol=1e-5)


def test_block_has_the_gradient_of_finite_differences() -> None:
    block = NAMES["ResidualBlock"](2, 3, 2).double()
    x = random_input(2, 2, 4, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(block, (x,), eps=1e-6, atol=1e-5)


def test_identity_shortcut_has_no_parameters() -> None:
    assert list(NAMES["ResidualBlock"](4, 4).shortcut.parameters()) == []


@pytest.mark.parametrize("stride", [1, 2])
def test_stage_strides_and_widens_once(stride: int) -> None:
    stage = NAMES["make_stage"](3, 6, 3, stride)
    assert [tuple(block.conv1.weight.shape[:2]) for block in stage] == [(6, 3), (6, 6), (6, 6)]
    assert [block.conv1.stride for block in stage] == [(stride, stride), (1, 1), (1, 1)]
    assert stage(random_input(1, 3, 8, 8)).shape == (1, 6, 8 // stride, 8 // stride)


def test_network_shapes_are_those_of_the_table() -> None:
    model = NAMES["KeypointResNet"]().eval()
    x = model.stem(random_input(1, 1, 96, 96))
    shapes = [tuple(x.shape[1:])]
    for stage in model.stages:
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 24, 24), (32, 24, 24), (64, 12, 12), (128, 6, 6), (256, 3, 3), (512, 2, 2)]
    assert model(random_input(3, 1, 96, 96)).shape == (3, 30)


def parameters_by_hand(channels: tuple[int, ...], blocks: int, outputs: int) -> int:
    """Count kernels, two numbers a channel for each normalization, and the linear layer."""
    total, before = 49 * channels[0] + 2 * channels[0], channels[0]
    for number, width in enumerate(channels):
        for block in range(blocks):
            total += 9 * before * width + 9 * width * width + 4 * width
            total += before * width if before != width or (number > 0 and block == 0) else 0
            before = width
    return total + before * outputs + outputs


@pytest.mark.parametrize(
    ("channels", "blocks", "outputs"), [((32, 64, 128, 256, 512), 2, 30), ((4, 8), 3, 6), ((5, 5), 1, 2)]
)
def test_parameters_are_those_counted_by_hand(channels: tuple[int, ...], blocks: int, outputs: int) -> None:
    model = NAMES["KeypointResNet"](channels, blocks, outputs)
    assert NAMES["count_parameters"](model) == parameters_by_hand(channels, blocks, outputs)


def test_diagram_has_the_stated_parameters() -> None:
    assert NAMES["count_parameters"](NAMES["KeypointResNet"]()) == DIAGRAM


def test_frozen_parameters_and_buffers_do_not_count() -> None:
    model: Any = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    assert NAMES["count_parameters"](model) == 3 * 4 + 4 + 8
    model[0].weight.requires_grad_(False)
    assert NAMES["count_parameters"](model) == 4 + 8


@pytest.mark.parametrize("answer", [pytest.param(answer, id=answer.key) for answer in MADE_UP])
def test_what_is_made_up_passes_no_rung_of_values(answer: Answer) -> None:
    for seed in range(3):
        result = grade(answer.exercise, answer.all_names(), seed)
        assert not [rung.rung.name for rung in result.rungs if rung.passed and rung.rung.kind == "values"]
