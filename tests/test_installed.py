"""The course as a wheel: a notebook works in any folder, and without the course it says what to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from autograder.course.manifest import ROOT

LESSON = "01_pixel_parsing"


def setup_cell() -> str:
    cells = json.loads((ROOT / "lessons" / LESSON / f"{LESSON}.ipynb").read_text(encoding="utf-8"))["cells"]
    return next("".join(cell["source"]) for cell in cells if "setup" in cell["metadata"].get("tags", []))


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "PYTHON"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment | {"HOME": str(folder), "COURSE_HOME": str(folder / "mine")},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_without_the_course_the_setup_cell_says_what_to_run(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, "-I", "-S", "-c", setup_cell())
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: This notebook needs its course: open it in")
    assert "StopIteration" not in done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = run(folder, sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.long
@pytest.mark.slow
def test_the_wheel_holds_lessons_and_no_solution(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    lessons = {path.relative_to(ROOT).as_posix() for path in (ROOT / "lessons").glob("*/*.ipynb")}
    assert {f"autograder/{name}" for name in lessons} <= set(names)
    assert not [name for name in names if name.startswith(("solutions/", "tests/", "autograder/solutions/"))]


@pytest.mark.long
@pytest.mark.slow
def test_an_installed_course_works_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    environment, empty = tmp_path / "env", tmp_path / "empty"
    empty.mkdir()
    assert run(tmp_path, sys.executable, "-m", "venv", "--without-pip", environment).returncode == 0
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    packages = run(empty, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    # The packages that the course needs are those of the tests' own environment.
    (Path(packages) / "beside.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    install = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--ignore-installed")
    done = run(empty, *install, wheel)
    assert done.returncode == 0, done.stderr
    shown = "\nprint(autograder.__file__)\nprint(autograder.check('parse_pixels', {'parse_pixels': lambda text: 1}))\n"
    shown += "from data_scripts.folders import course_folder, lesson_folder\nprint(course_folder())\n"
    shown += "print(lesson_folder('05_resnet_training'))\n"
    done = run(empty, python, "-c", setup_cell() + shown)
    assert done.returncode == 0, done.stderr
    assert packages in done.stdout
    assert "parse_pixels" in done.stdout
    assert str(empty / "mine") in done.stdout.splitlines()
    program = scripts / "autograder"
    done = run(empty, program, "check", "01")
    assert done.returncode == 2
    assert "run: autograder start" in done.stdout + done.stderr
    assert run(empty, program, "start").returncode == 0
    done = run(empty, program, "check", "01")
    assert done.returncode == 1, done.stderr
    assert "0 of 40 points" in done.stdout
    assert "lies among the interpreter's own files" not in done.stdout
