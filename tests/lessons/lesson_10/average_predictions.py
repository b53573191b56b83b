"""Answers to average_predictions as students write them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.lessons.answers import Answer, change_reference, name_answers
from tests.reference import reference_names

mirror_faces = reference_names("10_beyond_the_sources")["mirror_faces"]
Models, Images, KeypointNames = list[nn.Module], np.ndarray, list[str]


def predict(model: nn.Module, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Answers of one model, (N, K, 2), its mode as it was."""
    mode = model.training
    model.eval()
    with torch.inference_mode():
        parts = [
            model(torch.tensor(images[start : start + batch_size])[:, None])
            for start in range(0, len(images), batch_size)
        ]
    model.train(mode)
    return torch.cat(parts).reshape(len(images), -1, 2).numpy()


def with_helper(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    copies, _ = mirror_faces(images, np.zeros((len(images), len(names), 2), np.float32), names, axis)
    answers = []
    for model in models:
        answers.append(predict(model, images, batch_size))
        answers.append(mirror_faces(copies, predict(model, copies, batch_size), names, axis)[1])
    return np.mean(answers, axis=0)


def mean_before_mirror(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    # The mean of all models first: the mirror is linear, and it is needed only once.
    flipped = np.ascontiguousarray(images[:, :, ::-1])
    direct = np.mean([predict(model, images, batch_size) for model in models], axis=0)
    copies = np.mean([predict(model, flipped, batch_size) for model in models], axis=0)
    return (0.5 * (direct + mirror_faces(flipped, copies, names, axis)[1])).astype(np.float32)


def with_loader(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    loader = DataLoader(TensorDataset(torch.from_numpy(images).unsqueeze(1)), batch_size=batch_size)
    modes = [model.training for model in models]
    batches = []
    for model in models:
        model.eval()
    with torch.no_grad():
        for (batch,) in loader:
            votes = []
            for model in models:
                votes.append(model(batch).view(len(batch), -1, 2).numpy())
                mirrored = model(batch.flip(3)).view(len(batch), -1, 2).numpy()
                votes.append(mirror_faces(batch[:, 0].numpy(), mirrored, names, axis)[1])
            batches.append(sum(votes) / len(votes))
    for model, mode in zip(models, modes, strict=True):
        model.train(mode)
    return np.concatenate(batches).astype("float32")


@contextmanager
def evaluating(model: nn.Module) -> Any:
    before = {part: part.training for part in model.modules()}
    model.eval()
    try:
        yield model
    finally:
        for part, mode in before.items():
            part.training = mode


def without_mirror_faces(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    swapped = [
        name.replace("left", "?").replace("right", "left").replace("?", "right") if name.count("_") else name
        for name in names
    ]
    order = [list(names).index(name) for name in swapped]
    result = torch.zeros(len(images), len(names), 2, dtype=torch.float64)
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        for model in models:
            stack.enter_context(evaluating(model))
        faces = torch.as_tensor(images)
        for number in range(0, len(faces), batch_size):
            some = faces[number : number + batch_size][:, None]
            for model in models:
                result[number : number + batch_size] += model(some).reshape(len(some), -1, 2)
                back = model(torch.flip(some, dims=[-1])).reshape(len(some), -1, 2)[:, order].clone()
                back[..., 0] = 2 * axis - back[..., 0]
                result[number : number + batch_size] += back
    return (result / (2 * len(models))).float().numpy()


@torch.no_grad()
def face_by_face(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    found = np.empty((len(images), len(names), 2), np.float32)
    for number, face in enumerate(images):
        two = torch.tensor(np.stack([face, np.fliplr(face)]))[:, None]
        sums = []
        for model in models:
            mode = model.training
            model.eval()
            direct, copy = (model(each).numpy().reshape(1, len(names), 2) for each in two.split(1))
            model.train(mode)
            sums.append((direct + mirror_faces(face[None], copy, names, axis)[1]) / 2)
        found[number] = np.mean(sums, axis=0)[0]
    return found


def running_mean(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    mean, count = np.zeros((len(images), len(names), 2), np.float32), 0
    for model in models:
        for faces, turned in ((images, False), (images[..., ::-1], True)):
            answer = predict(model, faces.copy(), batch_size)
            if turned:
                answer = mirror_faces(faces, answer, names, axis=np.full(len(faces), axis))[1]
            count += 1
            mean = mean + (answer - mean) / count
    return np.asarray(mean, dtype=np.float32)


STYLES: dict[str, Callable] = {
    "a helper": with_helper,
    "the mean before the mirror": mean_before_mirror,
    "a loader": with_loader,
    "torch, without mirror_faces": without_mirror_faces,
    "face by face": face_by_face,
    "a running mean": running_mean,
}
RIGHT = [Answer("average_predictions", style, {"average_predictions": way}) for style, way in STYLES.items()]

RESULT = "(total / (2 * len(models))).astype(np.float32)"
SUM = "total[part] += direct + back"
CHANGES = [
    ("as a tensor", RESULT, f"torch.from_numpy({RESULT})", "torch.Tensor"),
    ("as a list", RESULT, f"{RESULT}.tolist()", "a numpy.ndarray"),
    ("zeros", RESULT, "np.zeros_like(total, dtype=np.float32)", "average_predictions("),
    ("the middle", RESULT, "np.full(total.shape, 48, np.float32)", "average_predictions("),
    ("copies alone", SUM, "total[part] += 2 * back", "the mirrored copies alone"),
    (
        "x not mirrored back",
        SUM,
        "total[part] += direct + back * [-1, 1] + [2 * axis, 0]",
        "not mirrored back",
    ),
    ("y before x", RESULT, f"{RESULT}[..., ::-1]", "y before x"),
    ("the last model alone", "for model in models:", "for model in models[-1:] * len(models):", "the last model alone"),
    (
        "images overwritten",
        "total = np.zeros",
        "images *= 0.5\n    images *= 2\n    images += 1e-3\n    total = np.zeros",
        "",
    ),
    ("gradients off for good", "with torch.no_grad():", "if torch.set_grad_enabled(False):", "switched off"),
    ("no channel", ".unsqueeze(1)", "", "(B, 96, 96)"),
    ("no models in the mean", "(2 * len(models))", "(2 * len(images))", ""),
    ("clipped to a half", RESULT, f"{RESULT}.clip(0, 48)", "values differ"),
]
WRONG = [change_reference("average_predictions", id, old, new, said) for id, old, new, said in CHANGES]


def forgetful(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    total = 0.0
    for model in models:
        direct, copies = (predict(model, faces, batch_size) for faces in (images, images[:, :, ::-1].copy()))
        total = total + direct + copies
    return np.float32(total / 2 / len(models))


def trained(
    models: Models, images: Images, names: KeypointNames, batch_size: int = 256, axis: float = 47.5
) -> np.ndarray:
    for model in models:
        model.eval()
    found = with_helper(models, images, names, batch_size, axis)
    for model in models:
        model.train()
    return found


NAMED = name_answers(
    [
        ("average_predictions/copies-not-mirrored-back", {"average_predictions": forgetful}),
        ("average_predictions/left-in-train-mode", {"average_predictions": trained}),
        (
            "average_predictions/axis-ignored",
            {
                "average_predictions": lambda models, images, names, batch_size=256, axis=47.5: with_helper(
                    models, images, names, batch_size
                )
            },
        ),
        (
            "average_predictions/all-at-once",
            {
                "average_predictions": lambda models, images, names, batch_size=256, axis=47.5: with_helper(
                    models, images, names, 10**6, axis
                )
            },
        ),
        (
            "average_predictions/first-model-alone",
            {
                "average_predictions": lambda models, images, names, batch_size=256, axis=47.5: with_helper(
                    models[:1], images, names, batch_size, axis
                )
            },
        ),
        (
            "average_predictions/points-in-one-row",
            {
                "average_predictions": lambda models, images, *rest, **options: with_helper(
                    models, images, *rest, **options
                ).reshape(len(images), -1)
            },
        ),
    ]
)
