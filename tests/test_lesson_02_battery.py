"""The checks of lesson 02 against right answers in other styles and the mistakes that students make."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from tests.battery import grade, story
from tests.reference import reference_names

REFERENCE = reference_names("02_nan_masking")
SEEDS = range(20)


def count_by_loops(keypoints: np.ndarray) -> np.ndarray:
    counts = []
    for face in keypoints:
        counts.append(sum(1 for x, y in face if math.isfinite(x) and math.isfinite(y)))
    return np.array(counts)


def count_by_product(keypoints: np.ndarray) -> np.ndarray:
    return np.count_nonzero(np.isfinite(keypoints[:, :, 0] * keypoints[:, :, 1]), axis=1).astype(np.int32)


def count_by_torch(keypoints: np.ndarray) -> np.ndarray:
    return torch.isfinite(torch.tensor(keypoints)).all(dim=-1).sum(dim=-1).numpy()


def count_by_isnan(keypoints: np.ndarray) -> np.ndarray:
    # Labels are pixels or NaN, so what is not NaN is finite.
    return (~np.isnan(keypoints)).all(axis=2).sum(axis=1)


def fill_by_pandas(targets: np.ndarray) -> np.ndarray:
    return pd.DataFrame(targets).ffill().bfill().to_numpy()


def fill_by_loops(targets: np.ndarray) -> np.ndarray:
    result = np.array(targets)
    rows, columns = result.shape
    for d in range(columns):
        for n in range(1, rows):
            if np.isnan(result[n, d]):
                result[n, d] = result[n - 1, d]
        for n in range(rows - 2, -1, -1):
            if np.isnan(result[n, d]):
                result[n, d] = result[n + 1, d]
    return result


def fill_by_index(targets: np.ndarray) -> np.ndarray:
    rows = np.arange(len(targets))[:, None]
    missing = np.isnan(targets)
    above = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
    first = np.argmax(~missing, axis=0)[None]
    return np.take_along_axis(targets, np.where(above < 0, first, above), axis=0)


def fill_in_double(targets: np.ndarray) -> np.ndarray:
    columns = [pd.Series(column, dtype=float).ffill().bfill() for column in targets.T]
    return np.array(columns).T


class SelectedLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        mask = ~(torch.isnan(target) | torch.isinf(target))
        if mask.sum() == 0:
            return (pred * 0).sum()
        return nn.functional.mse_loss(pred[mask], target[mask])


class NotNanLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        there = ~target.isnan()
        return ((pred[there] - target[there]) ** 2).sum() / there.sum().clamp(min=1)


class ReplacedTargetLoss(nn.Module):
    """The missing targets become the predictions themselves, so that their error and its gradient are 0."""

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        mask = torch.isfinite(target)
        error = torch.where(mask, target, pred.detach()) - pred
        return error.square().sum() / mask.sum().clamp_min(1)


class MultipliedLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.loss = nn.MSELoss(reduction="none")

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        mask = torch.isfinite(target).to(pred.dtype)
        clean = torch.nan_to_num(target, nan=0.0, posinf=0.0, neginf=0.0)
        total = (self.loss(pred, clean) * mask).sum()
        return total / torch.clamp(mask.sum(), min=1.0)


class ConstantLoss(nn.Module):
    """Where there is no label: a constant that has nothing to do with pred, and still requires a gradient."""

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        labeled = torch.isfinite(target).reshape(-1).nonzero().squeeze(1)
        if len(labeled) == 0:
            return torch.zeros((), requires_grad=True)
        difference = pred.reshape(-1).index_select(0, labeled) - target.reshape(-1).index_select(0, labeled)
        return torch.dot(difference, difference) / len(labeled)


class FilledLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        missing = ~torch.isfinite(target)
        count = max(int((~missing).sum()), 1)
        return ((pred - target.masked_fill(missing, 0)).masked_fill(missing, 0) ** 2).sum() / count


class OwnGradientLoss(nn.Module):
    class Function(torch.autograd.Function):
        @staticmethod
        def forward(context: torch.autograd.function.FunctionCtx, pred: Tensor, target: Tensor) -> Tensor:
            mask = torch.isfinite(target)
            context.error = torch.zeros_like(pred)
            context.error[mask] = (pred - target)[mask]
            context.count = max(int(mask.sum()), 1)
            return (context.error**2).sum() / context.count

        @staticmethod
        def backward(context: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
            return gradient * 2 * context.error / context.count, None

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return self.Function.apply(pred, target)


def rmse_by_loop(pred: np.ndarray, target: np.ndarray) -> float:
    errors = [float(p) - float(t) for p, t in zip(pred.ravel(), target.ravel(), strict=True) if not math.isnan(t)]
    return math.sqrt(sum(error * error for error in errors) / len(errors)) if errors else math.nan


@np.errstate(all="ignore")
def rmse_by_nanmean(pred: np.ndarray, target: np.ndarray) -> float:
    return np.sqrt(np.nanmean((pred - target) ** 2))


def rmse_by_norm(pred: np.ndarray, target: np.ndarray) -> float:
    mask = ~np.isnan(target)
    return float(np.linalg.norm(pred[mask] - target[mask]) / np.sqrt(mask.sum())) if mask.any() else float("nan")


def rmse_by_torch(pred: np.ndarray, target: np.ndarray) -> float:
    loss = SelectedLoss()(torch.tensor(pred), torch.tensor(target))
    return loss.sqrt().item() if np.isfinite(target).any() else np.nan


def by_keypoint_by_nanmean(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.sqrt(np.nanmean(np.square(pred - target), axis=(0, 2)))


def by_keypoint_by_rmse(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.array([rmse_by_norm(pred[:, k], target[:, k]) for k in range(target.shape[1])])


def by_keypoint_by_pandas(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    squared = (pred - target).transpose(1, 0, 2).reshape(target.shape[1], -1) ** 2
    return pd.DataFrame(squared).mean(axis=1).to_numpy() ** 0.5


RIGHT: dict[str, list[Callable]] = {
    "count_labels": [count_by_loops, count_by_product, count_by_torch, count_by_isnan],
    "forward_fill": [fill_by_pandas, fill_by_loops, fill_by_index, fill_in_double],
    "MSELossIgnoreNan": [
        SelectedLoss, NotNanLoss, ReplacedTargetLoss, MultipliedLoss, ConstantLoss, FilledLoss, OwnGradientLoss,
    ],
    "rmse": [rmse_by_loop, rmse_by_nanmean, rmse_by_norm, rmse_by_torch],
    "per_keypoint_rmse": [by_keypoint_by_nanmean, by_keypoint_by_rmse, by_keypoint_by_pandas],
}


@pytest.mark.parametrize(
    ("exercise", "answer"), [(name, answer) for name, answers in RIGHT.items() for answer in answers]
)
@pytest.mark.filterwarnings("ignore")
def test_right_answers_score_in_full_with_every_seed(exercise: str, answer: Callable) -> None:
    for seed in SEEDS:
        result = grade(exercise, {**REFERENCE, exercise: answer}, seed)
        assert result.outcome == "passed", story(result)


def _columns(fill: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a forward_fill that does ``fill`` to the targets as a table."""
    return lambda targets: fill(pd.DataFrame(targets.copy())).to_numpy(np.float32)


