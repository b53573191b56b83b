"""Checks of ``compile_phase``: the optimizer and the loss that a small model is compiled with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from autograder.checks.common.shared import Shared
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder
from autograder.ladder.student import Student, StudentError

compile_phase = Ladder("compile_phase")

# A float32 mean of eight losses; measured over 40 runs of five styles: 0.0011 of this at most.
RTOL_OF_LOSS = 1e-4


def huber(error: np.ndarray) -> np.ndarray:
    """Return the Huber loss of each error, delta 1: square near 0, straight beyond."""
    size = np.abs(error)
    return np.where(size <= 1, size**2 / 2, size - 0.5)


def _compile(student: Student, rng: np.random.Generator, *phases: int) -> tuple[dict[str, Any], np.ndarray]:
    """Compile for the phases in turn; return what came of it, and the errors (2, 4) that its loss was shown."""
    weights = rng.uniform(-1, 1, 4).astype(np.float32)
    errors = rng.uniform(0.1, 3.0, (2, 4)) * rng.choice([-1, 1], (2, 4))
    # Some errors on each side of 1, where Huber's loss changes its shape.
    errors[0, :2], errors[1, :2] = (0.3, -0.6), (2.5, -1.7)
    target = (weights - errors).astype(np.float32)
    # Errors below 1, where the slope of many losses is that of Huber's but for a factor.
    steps = (weights + rng.uniform(0.2, 0.9, (4, 2, 4)) * rng.choice([-1, 1], 4)).astype(np.float32)
    found = student.probe("lesson_04.compiled", phases=list(phases), weights=weights, target=target, steps=steps)
    hint = "Call model.compile on the very model that comes in."
    got = "a model without an optimizer; " + (
        "another one is compiled" if found["compiles"] else "compile is not called"
    )
    expect.true(found["type"] != "NoneType", "a compiled model", got, hint=hint)
    same = bool(np.array_equal(found["weights"], weights))
    want = f"compile_phase(model, {phases[-1]}) leaves the weights as they were"
    hint = "Compiling must leave the weights as they are: phase 2 goes on from what phase 1 has learned."
    expect.true(same, want, "other weights afterwards", hint=hint)
    return {**found, "start": weights, "steps": steps}, errors


_compiled = {
    1: Shared("compile_phase/1", lambda student, rng: _compile(student, rng, 1)),
    2: Shared("compile_phase/2", lambda student, rng: _compile(student, rng, 1, 2)),
}


def _expect_optimizer(found: dict[str, Any], phase: int, kind: str, rate: float) -> None:
    call, got = f"compile_phase(model, {phase})", f"optimizer {found['name']}"
    hint = "Adam is for phase 1, SGD with momentum for phase 2."
    expect.true(found["type"] == kind, f"{call}: optimizer {kind}", got, hint=hint)
    hint = "The docstring names the learning rate of each phase; Keras has a default of its own."
    expect.close(found["learning_rate"], rate, rtol=1e-4, atol=0, what=f"{call}: learning rate", hint=hint)


def _slopes(error: np.ndarray) -> list[np.ndarray]:
    """The slopes of what may be minimized, at errors (B, D) of answers less targets: which loss is another rung's."""
    rows, columns = error.shape
    directions = (error, np.sign(error), np.tanh(error), np.clip(error, -0.5, 0.5))
    scales = (1, 2, rows, columns, rows * columns, 2 * columns)
    return [scale * direction.sum(axis=0) / error.size for direction in directions for scale in scales]


def adam(slopes: Iterator[np.ndarray], rate: float) -> Iterator[np.ndarray]:
    """The steps of Adam (betas 0.9 and 0.999) for the slopes that come."""
    first = second = np.zeros(1)
    for count, slope in enumerate(slopes, start=1):
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        yield -rate * first / (1 - 0.9**count) / (np.sqrt(second / (1 - 0.999**count)) + 1e-7)


def sgd(slopes: Iterator[np.ndarray], rate: float, momentum: float, nesterov: bool = False) -> Iterator[np.ndarray]:
    """The steps of SGD with momentum, Nesterov's or the plain one, for the slopes that come."""
    velocity = np.zeros(1)
    for slope in slopes:
        velocity = momentum * velocity - rate * slope
        yield momentum * velocity - rate * slope if nesterov else velocity


