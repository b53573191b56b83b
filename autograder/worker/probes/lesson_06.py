"""Run a student's lesson 06 on small models and on tables built from plain data, and say what happened."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pandas as pd
import torch

from ..names import Names


class Watched(torch.nn.Module):
    """Means over squares of the image, a linear layer, half of it dropped out in training; notes how it is called.

    Images of another shape get zeros for an answer: the shape that was noted says what is wrong.
    """

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
        call = {"shape": list(x.shape), "training": self.training, "gradients": False}
        self.calls.append(call)
        if isinstance(x, torch.Tensor) and tuple(x.shape[1:]) != (1, 96, 96):
            return torch.zeros(len(x), self.linear.out_features)
        answer = self.dropout(self.linear(self.pool(x).flatten(1)))
        call["gradients"] = answer.requires_grad
        return answer


class Subclassed(keras.Model):
    """The same in Keras, as a subclass; ``shapes`` collects the shapes of the images of each call."""

    def __init__(self, outputs: int, square: int, shapes: list[list[int]]) -> None:
        super().__init__()
        self.pool = keras.layers.AveragePooling2D(square)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(outputs)
        self.dropout = keras.layers.Dropout(0.5)
        self.outputs_wanted = outputs
        # Keras would put a list that is an attribute in a list of its own.
        self.note = shapes.append

    def call(self, x: Any, training: bool | None = None) -> Any:
        self.note(list(x.shape))
        if tuple(x.shape[1:]) != (96, 96, 1):
            return keras.ops.zeros((x.shape[0], self.outputs_wanted))
        return self.dropout(self.dense(self.flatten(self.pool(x))), training=training)


def predict_torch(
    names: Names, *, images: np.ndarray, model: dict[str, Any], batch_size: int | None, training: bool
) -> dict[str, Any]:
    """Predict with a torch model that came in train mode or not; return the answer, and each call of the model."""
    watched = Watched(**model).train(training)
    given = images.copy()
    random_state = torch.get_rng_state()
    # Dropout in train mode answers the same in every run.
    torch.manual_seed(0)
    try:
        value = names["predict_keypoints"](watched, given, **({} if batch_size is None else {"batch_size": batch_size}))
        return {
            "value": value,
            "calls": watched.calls,
            "training": watched.training,
            "gradients": torch.is_grad_enabled() and all(p.requires_grad for p in watched.parameters()),
            "images_after": given,
        }
    finally:
        torch.set_grad_enabled(True)
        torch.set_rng_state(random_state)


def predict_keras(
    names: Names, *, images: np.ndarray, model: dict[str, Any], batch_size: int, style: str
) -> dict[str, Any]:
    """Predict with a Keras model, ``functional`` or ``subclassed``; the latter tells the shapes that it was given."""
    layers, outputs = keras.layers, len(model["bias"])
    shapes: list[list[int]] = []
    if style == "subclassed":
        made = Subclassed(outputs, model["square"], shapes)
        made(np.zeros((1, 96, 96, 1), np.float32))
        shapes.clear()
    else:
        inputs = keras.Input((96, 96, 1))
        dense = layers.Dense(outputs)(layers.Flatten()(layers.AveragePooling2D(model["square"])(inputs)))
        made = keras.Model(inputs, layers.Dropout(0.5)(dense))
    made.set_weights([model["weight"], model["bias"]])
    # Tracing a graph for a handful of faces would take longer than all the rest.
    made.run_eagerly = True
    return {"value": names["predict_keypoints"](made, images, batch_size=batch_size), "shapes": shapes}


def submit(
    names: Names,
    *,
    keypoints: np.ndarray,
    keypoint_names: list,
    lookup: dict[str, list],
    index: list[int] | None = None,
) -> dict[str, Any]:
    """Call ``make_submission`` with the look-up table as a DataFrame; return its answer and the inputs afterwards.

    ``index`` is the table's; without one it counts from 0.
    """
    table, given = pd.DataFrame(lookup, index=index), keypoints.copy()
    value = names["make_submission"](given, tuple(keypoint_names), table)
    return {"value": value, "lookup_after": table, "keypoints_after": given}


def score(
    names: Names, *, submission: dict[str, list], truth: dict[str, list], index: list[list[int]] | None = None
) -> dict[str, Any]:
    """Call ``score_submission`` with both tables as DataFrames; return its answer and the tables afterwards.

    ``index`` holds that of each table; without it both count from 0.
    """
    indexes = (None, None) if index is None else index
    tables = [pd.DataFrame(table, index=own) for table, own in zip((submission, truth), indexes, strict=True)]
    value = names["score_submission"](*tables)
    return {"value": value, "submission_after": tables[0], "truth_after": tables[1]}
