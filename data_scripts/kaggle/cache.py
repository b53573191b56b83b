"""Keep a parsed face table beside its CSV file, so that the next reading takes a fraction of a second.

A cache is trusted only if the CSV file still has the size, the time of its last change and the sampled content
that it had when the cache was written.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.whole import whole_file
from data_scripts.kaggle.rows import FaceTable

# Changes whenever the content of a cache or the meaning of a table does.
_FORMAT = 1
_SAMPLES = 16
_SAMPLE_BYTES = 1 << 16


def cache_path(csv_path: Path) -> Path:
    """Where the cache of ``training.csv`` lies: ``training.cache.npz`` in the same folder."""
    return Path(csv_path).with_suffix(".cache.npz")


def fingerprint(csv_path: Path) -> str:
    """Tell one state of a file from another without reading all of it.

    Args:
        csv_path: an existing file.

    Returns:
        A hexadecimal digest of the size, the time of the last change and 16 samples of 64 kB, among them the
        first and the last (all of a file of up to 1 MB).

    Raises:
        OSError: if the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    with open(csv_path, "rb") as file:
        stat = os.fstat(file.fileno())
        digest.update(f"{_FORMAT} {stat.st_size} {stat.st_mtime_ns}".encode())
        last = max(0, stat.st_size - _SAMPLE_BYTES)
        for sample in range(_SAMPLES):
            file.seek(last * sample // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def load_cache(csv_path: Path) -> FaceTable | None:
    """Read the table that was cached for a CSV file.

    Args:
        csv_path: the CSV file, which need not exist.

    Returns:
        The table, or None where there is no cache, it belongs to another state of the file, or it is damaged.
    """
    try:
        with np.load(cache_path(csv_path), allow_pickle=False) as arrays:
            if str(arrays["fingerprint"]) != fingerprint(csv_path):
                return None
            return FaceTable(arrays["images"], tuple(map(str, arrays["columns"])), arrays["values"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def save_cache(csv_path: Path, table: FaceTable, csv_fingerprint: str) -> Path:
    """Write the cache of a CSV file, whole or not at all.

    Args:
        csv_path: the CSV file that was read.
        table: what it holds.
        csv_fingerprint: its fingerprint from before it was read, so that a change meanwhile is noticed.

    Returns:
        The path of the cache.

    Raises:
        DataError: if the folder cannot be written to or the disk is full; an older cache is then left as it was.
    """
    target = cache_path(csv_path)
    try:
        with whole_file(target) as unfinished:
            with open(unfinished, "wb") as file:
                _write(file, table, csv_fingerprint)
            # A cache in a shared folder is as readable as its CSV file.
            unfinished.chmod(Path(csv_path).stat().st_mode & 0o666 | 0o600)
    except OSError as error:
        raise DataError(f"{target}: the cache cannot be written: {explain_os_error(error)}") from error
    return target


def _write(file: BinaryIO, table: FaceTable, csv_fingerprint: str) -> None:
    np.savez(
        file,
        fingerprint=csv_fingerprint,
        columns=np.array(table.columns, dtype=np.str_),
        values=table.values,
        images=table.images,
    )