Steps = Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]]


def _walk(start: np.ndarray, batches: np.ndarray, steps: Steps, loss: int) -> np.ndarray:
    """Return the weights after each batch of targets, (S, D), of a model that answers with its weights."""
    place, passed = start.astype(float), []
    here = [place]

    def slopes() -> Iterator[np.ndarray]:
        for batch in batches:
            yield _slopes(here[-1] - batch.astype(float))[loss]

    for step in steps(slopes()):
        here.append(here[-1] + step)
        passed.append(here[-1])
    return np.array(passed)


def _expect_walk(found: dict[str, Any], phase: int, what: str, kinds: list[Steps]) -> None:
    """Expect the weights that one of these optimizers comes to: what it is called and set to is no proof."""
    start, batches = found["start"], found["steps"]
    got = np.array(found["passed"], float)
    losses = range(len(_slopes(np.zeros((1, 1)))))
    ways = [_walk(start, batches, steps, loss) for loss in losses for steps in kinds]
    if any(got.shape == way.shape and np.allclose(got, way, rtol=0, atol=2e-6) for way in ways):
        return
    hint = "The model trains with the optimizer that `model.compile` was given; nothing else changes it."
    example = f"4 steps of batches of 2, compiled for phase {phase}"
    expect.close(
        got, ways[0], rtol=0, atol=2e-6, what=f"the weights after each step of {what}", example=example, hint=hint
    )


@compile_phase.rung("values", points=3)
def compiles_phase_1(student: Student, rng: np.random.Generator) -> None:
    """Phase 1 trains with Adam at 5e-4."""
    found, _ = _compiled[1](student, rng)
    _expect_optimizer(found, 1, "Adam", 5e-4)
    _expect_walk(found, 1, "Adam at 5e-4", [partial(adam, rate=5e-4)])


@compile_phase.rung("values", points=3)
def compiles_phase_2(student: Student, rng: np.random.Generator) -> None:
    """Phase 2, compiled after phase 1, trains with SGD at 1e-3 and momentum 0.9."""
    found, _ = _compiled[2](student, rng)
    _expect_optimizer(found, 2, "SGD", 1e-3)
    hint = "How much of its direction SGD keeps from step to step is an argument of the optimizer."
    expect.close(found["momentum"], 0.9, what="compile_phase(model, 2): momentum", hint=hint)
    kinds: list[Steps] = [partial(sgd, rate=1e-3, momentum=0.9, nesterov=nesterov) for nesterov in (False, True)]
    _expect_walk(found, 2, "SGD at 1e-3 with momentum 0.9", kinds)


@compile_phase.rung("edge cases", points=3)
def uses_the_huber_loss(student: Student, rng: np.random.Generator) -> None:
    """Both phases minimize the Huber loss (delta 1)."""
    hint = "The sources use Huber's loss in both phases, with delta 1, averaged over all outputs."
    for phase in (1, 2):
        found, errors = _compiled[phase](student, rng)
        example = f"errors {np.round(errors, 2).tolist()}"
        loss, want = found["loss"], np.mean(huber(errors))
        expect.close(loss, want, RTOL_OF_LOSS, what=f"the loss of phase {phase}", example=example, hint=hint)


@compile_phase.rung("edge cases", points=1)
def knows_no_other_phase(student: Student, rng: np.random.Generator) -> None:
    """Any other phase is a ValueError."""
    hint = "A phase that does not exist must not be trained silently: raise ValueError and say which phase came."
    weights, target = np.zeros(4, np.float32), np.zeros((1, 4), np.float32)
    # Whoever refuses every phase has checked nothing.
    expect.true(_compiled[1](student, rng)[0]["loss"] is not None, "phase 1 is compiled", "it is not")
    for phase in (3, 0, int(rng.integers(4, 100))):
        got = "no error"
        try:
            student.probe("lesson_04.compiled", phases=[phase], weights=weights, target=target, steps=target[:0, None])
        except StudentError as raised:
            if expect.is_stub(raised):
                raise
            # The message would only say how the names are called.
            got = raised.type
            if "ValueError" in raised.bases:
                continue
        raise expect.Mismatch(f"compile_phase(model, {phase}): ValueError", got, hint=hint)
