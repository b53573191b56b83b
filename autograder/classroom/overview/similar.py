"""Similar work on the class page: which pairs of answers to look at, beside each other."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from nbgrader.coursedir import CourseDirectory

from ...course.manifest import Lesson, find_exercise
from ...report.safe_text import safe_text
from ...report.words import title_of
from ..gradebook.marks import ClassMarks
from ..likeness.pairs import LEAST_LIKENESS, WHOLE_LESSON, Pair
from ..likeness.similar_work import Side, SimilarWork, beside_each_other
from ..results.tables import Table
from .pieces import more, table_of
from .summary import said_name

# Groups of students on the page, lines and characters of an answer, further names; the file has all pairs.
SHOWN, LINES, LINE, NAMES = 20, 120, 200, 20
SIMILAR_STYLE = """
.beside { display: grid; grid-template-columns: 1fr 1fr; gap: 1em; }
.beside > div { min-width: 0; }
.beside pre { overflow-x: auto; font-size: .85em; border: 1px solid #8884; padding: .4em; white-space: pre;
  overflow-wrap: normal; display: grid; grid-template-columns: minmax(max-content, 1fr); }
.beside pre span { box-sizing: border-box; border-left: 3px solid transparent; padding-left: .4em; }
.beside pre span.both { background: #e6a23c40; border-left-color: #b5701a; }
@media (max-width: 48em) { .beside { grid-template-columns: 1fr; } }
"""
HINT = (
    "A hint to look, never a verdict: a common teacher, a tutor, a book or one and the same idea make work alike, too. "
    "Names, notes, layout and the order of parts don't count, nor does what was given, the reference or a well-known "
    "mistake has. Likeness is how much of the shorter answer's own structure the other one has; a piece weighs the "
    f"more, the fewer of this class have it. A pair stands here from {100 * LEAST_LIKENESS:.0f} % on, where it shares "
    "more than chance lets one of so many pairs share and few are as alike. Short answers tell something only together."
)


@dataclass(frozen=True)
class Shown:
    """Students whose answers are alike, and both answers of their most telling pair, None where one was taken away."""

    lesson: Lesson
    pair: Pair
    students: tuple[str, ...]
    sides: tuple[Side, Side] | None


def _groups(work: SimilarWork) -> list[tuple[Lesson, Pair, tuple[str, ...]]]:
    """Return who is alike in an exercise, directly or through others, with the most telling pair of them."""
    together: dict[tuple[str, str, str], set[str]] = {}
    first: list[tuple[Lesson, Pair]] = []
    for lesson, pair in work.pairs():
        keys = [(lesson.id, pair.exercise, name) for name in (pair.first, pair.second)]
        one, other = (together.setdefault(key, {key[-1]}) for key in keys)
        if len(one) == len(other) == 1:
            first.append((lesson, pair))
        if one is not other:
            one |= other
            together |= {(lesson.id, pair.exercise, name): one for name in other}
    seen: set[int] = set()
    found = []
    for lesson, pair in first:
        group = together[lesson.id, pair.exercise, pair.first]
        # Of two groups that grew together, the more telling pair stands for both.
        if id(group) not in seen:
            seen.add(id(group))
            found.append((lesson, pair, tuple(sorted(group))))
    return found


def choose_shown(coursedir: CourseDirectory, work: SimilarWork) -> list[Shown]:
    """Return the most telling groups of students whose answers are alike, with the answers of two of them."""
    chosen = _groups(work)[:SHOWN]
    found: dict[tuple[Lesson, Pair], tuple[Side, Side] | None] = {}
    for lesson in dict.fromkeys(lesson for lesson, _, _ in chosen):
        pairs = [pair for other, pair, _ in chosen if other == lesson]
        sides = beside_each_other(coursedir, lesson, pairs)
        found |= {(lesson, pair): each for pair, each in zip(pairs, sides, strict=True)}
    return [Shown(lesson, pair, students, found[lesson, pair]) for lesson, pair, students in chosen]


def _what(lesson: Lesson, exercise: str) -> str:
    """Return what was compared as a reader should see it."""
    return f"{lesson.number}, {WHOLE_LESSON}" if exercise == WHOLE_LESSON else title_of(find_exercise(exercise))


def pair_table(marks: ClassMarks, work: SimilarWork | None) -> Table:
    """Return the pairs that are alike beyond chance, the most telling first."""
    columns = ("student", "name", "other student", "other name", "lesson", "exercise", "likeness percent", "bits")
    rows = [
        (
            *said_name(marks, pair.first),
            *said_name(marks, pair.second),
            lesson.id,
            _what(lesson, pair.exercise),
            100 * pair.likeness,
            pair.bits,
            pair.alike,
            pair.pairs,
            100 * pair.usual,
        )
        for lesson, pair in (work.pairs() if work is not None else ())
    ]
    return Table("similar", (*columns, "pairs as alike", "pairs", "95 % of pairs under percent"), rows)


def compared_table(work: SimilarWork | None) -> Table:
    """Return for each exercise how many answers were compared and what was found."""
    columns = ("lesson", "exercise", "answers", "long enough", "pairs to look at", "too common to tell")
    rows = [
        (
            lesson.id,
            _what(lesson, found.exercise),
            found.written,
            found.answers,
            len(found.pairs),
            found.common,
            None if found.usual is None else 100 * found.usual,
        )
        for lesson, found in (work.comparisons if work is not None else ())
    ]
    return Table("compared", (*columns, "95 % of pairs under percent"), rows)


def _full_name(marks: ClassMarks, student: str) -> str:
    folder, name = said_name(marks, student)
    return html.escape(f"{name} ({folder})" if name else folder)


def _code(marks: ClassMarks, side: Side) -> str:
    both = ' class="both"'
    lines = [
        f"<span{both if number in side.shared else ''}>{html.escape(safe_text(line, LINE)) or ' '}</span>"
        for number, line in enumerate(side.lines[:LINES])
    ]
    left = len(side.lines) - LINES
    lines += [f"<span>… {left} more lines</span>"] if left > 0 else []
    who = _full_name(marks, side.student)
    region = f'tabindex="0" role="region" aria-label="code of {who}"'
    return f"<div><h4>{who}</h4><pre {region}>{''.join(lines)}</pre></div>"


def _rarity(pair: Pair) -> str:
    these = "this one alone is" if pair.alike == 1 else f"{pair.alike:,} are"
    return f"of {pair.pairs:,} pairs {these} as alike; 95 % are under {100 * pair.usual:.0f} %"


def _pair(marks: ClassMarks, each: Shown) -> str:
    pair = each.pair
    who = f"{_full_name(marks, pair.first)} and {_full_name(marks, pair.second)}"
    others = [_full_name(marks, name) for name in each.students if name not in (pair.first, pair.second)]
    more = f"; alike as well: {', '.join(others[:NAMES])}{' …' if len(others) > NAMES else ''}" if others else ""
    what = html.escape(_what(each.lesson, pair.exercise))
    body = (
        "<p>An answer was taken away since.</p>"
        if each.sides is None
        else f'<div class="beside">{"".join(_code(marks, side) for side in each.sides)}</div>'
    )
    said = f"{who}: {what}, {100 * pair.likeness:.0f} % alike; {_rarity(pair)}{more}"
    return f"<details><summary>{said}</summary>{body}</details>"


def similar_page(marks: ClassMarks, work: SimilarWork | None, chosen: Sequence[Shown], tables: Sequence[Table]) -> str:
    """Return the section's body; ``tables`` are the pairs and what was compared."""
    pairs, compared = tables
    if work is None:
        return "<p>Not compared, as asked for.</p>"
    unread = f'<p class="failed">{work.unread:,} submissions could not be compared.</p>' if work.unread else ""
    listed = "".join(_pair(marks, each) for each in chosen) or "<p>No two answers are alike beyond chance.</p>"
    common = sum(found.common for _, found in work.comparisons)
    said = f"<p>{common:,} more pairs are as alike, too many to be rare here: see the numbers.</p>" if common else ""
    what = f"<details><summary>What was compared</summary>{table_of(compared)}</details>"
    return unread + listed + said + more(pairs, 10**9) + what
