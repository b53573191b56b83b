"""What stands in for IPython's shell: leftovers of interactive work are no error, and no command is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Line magics that run a statement in the notebook and give its value.
RUNNING = ("time", "prun")


class Nothing:
    """Stands in for whatever hangs on the shell, whatever is done with it."""

    def __getattr__(self, name: str) -> Nothing:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Nothing:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *exc: object) -> None: ...


class NoLines(list[str]):
    """What a command printed, in the forms that IPython gives it: nothing."""

    n = s = p = ""

    @property
    def l(self) -> NoLines:  # noqa: E743 (IPython's name)
        return self

    def grep(self, *args: Any, **kwargs: Any) -> NoLines:
        """Return no lines."""
        return self

    fields = sort_lines = grep


class Shell(Nothing):
    """What ``get_ipython()`` returns in a notebook that is graded."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.user_ns = namespace

    def __getattr__(self, name: str) -> Nothing:
        return Nothing()

    def getoutput(self, command: str, *args: Any, **kwargs: Any) -> NoLines:
        """Return no lines; the command is not run."""
        return NoLines()

    getoutput_pcolor = getoutput

    def run_line_magic(self, name: str, line: str, *args: Any, **kwargs: Any) -> Any:
        """Run the statement of ``%time`` and give its value; any other magic gives nothing."""
        if name not in RUNNING:
            return Nothing()
        try:
            code = compile(line, "<magic>", "eval", dont_inherit=True)
        except SyntaxError:
            return exec(compile(line, "<magic>", "exec", dont_inherit=True), self.user_ns)
        return eval(code, self.user_ns)

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """Run the body of ``%%time``; any other magic gives nothing."""
        if name not in (*RUNNING, "timeit", "capture"):
            return Nothing()
        return exec(compile(cell, "<magic>", "exec", dont_inherit=True), self.user_ns)
