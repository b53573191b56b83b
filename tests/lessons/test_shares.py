"""A slip in one of several things costs about its share, and is called by no name that is another mistake's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from autograder.checks.catalogue import catalogue
from autograder.checks.lesson_10 import heatmap_network
from autograder.course.manifest import find_exercise, find_lesson
from tests.lessons.answers import sampled
from tests.lessons.battery import grade, grade_and_diagnose, names_of, story
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
BEST_KEPT = """            if val_rmse < stopping.best:
                best_weights = copy.deepcopy(model.state_dict())
"""
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
# Mistakes of the catalogue, and the least share of the points that one of them leaves.
LEAVE = {
    "parse_pixels/ends-refused": 0.8,
    "build_cnn/one-dense": 0.75,
    "train_two_phase/compiled-every-epoch": 0.5,
    "FaceDataset/targets-first": 0.6,
    "train_one_epoch/last-batch-dropped": 0.1,
    "train_one_epoch/tensor-returned": 0.9,
    "evaluate/tensor-returned": 0.9,
    "train_with_curve/loss-kept-as-tensor": 0.85,
    "score_submission/rows-by-position": 0.6,
    "NoseTipNet/batch-normalization": 0.35,
    "FaceKeypointNet/normalization-added": 0.35,
    "resnet18/one-block-twice": 0.3,
}
# The id of the mistake that the answer is not, though it fails where that one does.
OTHERS = [
    # A RuntimeError of another layer, and another block's stride.
    ("resnet18/made-for-224", "self.fc = nn.Linear(512, outputs)", "self.fc = nn.Linear(511, outputs)"),
    (
        "resnet18/late-stride",
        "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)",
        "self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)\n"
        "            if out_channels == 512:\n"
        "                self.conv1.stride, self.conv2.stride = (1, 1), (stride, stride)",
    ),
    # A copy of the whole model is one, whatever it is chosen by.
    (
        "fit/best-weights-by-reference",
        BEST_KEPT,
        '            if train_loss <= min(history["train_loss"]):\n'
        "                best_weights = copy.deepcopy(model).state_dict()\n",
    ),
    ("predict_keypoints/all-at-once", ".split(batch_size)", ".split(16)"),
    ("predict_keypoints/all-at-once", ".split(batch_size)", ".split(4)"),
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

AXIS = "2 * np.asarray(axis, dtype=np.float64).reshape(-1, 1) - mirrored[..., 0]"
ORDER = "keypoints[:, [names.index(partner) for partner in partners]]"
FLIPPED = "images[:, :, ::-1].copy(), mirrored\n"
OWN_COPIES = ("images[part, :, ::-1].copy()", "mirror_faces(images[part], total[part], names, axis)[0]")
CENTRES = "dtype=maps.dtype) + 0.5) - 0.5"
SOFTMAX = "maps.flatten(2).softmax(dim=2)"
PLACES = "[(weights.sum(dim=2) * columns).sum(dim=2), (weights.sum(dim=3) * rows).sum(dim=2)]"
FORWARD = "soft_argmax(self.maps(images)).flatten(1)"
LEFT_OUT = ("total[part] += direct + back", "total[part] += 2 * direct")
# The exercise that is right, and what is wrong about the function of the student's that it calls.
CALLERS = [
    ("average_predictions", "96 - x, whatever the axis", (AXIS, "96 - mirrored[..., 0]")),
    ("average_predictions", "48 for 47.5", (AXIS, f"1 + {AXIS}")),
    ("average_predictions", "names not exchanged", (ORDER, "keypoints")),
    ("HeatmapNet", "corners of the cells", (CENTRES, "dtype=maps.dtype))")),
    ("HeatmapNet", "y before x", (PLACES, f"{PLACES}[::-1]")),
    ("HeatmapNet", "cells", (f"stride * (torch.arange(width, {CENTRES}", "torch.arange(width, dtype=maps.dtype)")),
    ("HeatmapNet", "softmax of each row", (SOFTMAX + ".view_as(maps)", "maps.softmax(dim=3) / maps.shape[2]")),
    ("HeatmapNet", "softmax across keypoints", (SOFTMAX, "maps.flatten(2).softmax(dim=1)")),
    ("HeatmapNet", "cut off from the maps", (SOFTMAX, "maps.detach().flatten(2).softmax(dim=2)")),
]
# What calls a function that does nothing, or does nothing itself: the most of its points, and the hint's beginning.
IDENTITY = ((AXIS, "mirrored[..., 0]"), (ORDER, "keypoints"), (FLIPPED, "images.copy(), mirrored\n"))
MIDDLE = ("    return torch.stack(" + PLACES, "    return 47.5 + 0 * torch.stack(" + PLACES)
MIRROR_FIRST = "Your mirror_faces (10.1) does not pass yet; mend it first."
PLACES_FIRST = "Your soft_argmax (10.3) does not pass yet; mend it first."
NOTHING = [
    ("average_predictions", "a mirror that does nothing", (*IDENTITY, OWN_COPIES), 0.7, MIRROR_FIRST),
    ("average_predictions", "neither mirror nor copies", (*IDENTITY, LEFT_OUT), 0.7, MIRROR_FIRST),
    ("average_predictions", "points left alone", (*IDENTITY[:2],), 0.7, MIRROR_FIRST),
    ("average_predictions", "constant points", ((AXIS, "47.5"),), 0.5, MIRROR_FIRST),
    (
        "average_predictions",
        "96 - x, and copies left out",
        ((AXIS, "96 - mirrored[..., 0]"), LEFT_OUT),
        0.7,
        "You average what the models say of the images alone.",
    ),
    (
        "average_predictions",
        "96 - x, and a sum",
        ((AXIS, "96 - mirrored[..., 0]"), ("(2 * len(models))", "2")),
        0.7,
        MIRROR_FIRST,
    ),
    ("HeatmapNet", "always the middle", (MIDDLE,), 0.8, PLACES_FIRST),
    (
        "HeatmapNet",
        "corners, and y before x",
        ((CENTRES, "dtype=maps.dtype))"), (FORWARD, FORWARD.replace(".flatten", ".flip(2).flatten"))),
        0.8,
        PLACES_FIRST,
    ),
]


class SlowPatches(nn.Module):
    """A small transformer, every layer of which works on all 576 cells."""

    def __init__(self, keypoints: int = 15, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 4, 4), nn.GELU())
        self.place = nn.Parameter(0.02 * torch.randn(1, 576, width))
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True), 2)
        self.head = nn.Linear(width, keypoints)

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        cells = self.stem(images).flatten(2).transpose(1, 2) + self.place
        return self.head(self.layers(cells)).transpose(1, 2).unflatten(2, (24, 24))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return reference_names("10_beyond_the_sources")["soft_argmax"](self.maps(images)).flatten(1)


def _as_parameters(slips: list[Slip]) -> list:
    return _parameters((slip.exercise, slip.id, (slip,)) for slip in slips)


def _of_mistakes() -> list:
    return _parameters((*id.split("/"), (id,)) for id in LEAVE)


def _sampled(cases: list[tuple]) -> list:
    """Return pytest's parameters for cases of an exercise, an id and more."""
    return _parameters((exercise, id, (exercise, *rest)) for exercise, id, *rest in cases)


