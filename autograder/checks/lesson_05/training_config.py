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
# The last values that the docstring allows, and the first that it does not.
ALLOWED: tuple[tuple[str, float], ...] = (
    *(("gamma", 1), ("epochs", 1), ("step_size", 1), ("patience", 1), ("batch_size", 1), ("seed", 0)),
)
REFUSED: tuple[tuple[str, float], ...] = (
    *(("lr", 0), ("gamma", 0), ("gamma", 1.1), ("epochs", 0), ("step_size", 0), ("patience", 0), ("seed", -1)),
    *(("val_fraction", 0), ("val_fraction", 1)),
)


def _draw_settings(rng: np.random.Generator) -> dict[str, float]:
    """Draw a value well within the range of each field: where ranges end is asked apart."""
    return {
        "epochs": int(rng.integers(2, 99)),
        "lr": round(float(rng.uniform(0.0001, 0.01)), 6),
        "step_size": int(rng.integers(2, 9)),
        "gamma": round(float(rng.uniform(0.1, 0.9)), 3),
        "patience": int(rng.integers(2, 9)),
        "batch_size": int(rng.integers(2, 99)),
        "val_fraction": round(float(rng.uniform(0.1, 0.5)), 3),
        "seed": int(rng.integers(1, 99)),
    }


def _text(settings: dict[str, float]) -> str:
    """Return the lines of a YAML file; a rate is written without an exponent, which YAML 1.1 reads as text."""
    return "".join(f"{field}: {value:{'f' if field == 'lr' else ''}}\n" for field, value in settings.items())


@train_config.rung("type", points=1, gate=True)
def has_the_fields(student: Student, rng: np.random.Generator) -> None:
    """A TrainConfig has all eight fields."""
    found = student.probe("lesson_05.config", text=None, settings=_draw_settings(rng))
    missing = [field for field in FIELDS if field not in found]
    expect.true(not missing, f"fields {', '.join(FIELDS)}", f"no {', '.join(missing)}")


@train_config.rung("values", points=1)
def defaults_of_the_sources(student: Student, rng: np.random.Generator) -> None:
    """The defaults are the sources' recipe, for a TrainConfig() and for what a file leaves out."""
    patience = int(rng.integers(6, 20))
    for text, what in ((None, "TrainConfig()"), (f"patience: {patience}\n", "load_config(path)")):
        try:
            found = student.probe("lesson_05.config", text=text)
        except StudentError as error:
            if expect.is_stub(error) or "ValueError" not in error.bases:
                raise
            hint = "Each default lies in the range that the docstring gives. Which of your checks refuses one?"
            raise expect.Mismatch(f"{what}: the defaults", str(error), text, hint, where=error.where) from None
        wanted = SOURCES if text is None else {**SOURCES, "patience": patience}
        for field, value in wanted.items():
            expect.close(found.get(field), value, what=f"{what}.{field}", example=text)


@train_config.rung("values", points=4)
def reads_yaml(student: Student, rng: np.random.Generator) -> None:
    """load_config takes every value of the file; fields that the file leaves out keep their defaults."""
    wanted = _draw_settings(rng)
    # Left out: what every range allows.
    for chosen in (list(wanted), ["patience", "lr", "seed", "epochs", "batch_size"]):
        text = _text({field: wanted[field] for field in chosen})
        found = student.probe("lesson_05.config", text=text)
        expect.true(found["type"] == "TrainConfig", "a TrainConfig", f"a {found['type']}", text)
        for field, value in ({**SOURCES, **{key: wanted[key] for key in chosen}}).items():
            expect.close(found.get(field), value, what=f"load_config(path).{field}", example=text)


# The fields that count something.
WHOLE = ("epochs", "step_size", "patience", "batch_size", "seed")


@train_config.rung("dtype", points=1)
def whole_numbers_stay_whole(student: Student, rng: np.random.Generator) -> None:
    """Whole numbers of the file are int in the configuration, so that range(config.epochs) works."""
    text = _text(_draw_settings(rng))
    found = student.probe("lesson_05.config", text=text)
    for field in WHOLE:
        value = found.get(field)
        whole = type(value) is int or (isinstance(value, np.ndarray) and value.dtype.kind in "iu")
        hint = "range(12.0) is a TypeError: leave whole numbers as YAML reads them."
        expect.true(whole, f"load_config(path).{field}: an int", expect.show_typed(value), text, hint)


def _among(settings: dict[str, float], field: str, line: str) -> str:
    """Return a file of these settings with ``line`` in place of the field's own."""
    return _text({other: value for other, value in settings.items() if other != field}) + line


def _expect_reads(student: Student, rng: np.random.Generator) -> dict[str, float]:
    """Expect that a file without a mistake is read: whoever refuses every file has checked nothing; return it."""
    settings = _draw_settings(rng)
    text = _text(settings)
    found = student.probe("lesson_05.config", text=text)
    hint = "This file is right: nothing in it is to be refused."
    # Those first whose defaults are the same whoever wrote them.
    for field in (*SOURCES, *(field for field in FIELDS if field not in SOURCES)):
        expect.close(found.get(field), settings[field], what=f"load_config(path).{field}", example=text, hint=hint)
    return settings


