"""What became of a run over a class, and how a teacher is told."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ...course.manifest import Lesson
from ...report.safe_text import safe_text
from ..folders.handed_in import find_submitted
from ..folders.settings import Settings
from ..gradebook.gradebook_writer import GradebookWriter
from ..gradebook.moves import WAITING, Move, write_moved, write_waiting
from ..results.store import ClassRun, Store

SHOWN = 20


@dataclass
class Tally:
    """What became of a run. ``look`` says, by student and lesson, why somebody should look.

    ``waiting`` counts submissions whose marks would fall below those that were shown; ``came_later``, by lesson and
    exercise, those that were handed in before the exercise came.
    """

    graded: int = 0
    unchanged: int = 0
    failed: int = 0
    waiting: int = 0
    came_later: Counter[tuple[str, str]] = field(default_factory=Counter)
    look: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add_look(self, student: str, lesson_id: str, reasons: Iterable[str]) -> None:
        """Note reasons to look at a submission, each once."""
        for reason in reasons:
            noted = self.look.setdefault((student, lesson_id), [])
            if reason not in noted:
                noted.append(reason)


def say(text: str) -> None:
    """Tell the teacher something without spoiling the progress bar."""
    tqdm.write(f"autograder: {text}", file=sys.stderr)


def absent(settings: Settings, writer: GradebookWriter, lessons: Iterable[Lesson]) -> Iterator[str]:
    """Yield who of the gradebook's students handed in nothing."""
    known = set(writer.students())
    for lesson in lessons:
        absent = sorted(known - {submitted.student for submitted in find_submitted(settings.coursedir, lesson)})
        if absent:
            shown = ", ".join(safe_text(name, 80, one_line=True) for name in absent[:SHOWN])
            more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
            yield f"{lesson.id}: nothing handed in by {shown}{more}"


def summarize(tally: Tally, writer: GradebookWriter, run: ClassRun, tell: Callable[[str], None]) -> None:
    """Tell what became of a run: how many, who is to be looked at and why, and what is not written yet."""
    failed = f", {tally.failed} not graded" if tally.failed else ""
    failed += f", {tally.waiting} waiting for --yes" if tally.waiting else ""
    tell(f"{tally.graded} graded, {tally.unchanged} unchanged{failed}; seed {run.seed}")
    for (lesson_id, name), count in sorted(tally.came_later.items()):
        tell(f"{lesson_id}: {name} came after {count} handed in; they have no points there until they hand in again")
    if tally.look:
        tell(f"{len(tally.look)} to look at:")
    for (student, lesson_id), reasons in sorted(tally.look.items(), key=lambda item: item[0][::-1]):
        why = "; ".join(safe_text(reason, 300, one_line=True) for reason in reasons)
        tell(f"  {safe_text(student, 80, one_line=True)}, {lesson_id}: {why}")
    if writer.waiting:
        tell(
            f"{writer.waiting} results are not in the gradebook yet: {writer.trouble}. Then run the same command again."
        )


def tell_moves(store: Store, moves: list[Move], held_back: list[Move]) -> None:
    """List the marks that moved and those that wait, on the screen and in tables. Raises Unwritable."""
    if moves:
        _list("marks that moved", moves, write_moved(store, moves))
    if held_back:
        _list("marks that wait for --yes", held_back, write_waiting(store, held_back))
    else:
        (store.folder / f"{WAITING}.csv").unlink(missing_ok=True)


def _list(what: str, moves: list[Move], path: Path) -> None:
    print(f"{what}: {len(moves)}, all of them in {path}")
    print("\n".join(f"  {move}" for move in moves[:SHOWN]))
    if len(moves) > SHOWN:
        print(f"  and {len(moves) - SHOWN} more")
