"""One exercise's result, shown as text or as HTML."""

from __future__ import annotations

import html

from ..ladder.verdict import Result
from .fragments import STYLE, first_fix, rung_table, sign
from .safe_text import indented, safe_text
from .words import SIGNS, explain, in_words, number, title_of


class ResultReport:
    """A result: Jupyter shows it as a table, a terminal as text. ``passed`` and ``score`` are for programs.

    ``printed`` is the beginning of what the student's code printed meanwhile.
    """

    def __init__(self, result: Result, printed: str = "") -> None:
        self.result, self.printed = result, printed

    @property
    def passed(self) -> bool:
        return self.result.outcome == "passed"

    @property
    def score(self) -> float:
        return self.result.score

    def _points(self) -> str:
        return f"{number(self.result.score)} of {number(self.result.exercise.points)} points"

    def __repr__(self) -> str:
        outcome = self.result.outcome
        title = f"Exercise {title_of(self.result.exercise)}"
        lines = [f"{SIGNS[outcome][0]} {title}: {in_words(outcome)}, {self._points()}"]
        signs = ["✓" if rung.passed else "✗" if rung.reached else "·" for rung in self.result.rungs]
        rungs = zip(signs, (rung.rung for rung in self.result.rungs), strict=True)
        lines += [f"  {sign} {rung.kind:<12} {rung.looked_at}" for sign, rung in rungs]
        lines += ["  " + indented(label, text, 10).replace("\n", "\n  ") for label, text in explain(self.result)]
        if self.printed:
            lines.append("  " + indented("printed", self.printed, 10).replace("\n", "\n  "))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        result = self.result
        title = f"Exercise {html.escape(title_of(result.exercise))}: {sign(result.outcome)}, {self._points()}"
        shown = first_fix(result, "strong") + rung_table(result, compact=True)
        if self.printed:
            shown += f"<div>Your code printed:</div><pre>{html.escape(safe_text(self.printed))}</pre>"
        return f'<div class="autograder"><style>{STYLE}</style><div><strong>{title}</strong></div>{shown}</div>'
