"""What a lesson shows folded, in the other framework, is what its reader has just written: same weights, same batch."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

from autograder.authoring.source import read_source
from autograder.course.manifest import find_lesson
from tests.reference import reference_names

CODE = re.compile(r"^<details><summary>.*?^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def folded_code(lesson: str) -> dict[str, Any]:
    """Run the folded Python of a lesson's text and return its names."""
    texts = [cell.text for cell in read_source(find_lesson(lesson)) if cell.kind == "text"]
    found = [code for text in texts for code in CODE.findall(text)]
    assert len(found) == 1
    names: dict[str, Any] = {}
    exec(compile(found[0], f"<folded in {lesson}>", "exec"), names)
    return names


def without_dropout(model: Any) -> Any:
    """Switch dropout off in a model of either framework: its draws can't agree."""
    for layer in model.layers if isinstance(model, keras.Model) else model.modules():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0
        elif isinstance(layer, nn.Dropout):
            layer.p = 0
    return model


def to_torch(weights: list[np.ndarray], flattened: tuple[int, int, int] | None) -> list[np.ndarray]:
    """Turn Keras's weights into PyTorch's: channels first, and rows for outputs."""
    turned = []
    for weight in weights:
        if weight.ndim == 4:
            weight = weight.transpose(3, 2, 0, 1)
        elif weight.ndim == 2:
            if flattened is not None and weight.shape[0] == np.prod(flattened):
                weight = weight.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(*weight.shape)
            weight = weight.T
        turned.append(np.ascontiguousarray(weight))
    return turned


def load(model: nn.Module, weights: list[np.ndarray]) -> None:
    """Put weights into a PyTorch model, in their order."""
    parameters = list(model.parameters())
    assert [tuple(parameter.shape) for parameter in parameters] == [weight.shape for weight in weights]
    with torch.no_grad():
        for parameter, weight in zip(parameters, weights, strict=True):
            parameter.copy_(torch.from_numpy(weight))


@pytest.mark.parametrize("phase", [1, 2])
def test_lesson_04_in_pytorch_is_the_same_network_loss_and_step(phase: int) -> None:
    """Lesson 04's network in PyTorch answers, loses and steps as the Keras one."""
    lesson, folded = reference_names("04_two_phase_cnn"), folded_code("04_two_phase_cnn")
    keras.utils.set_random_seed(0)
    ours, theirs = without_dropout(lesson["build_cnn"]()), without_dropout(folded["torch_cnn"]())
    load(theirs, to_torch(ours.get_weights(), (12, 12, 128)))
    rng = np.random.default_rng(0)
    x = rng.random((4, 96, 96, 1), dtype=np.float32)
    # Some errors beyond 1, where Huber's loss is a straight line.
    y = rng.normal(0.5, 1.0, (4, 30)).astype(np.float32)
    lesson["compile_phase"](ours, phase)
    loss_fn, optimizer = folded["torch_loss_and_optimizer"](theirs, phase)
    images, targets = torch.from_numpy(x.transpose(0, 3, 1, 2)), torch.from_numpy(y)

    answers = theirs(images)
    np.testing.assert_allclose(answers.detach().numpy(), ours.predict(x, verbose=0), atol=1e-5)
    loss = loss_fn(answers, targets)
    assert float(ours.train_on_batch(x, y)) == pytest.approx(loss.item(), abs=1e-5)
    loss.backward()
    optimizer.step()
    for parameter, weight in zip(theirs.parameters(), to_torch(ours.get_weights(), (12, 12, 128)), strict=True):
        # Adam's first step is the gradient over its size: where there is hardly one, its sign is a matter of rounding.
        felt = parameter.grad.abs().numpy() > 1e-4
        np.testing.assert_allclose(parameter.detach().numpy()[felt], weight[felt], atol=1e-4)


@pytest.fixture
def labels() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (8, 6) and targets (8, 4) with gaps, one row of gaps alone."""
    rng = np.random.default_rng(1)
    x, y = rng.random((8, 6), dtype=np.float32), rng.uniform(0, 96, (8, 4)).astype(np.float32)
    y[rng.random(y.shape) < 0.4] = np.nan
    y[3] = np.nan
    return x, y


def linear_pair() -> tuple[keras.Model, nn.Module]:
    """The same linear model in both frameworks."""
    keras.utils.set_random_seed(0)
    ours = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(4)])
    theirs = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    load(theirs, to_torch(ours.get_weights(), None))
    return ours, theirs


def test_lesson_05_in_keras_is_the_same_loss(labels: tuple[np.ndarray, np.ndarray]) -> None:
    """Lesson 05's masked loss in Keras is that of lesson 02."""
    masked, loss_fn = (
        folded_code("05_resnet_training")["masked_mse"],
        reference_names("02_nan_masking")["MSELossIgnoreNan"](),
    )
    pred = np.random.default_rng(2).uniform(0, 2, labels[1].shape).astype(np.float32)
    for y in (labels[1] / 96, np.full_like(labels[1], np.nan)):
        want = loss_fn(torch.from_numpy(pred), torch.from_numpy(y)).item()
        assert float(masked(y, pred)) == pytest.approx(want, abs=1e-5)


def test_lesson_05_in_keras_takes_the_same_steps(labels: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    """Lesson 05's loop in Keras takes the steps of the reader's own."""
    names, folded = reference_names("05_resnet_training"), folded_code("05_resnet_training")
    ours, theirs = linear_pair()
    x, y = labels
    config = names["TrainConfig"](epochs=3, lr=0.01, step_size=1, gamma=0.5, batch_size=8, patience=3)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*map(torch.from_numpy, (x, y))), batch_size=8)
    before = copy.deepcopy(theirs.state_dict())
    history = names["fit"](theirs, loader, loader, config)
    keras_history = folded["fit_keras"](ours, x, y, x, y, config, str(tmp_path / "best.keras"))
    assert not torch.equal(before["0.weight"], theirs.state_dict()["0.weight"])
    np.testing.assert_allclose(keras_history["loss"], history["train_loss"], rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(keras_history["val_loss"]), history["val_rmse"], rtol=1e-5)
    np.testing.assert_allclose(keras_history["learning_rate"], history["lr"], rtol=1e-5)
    for parameter, weight in zip(theirs.parameters(), to_torch(ours.get_weights(), None), strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), weight, atol=1e-4)
