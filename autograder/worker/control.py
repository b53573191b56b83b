"""What is said over the socket between the deciding process and the server that forks notebooks.

To the server go messages of a letter and a number: ``F`` (fork; with the descriptors of the child's request, reply and
output pipes), ``B`` (from here on the child has so many seconds of processor time) and ``K`` (kill the child). When a
child has ended, ``E`` comes back with a letter for the reason and the wait status.
"""

from __future__ import annotations

import struct

MESSAGE = struct.Struct("<cd")
EVENT = struct.Struct("<cci")
# Why a child ended: by itself, killed on request, or for a limit that it passed.
BY_ITSELF, KILLED, MEMORY, PROCESSES, PROCESSOR = (bytes([letter]) for letter in b"-KMPC")
