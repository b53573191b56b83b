"""Checks of lesson 05: the configuration and how it is read."""

from __future__ import annotations

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

train_config = Ladder("TrainConfig")

SOURCES = {"lr": 1e-4, "step_size": 5, "gamma": 0.1, "patience": 5, "val_fraction": 0.2}
FIELDS = ("epochs", "lr", "step_size", "gamma", "patience", "batch_size", "val_fraction", "seed")
OUT_OF_RANGE: tuple[tuple[str, float], ...] = (
    *(("epochs", -3), ("lr", -0.001), ("step_size", -1), ("gamma", -0.5), ("patience", -2)),
    *(("batch_size", -8), ("batch_size", 0), ("val_fraction", 1.5), ("val_fraction", -0.2)),
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
        text = "".join(f"{field}: {wanted[field]:{'f' if field == 'lr' else ''}}\n" for field in chosen)
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


@train_config.rung("edge cases", points=2)
def refuses_unknown_keys(student: Student, rng: np.random.Generator) -> None:
    """A misspelled key is a ValueError that names it."""
    for key in ("learning_rate", "batchsize"):
        text = f"patience: 3\n{key}: 4"
        answer, where = _answer_to(student, text + "\n", key)
        if answer:
            hint = "Who misspells a key finds it by the message. Which class of error does the docstring promise?"
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
    hint = f"Is there a training run with {text}? Check each range, and name the field in the error that is promised."
    expected = "a ValueError that names the field"
    raise expect.Mismatch(expected, f"{answer}, for {', '.join(alike)}", text, hint, where=where)


@train_config.rung("side effects", points=1)
def is_frozen(student: Student, rng: np.random.Generator) -> None:
    """A configuration can't be changed after it was made."""
    found = student.probe("lesson_05.change", field="lr", value=0.5)
    unchanged = found["error"] is not None and found["after"] == found["before"]
    hint = "A data class can be frozen."
    expect.true(unchanged, "an error for config.lr = 0.5", "the new value was taken", hint=hint)
