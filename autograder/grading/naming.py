"""Name what is wrong in an answer: a beginner's slip in its own code, else a mistake of the catalogue."""

from __future__ import annotations

from ..ladder.verdict import Result
from .diagnosis import OpenMistake, diagnose
from .slips.finding import OpenCode, find_slip


def name_mistake(
    result: Result, sources: list[str], seed: int, open_code: OpenCode, open_mistake: OpenMistake
) -> Result:
    """Return ``result`` with the slip or the misconception that it shows, or as it is where none is known.

    ``sources`` are the student's cells; ``open_code`` opens the notebook with code run behind them, ``open_mistake`` an
    entry of the catalogue.
    """
    found = find_slip(result, sources, seed, open_code)
    return found if found.misconception is not None else diagnose(result, seed, open_mistake)