def _answer_to(student: Student, text: str, field: str) -> tuple[str, str | None]:
    """Return what load_config makes of a file in which ``field`` is wrong, and the student's line that said so.

    What it makes of it is said in a few words; none where it is as it should.
    """
    try:
        kind = student.probe("lesson_05.config", text=text)["type"]
    except StudentError as error:
        if expect.is_stub(error):
            raise
        if "ValueError" not in error.bases:
            return f"{error.type}, not ValueError", error.where
        return "" if field in error.message else "a ValueError that does not say which field", error.where
    return "no error" if kind == "TrainConfig" else f"no error, and a {kind} for a TrainConfig", None


@train_config.rung("edge cases", points=2)
def refuses_unknown_keys(student: Student, rng: np.random.Generator) -> None:
    """A misspelled key is a ValueError that names it."""
    settings = _expect_reads(student, rng)
    for key in ("learning_rate", "batchsize"):
        text = f"{key}: 4"
        answer, where = _answer_to(student, _among(settings, "", f"{text}\n"), key)
        if answer:
            hint = "Who misspells a key finds it by the message. Which class of error does the docstring promise?"
            raise expect.Mismatch(f"a ValueError that names {key}", answer, text, hint, where=where)


def _expect_refused(student: Student, settings: dict[str, float], lines: tuple[tuple[str, float], ...]) -> None:
    """Expect of each line, among right ones, a ValueError that names its field; those with the same fault are told."""
    answers = {
        f"{field}: {value}": _answer_to(student, _among(settings, field, f"{field}: {value}\n"), field)
        for field, value in lines
    }
    wrong = {text: answer for text, answer in answers.items() if answer[0]}
    if not wrong:
        return
    text, (answer, where) = next(iter(wrong.items()))
    alike = [line.replace(":", " =") for line, (other, _) in wrong.items() if other == answer]
    hint = f"Is there a training run with {text}? Check each range, and name the field in the error that is promised."
    expected = "a ValueError that names the field"
    raise expect.Mismatch(expected, f"{answer}, for {', '.join(alike)}", text, hint, where=where)


@train_config.rung("edge cases", points=3)
def refuses_values_out_of_range(student: Student, rng: np.random.Generator) -> None:
    """A value that makes no sense is a ValueError that names its field."""
    _expect_refused(student, _expect_reads(student, rng), OUT_OF_RANGE)


@train_config.rung("edge cases", points=2)
def knows_where_each_range_ends(student: Student, rng: np.random.Generator) -> None:
    """The last value of each range is taken, the first one outside is a ValueError."""
    settings = _draw_settings(rng)
    for field, value in ALLOWED:
        text = f"{field}: {value}\n"
        hint = "The docstring says where each range ends, and whether its end belongs to it."
        try:
            found = student.probe("lesson_05.config", text=_among(settings, field, text))
        except StudentError as error:
            if expect.is_stub(error):
                raise
            raise expect.Mismatch(f"{field} = {value} is taken", error.type, text, hint, where=error.where) from None
        expect.close(found.get(field), value, what=f"load_config(path).{field}", example=text, hint=hint)
    _expect_refused(student, settings, REFUSED)


@train_config.rung("edge cases", points=1)
def refuses_text_for_a_number(student: Student, rng: np.random.Generator) -> None:
    """A text in place of a number is a ValueError that names the field; text that spells one may be read as it."""
    settings = _expect_reads(student, rng)
    for field, written, meant in (("lr", "fast", None), ("lr", "1e-4", 1e-4), ("epochs", "many", None)):
        text = f"{field}: {written}\n"
        answer, where = _answer_to(student, _among(settings, field, text), field)
        if answer == "no error" and meant is not None:
            found = student.probe("lesson_05.config", text=_among(settings, field, text)).get(field)
            if isinstance(found, float) and np.isclose(found, meant):
                continue
            answer = f"no error; {field} is {expect.show(found)}"
        if answer:
            hint = (
                f"YAML reads `{written}` as text. Python can't say whether a text is more than 0: ask its type first."
            )
            raise expect.Mismatch(f"a ValueError that names {field}", answer, text, hint, where=where)


@train_config.rung("edge cases", points=1)
def reads_an_empty_file(student: Student, rng: np.random.Generator) -> None:
    """A file without a line leaves every field at its default."""
    _expect_reads(student, rng)
    defaults = student.probe("lesson_05.config", text=None)
    for text in ("", "# the defaults will do\n"):
        shown, hint = text or "(an empty file)", "Of an empty file, YAML makes None. What do you do with it?"
        try:
            found = student.probe("lesson_05.config", text=text)
        except StudentError as error:
            if expect.is_stub(error):
                raise
            raise expect.Mismatch("the defaults", str(error), shown, hint, where=error.where) from None
        expect.true(found == defaults, "the defaults", f"{found}"[:200], shown, hint)


@train_config.rung("side effects", points=1)
def is_frozen(student: Student, rng: np.random.Generator) -> None:
    """A configuration can't be changed after it was made."""
    found = student.probe("lesson_05.change", settings=_draw_settings(rng), field="lr", value=0.5)
    unchanged = found["error"] is not None and found["after"] == found["before"]
    hint = "A data class can be frozen."
    expect.true(unchanged, "an error for config.lr = 0.5", "the new value was taken", hint=hint)
