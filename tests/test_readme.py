"""The README says what the course is: its table of lessons and its commands are the real ones."""

from __future__ import annotations

import re

from autograder.__main__ import parse
from autograder.authoring.lesson_table import lesson_table
from autograder.course.manifest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_table_of_lessons_is_the_manifests() -> None:
    assert lesson_table() in README, "run: python -m autograder lessons"


def test_commands_of_the_readme_exist() -> None:
    commands = re.findall(r"python -m autograder (\w+[^`\n|#]*)", README)
    assert commands
    for command in commands:
        parse(command.split())


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_files_of_the_readme_exist() -> None:
    for path in re.findall(r"`((?:autograder|solutions|lessons|data_scripts|tests)/[\w/.]+)`", README):
        if "NN_name" not in path:
            assert (ROOT / path).exists(), path
