"""Checks of ``train_two_phase``, by the weights that the training passes through.

The model of these checks answers ``gain`` times its 30 weights, all 0 at first, whatever the image shows. Training
pulls them straight towards the training targets; the validation targets lie on the way, nearer. So the validation
loss falls all through phase 1, has its minimum inside phase 2, and rises again: best and last weights differ. In a
second training it has its minimum inside phase 1. The first pixel of each image says which one it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from autograder.checks.common.shared import Shared
from autograder.checks.lesson_04.compiling import huber
from autograder.checks.lesson_04.optimizer_steps import follows, same_weights
from autograder.checks.lesson_04.phases import NUMBERS, Phase, joined, phase_of
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

train_two_phase = Ladder("train_two_phase")

EPOCHS, BATCH, FACES, VAL_FACES, GAIN = (1, 3), 16, 32, 16, 32.0
# The second training: a step an epoch, the best weights after the first one, and a long phase 2 that only gets worse.
LONG_EPOCHS, LONG_FACES = (2, 7), 16
# Epochs of phase 2 that do not better the first one, until ReduceLROnPlateau acts.
PLATEAU = 5


@dataclass(frozen=True)
class Training:
    """A training of the checks' model: what the probe found, its phases, and the target of the validation faces."""

    found: dict[str, Any]
    phases: tuple[Phase, ...]
    faces: int
    epochs: tuple[int, int]
    target: np.ndarray
    val_target: np.ndarray

    @property
    def parts(self) -> list[list[Phase]]:
        """What the optimizers did in each phase; several in one phase where it was compiled over and over."""
        parts = [list(part) for _, part in groupby(self.phases, key=lambda phase: phase.optimizer)]
        return parts if len(self.phases) > 2 == len(parts) else [[phase] for phase in self.phases]

    def val_loss(self, weights: np.ndarray) -> float:
        """Return the validation loss with these (30,) weights: every validation face has the same target."""
        return float(np.mean(huber(GAIN * weights.astype(float) - self.val_target)))


def _train(student: Student, rng: np.random.Generator, long: bool = False) -> Training:
    target = rng.uniform(0.7, 0.9, 30)
    # In the long training, what the model answers after its first step of Adam at 5e-4.
    val_target = np.full(30, GAIN * 5e-4) if long else 0.35 * target
    count, epochs = (LONG_FACES, LONG_EPOCHS) if long else (FACES, EPOCHS)
    faces = rng.random((count + VAL_FACES, 96, 96, 1), np.float32)
    faces[:, 0, 0, 0] = np.arange(len(faces)) / NUMBERS
    y, y_val = np.tile(target, (count, 1)), np.tile(val_target, (VAL_FACES, 1))
    data = {"x": faces[:count], "y": y.astype(np.float32), "x_val": faces[count:], "y_val": y_val.astype(np.float32)}
    # Steps of one optimizer after which the model is told to stop: twice what the longer phase needs.
    most = 2 * max(epochs) * count // BATCH
    how = {"epochs": list(epochs), "batch_size": BATCH, "gain": GAIN, "most_steps": most}
    try:
        found = student.probe("lesson_04.train", **data, **how, seed=int(rng.integers(2**31)))
    except StudentError as error:
        if error.type != "TooManySteps":
            raise
        raise expect.Mismatch(f"a training that ends after epochs={epochs}", f"{error.message}") from None
    by_optimizer = groupby(found["steps"], key=lambda step: step["optimizer"])
    return Training(found, tuple(phase_of(list(steps)) for _, steps in by_optimizer), count, epochs, target, val_target)


_trained = Shared("train_two_phase", _train)
_trained_long = Shared("train_two_phase/long", lambda student, rng: _train(student, rng, long=True))


def _expect_optimizers(training: Training) -> None:
    got = [phase.optimizer for phase in training.phases]
    hint = "Compile the model once for each phase, right before its fit: first for phase 1, then for phase 2."
    last = training.found["optimizer"]
    # A model that has trained keeps the optimizer that it was compiled with, whatever is put in its place.
    idle = f"; its {last} never takes a step" if got and last != got[-1] else ""
    expect.true(got == ["Adam", "SGD"], "Adam, then SGD", (", then ".join(got) or "no training") + idle, hint=hint)


