"""Probes of lesson 01: write a file for the student to read; look at random states."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..names import Names


def _as_texts(names: object) -> object:
    """Return the names as a list of texts; what is no sequence, or a single text, as it is."""
    try:
        return names if isinstance(names, str) else [str(name) for name in names]  # type: ignore[attr-defined]
    except TypeError:
        return names


def load_faces(names: Names, *, file: np.ndarray) -> dict[str, Any]:
    """Write a training.csv of these bytes, and let the student read it.

    Returns the type of the answer, how many things it holds, and images, keypoints and names as far as it holds them.
    The bytes alone come here: whoever answers in place of this function still has to read them.
    """
    path = Path(tempfile.mkdtemp(dir=names.scratch)) / "training.csv"
    path.write_bytes(file.astype(np.uint8).tobytes())
    answer = names["load_faces"](path)
    count = len(answer) if isinstance(answer, tuple | list) else None
    result: dict[str, Any] = {"type": type(answer).__name__, "count": count}
    if count in (2, 3):
        result |= {"images": answer[0], "keypoints": answer[1]}
    if count == 3:
        result["names"] = _as_texts(answer[2])
    return result


def splits(names: Names, *, calls: list[list]) -> list:
    """Return what split_rows answers to each call's arguments, in this order, with other random numbers drawn between.

    A tuple of any kind, a named one too, comes back as a list.
    """
    answers = []
    for arguments in calls:
        np.random.random()
        random.random()
        answer = names["split_rows"](*arguments)
        answers.append(list(answer) if isinstance(answer, tuple) else answer)
    return answers


def random_states_changed(names: Names, *, n_rows: int, val_fraction: float, seed: int) -> dict[str, Any]:
    """Return what split_rows answers, and which of the global random states the call changes."""

    def states() -> dict[str, str]:
        numpys = [np.asarray(part).tolist() for part in np.random.get_state()]
        found = {"NumPy's": repr(numpys), "Python's": repr(random.getstate())}
        if "torch" in sys.modules:
            found["PyTorch's"] = repr(sys.modules["torch"].get_rng_state().numpy().tobytes())
        return found

    # One step on, so that whoever seeds does not come back to the state that an earlier call left.
    np.random.random()
    random.random()
    before = states()
    answer = names["split_rows"](n_rows, val_fraction, seed)
    after = states()
    split = list(answer) if isinstance(answer, tuple) else answer
    return {"split": split, "changed": [name for name in before if before[name] != after[name]]}
