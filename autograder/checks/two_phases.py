"""Checks of ``phase_callbacks``, led through scripted epochs, and ``train_two_phase``, by the weights it passes.

The model of these checks answers ``gain`` times its 30 weights, all 0 at first, whatever the image shows. Training
pulls them straight towards the training targets; the validation targets lie on the way, nearer. So the validation
loss falls all through phase 1, has its minimum inside phase 2, and rises again: best and last weights differ.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from autograder import expect
from autograder.ladder import Ladder
from autograder.student import Student

phase_callbacks = Ladder("phase_callbacks")
train_two_phase = Ladder("train_two_phase")

EPOCHS, BATCH, FACES, GAIN = (4, 8), 16, 48, 9.0


def _play(student: Student, phase: int, val_losses: list[float], losses: list[float] | None = None) -> dict[str, Any]:
    losses = [1.0 / (epoch + 1) for epoch in range(len(val_losses))] if losses is None else losses
    found = student.probe("two_phase_cnn.play", phase=phase, val_losses=val_losses, losses=losses)
    if found["kinds"] is None:
        raise expect.Mismatch(f"phase_callbacks({phase}, …): a list of Keras callbacks", expect.show(found["value"]))
    return found


def _expect_kind(found: dict[str, Any], phase: int, kind: str) -> None:
    there = any(kind in bases for bases in found["kinds"])
    names = ", ".join(bases[0] for bases in found["kinds"]) or "an empty list"
    expect.true(there, f"phase_callbacks({phase}, …) holds a {kind}", names)


@phase_callbacks.rung("type", points=1, gate=True)
def lists_the_callbacks(student: Student, rng: np.random.Generator) -> None:
    """A list of callbacks for each phase: EarlyStopping; ReduceLROnPlateau and ModelCheckpoint."""
    for phase, kinds in ((1, ["EarlyStopping"]), (2, ["ReduceLROnPlateau", "ModelCheckpoint"])):
        found = _play(student, phase, [1.0])
        for kind in kinds:
            _expect_kind(found, phase, kind)


@phase_callbacks.rung("values", points=3)
def phase_1_restores_the_best_weights(student: Student, rng: np.random.Generator) -> None:
    """Phase 1 stops when the validation loss no longer falls, and takes the best weights back."""
    best = int(rng.integers(40, 60))
    val_losses = [5.0 - 0.05 * epoch for epoch in range(best)] + [4.0 + 0.01 * epoch for epoch in range(200)]
    found = _play(student, 1, val_losses)
    example = f"val_loss falls for {best} epochs, then rises; loss falls all the time"
    epochs, weight = found["epochs"], round(found["weight"])
    if epochs == len(val_losses):
        hint = "Watch the validation loss: the training loss falls on, also while the network only memorizes."
        raise expect.Mismatch("training stops within 200 epochs after the best one", "it never stops", example, hint)
    expect.true(
        epochs >= best, f"training goes on while val_loss falls, {best} epochs", f"it stops after {epochs}", example
    )
    hint = None
    if weight == epochs:
        hint = "The model keeps the last weights. EarlyStopping gives the best ones back only if it is told to."
    expect.true(weight == best, f"the model has the weights of epoch {best}", f"those of epoch {weight}", example, hint)


@phase_callbacks.rung("values", points=3)
def phase_2_halves_the_learning_rate(student: Student, rng: np.random.Generator) -> None:
    """Phase 2 halves the learning rate after 5 epochs without a lower validation loss."""
    falling = int(rng.integers(3, 8))
    val_losses = [5.0 - 0.1 * epoch for epoch in range(falling)] + [6.0] * 5
    found = _play(student, 2, val_losses)
    example = f"val_loss falls for {falling} epochs, then rises and stays; the learning rate starts at 1e-3"
    rates = found["rates"]
    # The rate is halved at the end of the fifth epoch without a new best, the last one here.
    early = [epoch for epoch, rate in enumerate(rates[:-1], start=1) if not np.isclose(rate, 1e-3, rtol=1e-4)]
    hint = "Patience counts the epochs without a lower val_loss: 5 of them."
    expect.true(
        not early,
        f"1e-3 until epoch {len(val_losses) - 1}",
        f"{rates[early[0] - 1]:.3g} at the end of epoch {early[0]}" if early else "",
        example,
        hint,
    )
    if np.isclose(rates[-1], 1e-3, rtol=1e-4):
        longer = _play(student, 2, [*val_losses, *[6.0] * 40])["rates"]
        later = [epoch for epoch, rate in enumerate(longer, start=1) if not np.isclose(rate, 1e-3, rtol=1e-4)]
        waits = f"it waits {later[0] - falling} epochs" if later else "it stays at 1e-3"
        hint = hint if later else "Which loss does the callback watch? The training loss falls all the time."
        raise expect.Mismatch("half the learning rate after 5 epochs without a lower val_loss", waits, example, hint)
    hint = "`factor` is what the rate is multiplied by; Keras's default is 0.1."
    expect.close(
        rates[-1], 5e-4, rtol=1e-3, atol=0, what="the learning rate after the plateau", example=example, hint=hint
    )


@phase_callbacks.rung("values", points=3)
def phase_2_saves_only_the_best(student: Student, rng: np.random.Generator) -> None:
    """Phase 2 writes the model to checkpoint_path, only in epochs with the lowest validation loss so far."""
    best = int(rng.integers(2, 5))
    val_losses = [5.0 - epoch for epoch in range(best)] + [6.0, 7.0]
    found = _play(student, 2, val_losses)
    example = f"val_loss {val_losses}; the checkpoint is read after each epoch"
    saved = [None if weight is None else round(weight) for weight in found["saved"]]
    if all(weight is None for weight in saved):
        hint = "The file has to be written to the very path that comes in."
        raise expect.Mismatch("a checkpoint that can be loaded at checkpoint_path", "none", example, hint)
    want = [min(epoch, best) for epoch in range(1, len(val_losses) + 1)]
    hint = None
    if saved == list(range(1, len(val_losses) + 1)):
        hint = "Every epoch overwrites the file, the worse ones too. ModelCheckpoint can be told to keep the best only."
    expect.true(
        saved == want, f"weights of the epochs {want} in the file", f"weights of the epochs {saved}", example, hint
    )


def huber_loss(weights: np.ndarray, target: np.ndarray) -> float:
    """The loss of the checks' model on a target that is the same for every face."""
    size = np.abs(GAIN * weights.astype(float) - target)
    return float(np.mean(np.where(size <= 1, size**2 / 2, size - 0.5)))


