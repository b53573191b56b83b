"""The mistakes of lesson 04 in another hand: a diagnosis knows the mistake, not the way in which it is written."""

from __future__ import annotations

from functools import partial

import keras

from tests.lessons.answers import Answer, Names
from tests.lessons.battery import changed, names_after

LESSON = "04_two_phase_cnn"
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
    keep = keras.callbacks.ModelCheckpoint(checkpoint_path, save_best_only=True)
    for phase in (1, 2):
        compile_phase(model, phase)
        history = model.fit(train, validation_data=val, epochs=epochs[phase - 1], verbose=0,
                            callbacks=[*phase_callbacks(phase, f"{checkpoint_path}.own.keras"), keep])
        histories[f"phase{phase}"] = history.history
    model.load_weights(checkpoint_path)
    return histories
""",
}

TWICE_LEAKY = 'x = keras.layers.Dense(500, activation="leaky_relu")(x)\n'
ANSWER = "outputs = keras.layers.Dense(30)(x)"
ADDED_HUBER = """
    def added_huber(wanted, got):
        size = keras.ops.abs(wanted - got)
        return keras.ops.sum(keras.ops.where(size <= 1, size**2 / 2, size - 0.5), axis=-1)

"""
POOL = "        x = keras.layers.AveragePooling2D((2, 2))(x)\n"
FIT = "        history = model.fit("
EPOCH_BY_EPOCH = """        if phase == 2:
            parts = []
            for _ in range(epochs[1]):
                compile_phase(model, 2)
                saving = phase_callbacks(2, checkpoint_path)
                parts += [model.fit(train, validation_data=val, verbose=0, callbacks=saving)]
            histories["phase2"] = {name: [part.history[name][0] for part in parts] for name in ("loss", "val_loss")}
            break
"""


def _names(code: str, *texts: str) -> Names:
    """Return the lesson's names with the code, in which each old text of ``texts`` is replaced by the one behind it."""
    # Keras keeps what it has named: each network would take longer than the one before.
    keras.backend.clear_session()
    return names_after(LESSON, changed(code, *texts))


def _named(id: str, how: str, *texts: str) -> Answer:
    """Return the other style with each old text of ``texts`` replaced by the one behind it: the mistake ``id``."""
    exercise, _, mistake = id.partition("/")
    return Answer(exercise, f"{mistake}-{how}", partial(_names, OTHER[exercise], *texts), misconception=id)


