"""Answers to start_at_mean as students write them: right in another style, and wrong."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import nn

from tests.lessons.answers import Answer, name_answers


def by_data(model: nn.Module, keypoints: np.ndarray) -> None:
    """pandas-like sums and counts, and .data in place of no_grad."""
    last = None
    for module in model.modules():
        if isinstance(module, nn.Linear):
            last = module
    flat = keypoints.reshape(keypoints.shape[0], keypoints.shape[1] * 2)
    counts = (~np.isnan(flat)).sum(0)
    if last is None or last.bias.numel() != flat.shape[1] or (counts == 0).any():
        raise ValueError("the keypoints do not fit the model")
    last.bias.data[:] = torch.tensor(np.nansum(flat, 0) / counts)


@torch.no_grad()
def by_tensors(model: nn.Module, keypoints: np.ndarray) -> nn.Module:
    """PyTorch's own nanmean, reversed modules, an init function; the model is handed back, too."""
    targets = torch.as_tensor(keypoints).flatten(1)
    layer = next(part for part in reversed(list(model.modules())) if isinstance(part, nn.Linear))
    mean = targets.nanmean(dim=0)
    if mean.shape != layer.bias.shape:
        raise ValueError(f"{len(mean)} coordinates, {len(layer.bias)} outputs")
    if mean.isnan().any():
        raise ValueError("a coordinate without a label")
    layer.bias.zero_().add_(mean)
    return model


def by_state(model: nn.Module, keypoints: np.ndarray) -> None:
    """The name of the layer, and load_state_dict, which writes into the parameters that are there."""
    name = [name for name, module in model.named_modules() if type(module) is nn.Linear][-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            mean = np.nanmean(keypoints, axis=0).ravel()
        except RuntimeWarning as error:
            raise ValueError("never labeled") from error
    state = model.state_dict()
    if state[f"{name}.bias"].shape != mean.shape:
        raise ValueError("outputs")
    state[f"{name}.bias"] = torch.from_numpy(mean)
    model.load_state_dict(state)


def coordinate_by_coordinate(model: nn.Module, keypoints: np.ndarray) -> None:
    """Two loops in plain Python."""
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)].pop()
    means = []
    for k in range(keypoints.shape[1]):
        for axis in range(2):
            values = [float(face[k, axis]) for face in keypoints if face[k, axis] == face[k, axis]]
            if not values:
                raise ValueError(f"keypoint {k} has no label")
            means.append(sum(values) / len(values))
    if len(means) != linear.out_features:
        raise ValueError("not as many outputs as coordinates")
    with torch.no_grad():
        for i, mean in enumerate(means):
            linear.bias[i] = mean


RIGHT = [
    Answer("start_at_mean", answer.__name__, {"start_at_mean": answer})
    for answer in (by_data, by_tensors, by_state, coordinate_by_coordinate)
]


def last_linear(model: nn.Module) -> nn.Linear:
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


def new_layer(model: nn.Module, keypoints: np.ndarray) -> None:
    """A fresh linear layer in place of the last one of a Sequential."""
    mean = np.nanmean(keypoints.reshape(len(keypoints), -1), axis=0)
    for name, child in reversed(list(model.named_children())):
        if isinstance(child, nn.Linear):
            layer = nn.Linear(child.in_features, child.out_features)
            layer.bias.data = torch.from_numpy(mean)
            setattr(model, name, layer)
            return


def without_no_grad(model: nn.Module, keypoints: np.ndarray) -> None:
    last_linear(model).bias.copy_(torch.from_numpy(np.nanmean(keypoints, axis=0).ravel()))


def sets_float64(model: nn.Module, keypoints: np.ndarray) -> None:
    """The bias becomes float64, whatever it was."""
    means = np.nanmean(keypoints.reshape(len(keypoints), -1).astype(float), axis=0)
    layer = last_linear(model)
    if len(means) != layer.out_features or np.isnan(means).any():
        raise ValueError
    layer.bias.data = torch.from_numpy(means)


def nothing(model: nn.Module, keypoints: np.ndarray) -> None:
    pass


WRONG = [
    Answer("start_at_mean", "new layer", {"start_at_mean": new_layer}, said="in a Sequential"),
    Answer("start_at_mean", "without no_grad", {"start_at_mean": without_no_grad}, said="RuntimeError"),
    Answer("start_at_mean", "float64", {"start_at_mean": sets_float64}, said="float64"),
    Answer("start_at_mean", "nothing", {"start_at_mean": nothing}, said="the bias of the last nn.Linear"),
]


def fills_with_zero(model: nn.Module, keypoints: np.ndarray) -> None:
    filled = np.where(np.isnan(keypoints), 0, keypoints).reshape(len(keypoints), -1)
    last_linear(model).bias.data.copy_(torch.tensor(filled.mean(0)))


def replaces_the_parameter(model: nn.Module, keypoints: np.ndarray) -> None:
    mean = torch.tensor(np.nanmean(keypoints, axis=0)).flatten()
    layer = last_linear(model)
    if len(mean) != layer.out_features or mean.isnan().any():
        raise ValueError
    layer.bias = torch.nn.Parameter(mean.to(layer.weight.dtype))


def freezes_the_bias(model: nn.Module, keypoints: np.ndarray) -> None:
    mean = torch.tensor(np.nanmean(keypoints, axis=0)).flatten()
    layer = last_linear(model)
    if len(mean) != layer.out_features or mean.isnan().any():
        raise ValueError
    layer.bias.requires_grad = False
    layer.bias[:] = mean


def takes_the_first(model: nn.Module, keypoints: np.ndarray) -> None:
    layer = next(module for module in model.modules() if isinstance(module, nn.Linear))
    mean = torch.tensor(np.nanmean(keypoints, axis=0)).flatten()
    if len(mean) != layer.out_features or mean.isnan().any():
        raise ValueError
    layer.bias.data.copy_(mean)


NAMED = name_answers(
    [
        ("start_at_mean/zeros-among-the-labels", {"start_at_mean": fills_with_zero}),
        ("start_at_mean/parameter-replaced", {"start_at_mean": replaces_the_parameter}),
        ("start_at_mean/bias-frozen", {"start_at_mean": freezes_the_bias}),
        ("start_at_mean/first-linear", {"start_at_mean": takes_the_first}),
    ]
)
