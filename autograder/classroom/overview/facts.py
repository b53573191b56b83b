"""All that the class page is made from, and its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..gradebook.marks import ClassMarks
from ..likeness.similar_work import SimilarWork
from ..results.tables import Table
from .hand_ins import HandIns, attempt_table, late_table
from .items import item_table
from .matrix import matrix_table
from .similar import Shown, compared_table, pair_table
from .summary import (
    absent_table,
    distribution_table,
    exercise_table,
    handed_in_table,
    look_table,
    misconception_table,
    seconds_table,
    student_table,
    who_table,
)


@dataclass(frozen=True)
class ClassFacts:
    """A class as the page shows it. ``work`` is None where answers were not compared.

    ``shown`` are the pairs whose answers stand on the page; ``strangers`` have a folder and are not in the roster.
    """

    marks: ClassMarks
    hand_ins: HandIns = HandIns({}, {}, {}, {})
    work: SimilarWork | None = None
    shown: tuple[Shown, ...] = ()
    strangers: tuple[str, ...] = ()


def all_tables(facts: ClassFacts) -> Mapping[str, Table]:
    """Return every table by its name, in the order of the page."""
    marks = facts.marks
    tables = [
        handed_in_table(marks),
        matrix_table(marks),
        look_table(marks),
        distribution_table(marks),
        exercise_table(marks),
        item_table(marks),
        misconception_table(marks),
        who_table(marks),
        pair_table(marks, facts.work),
        compared_table(facts.work),
        late_table(marks, facts.hand_ins),
        attempt_table(marks, facts.hand_ins),
        absent_table(marks),
        seconds_table(marks),
        student_table(marks),
    ]
    return {table.name: table for table in tables}
