"""The reference code of lesson 07 against files by hand, shapes on paper and training runs that can be foreseen."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.course.manifest import ROOT
from data_scripts.imm.folder import asf_text, stems
from data_scripts.imm_faces import read_points
from tests.lessons.battery import grade, story
from tests.reference import reference_names

NAMES = reference_names("07_nose_tip")
SOURCE = ROOT / "solutions" / "07_nose_tip"
REAL = ROOT.parent / "shared" / "data" / "imm_face_db"


def test_full_settings_are_the_sources() -> None:
    full = yaml.safe_load((SOURCE / "full.yaml").read_text(encoding="utf-8"))
    quick = yaml.safe_load((SOURCE / "quick.yaml").read_text(encoding="utf-8"))
    assert (full["epochs"], full["batch_size"], full["lr"]) == (25, 1, 1e-3)
    assert set(quick) == set(full)
    assert quick["epochs"] < full["epochs"]


def test_read_asf_is_the_fast_reader(tmp_path: Path) -> None:
    path = tmp_path / "01-1m.asf"
    path.write_text(asf_text(np.random.default_rng(0).random((58, 2)), "01-1m.jpg"))
    np.testing.assert_array_equal(NAMES["read_asf"](path), read_points(path))


@pytest.mark.skipif(not REAL.is_dir(), reason="the real IMM faces are not on this machine")
def test_read_asf_reads_every_real_file() -> None:
    files = sorted(REAL.glob("*.asf"))
    assert len(files) == 240
    for path in files:
        np.testing.assert_array_equal(NAMES["read_asf"](path), read_points(path))


def test_the_last_eight_of_forty_validate() -> None:
    files = [f"{stem}.asf" for stem in stems()]
    train, val = NAMES["split_by_person"](files)
    assert (len(train), len(val)) == (192, 48)
    assert {file[:2] for file in val} == {str(person) for person in range(33, 41)}


def test_the_network_has_1280_numbers_before_its_linear_layers() -> None:
    model = NAMES["NoseTipNet"]()
    # 3·3·1·16+16, 3·3·16·32+32, 3·3·32·32+32, 1280·512+512, 512·2+2
    assert sum(parameter.numel() for parameter in model.parameters()) == 160 + 4640 + 9248 + 655872 + 1026
    shapes = {tuple(parameter.shape) for parameter in model.parameters() if parameter.ndim == 2}
    assert shapes == {(512, 1280), (2, 512)}
    assert model(torch.zeros(3, 1, 60, 80)).shape == (3, 2)


class Constant(nn.Module):
    """Answers the same two numbers, whatever it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.zeros(2))

    def forward(self, images: Tensor) -> Tensor:
        return self.answer.expand(len(images), 2)


def test_the_curve_of_a_constant_by_hand() -> None:
    """Adam's first steps have the length of the rate, whatever the gradient: 0, 0.1, 0.2, ... toward 1."""
    train = TensorDataset(torch.zeros(2, 1, 1, 1), torch.ones(2, 2))
    val = TensorDataset(torch.zeros(3, 1, 1, 1), torch.tensor([[1.0, 1.0], [1.0, 1.0], [4.0, 4.0]]))
    model = Constant()
    curve = NAMES["train_with_curve"](model, DataLoader(train, 1), DataLoader(val, 2), 1, 0.1)
    assert curve["step"] == [1, 2]
    assert curve["val_step"] == [2]
    assert curve["train_mse"] == pytest.approx([1.0, 0.9**2], abs=1e-4)
    answer = float(model.answer[0].detach())
    assert answer == pytest.approx(0.2, abs=2e-3)
    # Two of three images are 1 - answer away, one is 4 - answer: no mean of batch means.
    assert curve["val_mse"] == pytest.approx([(2 * (1 - answer) ** 2 + (4 - answer) ** 2) / 3])


def faces(count: int, seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 60, 80, generator=generator) - 0.5
    return TensorDataset(images, torch.rand(count, 2, generator=generator))


def test_sweep_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    NAMES["sweep"]([(2, 1e-3)], faces(3, 0), faces(2, 1), 1)
    assert torch.equal(before, torch.get_rng_state())


def test_sweep_repeats_itself_and_counts_in_pixels() -> None:
    val = faces(5, 1)
    table = NAMES["sweep"]([(2, 1e-3), (3, 1e-3), (2, 1e-3)], faces(4, 0), val, 2)
    assert table["steps"].tolist() == [4, 4, 4]
    np.testing.assert_array_equal(table["predictions"][0], table["predictions"][2])
    for _, row in table.iterrows():
        errors = (row["predictions"] - val.tensors[1].numpy()) * [80, 60]
        assert row["within_tolerance"] == sum(math.hypot(*error) <= 3 for error in errors)
        assert row["val_mse"] == pytest.approx(float(((errors / [80, 60]) ** 2).mean()), rel=1e-5)


def test_too_few_epochs_do_not_look_shuffled() -> None:
    changes = (("val_loader, epochs, lr)", "val_loader, 1, lr)"), ("shuffle=True", "shuffle=False"))
    result = grade("sweep", reference_names("07_nose_tip", *changes), 0)
    passed = {rung.rung.name: rung.passed for rung in result.rungs}
    assert passed["shuffles_in_every_epoch"] is False


def test_a_column_that_is_missing_costs_what_is_read_from_it() -> None:
    without = reference_names("07_nose_tip", ('                "steps": curve["step"][-1],\n', ""))
    result = grade("sweep", without, 0)
    lost = {rung.rung.name for rung in result.rungs if not rung.passed}
    assert lost == {"columns_asked_for", "counts_the_steps", "takes_a_single_setting"}, story(result)
    text = next(rung.problem.expected for rung in result.rungs if rung.rung.name == "counts_the_steps")
    assert text == "a column steps"