Trained = tuple[dict[str, Any], np.ndarray, list[list[dict]]]
# One training serves every rung: it takes most of the exercise's time.
_TRAINED: WeakKeyDictionary[Student, Trained] = WeakKeyDictionary()


def _trained(student: Student, rng: np.random.Generator) -> Trained:
    """Train; return what happened, the validation target, and the fits of the given model, phase by phase."""
    if student not in _TRAINED:
        _TRAINED[student] = _train(student, rng)
    return _TRAINED[student]


def _train(student: Student, rng: np.random.Generator) -> Trained:
    target = rng.uniform(0.7, 0.9, 30)
    val_target = 0.35 * target
    faces = rng.random((FACES + BATCH, 96, 96, 1), np.float32)
    found = student.probe(
        "two_phase_cnn.train",
        x=faces[:FACES],
        y=np.tile(target, (FACES, 1)).astype(np.float32),
        x_val=faces[FACES:],
        y_val=np.tile(val_target, (BATCH, 1)).astype(np.float32),
        epochs=list(EPOCHS),
        batch_size=BATCH,
        gain=GAIN,
        seed=int(rng.integers(2**31)),
    )
    fits = [fit for fit in found["fits"] if fit["given"]]
    phases = [[fit for fit in fits if fit["compile"] == number] for number in sorted({fit["compile"] for fit in fits})]
    return found, val_target, phases


