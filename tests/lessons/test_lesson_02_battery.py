"""The checks of lesson 02 against right answers in other styles and the mistakes that students make."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from autograder.checks.catalogue import catalogue
from autograder.course.manifest import find_lesson
from tests.lessons.battery import grade, names_of, story
from tests.reference import reference_names

REFERENCE = reference_names("02_nan_masking")
CATALOGUE = {entry.id: entry for entries in catalogue(find_lesson("02")).values() for entry in entries}
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


def count_by_pandas(keypoints: np.ndarray) -> np.ndarray:
    n, k, _ = keypoints.shape
    table = pd.DataFrame(keypoints.reshape(n * k, 2)).notna().all(axis=1)
    return table.groupby(np.repeat(np.arange(n), k)).sum().to_numpy()


def count_with_small_integers(keypoints: np.ndarray) -> np.ndarray:
    x, y = np.moveaxis(np.isfinite(keypoints), -1, 0)
    return np.logical_and(x, y).sum(axis=-1, dtype=np.uint8)


def count_by_comparison(keypoints: np.ndarray) -> np.ndarray:
    # NaN alone is unequal to itself.
    return np.fromiter((np.prod(face == face, axis=1).sum() for face in keypoints), dtype=np.int16)


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


def fill_by_accumulation(targets: np.ndarray) -> np.ndarray:
    def down(rows: list[np.ndarray]) -> list[np.ndarray]:
        return list(accumulate(rows, lambda above, row: np.where(np.isnan(row), above, row)))

    return np.stack(down(down(list(targets))[::-1])[::-1])


def fill_by_torch(targets: np.ndarray) -> np.ndarray:
    filled = torch.tensor(targets)
    missing = filled.isnan()
    rows = torch.arange(len(filled))[:, None].expand_as(filled)
    source = rows.masked_fill(missing, -1).cummax(dim=0).values
    first = (~missing).to(torch.int8).argmax(dim=0)
    return filled.gather(0, torch.where(source < 0, first, source)).numpy()


def fill_columns_in_memory(targets: np.ndarray) -> np.ndarray:
    result = np.array(targets, dtype=float, order="F")
    for column in result.T:
        known = ~np.isnan(column)
        if known.any():
            place = np.cumsum(known) - 1
            column[:] = column[known][np.maximum(place, 0)]
    return result


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


class ZeroedErrorLoss(nn.MSELoss):
    """The NaN is put to 0 before the square, whose derivative at 0 is 0."""

    def __init__(self, size_average: bool | None = None) -> None:
        super().__init__(size_average, reduction="sum")

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return torch.nan_to_num(input - target).square().sum() / (~target.isnan()).sum().clamp(min=1)


class WhereErrorLoss(nn.Module):
    def forward(self, prediction: Tensor, label: Tensor) -> Tensor:
        known = torch.isfinite(label)
        error = torch.where(known, prediction - label, 0)
        return torch.einsum("i,i->", error.flatten(), error.flatten()) / max(known.sum(), 1)


class LoopLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        pairs = zip(pred.flatten(), target.flatten().tolist(), strict=True)
        squares = [(p.double() - t) ** 2 for p, t in pairs if math.isfinite(t)]
        return sum(squares, start=0 * pred.sum()) / (len(squares) or 1)


class WeightedLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        weight = (~target.isnan()).type_as(pred)
        label = target.clone()
        label[target.isnan()] = 0
        mean = ((pred - label).pow(2) * weight / weight.sum()).sum()
        return mean if weight.any() else torch.zeros_like(pred).mul(pred).sum()


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


def rmse_by_masked_array(pred: np.ndarray, target: np.ndarray) -> np.floating:
    square = np.ma.masked_invalid(pred - target) ** 2
    return np.float32("nan") if square.mask.all() else np.sqrt(square.mean(), dtype=np.float32)


def rmse_by_pandas(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    # A NumPy array without axes is a number, too.
    return np.array(pd.Series((pred.astype(float) - target).ravel()).pow(2).mean() ** 0.5)


def rmse_by_hypot(pred: np.ndarray, target: np.ndarray) -> float:
    known = ~np.isnan(target)
    return math.dist(pred[known], target[known]) / math.sqrt(known.sum()) if known.sum() else math.nan


def by_keypoint_by_nanmean(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.sqrt(np.nanmean(np.square(pred - target), axis=(0, 2)))


def by_keypoint_by_rmse(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.array([rmse_by_norm(pred[:, k], target[:, k]) for k in range(target.shape[1])])


def by_keypoint_by_pandas(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    squared = (pred - target).transpose(1, 0, 2).reshape(target.shape[1], -1) ** 2
    return pd.DataFrame(squared).mean(axis=1).to_numpy() ** 0.5


def by_keypoint_by_loops(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    result = []
    for k in range(target.shape[1]):
        total, count = 0.0, 0
        for n in range(len(target)):
            for axis in (0, 1):
                if not math.isnan(target[n, k, axis]):
                    total += (float(pred[n, k, axis]) - float(target[n, k, axis])) ** 2
                    count += 1
        result.append(math.sqrt(total / count) if count else math.nan)
    return np.array(result, dtype=np.float32)


def by_keypoint_by_torch(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return torch.nanmean((torch.tensor(pred) - torch.tensor(target)) ** 2, dim=(0, 2)).sqrt().numpy()


def by_keypoint_by_masked_array(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    error = np.ma.masked_invalid(pred - target)
    return np.ma.sqrt(np.ma.mean(error * error, axis=(0, 2))).filled(np.nan)


RIGHT: dict[str, list[Callable]] = {
    "count_labels": [
        count_by_loops,
        count_by_product,
        count_by_torch,
        count_by_isnan,
        count_by_pandas,
        count_with_small_integers,
        count_by_comparison,
    ],
    "forward_fill": [
        fill_by_pandas,
        fill_by_loops,
        fill_by_index,
        fill_in_double,
        fill_by_accumulation,
        fill_by_torch,
        fill_columns_in_memory,
    ],
    "MSELossIgnoreNan": [
        SelectedLoss,
        NotNanLoss,
        ReplacedTargetLoss,
        MultipliedLoss,
        ConstantLoss,
        FilledLoss,
        OwnGradientLoss,
        ZeroedErrorLoss,
        WhereErrorLoss,
        LoopLoss,
        WeightedLoss,
    ],
    "rmse": [
        rmse_by_loop,
        rmse_by_nanmean,
        rmse_by_norm,
        rmse_by_torch,
        rmse_by_masked_array,
        rmse_by_pandas,
        rmse_by_hypot,
    ],
    "per_keypoint_rmse": [
        by_keypoint_by_nanmean,
        by_keypoint_by_rmse,
        by_keypoint_by_pandas,
        by_keypoint_by_loops,
        by_keypoint_by_torch,
        by_keypoint_by_masked_array,
    ],
}


@pytest.mark.parametrize(
    ("exercise", "answer"), [(name, answer) for name, answers in RIGHT.items() for answer in answers]
)
@pytest.mark.filterwarnings("ignore")
def test_right_answers_score_in_full_with_every_seed(exercise: str, answer: Callable) -> None:
    for seed in SEEDS:
        result = grade(exercise, {**REFERENCE, exercise: answer}, seed)
        assert result.outcome == "passed", story(result)


class HalfLoss(SelectedLoss):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return super().forward(pred, target) / 2


class WrappedLoss(SelectedLoss):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return super().forward(pred, target).reshape(1)


class MeanOfColumnsLoss(SelectedLoss):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        columns = zip(pred.flatten(1).T, target.flatten(1).T, strict=True) if pred.ndim > 1 else [(pred, target)]
        losses = [super(MeanOfColumnsLoss, self).forward(p, t) for p, t in columns if torch.isfinite(t).any()]
        return torch.stack(losses).mean() if losses else pred.sum() * 0


class NotAModule:
    def __call__(self, pred: Tensor, target: Tensor) -> Tensor:
        return SelectedLoss()(pred, target)


# Each with a word of the text that the student must read. Most wrong answers stand in the catalogue of misconceptions.
WRONG: dict[str, list[tuple[str, Callable, str]]] = {
    "forward_fill": [
        ("interpolated", lambda t: pd.DataFrame(t).interpolate(limit_direction="both").to_numpy(), "copied from"),
        ("not filled", lambda t: t.copy(), "Nothing was filled"),
        (
            "the mean at the top",
            lambda t: pd.DataFrame(t).pipe(lambda table: table.ffill().fillna(table.mean())).values,
            "mean of the column there",
        ),
    ],
    "MSELossIgnoreNan": [
        ("half", HalfLoss, "half"),
        ("shape (1,)", WrappedLoss, "shape"),
        ("mean of columns", MeanOfColumnsLoss, "means of each column"),
        ("no module", NotAModule, "nn.Module"),
    ],
    "rmse": [
        ("keypoints counted", lambda p, t: rmse_by_loop(p, t) * math.sqrt(2), "a keypoint has two"),
    ],
    "per_keypoint_rmse": [
        ("in x alone", lambda p, t: by_keypoint_by_nanmean(p[..., :1], t[..., :1]), "x alone"),
        ("in y alone", lambda p, t: by_keypoint_by_nanmean(p[..., 1:], t[..., 1:]), "y alone"),
    ],
}

# What a rung says of the catalogue's mistakes by itself: where a course comes without solutions, no more is known.
SAID = {
    "count_labels/coordinates": "counts coordinates",
    "count_labels/half-keypoints": "only y, is known",
    "count_labels/coordinates-halved": "Halving",
    "count_labels/floats": "integer",
    "count_labels/x-alone": "x alone",
    "count_labels/y-alone": "y alone",
    "count_labels/zero-taken-for-missing": "finite",
    "count_labels/missing-counted": "counts the missing",
    "count_labels/for-each-keypoint": "shape",
    "count_labels/for-all-faces": "a single number",
    "forward_fill/along-rows": "along the rows",
    "forward_fill/across-columns": "into another column",
    "forward_fill/from-below": "from below",
    "forward_fill/one-row-up": "just above",
    "forward_fill/top-left-empty": "still has NaN",
    "forward_fill/top-zero": "0 there",
    "forward_fill/zeros": "became 0",
    "forward_fill/column-mean": "mean of the column",
    "forward_fill/empty-column-zero": "nothing to copy",
    "forward_fill/rows-dropped": "shape",
    "forward_fill/table": "DataFrame",
    "forward_fill/in-place": "wrote into the array",
    "forward_fill/input-returned": "share their memory",
    "MSELossIgnoreNan/nothing-masked": "NaN",
    "MSELossIgnoreNan/multiplied-by-a-mask": "by 0 as well",
    "MSELossIgnoreNan/zeros-for-labels": "into the corner",
    "MSELossIgnoreNan/zeros-for-labels-not-counted": "into the corner",
    "MSELossIgnoreNan/divided-by-all": "number of all targets",
    "MSELossIgnoreNan/divided-by-the-batch": "number of faces",
    "MSELossIgnoreNan/sum": "sum of the squared errors",
    "MSELossIgnoreNan/root": "root of the mean",
    "MSELossIgnoreNan/absolute": "absolute",
    "MSELossIgnoreNan/mean-of-face-means": "mean of the means",
    "MSELossIgnoreNan/complete-faces-only": "complete rows",
    "MSELossIgnoreNan/nan-thrown-away-late": "0 · NaN",
    "MSELossIgnoreNan/nothing-finite-is-nan": "0 / 0",
    "MSELossIgnoreNan/nothing-finite-is-constant": "followed back",
    "MSELossIgnoreNan/nothing-finite-is-a-number": "a number has none",
    "MSELossIgnoreNan/cut-from-the-graph": "follow the loss back",
    "MSELossIgnoreNan/python-number": "torch.Tensor",
    "MSELossIgnoreNan/not-reduced": "shape",
    "MSELossIgnoreNan/target-overwritten": "wrote into its input",
    "rmse/nothing-masked": "missing one took part",
    "rmse/root-forgotten": "root is missing",
    "rmse/absolute": "mean absolute",
    "rmse/root-of-the-sum": "not divided",
    "rmse/divided-by-all": "without a label",
    "rmse/divided-by-faces": "number of faces",
    "rmse/zeros-for-labels": "became 0",
    "rmse/mean-of-face-errors": "each face",
    "rmse/mean-of-keypoint-errors": "each keypoint",
    "rmse/distances": "distance between points",
    "rmse/zero-without-labels": "the model is perfect",
    "rmse/an-array": "a float",
    "rmse/target-overwritten": "wrote into its input",
    "per_keypoint_rmse/nothing-masked": "came out as NaN",
    "per_keypoint_rmse/root-forgotten": "root is missing",
    "per_keypoint_rmse/absolute": "mean absolute",
    "per_keypoint_rmse/one-for-each-face": "shape",
    "per_keypoint_rmse/one-for-each-coordinate": "shape",
    "per_keypoint_rmse/one-for-all": "a single number",
    "per_keypoint_rmse/mean-of-x-and-y": "RMSE in y",
    "per_keypoint_rmse/distances": "distance",
    "per_keypoint_rmse/divided-by-faces": "√2",
    "per_keypoint_rmse/divided-by-all": "all faces",
    "per_keypoint_rmse/zeros-for-labels": "became 0",
    "per_keypoint_rmse/zero-where-never-labeled": "perfect there",
}


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [
        pytest.param(name, answer, said, id=f"{name}-{mistake}")
        for name, answers in WRONG.items()
        for mistake, answer, said in answers
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_wrong_answers_lose_points_and_are_told_why(exercise: str, answer: Callable, said: str) -> None:
    for seed in range(5):
        result = grade(exercise, {**REFERENCE, exercise: answer}, seed)
        assert result.outcome != "passed", f"seed {seed}"
        assert result.score < result.exercise.points
        assert said in str(result.problem), story(result)


@pytest.mark.parametrize(("mistake", "said"), SAID.items())
@pytest.mark.filterwarnings("ignore")
def test_a_rung_says_what_is_wrong_without_the_catalogue(mistake: str, said: str) -> None:
    entry = CATALOGUE[mistake]
    for seed in (1, 2):
        result = grade(entry.exercise, names_of(entry), seed)
        assert said in str(result.problem), story(result)
