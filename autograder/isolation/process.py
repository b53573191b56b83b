"""One worker process, seen from the deciding side: start it, ask it, and stop it when it takes too long."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

from ..worker.control import EVENT, KILLED, MEMORY, MESSAGE, PROCESSES, PROCESSOR, Start
from ..worker.plain import WireError, encode, exact_reader, read_frame
from .sandbox import Sandbox, interpreter, new_scratch, worker_environment

OUTPUT_BYTES = 64 * 1024
START_SECONDS, OPEN_SECONDS, STOP_SECONDS = 120.0, 30.0, 6.0
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")


class OutOfTime(Exception):
    """The student's code used up its time and was stopped; the message says which, on the clock or of the processor."""


class Crashed(Exception):
    """The process that ran the student's code ended, or answered something that is no answer."""


def _pipe(stream: IO[bytes] | None) -> Any:
    """Return a pipe of a process that was started with one. Raises Crashed where there is none."""
    if stream is None:
        raise Crashed("the worker has no pipes")
    return stream


class _Output(threading.Thread):
    """Drains what a notebook prints and keeps its beginning, so that no amount of it can block or fill anything."""

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__(daemon=True)
        self._stream, self._kept = stream, bytearray()
        self.start()

    def run(self) -> None:
        while chunk := self._stream.read1(65536):
            self._kept += chunk[: OUTPUT_BYTES - len(self._kept)]

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


class _Channel:
    """The two pipes to one notebook's process. A thread does each exchange, so that nothing can hang."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO, output: io.BufferedReader) -> None:
        self._requests, self._replies = requests, replies
        self._read = exact_reader(replies)
        self.output = _Output(output)

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


@dataclass(frozen=True)
class Limits:
    """What one notebook may use. Bytes; ``processes`` and ``memory`` hold for all its processes together."""

    memory: int = 4 * 2**30
    processes: int = 64
    open_files: int = 1024
    file_size: int = 2**30

    def of_process(self) -> dict[str, int]:
        """Return the limits that the system itself puts on each of a notebook's processes."""
        # The system counts threads as well, of which frameworks start some for each core.
        threads = 4 * self.processes + 8 * (os.cpu_count() or 1)
        return {
            "RLIMIT_DATA": self.memory,
            "RLIMIT_FSIZE": self.file_size,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_NPROC": threads,
            "RLIMIT_CORE": 0,
        }