def _two_phases(training: Training) -> tuple[Phase, Phase]:
    """Return both phases, by whichever optimizers: which these are is asked by a rung of its own."""
    parts = training.parts
    if len(parts) not in (1, 2):
        _expect_optimizers(training)
    whole = [joined(part) for part in parts]
    first, second = whole if len(whole) == 2 else whole[0].split(training.epochs[0])
    hint = "The caller's model stays as it was: compile and fit the one that came in."
    expect.true(bool(first.epochs), "phase 1 trains the model that came in", "another network is trained", hint=hint)
    if len(whole) == 1:
        expect.true(bool(second.epochs), "a phase 2", "no further training", hint="Each phase has a fit of its own.")
    hint = "Each phase trains by the optimizer that the model was compiled with for it."
    for number, phase in ((n, phase) for n, part in enumerate(parts, start=1) for phase in part):
        # Who trains on other faces as well goes another way; that is another rung's.
        strangers = any(image >= training.faces for batch in phase.batches for image in batch)
        if strangers or not phase.epochs:
            continue
        right = follows(phase.path, phase.optimizer, GAIN, training.target)
        came = f"weights [{', '.join(f'{v:.5f}' for v in phase.path[1][:3])}, …] after its first step"
        expect.true(right, f"phase {number}: steps of {phase.optimizer}", came, hint=hint)
    return first, second


@train_two_phase.rung("type", points=1)
def returns_both_histories(student: Student, rng: np.random.Generator) -> None:
    """Returns {"phase1": history, "phase2": history}, each with loss and val_loss."""
    histories = _trained(student, rng).found["histories"]
    if not isinstance(histories, dict) or not {"phase1", "phase2"} <= set(histories):
        got = expect.show(histories)
        if isinstance(histories, dict):
            got = "one history only" if "loss" in histories else f"keys {sorted(histories)}"
        raise expect.Mismatch('{"phase1": history, "phase2": history}', got)
    hint = "`fit` returns a History; its .history is the dict of lists. Without validation data there is no val_loss."
    for name in ("phase1", "phase2"):
        lists = histories[name] if isinstance(histories[name], dict) else {}
        there = all(isinstance(lists.get(key), list) and lists[key] for key in ("loss", "val_loss"))
        got = f"lists {sorted(lists)}" if lists else expect.show(histories[name])
        expect.true(there, f'{name}: lists "loss" and "val_loss"', got, hint=hint)


def _history(training: Training, number: int) -> dict[str, list[float]]:
    """Return a phase's history. Raises Mismatch where it lacks a list; what else is wrong with it is told before."""
    histories = training.found["histories"]
    history = histories.get(f"phase{number}") if isinstance(histories, dict) else None
    there = isinstance(history, dict) and all(isinstance(history.get(key), list) for key in ("loss", "val_loss"))
    if not there or not isinstance(history, dict):
        raise expect.Mismatch(f'phase{number}: lists "loss" and "val_loss"', expect.show(history))
    return history


@train_two_phase.rung("type", points=1)
def histories_are_dicts(student: Student, rng: np.random.Generator) -> None:
    """Each history is a dict of lists, so that history["phase1"]["loss"] works and JSON can hold it."""
    kinds = _trained(student, rng).found["kinds"]
    for name in ("phase1", "phase2"):
        expect.true(name in kinds, f"{name}: a dict of lists", "no such key")
        hint = "A History of Keras can't be indexed or written as JSON; the dict that it holds can."
        expect.true(kinds[name] == "dict", f"{name}: a dict of lists", f"an object of type {kinds[name]}", hint=hint)


@train_two_phase.rung("values", points=3)
def trains_with_adam_then_sgd(student: Student, rng: np.random.Generator) -> None:
    """The model is trained with Adam first, then with SGD."""
    _expect_optimizers(_trained(student, rng))
    _two_phases(_trained(student, rng))


