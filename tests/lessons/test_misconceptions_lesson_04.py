"""The mistakes of lesson 04 in another hand: a diagnosis knows the mistake, not the way in which it is written."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from tests.lessons.battery import MISTAKE_SEED, changed, grade, grade_and_diagnose, remembering, story
from tests.reference import reference_names

LESSON = "04_two_phase_cnn"
pytestmark = remembering(LESSON)

# Right answers in another style than the reference, for the mistakes to be made in.
OTHER = {
    "to_unit_targets": """
def to_unit_targets(keypoints):
    keypoints = np.array(keypoints, np.float32)
    targets = np.empty((len(keypoints), 30), np.float32)
    targets[:, 0::2] = keypoints[:, :, 0] / 96
    targets[:, 1::2] = keypoints[:, :, 1] / 96
    return targets


def to_pixels(outputs):
    pixels = np.stack([outputs[:, 0::2], outputs[:, 1::2]], axis=-1)
    return 96 * pixels
""",
    "build_cnn": """
def build_cnn():
    inputs = x = keras.Input((96, 96, 1))
    for filters, rate in zip([32, 64, 128], [0.05, 0.01, 0.15]):
        x = keras.layers.Conv2D(filters, (5, 5), kernel_initializer="he_normal", activation="leaky_relu")(x)
        x = keras.layers.AveragePooling2D((2, 2))(x)
        x = keras.layers.Dropout(rate)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(500, activation="leaky_relu")(x)
    x = keras.layers.Dense(500, activation="leaky_relu")(x)
    outputs = keras.layers.Dense(30)(x)
    return keras.Model(inputs, outputs)
""",
    "compile_phase": """
def compile_phase(model, phase):
    match phase:
        case 1:
            chosen = keras.optimizers.Adam(0.0005)
        case 2:
            chosen = keras.optimizers.SGD(0.001, momentum=0.9)
        case _:
            raise ValueError(phase)
    model.compile(chosen, "huber", metrics=["mae"])
""",
    "phase_callbacks": """
def phase_callbacks(phase, checkpoint_path):
    from keras.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN
    stop = EarlyStopping("val_loss", patience=20, restore_best_weights=True)
    lower = ReduceLROnPlateau("val_loss", 0.5, 5)
    save = ModelCheckpoint(filepath=checkpoint_path, monitor="val_loss", mode="min", save_best_only=True)
    callbacks = [stop] if phase == 1 else [save, lower]
    return callbacks + [TerminateOnNaN()]
""",
    "train_two_phase": """
def train_two_phase(model, x, y, x_val, y_val, epochs=(200, 500), batch_size=128, checkpoint_path="best.keras"):
    import tensorflow as tf
    train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).batch(batch_size)
    val = tf.data.Dataset.from_tensor_slices((x_val, y_val)).batch(batch_size)
    histories = {}
    for phase in (1, 2):
        compile_phase(model, phase)
        history = model.fit(train, validation_data=val, epochs=epochs[phase - 1], verbose=0,
                            callbacks=phase_callbacks(phase, checkpoint_path))
        histories[f"phase{phase}"] = history.history
    model.load_weights(checkpoint_path)
    return histories
