"""Files of tensors and plain values: read with no code run, written whole, each fault said in a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.whole import whole_file


def read_state(path: Path, expected: str) -> dict[str, Any]:
    """Read what ``write_state`` wrote.

    Args:
        path: of the file.
        expected: what it should be, and what to do where it isn't, for the message.

    Raises:
        DataError: it can't be read, or holds no such dictionary.
    """
    try:
        state = torch.load(path, weights_only=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except Exception as error:  # torch names no class of its own for a damaged file
        raise DataError(f"{path}: expected {expected} ({error!r:.80})") from None
    if not isinstance(state, dict):
        raise DataError(f"{path}: expected {expected}, found a {type(state).__name__}")
    return state


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write the file whole or leave the former one as it was; DataError where it can't be written."""
    try:
        with whole_file(path) as fresh:
            torch.save(state, fresh)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {explain_os_error(error)}") from error
    except RuntimeError as error:  # torch's own words where the disk is full
        raise DataError(f"{path}: cannot be written: {error!s:.120}") from error
