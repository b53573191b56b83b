"""Checks of ``phase_callbacks``: each phase's callbacks are led through scripted epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

phase_callbacks = Ladder("phase_callbacks")

# More epochs than both phases of the lesson have; who waits longer never stops.
LONGEST_WAIT = 701
KINDS = {1: ("EarlyStopping",), 2: ("ReduceLROnPlateau", "ModelCheckpoint")}
STOPPING = (
    "EarlyStopping needs to know which loss to watch, whether less of it is better, how many epochs without a better "
    "one to bear, and that the best weights are to come back."
)
PLATEAU = (
    "ReduceLROnPlateau needs to know which loss to watch, how many epochs without a lower one to bear, and what to "
    "multiply the learning rate with. Keras has a default for each."
)
STOPS_TOO_SOON = (
    "Phase 2 is there to train on with shorter steps. A stop of its own is allowed, but it has to wait longer than the "
    "rule that shortens them."
)
CHECKPOINT = (
    "ModelCheckpoint needs the very path that comes in, which loss to watch, and to be told that only the best epoch "
    "may overwrite the file."
)


def _play(
    student: Student, phase: int, val_losses: list[float], losses: list[float] | None = None, read: bool = False
) -> dict[str, Any]:
    """Play these losses; the training loss falls all the time unless it is given."""
    losses = [1.0 / (epoch + 1) for epoch in range(len(val_losses))] if losses is None else losses
    found = student.probe("lesson_04.play", phase=phase, val_losses=val_losses, losses=losses, read=read)
    if found["kinds"] is None:
        raise expect.Mismatch(f"phase_callbacks({phase}, …): a list of Keras callbacks", expect.show(found["value"]))
    return found


@phase_callbacks.rung("type", points=1)
def lists_the_callbacks(student: Student, rng: np.random.Generator) -> None:
    """A list of callbacks for each phase: EarlyStopping; ReduceLROnPlateau and ModelCheckpoint."""
    for phase, kinds in KINDS.items():
        found = _play(student, phase, [1.0])["kinds"]
        # Further callbacks, and the order of all, are free.
        there = [kind for kind in KINDS[1] + KINDS[2] if any(kind in kinds_of_one for kinds_of_one in found)]
        got = ", ".join(there) or "none of the lesson's three"
        for kind in kinds:
            expect.true(kind in there, f"phase_callbacks({phase}, …) holds {kind}", got)


@phase_callbacks.rung("values", points=3)
def phase_1_restores_the_best_weights(student: Student, rng: np.random.Generator) -> None:
    """Phase 1 stops when the validation loss no longer falls, and takes the best weights back."""
    # Late enough for an EarlyStopping that begins to count after some epochs.
    # None of these comes as a multiple of the gains that a min_delta of 0.0001 counts.
    best = int(rng.choice([33, 34, 35, 38, 39, 40, 44, 45]))
    # As small as the lesson's own: whoever counts only gains of 0.0001 misses most of these.
    falling = [1e-3 - 2e-5 * epoch for epoch in range(best)]
    val_losses = falling + [falling[-1] + 1e-5 * (epoch + 1) for epoch in range(60)]
    found = _play(student, 1, val_losses)
    epochs, weight = found["epochs"], round(found["weight"])
    # How long it waits is free. One that waits to the end gives the best weights back there.
    if weight == best:
        _expect_an_end(student, epochs == len(val_losses))
        return
    if weight == 1 and _takes_the_first(student):
        got = "those of the first epoch, where val_loss is the highest"
    elif weight < best:
        got = "those of an earlier epoch, when val_loss still falls"
    elif epochs == len(val_losses):
        # The other way round: whoever stops here watches the training loss.
        falling, rising = [5.0 - 0.01 * epoch for epoch in range(100)], [5.0 + epoch for epoch in range(100)]
        stops = _play(student, 1, val_losses=falling, losses=rising)["epochs"] < 100
        watched = "as long as the training loss falls" if stops else "to the end, and keeps the last weights"
        got = f"training goes on {watched}"
    else:
        got = "those of the last epoch" if weight == epochs else f"those of epoch {weight}"
    example = f"val_loss falls for {best} epochs, then rises; loss falls all the time"
    raise expect.Mismatch(f"the model has the weights of epoch {best}", got, example, STOPPING)


def _takes_the_first(student: Student) -> bool:
    """Return whether the first epoch passes for the best even where the loss falls by much."""
    return round(_play(student, 1, [5.0 - 0.1 * epoch for epoch in range(40)])["weight"]) == 1


def _expect_an_end(student: Student, waits_long: bool) -> None:
    """Expect of a phase 1 that waits long that it stops at all."""
    epochs = _play(student, 1, [1.0 + epoch for epoch in range(LONGEST_WAIT)])["epochs"] if waits_long else 0
    example = f"val_loss rises from the second epoch on, for {LONGEST_WAIT} epochs"
    hint = "How many epochs EarlyStopping waits must be fewer than anybody trains for; else it stops nothing."
    expect.true(epochs < LONGEST_WAIT, "phase 1 stops", "it goes on to the end", example, hint)


@phase_callbacks.rung("edge cases", points=1)
def phase_1_bears_a_bad_epoch(student: Student, rng: np.random.Generator) -> None:
    """A single epoch without a lower validation loss does not end phase 1."""
    before = int(rng.integers(12, 16))
    val_losses = [5.0 - 0.1 * epoch for epoch in range(before)]
    val_losses += [val_losses[-1] + 0.05, *(val_losses[-1] - 0.1 * epoch for epoch in range(1, 6))]
    epochs = _play(student, 1, val_losses)["epochs"]
    example = f"val_loss falls for {before} epochs, rises in one, and falls for 5 more"
    hint = "Losses jump from epoch to epoch. EarlyStopping has an argument for how many bad ones it bears."
    expect.true(epochs == len(val_losses), "phase 1 goes on after one bad epoch", "it stops", example, hint)


@phase_callbacks.rung("values", points=3)
def phase_2_halves_the_learning_rate(student: Student, rng: np.random.Generator) -> None:
    """Phase 2 halves the learning rate after 5 epochs without a lower validation loss."""
    falling = int(rng.integers(2, 5))
    val_losses = [5.0 - 0.1 * epoch for epoch in range(falling)] + [6.0] * 5
    rates = _play(student, 2, val_losses)["rates"]
    if len(rates) < len(val_losses):
        got = f"training stops {len(rates) - falling} epochs after the lowest val_loss"
        raise expect.Mismatch("phase 2 goes on until the learning rate is halved", got, hint=STOPS_TOO_SOON)
    example = f"val_loss falls for {falling} epochs, then rises and stays; the learning rate starts at 1e-3"
    want = "half the learning rate after 5 epochs without a lower val_loss"
    # The rate is halved at the end of the fifth epoch without a new best, the last one here.
    expect.true(np.allclose(rates[:-1], 1e-3, rtol=1e-4), want, "it falls earlier", example, PLATEAU)
    if np.isclose(rates[-1], 1e-3, rtol=1e-4):
        longer = _play(student, 2, [*val_losses, *[6.0] * 40])["rates"]
        stays = np.allclose(longer, 1e-3, rtol=1e-4)
        raise expect.Mismatch(want, "it stays as it was" if stays else "it falls later", example, PLATEAU)
    what = "the learning rate after the plateau"
    expect.close(rates[-1], 5e-4, rtol=1e-3, atol=0, what=what, example=example, hint=PLATEAU)


@phase_callbacks.rung("edge cases", points=1)
def phase_2_goes_on_with_the_shorter_steps(student: Student, rng: np.random.Generator) -> None:
    """After the learning rate is halved, phase 2 trains on."""
    falling = int(rng.integers(2, 5))
    val_losses = [5.0 - 0.1 * epoch for epoch in range(falling)] + [6.0] * 7
    epochs = _play(student, 2, val_losses)["epochs"]
    example = f"val_loss falls for {falling} epochs, then rises and stays"
    got = f"training stops {epochs - falling} epochs after the lowest val_loss"
    expect.true(epochs > falling + 5, "at least one epoch with the halved rate", got, example, STOPS_TOO_SOON)


@phase_callbacks.rung("values", points=3)
def phase_2_saves_only_the_best(student: Student, rng: np.random.Generator) -> None:
    """Phase 2 writes the model to checkpoint_path, only in epochs with the lowest validation loss so far."""
    best = int(rng.integers(2, 5))
    val_losses = [5.0 - epoch for epoch in range(best)] + [6.0, 7.0]
    # The training loss falls for one epoch more, so that a file for each of its records is not one for every epoch.
    losses = [3.0 - 0.1 * epoch for epoch in range(best + 1)] + [3.0]
    found = _play(student, 2, val_losses, losses, read=True)
    example = f"val_loss {val_losses}; the checkpoint is read after each epoch"
    saved = [None if weight is None else round(weight) for weight in found["saved"]]
    there = any(weight is not None for weight in saved)
    expect.true(there, "a checkpoint that can be loaded at checkpoint_path", "none", example, CHECKPOINT)
    want = [min(epoch, best) for epoch in range(1, len(val_losses) + 1)]
    got = f"weights of the epochs {saved}"
    expect.true(saved == want, f"weights of the epochs {want} in the file", got, example, CHECKPOINT)
