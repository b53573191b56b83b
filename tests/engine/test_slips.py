"""Beginners' slips: each is named in a notebook by mending it, and not where it is not what is wrong."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

from autograder.course.manifest import find_exercise, find_lesson
from autograder.grading.grader import LessonGrader
from autograder.grading.notebook_choice import find_submission
from autograder.grading.slips.finding import SLIPS
from autograder.isolation.sandbox import make_sandbox
from autograder.notebook_api.check import check_live
from tests.notebooks import save, with_code
from tests.reference import reference_names

CASES = {
    "slip/no-return": [
        "def scale_pixels(images):\n    scaled = np.asarray(images, np.float32) / 255",
        "def rmse(pred, target):\n    found = (pred - target)[np.isfinite(target)]\n"
        "    error = float(np.sqrt((found**2).mean())) if len(found) else float('nan')",
        """
        def split_rows(n_rows, val_fraction=0.2, seed=0):
            rows = np.random.default_rng(seed).permutation(n_rows)
            cut = n_rows - round(n_rows * val_fraction)
            train = rows[:cut]
            val = rows[cut:]
        """,
        """
        class EarlyStopping:
            def __init__(self, patience=5):
                self.patience, self.best, self.bad = patience, float("inf"), 0
            def step(self, value):
                if value < self.best:
                    self.best, self.bad = value, 0
                else:
                    self.bad += 1
                self.bad >= self.patience
        """,
    ],
    "slip/prints-instead-of-returning": [
        "def count_parameters(model):\n    print(sum(p.numel() for p in model.parameters() if p.requires_grad))",
        "def scale_pixels(images):\n    scaled = np.asarray(images, np.float32) / 255\n    print(scaled)",
    ],
    "slip/prints-instead-of-raising": [
        """
        def parse_pixels(pixels):
            values = pixels.split()
            if len(values) != 9216:
                print("expected 9216 values")
            if any(not v.isdigit() or int(v) > 255 for v in values):
                raise ValueError("no pixel")
            return np.array(values, np.float32)[:9216].reshape(96, 96) if len(values) >= 9216 else None
        """,
        """
        def parse_pixels(pixels):
            try:
                values = [int(value) for value in pixels.split()]
            except ValueError as error:
                print(error)
                values = [0] * 9216
            if len(values) != 9216 or min(values) < 0 or max(values) > 255:
                raise ValueError("expected 9216 values from 0 to 255")
            return np.array(values, np.float32).reshape(96, 96)
        """,
    ],
    "slip/equals-nan": [
        """
        def count_labels(keypoints):
            missing = (keypoints == np.nan) | np.isinf(keypoints)
            return (~missing).all(axis=2).sum(axis=1)
        """,
    ],
    "slip/no-parent-constructor": [
        """
        class NoseTipNet(nn.Module):
            def __init__(self):
                self.features = nn.Sequential(
                    nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, 2),
                )
            def forward(self, x):
                return self.features(x)
        """,
    ],
    "slip/layers-made-in-forward": [
        """
        class NoseTipNet(nn.Module):
            def __init__(self):
                super().__init__()
            def forward(self, x):
                for width in ():
                    pass
                x = nn.functional.max_pool2d(torch.relu(nn.Conv2d(1, 16, 3)(x)), 2)
                x = nn.functional.max_pool2d(torch.relu(nn.Conv2d(16, 32, 3)(x)), 2)
                x = nn.functional.max_pool2d(torch.relu(nn.Conv2d(32, 32, 3)(x)), 2)
                return nn.Linear(512, 2)(torch.relu(nn.Linear(1280, 512)(x.flatten(1))))
        """,
    ],
    "slip/result-of-a-change-in-place": [
        """
        def split_rows(n_rows, val_fraction=0.2, seed=0):
            rows = np.arange(n_rows)
            rows = np.random.default_rng(seed).shuffle(rows)
            cut = n_rows - round(n_rows * val_fraction)
            return rows[:cut], rows[cut:]
        """,
        """
        def split_rows(n_rows, val_fraction=0.2, seed=0):
            rows = np.random.default_rng(seed).permutation(n_rows)
            cut = n_rows - round(n_rows * val_fraction)
            train, val = rows[:cut], rows[cut:]
            train = train.sort()
            return train, val
        """,
        """
        def count_labels(keypoints):
            counts = []
            for face in keypoints:
                counts = counts.append(np.isfinite(face).all(axis=1).sum())
            return np.array(counts, dtype=int)
        """,
    ],
    "slip/name-without-self": [
        """
        class EarlyStopping:
            def __init__(self, patience=5):
                self.patience, self.best, self.bad = patience, float("inf"), 0
            def step(self, value):
                if value < self.best:
                    self.best, self.bad = value, 0
                else:
                    self.bad += 1
                return self.bad >= patience
        """,
        """
        class EarlyStopping:
            def __init__(self, patience=5):
                limit = patience
                self.best, self.bad = float("inf"), 0
            def step(self, value):
                if value < self.best:
                    self.best, self.bad = value, 0
                else:
                    self.bad += 1
                return self.bad >= self.limit
        """,
        """
        class EarlyStopping:
            def __init__(self, patience=5):
                self.patience = patience
                self.best = float("inf")
                bad = 0
            def step(self, value):
                if value < self.best:
                    self.best = value
                    bad = 0
                else:
                    bad += 1
                return bad >= self.patience
        """,
        """
        class FaceDataset(torch.utils.data.Dataset):
            def __init__(self, images, keypoints):
                images = torch.as_tensor(images, dtype=torch.float32)
                self.keypoints = torch.as_tensor(keypoints, dtype=torch.float32)
            def __len__(self):
                return len(self.images)
            def __getitem__(self, index):
                return self.images[index][None].clone(), self.keypoints[index].flatten().clone()
        """,
    ],
    "slip/method-without-self": [
        """
        class EarlyStopping:
            def __init__(self, patience=5):
                self.patience, self.best, self.bad = patience, float("inf"), 0
            def step(value):
                if value < self.best:
                    self.best, self.bad = value, 0
                else:
                    self.bad += 1
                return self.bad >= self.patience
        """,
    ],
    "slip/index-before-the-first": [
        """
        def forward_fill(targets):
            filled = np.array(targets, dtype=float)
            for i in range(len(filled)):
                for j in range(filled.shape[1]):
                    if np.isnan(filled[i, j]):
                        filled[i, j] = filled[i - 1, j]
            for j in range(filled.shape[1]):
                known = np.isfinite(filled[:, j])
                if known.any():
                    filled[~known, j] = filled[known, j][0]
            return filled
        """,
    ],
    "slip/list-instead-of-array": [
        "def count_labels(keypoints):\n    return [int(np.isfinite(k).all(axis=1).sum()) for k in keypoints]",
        """
        def split_rows(n_rows, val_fraction=0.2, seed=0):
            rows = np.random.default_rng(seed).permutation(n_rows)
            cut = n_rows - round(n_rows * val_fraction)
            return rows[:cut].tolist(), rows[cut:].tolist()
        """,
    ],
}
ALL = [
    pytest.param(slip, code, id=f"{slip}-{number}")
    for slip, codes in CASES.items()
    for number, code in enumerate(codes)
]


def _name(code: str) -> str:
    return ast.parse(textwrap.dedent(code)).body[0].name


@pytest.mark.slow
@pytest.mark.parametrize(("slip", "code"), ALL)
def test_a_slip_is_named(slip: str, code: str, tmp_path: Path) -> None:
    exercise = find_exercise(_name(code))
    lesson = find_lesson(exercise.lesson)
    notebook = with_code(exercise.name, textwrap.dedent(code), lesson.id)
    work = save(notebook, tmp_path, lesson.id)
    with LessonGrader(find_submission(work, lesson), make_sandbox(), seed=1) as grader:
        result = grader.diagnose(grader.grade(exercise))
    assert result.misconception == slip, result
    assert result.problem.hint == next(each.hint for each in SLIPS if each.id == slip)


@pytest.mark.parametrize(("slip", "code"), [ALL[0].values, ALL[-1].values])
def test_a_slip_is_named_in_a_notebook(slip: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = _name(code)
    path = tmp_path / "cell.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    names = dict(reference_names(find_exercise(name).lesson))
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    assert check_live(name, names).result.misconception == slip


def test_a_slip_that_is_not_what_is_wrong_is_not_named(tmp_path: Path) -> None:
    code = """
def count_labels(keypoints):
    none = keypoints == np.nan
    return np.isfinite(keypoints).any(axis=2).sum(axis=1)
"""
    lesson, exercise = find_lesson("02"), find_exercise("count_labels")
    work = save(with_code(exercise.name, code, lesson.id), tmp_path, lesson.id)
    with LessonGrader(find_submission(work, lesson), make_sandbox(), seed=1) as grader:
        result = grader.diagnose(grader.grade(exercise))
    assert result.outcome == "failed"
    assert not (result.misconception or "").startswith("slip/")


def test_hints_of_slips_are_two_sentences() -> None:
    assert set(CASES) == {slip.id for slip in SLIPS}
    assert all(sum(slip.hint.count(mark) for mark in ".?!") >= 2 for slip in SLIPS)
