"""Training of landmarks: the same after an interruption, the same in two processes, and one line for what is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from autograder.course.manifest import ROOT
from data_scripts.files.errors import DataError
from data_scripts.ibug.folder import write_folder
from data_scripts.studies.landmarks import epochs_within
from data_scripts.training import landmarks
from data_scripts.training.checkpoint import planned_epochs
from data_scripts.training.crops import to_crop_pixels, to_units
from data_scripts.training.recipe import Recipe, load_recipe
from tests.data import small_landmarks
from tests.data.small_landmarks import draw_crops, train


class OtherNetwork(nn.Module):
    """A network with other names than the small one's."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(32 * 32, 136)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.flatten(1))


RECIPE = Recipe(epochs=4, batch_size=8, lr=0.01, size=32)


def run(*arguments: str, processes: int = 1, module: str = "tests.data.small_landmarks") -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *(torchrun if processes > 1 else []), "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def assert_same(one: dict, other: dict, rtol: float) -> None:
    for key in ("train_mse", "val_mae"):
        np.testing.assert_allclose(one["history"][key], other["history"][key], rtol=rtol)
    assert list(one["weights"]) == list(other["weights"])
    for name, weight in one["weights"].items():
        np.testing.assert_allclose(weight, other["weights"][name], rtol=rtol, atol=rtol)


def test_training_learns() -> None:
    history, _, found = train(RECIPE, None)
    assert history["train_mse"][-1] < 0.7 * history["train_mse"][0]
    assert float(np.abs(found - draw_crops(9, 2).truth).mean()) == pytest.approx(min(history["val_mae"]))


def test_the_same_seed_gives_the_same_training() -> None:
    (history, model, _), (again, other, _) = train(RECIPE, None), train(RECIPE, None)
    assert history == again
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


CYCLE = replace(RECIPE, one_cycle=True, move=True)


def test_one_cycle_on_moved_faces_goes_on_to_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, model, _ = train(CYCLE, None)
    assert whole["train_mse"] != train(replace(RECIPE, one_cycle=True), None)[0]["train_mse"]
    checkpoint, train_epoch = tmp_path / "training.pt", landmarks._train_epoch

    def interrupted(*args: Any) -> float:
        if args[-1] == 2:
            raise KeyboardInterrupt
        return train_epoch(*args)

    monkeypatch.setattr(landmarks, "_train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(CYCLE, checkpoint)
    monkeypatch.undo()
    assert planned_epochs(checkpoint) == CYCLE.epochs
    with pytest.raises(DataError, match="another epochs"):
        train(replace(CYCLE, epochs=5), checkpoint)
    history, again, _ = train(CYCLE, checkpoint)
    assert history == whole
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def test_without_validation_the_last_epoch_is_kept() -> None:
    faces = draw_crops(27, 1)
    model = small_landmarks.SmallNetwork()
    history = landmarks.train_network(model, faces, None, CYCLE, lambda found: pytest.fail("scored"))
    assert (len(history["train_mse"]), history["val_mae"]) == (CYCLE.epochs, [])


def test_as_many_epochs_as_fit_into_the_minutes() -> None:
    faces, model = draw_crops(64, 1), small_landmarks.SmallNetwork()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert epochs_within(1e-9, model, faces, CYCLE) == 1
    few, many = (epochs_within(minutes, model, faces, CYCLE) for minutes in (0.1, 10))
    assert 1 <= few < many
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_interrupted_training_goes_on_to_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, model, found = train(RECIPE, None)
    checkpoint = tmp_path / "training.pt"
    train_epoch, calls = landmarks._train_epoch, []

    def interrupted(*args: object) -> float:
        calls.append(args)
        loss = train_epoch(*args)
        # In the middle of the third epoch, with its steps made.
        if len(calls) == 3:
            raise KeyboardInterrupt
        return loss

    monkeypatch.setattr(landmarks, "_train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, checkpoint)
    monkeypatch.undo()
    history, again, found_again = train(RECIPE, checkpoint)
    assert history == whole
    assert len(calls) == 3
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    np.testing.assert_array_equal(found, found_again)


def test_a_finished_training_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tmp_path / "training.pt"
    history, _, found = train(RECIPE, checkpoint)
    monkeypatch.setattr(landmarks, "_train_epoch", lambda *args: pytest.fail("trained again"))
    again, _, found_again = train(RECIPE, checkpoint)
    assert again == history
    np.testing.assert_array_equal(found, found_again)


def test_more_epochs_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.pt"
    train(Recipe(epochs=2, batch_size=8, lr=0.01, size=32), checkpoint)
    assert train(RECIPE, checkpoint)[0] == train(RECIPE, None)[0]


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.pt"
    train(Recipe(epochs=1, batch_size=8, lr=0.01, size=32), checkpoint)
    with pytest.raises(DataError, match="another lr"):
        train(Recipe(epochs=2, batch_size=8, lr=0.02, size=32), checkpoint)


def test_a_checkpoint_of_other_faces_or_another_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "training.pt"
    train(Recipe(epochs=1, batch_size=8, lr=0.01, size=32), checkpoint)
    monkeypatch.setattr(small_landmarks, "draw_crops", lambda count, seed: draw_crops(count, seed + 7))
    with pytest.raises(DataError, match="another images, points"):
        train(RECIPE, checkpoint)
    monkeypatch.undo()
    monkeypatch.setattr(small_landmarks, "SmallNetwork", OtherNetwork)
    with pytest.raises(DataError, match="another network"):
        train(RECIPE, checkpoint)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut off"])
def test_a_damaged_checkpoint_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.pt"
    checkpoint.write_bytes(content)
    with pytest.raises(DataError, match="expected a checkpoint") as raised:
        train(RECIPE, checkpoint)
    assert "\n" not in str(raised.value)
    assert checkpoint.read_bytes() == content


def test_a_failed_write_leaves_the_former_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tmp_path / "training.pt"
    train(Recipe(epochs=1, batch_size=8, lr=0.01, size=32), checkpoint)
    before = checkpoint.read_bytes()

    def full(state: dict, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DataError, match="cannot be written"):
        train(RECIPE, checkpoint)
    assert checkpoint.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["training.pt"]


def test_units_and_pixels_are_inverse() -> None:
    points = torch.rand(3, 68, 2) * 96
    assert torch.allclose(to_crop_pixels(to_units(points, 96), 96), points, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learning_rate: 1", "learning_rate"),
        ("lr: 1e-4", "lr"),
        ("lr: 0.0", "lr"),
        ("epochs: 0", "epochs"),
        ("epochs: yes", "epochs"),
        ("size: 8", "size"),
        ("val_fraction: 1.0", "val_fraction"),
        ("val_fraction: half", "val_fraction"),
        ("val_fraction: true", "val_fraction"),
        ("one_cycle: 1", "one_cycle"),
        ("move: 0.5", "move"),
        ("- epochs", "field: value"),
        ("epochs: [", "YAML"),
    ],
)
def test_a_broken_recipe_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said) as raised:
        load_recipe(tmp_path / "recipe.yaml")
    assert "\n" not in str(raised.value)


