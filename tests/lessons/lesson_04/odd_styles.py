"""Right answers to lesson 04 in odd styles, as code."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.lessons.battery import names_after

# By exercise and id.
CODES = {
    ("to_unit_targets", "div-96"): """
def to_unit_targets(keypoints):
    return (
        np.divide(keypoints, 96, dtype=np.float32).reshape(-1, 30)
        if keypoints.dtype == np.float32
        else (keypoints / 96.0).reshape(-1, 30).astype("f4")
    )


def to_pixels(outputs):
    return np.stack([outputs[:, 0::2] * 96, outputs[:, 1::2] * 96], axis=-1).astype(np.float32)
""",
    ("compile_phase", "dict"): """
def compile_phase(model, phase):
    made = {1: lambda: keras.optimizers.Adam(0.0005), 2: lambda: keras.optimizers.SGD(0.001, 0.9)}
    if phase not in made:
        raise ValueError(phase)
    model.compile(made[phase](), "huber")
""",
    ("phase_callbacks", "match"): """
def phase_callbacks(phase, checkpoint_path):
    K = keras.callbacks
    match phase:
        case 1:
            return [
                K.EarlyStopping("val_loss", patience=20, restore_best_weights=True, mode="min", start_from_epoch=0),
                K.TerminateOnNaN(),
            ]
        case 2:
            return [
                K.ReduceLROnPlateau(factor=0.5, patience=5),
                K.ModelCheckpoint(filepath=str(checkpoint_path), save_best_only=True, verbose=0),
            ]
    raise ValueError(phase)
""",
}
RIGHT = [
    Answer(exercise, f"odd style: {id}", partial(names_after, "04_two_phase_cnn", code), seeds=3)
    for (exercise, id), code in CODES.items()
]
