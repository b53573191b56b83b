"""The documents say what the course is: their commands, files and tables are the real ones."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from autograder.__main__ import parse
from autograder.authoring.readme_table import readme_table
from autograder.course.manifest import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
of_each = pytest.mark.parametrize("path", DOCUMENTS, ids=[path.name for path in DOCUMENTS])
# What stands for the name of something else.
STANDS_FOR = re.compile(r"NN|NAME|STUDENT")


def commands(path: Path, program: str) -> list[list[str]]:
    """Return the arguments of every ``program`` in a document's code: lines of its blocks, and what is in backticks."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    code = [line.partition("#")[0] for block in blocks for line in block.splitlines()] + inline
    return [shlex.split(line)[len(program.split()) :] for line in code if f"{line} ".startswith(f"{program} ")]


def test_readme_is_short_and_holds_the_table_of_lessons() -> None:
    text = DOCUMENTS[0].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 170
    assert readme_table() in text, "run: python -m autograder build"


@of_each
def test_commands_of_the_course_exist(path: Path) -> None:
    for arguments in commands(path, "python -m autograder"):
        parse(arguments)


@of_each
def test_make_targets_exist(path: Path) -> None:
    makefile = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "setup.mk"))
    for target, *_rest in filter(None, commands(path, "make")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


@of_each
def test_modules_that_are_run_exist(path: Path) -> None:
    for module in re.findall(r"python -m ((?:data_scripts|tests)\.[\w.]+)", path.read_text(encoding="utf-8")):
        assert find_spec(module), module


@of_each
def test_files_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:autograder|solutions|lessons|data_scripts|tests|docs)/[\w/.]+)`", text)
    assert not [name for name in named if not STANDS_FOR.search(name) and not (ROOT / name).exists()]
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (path.parent / link).exists(), link


def test_the_tests_that_the_table_of_protection_names_exist() -> None:
    section = DOCUMENTS[0].read_text(encoding="utf-8").partition("## What is protected")[2].partition("\n## ")[0]
    rows = [line.split("|")[-2] for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 5
    for row in rows:
        named = re.findall(r"`(\w+)`", row)
        assert named, row
        assert not [name for name in named if not list((ROOT / "tests").rglob(f"{name}.py"))]


def test_the_front_door_names_the_commands_that_newcomers_need() -> None:
    def targets(path: Path) -> set[str]:
        return {arguments[0] for arguments in commands(path, "make") if arguments}

    assert {"lab", "demo"} <= targets(ROOT / "README.md")
    assert {"setup", "lint", "test", "test-long"} <= targets(ROOT / "CONTRIBUTING.md")
