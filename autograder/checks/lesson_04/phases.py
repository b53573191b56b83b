"""What one optimizer did in a training of the checks' small model: its steps, put into epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# Number of an image in units of its first pixel: exact in float32.
NUMBERS = 64


@dataclass(frozen=True)
class Phase:
    """What one optimizer did: the images of each batch, the weights at first and after each step, and each epoch.

    ``start`` is None, ``path`` and ``epochs`` empty where it trained another network than the one that came in.
    """

    optimizer: str
    path: np.ndarray
    batches: tuple[tuple[int, ...], ...]
    start: np.ndarray | None
    epochs: tuple[np.ndarray, ...]

    def lacking(self, faces: int) -> str | None:
        """Return in words what an epoch lacks of seeing each of so many training faces once; None where nothing."""
        for number, epoch in enumerate(self._epoch_batches(), start=1):
            seen = len(set(epoch) & set(range(faces)))
            if seen < faces:
                return f"epoch {number} sees {seen} of {faces} training faces"
            if len(epoch) > len(set(epoch)):
                return f"epoch {number} sees some training faces twice"
        return None

    def split(self, epochs: int) -> tuple[Phase, Phase]:
        """Return so many epochs and the rest, where one optimizer went on through both phases."""
        steps, begun, seen = 0, 0, set[int]()
        for batch in self.batches:
            if not begun or seen & set(batch):
                begun, seen = begun + 1, set()
            if begun > epochs:
                break
            seen |= set(batch)
            steps += 1
        start = self.path[steps] if len(self.path) > steps else None
        first = Phase(self.optimizer, self.path[: steps + 1], self.batches[:steps], self.start, self.epochs[:epochs])
        return first, Phase(self.optimizer, self.path[steps:], self.batches[steps:], start, self.epochs[epochs:])

    def _epoch_batches(self) -> list[list[int]]:
        """Return the images of each epoch: another one begins with an image that the epoch has seen."""
        epochs: list[list[int]] = []
        for batch in self.batches:
            if not epochs or set(epochs[-1]) & set(batch):
                epochs.append([])
            epochs[-1] += batch
        return epochs


def phase_of(steps: list[dict[str, Any]]) -> Phase:
    """Put the steps of one optimizer into epochs: another one begins with an image that the epoch has seen."""
    batches: list[tuple[int, ...]] = []
    epochs: list[np.ndarray] = []
    seen: set[int] = set()
    for step in steps:
        if step["start"] is None:
            continue
        batch = tuple(int(number) for number in np.round(np.asarray(step["images"]) * NUMBERS))
        if not epochs or seen & set(batch):
            epochs.append(step["end"])
            seen = set()
        epochs[-1] = step["end"]
        batches.append(batch)
        seen |= set(batch)
    known = [np.asarray(step["end"]) for step in steps if step["start"] is not None]
    path = np.array([steps[0]["start"], *known]) if known and steps[0]["start"] is not None else np.empty((0, 0))
    return Phase(steps[0]["type"], path, tuple(batches), steps[0]["start"], tuple(epochs))


def joined(part: list[Phase]) -> Phase:
    """Return what several optimizers did one after the other as a single phase, with the path of the first."""
    batches = tuple(batch for phase in part for batch in phase.batches)
    epochs = tuple(epoch for phase in part for epoch in phase.epochs)
    return Phase(part[0].optimizer, part[0].path, batches, part[0].start, epochs)
