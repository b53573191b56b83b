"""What one notebook leaves for the next, and what it takes without being counted: each way is tried and stays shut."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import ROOT
from autograder.isolation import sandbox
from autograder.isolation.process import Limits, Worker
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder.student import RemoteStudent
from autograder.worker.watching import Watch, _read_process, end_descendants

pytestmark = pytest.mark.skipif(not make_sandbox().isolated, reason="bubblewrap does not work here")

CALL = """
import ctypes, os
library = ctypes.CDLL(None, use_errno=True)
ADD_KEY, KEYCTL, EXIT, CLONE = (248, 250, 60, 56) if os.uname().machine == "x86_64" else (217, 219, 93, 220)
def call(name, *arguments):
    result = getattr(library, name)(*arguments)
    return "open" if result != -1 else os.strerror(ctypes.get_errno())
"""


def open_notebook(worker: Worker, code: str) -> RemoteStudent:
    """Run ``code`` as the only cell of a worker's next notebook."""
    worker.open({})
    answer = worker.ask({"cell": ["cell 1", CALL + textwrap.dedent(code)]}, 60)
    assert answer["error"] is None
    return RemoteStudent(worker)


def answer_of(code: str) -> Any:
    """Return what ``answer`` of a notebook by itself returns."""
    with Worker(make_sandbox(), ("numpy",)) as worker:
        return open_notebook(worker, code).call("answer")


WAYS = {
    "System V memory": "call('shmget', 4711, 1 << 20, 0o1666)",
    "System V messages": "call('msgget', 4711, 0o1666)",
    "System V semaphores": "call('semget', 4711, 1, 0o1666)",
    "a POSIX queue": "call('mq_open', b'/next', 0o102, 0o666, None)",
    "a key in the session's keyring": "call('syscall', ADD_KEY, b'user', b'next', b'x', 1, -3)",
    "a key in the user's keyring": "call('syscall', ADD_KEY, b'user', b'next', b'x', 1, -4)",
    "what keyrings hold": "call('syscall', KEYCTL, 0, -3, 0)",
    "memory behind a descriptor": "call('memfd_create', b'x', 0)",
    "a user namespace": "call('unshare', 0x10000000)",
    "a mount": "call('mount', b'tmpfs', os.environ['TMPDIR'].encode(), b'tmpfs', 0, None)",
    "a new root": "call('chroot', b'/')",
    "another's namespaces": "call('setns', os.open('/proc/self/ns/net', os.O_RDONLY), 0)",
    "a process in a user namespace": "call('syscall', CLONE, 0x10000000 | 17, 0, 0, 0, 0)",
    "a process in namespaces, asked otherwise": "call('syscall', 435, 0, 0)",
    "tracing": "call('ptrace', 0, 0, 0, 0)",
    "another process's memory": "call('process_vm_readv', 1, None, 0, None, 0, 0)",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_way_is_shut(way: str) -> None:
    assert answer_of(f"def answer():\n    return {WAYS[way]}\n") in (
        "Operation not permitted",
        "Function not implemented",
    )


def test_a_process_whose_first_thread_has_ended_ends_with_its_notebook() -> None:
    leave = """
    import threading, time
    def stay():
        while True:
            time.sleep(0.01)
    def answer():
        if os.fork() == 0:
            os.setsid()
            threading.Thread(target=stay).start()
            library.syscall(EXIT, 0)
        time.sleep(0.3)
        return sorted(filter(str.isdecimal, os.listdir("/proc")), key=int)
    """
    look = "def answer():\n    return len([name for name in os.listdir('/proc') if name.isdecimal()])\n"
    with Worker(make_sandbox("required"), ("numpy",)) as worker:
        alone = open_notebook(worker, look).call("answer")
        left = open_notebook(worker, leave).call("answer")
        assert len(left) == alone + 1
        assert open_notebook(worker, look).call("answer") == alone


def test_nothing_can_be_written_but_the_scratch_and_shared_memory() -> None:
    code = """
    def answer():
        written = []
        for folder, below, _ in os.walk("/"):
            if folder.startswith("/proc"):
                below.clear()
                continue
            try:
                open(os.path.join(folder, "left"), "w").close()
                written.append(folder)
            except OSError:
                pass
        return [folder for folder in written if not folder.startswith((os.environ["TMPDIR"], "/dev/shm"))]
    """
    assert answer_of(code) == []


def test_a_notebook_has_no_privileges_even_in_its_own_namespace() -> None:
    code = """
    def answer():
        status = open("/proc/self/status").read()
        return [line.split()[1] for line in status.splitlines() if line.startswith(("Cap", "NoNewPrivs", "Seccomp:"))]
    """
    inherited, permitted, effective, _, ambient, no_new, filtered = answer_of(code)
    assert {int(bits, 16) for bits in (inherited, permitted, effective, ambient)} == {0}
    assert (no_new, filtered) == ("1", "2")


def test_memory_that_is_shared_or_held_by_other_threads_counts() -> None:
    code = """
    import mmap, threading, time
    def fill():
        held = mmap.mmap(-1, 600 << 20)
        for start in range(0, 600 << 20, 1 << 20):
            held[start : start + (1 << 20)] = bytes([1]) * (1 << 20)
        time.sleep(30)
    def answer():
        if os.fork() == 0:
            threading.Thread(target=fill).start()
            library.syscall(EXIT, 0)
        time.sleep(20)
        return "not noticed"
    """
    with (
        Worker(make_sandbox(), ("numpy",), limits=Limits(memory=400 << 20)) as worker,
        pytest.raises(Exception, match="memory"),
    ):
        open_notebook(worker, code).call("answer")


def test_the_time_of_children_that_nobody_waits_for_counts() -> None:
    earlier = """
    import time
    def answer():
        while time.process_time() < 6:
            pass
        return 1
    """
    code = """
    import signal, time
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    def answer():
        for _ in range(8):
            if os.fork() == 0:
                started = time.process_time()
                while time.process_time() - started < 1:
                    pass
                os._exit(0)
            time.sleep(1.1)
        # On a busy machine they take longer.
        time.sleep(40)
        return "not noticed"
    """
    with Worker(make_sandbox(), ("numpy",)) as worker:
        # What an earlier notebook used must not hide it.
        assert open_notebook(worker, earlier).call("answer") == 1
        student = open_notebook(worker, code)
        worker.grant(4.0)
        with pytest.raises(Exception, match="processor time"):
            student.call("answer")


def test_a_relative_interpreter_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", os.path.relpath(sys.executable, ROOT))
    sandbox._why_not_isolated.cache_clear()
    assert make_sandbox("required").isolated
    assert answer_of("def answer():\n    return 1\n") == 1


def test_the_watch_counts_what_is_below_this_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "x = bytearray(b'1') * (50 << 20); import time; time.sleep(30)"]
    ) as child:
        watch = Watch(10 << 20)
        deadline = time.monotonic() + 20
        while (found := watch.usage()).memory < 50 << 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        child.kill()
    assert found.processes >= 1
    assert found.memory >= 50 << 20


