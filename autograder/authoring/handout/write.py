"""Write a students' repository, or bring one up to date, without overwriting anybody's work."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ...course.manifest import ROOT, CourseError
from ..generated import digest

# The digests of what was handed out, so that work shows.
RECORD = ".handout.json"
UPDATES = "updates"


@dataclass(frozen=True)
class Change:
    """What became of one file: ``what`` is written, updated, kept, replaced, removed or left."""

    place: str
    what: str
    note: str = ""


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _is_place(place: str) -> bool:
    """Return whether a text names a file below a folder, and nothing that leads out of it."""
    parts = place.split("/")
    return place.isprintable() and "\\" not in place and ":" not in place and not {"", ".", ".."} & {*parts}


def _refuse_links(target: Path, place: str) -> None:
    """Raise CourseError where a file of the repository, or a folder that it lies in, is a link to elsewhere."""
    path = target
    for part in place.split("/"):
        path = path / part
        if path.is_symlink():
            raise CourseError(f"{path} is a link; nothing is read or written through it: remove it first")


def _record(target: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return what was handed out to this folder before: digests by place, and settings by name; none where it is new.

    Raises CourseError where the folder is something else.
    """
    if target.is_relative_to(ROOT) or ROOT.is_relative_to(target):
        raise CourseError(f"{target} lies in the course's own folder or around it; name a folder beside it")
    if not target.exists():
        return {}, {}
    if not target.is_dir():
        raise CourseError(f"{target} is a file; expected a folder, or a name that is free")
    path = target / RECORD
    if not path.is_file():
        if any(each.name != ".git" for each in target.iterdir()):
            raise CourseError(f"{target} holds files and is no students' repository; name an empty folder or a new one")
        return {}, {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        found = {str(place): str(digest) for place, digest in record["files"].items()}
        settings = {str(name): str(value) for name, value in record.get("settings", {}).items()}
        if not all(_is_place(place) for place in found):
            raise ValueError
        return found, settings
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CourseError(f"{path} is damaged: get it back from git, or hand out to a new folder") from None


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises CourseError where something else is in the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise CourseError(f"{path} is a folder; a file of the course goes there: move the folder away")
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def _hand_out(target: Path, place: str, content: bytes, handed: str | None) -> Change | None:
    """Bring one file up to date. ``handed`` is the digest of what was handed out before under this name."""
    there = _read(target / place)
    if there is not None and digest(there) == digest(content):
        return None
    if there is None or digest(there) == handed:
        _put(target / place, content)
        return Change(place, "written" if there is None else "updated")
    aside = f"{UPDATES}/{place}"
    if not place.startswith("lessons/"):
        # The engine has to fit together, so its files are replaced; what somebody made of one is kept.
        _put(target / aside, there)
        _put(target / place, content)
        return Change(place, "replaced", f"it was changed here; as it was: {aside}")
    if digest(content) == handed or _read(target / aside) == content:
        return None
    _put(target / aside, content)
    return Change(place, "kept", f"worked on here; the new version: {aside}")


def _take_back(target: Path, place: str, handed: str) -> Change:
    """Remove a file that the course has no longer, unless somebody worked on it."""
    there = _read(target / place)
    if (target / place).is_dir() or (there is not None and digest(there) != handed):
        return Change(place, "left", "the course has it no longer, but it was worked on here")
    (target / place).unlink(missing_ok=True)
    return Change(place, "removed")


def settings_before(target: Path) -> dict[str, str]:
    """Return the settings that a folder was handed out with; none where it is new. Raises as ``hand_out`` does."""
    _refuse_links(target, RECORD)
    return _record(target)[1]


def hand_out(
    target: Path, files: Mapping[str, bytes], version: str, settings: Mapping[str, str] | None = None
) -> list[Change]:
    """Write files to a folder, or bring it up to date; return what changed. The folder remembers ``settings``.

    Lessons that a student has worked on stay as they are. Interrupted, the same call goes on. Raises CourseError where
    the folder is something else or can't be written.
    """
    _refuse_links(target, RECORD)
    before, _ = _record(target)
    for place in {*files, *before}:
        _refuse_links(target, place)
        _refuse_links(target, f"{UPDATES}/{place}")
    changes = []
    try:
        for place, content in tqdm(files.items(), unit="file", desc="handing out", leave=False, disable=None):
            changes.append(_hand_out(target, place, content, before.get(place)))
        changes += [_take_back(target, place, digest) for place, digest in before.items() if place not in files]
        # Last: until then the record of before says which files are as they were handed out.
        digests = {place: digest(content) for place, content in sorted(files.items())}
        record = json.dumps({"version": version, "settings": dict(settings or {}), "files": digests}, indent=1) + "\n"
        _put(target / RECORD, record.encode())
    except OSError as error:
        raise CourseError(
            f"{error.filename}: {error.strerror}; mend that and run the same command again to go on"
        ) from None
    return [change for change in changes if change is not None]