def _expect_two_phases(found: dict[str, Any], phases: list[list[dict]]) -> None:
    others = [fit for fit in found["fits"] if not fit["given"]]
    hint = "A second model starts from scratch, and the caller's stays as it was: compile and fit the one that came in."
    expect.true(not others, "the model that came in is trained in both phases", "another model is trained", hint=hint)
    got = [phase[0]["type"] for phase in phases]
    hint = None
    if got == ["Adam"]:
        hint = "Phase 2 goes on with phase 1's optimizer: compile the model for phase 2 before its fit."
    elif got == ["SGD", "Adam"]:
        hint = "The phases are in the wrong order."
    expect.true(
        got == ["Adam", "SGD"], "a fit with Adam, then a fit with SGD", ", then ".join(got) or "no fit", hint=hint
    )


def _passed(phase: list[dict]) -> list[np.ndarray]:
    return [weights for fit in phase for weights in fit["epochs"]]


@train_two_phase.rung("type", points=1, gate=True)
def returns_both_histories(student: Student, rng: np.random.Generator) -> None:
    """Returns {"phase1": history, "phase2": history}, each with loss and val_loss."""
    histories = _trained(student, rng)[0]["histories"]
    if not isinstance(histories, dict) or not {"phase1", "phase2"} <= set(histories):
        got = f"keys {sorted(histories)}" if isinstance(histories, dict) else expect.show(histories)
        raise expect.Mismatch('{"phase1": history, "phase2": history}', got)
    for name in ("phase1", "phase2"):
        lists = histories[name] if isinstance(histories[name], dict) else {}
        there = all(isinstance(lists.get(key), list) and lists[key] for key in ("loss", "val_loss"))
        hint = (
            "`fit` returns a History; its .history is the dict of lists. Without validation data there is no val_loss."
        )
        got = f"lists {sorted(lists)}" if lists else expect.show(histories[name])
        expect.true(there, f'{name}: lists "loss" and "val_loss"', got, hint=hint)


