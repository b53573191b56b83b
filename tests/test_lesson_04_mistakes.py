"""The checks of lesson 04 against the mistakes that students make, each put into the reference code."""

from __future__ import annotations

import pytest

from tests.battery import grade, story
from tests.reference import reference_names

LESSON = "04_two_phase_cnn"
LEAKY = "keras.layers.LeakyReLU(negative_slope=0.3)"
POOL = "            keras.layers.MaxPooling2D(2),\n"
LAST = "keras.layers.Dense(30)"
UNIT = "(keypoints.reshape(len(keypoints), -1) / IMAGE_SIZE)"
PIXELS = "(outputs.reshape(len(outputs), -1, 2) * IMAGE_SIZE)"
SECOND = "    compile_phase(model, 2)\n"
RESTORE = """    if min(phase2["val_loss"]) < lowest:
        model.load_weights(checkpoint_path)
    else:
        model.set_weights(weights)
        model.save(checkpoint_path)
"""
# Exercise, mistake, the change of the reference that makes it, and words that the student must read.
WRONG: list[tuple[str, str, tuple[str, str], str]] = [
    ("to_unit_targets", "by 95", (UNIT, UNIT.replace("IMAGE_SIZE", "95")), "last pixel"),
    ("to_unit_targets", "by 255", (UNIT, UNIT.replace("IMAGE_SIZE", "255")), "range of pixel values"),
    ("to_unit_targets", "-1 to 1", (UNIT, UNIT.replace("/ IMAGE_SIZE", "/ 48 - 1")), "[-1, 1]"),
    (
        "to_unit_targets",
        "all x first",
        (UNIT, UNIT.replace("keypoints.re", "keypoints.transpose(0, 2, 1).re")),
        "All x come first",
    ),
    ("to_unit_targets", "swapped", (UNIT, UNIT.replace("keypoints.re", "keypoints[..., ::-1].re")), "changed places"),
    ("to_unit_targets", "zeros for NaN", (UNIT, f"np.nan_to_num({UNIT})"), "stay NaN"),
    (
        "to_unit_targets",
        "in place",
        ("    return " + UNIT, "    keypoints /= IMAGE_SIZE\n    return keypoints.reshape(len(keypoints), -1)"),
        "change the caller's array",
    ),
    ("to_unit_targets", "pixels by 95", (PIXELS, PIXELS.replace("IMAGE_SIZE", "95")), "last pixel"),
    (
        "to_unit_targets",
        "pixels halves",
        (PIXELS, "outputs.reshape(len(outputs), 2, -1).transpose(0, 2, 1) * 96 + np.zeros(1)"),
        "in pairs",
    ),
    ("to_unit_targets", "rounded", (PIXELS, f"np.round({PIXELS})"), "do not round"),
    ("build_cnn", "ReLU", (LEAKY, "keras.layers.ReLU()"), "plain ReLU"),
    ("build_cnn", "PReLU", (LEAKY, "keras.layers.PReLU()"), "weights of its own"),
    ("build_cnn", "ELU", (LEAKY, "keras.layers.ELU()"), "LeakyReLU"),
    ("build_cnn", "no activation", (LEAKY, "keras.layers.Identity()"), "nothing bends"),
    ("build_cnn", "sigmoid", (LAST, 'keras.layers.Dense(30, activation="sigmoid")'), "a sigmoid"),
    ("build_cnn", "softmax", (LAST, 'keras.layers.Dense(30, activation="softmax")'), "a softmax"),
    ("build_cnn", "ReLU at the end", (LAST, 'keras.layers.Dense(30, activation="relu")'), "a ReLU"),
    (
        "build_cnn",
        "leaky at the end",
        (f"{LAST})", f"{LAST})\n    layers.append(keras.layers.LeakyReLU())"),
        "Nothing may follow",
    ),
    ("build_cnn", "dropout order", ("(64, 0.01), (128, 0.15)", "(64, 0.15), (128, 0.01)"), "not in this order"),
    ("build_cnn", "dropout keeps", ("Dropout(dropped)", "Dropout(1 - dropped)"), "share that is kept"),
    (
        "build_cnn",
        "no dropout",
        ("            keras.layers.Dropout(dropped),\n", ""),
        "one dropout layer in each block",
    ),
    ("build_cnn", "filters", ("(128, 0.15)", "(256, 0.15)"), "conv 256"),
    ("build_cnn", "no pooling", (POOL, ""), "2x2 pooling"),
    ("build_cnn", "pool 3", (POOL, POOL.replace("2D(2)", "2D(3)")), "2x2 pooling"),
    ("build_cnn", "stride", ('3, padding="same"', '3, strides=2, padding="same"'), "pooling alone halves"),
    (
        "build_cnn",
        "batch norm",
        (POOL, POOL + "            keras.layers.BatchNormalization(),\n"),
        "weights of its own",
    ),
    (
        "build_cnn",
        "global pooling",
        ("keras.layers.Flatten()", "keras.layers.GlobalAveragePooling2D()"),
        "forgets where things are",
    ),
    ("build_cnn", "one dense", ("range(2)", "range(1)"), "dense 500"),
    ("build_cnn", "15 outputs", (LAST, "keras.layers.Dense(15)"), "15 keypoints times 2"),
    (
        "build_cnn",
        "nothing returned",
        ("return keras.Sequential(layers)", "keras.Sequential(layers)"),
        "Return the model",
    ),
    ("compile_phase", "Adam's default", ("Adam(learning_rate=5e-4)", "Adam()"), "default"),
    ("compile_phase", "5e-3", ("5e-4", "5e-3"), "learning rate"),
    ("compile_phase", "no momentum", (", momentum=0.9", ""), "Without momentum"),
    ("compile_phase", "SGD's default", ("SGD(learning_rate=1e-3, ", "SGD("), "default"),
    (
        "compile_phase",
        "exchanged",
        ("    if phase == 1:\n        optimizer", "    phase = 3 - phase\n    if phase == 1:\n        optimizer"),
        "Adam is for phase 1",
    ),
    ("compile_phase", "MSE", ("keras.losses.Huber()", '"mse"'), "mean squared error"),
    ("compile_phase", "MAE", ("keras.losses.Huber()", '"mae"'), "mean absolute error"),
    ("compile_phase", "delta", ("keras.losses.Huber()", "keras.losses.Huber(delta=0.5)"), "the loss of phase 1"),
    (
        "compile_phase",
        "no error",
        (
            'raise ValueError(f"expected phase 1 or 2, got {phase!r}")\n    model.compile',
            'optimizer = "sgd"\n    model.compile',
        ),
        "must not be trained silently",
    ),
    (
        "compile_phase",
        "rebuilds",
        ("    model.compile(", "    model = keras.models.clone_model(model)\n    model.compile("),
        "very model that comes in",
    ),
    (
        "compile_phase",
        "weights reset",
        ("    model.compile(", "    model.set_weights([0 * w for w in model.get_weights()])\n    model.compile("),
        "leave the weights",
    ),
    ("phase_callbacks", "not restored", (", restore_best_weights=True", ""), "keeps the last weights"),
    (
        "phase_callbacks",
        "watches loss",
        ('EarlyStopping(monitor="val_loss"', 'EarlyStopping(monitor="loss"'),
        "Watch the validation loss",
    ),
    (
        "phase_callbacks",
        "max",
        ('EarlyStopping(monitor="val_loss"', 'EarlyStopping(mode="max", monitor="val_loss"'),
        "stops after",
    ),
    (
        "phase_callbacks",
        "patience 10",
        ('monitor="val_loss", patience=5', 'monitor="val_loss", patience=10'),
        "5 of them",
    ),
    (
        "phase_callbacks",
        "patience 3",
        ('monitor="val_loss", patience=5', 'monitor="val_loss", patience=3'),
        "5 of them",
    ),
    ("phase_callbacks", "factor 0.1", (" factor=0.5,", ""), "default is 0.1"),
    (
        "phase_callbacks",
        "plateau of loss",
        ('monitor="val_loss", patience=5', 'monitor="loss", patience=5'),
        "Which loss",
    ),
    (
        "phase_callbacks",
        "saves all",
        (', monitor="val_loss", save_best_only=True),\n        ]', "),\n        ]"),
        "Every epoch overwrites",
    ),
    (
        "phase_callbacks",
        "own path",
        ('checkpoint_path, monitor="val_loss"', 'checkpoint_path + ".best.keras", monitor="val_loss"'),
        "very path",
    ),
    (
        "phase_callbacks",
        "exchanged",
        ("    if phase == 1:\n        return", "    phase = 3 - phase\n    if phase == 1:\n        return"),
        "EarlyStopping",
    ),
    ("train_two_phase", "rebuilt", (SECOND, f"    model = keras.models.clone_model(model)\n{SECOND}"), "from scratch"),
    (
        "train_two_phase",
        "reset",
        (SECOND, f"    model.set_weights([0 * w for w in weights])\n{SECOND}"),
        "Phase 2 starts where",
    ),
    ("train_two_phase", "one optimizer", (SECOND, ""), "compile the model for phase 2"),
    ("train_two_phase", "last weights", (RESTORE, ""), "last weights"),
    ("train_two_phase", "phase 1's weights", (RESTORE, "    model.set_weights(weights)\n"), "phase 1 ended with"),
    (
        "train_two_phase",
        "exchanged",
        ("compile_phase(model, 1)\n    callbacks", "compile_phase(model, 2)\n    callbacks"),
        "a fit with Adam, then",
    ),
    ("train_two_phase", "batch size", ('"batch_size": batch_size, ', ""), "default"),
    (
        "train_two_phase",
        "leak",
        ('"x": x, "y": y,', '"x": np.concatenate([x, x_val]), "y": np.concatenate([y, y_val]),'),
        "validation faces are trained on",
    ),
    (
        "train_two_phase",
        "no callbacks",
        ("callbacks = [*phase_callbacks(2, checkpoint_path), settled,", "callbacks = ["),
        "",
    ),
    (
        "train_two_phase",
        "validates on training faces",
        ('"validation_data": (x_val, y_val)', '"validation_data": (x, y)'),
        "",
    ),
    ("train_two_phase", "one history", ('return {"phase1": phase1, "phase2": phase2}', "return phase2"), "phase1"),
    ("train_two_phase", "epochs exchanged", ("epochs=epochs[0]", "epochs=epochs[1]"), "at most 4 epochs"),
    (
        "train_two_phase",
        "other defaults",
        ("epochs: tuple[int, int] = (200, 500)", "epochs: tuple[int, int] = (20, 50)"),
        "epochs=(200, 500)",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("exercise", "change", "said"), [pytest.param(e, change, said, id=f"{e}-{m}") for e, m, change, said in WRONG]
)
def test_wrong_answers_lose_points_and_are_told_why(exercise: str, change: tuple[str, str], said: str) -> None:
    result = grade(exercise, reference_names(LESSON, change), seed=sum(map(ord, exercise + said)))
    assert result.outcome != "passed"
    assert result.score < result.exercise.points
    assert said in str(result.problem), story(result)
