"""One worker process, seen from the deciding side: start it, ask it, and stop it when it takes too long."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from typing import Any, BinaryIO

from .sandbox import Sandbox, new_scratch, worker_environment
from .worker.plain import WireError, encode, exact_reader, read_frame

OUTPUT_BYTES = 64 * 1024
START_SECONDS = 120.0
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")


class WorkerTimeout(Exception):
    """The worker did not answer in time and was stopped."""


class WorkerDied(Exception):
    """The worker ended, or answered something that is no answer."""


class _Output(threading.Thread):
    """Drains what a notebook prints and keeps its beginning, so that no amount of it can block or fill anything."""

    def __init__(self, stream: BinaryIO) -> None:
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
    """The two pipes to one notebook's process; reading and writing happen in threads, so that nothing can hang."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO, output: BinaryIO) -> None:
        self._requests, self._replies = requests, replies
        self.output = _Output(output)
        self._answers: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        read = exact_reader(self._replies)
        try:
            while True:
                self._answers.put(read_frame(read))
        except (EOFError, WireError, OSError, ValueError) as error:
            self._answers.put(error)

    def _write(self, frame: bytes) -> None:
        try:
            self._requests.write(frame)
            self._requests.flush()
        except (OSError, ValueError):
            return  # the process has ended; the reading side says so

    def ask(self, request: Any, seconds: float) -> Any:
        """Return the answer to ``request``. Raises WorkerTimeout or WorkerDied."""
        threading.Thread(target=self._write, args=(encode(request),), daemon=True).start()
        try:
            answer = self._answers.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise WorkerTimeout from None
        if isinstance(answer, EOFError):
            raise WorkerDied("the process ended")
        if isinstance(answer, Exception):
            raise WorkerDied(f"the answer could not be read: {answer}")
        return answer


def _say_status(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"the process was ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"the process ended itself with exit status {os.WEXITSTATUS(status)}"


class Worker:
    """A sandboxed interpreter with its frameworks imported, in which one notebook at a time is alive."""

    def __init__(self, sandbox: Sandbox, frameworks: tuple[str, ...]) -> None:
        self._sandbox, self._frameworks = sandbox, frameworks
        self._server: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._channel: _Channel | None = None
        self._scratch = new_scratch(sandbox)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _command(self, channel: str) -> list[str]:
        python = [sys.executable, "-I", self._sandbox.worker, channel, ",".join(self._frameworks)]
        return [*self._sandbox.command, *python]

    def _popen(self, channel: str, **streams: Any) -> subprocess.Popen:
        environment = worker_environment(self._scratch)
        cwd = None if self._sandbox.isolated else self._scratch
        return subprocess.Popen(self._command(channel), env=environment, cwd=cwd, **streams)

    def warm_up(self) -> None:
        """Start the process, so that the frameworks are being imported while the caller does something else."""
        if self._server is not None and self._server.poll() is None:
            return
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
            self._server_output = _Output(self._server.stderr)
        else:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            self._server = self._popen("direct", **pipes)

    def open(self, notebook: dict[str, Any], seconds: float) -> list[dict | None]:
        """Start a fresh process for ``notebook`` and return what its cells ended with. Ends the former one."""
        self.stop()
        first = self._server is None
        self.warm_up()
        if CAN_FORK:
            self._channel = self._fork()
        else:
            server = self._server
            self._channel = _Channel(server.stdin, server.stdout, server.stderr)
        return self.ask_raw(notebook, seconds + (START_SECONDS if first else 0))

    def _fork(self) -> _Channel:
        (their_requests, requests), (replies, their_replies), (output, their_output) = os.pipe(), os.pipe(), os.pipe()
        theirs = [their_requests, their_replies, their_output]
        try:
            socket.send_fds(self._control, [b"F"], theirs)
        except OSError as error:
            self.close()
            raise WorkerDied(f"the worker ended: {error}") from error
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return _Channel(os.fdopen(requests, "wb"), os.fdopen(replies, "rb"), os.fdopen(output, "rb"))

    def ask_raw(self, request: Any, seconds: float) -> Any:
        """Return the process's answer. Stops it and raises WorkerTimeout or WorkerDied where there is none."""
        if self._channel is None:
            raise WorkerDied("the process is not running")
        try:
            return self._channel.ask(request, seconds)
        except WorkerTimeout:
            self.stop()
            raise
        except WorkerDied as error:
            status = self.stop()
            raise WorkerDied(_say_status(status) if status is not None else str(error)) from None

    @property
    def output(self) -> str:
        """The beginning of what the running notebook printed."""
        return self._channel.output.text if self._channel else ""

    @property
    def running(self) -> bool:
        return self._channel is not None

    def stop(self) -> int | None:
        """End the notebook's process and return its wait status where it is known."""
        if self._channel is None:
            return None
        self._channel = None
        if not CAN_FORK:
            self.close()
            return None
        try:
            # A process that is ending by itself should be reported with its own status.
            self._control.settimeout(0.2)
            try:
                event = self._control.recv(5, socket.MSG_WAITALL)
            except TimeoutError:
                self._control.settimeout(5)
                self._control.sendall(b"K")
                event = self._control.recv(5, socket.MSG_WAITALL)
        except OSError:
            event = b""
        if event[:1] != b"E" or len(event) < 5:
            self.close()
            return None
        return struct.unpack("<i", event[1:])[0]

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