@train_two_phase.rung("values", points=3)
def trains_with_adam_then_sgd(student: Student, rng: np.random.Generator) -> None:
    """The given model is trained with Adam first, then with SGD, in batches of batch_size."""
    found, _, phases = _trained(student, rng)
    _expect_two_phases(found, phases)
    steps = sorted({step for phase in phases for fit in phase for step in fit["steps"]})
    example = f"{FACES} faces to train on, {BATCH} to validate on, batch_size={BATCH}"
    hint = None
    if steps == [-(-FACES // 32)]:
        hint = "32 is Keras's own default: hand batch_size on to fit, in both phases."
    elif steps == [(FACES + BATCH) // BATCH]:
        hint = "The validation faces are trained on as well; then nothing is left to judge the network by."
    expect.true(steps == [FACES // BATCH], f"{FACES // BATCH} steps in each epoch", f"{steps} steps", example, hint)


@train_two_phase.rung("values", points=4)
def phase_2_goes_on_from_phase_1(student: Student, rng: np.random.Generator) -> None:
    """Phase 2 starts from the weights that phase 1 ended with."""
    found, val_target, phases = _trained(student, rng)
    _expect_two_phases(found, phases)
    first, start = phases[0], phases[1][0]["start"]
    best = min(_passed(first), key=lambda weights: huber_loss(weights, val_target))
    if any(np.allclose(start, weights, atol=1e-6) for weights in (first[-1]["end"], best)):
        return
    hint = None
    if np.allclose(start, first[0]["start"], atol=1e-6):
        hint = "Phase 2 starts where phase 1 started: everything that Adam has learned is lost."
    got = f"[{', '.join(f'{v:.4f}' for v in start[:3])}, …]"
    want = f"[{', '.join(f'{v:.4f}' for v in first[-1]['end'][:3])}, …]"
    raise expect.Mismatch(
        f"phase 2 starts with the weights {want}", got, "a model with 30 weights, all 0 at first", hint
    )


@train_two_phase.rung("values", points=4)
def ends_with_the_best_weights(student: Student, rng: np.random.Generator) -> None:
    """The model ends with the weights of the lowest validation loss."""
    found, val_target, phases = _trained(student, rng)
    _expect_two_phases(found, phases)
    second = _passed(phases[1])
    everything = _passed(phases[0]) + second
    candidates = [min(weights, key=lambda w: huber_loss(w, val_target)) for weights in (everything, second)]
    if any(np.allclose(found["weights"], best, atol=1e-6) for best in candidates):
        return
    hint = None
    if np.allclose(found["weights"], second[-1], atol=1e-6):
        hint = "These are the last weights. A checkpoint helps only if somebody loads it again at the end."
    elif np.allclose(found["weights"], phases[0][-1]["end"], atol=1e-6):
        hint = "These are the weights that phase 1 ended with; phase 2 found better ones."
    lowest = min(huber_loss(weights, val_target) for weights in everything)
    losses = ", ".join(f"{huber_loss(weights, val_target):.4g}" for weights in everything)
    raise expect.Mismatch(
        f"validation loss {lowest:.4g} after training, the lowest of all epochs",
        f"{huber_loss(found['weights'], val_target):.4g}",
        f"validation losses epoch by epoch: {losses}",
        hint,
    )


@train_two_phase.rung("values", points=3)
def histories_tell_what_happened(student: Student, rng: np.random.Generator) -> None:
    """The histories hold one value an epoch, at most `epochs` of them, and val_loss is that of the validation faces."""
    found, val_target, phases = _trained(student, rng)
    _expect_two_phases(found, phases)
    for number, (phase, most) in enumerate(zip(phases, EPOCHS, strict=True), start=1):
        history = found["histories"][f"phase{number}"]
        length, passed = len(history["val_loss"]), _passed(phase)
        what = f"phase {number}, epochs={EPOCHS}"
        expect.true(1 <= length <= most, f"{what}: at most {most} epochs", f"{length} epochs")
        same = length == len(passed) == len(history["loss"])
        expect.true(same, f"{what}: a value for each of its {len(passed)} epochs", f"{length} values of val_loss")
        want = [huber_loss(weights, val_target) for weights in passed]
        hint = "Validate on x_val and y_val, with the loss that the phase is compiled with."
        # Keras averages the batches in float32.
        expect.close(history["val_loss"], want, rtol=1e-3, atol=1e-5, what=f"{what}: val_loss", hint=hint)


@train_two_phase.rung("side effects", points=2)
def leaves_a_checkpoint(student: Student, rng: np.random.Generator) -> None:
    """The best weights lie in checkpoint_path; the data is the same as before."""
    found, val_target, phases = _trained(student, rng)
    _expect_two_phases(found, phases)
    hint = "Phase 2's callbacks get the path; do they take part in its fit?"
    expect.true(found["saved"] is not None, "a checkpoint that can be loaded at checkpoint_path", "none", hint=hint)
    lowest = min(huber_loss(weights, val_target) for weights in _passed(phases[1]))
    got = huber_loss(found["saved"], val_target)
    hint = "The file must hold the best weights, not those of the last epoch."
    expect.true(
        got <= lowest * 1.001 + 1e-7, f"validation loss {lowest:.4g} of the checkpoint", f"{got:.4g}", hint=hint
    )
    for name, after in zip(("x", "y", "x_val", "y_val"), found["arrays_after"], strict=True):
        expect.true(bool(np.isfinite(after).all()), f"{name} as before", f"{name} with NaN")


@train_two_phase.rung("edge cases", points=1)
def has_the_sources_defaults(student: Student, rng: np.random.Generator) -> None:
    """Without being told, it trains up to 200 and 500 epochs in batches of 128."""
    found = student.probe("two_phase_cnn.defaults")
    expect.true(found.get("epochs") in ([200, 500], (200, 500)), "epochs=(200, 500)", f"epochs={found.get('epochs')}")
    expect.true(found.get("batch_size") == 128, "batch_size=128", f"batch_size={found.get('batch_size')}")
