"""Checks of lesson 05: the configuration and the dataset."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError
from autograder.worker.plain import TensorValue, type_name

train_config = Ladder("TrainConfig")
face_dataset = Ladder("FaceDataset")

SOURCES = {"lr": 1e-4, "step_size": 5, "gamma": 0.1, "patience": 5, "val_fraction": 0.2}
FIELDS = ("epochs", "lr", "step_size", "gamma", "patience", "batch_size", "val_fraction", "seed")
OUT_OF_RANGE = (
    ("epochs", -3),
    ("lr", -0.001),
    ("step_size", -1),
    ("gamma", -0.5),
    ("patience", -2),
    ("batch_size", -8),
    ("batch_size", 0),
    ("val_fraction", 1.5),
    ("val_fraction", -0.2),
)


@train_config.rung("type", points=1, gate=True)
def has_the_fields(student: Student, rng: np.random.Generator) -> None:
    """TrainConfig() has all eight fields."""
    found = student.probe("lesson_05.config", text=None)
    missing = [field for field in FIELDS if field not in found]
    expect.true(not missing, f"fields {', '.join(FIELDS)}", f"no {', '.join(missing)}")


@train_config.rung("values", points=1)
def defaults_of_the_sources(student: Student, rng: np.random.Generator) -> None:
    """The defaults are the sources' recipe."""
    found = student.probe("lesson_05.config", text=None)
    for field, value in SOURCES.items():
        expect.close(found[field], value, what=f"TrainConfig().{field}")


@train_config.rung("values", points=4)
def reads_yaml(student: Student, rng: np.random.Generator) -> None:
    """load_config takes every value of the file; fields that the file leaves out keep their defaults."""
    wanted = {
        "epochs": int(rng.integers(1, 99)),
        "lr": round(float(rng.uniform(0.0001, 0.01)), 6),
        "step_size": int(rng.integers(1, 9)),
        "gamma": round(float(rng.uniform(0.1, 0.9)), 3),
        "patience": int(rng.integers(1, 9)),
        "batch_size": int(rng.integers(1, 99)),
        "val_fraction": round(float(rng.uniform(0.1, 0.5)), 3),
        "seed": int(rng.integers(0, 99)),
    }
    for chosen in (list(wanted), ["patience", "lr"]):
        text = "".join(
            f"{field}: {wanted[field]:f}\n" if field == "lr" else f"{field}: {wanted[field]}\n" for field in chosen
        )
        found = student.probe("lesson_05.config", text=text)
        expect.true(found["type"] == "TrainConfig", "a TrainConfig", f"a {found['type']}", text)
        for field, value in ({**SOURCES, **{key: wanted[key] for key in chosen}}).items():
            expect.close(found[field], value, what=f"load_config(path).{field}", example=text)


def _answer_to(student: Student, text: str, field: str) -> tuple[str, str | None]:
    """Return what load_config makes of a file in which ``field`` is wrong, and the student's line that said so.

    What it makes of it is said in a few words; none where it is as it should.
    """
    try:
        student.probe("lesson_05.config", text=text)
    except StudentError as error:
        if expect.is_stub(error):
            raise
        if "ValueError" not in error.bases:
            return f"{error.type}, not ValueError", error.where
        return "" if field in error.message else "a ValueError that does not say which field", error.where
    return "no error", None


def _refusal_hint(answer: str, no_error: str) -> str:
    if answer == "no error":
        return no_error
    if answer.startswith("a ValueError"):
        return "The error should name the field, so that the reader of the message finds the line."
    return "It ends with an error, but one of another kind. Which class of error does the docstring promise?"


@train_config.rung("edge cases", points=2)
def refuses_unknown_keys(student: Student, rng: np.random.Generator) -> None:
    """A misspelled key is a ValueError that names it."""
    for key in ("learning_rate", "batchsize"):
        text = f"patience: 3\n{key}: 4"
        answer, where = _answer_to(student, text + "\n", key)
        if answer:
            hint = _refusal_hint(answer, "A key that is no field was ignored.")
            raise expect.Mismatch(f"a ValueError that names {key}", answer, text, hint, where=where)


@train_config.rung("edge cases", points=3)
def refuses_values_out_of_range(student: Student, rng: np.random.Generator) -> None:
    """A value that makes no sense is a ValueError that names its field."""
    answers = {f"{field}: {value}": _answer_to(student, f"{field}: {value}\n", field) for field, value in OUT_OF_RANGE}
    wrong = {text: answer for text, answer in answers.items() if answer[0]}
    if not wrong:
        return
    text, (answer, where) = next(iter(wrong.items()))
    alike = [line.replace(":", " =") for line, (other, _) in wrong.items() if other == answer]
    hint = _refusal_hint(answer, f"Is there a training run with {text}? Check each field against its range.")
    expected = "a ValueError that names the field"
    raise expect.Mismatch(expected, f"{answer}, for {', '.join(alike)}", text, hint, where=where)


@train_config.rung("side effects", points=1)
def is_frozen(student: Student, rng: np.random.Generator) -> None:
    """A configuration can't be changed after it was made."""
    found = student.probe("lesson_05.change", field="lr", value=0.5)
    unchanged = found["error"] is not None and found["after"] == found["before"]
    expect.true(
        unchanged, "an error for config.lr = 0.5", "the new value was taken", hint="A data class can be frozen."
    )


