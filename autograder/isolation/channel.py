"""The pipes to one notebook's process, and how an exchange over them can end."""

from __future__ import annotations

import io
import queue
import secrets
import threading
from typing import IO, Any, BinaryIO

from ..worker.plain import WireError, encode, exact_reader, read_frame

OUTPUT_BYTES = 64 * 1024


class OutOfTime(Exception):
    """The student's code used up its time and was stopped; the message says which, on the clock or of the processor."""


class Crashed(Exception):
    """The process that ran the student's code ended, or answered something that is no answer."""


def open_pipe(stream: IO[bytes] | None) -> Any:
    """Return a pipe of a process that was started with one. Raises Crashed where there is none."""
    if stream is None:
        raise Crashed("the worker has no pipes")
    return stream


class Output(threading.Thread):
    """Drains what a notebook prints and keeps its beginning, so that no amount of it can block or fill anything."""

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__(daemon=True)
        self._stream, self._kept = stream, bytearray()
        self.start()

    def run(self) -> None:
        while chunk := self._stream.read1(65536):
            self._kept += chunk[: OUTPUT_BYTES - len(self._kept)]

    def rest(self) -> str:
        """Return the text once the other side has closed it, or what came so far."""
        self.join(timeout=1.0)
        return self.text

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


class Channel:
    """The two pipes to one notebook's process. A thread does each exchange, so that nothing can hang."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO, output: io.BufferedReader) -> None:
        self._requests, self._replies = requests, replies
        self._read = exact_reader(replies)
        self.output = Output(output)

    def _exchange(self, frame: bytes, answers: queue.Queue[Any]) -> None:
        try:
            self._requests.write(frame)
            self._requests.flush()
        except (OSError, ValueError):
            pass  # the process has ended; reading says so
        try:
            # One frame a request: whatever else the process writes stays in its pipe and takes no memory here.
            answers.put(read_frame(self._read))
        except (EOFError, WireError, OSError, ValueError) as error:
            answers.put(error)

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the answer to ``request``. Raises OutOfTime or Crashed."""
        ticket = secrets.token_hex(8)
        answers: queue.Queue[Any] = queue.Queue()
        frame = encode({**request, "ticket": ticket})
        threading.Thread(target=self._exchange, args=(frame, answers), daemon=True).start()
        try:
            answer = answers.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise OutOfTime(f"more than {seconds:.0f} seconds passed") from None
        if isinstance(answer, EOFError):
            raise Crashed("the process ended")
        if isinstance(answer, Exception):
            raise Crashed(f"the answer could not be read: {answer}")
        if not isinstance(answer, dict) or answer.pop("ticket", None) != ticket:
            raise Crashed("something else came in place of an answer")
        return answer
