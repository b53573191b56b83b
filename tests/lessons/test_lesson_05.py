"""The reference code of lesson 05 against sums by hand, NumPy and training runs that can be foreseen."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.course.manifest import ROOT
from tests.reference import reference_names

NAMES = reference_names("05_resnet_training")
SOURCE = ROOT / "solutions" / "05_resnet_training"


def linear_model(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 2))


def loader(count: int, batch_size: int, seed: int, gaps: bool = True) -> DataLoader:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 2, 2, generator=generator)
    targets = images.flatten(1)[:, :2] * 3 + torch.randn(count, 2, generator=generator)
    if gaps:
        targets[::3, 0] = torch.nan
    return DataLoader(TensorDataset(images, targets), batch_size=batch_size)


@pytest.mark.parametrize("name", ["trial", "quick", "full"])
def test_shipped_settings_can_be_read(name: str) -> None:
    assert NAMES["load_config"](SOURCE / f"{name}.yaml").val_fraction == 0.2


def test_full_settings_are_the_sources() -> None:
    config = NAMES["load_config"](SOURCE / "full.yaml")
    assert config == replace(NAMES["TrainConfig"](), epochs=config.epochs)
    assert (config.lr, config.step_size, config.gamma, config.patience, config.batch_size) == (1e-4, 5, 0.1, 5, 32)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("learning_rate: 1", "learning_rate"),
        ("lr: 1e-4", "lr"),
        ("lr: 0", "lr"),
        ("lr: .nan", "lr"),
        ("lr: .inf", "lr"),
        ("epochs: 0", "epochs"),
        ("epochs: 2.5", "epochs"),
        ("epochs: yes", "epochs"),
        ("gamma: 1.01", "gamma"),
        ("val_fraction: 1", "val_fraction"),
        ("batch_size: -1", "batch_size"),
        ("seed: -1", "seed"),
    ],
)
def test_bad_settings_name_their_field(text: str, field: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=field):
        NAMES["load_config"](tmp_path / "c.yaml")


def test_empty_settings_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing\n", encoding="utf-8")
    assert NAMES["load_config"](tmp_path / "c.yaml") == NAMES["TrainConfig"]()


def test_a_list_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("- lr\n", encoding="utf-8")
    with pytest.raises(ValueError, match="field: value"):
        NAMES["load_config"](tmp_path / "c.yaml")


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        NAMES["TrainConfig"]().lr = 1.0


def test_dataset_keeps_every_number() -> None:
    rng = np.random.default_rng(0)
    images = rng.random((3, 96, 96), dtype=np.float32)
    keypoints = rng.random((3, 15, 2)).astype(np.float32)
    keypoints[1, 4] = np.nan
    faces = NAMES["FaceDataset"](images, keypoints)
    assert len(faces) == 3
    for index, (image, targets) in enumerate(faces[i] for i in range(3)):
        assert image.dtype == targets.dtype == torch.float32
        np.testing.assert_array_equal(image.numpy(), images[index][None])
        np.testing.assert_array_equal(targets.numpy(), keypoints[index].ravel())


def test_epoch_loss_is_counted_by_hand() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.value.expand(len(x), 2)

    nan = math.nan
    targets = torch.tensor([[2.0, 2.0], [2.0, 2.0], [4.0, nan], [nan, nan]])
    data = DataLoader(TensorDataset(torch.zeros(4, 1, 2, 2), targets), batch_size=2)
    model = Constant()
    loss = NAMES["train_one_epoch"](
        model, data, NAMES["MSELossIgnoreNan"](), torch.optim.SGD(model.parameters(), lr=0.25)
    )
    # Batch 1: four errors of 2, the gradient of their mean square is -4, so the value steps to 1.
    # Batch 2: one error of 3, gradient -6, step to 2.5.
    assert model.value.item() == pytest.approx(2.5)
    assert loss == pytest.approx((4 * 4 + 9) / 5)


def test_unlabeled_loader_gives_nan() -> None:
    data = DataLoader(TensorDataset(torch.zeros(2, 1, 2, 2), torch.full((2, 2), math.nan)))
    model = linear_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert math.isnan(NAMES["evaluate"](model, data))
    assert math.isnan(NAMES["train_one_epoch"](model, data, NAMES["MSELossIgnoreNan"](), optimizer))


def test_gradient_of_the_loss_is_that_of_finite_differences() -> None:
    model, data = linear_model().double(), loader(6, 6, seed=1)
    images, targets = next(iter(data))
    loss_fn = NAMES["MSELossIgnoreNan"]()
    weight = model[1].weight

    def loss_of(value: torch.Tensor) -> torch.Tensor:
        return loss_fn(images.double().flatten(1) @ value.T + model[1].bias, targets.double())

    assert torch.autograd.gradcheck(loss_of, (weight.detach().clone().requires_grad_(),))


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_is_numpys_rmse_and_leaves_the_mode(training: bool) -> None:
    model, data = nn.Sequential(linear_model(), nn.BatchNorm1d(2), nn.Dropout(0.5)), loader(7, 3, seed=2)
    model.train(training)
    got = NAMES["evaluate"](model, data)
    assert all(part.training is training for part in model.modules())
    images, targets = data.dataset.tensors
    with torch.no_grad():
        errors = (model.eval()(images) - targets).numpy()
    assert got == pytest.approx(float(np.sqrt(np.nanmean(errors**2))), rel=1e-5)


def test_early_stopping_table_of_the_lesson() -> None:
    values = [5.0, 4.0, 4.5, 4.0, 3.9, 4.1, 4.2]
    for patience, wanted in [(2, [False, False, False, True]), (3, [False] * 7)]:
        stopping = NAMES["EarlyStopping"](patience)
        assert [stopping.step(value) for value in values[: len(wanted)]] == wanted
        assert stopping.best == min(values[: len(wanted)])


def run(config: Any, seed: int = 0) -> tuple[nn.Module, dict[str, list[float]]]:
    model = linear_model(seed)
    return model, NAMES["fit"](model, loader(12, 4, seed=3), loader(6, 6, seed=4), config)


def test_fit_gives_the_same_twice() -> None:
    config = NAMES["TrainConfig"](epochs=4, lr=0.1)
    (first, history), (second, again) = run(config), run(config)
    assert history == again
    assert torch.equal(first[1].weight, second[1].weight)


def test_fit_ends_with_the_best_weights() -> None:
    config = NAMES["TrainConfig"](epochs=40, lr=0.5, patience=4, step_size=50)
    model, history = run(config)
    best = int(np.argmin(history["val_rmse"]))
    assert 0 < best < len(history["val_rmse"]) - 1
    assert NAMES["evaluate"](model, loader(6, 6, seed=4)) == history["val_rmse"][best]


def test_fit_notes_the_rate_of_each_epoch() -> None:
    _, history = run(NAMES["TrainConfig"](epochs=5, lr=0.1, step_size=2, gamma=0.5, patience=9))
    assert history["lr"] == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025])


def test_interrupted_fit_keeps_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    train, calls = NAMES["train_one_epoch"], []

    def interrupted(*args: Any) -> float:
        calls.append(args)
        loss = train(*args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return loss

    monkeypatch.setitem(NAMES, "train_one_epoch", interrupted)
    model, history = run(NAMES["TrainConfig"](epochs=9, lr=0.05))
    assert [len(values) for values in history.values()] == [2, 2, 2]
    assert NAMES["evaluate"](model, loader(6, 6, seed=4)) == min(history["val_rmse"])
