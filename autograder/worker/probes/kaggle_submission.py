"""Run a student's lesson 06 on small models and on tables built from plain data, and say what happened."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pandas as pd
import torch

from ..names import Names


class Watched(torch.nn.Module):
    """Means over squares of the image, a linear layer, half of it dropped out in training; notes how it is called."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray, square: int) -> None:
        super().__init__()
        self.pool = torch.nn.AvgPool2d(square)
        self.linear = torch.nn.Linear(weight.shape[0], weight.shape[1])
        self.dropout = torch.nn.Dropout(0.5)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(weight.T.copy()))
            self.linear.bias.copy_(torch.from_numpy(bias))
        self.calls: list[dict[str, Any]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append({"shape": list(x.shape), "training": self.training, "gradients": torch.is_grad_enabled()})
        return self.dropout(self.linear(self.pool(x).flatten(1)))


class Subclassed(keras.Model):
    """The same in Keras, as a subclass."""

    def __init__(self, outputs: int, square: int) -> None:
        super().__init__()
        self.pool = keras.layers.AveragePooling2D(square)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(outputs)
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.dropout(self.dense(self.flatten(self.pool(x))), training=training)


def predict_torch(
    names: Names,
    *,
    images: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    square: int,
    batch_size: int | None,
    training: bool,
) -> dict[str, Any]:
    """Predict with a torch model that came in train mode or not; return the answer, and each call of the model."""
    model = Watched(weight, bias, square)
    model.train(training)
    given = images.copy()
    random_state = torch.get_rng_state()
    try:
        value = names["predict_keypoints"](model, given, **({} if batch_size is None else {"batch_size": batch_size}))
        return {
            "value": value,
            "calls": model.calls,
            "training": model.training,
            "gradients": torch.is_grad_enabled(),
            "images_after": given,
        }
    finally:
        torch.set_grad_enabled(True)
        torch.set_rng_state(random_state)


def predict_keras(
    names: Names, *, images: np.ndarray, weight: np.ndarray, bias: np.ndarray, square: int, batch_size: int, style: str
) -> Any:
    """Predict with a Keras model: ``sequential``, ``functional`` or ``subclassed``."""
    layers = keras.layers
    if style == "subclassed":
        model = Subclassed(weight.shape[1], square)
        model(np.zeros((1, 96, 96, 1), np.float32))
    elif style == "sequential":
        parts = [layers.AveragePooling2D(square), layers.Flatten(), layers.Dense(weight.shape[1]), layers.Dropout(0.5)]
        model = keras.Sequential([keras.Input((96, 96, 1)), *parts])
    else:
        inputs = keras.Input((96, 96, 1))
        dense = layers.Dense(weight.shape[1])(layers.Flatten()(layers.AveragePooling2D(square)(inputs)))
        model = keras.Model(inputs, layers.Dropout(0.5)(dense))
    model.set_weights([weight, bias])
    return names["predict_keypoints"](model, images, batch_size=batch_size)


def submit(names: Names, *, keypoints: np.ndarray, keypoint_names: list, lookup: dict[str, list]) -> dict[str, Any]:
    """Call ``make_submission`` with the look-up table as a DataFrame; return its answer and the inputs afterwards."""
    table, given = pd.DataFrame(lookup), keypoints.copy()
    value = names["make_submission"](given, tuple(keypoint_names), table)
    return {"value": value, "lookup_after": table, "keypoints_after": given}


def score(names: Names, *, submission: dict[str, list], truth: dict[str, list]) -> dict[str, Any]:
    """Call ``score_submission`` with both tables as DataFrames; return its answer and the tables afterwards."""
    tables = pd.DataFrame(submission), pd.DataFrame(truth)
    value = names["score_submission"](*tables)
    return {"value": value, "submission_after": tables[0], "truth_after": tables[1]}
