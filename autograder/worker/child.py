"""The process in which one notebook's code lives: run its cells, then answer probes until told to stop."""

from __future__ import annotations

import marshal
import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .defaults import restore_defaults
from .names import Names
from .plain import encode, exact_reader, read_frame
from .running import CellRunner, ErrorDescription, Probe, describe_error, run_compiled, run_probe
from .shell import Shell

# What all lines of a notebook that never end may take together before they are stopped.
ENDLESS_SECONDS = 90.0


def _course_module(earlier: dict[str, np.ndarray]) -> types.ModuleType:
    """Return the ``autograder`` that a notebook sees while it is graded: earlier work is always the reference."""
    loaded: dict[str, types.SimpleNamespace] = {}

    def load_earlier(lesson: str) -> types.SimpleNamespace:
        if lesson not in earlier:
            raise LookupError(f"the work of lesson {lesson} is not available to this lesson")
        if lesson not in loaded:
            namespace = _fresh_namespace(f"earlier_{lesson}")
            error = run_compiled(marshal.loads(earlier[lesson].tobytes()), namespace)
            if error is not None:
                raise RuntimeError(f"the reference of lesson {lesson} does not run: {error['message']}")
            loaded[lesson] = types.SimpleNamespace(**namespace)
        return loaded[lesson]

    module = types.ModuleType("autograder")
    vars(module).update(earlier=load_earlier, check=lambda *args, **kwargs: None)
    return module


def _forget_own_modules() -> None:
    """Let ``sys.modules`` know this package no more: a notebook finds nothing there to put its own code into."""
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__.partition(".")[0]]:
        del sys.modules[name]


def _stand_in(folder: Path) -> None:
    """Make ``folder`` the working folder, with what a notebook's first cell looks for to know the course's root."""
    (folder / "autograder").mkdir()
    (folder / "autograder" / "course.yaml").touch()
    os.chdir(folder)


def _fresh_namespace(name: str) -> dict[str, Any]:
    """Return the namespace of a new module that ``sys.modules`` knows, as data classes and pickling expect."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    return module.__dict__


def _limit_resources(limits: dict[str, int]) -> None:
    try:
        import resource
    except ImportError:
        return
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


class _Answers:
    """Writes one frame an answer, with the ticket of its request, so that no other frame can be taken for it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, ticket: str, content: dict[str, Any]) -> None:
        try:
            frame = encode({"ticket": ticket, **content})
        except BaseException as error:
            frame = encode({"ticket": ticket, "error": describe_error(error)})
        self._stream.write(frame)
        self._stream.flush()


def _to_tell(errors: list[ErrorDescription]) -> ErrorDescription | None:
    """Return the error that stands for a cell: a missing name first, for it may yet come from a cell below."""
    return next((error for error in errors if error["type"] == "NameError"), errors[0] if errors else None)


def serve(request_fd: int, reply_fd: int, probes: dict[str, Probe]) -> None:
    """Answer requests from ``request_fd`` on ``reply_fd`` until the first is closed.

    Each request and its answer carry a ``ticket``. The first request prepares the notebook: ``earlier`` (compiled
    references by lesson) and ``limits``. A later one is ``{"cell": [label, source]}``, whose answer holds ``error``
    (None, or the one to tell of) and, where several statements failed, all ``errors``; or ``{"probe":
    "module.function", "inputs": {...}}``, answered by ``value`` or ``error``.
    """
    requests, answers = os.fdopen(request_fd, "rb"), _Answers(os.fdopen(reply_fd, "wb"))
    read = exact_reader(requests)
    notebook = read_frame(read)
    _limit_resources(notebook["limits"])
    _forget_own_modules()
    scratch = Path(tempfile.mkdtemp())
    _stand_in(scratch)
    sys.modules["autograder"] = _course_module(notebook["earlier"])
    namespace = _fresh_namespace("__main__")
    shell = Shell(namespace)
    namespace.update({"get_ipython": lambda: shell, "display": lambda *args, **kwargs: None})
    names, cells = Names(namespace, scratch), CellRunner(namespace, ENDLESS_SECONDS)
    answers.send(notebook["ticket"], {"value": None})
    while True:
        try:
            request = read_frame(read)
        except EOFError:
            return
        restore_defaults(scratch)
        if "cell" in request:
            label, source = request["cell"]
            errors = cells.run(label, source)
            content: dict[str, Any] = {"error": _to_tell(errors)}
            if len(errors) > 1:
                content["errors"] = errors
        else:
            content = run_probe(request["probe"], request["inputs"], names, probes)
        answers.send(request["ticket"], content)


def run(request_fd: int, reply_fd: int, probes: dict[str, Probe]) -> None:
    """Serve, and end the process whatever threads or exit handlers the notebook left behind."""
    status = 1
    try:
        serve(request_fd, reply_fd, probes)
        status = 0
    finally:
        os._exit(status)
