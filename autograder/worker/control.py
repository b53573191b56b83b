"""What is said between the deciding process and the server that forks notebooks.

Over the socket that joins them go messages of a letter and a number to the server: ``F`` (fork; with the descriptors of
the child's request, reply and output pipes), ``B`` (from here on the child has so many seconds of processor time) and
``K`` (kill the child). When a child has ended, ``E`` comes back with a letter for the reason and the wait status.
"""

from __future__ import annotations

import struct
from typing import TypedDict

MESSAGE = struct.Struct("<cd")
EVENT = struct.Struct("<cci")
# Why a child ended: by itself, killed on request, or for a limit that it passed.
BY_ITSELF, KILLED, MEMORY, PROCESSES, PROCESSOR = (bytes([letter]) for letter in b"-KMPC")


class Start(TypedDict):
    """What a server is started with: the ``modules`` to import, the ``probes`` that are needed, and two limits.

    ``memory`` in bytes and ``processes`` hold for all processes of a notebook together. ``separate``: each notebook
    lives in namespaces of its own, see ``separation``.
    """

    modules: list[str]
    probes: list[str]
    memory: int
    processes: int
    separate: bool