class Worker:
    """A sandboxed interpreter with its ``modules`` imported, in which one notebook at a time is alive."""

    def __init__(
        self, sandbox: Sandbox, modules: tuple[str, ...], probes: tuple[str, ...] = (), limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._sandbox, self._modules, self._probes = sandbox, modules, probes
        self._server: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._channel: _Channel | None = None
        self._answered = False
        self._scratch = new_scratch(sandbox)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _command(self, channel: str) -> list[str]:
        start: Start = {
            "modules": list(self._modules),
            "probes": list(self._probes),
            "memory": self.limits.memory,
            "processes": self.limits.processes,
            "separate": self._sandbox.isolated,
        }
        python = [interpreter(), "-I", self._sandbox.worker, channel, json.dumps(start)]
        return [*self._sandbox.command, *python]

    def _popen(self, channel: str, **streams: Any) -> subprocess.Popen:
        environment = worker_environment(self._scratch, self._sandbox)
        cwd = None if self._sandbox.isolated else self._scratch
        return subprocess.Popen(self._command(channel), env=environment, cwd=cwd, **streams)

    def warm_up(self) -> None:
        """Start the process, so that the frameworks are being imported while the caller does something else."""
        if self._server is not None and self._server.poll() is None:
            return
        self._answered = False
        if CAN_FORK:
            self._control, theirs = socket.socketpair()
            number = theirs.fileno()
            self._server = self._popen(
                str(number),
                pass_fds=(number,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            theirs.close()
            self._server_output = _Output(_pipe(self._server.stderr))
        else:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            self._server = self._popen("direct", **pipes)

    def open(self, earlier: dict[str, str]) -> None:
        """Start a fresh process for a notebook that may use the ``earlier`` lessons' sources. Ends the former one.

        Raises Crashed where the process does not start.
        """
        self.stop()
        self.warm_up()
        self._channel = self._fork() if CAN_FORK else self._direct()
        limits = self.limits.of_process()
        # A server that has never answered may still be importing, however long ago it was started.
        self.ask({"earlier": earlier, "limits": limits}, OPEN_SECONDS + (0 if self._answered else START_SECONDS))
        self._answered = True

    def _direct(self) -> _Channel:
        """Return the pipes to the one notebook that a process serves where the system can't fork."""
        if self._server is None:
            raise Crashed("the worker did not start")
        return _Channel(_pipe(self._server.stdin), _pipe(self._server.stdout), _pipe(self._server.stderr))

    def _fork(self) -> _Channel:
        control = self._control
        if control is None:
            raise Crashed("the worker did not start")
        (their_requests, requests), (replies, their_replies), (output, their_output) = os.pipe(), os.pipe(), os.pipe()
        theirs = [their_requests, their_replies, their_output]
        try:
            socket.send_fds(control, [MESSAGE.pack(b"F", 0.0)], theirs)
        except OSError as error:
            self.close()
            raise Crashed(f"the worker ended: {error}") from error
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return _Channel(os.fdopen(requests, "wb"), os.fdopen(replies, "rb"), os.fdopen(output, "rb"))

    def grant(self, processor_seconds: float) -> None:
        """Allow the running notebook so much processor time from here on, where the system can measure it."""
        if self._control is not None and self._channel is not None:
            with contextlib.suppress(OSError):
                self._control.sendall(MESSAGE.pack(b"B", processor_seconds))

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return the process's answer. Stops it and raises OutOfTime or Crashed where there is none."""
        if self._channel is None:
            raise Crashed("the process is not running")
        try:
            return self._channel.ask(request, seconds)
        except OutOfTime:
            self.stop()
            raise
        except Crashed as error:
            event = self.stop()
            if event is None:
                raise
            reason, status = event
            if reason == PROCESSOR:
                raise OutOfTime("it used up its processor time") from None
            raise Crashed(self._say_end(reason, status, str(error))) from None

    def _say_end(self, reason: bytes, status: int, otherwise: str) -> str:
        if reason == MEMORY:
            return f"the process was ended: it used more than {self.limits.memory / 2**30:g} GB of memory"
        if reason == PROCESSES:
            return f"the process was ended: it started more than {self.limits.processes} processes"
        if reason == KILLED:
            return otherwise
        if os.WIFSIGNALED(status):
            return f"the process was ended by {signal.Signals(os.WTERMSIG(status)).name}"
        return f"the process ended itself with exit status {os.WEXITSTATUS(status)}"

    @property
    def output(self) -> str:
        """The beginning of what the running notebook printed."""
        return self._channel.output.text if self._channel else ""

    @property
    def running(self) -> bool:
        return self._channel is not None

    def stop(self) -> tuple[bytes, int] | None:
        """End the notebook's process; return why it ended and its wait status where that is known."""
        if self._channel is None:
            return None
        self._channel, control = None, self._control
        if control is None:
            # A system that can't fork has no server that would tell.
            self.close()
            return None
        try:
            # A process that is ending by itself should be reported with its own status.
            control.settimeout(0.2)
            try:
                event = control.recv(EVENT.size, socket.MSG_WAITALL)
            except TimeoutError:
                control.settimeout(STOP_SECONDS)
                control.sendall(MESSAGE.pack(b"K", 0.0))
                event = control.recv(EVENT.size, socket.MSG_WAITALL)
            control.settimeout(None)
        except OSError:
            event = b""
        if event[:1] != b"E" or len(event) < EVENT.size:
            self.close()
            return None
        _, reason, status = EVENT.unpack(event)
        return reason, status

    def close(self) -> None:
        """End everything and remove the scratch folder."""
        self._channel = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._server is not None:
            try:
                self._server.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None
        if not self._sandbox.isolated:
            shutil.rmtree(self._scratch, ignore_errors=True)
            os.makedirs(self._scratch, exist_ok=True)
