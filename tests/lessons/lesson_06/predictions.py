"""Predictions of lesson 06 as other students write them: right, wrong, and with the mistakes of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
import torch
from torch import Tensor

from tests.lessons.answers import Answer, Names, change_reference, name_answers


def predict_by_loader(model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """A loader for the torch model, slices for the Keras model, which is called."""
    if not isinstance(model, keras.Model):
        before = model.training
        model.train(False)
        data = torch.utils.data.TensorDataset(torch.from_numpy(images)[:, None])
        with torch.inference_mode():
            parts = [model(x) for (x,) in torch.utils.data.DataLoader(data, batch_size=batch_size)]
        model.train(before)
        out = torch.cat(parts).numpy()
    else:
        parts = [
            np.asarray(model(images[start : start + batch_size, :, :, None], training=False))
            for start in range(0, len(images), batch_size)
        ]
        out = np.concatenate(parts) * 96
    return np.stack([out[:, 0::2], out[:, 1::2]], axis=-1).clip(0, 96)


@torch.no_grad()
def predict_in_place(model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """One array that is filled batch by batch."""
    result: Any = None
    is_torch = isinstance(model, torch.nn.Module)
    was = model.training if is_torch else None
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        if is_torch:
            answer = model.eval()(torch.tensor(batch).reshape(-1, 1, 96, 96)).cpu().detach().numpy()
        else:
            answer = 96 * model.predict_on_batch(np.expand_dims(batch, -1))
        answer = np.asarray(answer)
        if result is None:
            result = np.empty((len(images), answer.shape[1] // 2, 2), dtype="float32")
        result[start : start + batch_size] = answer.reshape((len(batch), -1, 2))
    if was:
        model.train()
    return np.minimum(np.maximum(result, 0), 96)


def predict_by_keras_dataset(model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Keras asked first; the torch model's faces in chunks of nearly equal size."""
    if "keras" in type(model).__module__ or isinstance(model, keras.Model):
        return np.clip(model.predict(images.reshape(-1, 96, 96, 1), batch_size, 0) * 96.0, 0, 96).reshape(
            len(images), -1, 2
        )
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        chunks = np.array_split(images, math.ceil(len(images) / batch_size))
        answers = np.vstack([model(torch.Tensor(chunk[:, None])).numpy() for chunk in chunks])
    for module, mode in modes:
        module.training = mode
    return np.clip(answers.reshape(len(answers), -1, 2), 0, 96, dtype=np.float32)