@train_two_phase.rung("values", points=2)
def trains_in_batches_of_training_faces(student: Student, rng: np.random.Generator) -> None:
    """Each step sees batch_size training faces, no validation face, and each epoch every training face once."""
    hint = "Train on x and y alone, so that the other faces can judge the network; batch_size holds for both phases."
    for number, phase in enumerate(_two_phases(_trained(student, rng)), start=1):
        sizes = sorted({len(batch) for batch in phase.batches})
        strangers = {image for batch in phase.batches for image in batch if image >= FACES}
        example = f"phase {number}: {FACES} faces to train on, {VAL_FACES} to validate on, batch_size={BATCH}"
        got = f"{len(strangers)} validation faces too"
        expect.true(not strangers, "steps on training faces alone", got, example, hint)
        got = f"batches of {' and '.join(map(str, sizes))} faces"
        expect.true(set(sizes) <= {BATCH}, f"batches of {BATCH} faces", got, example, hint)
    # Told after the sizes of both phases, and of both trainings.
    for training in (_trained(student, rng), _trained_long(student, rng)):
        for number, phase in enumerate(_two_phases(training), start=1):
            hint = "Hand all of x and y to each phase: an epoch is one pass over every training face."
            example = f"phase {number}: {training.faces} faces to train on, batch_size={BATCH}"
            lacks = phase.lacking(training.faces)
            expect.true(lacks is None, "every training face once in each epoch", lacks or "", example, hint)


@train_two_phase.rung("values", points=4)
def phase_2_goes_on_from_phase_1(student: Student, rng: np.random.Generator) -> None:
    """Phase 2 starts from the weights that phase 1 ended with."""
    training = _trained(student, rng)
    first, second = _two_phases(training)
    best = min(first.epochs, key=training.val_loss)
    want = f"phase 2 starts with the weights of phase 1, [{', '.join(f'{v:.4f}' for v in first.epochs[-1][:3])}, …]"
    hint = "A compile leaves the weights alone. What else happens to the model between your two fits?"
    if second.start is None or same_weights(second.start, first.start):
        raise expect.Mismatch(want, "it starts with fresh weights, as before any training", hint=hint)
    # Weights are handed on unchanged (measured: no difference in 90 trainings).
    goes_on = any(same_weights(second.start, weights) for weights in (first.epochs[-1], best))
    got = f"[{', '.join(f'{v:.4f}' for v in second.start[:3])}, …]"
    expect.true(goes_on, want, got, "a model with 30 weights, all 0 at first", hint)


@train_two_phase.rung("values", points=4)
def ends_with_the_best_weights(student: Student, rng: np.random.Generator) -> None:
    """The model ends with the weights of the lowest validation loss."""
    training = _trained(student, rng)
    first, second = _two_phases(training)
    hint = "The caller's model stays as phase 1 left it: compile and fit the one that came in."
    expect.true(bool(second.epochs), "phase 2 trains the model that came in", "another network", hint=hint)
    everything, weights = [*first.epochs, *second.epochs], training.found["weights"]
    candidates = [min(passed, key=training.val_loss) for passed in (everything, second.epochs)]
    losses = [training.val_loss(passed) for passed in everything]
    expect.true(
        any(same_weights(weights, best) for best in candidates),
        f"validation loss {min(losses):.4g} after training, the lowest of all epochs",
        f"{training.val_loss(weights):.4g}",
        f"validation losses epoch by epoch: {', '.join(f'{loss:.4g}' for loss in losses)}",
        "Whoever kept the weights of the best epoch has to give them back to the model at the end.",
    )


@train_two_phase.rung("values", points=2)
def ends_with_the_best_of_either_phase(student: Student, rng: np.random.Generator) -> None:
    """Where phase 2 never gets as low as phase 1 did, the model ends with phase 1's best weights."""
    training = _trained_long(student, rng)
    first, second = _two_phases(training)
    losses = [[training.val_loss(weights) for weights in phase.epochs] for phase in (first, second)]
    best, lowest = min(first.epochs, key=training.val_loss), min(map(min, filter(None, losses)))
    weights = training.found["weights"]
    said = [", ".join(f"{loss:.2g}" for loss in each) for each in losses]
    expect.true(
        same_weights(weights, best),
        f"validation loss {lowest:.2g} after training, the lowest of both phases",
        f"{training.val_loss(weights):.2g}",
        f"validation losses of phase 1: {said[0]}; of phase 2: {said[1]}",
        "Each fit knows of its own epochs alone. Who compares the best of phase 1 with the best of phase 2?",
    )


