"""Run cells and probes, and describe what went wrong in terms of the student's own lines."""

from __future__ import annotations
import __future__

import ast
import asyncio
import contextlib
import inspect
import linecache
import math
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypedDict

from .names import Names

CELL_PREFIX = "<cell "
MAX_MESSAGE, MAX_CAUSE, MAX_NAME, MAX_BASES = 2000, 200, 200, 50
# Errors of one cell that are told: a cell may hold any number of statements that fail.
MAX_ERRORS = 20
# Seconds of one cell in which a line that never ends may be stopped after more than the least; whoever asks waits for
# a minute.
CELL_SECONDS, LEAST_SECONDS = 45.0, 1.0
_ANNOTATIONS = __future__.annotations.compiler_flag
_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

Probe = Callable[..., Any]

# Names that a line should have bound, and didn't: what became of that line.
_unbound: dict[str, str] = {}


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
    name = getattr(error, "name", None) if type(error) is NameError else None
    if isinstance(name, str) and name in _unbound:
        message = f"{message} ({_unbound[name]})"
    return {
        "type": type(error).__name__[:MAX_NAME],
        "bases": [base.__name__[:MAX_NAME] for base in type(error).__mro__[:MAX_BASES]],
        "message": message,
        "line_number": line_number,
        "line": line,
        "cell": cell,
    }


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds in its module."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Definition):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


class Stopped(BaseException):
    """A statement took too long and was stopped; the message says how long."""


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise Stopped in the block once it took so many seconds, where the system can do that."""
    if math.isinf(seconds) or not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise Stopped(f"it took more than {seconds:.0f} seconds")

    former = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


class CellRunner:
    """Runs cells in one namespace as a notebook's kernel does, but for one thing: a line that fails stops no other.

    Statements run one by one, so that a definition below a line that fails is there all the same. ``seconds`` is what
    lines that never end may take of a notebook's time, all of them together: each is stopped after half of the rest.
    """

    def __init__(self, namespace: dict[str, Any], seconds: float = math.inf) -> None:
        self._namespace = namespace
        self._seconds = seconds
        # Of the ``from __future__`` imports so far: they hold for the cells below as well.
        self._futures = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, label: str, source: str) -> list[ErrorDescription]:
        """Run a cell; return the errors that its statements ended with, first those of functions and classes.

        Of very many, not all.
        """
        filename = f"{CELL_PREFIX}{label}>"
        linecache.cache[filename] = (len(source), None, [f"{line}\n" for line in source.split("\n")], filename)
        try:
            statements = ast.parse(source, filename).body
        except BaseException as unread:
            return [describe_error(unread)]
        defining: list[ErrorDescription] = []
        others: list[ErrorDescription] = []
        end = time.monotonic() + CELL_SECONDS
        for statement in statements:
            seconds = max(LEAST_SECONDS, min(self._seconds / 2, end - time.monotonic()))
            failure = self._try(statement, filename, seconds if self._seconds < math.inf else math.inf)
            if failure is None:
                continue
            error = describe_error(failure)
            _note_unbound(statement, label, error)
            errors = defining if isinstance(statement, _Definition) else others
            if len(errors) < MAX_ERRORS:
                errors.append(error)
        return defining + others

    def _try(self, statement: ast.stmt, filename: str, seconds: float) -> BaseException | None:
        """Run one statement for at most so many seconds; return the error that it ended with, or None."""
        try:
            with _at_most(seconds):
                self._run_statement(statement, filename)
        except Stopped as error:
            self._seconds -= seconds
            return error
        except BaseException as error:
            return error
        return None

    def _run_statement(self, statement: ast.stmt, filename: str) -> None:
        try:
            self._run(self._compile(statement, filename, self._futures))
        except NameError as error:
            if not isinstance(statement, _Definition):
                raise
            # The name may stand in an annotation, which nobody needs to run the function.
            try:
                self._run(self._compile(statement, filename, self._futures | _ANNOTATIONS))
            except NameError:
                raise error from None

    def _compile(self, statement: ast.stmt, filename: str, futures: int) -> CodeType:
        flags = futures | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(ast.Module([statement], []), filename, "exec", flags, dont_inherit=True)
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            self._futures |= code.co_flags & _FUTURES
        return code

    def _run(self, code: CodeType) -> None:
        try:
            result = eval(code, self._namespace)
        except RuntimeError as error:
            if str(error) != "no running event loop":
                raise
            # In the kernel there is one, also for a line that doesn't wait, such as ``asyncio.create_task(…)``.
            self._await(self._run_inside(code))
            return
        if code.co_flags & inspect.CO_COROUTINE:
            self._await(result)

    async def _run_inside(self, code: CodeType) -> None:
        eval(code, self._namespace)

    def _await(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Wait for a statement with a top-level ``await``; all of a notebook's share one loop, as in the kernel."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(coroutine)


def _note_unbound(statement: ast.stmt, label: str, error: ErrorDescription) -> None:
    """Remember what became of the line that should have bound some names."""
    said = f"{error['type']}: {error['message']}".rstrip(": ")[:MAX_CAUSE]
    for name in _bound_by(statement):
        _unbound[name] = f"{label}, line {statement.lineno}, which should set {name}, ended with {said}"


def run_cell(label: str, source: str, namespace: dict[str, Any]) -> ErrorDescription | None:
    """Execute one cell in ``namespace``; return None, or a description of the first error in it."""
    return next(iter(CellRunner(namespace).run(label, source)), None)


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
