"""The class page: its sections, from whom to look at first to how long grading took."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ...course.manifest import Lesson, load_course
from ...report.fragments import POLICY, STYLE, page_head, text
from ...report.page import PAGE_STYLE
from ...report.words import number, title_of
from ..gradebook.marks import UNGRADED, ClassMarks
from ..results.store import now
from ..results.tables import Table
from .facts import ClassFacts
from .figures import draw_attempts, draw_distribution, draw_exercises, draw_misconceptions, draw_seconds
from .hand_ins import HandIns, by_day
from .items import LEAST_STUDENTS
from .matrix import MATRIX_STYLE, SCRIPT_POLICY, matrix_page
from .pieces import MOST_ROWS, drawn, figure, more, numbers, rows_of, section, shown, table_of
from .similar import HINT, SIMILAR_STYLE, similar_page
from .summary import ALL, run_seconds, shown_name, who_made

MOST_COMMON = 15
# Names that stand in a line; more of them are folded away.
MOST_NAMES = 10
_STYLE = """
svg.figure { width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; }
.autograder.autograder td.count { text-align: right; white-space: nowrap; }
.autograder.autograder .wide td { overflow-wrap: break-word; }
.autograder.autograder .drawn { overflow-x: auto; }
.wide td:first-child { min-width: 9em; }
.wide th:first-child, .wide td:first-child { position: sticky; left: 0; background: var(--paper); }
.wide summary { white-space: nowrap; }
.wide details[open] { min-width: 14em; }
summary { cursor: pointer; margin: .4em 0; }
li:has(> details) { list-style: none; }
nav ul { display: flex; flex-wrap: wrap; gap: .2em 1.2em; list-style: none; padding: 0; }
@media (max-width: 40em) { body { padding: .5em .8em 2em; } svg.figure { min-width: 40em; }
  .stack thead { display: none; }
  .stack table, .stack tbody, .stack tr, .autograder.autograder .stack td:first-child { display: block; width: auto; }
  .stack tr { border: 1px solid #8884; margin: .5em 0; padding: .3em .7em; }
  .autograder.autograder .stack td { display: inline; border: 0; padding: 0; min-width: 0; text-align: left;
    margin-right: 1em; white-space: normal; }
  .stack td:first-child { font-weight: bold; }
  .stack td:not(:first-child)::before { content: attr(data-label) ": "; color: var(--quiet); }
  .autograder.autograder .stack td:has(details)::before { content: none; } }
@media print { svg.figure { max-height: 24cm; } .wide, .matrix { overflow: visible; font-size: .8em; max-height: none; }
  nav, .controls { display: none; } }
"""
# What gives the links to a student's pages of a lesson, as HTML.
Links = Callable[[str, Lesson], str]


def _distribution_numbers(table: Table) -> str:
    """Return the histograms' counts, a row for each: the page needs no line for each bar."""
    names = list(dict.fromkeys(row[0] for row in table.rows))
    bins = list(dict.fromkeys(f"{row[1]}–{row[2]} %" for row in table.rows))
    rows = [[shown(name), *(shown(row[3]) for row in table.rows if row[0] == name)] for name in names]
    listed = rows_of(("lesson", *bins), rows, table.name)
    return f"<details><summary>The numbers</summary>{listed}</details>{more(table, 10**9)}"


def _named(marks: ClassMarks, student: str) -> str:
    """Return a student's name, and beside it the folder's where they differ, as HTML."""
    name = marks.people[student].name
    return text(shown_name(student) if name == student else f"{name} ({shown_name(student)})")


def _names(marks: ClassMarks, students: Sequence[str]) -> str:
    left = f" and {len(students) - MOST_ROWS:,} more" if len(students) > MOST_ROWS else ""
    return ", ".join(_named(marks, student) for student in students[:MOST_ROWS]) + left


def _misconceptions(marks: ClassMarks, table: Table, who: Table) -> str:
    """Return the most common misconceptions, each with its hint in plain sight and with who shows it."""
    if not table.rows:
        return f"<p>None was recognized.</p>{more(table, 0)}"
    rows = table.rows[:MOST_COMMON]
    made = {shown_name(id): students for id, students in who_made(marks).items()}
    # The misconception's id begins with the exercise, and that is a lesson's alone.
    cells = [
        [
            shown(id),
            shown(count),
            shown(hint),
            f"<td><details><summary>who</summary>{_names(marks, made[id])}</details></td>",
        ]
        for id, count, _, _, hint in rows
    ]
    listed = rows_of((*table.columns[:2], table.columns[-1], "who"), cells, table.name, stacked=True)
    return f"{drawn(draw_misconceptions(rows))}{listed}{more(table, len(rows))}{more(who, 10**9)}"


def _look(marks: ClassMarks, table: Table, links: Links) -> str:
    waiting: dict[str, list[str]] = {}
    for student, lesson, why in marks.look():
        if why == UNGRADED:
            waiting.setdefault(lesson.id, []).append(student)
    # A lesson that is not graded yet is one thing to do, however many handed it in.
    together = {lesson_id: students for lesson_id, students in waiting.items() if len(students) > 1}
    rows = []
    for lesson_id, students in together.items():
        who = f"<details><summary>{len(students):,} students</summary>{_names(marks, students)}</details>"
        rows.append([f"<td>{who}</td>", shown(UNGRADED), shown(lesson_id), '<td class="count"></td>'])
    told = sum(map(len, together.values()))
    for (student, lesson, reason), (_, _, _, why) in zip(marks.look(), table.rows, strict=True):
        if len(rows) < MOST_ROWS and not (reason == UNGRADED and lesson.id in together):
            pages = f'<td class="count">{links(student, lesson)}</td>'
            rows.append([f"<td>{_named(marks, student)}</td>", shown(why), shown(lesson.id), pages])
            told += 1
    listed = rows_of(("student", "why", "lesson", "pages"), rows, table.name, stacked=True) + more(table, told)
    return listed if rows else f"<p>Nobody.</p>{more(table, 0)}"


def _absent(marks: ClassMarks, table: Table) -> str:
    said = []
    for lesson in marks.lessons:
        absent = marks.absent(lesson)
        if absent:
            count, names = f"{html.escape(lesson.id)}: {len(absent):,}", _names(marks, absent)
            folded = f"<details><summary>{count}</summary>{names}</details>"
            said.append(f"<li>{folded if len(absent) > MOST_NAMES else f'{count}: {names}'}</li>")
    return f"<ul>{''.join(said) or '<li>Nobody.</li>'}</ul>{more(table, 10**9)}"


def _students(marks: ClassMarks, table: Table, links: Links) -> str:
    # Without a roster, nobody has a name. A lesson's number is enough above its points, as in the matrix.
    names = any(row[1] or row[2] for row in table.rows)
    columns = (
        *(table.columns[:3] if names else table.columns[:1]),
        *(lesson.number for lesson in marks.lessons),
        table.columns[-1],
    )
    rows = []
    for student, row in zip(sorted(marks.people)[:MOST_ROWS], table.rows, strict=False):
        cells = [shown(value) for value in (row[:3] if names else row[:1])]
        for lesson, points in zip(marks.lessons, row[3:-1], strict=True):
            said = "–" if points is None else number(points)
            cells.append(f'<td class="count">{said} {links(student, lesson)}</td>')
        rows.append([*cells, shown(row[-1])])
    return rows_of(columns, rows, table.name) + more(table, len(rows))


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "–"
    return f"{value:.2f} ({low:.2f} to {high:.2f})".replace("-", "−")


def _items(table: Table) -> str:
    flagged = [
        [shown(exercise), shown(remark), shown(students), shown(share), f'<td class="count">{_interval(*found)}</td>']
        for _, exercise, students, _, share, *found, remark in table.rows
        if remark
    ]
    if not table.rows or max(row[2] for row in table.rows) < LEAST_STUDENTS:
        return f"<p>With fewer than {LEAST_STUDENTS} students nothing is flagged.</p>{numbers(table)}"
    columns = ("exercise", "remark", "students", "mean share", "discrimination (99 % interval)")
    told = (
        rows_of(columns, flagged, "exercises to look at", stacked=True) if flagged else "<p>No exercise is flagged.</p>"
    )
    return f"{told}{numbers(table)}"


def _late(hand_ins: HandIns, table: Table) -> str:
    if not hand_ins.due:
        return f"<p>No lesson that was handed in with a time has a due date in the gradebook.</p>{more(table, 0)}"
    by_lesson = Counter(lesson_id for _, lesson_id in hand_ins.late())
    counts = ", ".join(f"{html.escape(lesson)}: {count:,}" for lesson, count in sorted(by_lesson.items()))
    return f"<p>{counts or 'Nobody was late.'}</p>{table_of(table, stacked=True) if table.rows else more(table, 0)}"


def _attempts(hand_ins: HandIns, table: Table) -> str:
    days = by_day(None, hand_ins)
    if not days:
        return f"<p>nbgrader's exchange keeps no hand-ins that can be read here.</p>{more(table, 0)}"
    often = Counter(min(4, len(times)) for times in hand_ins.times.values())
    said = "; ".join(
        f"{'once' if times == 1 else '4 times or more' if times == 4 else f'{times} times'}: {count:,}"
        for times, count in sorted(often.items())
    )
    counted = rows_of(
        ("day (UTC)", "first", "again"), [[shown(cell) for cell in day] for day in days[-MOST_ROWS:]], "days"
    )
    folded = f"<details><summary>The numbers</summary>{counted}{table_of(table)}</details>"
    return f"<p>Handed in {said}.</p>{drawn(draw_attempts(days))}{folded}"


def _notices(facts: ClassFacts) -> str:
    """Return what a reader must know before believing the page."""
    marks, said = facts.marks, []
    if marks.trouble:
        said.append(f"Marks given by hand are left out: {text(marks.trouble)}")
    if facts.hand_ins.unisolated:
        reasons = "; ".join(sorted(set(facts.hand_ins.unisolated.values())))
        count, who = len(facts.hand_ins.unisolated), sorted({student for student, _ in facts.hand_ins.unisolated})
        said.append(
            f"The code of {count:,} submissions ran unisolated, with the rights of who graded it ({text(reasons)}): "
            f"{_names(marks, who)}"
        )
    if facts.strangers:
        said.append(f"Not in the roster, but handed in: {_names(marks, facts.strangers)}")
    return "".join(f'<p class="failed">{each}</p>' for each in said)


def _sections(facts: ClassFacts, tables: Mapping[str, Table], links: Links) -> list[str]:
    marks = facts.marks
    spreads = [(title_of(exercise), found) for _, exercise, found in run_seconds(marks) if found]
    exercises, seconds, distribution = tables["exercises"], tables["seconds"], tables["distribution"]
    return [
        section("Lessons", "Points of those submissions that are graded.", table_of(tables["lessons"], stacked=True)),
        section("Look here", "Who needs a look, and why.", _look(marks, tables["look"], links)),
        section(
            "Matrix",
            "Everybody's points in every exercise. – stands for nothing written, ? for no code or no readable "
            "notebook, an empty cell for nothing graded, * for a mark given by hand. The darker the blue, the more "
            "points; orange is none.",
            matrix_page(marks, facts.hand_ins) + more(tables["matrix"], 10**9),
        ),
        section(
            "Points of the class",
            "How many students reached which share of the points. The number stands above each bar.",
            f"{drawn(draw_distribution(distribution))}{_distribution_numbers(distribution)}",
        ),
        section(
            "Exercises",
            "What share of the graded submissions has full points, beside it how many.",
            figure(exercises, lambda: draw_exercises(exercises), bool(marks.graded), "Nothing is graded yet."),
        ),
        section(
            "Difficulty and discrimination",
            "An exercise discriminates where those who have full points in it have more of all other points, too "
            "(point-biserial correlation, −1 to 1; useful from 0.2). Flagged beyond chance only (99 %), from "
            f"{LEAST_STUDENTS} students on.",
            _items(tables["items"]),
        ),
        section(
            "Misconceptions",
            "Mistakes of the catalogue that the grader recognized. Their students read the hint.",
            _misconceptions(marks, tables["misconceptions"], tables["who"]),
        ),
        section(
            "Similar work", HINT, similar_page(marks, facts.work, facts.shown, (tables["similar"], tables["compared"]))
        ),
        section("Late", "After the due date, a student's extension included.", _late(facts.hand_ins, tables["late"])),
        section("Attempts", "How often and when work was handed in.", _attempts(facts.hand_ins, tables["attempts"])),
        section("Nothing handed in", "Of lessons that others handed in.", _absent(marks, tables["nothing"])),
        section(
            "Time to grade",
            "How long an exercise's checks took, the student's code included, where any was run.",
            figure(seconds, lambda: draw_seconds(spreads), bool(spreads), "Nothing was run."),
        ),
        section(
            "Students", "Points by lesson. – stands for nothing graded.", _students(marks, tables["students"], links)
        ),
    ]


def _navigation(sections: Sequence[str]) -> str:
    titles = [(each.split('"')[1], each.partition("<h2>")[2].partition("</h2>")[0]) for each in sections]
    links = "".join(f'<li><a href="#{anchor}">{title}</a></li>' for anchor, title in titles)
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>'


def make_page(facts: ClassFacts, tables: Mapping[str, Table], links: Links) -> str:
    """Return the class page as HTML."""
    course, marks = load_course(), facts.marks
    possible = number(sum(lesson.points for lesson in marks.lessons))
    count = f"{len(marks.people):,} students, {len(marks.graded):,} graded submissions, {possible} points in {ALL}"
    sections = _sections(facts, tables, links)
    styles = f"{STYLE}{PAGE_STYLE}{_STYLE}{MATRIX_STYLE}{SIMILAR_STYLE}"
    head = page_head(f"Class: {html.escape(course.title)}", styles, f"{POLICY}; script-src {SCRIPT_POLICY}")
    return (
        f'<!DOCTYPE html>\n<html lang="en">{head}<body class="autograder"><header>'
        f'<h1>{html.escape(course.title)}: the class</h1><p class="total">{count}</p>{_notices(facts)}'
        f'<p class="small">course {html.escape(course.version)}, {now()[:16].replace("T", " ")} UTC</p>'
        f"{_navigation(sections)}</header>"
        f"<main>{''.join(sections)}</main></body></html>\n"
    )