def _fill_in_place(targets: np.ndarray) -> np.ndarray:
    targets[:] = fill_by_pandas(targets.copy())
    return targets


def _fill_only_where_needed(targets: np.ndarray) -> np.ndarray:
    return fill_by_pandas(targets) if np.isnan(targets).any() else targets


def _fill_from_one_row_up(targets: np.ndarray) -> np.ndarray:
    above = np.vstack([targets[:1], targets[:-1]])
    return np.where(np.isnan(targets), above, targets)


def _fill_across_columns(targets: np.ndarray) -> np.ndarray:
    return pd.Series(targets.ravel()).ffill().bfill().to_numpy(np.float32).reshape(targets.shape)


def _loss(formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> type[nn.Module]:
    """Return a loss of that formula of predictions, targets and the mask of the finite ones."""

    class Loss(nn.Module):
        def forward(self, pred: Tensor, target: Tensor) -> Tensor:
            return formula(pred, target, torch.isfinite(target))

    return Loss


def _right_loss(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    return ((pred[mask] - target[mask]) ** 2).sum() / mask.sum().clamp(min=1)


def _in_place_loss(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    loss = _right_loss(pred, target, mask)
    target[~mask] = 0
    return loss


def _row_means(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    rows = [_right_loss(p, t, m) for p, t, m in zip(pred, target, mask, strict=True) if m.any()]
    return torch.stack(rows).mean() if rows else pred.sum() * 0


class NotAModule:
    def __call__(self, pred: Tensor, target: Tensor) -> Tensor:
        return SelectedLoss()(pred, target)


def _euclid(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.nanmean(np.linalg.norm(pred - target, axis=2), axis=0)


def _zeroing_rmse(pred: np.ndarray, target: np.ndarray) -> float:
    result = rmse_by_norm(pred, target)
    target[np.isnan(target)] = 0
    return result


WRONG: dict[str, list[tuple[str, Callable, str]]] = {
    "count_labels": [
        ("coordinates", lambda k: np.isfinite(k).sum(axis=(1, 2)), "counts coordinates"),
        ("any coordinate", lambda k: np.isfinite(k).any(axis=2).sum(axis=1), "only y, is known"),
        ("halved", lambda k: np.isfinite(k).sum(axis=(1, 2)) // 2, "Halving"),
        ("x alone", lambda k: np.isfinite(k[..., 0]).sum(axis=1), "x alone"),
        ("missing ones", lambda k: np.isnan(k).any(axis=2).sum(axis=1), "counts the missing"),
        ("by keypoint", lambda k: np.isfinite(k).all(axis=2).sum(axis=0), "shape"),
        ("in all", lambda k: int(np.isfinite(k).all(axis=2).sum()), "numpy.ndarray"),
        ("as floats", lambda k: np.isfinite(k).all(axis=2).sum(axis=1).astype(float), "integer"),
        ("not zero", lambda k: (np.nan_to_num(k) != 0).all(axis=2).sum(axis=1), "finite"),
    ],
    "forward_fill": [
        ("along rows", _columns(lambda table: table.ffill(axis=1).bfill(axis=1)), "along the rows"),
        ("from below", _columns(lambda table: table.bfill().ffill()), "from below"),
        ("top left", _columns(lambda table: table.ffill()), "still has NaN"),
        ("top zero", _columns(lambda table: table.ffill().fillna(0)), "0 there"),
        ("zeros", _columns(lambda table: table.fillna(0)), "became 0"),
        ("means", _columns(lambda table: table.fillna(table.mean())), "mean of the column"),
        ("rows dropped", lambda targets: targets[np.isfinite(targets).all(axis=1)], "shape"),
        ("one row up", _fill_from_one_row_up, "just above"),
        ("across columns", _fill_across_columns, "into another column"),
        ("in place", _fill_in_place, "wrote into the array"),
        ("the same array", _fill_only_where_needed, "share their memory"),
        ("a table", lambda targets: pd.DataFrame(targets).ffill().bfill(), "DataFrame"),
        ("interpolated", _columns(lambda table: table.interpolate(limit_direction="both")), "copied from"),
    ],
    "MSELossIgnoreNan": [
        ("plain", nn.MSELoss, "NaN"),
        ("zeroed labels", _loss(lambda p, t, m: ((p - torch.nan_to_num(t)) ** 2).mean()), "into the corner"),
        ("zeroed labels, finite count",
         _loss(lambda p, t, m: ((p - torch.nan_to_num(t)) ** 2).sum() / m.sum()), "into the corner"),
        ("all counted", _loss(lambda p, t, m: ((p[m] - t[m]) ** 2).sum() / t.numel()), "number of all targets"),
        ("by faces", _loss(lambda p, t, m: ((p[m] - t[m]) ** 2).sum() / len(t)), "number of faces"),
        ("sum", _loss(lambda p, t, m: ((p[m] - t[m]) ** 2).sum()), "sum of the squared errors"),
        ("root", _loss(lambda p, t, m: _right_loss(p, t, m).sqrt()), "root of the mean"),
        ("absolute", _loss(lambda p, t, m: (p[m] - t[m]).abs().sum() / m.sum().clamp(min=1)), "absolute"),
        ("half", _loss(lambda p, t, m: _right_loss(p, t, m) / 2), "half"),
        ("mean of rows", _loss(_row_means), "mean of the means"),
        ("empty is NaN", _loss(lambda p, t, m: ((p[m] - t[m]) ** 2).mean()), "0 / 0"),
        ("empty is a constant",
         _loss(lambda p, t, m: ((p[m] - t[m]) ** 2).mean() if m.any() else torch.tensor(0.0)), "followed back"),
        ("where trap",
         _loss(lambda p, t, m: torch.where(m, (p - t) ** 2, 0.0).sum() / m.sum().clamp(min=1)), "0 · NaN"),
        ("nan_to_num trap",
         _loss(lambda p, t, m: torch.nan_to_num((p - t) ** 2, posinf=0.0).sum() / m.sum().clamp(min=1)), "0 · NaN"),
        ("detached", _loss(lambda p, t, m: _right_loss(p, t, m).detach().requires_grad_()), "does not depend"),
        ("in place", _loss(_in_place_loss), "wrote into its input"),
        ("a float", _loss(lambda p, t, m: _right_loss(p, t, m).item()), "torch.Tensor"),
        ("shape (1,)", _loss(lambda p, t, m: _right_loss(p, t, m).reshape(1)), "shape"),
        ("no module", NotAModule, "nn.Module"),
        ("complete rows", _loss(lambda p, t, m: _right_loss(*(x[m.all(dim=-1)] for x in (p, t, m)))), "complete rows"),
    ],
    "rmse": [
        ("plain", lambda p, t: float(np.sqrt(np.mean((p - t) ** 2))), "missing one took part"),
        ("no root", lambda p, t: rmse_by_loop(p, t) ** 2, "root is missing"),
        ("absolute", lambda p, t: float(np.nanmean(np.abs(p - t))), "mean absolute"),
        ("all counted", lambda p, t: float(np.sqrt(np.nansum((p - t) ** 2) / t.size)), "without a label"),
        ("zeroed labels", lambda p, t: rmse_by_loop(p, np.nan_to_num(t)), "became 0"),
        ("mean of faces", lambda p, t: float(np.nanmean(np.sqrt(np.nanmean((p - t) ** 2, axis=(1, 2))))), "each face"),
        ("mean of keypoints", lambda p, t: float(np.nanmean(by_keypoint_by_nanmean(p, t))), "each keypoint"),
        ("distance", lambda p, t: float(np.nanmean(np.linalg.norm(p - t, axis=2))), "distance between points"),
        ("0 without labels", lambda p, t: float(np.nan_to_num(rmse_by_nanmean(p, t))), "the model is perfect"),
        ("zeroes its input", _zeroing_rmse, "wrote into its input"),
        ("an array", lambda p, t: np.sqrt(np.nanmean((p - t) ** 2, axis=0)), "a float"),
    ],
    "per_keypoint_rmse": [
        ("plain", lambda p, t: np.sqrt(((p - t) ** 2).mean(axis=(0, 2))), "came out as NaN"),
        ("no root", lambda p, t: by_keypoint_by_nanmean(p, t) ** 2, "root is missing"),
        ("0 where never labeled", lambda p, t: np.nan_to_num(by_keypoint_by_nanmean(p, t)), "perfect there"),
        ("all counted", lambda p, t: np.sqrt(np.nansum((p - t) ** 2, axis=(0, 2)) / (2 * len(t))), "all faces"),
        ("mean of x and y", lambda p, t: np.sqrt(np.nanmean((p - t) ** 2, axis=0)).mean(axis=1), "RMSE in y"),
        ("distance", _euclid, "distance"),
        ("root of two", lambda p, t: by_keypoint_by_nanmean(p, t) * np.sqrt(2), "√2"),
        ("by face", lambda p, t: np.sqrt(np.nanmean((p - t) ** 2, axis=(1, 2))), "shape"),
        ("by coordinate", lambda p, t: np.sqrt(np.nanmean((p - t) ** 2, axis=0)), "shape"),
        ("absolute", lambda p, t: np.nanmean(np.abs(p - t), axis=(0, 2)), "mean absolute"),
        ("zeroed labels", lambda p, t: by_keypoint_by_nanmean(p, np.nan_to_num(t)), "became 0"),
    ],
}


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [pytest.param(name, answer, said, id=f"{name}-{mistake}")
     for name, answers in WRONG.items() for mistake, answer, said in answers],
)
@pytest.mark.filterwarnings("ignore")
def test_wrong_answers_lose_points_and_are_told_why(exercise: str, answer: Callable, said: str) -> None:
    for seed in range(5):
        result = grade(exercise, {**REFERENCE, exercise: answer}, seed)
        assert result.outcome != "passed", f"seed {seed}"
        assert result.score < result.exercise.points
        assert said in str(result.problem), story(result)