def _faces(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    images = rng.random((5, 96, 96), dtype=np.float32)
    keypoints = rng.uniform(0, 96, (5, 4, 2)).astype(np.float32)
    keypoints[1, 2] = np.nan
    keypoints[3, :, 0] = np.nan
    return images, keypoints


def _array(value: object, what: str) -> np.ndarray:
    found = value.array if isinstance(value, TensorValue) else value
    if not isinstance(found, np.ndarray):
        raise expect.Mismatch(f"{what}: a torch.Tensor", type_name(value))
    return found


def _ask(student: Student, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, dict]:
    images, keypoints = _faces(rng)
    answer = student.probe("lesson_05.dataset", images=images, keypoints=keypoints, indices=[0, 1, 3, 4])
    return images, keypoints, answer


@face_dataset.rung("type", points=1, gate=True)
def items_are_pairs(student: Student, rng: np.random.Generator) -> None:
    """An item is a pair of an image and its targets."""
    images, _, answer = _ask(student, rng)
    hint = "Faces with missing labels count too."
    expect.true(answer["length"] == len(images), f"len(dataset): {len(images)}", f"{answer['length']}", hint=hint)
    for item, size in zip(answer["items"], answer["sizes"], strict=True):
        got = "no tuple" if size is None else f"{size} of them"
        expect.true(size == 2, "dataset[0]: two values, (image, targets)", got)
        _array(item[0], "the image")
        _array(item[1], "the targets")


@face_dataset.rung("shape", points=2)
def shapes_of_an_item(student: Student, rng: np.random.Generator) -> None:
    """The image is (1, 96, 96), the targets are (2K,)."""
    images, keypoints, answer = _ask(student, rng)
    image, targets = (_array(part, "a part") for part in answer["items"][0])
    hint = "A convolution wants an axis of channels before height and width, even for one channel."
    expect.true(image.shape == (1, 96, 96), "an image of shape (1, 96, 96)", f"shape {image.shape}", hint=hint)
    want = (keypoints.shape[1] * 2,)
    hint = "The network answers with one row of numbers for each face: flatten (K, 2), whatever K is."
    expect.true(
        targets.shape == want,
        f"targets of shape {want} for keypoints {keypoints.shape}",
        f"shape {targets.shape}",
        hint=hint,
    )


@face_dataset.rung("dtype", points=1)
def dtypes_of_an_item(student: Student, rng: np.random.Generator) -> None:
    """Both are float32, as the network's weights are."""
    _, _, answer = _ask(student, rng)
    for part, what in zip(answer["items"][0], ("image", "targets"), strict=True):
        dtype = _array(part, what).dtype.name
        expect.true(
            dtype == "float32", f"the {what} in float32", dtype, hint="Convert once, when the dataset is built."
        )


@face_dataset.rung("values", points=4)
def values_of_items(student: Student, rng: np.random.Generator) -> None:
    """Pixels and coordinates are unchanged, in the order x, y, x, y, each with its own face."""
    images, keypoints, answer = _ask(student, rng)
    for index, item in zip([0, 4], [answer["items"][0], answer["items"][3]], strict=True):
        image, targets = (_array(part, "a part") for part in item)
        hint = "The images come scaled already." if np.nanmax(image) < 0.1 else None
        expect.close(image.ravel(), images[index].ravel(), what=f"the pixels of dataset[{index}][0]", hint=hint)
        want = keypoints[index].ravel()
        swapped = targets.size == want.size and np.allclose(targets.ravel(), keypoints[index].T.ravel())
        hint = (
            "All x come before all y here; the order is x, y of the first keypoint, then x, y of the next."
            if swapped
            else None
        )
        expect.close(targets.ravel(), want, what=f"dataset[{index}][1]", hint=hint)


@face_dataset.rung("edge cases", points=2)
def keeps_missing_labels(student: Student, rng: np.random.Generator) -> None:
    """Missing labels stay NaN, and no face is dropped."""
    _, keypoints, answer = _ask(student, rng)
    expect.equal(answer["length"], len(keypoints), what="len(dataset)", hint="Faces with missing labels count too.")
    for index, item in zip([1, 3], answer["items"][1:3], strict=True):
        hint = "NaN says that there is no label; the loss leaves it out. Any number in its place would be learned."
        got = _array(item[1], "the targets").ravel()
        expect.close(got, keypoints[index].ravel(), what=f"dataset[{index}][1]", hint=hint)


@face_dataset.rung("edge cases", points=1)
def can_be_loaded(student: Student, rng: np.random.Generator) -> None:
    """A DataLoader makes batches of it."""
    images, keypoints, answer = _ask(student, rng)
    expect.array(answer["batch"][0], shape=(5, 1, 96, 96), kind="torch", what="a batch of images")
    expect.array(answer["batch"][1], shape=(5, keypoints.shape[1] * 2), kind="torch", what="a batch of targets")


@face_dataset.rung("side effects", points=1)
def leaves_the_arrays(student: Student, rng: np.random.Generator) -> None:
    """The arrays it was built from are unchanged."""
    images, keypoints, answer = _ask(student, rng)
    expect.close(answer["images"], images, rtol=0, atol=0, what="images afterwards")
    expect.close(answer["keypoints"], keypoints, rtol=0, atol=0, what="keypoints afterwards")
