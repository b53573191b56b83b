"""The reference functions of lesson 02 against plain loops, finite differences and PyTorch's gradient check."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.reference import reference_names

NAMES = reference_names("02_nan_masking")
count_labels, forward_fill = NAMES["count_labels"], NAMES["forward_fill"]
MSELossIgnoreNan, rmse, per_keypoint_rmse = NAMES["MSELossIgnoreNan"], NAMES["rmse"], NAMES["per_keypoint_rmse"]

COORDINATE = st.one_of(st.just(np.nan), st.floats(0, 96, width=32))
KEYPOINTS = hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 5), st.just(2)), elements=COORDINATE)
TABLES = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=COORDINATE)
ANY_SHAPE = hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5), elements=COORDINATE)


@settings(max_examples=100, deadline=None)
@given(KEYPOINTS)
def test_count_labels_counts_pairs(keypoints: np.ndarray) -> None:
    want = [sum(math.isfinite(x) and math.isfinite(y) for x, y in face.tolist()) for face in keypoints]
    counts = count_labels(keypoints)
    assert counts.dtype.kind == "i"
    assert counts.tolist() == want


def test_count_labels_refuses_infinities() -> None:
    assert count_labels(np.array([[[1, np.inf], [-np.inf, 2], [3, 4]]])).tolist() == [1]


@settings(max_examples=200, deadline=None)
@given(TABLES)
def test_forward_fill_takes_the_nearest_above_else_the_first_below(targets: np.ndarray) -> None:
    before = targets.copy()
    filled = forward_fill(targets)
    assert filled.shape == targets.shape
    assert not np.shares_memory(filled, targets)
    assert np.array_equal(targets, before, equal_nan=True)
    for (row, column), value in np.ndenumerate(filled):
        above = [v for v in before[: row + 1, column].tolist() if not math.isnan(v)]
        below = [v for v in before[row:, column].tolist() if not math.isnan(v)]
        want = above[-1] if above else below[0] if below else math.nan
        assert value == want or (math.isnan(value) and math.isnan(want))


def loss_by_loop(pred: np.ndarray, target: np.ndarray) -> float:
    squares = [(float(p) - float(t)) ** 2 for p, t in zip(pred.flat, target.flat, strict=True) if math.isfinite(t)]
    return sum(squares) / len(squares) if squares else 0.0


def predictions_for(target: np.ndarray) -> np.ndarray:
    return np.random.default_rng(target.size).uniform(0, 96, target.shape).astype(np.float32)


@settings(max_examples=100, deadline=None)
@given(ANY_SHAPE)
def test_masked_loss_and_its_gradient_against_a_loop(target: np.ndarray) -> None:
    pred = predictions_for(target)
    tensor = torch.tensor(pred, requires_grad=True)
    loss = MSELossIgnoreNan()(tensor, torch.tensor(target))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loss_by_loop(pred, target), rel=1e-4, abs=1e-4)

    loss.backward()
    finite = np.isfinite(target)
    gradient = tensor.grad.numpy()
    assert (gradient[~finite] == 0).all()
    want = 2 * (pred[finite] - target[finite]) / max(finite.sum(), 1)
    np.testing.assert_allclose(gradient[finite], want, rtol=1e-4, atol=1e-6)


def test_masked_loss_passes_the_gradient_check_in_double() -> None:
    generator = torch.Generator().manual_seed(0)
    pred = torch.rand(4, 3, 2, dtype=torch.float64, generator=generator, requires_grad=True)
    target = torch.rand(4, 3, 2, dtype=torch.float64, generator=generator)
    target[0, 1] = torch.nan
    target[2:, 0, 0] = torch.inf
    assert torch.autograd.gradcheck(lambda p: MSELossIgnoreNan()(p, target), (pred,))
    assert torch.autograd.gradgradcheck(lambda p: MSELossIgnoreNan()(p, target), (pred,))


def test_masked_loss_gradient_by_finite_differences() -> None:
    rng = np.random.default_rng(1)
    pred, target = rng.uniform(0, 96, (3, 4)), rng.uniform(0, 96, (3, 4))
    target[1, 2] = target[0, 0] = np.nan
    tensor = torch.tensor(pred, requires_grad=True)
    MSELossIgnoreNan()(tensor, torch.tensor(target)).backward()
    step = 1e-4
    for index in np.ndindex(pred.shape):
        nudge = np.zeros_like(pred)
        nudge[index] = step
        slope = (loss_by_loop(pred + nudge, target) - loss_by_loop(pred - nudge, target)) / (2 * step)
        assert tensor.grad[index].item() == pytest.approx(slope, abs=1e-6)


def test_masked_loss_is_mse_loss_where_nothing_is_missing() -> None:
    generator = torch.Generator().manual_seed(2)
    pred, target = torch.rand(5, 30, generator=generator), torch.rand(5, 30, generator=generator)
    torch.testing.assert_close(MSELossIgnoreNan()(pred, target), torch.nn.MSELoss()(pred, target))


@pytest.mark.parametrize("missing", [torch.nan, torch.inf, -torch.inf])
def test_masked_loss_without_labels_does_not_move_the_weights(missing: float) -> None:
    layer = torch.nn.Linear(3, 4)
    loss = MSELossIgnoreNan()(layer(torch.ones(2, 3)), torch.full((2, 4), missing))
    loss.backward()
    assert loss.item() == 0
    assert all(parameter.grad is None or (parameter.grad == 0).all() for parameter in layer.parameters())


@settings(max_examples=100, deadline=None)
@given(KEYPOINTS)
def test_rmse_against_a_loop(target: np.ndarray) -> None:
    pred, before = predictions_for(target), target.copy()
    got = rmse(pred, target)
    assert type(got) is float
    want = math.sqrt(loss_by_loop(pred, target)) if np.isfinite(target).any() else math.nan
    assert got == pytest.approx(want, rel=1e-4, abs=1e-6, nan_ok=True)
    assert np.array_equal(target, before, equal_nan=True)


@settings(max_examples=100, deadline=None)
@given(KEYPOINTS)
def test_per_keypoint_rmse_against_a_loop(target: np.ndarray) -> None:
    pred = predictions_for(target)
    got = per_keypoint_rmse(pred, target)
    assert got.shape == (target.shape[1],)
    for k, value in enumerate(got):
        labeled = np.isfinite(target[:, k]).any()
        want = math.sqrt(loss_by_loop(pred[:, k], target[:, k])) if labeled else math.nan
        assert value == pytest.approx(want, rel=1e-4, abs=1e-6, nan_ok=True)


def test_rmse_is_the_mean_square_of_per_keypoint_rmse_where_all_is_labeled() -> None:
    rng = np.random.default_rng(3)
    pred, target = rng.uniform(0, 96, (7, 5, 2)), rng.uniform(0, 96, (7, 5, 2))
    assert rmse(pred, target) == pytest.approx(math.sqrt(np.mean(per_keypoint_rmse(pred, target) ** 2)))


def test_errors_by_hand() -> None:
    pred = np.array([[[3.0, 0.0], [9.0, 9.0]], [[0.0, 1.0], [9.0, 9.0]]])
    target = np.array([[[0.0, 0.0], [np.nan, np.nan]], [[0.0, 0.0], [np.nan, np.nan]]])
    assert rmse(pred, target) == pytest.approx(math.sqrt(10 / 4))
    np.testing.assert_allclose(per_keypoint_rmse(pred, target), [math.sqrt(10 / 4), np.nan])
