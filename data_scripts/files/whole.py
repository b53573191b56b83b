"""Files and folders that appear whole or not at all, however writing them ends."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes ``path`` when the block ends.

    Args:
        path: the file to write; folders above it are made, and a file that is there is replaced.

    Yields:
        A hidden path beside it. Where the block raises, or is interrupted, nothing is left of it and ``path`` is what
        it was.

    Raises:
        OSError: if the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two processes that write the same file do not write into each other's.
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file, text as UTF-8 with its line ends as they are; see ``whole_file``."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder to write into, which becomes ``path`` when the block ends.

    Args:
        path: the folder to write; folders above it are made.

    Yields:
        A hidden folder beside it. Where the block raises, or is interrupted, nothing is left of it.

    Raises:
        FileExistsError: ``path`` is there and no empty folder.
        OSError: if the folder cannot be written.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} is there and not empty; remove it, or name another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield unfinished
        # Temporary folders are private to their owner; this one shall be as readable as others.
        unfinished.chmod(0o755)
        if path.exists():
            path.rmdir()
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
