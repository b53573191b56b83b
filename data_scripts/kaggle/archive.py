"""Take Kaggle's tables out of the archive it sends, trusting neither the archive's names nor its sizes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from data_scripts.files.errors import DataError

TABLES = ("training.csv", "test.csv", "IdLookupTable.csv", "SampleSubmission.csv")

# training.csv unpacks to about 0.25 GB. Anything far beyond that is no table of this contest.
_LARGEST_FILE = 2_000_000_000
_CHUNK = 1 << 20


def unpack_tables(archive: Path, folder: Path, names: Sequence[str] = TABLES) -> list[Path]:
    """Write the tables of an archive into a folder, also those that lie in an archive inside it.

    Args:
        archive: the ZIP file; a table may lie in any of its folders, or in a ZIP file such as ``training.zip``.
        folder: an existing folder. Files land directly in it, under the names asked for and no other.
        names: the tables that must be there.

    Returns:
        The paths of the tables, in the order of ``names``.

    Raises:
        DataError: for a damaged archive, a name that leads out of the folder, or a missing table.
        OSError: if the folder cannot be written to.
    """
    try:
        with zipfile.ZipFile(archive) as outer:
            found = _unpack_members(outer, archive.name, folder, names)
            for member in _members(outer, archive.name):
                if member.filename.lower().endswith(".zip"):
                    with outer.open(member) as file, zipfile.ZipFile(file) as inner:
                        found |= _unpack_members(inner, f"{archive.name}/{member.filename}", folder, names)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # zipfile raises RuntimeError, or NotImplementedError which is one, for what it cannot decrypt or unpack.
        raise DataError(
            f"{archive}: expected a whole ZIP archive, got a damaged one ({error}); download it again"
        ) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(
            f"{archive}: expected {', '.join(names)} in the archive, got no {', '.join(missing)}; download it again"
        )
    return [folder / name for name in names]


def _unpack_members(archive: zipfile.ZipFile, label: str, folder: Path, names: Sequence[str]) -> set[str]:
    wanted = {name.lower(): name for name in names}
    found = set()
    for member in _members(archive, label):
        name = wanted.get(PurePosixPath(member.filename).name.lower())
        if name is not None:
            with archive.open(member) as source, open(folder / name, "wb") as target:
                _copy(source, target, member.file_size, f"{label}/{member.filename}")
            found.add(name)
    return found


def _members(archive: zipfile.ZipFile, label: str) -> list[zipfile.ZipInfo]:
    """The files of an archive; an archive with a name that leads out of its folder is refused altogether."""
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename:
            raise DataError(
                f"{label}: expected names inside the archive's own folder, got {member.filename!r}; "
                "this is not Kaggle's archive: delete it and download it again"
            )
    return [member for member in archive.infolist() if not member.is_dir()]


def _copy(source: IO[bytes], target: IO[bytes], size: int, label: str) -> None:
    written = 0
    with tqdm(
        total=size, unit="B", unit_scale=True, desc=f"unpacking {Path(label).name}", delay=1, leave=False, disable=None
    ) as bar:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > _LARGEST_FILE:
                raise DataError(
                    f"{label}: expected at most {_LARGEST_FILE} bytes, got more; "
                    "this is not Kaggle's archive: delete it and download it again"
                )
            target.write(chunk)
            bar.update(len(chunk))
