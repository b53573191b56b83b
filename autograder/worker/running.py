"""Run probes and describe what went wrong in terms of the student's own lines."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypedDict

from .names import Names

CELL_PREFIX = "<cell "
MAX_MESSAGE = 2000
Probe = Callable[..., Any]


def _cell_of(filename: str) -> str | None:
    """Return how reports name the cell that a frame's code stands in; None for code that is not a student's."""
    if filename.startswith(CELL_PREFIX):
        return filename[len(CELL_PREFIX) : -1]
    # Jupyter's kernel gives each cell that it runs a file name of its own, and knows which In[…] that was.
    if "ipykernel_" not in filename:
        return None
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    named = shell.compile.format_code_name(filename) if shell else None
    return named[1] if named else "your cell"


class ErrorDescription(TypedDict):
    """An error as it crosses the wire: ``bases`` are the names of its classes, the others say where it happened.

    ``line_number``, ``line`` and ``cell`` name the last of the student's lines that it passed through, if any.
    """

    type: str
    bases: list[str]
    message: str
    line_number: int | None
    line: str | None
    cell: str | None


def describe_error(error: BaseException) -> ErrorDescription:
    """Return the error's type (with its bases), message, and the last of the student's lines it passed through."""
    line_number, line, cell = None, None, None
    for frame in traceback.extract_tb(error.__traceback__):
        found = _cell_of(frame.filename)
        if found is not None:
            line_number, line, cell = frame.lineno, frame.line, found
    if isinstance(error, SyntaxError) and str(error.filename).startswith(CELL_PREFIX):
        line_number, line, cell = error.lineno, (error.text or "").strip(), _cell_of(str(error.filename))
    try:
        message = str.__str__(str(error))[:MAX_MESSAGE]
    except BaseException:
        message = "(the error has no readable message)"
    return {
        "type": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": message,
        "line_number": line_number,
        "line": line,
        "cell": cell,
    }


def run_cell(label: str, source: str, namespace: dict[str, Any]) -> ErrorDescription | None:
    """Execute one cell in ``namespace``; return None, or a description of the error it ended with."""
    filename = f"{CELL_PREFIX}{label}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        exec(compile(source, filename, "exec"), namespace)
    except BaseException as error:
        return describe_error(error)
    return None


def run_compiled(code: CodeType, namespace: dict[str, Any]) -> ErrorDescription | None:
    """Execute compiled code in ``namespace``; return None, or a description of the error it ended with."""
    try:
        exec(code, namespace)
    except BaseException as error:
        return describe_error(error)
    return None


def probe_functions(module: str, probes: ModuleType) -> dict[str, Probe]:
    """Return the public functions that a module of probes defines, by ``"module.function"``."""
    own = {name: value for name, value in vars(probes).items() if isinstance(value, FunctionType)}
    return {f"{module}.{name}": value for name, value in own.items() if not name.startswith("_")}


def run_probe(path: str, inputs: dict[str, Any], names: Names, probes: Mapping[str, Probe]) -> dict[str, Any]:
    """Run the probe ``"module.function"`` of ``probes``.

    Returns ``{"value": ...}``, or ``{"error": ...}`` where the student's code raised.
    """
    try:
        return {"value": probes[path](names, **inputs)}
    except BaseException as error:
        return {"error": describe_error(error)}
