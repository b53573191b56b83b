"""Networks as files for a browser: keypoints as in PyTorch, what the files say of themselves, what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data_scripts import carry_over
from data_scripts.browser.onnx_file import TOLERANCE, export, run_onnx
from data_scripts.drawing.shape import KEYPOINT_NAMES
from data_scripts.drawing.workers import draw_faces
from data_scripts.export_onnx import export_trained, main
from data_scripts.files.errors import DataError
from data_scripts.heatmaps import crew
from data_scripts.heatmaps.network import HeatmapNet
from data_scripts.heatmaps.predicting import load_network, predict
from tests.reference import reference_names
from tests.site.packages import needs_onnx


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A file as train_heatmaps writes it, of two label sources, with weights as chance gives them."""
    torch.manual_seed(3)
    model = HeatmapNet(15, 2, 16)
    nn.init.normal_(model.head.weight, std=0.5)
    nn.init.normal_(model.offsets, std=0.3)
    labelled = torch.ones(2, 15, dtype=torch.bool)
    labelled[1, 2:10] = False
    state = {"names": list(KEYPOINT_NAMES), "labelled": labelled, "width": 16, "stride": 4}
    path = tmp_path / "network_0.pt"
    torch.save({**state, "weights": model.state_dict()}, path)
    return path


class Lesson10(nn.Module):
    """A small network with the methods of lesson 10's."""

    def __init__(self, keypoints: int = 15) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, 4, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, keypoints, 3, 1, 1)
        )

    def maps(self, images: Tensor) -> Tensor:
        return 5 * self.layers(images)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maps(images)
        weights = maps.flatten(2).softmax(2).view_as(maps)
        centres = 4 * (torch.arange(24) + 0.5) - 0.5
        return torch.stack([weights.sum(2) @ centres, weights.sum(3) @ centres], 2).flatten(1)


class Half(Lesson10):
    """Reads its maps half a cell off."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + 2


def metadata(path: Path) -> dict[str, str]:
    """Return what a file says of itself."""
    import onnx

    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


@needs_onnx
def test_a_trained_network_answers_as_in_pytorch_on_200_faces(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.onnx"
    export_trained(trained, out)
    images, _ = draw_faces(200, 5)
    wanted = predict([load_network(trained)], images, mirrored=False)
    found = run_onnx(out.read_bytes(), images[:, None].astype(np.float32) / 255)
    assert np.ptp(wanted, axis=0).max() > 1, "the faces should get different answers, else nothing is compared"
    assert np.abs(found - wanted).max() <= TOLERANCE
    about = metadata(out)
    assert json.loads(about["keypoints"]) == list(KEYPOINT_NAMES)
    assert (about["format"], about["size"], about["output"]) == ("facial-keypoints 1", "96", "maps")
    assert 0 < float(about["sharpness_limit"]) < 1


@needs_onnx
def test_the_network_of_the_demo_is_one_and_small() -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "site" / "demo" / "model.onnx"
    assert path.stat().st_size < 2_000_000
    images, points = draw_faces(50, 77)
    found = run_onnx(path.read_bytes(), images[:, None].astype(np.float32) / 255)
    assert np.sqrt(np.mean((found - points) ** 2)) < 3
    assert json.loads(metadata(path)["keypoints"]) == list(KEYPOINT_NAMES)


@needs_onnx
def test_the_commands_that_made_it_train_and_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "_cores", lambda: 1)  # two threads wait for each other on a busy machine
    out = str(tmp_path / "trained")
    assert carry_over.main(["--networks", "1", "--width", "16", "--train", "40", "--steps", "10", "--out", out]) == 0
    assert main([f"{out}/network_0.pt", "--out", str(tmp_path / "model.onnx")]) == 0
    assert "model.onnx: 1,3" in capsys.readouterr().out


@needs_onnx
def test_a_network_of_lesson_10_keeps_its_maps_and_its_mode(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Lesson10()
    model.layers[1].eval()
    line = export(model, KEYPOINT_NAMES, tmp_path / "own.onnx")
    assert "15 heat maps and keypoints" in line
    assert model.training
    assert not model.layers[1].training
    assert metadata(tmp_path / "own.onnx")["output"] == "maps"


@needs_onnx
def test_the_resnet_of_lesson_05_answers_points(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = reference_names("03_residual_block")["KeypointResNet"]((8, 16), 1)
    assert "15 keypoints" in export(model, KEYPOINT_NAMES, str(tmp_path / "resnet.onnx"))
    images, _ = draw_faces(20, 6)
    faces = images[:, None].astype(np.float32) / 255
    found = run_onnx((tmp_path / "resnet.onnx").read_bytes(), faces)
    with torch.no_grad():
        wanted = model.eval()(torch.from_numpy(faces)).view(-1, 15, 2).numpy()
    assert np.abs(found - wanted).max() <= TOLERANCE
    assert metadata(tmp_path / "resnet.onnx")["output"] == "points"


@needs_onnx
def test_a_network_whose_points_are_not_those_of_its_maps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"own\.onnx: not written: its keypoints are up to 2\.\d\d px"):
        export(Half(), KEYPOINT_NAMES, tmp_path / "own.onnx")
    assert not list(tmp_path.iterdir())


def test_what_fits_nothing_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match=r"expected keypoints of 14 names, got \(1, 15, 2\)"):
        export(Lesson10(), KEYPOINT_NAMES[:14], tmp_path / "own.onnx")
    with pytest.raises(DataError, match="ends in .onnx"):
        export(Lesson10(), KEYPOINT_NAMES, tmp_path / "own.pt")
    with pytest.raises(DataError, match="cannot answer to an image"):
        export(nn.Linear(3, 3), KEYPOINT_NAMES, tmp_path / "own.onnx")
    (tmp_path / "no.pt").write_text("no network")
    for name in ("no.pt", "absent.pt"):
        assert main([str(tmp_path / name), "--out", str(tmp_path / "own.onnx")]) == 1
        error = capsys.readouterr().err
        assert error.startswith("export_onnx: ")
        assert error.count("\n") == 1
        assert "Traceback" not in error


def test_a_missing_package_is_named_with_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DataError, match=r"needs the package onnx; install what it needs with: python -m pip install"):
        export(Lesson10(), KEYPOINT_NAMES, tmp_path / "own.onnx")
