"""One worker process, seen from the deciding side: start it, ask it, and stop it when it takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..course.manifest import CourseError
from ..worker.control import EVENT, KILLED, MEMORY, MESSAGE, PROCESSES, PROCESSOR, Start
from .channel import Channel, Crashed, OutOfTime, Output, open_pipe
from .sandbox import Sandbox, interpreter, new_scratch, worker_environment

START_SECONDS, OPEN_SECONDS, STOP_SECONDS, SERVER_SECONDS, OWN_END_SECONDS = 120.0, 30.0, 6.0, 1.0, 0.2
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")


class ServerEnded(CourseError):
    """What runs notebooks was ended from outside, as a system does that has no memory left: no verdict is possible."""


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
        self._channel: Channel | None = None
        self._server_output: Output | None = None
        self._answered = False
        self._scratch = ""

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
        self._remove_scratch()
        self._scratch = new_scratch(self._sandbox)
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
            self._server_output = Output(open_pipe(self._server.stderr))
        else:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            self._server = self._popen("direct", **pipes)

    def open(self, earlier: Mapping[str, np.ndarray]) -> None:
        """End the former notebook's process; start a fresh one, which may use the ``earlier`` lessons' references.

        Raises CourseError where the server can't import what its lessons need, ServerEnded where it was ended twice
        from outside, and Crashed or OutOfTime where the process does not start for another reason.
        """
        try:
            self._open(earlier)
        except ServerEnded:
            self._open(earlier)

    def _open(self, earlier: Mapping[str, np.ndarray]) -> None:
        self.stop()
        self.warm_up()
        self._channel = self._fork() if CAN_FORK else self._direct()
        limits = self.limits.of_process()
        # A server that has never answered may still be importing, however long ago it was started.
        self.ask({"earlier": dict(earlier), "limits": limits}, OPEN_SECONDS + (0 if self._answered else START_SECONDS))
        self._answered = True

    def _raise_if_server_ended(self) -> None:
        """Raise CourseError or ServerEnded where the server itself has ended, not a notebook; close what is left."""
        if self._server is None or (self._answered and not CAN_FORK):
            # Where the system can't fork, the server is the notebook's own process.
            return
        try:
            self._server.wait(timeout=SERVER_SECONDS)
        except subprocess.TimeoutExpired:
            return
        said = self._server_output.rest().strip().splitlines() if self._server_output else []
        answered = self._answered
        self.close()
        if answered or not said:
            raise ServerEnded("what runs notebooks was ended from outside, most likely for want of memory; try again")
        modules = ", ".join(self._modules)
        raise CourseError(
            f"what runs notebooks does not start: {said[-1]}. It imports {modules}: the frameworks in course.yaml and "
            "what the lessons' given cells import"
        )

    def _direct(self) -> Channel:
        """Return the pipes to the one notebook that a process serves where the system can't fork."""
        if self._server is None:
            raise Crashed("the worker did not start")
        pipes = self._server.stdin, self._server.stdout, self._server.stderr
        channel = Channel(*map(open_pipe, pipes))
        self._server_output = channel.output
        return channel

    def _fork(self) -> Channel:
        control = self._control
        if control is None:
            raise Crashed("the worker did not start")
        (their_requests, requests), (replies, their_replies), (output, their_output) = os.pipe(), os.pipe(), os.pipe()
        theirs = [their_requests, their_replies, their_output]
        try:
            socket.send_fds(control, [MESSAGE.pack(b"F", 0.0)], theirs)
        except OSError as error:
            self._raise_if_server_ended()
            self.close()
            raise Crashed(f"the worker ended: {error}") from error
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return Channel(os.fdopen(requests, "wb"), os.fdopen(replies, "rb"), os.fdopen(output, "rb"))

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
            event = self._stop(OWN_END_SECONDS)
            if event is None:
                self._raise_if_server_ended()
                self.close()
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

    def stop(self) -> None:
        """End the notebook's process; where the server does not say that it has ended, end the server, too."""
        if self._channel is not None and self._stop() is None:
            self.close()

    def _stop(self, grace: float = 0.0) -> tuple[bytes, int] | None:
        """End the notebook's process; return why it ended and its wait status, or None where nobody says it.

        One that is ending by itself is reported with its own status if it ends within ``grace`` seconds.
        """
        self._channel, control = None, self._control
        if control is None:
            # A system that can't fork has no server that would tell.
            return None
        try:
            event = b""
            if grace:
                control.settimeout(grace)
                with contextlib.suppress(TimeoutError):
                    event = control.recv(EVENT.size, socket.MSG_WAITALL)
            if not event:
                control.settimeout(STOP_SECONDS)
                control.sendall(MESSAGE.pack(b"K", 0.0))
                event = control.recv(EVENT.size, socket.MSG_WAITALL)
            control.settimeout(None)
        except OSError:
            return None
        if event[:1] != b"E" or len(event) < EVENT.size:
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
        self._remove_scratch()

    def _remove_scratch(self) -> None:
        if not self._sandbox.isolated:
            shutil.rmtree(self._scratch, ignore_errors=True)