RIGHT = [Answer(exercise, "in another hand", partial(_names, code), seeds=2) for exercise, code in OTHER.items()]
NAMED = [
    _named("to_unit_targets/still-pixels", "one way only", " / 96", ""),
    _named("to_unit_targets/still-pixels", "the other way only", "96 * ", ""),
    _named("to_unit_targets/by-95", "one way only", " / 96", " / 95"),
    _named("to_unit_targets/by-95", "the other way only", "96 * ", "95.0 * "),
    _named("to_unit_targets/by-100", "one way only", " / 96", " / 100"),
    _named("to_unit_targets/by-100", "the other way only", "96 * ", "1e2 * "),
    _named("to_unit_targets/by-255", "as a factor", " / 96", " * (1 / 255)"),
    _named(
        "to_unit_targets/around-zero", "minus the middle", "0] / 96", "0] / 96 * 2 - 1", "1] / 96", "1] / 96 * 2 - 1"
    ),
    _named("to_unit_targets/x-first", "two halves", "0::2] = k", ":15] = k", "1::2] = k", "15:] = k"),
    _named(
        "to_unit_targets/x-first",
        "the way back",
        "outputs[:, 0::2], outputs[:, 1::2]",
        "outputs[:, :15], outputs[:, 15:]",
    ),
    _named("to_unit_targets/swapped", "y, x", "[:, :, 0]", "[:, :, 2 - 1]", "[:, :, 1]", "[:, :, 0]"),
    _named(
        "to_unit_targets/zeros-for-nan",
        "by a mask",
        "    return targets",
        "    targets[np.isnan(targets)] = 0\n    return targets",
    ),
    _named(
        "to_unit_targets/zeros-for-nan",
        "the way back",
        "    return 96",
        "    pixels = np.where(pixels == pixels, pixels, 0)\n    return 96",
    ),
    _named(
        "to_unit_targets/filled",
        "by a table",
        "    return targets",
        "    import pandas as pd\n    return pd.DataFrame(targets).ffill().to_numpy()",
    ),
    _named(
        "to_unit_targets/in-place",
        "out=",
        "    keypoints = np.array(keypoints, np.float32)\n",
        "    np.divide(keypoints, 96, out=keypoints)\n",
        "] / 96",
        "]",
    ),
    _named(
        "to_unit_targets/in-place",
        "the way back",
        "    pixels = np.stack([",
        "    outputs[:] = outputs * 96\n    pixels = np.stack([",
        "96 * pixels",
        "pixels",
    ),
    _named("to_unit_targets/integers", "int", "96 * pixels", "(96 * pixels).astype(np.int64)"),
    _named("to_unit_targets/rounded", "rint", "96 * pixels", "np.rint(96 * pixels)"),
    _named("build_cnn/relu", "by name", "leaky_relu", "relu"),
    _named("build_cnn/relu", "slope 0", '"leaky_relu"', "keras.layers.LeakyReLU(negative_slope=0.0)"),
    _named(
        "build_cnn/relu", "convolutions only", '"he_normal", activation="leaky_relu"', '"he_normal", activation="relu"'
    ),
    _named("build_cnn/no-activation", "left out", ', activation="leaky_relu"', ""),
    _named("build_cnn/relu-output", "a layer", ANSWER, f"{ANSWER}\n    outputs = keras.layers.ReLU()(outputs)"),
    _named(
        "build_cnn/sigmoid-output",
        "a layer",
        ANSWER,
        f'{ANSWER}\n    outputs = keras.layers.Activation("sigmoid")(outputs)',
    ),
    _named("build_cnn/softmax-output", "a layer", ANSWER, f"{ANSWER}\n    outputs = keras.layers.Softmax()(outputs)"),
    _named("build_cnn/tanh-output", "a function", ANSWER, f"{ANSWER}\n    outputs = keras.ops.tanh(outputs)"),
    _named(
        "build_cnn/leaky-output", "a layer", ANSWER, f"{ANSWER}\n    outputs = keras.layers.LeakyReLU(0.1)(outputs)"
    ),
    _named("build_cnn/dropout-order", "in the list", "[0.05, 0.01, 0.15]", "[0.05, 0.15, 0.01]"),
    _named("build_cnn/dropout-kept", "in the list", "[0.05, 0.01, 0.15]", "[0.95, 0.99, 0.85]"),
    _named("build_cnn/no-dropout", "left out", "        x = keras.layers.Dropout(rate)(x)\n", ""),
    _named("build_cnn/no-pooling", "left out", POOL, ""),
    _named("build_cnn/strided-convolution", "beside pooling", "(5, 5), ", '(5, 5), strides=2, padding="same", '),
    _named("build_cnn/strided-convolution", "for pooling", "(5, 5), ", "(5, 5), strides=2, ", POOL, ""),
    _named("build_cnn/global-pooling", "the maximum", "Flatten", "GlobalMaxPooling2D"),
    _named("build_cnn/no-flatten", "left out", "    x = keras.layers.Flatten()(x)\n", ""),
    _named("build_cnn/fifteen-outputs", "15", "Dense(30)", "Dense(15)"),
    _named("build_cnn/one-dense", "left out", f"    {TWICE_LEAKY}    {TWICE_LEAKY}", f"    {TWICE_LEAKY}"),
    _named("build_cnn/batch-norm", "first of all", POOL, f"        x = keras.layers.BatchNormalization()(x)\n{POOL}"),
    _named("build_cnn/rescaled", "by hand", "    for filters", "    x = x / 255.0\n    for filters"),
    _named("compile_phase/exchanged", "the cases", "case 1:", "case 20:", "case 2:", "case 1:", "case 20:", "case 2:"),
    _named(
        "compile_phase/default-rates",
        "names",
        "keras.optimizers.Adam(0.0005)",
        '"adam"',
        "keras.optimizers.SGD(0.001, momentum=0.9)",
        '"sgd"',
    ),
    _named("compile_phase/default-rates", "SGD only", "SGD(0.001, momentum=0.9)", "SGD(momentum=0.9)"),
    _named("compile_phase/rates-exchanged", "both", "Adam(0.0005)", "Adam(0.001)", "SGD(0.001", "SGD(0.0005"),
    _named("compile_phase/no-momentum", "0", "momentum=0.9", "nesterov=True"),
    _named("compile_phase/squared-error", "a class", '"huber"', "keras.losses.MeanSquaredError()"),
    _named("compile_phase/absolute-error", "by name", '"huber"', '"mean_absolute_error"'),
    _named("compile_phase/log-cosh", "by name", '"huber"', '"log_cosh"'),
    _named(
        "compile_phase/outputs-added",
        "by hand",
        "    model.compile(",
        f"{ADDED_HUBER}    model.compile(",
        '"huber"',
        "added_huber",
    ),
    _named(
        "compile_phase/any-phase-accepted",
        "SGD for the rest",
        "        case 2:",
        "        case _:",
        "        case _:\n            raise ValueError(phase)\n",
        "",
    ),
    _named(
        "compile_phase/no-branch-left", "no last case", "        case _:\n            raise ValueError(phase)\n", ""
    ),
    _named("compile_phase/no-such-key", "KeyError by hand", "raise ValueError", "raise KeyError"),
    _named(
        "compile_phase/copy-compiled",
        "same layers",
        "    model.compile(",
        "    model = keras.Sequential(model.layers)\n    model.compile(",
    ),
    _named("phase_callbacks/last-weights-kept", "off", "restore_best_weights=True", "restore_best_weights=False"),
    _named("phase_callbacks/watches-training-loss", "phase 1 only", 'EarlyStopping("val_loss"', 'EarlyStopping("loss"'),
    _named(
        "phase_callbacks/watches-training-loss",
        "plateau only",
        'ReduceLROnPlateau("val_loss"',
        'ReduceLROnPlateau("loss"',
    ),
    _named("phase_callbacks/watches-training-loss", "checkpoint only", 'monitor="val_loss"', 'monitor="loss"'),
    _named("phase_callbacks/higher-is-better", "phase 1 only", "patience=20,", 'patience=20, mode="max",'),
    _named("phase_callbacks/higher-is-better", "checkpoint only", 'mode="min"', 'mode="max"'),
    _named("phase_callbacks/waits-too-long", "8", "0.5, 5)", "0.5, 8)"),
    _named("phase_callbacks/acts-too-soon", "1", "0.5, 5)", "0.5, 1)"),
    _named("phase_callbacks/default-factor", "left out", "0.5, 5)", "patience=5)"),
    _named("phase_callbacks/every-epoch-saved", "left out", ', mode="min", save_best_only=True', ""),
    _named(
        "phase_callbacks/own-path",
        "another folder",
        "filepath=checkpoint_path",
        'filepath=checkpoint_path.replace("lowest", "mine")',
    ),
    _named("phase_callbacks/exchanged", "the condition", "if phase == 1", "if phase == 2"),
    _named(
        "train_two_phase/from-scratch",
        "a new network",
        FIT,
        f"        model = model if phase == 1 else build_cnn()\n{FIT}",
        "    model.load_weights(checkpoint_path)\n",
        "",
        "        compile_phase(model, phase)\n",
        "",
        FIT,
        f"        compile_phase(model, phase)\n{FIT}",
    ),
    _named(
        "train_two_phase/from-scratch",
        "first weights back",
        "    histories = {}\n",
        "    histories, fresh = {}, model.get_weights()\n",
        FIT,
        f"        model.set_weights(fresh)\n{FIT}",
    ),
    _named(
        "train_two_phase/not-recompiled",
        "before the loop",
        "        compile_phase(model, phase)\n",
        "",
        "    for phase",
        "    compile_phase(model, 1)\n    for phase",
    ),
    _named("train_two_phase/phases-exchanged", "the loop", "in (1, 2)", "in (2, 1)"),
    _named("train_two_phase/compiled-every-epoch", "phase 2 only", FIT, f"{EPOCH_BY_EPOCH}{FIT}"),
    _named(
        "train_two_phase/first-phase-weights",
        "kept before phase 2",
        FIT,
        f"        kept = model.get_weights()\n{FIT}",
        "    model.load_weights(checkpoint_path)",
        "    model.set_weights(kept)",
    ),
    _named("train_two_phase/last-weights", "never loaded", "    model.load_weights(checkpoint_path)\n", ""),
    _named(
        "train_two_phase/validation-faces-trained-on",
        "data sets joined",
        ".shuffle(1000)",
        ".concatenate(tf.data.Dataset.from_tensor_slices((x_val, y_val))).shuffle(1000)",
    ),
    _named(
        "train_two_phase/validated-on-training-faces",
        "the same data set",
        "validation_data=val",
        "validation_data=train",
    ),
    _named(
        "train_two_phase/default-batch-size",
        "batch(32)",
        ".shuffle(1000).batch(batch_size)",
        ".shuffle(1000).batch(32)",
    ),
    _named("train_two_phase/epochs-exchanged", "from behind", "epochs[phase - 1]", "epochs[-phase]"),
    _named(
        "train_two_phase/one-history",
        "lists joined",
        "    return histories",
        "    one, two = histories.values()\n    return {name: one[name] + two[name] for name in one}",
    ),
    _named("train_two_phase/history-objects", "as they come", "= history.history", "= history"),
]
