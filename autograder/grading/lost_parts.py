"""What a notebook has lost and the grader does without: check cells, nbgrader's metadata. It is said, not punished."""

from __future__ import annotations

from collections.abc import Sequence

from ..course.manifest import Lesson
from ..course.released import load_released, normalize
from .notebook_file import RawCell, source_of

# Longer texts are no check cell.
LONGEST = 10_000
SHOWN = 6


def _has_metadata(cell: RawCell) -> bool:
    metadata = cell.get("metadata")
    return isinstance(metadata, dict) and isinstance(metadata.get("nbgrader"), dict)


def note_lost_parts(cells: Sequence[RawCell], lesson: Lesson) -> list[str]:
    """Return a note for the check cells that are gone or were changed, and one where all metadata is gone."""
    checks = load_released(lesson).checks
    sources = (source_of(cell) for cell in cells)
    texts = {normalize(source) for source in sources if len(source) <= LONGEST}
    lost = [name for name, text in checks.items() if text not in texts]
    said = []
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        shown = f"{', '.join(lost[:SHOWN])}{more}"
        said.append(f"check cells are gone or changed ({shown}); the course's own checks were used")
    if cells and not any(map(_has_metadata, cells)):
        said.append("the cells have lost nbgrader's metadata; they were known by their code")
    return said
