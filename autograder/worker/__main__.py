"""Started inside the sandbox: import the frameworks once, then serve notebooks. See ``server`` for what is said.

``python worker CONTROL_FD START`` forks a child for each notebook, as a Unix socket asks; ``python worker direct
START`` serves one notebook on standard input and output, for systems that cannot fork. START is JSON, see
``control.Start``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.running import Probe


def _load(modules: list[str], probes: list[str]) -> dict[str, Probe]:
    """Import the modules, return the probes: taken before any notebook could put others in their place."""
    for module in modules:
        importlib.import_module(module)
    from worker.running import probe_functions

    found: dict[str, Probe] = {}
    for name in ["calling", *probes]:
        found |= probe_functions(name, importlib.import_module(f"worker.probes.{name}"))
    return found


def main(argv: list[str]) -> None:
    """Import the frameworks, then serve forks, or one notebook where the channel is ``direct``."""
    channel, start = argv[0], json.loads(argv[1])
    # Run by path, so the package itself must be found first; afterwards a notebook sees neither folder.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    if start["separate"]:
        from worker import separation

        separation.become_keeper()
    probes = _load(start["modules"], start["probes"])
    from worker import child

    if channel == "direct":
        del sys.path[0]
        request_fd, reply_fd = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        child.run(request_fd, reply_fd, probes)

    from worker import server

    del sys.path[0]
    server.serve(int(channel), start, probes)


if __name__ == "__main__":
    main(sys.argv[1:])