def _parameters(cases: Iterable[tuple[str, str, tuple]]) -> list:
    """Return pytest's parameters for cases of an exercise, an id and what the test is given."""
    met = Counter[str]()
    return [pytest.param(*given, id=f"{exercise}-{id}", marks=sampled(met, exercise)) for exercise, id, given in cases]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("slip", _as_parameters(SLIPS))
def test_a_slip_costs_about_its_share(slip: Slip) -> None:
    exercise = find_exercise(slip.exercise)
    result = grade(slip.exercise, reference_names(exercise.lesson, (slip.old, slip.new)), SEED)
    assert slip.least <= result.score / exercise.points <= slip.most, f"{result.score}\n{story(result)}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("id", _of_mistakes())
def test_a_known_mistake_leaves_what_does_not_depend_on_it(id: str) -> None:
    exercise = find_exercise(id.partition("/")[0])
    (mistake,) = (one for one in catalogue(find_lesson(exercise.lesson))[exercise.name] if one.id == id)
    result = grade(exercise.name, names_of(mistake), SEED)
    assert LEAVE[id] <= result.score / exercise.points < 1, f"{result.score}\n{story(result)}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("mistake", "old", "new"), OTHERS, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(OTHERS)])
def test_what_is_near_a_mistake_is_not_called_by_its_name(mistake: str, old: str, new: str) -> None:
    name = mistake.partition("/")[0]
    result = grade_and_diagnose(name, reference_names(find_exercise(name).lesson, (old, new)), SEED)
    assert result.outcome != "passed"
    assert result.misconception != mistake, story(result)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_another_model_under_the_same_name_is_not_called_a_file_that_nobody_reads() -> None:
    put_back = "model.load_weights(checkpoint_path)", "model = keras.models.load_model(checkpoint_path)"
    own = "model.set_weights(weights)", "model = keras.models.clone_model(model)"
    result = grade_and_diagnose("train_two_phase", reference_names("04_two_phase_cnn", put_back, own), SEED)
    assert result.outcome == "failed"
    assert result.problem is not None
    assert "another model under the same name" in str(result.problem.hint), story(result)
    assert "nobody reads" not in str(result.problem)