@train_two_phase.rung("edge cases", points=1)
def phase_2_trains_on_with_shorter_steps(student: Student, rng: np.random.Generator) -> None:
    """A stop in phase 2 waits longer than the rule that halves the learning rate."""
    training = _trained_long(student, rng)
    _, second = _two_phases(training)
    ran = len(second.epochs)
    hint = "A stop as patient as ReduceLROnPlateau, or less, ends phase 2 before it has trained with shorter steps."
    want = f"phase 2 goes on for more than {PLATEAU + 1} epochs"
    example = f"epochs={LONG_EPOCHS}; the validation loss rises from the first epoch of phase 2 on"
    expect.true(ran > PLATEAU + 1, want, f"it ends after {ran}", example, hint)


@train_two_phase.rung("values", points=3)
def histories_tell_what_happened(student: Student, rng: np.random.Generator) -> None:
    """The histories hold one value an epoch, at most `epochs` of them, and val_loss is that of the validation faces."""
    training = _trained(student, rng)
    for number, (phase, most) in enumerate(zip(_two_phases(training), EPOCHS, strict=True), start=1):
        history = _history(training, number)
        what = f"phase {number}, epochs={EPOCHS}"
        length, ran = len(history["val_loss"]), len(phase.epochs) or len(history["val_loss"])
        expect.true(1 <= ran <= most, f"{what}: no more epochs than {most}", f"{ran} epochs")
        # No stop that the lesson allows ends so short a phase.
        expect.true(ran == most or not phase.epochs, f"{what}: {most} epochs", f"{ran} epochs")
        same = length == ran == len(history["loss"])
        expect.true(same, f"{what}: a value for each of its {ran} epochs", f"{length} values of val_loss")
        want = [training.val_loss(weights) for weights in phase.epochs]
        if not want:
            raise expect.Mismatch(f"{what}: a history of the model that came in", "one of another network")
        hint = "Validate on x_val and y_val, with the loss that the phase is compiled with."
        # Keras averages the batches in float32: measured, 1.1e-4 of this at most in 90 trainings of three styles.
        expect.close(history["val_loss"], want, rtol=1e-3, atol=1e-5, what=f"{what}: val_loss", hint=hint)
    # One bad epoch does not end phase 1, so its second epoch comes, whatever it brings.
    ran, most = len(_two_phases(_trained_long(student, rng))[0].epochs), LONG_EPOCHS[0]
    expect.true(ran == most, f"phase 1, epochs={LONG_EPOCHS}: {most} epochs", f"{ran} epochs")


@train_two_phase.rung("side effects", points=2)
def leaves_a_checkpoint(student: Student, rng: np.random.Generator) -> None:
    """The best weights lie in checkpoint_path; the data is the same as before."""
    training = _trained(student, rng)
    _, second = _two_phases(training)
    saved = training.found["saved"]
    hint = "Phase 2's callbacks get the path; do they take part in its fit?"
    expect.true(saved is not None, "a checkpoint that can be loaded at checkpoint_path", "none", hint=hint)
    if second.epochs:
        lowest, got = min(map(training.val_loss, second.epochs)), training.val_loss(saved)
        hint = "The file must hold the best weights, not those of the last epoch."
        # The file holds weights as they were; in 90 trainings no other epoch came below 49 times the lowest loss.
        want = f"validation loss {lowest:.4g} of the checkpoint"
        expect.true(got <= lowest * 1.001 + 1e-7, want, f"{got:.4g}", hint=hint)
    spoiled = ", ".join(training.found["spoiled"])
    expect.true(not spoiled, "the data as before", f"NaN in {spoiled}")


@train_two_phase.rung("edge cases", points=1)
def has_the_sources_defaults(student: Student, rng: np.random.Generator) -> None:
    """Without being told, it trains up to 200 and 500 epochs in batches of 128."""
    # A signature that is given trains nothing.
    _two_phases(_trained(student, rng))
    found = student.probe("lesson_04.defaults")
    expect.true(found.get("epochs") in ([200, 500], (200, 500)), "epochs=(200, 500)", f"epochs={found.get('epochs')}")
    expect.true(found.get("batch_size") == 128, "batch_size=128", f"batch_size={found.get('batch_size')}")
