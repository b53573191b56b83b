"""A Jupyter server that runs in a folder while a test looks at its pages."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.site.browser import chromium_path

BROWSER = chromium_path()
START_SECONDS = 300


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def serving(
    folder: Path, command: Callable[[list[str]], list[str]], environment: dict[str, str], log: Path
) -> Iterator[str]:
    """Start a server in a folder and yield its address; ``command`` makes the command line of its options.

    Raises AssertionError, with what the server said, where it does not start.
    """
    port = _free_port()
    options = ["--ip=127.0.0.1", f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token="]
    with log.open("wb") as said:
        process = subprocess.Popen(
            command(options), cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
        yield address
    finally:
        # make's own end would leave the server and its kernels behind.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
