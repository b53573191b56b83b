"""Answers to lesson 02 in other styles than the reference's: right ones, and wrong ones beside the catalogue's."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tests.lessons.answers import Answer


def count_by_loops(keypoints: np.ndarray) -> np.ndarray:
    counts = []
    for face in keypoints:
        counts.append(sum(1 for x, y in face if math.isfinite(x) and math.isfinite(y)))
    return np.array(counts)


def count_by_product(keypoints: np.ndarray) -> np.ndarray:
    return np.count_nonzero(np.isfinite(keypoints[:, :, 0] * keypoints[:, :, 1]), axis=1).astype(np.int32)


def count_by_torch(keypoints: np.ndarray) -> np.ndarray:
    return torch.isfinite(torch.tensor(keypoints)).all(dim=-1).sum(dim=-1).numpy()


def count_by_isnan_and_isinf(keypoints: np.ndarray) -> np.ndarray:
    missing = np.isnan(keypoints) | np.isinf(keypoints)
    return (1 - missing.any(axis=2)).sum(axis=1)


def count_by_pandas(keypoints: np.ndarray) -> np.ndarray:
    n, k, _ = keypoints.shape
    table = pd.DataFrame(keypoints.reshape(n * k, 2)).replace([np.inf, -np.inf], np.nan).notna().all(axis=1)
    return table.groupby(np.repeat(np.arange(n), k)).sum().to_numpy()


def count_with_small_integers(keypoints: np.ndarray) -> np.ndarray:
    x, y = np.moveaxis(np.isfinite(keypoints), -1, 0)
    return np.logical_and(x, y).sum(axis=-1, dtype=np.uint8)


def count_by_comparison(keypoints: np.ndarray) -> np.ndarray:
    # NaN is smaller than nothing.
    return np.fromiter((np.prod(abs(face) < np.inf, axis=1).sum() for face in keypoints), dtype=np.int16)


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
        there = ~(target.isnan() | target.isinf())
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
        error = torch.nan_to_num(input - target, posinf=0, neginf=0)
        return error.square().sum() / target.isfinite().sum().clamp(min=1)


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
        weight = target.isfinite().type_as(pred)
        label = target.clone()
        label[~target.isfinite()] = 0
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


_RIGHT: dict[str, list[Callable]] = {
    "count_labels": [
        count_by_loops,
        count_by_product,
        count_by_torch,
        count_by_isnan_and_isinf,
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


RIGHT = [
    Answer(exercise, answer.__name__, {exercise: answer}) for exercise, answers in _RIGHT.items() for answer in answers
]


def fill_from_the_last_row(targets: np.ndarray) -> np.ndarray:
    result = np.array(targets)
    for d in range(result.shape[1]):
        for n in range(len(result)):
            if np.isnan(result[n, d]):
                result[n, d] = result[n - 1, d]
    return result


def fill_with_one_memory(targets: np.ndarray) -> np.ndarray:
    return pd.Series(targets.ravel(order="F")).ffill().to_numpy().reshape(targets.shape, order="F")


def by_keypoint_by_division(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    result = []
    for p, t in zip(pred.swapaxes(0, 1), target.swapaxes(0, 1), strict=True):
        errors = [(float(a) - float(b)) ** 2 for a, b in zip(p.ravel(), t.ravel(), strict=True) if not np.isnan(b)]
        result.append(math.sqrt(sum(errors) / len(errors)))
    return np.array(result)


class IsnanLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        there = ~target.isnan()
        return ((pred[there] - target[there]) ** 2).sum() / there.sum().clamp(min=1)


class PositiveLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        there = torch.gt(target, 0) & target.isfinite()
        return ((pred[there] - target[there]) ** 2).sum() / there.sum().clamp(min=1)


class ZeroMeansMissingLoss(nn.Module):
    """The NaN become 0, and then every 0 counts as missing."""

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        clean = torch.nan_to_num(target, nan=0.0, posinf=0.0, neginf=0.0)
        there = clean != 0
        return ((pred[there] - clean[there]) ** 2).sum() / there.sum().clamp(min=1)


class OneMoreLoss(SelectedLoss):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        count = torch.isfinite(target).sum()
        return super().forward(pred, target) * count / (count + 1)


class NothingToDoWithPredLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return (pred * 0).sum()


class TableLoss(nn.Module):
    """For two axes only."""

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        total, count = 0 * pred.sum(), 0
        for row in range(pred.shape[0]):
            for column in range(pred.shape[1]):
                if torch.isfinite(target[row, column]):
                    total, count = total + (pred[row, column] - target[row, column]) ** 2, count + 1
        return total / max(count, 1)


class NumpyLoss(nn.Module):
    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        p, t = pred.detach().numpy(), target.numpy()
        known = np.isfinite(t)
        return torch.tensor(((p[known] - t[known]) ** 2).mean())


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


class ComplexLoss(SelectedLoss):
    """The right loss as a complex number."""

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return super().forward(pred, target).to(torch.complex64)


class NotAModule:
    def __call__(self, pred: Tensor, target: Tensor) -> Tensor:
        return SelectedLoss()(pred, target)


# Each with a word of the text that the student must read, and the misconception that it shows, if the catalogue has it.
def fill_but_the_last_row(targets: np.ndarray) -> np.ndarray:
    """Down the rows and up again, never to the last one."""
    filled = targets.copy()
    for row in range(1, len(filled) - 1):
        filled[row] = np.where(np.isnan(filled[row]), filled[row - 1], filled[row])
    for row in range(len(filled) - 2, -1, -1):
        filled[row] = np.where(np.isnan(filled[row]), filled[row + 1], filled[row])
    return filled


_WRONG: dict[str, list[tuple]] = {
    "count_labels": [
        (
            "isnan",
            lambda k: np.array([(~np.isnan(face)).all(axis=1).sum() for face in k]),
            "inf",
            "count_labels/infinite-counted",
        ),
        (
            "equal to itself",
            lambda k: (k == k).prod(axis=2).sum(axis=1),
            "count_labels(...): [2, 1]",
            "count_labels/infinite-counted",
        ),
        ("not negative", lambda k: (k.min(axis=2) >= 0).sum(axis=1), "-1", "count_labels/negative-taken-for-missing"),
        ("a list", lambda k: count_by_loops(k).tolist(), "numpy.ndarray"),
        ("all of them", lambda k: np.full(len(k), k.shape[1]), "[3, 3, 3]"),
        ("no return", lambda k: None, "None"),
    ],
    "forward_fill": [
        ("interpolated", lambda t: pd.DataFrame(t).interpolate(limit_direction="both").to_numpy(), "copied from"),
        ("not filled", lambda t: t.copy(), "values differ", "forward_fill/not-filled"),
        ("not the last row", fill_but_the_last_row, "values differ"),
        (
            "the mean at the top",
            lambda t: pd.DataFrame(t).pipe(lambda table: table.ffill().fillna(table.mean())).values,
            "values differ",
            "forward_fill/top-mean",
        ),
        ("what is positive", lambda t: fill_by_pandas(np.where(t > 0, t, np.nan)), "-3", "forward_fill/positive-only"),
        ("lists", lambda t: fill_by_pandas(t).tolist(), "numpy.ndarray"),
        ("from the last row", fill_from_the_last_row, "= 4", "forward_fill/top-from-the-last-row"),
        (
            "one memory for all columns",
            fill_with_one_memory,
            "values differ",
            "forward_fill/carried-into-the-next-column",
        ),
        ("48 where nothing is known", lambda t: np.nan_to_num(fill_by_pandas(t), nan=48), "= nan"),
    ],
    "MSELossIgnoreNan": [
        ("half", HalfLoss, "MSELossIgnoreNan()(pred, target): ", "MSELossIgnoreNan/half"),
        ("shape (1,)", WrappedLoss, "shape"),
        ("isnan", IsnanLoss, "inf", "MSELossIgnoreNan/infinite-not-masked"),
        ("what is positive", PositiveLoss, " and ", "MSELossIgnoreNan/positive-only"),
        ("0 for missing", ZeroMeansMissingLoss, " and ", "MSELossIgnoreNan/zero-taken-for-missing"),
        ("one more", OneMoreLoss, " and ", "MSELossIgnoreNan/divided-by-one-more"),
        ("nothing to do with pred", NothingToDoWithPredLoss, "0 and 0"),
        ("two axes only", TableLoss, "IndexError"),
        ("by NumPy", NumpyLoss, "grad", "MSELossIgnoreNan/cut-from-the-graph"),
        (
            "mean of columns",
            MeanOfColumnsLoss,
            "MSELossIgnoreNan()(pred, target): ",
            "MSELossIgnoreNan/mean-of-column-means",
        ),
        ("no module", NotAModule, "nn.Module"),
        ("complex", ComplexLoss, "torch.Tensor of dtype complex64"),
    ],
    "rmse": [
        (
            "keypoints counted",
            lambda p, t: rmse_by_loop(p, t) * math.sqrt(2),
            "rmse(...): ",
            "rmse/divided-by-keypoints",
        ),
        (
            "what is positive",
            lambda p, t: rmse_by_nanmean(p, np.where(t > 0, t, np.nan)),
            "-2",
            "rmse/positive-only",
        ),
        ("0 for missing", lambda p, t: rmse_by_nanmean(p, np.where(t, t, np.nan)), "-2", "rmse/zero-taken-for-missing"),
        ("a deviation", lambda p, t: float(np.nanstd(p - t)), " and ", "rmse/mean-subtracted"),
        ("always NaN", lambda p, t: math.nan, "nan and nan"),
    ],
    "per_keypoint_rmse": [
        (
            "in x alone",
            lambda p, t: by_keypoint_by_nanmean(p[..., :1], t[..., :1]),
            "[2.12132, 1.58114]",
            "per_keypoint_rmse/x-alone",
        ),
        (
            "in y alone",
            lambda p, t: by_keypoint_by_nanmean(p[..., 1:], t[..., 1:]),
            "[3.16228, 3.80789]",
            "per_keypoint_rmse/y-alone",
        ),
        (
            "what is positive",
            lambda p, t: by_keypoint_by_nanmean(p, np.where(t > 0, t, np.nan)),
            "-2",
            "per_keypoint_rmse/positive-only",
        ),
        (
            "a division by 0",
            by_keypoint_by_division,
            "ZeroDivisionError",
            "per_keypoint_rmse/fails-where-never-labeled",
        ),
        ("a list", lambda p, t: by_keypoint_by_loops(p, t).tolist(), "numpy.ndarray"),
    ],
}

WRONG = [
    Answer(exercise, id, {exercise: answer}, said, *misconception, seeds=5)
    for exercise, answers in _WRONG.items()
    for id, answer, said, *misconception in answers
]
NAMED = [answer for answer in WRONG if answer.misconception]