class Predict:
    """A right predict_keypoints: batches by slices, a Keras model that is called, points from two slices."""

    def __call__(self, model: Any, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Return the keypoints of the images."""
        if isinstance(model, keras.Model):
            answers = self.ask_keras(model, images, batch_size)
        else:
            before = self.enter(model)
            with self.gradients():
                parts = [self.ask_torch(model, batch) for batch in self.batches(images, batch_size)]
            self.leave(model, before)
            answers = self.join(parts)
        return self.clip(self.points(answers))

    def batches(self, images: np.ndarray, size: int) -> Iterator[np.ndarray]:
        for start in range(0, len(images), size):
            yield images[start : start + size]

    def enter(self, model: torch.nn.Module) -> bool:
        before = model.training
        model.train(False)
        return before

    def leave(self, model: torch.nn.Module, before: bool) -> None:
        model.train(before)

    def gradients(self) -> AbstractContextManager:
        return torch.inference_mode()

    def ask_torch(self, model: torch.nn.Module, batch: np.ndarray) -> Tensor:
        return model(self.torch_images(batch))

    def torch_images(self, batch: np.ndarray) -> Tensor:
        return torch.from_numpy(batch[:, None].copy())

    def join(self, parts: list[Tensor]) -> np.ndarray:
        return torch.cat(parts).numpy()

    def ask_keras(self, model: keras.Model, images: np.ndarray, size: int) -> np.ndarray:
        parts = [model(self.keras_images(batch), training=False) for batch in Predict.batches(self, images, size)]
        return self.to_pixels(np.concatenate([np.asarray(part) for part in parts]))

    def keras_images(self, batch: np.ndarray) -> np.ndarray:
        return batch.reshape(-1, 96, 96, 1)

    def to_pixels(self, answers: np.ndarray) -> np.ndarray:
        return answers * 96

    def points(self, answers: np.ndarray) -> np.ndarray:
        return np.stack([answers[:, 0::2], answers[:, 1::2]], axis=-1)

    def clip(self, points: np.ndarray) -> np.ndarray:
        return np.minimum(np.maximum(points, 0), 96)


def predict(**methods: Callable) -> Names:
    """Return a predict_keypoints that differs from the right one in these methods."""
    return {"predict_keypoints": type("Predict", (Predict,), methods)()}


def full_batches(self: Predict, images: np.ndarray, size: int) -> list[np.ndarray]:
    """Return the batches of a loop that counts whole ones."""
    return [images[number * size : (number + 1) * size] for number in range(len(images) // size)] or [images]


def dropping_loader(self: Predict, images: np.ndarray, size: int) -> list[np.ndarray]:
    """Return the batches of a loader that was made for training."""
    data = torch.utils.data.TensorDataset(torch.from_numpy(images))
    loader = torch.utils.data.DataLoader(data, batch_size=size, drop_last=len(images) > size)
    return [batch.numpy() for (batch,) in loader]


def switch_gradients_off(self: Predict) -> AbstractContextManager:
    """Switch them off where nobody switches them on again."""
    torch.set_grad_enabled(False)
    return nullcontext()


def no_context(self: Predict) -> AbstractContextManager:
    """Do nothing about gradients."""
    return nullcontext()


PREDICTIONS: dict[str, list[Names]] = {
    "eval-forgotten": [
        predict(enter=lambda self, model: model.training),
        predict(enter=lambda self, model: bool(model.train()) and False),
    ],
    "mode-not-restored": [predict(leave=lambda self, model, before: None)],
    "always-back-to-train-mode": [predict(leave=lambda self, model, before: model.train())],
    "gradients-kept": [
        predict(gradients=no_context, join=lambda self, parts: np.vstack([part.detach() for part in parts]))
    ],
    "gradients-switched-off-for-good": [predict(gradients=switch_gradients_off)],
    "last-batch-dropped": [
        predict(batches=full_batches),
        predict(batches=dropping_loader, points=lambda self, answers: answers.reshape(-1, 15, 2)),
    ],
    "all-at-once": [predict(batches=lambda self, images, size: [images])],
    "channel-axis-last": [predict(torch_images=lambda self, batch: torch.tensor(batch.reshape(-1, 96, 96, 1)))],
    "no-channel-axis": [predict(torch_images=lambda self, batch: torch.tensor(batch))],
    "keras-channel-axis-first": [predict(keras_images=lambda self, batch: np.expand_dims(batch, 1))],
    "keras-units": [
        predict(to_pixels=lambda self, answers: answers),
        predict(to_pixels=lambda self, answers: answers.clip(0, 1), clip=lambda self, points: points.clip(0, 96)),
        predict(
            ask_keras=lambda self, model, images, size: model.predict(images[..., None], batch_size=size, verbose=0),
            clip=lambda self, points: points if abs(points).max() < 2 else Predict.clip(self, points),
        ),
    ],
    "torch-scaled": [predict(join=lambda self, parts: torch.cat(parts).numpy() * 96.0)],
    "pixels-scaled-again": [
        predict(
            torch_images=lambda self, batch: torch.tensor(batch).div(255).unsqueeze(1),
            keras_images=lambda self, batch: batch[:, :, :, None] / 255,
        )
    ],
    "not-clipped": [predict(clip=lambda self, points: points)],
    "clipped-to-95": [predict(clip=lambda self, points: np.clip(points, 0, 95))],
    "clipped-from-1": [predict(clip=lambda self, points: np.maximum(np.minimum(points, 96), 1))],
    "clipped-to-1": [predict(clip=lambda self, points: np.minimum(np.maximum(points, 0), 1))],
    "keras-times-95": [predict(to_pixels=lambda self, answers: answers * (np.float32(96) - 1))],
    "clipped-before-scaling": [
        predict(
            to_pixels=lambda self, answers: np.maximum(answers, 0) * 96,
            join=lambda self, parts: torch.cat(parts).clamp(0, 96).numpy(),
            clip=lambda self, points: points,
        )
    ],
    "halves-instead-of-pairs": [
        predict(points=lambda self, answers: np.dstack(np.split(answers, 2, axis=1))),
    ],
    "x-and-y-exchanged": [predict(points=lambda self, answers: np.dstack([answers[:, 1::2], answers[:, 0::2]]))],
}


RIGHT = [
    Answer("predict_keypoints", "predict_keypoints", {}),
    *[
        Answer("predict_keypoints", predict.__name__, {"predict_keypoints": predict})
        for predict in (predict_by_loader, predict_in_place, predict_by_keras_dataset)
    ],
]
# Id, what the reference holds and what it is changed to, and words that the student must read.
WRONG = [
    change_reference("predict_keypoints", *texts)
    for texts in (
        (
            "clips to 1",
            "np.clip(answers, 0, IMAGE_SIZE)",
            "np.clip(answers, 0, 1)",
            "predict_keypoints(torch model)",
            "predict_keypoints/clipped-to-1",
        ),
        (
            "Keras by 95",
            "IMAGE_SIZE * model.predict",
            "95 * model.predict",
            "predict_keypoints(Keras model)",
            "predict_keypoints/keras-times-95",
        ),
        (
            "gradients and numpy",
            "torch.no_grad():",
            "torch.enable_grad():",
            "Can't call numpy() on Tensor that requires grad",
        ),
        ("first batch only", "for batch in batches]", "for batch in batches[:1]]", "it sees 4"),
    )
]
WRONG += [
    Answer(
        "predict_keypoints",
        "batches of 16",
        predict(batches=lambda self, images, size: [images[start : start + 16] for start in range(0, len(images), 16)]),
        said="batches of 16, 16",
    ),
    Answer(
        "predict_keypoints",
        "the middle of every image",
        {"predict_keypoints": lambda model, images, batch_size=256: np.full((len(images), 15, 2), 48, np.float32)},
        said="it sees 0",
    ),
    Answer(
        "predict_keypoints",
        "a tensor",
        {"predict_keypoints": lambda *args, **kwargs: torch.tensor(predict_by_loader(*args, **kwargs))},
        said="torch.Tensor",
    ),
]
NAMED = [
    *[answer for answer in WRONG if answer.misconception],
    *name_answers((f"predict_keypoints/{id}", names) for id, spellings in PREDICTIONS.items() for names in spellings),
]