@pytest.mark.long
@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    run(str(tmp_path / "one.json"))
    run(str(tmp_path / "two.json"), processes=2)
    run(str(tmp_path / "apart.json"), "--private-norms", processes=2)
    one, two, apart = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two", "apart"))
    assert (one["processes"], two["processes"]) == (1, 2)
    # Measured: losses agree within 2e-6, weights within 3e-6; each norm on its own half of a batch is off by 30 %.
    assert_same(one, two, rtol=1e-4)
    with pytest.raises(AssertionError):
        assert_same(one, apart, rtol=1e-2)


@pytest.mark.long
@pytest.mark.slow
def test_two_processes_go_on_where_one_stopped(tmp_path: Path) -> None:
    run(str(tmp_path / "whole.json"))
    checkpoint = str(tmp_path / "training.pt")
    run(str(tmp_path / "half.json"), "--checkpoint", checkpoint, "--epochs=2")
    run(str(tmp_path / "rest.json"), "--checkpoint", checkpoint, processes=2)
    whole, rest = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "rest"))
    assert_same(whole, rest, rtol=1e-4)


@pytest.mark.long
@pytest.mark.slow
def test_the_script_trains_the_lessons_network_in_two_processes(tmp_path: Path) -> None:
    write_folder(tmp_path / "faces", train=14, test=3)
    recipe = tmp_path / "recipe.yaml"
    # One epoch of few steps: later ones magnify rounding, where each map of the last layer is a single pixel.
    recipe.write_text("epochs: 1\nbatch_size: 12\nsize: 64\n", encoding="utf-8")
    reports = []
    for processes in (1, 2):
        report = tmp_path / f"report{processes}.json"
        arguments = ["--root", str(tmp_path / "faces"), "--recipe", str(recipe), "--report", str(report)]
        run(*arguments, processes=processes, module="data_scripts.train_landmarks")
        reports.append(json.loads(report.read_text()))
    one, two = reports
    assert (one["processes"], two["processes"]) == (1, 2)
    np.testing.assert_allclose(one["history"]["train_mse"], two["history"]["train_mse"], rtol=1e-3)
    assert one["test"]["mean shape"] == two["test"]["mean shape"]