""",
}

TWICE_LEAKY = 'x = keras.layers.Dense(500, activation="leaky_relu")(x)\n'
ANSWER = "outputs = keras.layers.Dense(30)(x)"
POOL = "        x = keras.layers.AveragePooling2D((2, 2))(x)\n"
FIT = "        history = model.fit("
# The mistake, and what is changed in the other style to make it.
SPELLED: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("to_unit_targets/still-pixels", "one way only", [(" / 96", "")]),
    ("to_unit_targets/still-pixels", "the other way only", [("96 * ", "")]),
    ("to_unit_targets/by-95", "one way only", [(" / 96", " / 95")]),
    ("to_unit_targets/by-95", "the other way only", [("96 * ", "95.0 * ")]),
    ("to_unit_targets/by-255", "as a factor", [(" / 96", " * (1 / 255)")]),
    (
        "to_unit_targets/around-zero",
        "minus the middle",
        [("0] / 96", "0] / 96 * 2 - 1"), ("1] / 96", "1] / 96 * 2 - 1")],
    ),
    ("to_unit_targets/x-first", "two halves", [("0::2] = k", ":15] = k"), ("1::2] = k", "15:] = k")]),
    (
        "to_unit_targets/x-first",
        "the way back",
        [("outputs[:, 0::2], outputs[:, 1::2]", "outputs[:, :15], outputs[:, 15:]")],
    ),
    ("to_unit_targets/swapped", "y, x", [("[:, :, 0]", "[:, :, 2 - 1]"), ("[:, :, 1]", "[:, :, 0]")]),
    (
        "to_unit_targets/zeros-for-nan",
        "by a mask",
        [("    return targets", "    targets[np.isnan(targets)] = 0\n    return targets")],
    ),
    (
        "to_unit_targets/zeros-for-nan",
        "the way back",
        [("    return 96", "    pixels = np.where(pixels == pixels, pixels, 0)\n    return 96")],
    ),
    (
        "to_unit_targets/filled",
        "by a table",
        [("    return targets", "    import pandas as pd\n    return pd.DataFrame(targets).ffill().to_numpy()")],
    ),
    (
        "to_unit_targets/in-place",
        "out=",
        [
            ("    keypoints = np.array(keypoints, np.float32)\n", "    np.divide(keypoints, 96, out=keypoints)\n"),
            ("] / 96", "]"),
        ],
    ),
    (
        "to_unit_targets/in-place",
        "the way back",
        [
            ("    pixels = np.stack([", "    outputs[:] = outputs * 96\n    pixels = np.stack(["),
            ("96 * pixels", "pixels"),
        ],
    ),
    ("to_unit_targets/integers", "int", [("96 * pixels", "(96 * pixels).astype(np.int64)")]),
    ("to_unit_targets/rounded", "rint", [("96 * pixels", "np.rint(96 * pixels)")]),
    ("build_cnn/relu", "by name", [("leaky_relu", "relu")]),
    ("build_cnn/relu", "slope 0", [('"leaky_relu"', "keras.layers.LeakyReLU(negative_slope=0.0)")]),
    (
        "build_cnn/relu",
        "convolutions only",
        [('"he_normal", activation="leaky_relu"', '"he_normal", activation="relu"')],
    ),
    ("build_cnn/no-activation", "left out", [(', activation="leaky_relu"', "")]),
    ("build_cnn/relu-output", "a layer", [(ANSWER, f"{ANSWER}\n    outputs = keras.layers.ReLU()(outputs)")]),
    (
        "build_cnn/sigmoid-output",
        "a layer",
        [(ANSWER, f'{ANSWER}\n    outputs = keras.layers.Activation("sigmoid")(outputs)')],
    ),
    ("build_cnn/softmax-output", "a layer", [(ANSWER, f"{ANSWER}\n    outputs = keras.layers.Softmax()(outputs)")]),
    ("build_cnn/dropout-order", "in the list", [("[0.05, 0.01, 0.15]", "[0.05, 0.15, 0.01]")]),
    ("build_cnn/dropout-kept", "in the list", [("[0.05, 0.01, 0.15]", "[0.95, 0.99, 0.85]")]),
    ("build_cnn/no-dropout", "left out", [("        x = keras.layers.Dropout(rate)(x)\n", "")]),
    ("build_cnn/no-pooling", "left out", [(POOL, "")]),
    ("build_cnn/strided-convolution", "beside pooling", [("(5, 5), ", '(5, 5), strides=2, padding="same", ')]),
    ("build_cnn/strided-convolution", "for pooling", [("(5, 5), ", "(5, 5), strides=2, "), (POOL, "")]),
    ("build_cnn/global-pooling", "the maximum", [("Flatten", "GlobalMaxPooling2D")]),
    ("build_cnn/no-flatten", "left out", [("    x = keras.layers.Flatten()(x)\n", "")]),
    ("build_cnn/fifteen-outputs", "15", [("Dense(30)", "Dense(15)")]),
    ("build_cnn/one-dense", "left out", [(f"    {TWICE_LEAKY}    {TWICE_LEAKY}", f"    {TWICE_LEAKY}")]),
    ("build_cnn/batch-norm", "first of all", [(POOL, f"        x = keras.layers.BatchNormalization()(x)\n{POOL}")]),
    ("build_cnn/rescaled", "by hand", [("    for filters", "    x = x / 255.0\n    for filters")]),
    (
        "compile_phase/exchanged",
        "the cases",
        [("case 1:", "case 20:"), ("case 2:", "case 1:"), ("case 20:", "case 2:")],
    ),
    (
        "compile_phase/default-rates",
        "names",
        [("keras.optimizers.Adam(0.0005)", '"adam"'), ("keras.optimizers.SGD(0.001, momentum=0.9)", '"sgd"')],
    ),
    ("compile_phase/default-rates", "SGD only", [("SGD(0.001, momentum=0.9)", "SGD(momentum=0.9)")]),
    ("compile_phase/rates-exchanged", "both", [("Adam(0.0005)", "Adam(0.001)"), ("SGD(0.001", "SGD(0.0005")]),
    ("compile_phase/no-momentum", "0", [("momentum=0.9", "nesterov=True")]),
    ("compile_phase/squared-error", "a class", [('"huber"', "keras.losses.MeanSquaredError()")]),
    ("compile_phase/absolute-error", "by name", [('"huber"', '"mean_absolute_error"')]),
    (
        "compile_phase/any-phase-accepted",
        "SGD for the rest",
        [("        case 2:", "        case _:"), ("        case _:\n            raise ValueError(phase)\n", "")],
    ),
    ("compile_phase/no-branch-left", "no last case", [("        case _:\n            raise ValueError(phase)\n", "")]),
    ("compile_phase/no-such-key", "KeyError by hand", [("raise ValueError", "raise KeyError")]),
    (
        "compile_phase/copy-compiled",
        "same layers",
        [("    model.compile(", "    model = keras.Sequential(model.layers)\n    model.compile(")],
    ),
    ("phase_callbacks/last-weights-kept", "off", [("restore_best_weights=True", "restore_best_weights=False")]),
    ("phase_callbacks/watches-training-loss", "phase 1 only", [('EarlyStopping("val_loss"', 'EarlyStopping("loss"')]),
    (
        "phase_callbacks/watches-training-loss",
        "plateau only",
        [('ReduceLROnPlateau("val_loss"', 'ReduceLROnPlateau("loss"')],
    ),
    ("phase_callbacks/watches-training-loss", "checkpoint only", [('monitor="val_loss"', 'monitor="loss"')]),
    ("phase_callbacks/higher-is-better", "phase 1 only", [("patience=20,", 'patience=20, mode="max",')]),
    ("phase_callbacks/higher-is-better", "checkpoint only", [('mode="min"', 'mode="max"')]),
    ("phase_callbacks/waits-too-long", "8", [("0.5, 5)", "0.5, 8)")]),
    ("phase_callbacks/acts-too-soon", "1", [("0.5, 5)", "0.5, 1)")]),
    ("phase_callbacks/default-factor", "left out", [("0.5, 5)", "patience=5)")]),
    ("phase_callbacks/every-epoch-saved", "left out", [(', mode="min", save_best_only=True', "")]),
    (
        "phase_callbacks/own-path",
        "another folder",
        [("filepath=checkpoint_path", 'filepath=checkpoint_path.replace("lowest", "mine")')],
    ),
    ("phase_callbacks/exchanged", "the condition", [("if phase == 1", "if phase == 2")]),
    (
        "train_two_phase/from-scratch",
        "a new network",
        [
            (FIT, f"        model = model if phase == 1 else build_cnn()\n{FIT}"),
            ("        compile_phase(model, phase)\n", ""),
            (FIT, f"        compile_phase(model, phase)\n{FIT}"),
        ],
    ),
    (
        "train_two_phase/from-scratch",
        "first weights back",
        [
            ("    histories = {}\n", "    histories, fresh = {}, model.get_weights()\n"),
            (FIT, f"        model.set_weights(fresh)\n{FIT}"),
        ],
    ),
    (
        "train_two_phase/not-recompiled",
        "before the loop",
        [
            ("        compile_phase(model, phase)\n", ""),
            ("    for phase", "    compile_phase(model, 1)\n    for phase"),
        ],
    ),
    ("train_two_phase/last-weights", "never loaded", [("    model.load_weights(checkpoint_path)\n", "")]),
    (
        "train_two_phase/validation-faces-trained-on",
        "data sets joined",
        [(".shuffle(1000)", ".concatenate(tf.data.Dataset.from_tensor_slices((x_val, y_val))).shuffle(1000)")],
    ),
    (
        "train_two_phase/validated-on-training-faces",
        "the same data set",
        [("validation_data=val", "validation_data=train")],
    ),
    (
        "train_two_phase/default-batch-size",
        "batch(32)",
        [(".shuffle(1000).batch(batch_size)", ".shuffle(1000).batch(32)")],
    ),
    ("train_two_phase/epochs-exchanged", "from behind", [("epochs[phase - 1]", "epochs[-phase]")]),
    (
        "train_two_phase/one-history",
        "lists joined",
        [
            (
                "    return histories",
                "    one, two = histories.values()\n    return {name: one[name] + two[name] for name in one}",
            )
        ],
    ),
    ("train_two_phase/history-objects", "as they come", [("= history.history", "= history")]),
]


def names_with(code: str) -> dict[str, Any]:
    names = {**reference_names(LESSON), "__name__": "spelled"}
    exec(compile(code, "<another hand>", "exec"), names)
    return names


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("exercise", OTHER)
def test_the_other_style_is_right(exercise: str) -> None:
    result = grade(exercise, names_with(OTHER[exercise]), MISTAKE_SEED)
    assert result.outcome == "passed", story(result)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("mistake", "changes"), [pytest.param(id, changes, id=f"{id}-{how}") for id, how, changes in SPELLED]
)
def test_mistakes_in_another_hand_are_named(mistake: str, changes: list[tuple[str, str]]) -> None:
    exercise = mistake.partition("/")[0]
    code = changed(OTHER[exercise], *(text for change in changes for text in change))
    result = grade_and_diagnose(exercise, names_with(code), MISTAKE_SEED)
    assert result.outcome == "failed"
    assert result.misconception == mistake, story(result)
    keras.backend.clear_session()
