"""A slip in one of several things costs about its share, and is called by no name that is another mistake's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from autograder.course.manifest import find_exercise
from tests.lessons.answers import sampled
from tests.lessons.battery import grade, grade_and_diagnose, story
from tests.reference import reference_names

SEED = 1


@dataclass(frozen=True)
class Slip:
    """The reference with one text replaced: the share of the points that is left, from ``least`` to ``most``."""

    exercise: str
    id: str
    old: str
    new: str
    least: float
    most: float = 0.99

    @property
    def key(self) -> str:
        return f"{self.exercise}-{self.id}"


UNCROPPED = "return ((points + 0.5) * scale - 0.5 + np.array([left, top])).astype(np.float32)"
MOVED = "return crop, moved.astype(np.float32)"
CUT = """    cut = np.zeros((height, width), np.float32)
    if x0 < x1 and y0 < y1:
        cut[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
"""
COLUMNS = '"Location": locations})'
SHORTCUT = "nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)"
FILLED = "    import pandas as pd\n\n    table = pd.DataFrame(targets).ffill()\n"
BACK = "_, back = mirror_faces(images[part], mirrored, names, axis)"
SLIPS = [
    Slip("TrainConfig", "seed 0 refused", '"seed": 0}', '"seed": 1}', 0.7),
    Slip("FaceDataset", "counted by the targets", "return len(self.images)", "return self.targets.shape[1] // 2", 0.7),
    Slip(
        "FaceDataset",
        "incomplete labels dropped",
        "return self.images[index], self.targets[index]",
        "return self.images[index], self.targets[index][torch.isfinite(self.targets[index])]",
        0.7,
    ),
    Slip("evaluate", "no square", "errors.square().sum()", "errors.abs().sum()", 0.6),
    Slip("evaluate", "signed sum", "float(errors.square().sum())", "abs(float(errors.sum()))", 0.6),
    Slip(
        "EarlyStopping",
        "one call too late",
        "self.calls_since_best >= self.patience",
        "self.calls_since_best > self.patience",
        0.5,
    ),
    Slip("EarlyStopping", "patience always 5", "self.patience = patience", "self.patience = 5", 0.5),
    Slip("FaceDataset", "over 255 once more", ".unsqueeze(1)", ".unsqueeze(1) / 255", 0.8),
    Slip("FaceDataset", "over 96", ".reshape(len(keypoints), -1)", ".reshape(len(keypoints), -1) / 96", 0.6),
    Slip("train_one_epoch", "no step", "        optimizer.step()\n", "", 0.4),
    Slip("train_one_epoch", "no zero_grad", "        optimizer.zero_grad()\n", "", 0.4),
    Slip(
        "train_one_epoch",
        "loss arguments exchanged",
        "loss_fn(model(images), targets)",
        "loss_fn(targets, model(images))",
        0.25,
    ),
    Slip(
        "train_one_epoch",
        "labels filled with 0",
        "        loss = loss_fn",
        "        targets = targets.nan_to_num(0)\n        loss = loss_fn",
        0.25,
    ),
    Slip("fit", "plain MSE", "loss_fn = MSELossIgnoreNan()", "loss_fn = nn.MSELoss()", 0.7),
    Slip("fit", "rate never falls", "            scheduler.step()\n", "", 0.6),
    Slip(
        "to_unit_targets",
        "pixels left in a row",
        "(outputs.reshape(len(outputs), -1, 2) * IMAGE_SIZE)",
        "(outputs * 96)",
        0.4,
    ),
    Slip("train_two_phase", "compiled once", "    compile_phase(model, 2)\n", "", 0.4, 0.9),
    Slip(
        "make_submission",
        "x for every y",
        "columns.to_numpy(dtype=int)]",
        "columns.to_numpy(dtype=int) // 2 * 2]",
        0.6,
        0.85,
    ),
    Slip(
        "make_submission", "the next face", "[image_ids - 1, columns", "[image_ids % len(keypoints), columns", 0.6, 0.85
    ),
    Slip("make_submission", "location in small letters", COLUMNS, '"location": locations})', 0.8),
    Slip("make_submission", "RowId is missing", '{"RowId": lookup["RowId"].to_numpy(), "Loc', '{"Loc', 0.5, 0.85),
    Slip(
        "make_submission",
        "thirty columns",
        "keypoints.reshape(len(keypoints), -1)",
        "keypoints.reshape(-1, 30)",
        0.6,
        0.9,
    ),
    Slip("make_submission", "rows counted", 'lookup["RowId"].to_numpy()', "np.arange(len(lookup)) + 1", 0.7, 0.95),
    Slip(
        "read_asf",
        "x and y exchanged",
        "float(fields[2]), float(fields[3])",
        "float(fields[3]), float(fields[2])",
        0.4,
        0.7,
    ),
    Slip("read_asf", "another field", "float(fields[2]), float(fields[3])", "float(fields[3]), float(fields[4])", 0, 0),
    Slip("split_by_person", "lists exchanged", "    return train, val\n", "    return val, train\n", 0.2, 0.5),
    Slip(
        "read_ibug_xml",
        "a return too deep",
        "    except KeyError as error",
        "            return records\n    except KeyError as error",
        0.4,
        0.9,
    ),
    Slip("crop_face", "uncrop has a typo", UNCROPPED, UNCROPPED.replace("points", "point"), 0.5, 0.8),
    Slip("crop_face", "uncrop is a stub", UNCROPPED, 'raise NotImplementedError("Exercise 09.2: uncrop")', 0.5, 0.8),
    Slip("crop_face", "the crop alone", MOVED, "return crop", 0.4, 0.7),
    Slip("crop_face", "an error in the keypoints", MOVED, "return crop, moved.astyp(np.float32)", 0.4, 0.7),
    Slip("crop_face", "keypoints as lists", MOVED, "return crop, moved.tolist()", 0.6, 0.9),
    Slip("resnet18", "a bias too many", "stride=2, padding=3, bias=False", "stride=2, padding=3", 0.6, 0.85),
    Slip("resnet18", "shortcuts everywhere", "if stride != 1 or in_channels != out_channels:", "if True:", 0.6, 0.85),
    Slip("resnet18", "no norm in the shortcut", SHORTCUT, SHORTCUT.partition(", nn.B")[0], 0.25, 0.6),
    Slip(
        "resnet18",
        "a last layer without bias",
        "nn.Linear(512, outputs)",
        "nn.Linear(512, outputs, bias=False)",
        0.25,
        0.6,
    ),
    Slip("resnet18", "a last layer of another name", "self.fc", "self.linear", 0.5, 0.8),
    Slip(
        "resnet18",
        "a typo in forward",
        "self.relu(self.bn1(self.conv1(x))))",
        "self.relu(self.bn1(self.conv9(x))))",
        0.3,
        0.6,
    ),
    Slip(
        "soft_argmax",
        "24 cells alone",
        "height, width = maps.shape[-2:]\n    weights",
        "height, width = 24, 24\n    weights",
        0.5,
        0.8,
    ),
    Slip(
        "average_predictions", "copies left out", "total[part] += direct + back", "total[part] += 2 * direct", 0.4, 0.7
    ),
    Slip("average_predictions", "copies not mirrored back", BACK, "back = mirrored", 0.4, 0.7),
]
# The id of the mistake that the answer is not, though it fails where that one does.
OTHERS = [
    (
        "score_submission/rows-by-position",
        'answers.loc[truth["RowId"]].to_numpy(dtype=float) - truth["Location"].to_numpy(dtype=float)',
        '(submission.sort_values("RowId")["Location"] - truth.sort_values("RowId")["Location"]).dropna()',
    ),
    (
        "forward_fill/top-from-the-last-row",
        "    return filled\n",
        FILLED + "    return table.fillna(table.iloc[-1]).to_numpy()\n",
    ),
    (
        "forward_fill/top-from-the-last-row",
        "    return filled\n",
        FILLED + "    return table.fillna(table.max()).to_numpy()\n",
    ),
    ("read_ibug_xml/one-box-an-image", 'image.iter("box")', 'image.findall("box")[-1:]'),
    (
        "read_ibug_xml/one-box-an-image",
        "    return records\n",
        "    return [record for record in records if min(record[1]) >= 0]\n",
    ),
    ("read_ibug_xml/missing-attribute-as-zero", "box.attrib[side]", "box.get(side, 1)"),
    ("read_ibug_xml/missing-attribute-as-zero", "box.attrib[side]", "box.get(side, -1)"),
    (
        "crop_face/negative-slices",
        CUT,
        "    top, left = max(top, 0), max(left, 0)\n    cut = image[top : top + height, left : left + width]\n",
    ),
    ("crop_face/negative-slices", CUT, "    if min(left, top) < 0:\n        raise IndexError('outside')\n" + CUT),
]


def _as_parameters(slips: list[Slip]) -> list:
    met = Counter[str]()
    return [pytest.param(slip, id=slip.key, marks=sampled(met, slip.exercise)) for slip in slips]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("slip", _as_parameters(SLIPS))
def test_a_slip_costs_about_its_share(slip: Slip) -> None:
    exercise = find_exercise(slip.exercise)
    result = grade(slip.exercise, reference_names(exercise.lesson, (slip.old, slip.new)), SEED)
    assert slip.least <= result.score / exercise.points <= slip.most, f"{result.score}\n{story(result)}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("mistake", "old", "new"), OTHERS, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(OTHERS)])
def test_what_is_near_a_mistake_is_not_called_by_its_name(mistake: str, old: str, new: str) -> None:
    name = mistake.partition("/")[0]
    result = grade_and_diagnose(name, reference_names(find_exercise(name).lesson, (old, new)), SEED)
    assert result.outcome != "passed"
    assert result.misconception != mistake, story(result)


@pytest.mark.filterwarnings("ignore")
def test_an_error_of_opencv_is_told_in_a_sentence() -> None:
    names = reference_names("09_larger_dataset", ("cv2.resize(cut, (size, size),", "cv2.resize(cut, size,"))
    problem = grade("crop_face", names, SEED).problem
    assert problem is not None
    assert problem.got == "OpenCV was given a size that is no pair of whole numbers (width, height)"
