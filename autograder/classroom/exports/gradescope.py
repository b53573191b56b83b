"""``python -m autograder export gradescope``: the course as a zip that Gradescope makes its autograder of."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...course.manifest import ROOT, CourseError, Lesson, find_lesson, load_course
from ...course.released import reference_path
from ...isolation.workers import SLOW_IMPORTS

REQUEST = "gradescope.json"
OUT = ROOT / "build" / "gradescope.zip"
SCRIPTS = ("setup.sh", "run_autograder")
_SUFFIXES = (".py", ".yaml", ".json")
_PROJECT = ("pyproject.toml", "constraints.txt", "LICENSE", "LICENSE-text")
# The packages behind a framework's name; what a lesson does not import need not be in its image.
_PACKAGES = {"torch": ("torch",), "keras": ("keras", "tensorflow", "tensorflow-cpu")}
# The same moment for every file, so that the same course gives the same zip.
_MOMENT = (2020, 1, 1, 0, 0, 0)


def _lessons_up_to(lessons: Sequence[Lesson]) -> list[Lesson]:
    """Return the lessons whose solutions grading needs: the chosen ones, and those before that they may use."""
    known = load_course().lessons
    last = max(known.index(lesson) for lesson in lessons)
    return list(known[: last + 1])


def _requirements(lessons: Sequence[Lesson], index: str | None) -> str:
    """Return the pins without the frameworks that none of the lessons, or of those before, imports."""
    used = {framework for lesson in _lessons_up_to(lessons) for framework in lesson.frameworks}
    unused = {package for framework in SLOW_IMPORTS - used for package in _PACKAGES[framework]}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if re.split(r"[=<>~! ;\[]", line, maxsplit=1)[0] not in unused]
    return "\n".join([*([f"--extra-index-url {index}"] if index else []), *kept]) + "\n"


def _files(lessons: Sequence[Lesson]) -> Iterator[Path]:
    """Yield the course's own files that grading needs: named one by one or by kind, so that nothing else slips in."""
    for path in sorted((ROOT / "autograder").rglob("*")):
        if path.suffix in _SUFFIXES and "__pycache__" not in path.parts and path.is_file():
            yield path
    for lesson in _lessons_up_to(lessons):
        path = reference_path(lesson)
        if not path.is_file():
            raise CourseError(f"{path.relative_to(ROOT)} is missing; run: python -m autograder build")
        yield path
    yield from (ROOT / name for name in _PROJECT)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    # All of it is text. A checkout on Windows may end its lines in another way, which a shell on Linux takes for code.
    content = content.replace(b"\r\n", b"\n")
    info = zipfile.ZipInfo(name, _MOMENT)
    info.external_attr = (0o100000 | mode) << 16
    archive.writestr(info, content, zipfile.ZIP_DEFLATED)


def write_zip(out: Path, lessons: Sequence[Lesson], isolation: str = "auto", index: str | None = None) -> None:
    """Write the zip. Raises CourseError where a file of the course is missing or the zip can't be written.

    ``index`` is one more place where packages are looked for.
    """
    request = {"lessons": [lesson.id for lesson in lessons], "isolation": isolation}
    part = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w") as archive:
            for name in SCRIPTS:
                _add(archive, name, Path(__file__).with_name(name).read_bytes(), 0o755)
            _add(archive, REQUEST, json.dumps(request, indent=1).encode())
            _add(archive, "requirements.txt", _requirements(lessons, index).encode())
            for path in _files(lessons):
                _add(archive, path.relative_to(ROOT).as_posix(), path.read_bytes())
        part.replace(out)
    except OSError as error:
        raise CourseError(f"{out} can't be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)


def export_gradescope(names: Sequence[str], isolation: str, index: str | None, out: Path | None) -> int:
    """Do what the command does and return the exit status."""
    lessons = [find_lesson(name) for name in names]
    lessons = [lesson for lesson in load_course().lessons if lesson in lessons]
    path = (out or OUT).resolve()
    write_zip(path, lessons, isolation, index)
    points = sum(lesson.points for lesson in lessons)
    print(f"{path}: {', '.join(lesson.id for lesson in lessons)}; set the assignment's autograder points to {points:g}")
    return 0
