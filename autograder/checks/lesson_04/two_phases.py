"""Checks of ``phase_callbacks``: each phase's callbacks are led through scripted epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student

phase_callbacks = Ladder("phase_callbacks")


def _play(
    student: Student, phase: int, val_losses: list[float], losses: list[float] | None = None, read: bool = False
) -> dict[str, Any]:
    """Play these losses; the training loss falls all the time unless it is given."""
    losses = [1.0 / (epoch + 1) for epoch in range(len(val_losses))] if losses is None else losses
    found = student.probe("lesson_04.play", phase=phase, val_losses=val_losses, losses=losses, read=read)
    if found["kinds"] is None:
        raise expect.Mismatch(f"phase_callbacks({phase}, …): a list of Keras callbacks", expect.show(found["value"]))
    return found


KINDS = {1: ("EarlyStopping",), 2: ("ReduceLROnPlateau", "ModelCheckpoint")}


def _expect_kinds(found: dict[str, Any], phase: int) -> None:
    # Further callbacks, and the order of all, are free.
    there = [kind for kind in KINDS[1] + KINDS[2] if any(kind in bases for bases in found["kinds"])]
    for kind in KINDS[phase]:
        expect.true(
            kind in there, f"phase_callbacks({phase}, …) holds {kind}", ", ".join(there) or "none of the lesson's three"
        )


@phase_callbacks.rung("type", points=1, gate=True)
def lists_the_callbacks(student: Student, rng: np.random.Generator) -> None:
    """A list of callbacks for each phase: EarlyStopping; ReduceLROnPlateau and ModelCheckpoint."""
    for phase in KINDS:
        _expect_kinds(_play(student, phase, [1.0]), phase)


@phase_callbacks.rung("values", points=3)
def phase_1_restores_the_best_weights(student: Student, rng: np.random.Generator) -> None:
    """Phase 1 stops when the validation loss no longer falls, and takes the best weights back."""
    # Late enough for an EarlyStopping that begins to count after some epochs.
    best = int(rng.integers(30, 45))
    val_losses = [5.0 - 0.05 * epoch for epoch in range(best)] + [4.0 + 0.01 * epoch for epoch in range(60)]
    found = _play(student, 1, val_losses)
    example = f"val_loss falls for {best} epochs, then rises; loss falls all the time"
    epochs, weight = found["epochs"], round(found["weight"])
    # How long it waits is free. One that waits to the end gives the best weights back there.
    if weight == best:
        return
    want = f"the model has the weights of epoch {best}"
    if weight < best:
        hint = "Which val_loss does the callback take for the better one, and how many bad epochs does it bear?"
        raise expect.Mismatch(want, "those of an earlier epoch, when val_loss still falls", example, hint)
    if epochs == len(val_losses):
        # The other way round: whoever stops here watches the training loss.
        other = _play(
            student,
            1,
            val_losses=[5.0 - 0.01 * epoch for epoch in range(100)],
            losses=[5.0 + epoch for epoch in range(100)],
        )
        if other["epochs"] < 100:
            hint = "Watch the validation loss: the training loss falls on, also while the network only memorizes."
            raise expect.Mismatch(want, "training goes on as long as the training loss falls", example, hint)
        raise expect.Mismatch(want, "training goes on to the end, and keeps the last weights", example)
    hint = "EarlyStopping gives the best weights back only if it is told to." if weight == epochs else None
    got = "those of the last epoch" if weight == epochs else f"those of epoch {weight}"
    raise expect.Mismatch(want, got, example, hint)


@phase_callbacks.rung("values", points=3)
def phase_2_halves_the_learning_rate(student: Student, rng: np.random.Generator) -> None:
    """Phase 2 halves the learning rate after 5 epochs without a lower validation loss."""
    falling = int(rng.integers(2, 5))
    val_losses = [5.0 - 0.1 * epoch for epoch in range(falling)] + [6.0] * 5
    found = _play(student, 2, val_losses)
    example = f"val_loss falls for {falling} epochs, then rises and stays; the learning rate starts at 1e-3"
    rates = found["rates"]
    # The rate is halved at the end of the fifth epoch without a new best, the last one here.
    early = [epoch for epoch, rate in enumerate(rates[:-1], start=1) if not np.isclose(rate, 1e-3, rtol=1e-4)]
    want = "half the learning rate after 5 epochs without a lower val_loss"
    hint = "Patience counts the epochs without a lower val_loss: 5 of them."
    expect.true(not early, want, "it falls earlier", example, hint)
    if np.isclose(rates[-1], 1e-3, rtol=1e-4):
        longer = _play(student, 2, [*val_losses, *[6.0] * 40])["rates"]
        waits = not np.allclose(longer, 1e-3, rtol=1e-4)
        hint = hint if waits else "Which loss does the callback watch? The training loss falls all the time."
        raise expect.Mismatch(want, "it falls later" if waits else "it stays as it was", example, hint)
    hint = "`factor` is what the rate is multiplied by; Keras's default is 0.1."
    expect.close(
        rates[-1], 5e-4, rtol=1e-3, atol=0, what="the learning rate after the plateau", example=example, hint=hint
    )


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
    if all(weight is None for weight in saved):
        hint = "The file has to be written to the very path that comes in."
        raise expect.Mismatch("a checkpoint that can be loaded at checkpoint_path", "none", example, hint)
    want = [min(epoch, best) for epoch in range(1, len(val_losses) + 1)]
    hint = None
    if saved == list(range(1, len(val_losses) + 1)):
        hint = "Every epoch overwrites the file, the worse ones too. ModelCheckpoint can be told to keep the best only."
    elif saved == [min(epoch, best + 1) for epoch in range(1, len(val_losses) + 1)]:
        hint = "The file follows the training loss: which loss does the callback watch?"
    expect.true(
        saved == want, f"weights of the epochs {want} in the file", f"weights of the epochs {saved}", example, hint
    )