def test_a_process_goes_on_while_one_of_its_threads_does_and_is_ended() -> None:
    leaf = (
        "import ctypes, os, threading, time\n"
        "number = 60 if os.uname().machine == 'x86_64' else 93\n"
        "threading.Thread(target=time.sleep, args=(300,)).start()\n"
        "print(os.getpid(), flush=True)\n"
        "ctypes.CDLL(None).syscall(number, 0)\n"
    )
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {leaf!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as above:
        pid = above.stdout.readline().strip()
        deadline = time.monotonic() + 60
        while "(zombie)" not in Path(f"/proc/{pid}/status").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        found = _read_process(pid)
        assert not found.over
        assert found.resident > 0
        assert end_descendants(above.pid, 30)
        left = _read_process(pid)
        assert left is None or left.over
        above.kill()


def test_a_worker_has_a_session_keyring_of_its_own() -> None:
    keyrings = """
import ctypes, sys
sys.path.insert(0, {root!r})
from autograder.worker.separation import leave_keys_behind
found = []
for _ in range(2):
    leave_keys_behind()
    found.append(ctypes.CDLL(None).syscall(250, 0, -3, 0))
print(found[0] != found[1], found[0] > 0)
"""
    if os.uname().machine != "x86_64":
        pytest.skip("keyctl has another number here")
    done = subprocess.run([sys.executable, "-c", keyrings.format(root=str(ROOT))], capture_output=True, text=True)
    if done.stdout.strip() == "False False":
        pytest.skip("this system refuses calls for keys altogether")
    assert done.stdout.strip() == "True True", done
