"""What the studies measure with, and that a study that was interrupted goes on where it was."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from data_scripts import nose_tip_settings
from data_scripts.carry_over import main as carry_over_main
from data_scripts.files.errors import DataError
from data_scripts.heatmaps import crew
from data_scripts.heatmaps.predicting import load_networks, predict
from data_scripts.kaggle.labels import asked_keypoints
from data_scripts.studies import carry_over
from data_scripts.studies.runs import Run, finish_runs


def test_carry_over_scores_the_asked_keypoints(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 96, (5, 15, 2)).astype(np.float32)
    asked = asked_keypoints(5, rng)
    path = tmp_path / "real.npz"
    arrays = {"test_images": np.zeros((5, 96, 96), np.uint8), "test_keypoints": keypoints, "test_asked": asked}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="found no train_keypoints"):
        carry_over.load_real(path)
    np.savez(path, **arrays, train_keypoints=np.zeros((3, 14, 2)))
    with pytest.raises(DataError, match=r"train_keypoints: expected \(3, 15, 2\), got \(3, 14, 2\)"):
        carry_over.load_real(path)
    others = np.stack([np.full((15, 2), 40.0), np.full((15, 2), np.nan), np.full((15, 2), 50.0)])
    np.savez(path, **arrays, train_keypoints=others)
    real = carry_over.load_real(path)
    np.testing.assert_array_equal(real.mean_face, np.full((15, 2), 45.0))
    squares = [(45.0 - float(value)) ** 2 for row, use in zip(keypoints, asked, strict=True) for value in row[use].flat]
    assert len(squares) == 2 * asked.sum()
    assert carry_over.asked_rmse(real.mean_face, real) == pytest.approx(math.sqrt(np.mean(squares)), rel=1e-5)


def _photographs(path: Path, count: int = 3) -> Path:
    rng = np.random.default_rng(0)
    np.savez(
        path,
        test_images=rng.integers(0, 256, (count, 96, 96), np.uint8),
        test_keypoints=rng.uniform(20, 70, (count, 15, 2)).astype(np.float32),
        test_asked=np.ones((count, 15), bool),
        train_keypoints=rng.uniform(20, 70, (9, 15, 2)).astype(np.float32),
    )
    return path


def test_carry_over_trains_on_drawn_faces_and_scores_photographs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At trial scale; a second call finds the network there, and one without photographs scores nothing."""
    photographs, out = _photographs(tmp_path / "real.npz"), tmp_path / "networks"
    # Two threads would wait for each other wherever the tests beside this one leave them no processor.
    monkeypatch.setattr(crew, "_cores", lambda: 1)
    trial = [f"--out={out}", "--train=12", "--networks=1", "--steps=10", "--width=8"]
    assert carry_over_main([*trial, f"--real={photographs}"]) == 0
    said = capsys.readouterr().out
    scores = dict(re.findall(r"^(.+?) +RMSE ([0-9.]+) px", said, re.MULTILINE))
    real = carry_over.load_real(photographs)
    found = predict(load_networks(out), real.images)
    assert list(scores) == [
        "constant mean of the photographs",
        "constant mean of the drawn faces",
        "one network",
        "1 averaged, mirrored copies too",
    ]
    assert float(scores["1 averaged, mirrored copies too"]) == pytest.approx(
        carry_over.asked_rmse(found, real), abs=0.006
    )
    written = (out / "network_0.pt").read_bytes()
    assert carry_over_main(trial) == 0
    assert "is there already" in (said := capsys.readouterr().out)
    assert "RMSE" not in said
    assert (out / "network_0.pt").read_bytes() == written
    assert carry_over_main([*trial, "--seed=1"]) == 1
    assert "name another folder" in capsys.readouterr().err


def test_photographs_that_cannot_be_read_are_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "real.npz").write_text("no archive")
    for path in (tmp_path / "real.npz", tmp_path / "absent.npz"):
        assert carry_over_main([f"--real={path}", f"--out={tmp_path / 'out'}"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"carry_over: {path}")
    assert not (tmp_path / "out").exists()


def test_finished_runs_are_kept_and_not_repeated(tmp_path: Path) -> None:
    out, trained = tmp_path / "new" / "runs.json", []

    def train(name: str) -> Run:
        trained.append(name)
        if trained == ["a", "b"]:
            raise KeyboardInterrupt
        return {"val_mse": [0.5, 0.25]}

    trainings = {name: lambda name=name: train(name) for name in "abc"}
    with pytest.raises(KeyboardInterrupt):
        finish_runs(out, {"epochs": 2}, trainings)
    assert list(json.loads(out.read_text())["runs"]) == ["a"]
    said: list[str] = []
    runs = finish_runs(out, {"epochs": 2}, trainings, said.append)
    assert [line.partition(":")[0] for line in said] == ["b", "c"]
    assert trained == ["a", "b", "b", "c"]
    assert runs == {name: {"val_mse": [0.5, 0.25]} for name in "abc"}
    assert [path.name for path in out.parent.iterdir()] == ["runs.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"recipe": {"epochs": 3}, "runs": {}}'])
def test_runs_of_something_else_are_refused_and_left_alone(content: str, tmp_path: Path) -> None:
    out = tmp_path / "runs.json"
    out.write_text(content)
    with pytest.raises(DataError, match="name another file") as caught:
        finish_runs(out, {"epochs": 2}, {"a": lambda: pytest.fail("trained")})
    assert "\n" not in str(caught.value)
    assert out.read_text() == content


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "many"])
def test_numbers_that_no_study_can_take_are_refused_in_a_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        nose_tip_settings.main(["--out", "runs.json", f"--epochs={text}"])
    assert ended.value.code == 2
    assert "expected a whole number from 1" in capsys.readouterr().err.splitlines()[-1]
