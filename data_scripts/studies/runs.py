"""Trainings that a file keeps as soon as each is done, so that a study that was interrupted goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.whole import write_whole

Run = dict[str, Any]


def finish_runs(
    path: Path,
    recipe: dict[str, Any],
    trainings: Mapping[str, Callable[[], Run]],
    say: Callable[[str], object] | None = None,
) -> dict[str, Run]:
    """Do the trainings that a file does not hold yet, one after the other.

    Args:
        path: the .json file that keeps the runs; written after each of them.
        recipe: what all runs of the file have in common; numbers and text.
        trainings: what trains, by the name of its run; each returns numbers, text, or lists of them.
        say: called with a line for each run that was done here; None says nothing.

    Returns:
        All runs that the file then holds, by name.

    Raises:
        DataError: the file holds runs of another recipe or something else, or cannot be read or written.
    """
    runs = _kept(path, recipe)
    for name, train in trainings.items():
        if name not in runs:
            runs[name] = train()
            try:
                write_whole(path, json.dumps({"recipe": recipe, "runs": runs}, indent=1) + "\n")
            except OSError as error:
                raise DataError(f"{path}: cannot be written: {explain_os_error(error)}") from error
            if say is not None:
                say(f"{name}: {runs[name]}")
    return runs


def _kept(path: Path, recipe: dict[str, Any]) -> dict[str, Run]:
    """The runs that the file holds, none where there is no file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known, runs = content["recipe"], content["runs"]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}: expected runs of this study, got something else: name another file") from None
    if known != recipe:
        raise DataError(f"{path}: expected runs of {recipe}, got runs of {known}: name another file")
    return runs
