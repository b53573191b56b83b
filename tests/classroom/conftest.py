"""What the tests of a class share: a course folder whose gradebook knows the lesson, which takes seconds to make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.classroom.course_folder import enter_lessons, make_course


@pytest.fixture(scope="session")
def entered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder to be copied: lesson 01 is in its gradebook, and nobody has handed in anything."""
    return enter_lessons(make_course(tmp_path_factory.mktemp("entered")))
