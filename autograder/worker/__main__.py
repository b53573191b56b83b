"""Started inside the sandbox: import the frameworks once, then fork a child for each notebook.

``python worker CONTROL_FD frameworks`` listens on a Unix socket for ``F`` (fork; with the descriptors of the
child's request, reply and output pipes) and ``K`` (kill the child), and answers ``E`` and the wait status when
a child ended. ``python worker direct frameworks`` serves one notebook on standard input and output: for
systems that cannot fork.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import struct
import sys
from pathlib import Path

FRAMEWORKS = ("numpy", "pandas", "torch", "keras")
POLL_SECONDS = 0.02


def _fork_child(descriptors: list[int], control: socket.socket) -> int:
    from worker import child

    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    os.setsid()
    control.close()
    request_fd, reply_fd, output_fd = descriptors
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.close(output_fd)
    child.run(request_fd, reply_fd)
    raise AssertionError("child.run never returns")


def _kill(pid: int) -> None:
    for send, target in ((os.killpg, pid), (os.kill, pid)):
        try:
            send(target, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _reap(pid: int | None, control: socket.socket) -> int | None:
    """Return the child's pid while it runs; once it has ended, say so on ``control`` and return None."""
    if pid is None:
        return None
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return pid
    _kill(pid)
    control.sendall(b"E" + struct.pack("<i", status))
    return None


def serve_forks(control: socket.socket) -> None:
    """Fork, kill and reap children as ``control`` asks, until it is closed."""
    child: int | None = None
    while True:
        control.settimeout(POLL_SECONDS if child else None)
        try:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
        except TimeoutError:
            child = _reap(child, control)
            continue
        if not message:
            if child:
                _kill(child)
            return
        if message == b"F":
            child = _fork_child(list(descriptors), control)
        elif message == b"K" and child:
            _kill(child)
        child = _reap(child, control)


def main(argv: list[str]) -> None:
    """Import the frameworks, then serve forks, or one notebook where the channel is ``direct``."""
    channel, frameworks = argv
    # Run by path, so the package itself must be found first; afterwards a notebook sees neither folder.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    import worker.child

    del sys.path[0]
    for framework in frameworks.split(","):
        if framework in FRAMEWORKS:
            importlib.import_module(framework)

    if channel == "direct":
        request_fd, reply_fd = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        worker.child.run(request_fd, reply_fd)
    serve_forks(socket.socket(fileno=int(channel)))


if __name__ == "__main__":
    main(sys.argv[1:])
