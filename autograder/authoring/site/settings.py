"""What a site is built with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...course.address import REPOSITORY, open_links
from ...course.manifest import ROOT, CourseError, Lesson

SOURCE = ROOT / "docs" / "site"
OUT = ROOT / "build" / "site"


@dataclass(frozen=True)
class Settings:
    """``demo`` is the folder of executed lessons; ``solutions``: whether a page holds them, folded away.

    ``repository`` is ``OWNER/NAME`` on GitHub, or "" for a site without links that open a lesson elsewhere.
    """

    demo: Path
    solutions: bool = False
    repository: str = ""
    branch: str = "main"

    def __post_init__(self) -> None:
        if self.repository and not REPOSITORY.fullmatch(self.repository):
            raise CourseError(
                f"repository {self.repository!r}: expected OWNER/NAME as on GitHub; give it with --repository or "
                "COURSE_REPOSITORY, or leave it out for a site without “open in …”"
            )

    def open_links(self, lesson: Lesson) -> dict[str, str]:
        """Return where a lesson opens with one click, by name; nothing where no repository is known."""
        if not self.repository:
            return {}
        return open_links(self.repository, self.branch, lesson.id)
