"""How `nbgrader zip_collect` reads what Canvas and Moodle give a teacher to download: whose file is which.

Canvas calls an upload ``doejane_12345_67890_01_pixel_parsing.ipynb`` (``doejane_LATE_12345_…`` where it came late),
Moodle puts it into ``Jane Doe_12345_assignsubmission_file_``. A student whom the gradebook knows, by Canvas's number or
by name, goes into the folder that is theirs; another one into a folder called by that number or name.
"""

from __future__ import annotations

import gzip
import re
import shutil
import unicodedata
import zipfile
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from nbgrader.utils import unzip

from ...course.manifest import CourseError
from ..folders.settings import Settings
from .gradebook import GradebookTrouble
from .marks import Person, read_people

_MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?")
_CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<number>\d+)_\d+_(?P<file>.+)")
# The class's archive, an archive that a student uploaded, and one in it; what lies deeper stays packed.
MOST_ROUNDS = 3
# Of one student's archive, unpacked.
MOST_BYTES = 200_000_000
MOST_FILES = 2000
# What Canvas adds to the name of a file that was handed in again.
_AGAIN = re.compile(r"(?P<name>.+)-(?P<times>\d{1,3})")


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _refuse_large(path: Path) -> None:
    """Raise ValueError where an archive would become too large, or too many files: a few bytes may unpack to a disk."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            sizes = [part.file_size for part in archive.infolist()]
        if len(sizes) > MOST_FILES:
            raise ValueError(f"it holds {len(sizes):,} files, more than {MOST_FILES:,}")
        size = sum(sizes)
    else:
        size = 0
        with gzip.open(path) as packed:
            while size <= MOST_BYTES and (part := packed.read(1 << 20)):
                size += len(part)
    if size > MOST_BYTES:
        raise ValueError(f"it becomes more than {MOST_BYTES // 1_000_000} MB")


class UploadExtractor(ExtractorPlugin):
    """Unpack every archive, those of students within the course's, and go on where one is broken."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Copy what was downloaded, and unpack it there."""
        target = Path(extracted_path)
        shutil.copytree(archive_path, target, dirs_exist_ok=True)
        done: set[Path] = set()
        for number in range(MOST_ROUNDS):
            for path in sorted(target.rglob("*")):
                if path.suffix not in self.zip_ext or path in done or not path.is_file():
                    continue
                done.add(path)
                try:
                    if number > 0:
                        _refuse_large(path)
                    unzip(str(path), str(path.parent), zip_ext=self.zip_ext, create_own_folder=True)
                except Exception as error:
                    # A student's archive may be anything; the others of the class must not wait for it.
                    self.log.warning("%s can't be unpacked: %s", path.relative_to(target), error)


class UploadCollector(FileNameCollectorPlugin):
    """Tell from a downloaded file's place whose it is, and what it was called."""

    @cached_property
    def _people(self) -> dict[str, Person]:
        coursedir = self.parent.coursedir
        try:
            return read_people(Settings(self.parent.config, coursedir))
        except (GradebookTrouble, CourseError) as error:
            self.log.warning("folders are called as the uploads are: %s", error)
            return {}

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for person in self._people.values():
            for name in {f"{person.first_name} {person.last_name}", f"{person.last_name} {person.first_name}"}:
                found[_plain(name)].append(person.id)
        return found

    def _of_canvas(self, number: str) -> str:
        found = [person.id for person in self._people.values() if person.lms_user_id == number]
        return found[0] if len(found) == 1 else number

    def _of_moodle(self, name: str, number: str) -> str:
        found = self._by_name.get(_plain(name), [])
        # Two of one name stay apart, each with Moodle's own number.
        return found[0] if len(found) == 1 else f"{name}_{number}" if found else name

    def _whose(self, parts: tuple[str, ...]) -> tuple[str, str] | None:
        """Return the student's folder and the file's name, by the outermost part of a place that tells.

        That one is the LMS's own; what lies in an archive is called as its student likes, such as another's upload.
        """
        for part in parts:
            for pattern in (_MOODLE, _CANVAS):
                match = pattern.fullmatch(part)
                if match is None:
                    continue
                number, file = match["number"], match["file"]
                student = self._of_moodle(match["name"], number) if pattern is _MOODLE else self._of_canvas(number)
                return student, file if file and part == parts[-1] else parts[-1]
        return None

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Return whose a notebook is; None for what is none, for a system's own file, and for an earlier upload."""
        path = Path(submitted_file)
        if path.suffix not in self.valid_ext or path.name.startswith(".") or "__MACOSX" in path.parts:
            return None
        lesson = self.parent.coursedir.assignment_id
        base = Path(self.parent._format_collect_path(self.parent.extracted_directory))
        parts = path.relative_to(base).parts if path.is_relative_to(base) else path.parts
        found = self._whose(parts)
        if found is None:
            self.log.warning("%s is called neither as Canvas nor as Moodle calls uploads", path.name)
            return None
        student, file = found
        stem = file.removesuffix(path.suffix)
        again = _AGAIN.fullmatch(stem)
        if again is not None and again["name"] == lesson:
            stem = lesson
        return {"student_id": student, "file_id": stem + path.suffix}