@pytest.mark.filterwarnings("ignore")
def test_an_error_of_opencv_is_told_in_a_sentence() -> None:
    names = reference_names("09_larger_dataset", ("cv2.resize(cut, (size, size),", "cv2.resize(cut, size,"))
    problem = grade("crop_face", names, SEED).problem
    assert problem is not None
    assert problem.got == "OpenCV was given a size that is no pair of whole numbers (width, height)"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("exercise", "change"), _sampled(CALLERS))
def test_a_slip_in_a_function_that_is_called_is_paid_where_it_was_made(exercise: str, change: tuple[str, str]) -> None:
    lesson = find_exercise(exercise).lesson
    called = "mirror_faces" if exercise == "average_predictions" else "soft_argmax"
    names = reference_names(lesson, change)
    assert grade(called, names, SEED).outcome != "passed"
    result = grade(exercise, names, SEED)
    assert result.outcome == "passed", story(result)


@pytest.mark.filterwarnings("ignore")
def test_copies_by_a_mirror_that_turns_images_upside_down_are_paid_there() -> None:
    names = reference_names(
        "10_beyond_the_sources", (FLIPPED, FLIPPED.replace("[:, :, ::-1]", "[:, ::-1]")), OWN_COPIES
    )
    result = grade("average_predictions", names, SEED)
    assert result.outcome == "passed", story(result)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("exercise", "changes", "most", "hint"), _sampled(NOTHING))
def test_nothing_follows_from_a_function_that_does_nothing(
    exercise: str, changes: tuple[tuple[str, str], ...], most: float, hint: str
) -> None:
    found = find_exercise(exercise)
    result = grade_and_diagnose(exercise, reference_names(found.lesson, *changes), SEED)
    assert result.score / found.points <= most, story(result)
    assert result.problem is not None
    assert str(result.problem.hint).startswith(hint)


@pytest.mark.filterwarnings("ignore")
def test_a_network_too_slow_to_be_trained_loses_the_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heatmap_network, "TRAINING_SECONDS", 0.5)
    names = {**reference_names("10_beyond_the_sources"), "HeatmapNet": SlowPatches}
    result = grade("HeatmapNet", names, SEED)
    assert [rung.rung.name for rung in result.rungs if not rung.passed] == ["learns_something", "learns_to_find"]
    assert result.problem is not None
    said = "The check trains your network for 480 steps; its step takes too long."
    assert str(result.problem.hint).startswith(said), story(result)
