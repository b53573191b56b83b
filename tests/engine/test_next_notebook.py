"""Whatever a notebook does to what it was given, the next one of the same worker finds nothing of it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import find_lesson
from autograder.grading.grader import LessonGrader
from autograder.grading.notebook_choice import find_submission
from autograder.isolation.process import Worker
from autograder.isolation.sandbox import make_sandbox
from autograder.isolation.workers import make_worker
from autograder.ladder.student import RemoteStudent
from tests.engine.ordinary_user import as_ordinary_user
from tests.notebooks import LESSON, reference_notebook, save

isolated = pytest.mark.skipif(not make_sandbox().isolated, reason="bubblewrap does not work here")

LOOK = """
import fcntl, os, socket, time
SCRATCH = os.path.dirname(os.getcwd())
FOLDERS = (SCRATCH, "/dev/shm")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty")
BEGUN = time.time()

def look():
    found = {}
    for name, folder in zip(("scratch", "shared memory"), FOLDERS):
        state = os.stat(folder)
        found[name] = [oct(state.st_mode), os.listxattr(folder), abs(state.st_mtime - BEGUN) < 3600]
        found[name] += [sorted(os.listdir(folder)) == ([os.path.basename(os.getcwd())] if folder == SCRATCH else [])]
        found[name] += [os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize]
    F_GETSIG = 11
    found["input"] = [fcntl.fcntl(0, number) for number in (fcntl.F_GETFL, fcntl.F_GETOWN, F_GETSIG)]
    with open("/dev/null") as null:
        fcntl.flock(null, fcntl.LOCK_EX | fcntl.LOCK_NB)
    found["open"] = sum(os.path.exists(f"/proc/self/fd/{number}") for number in range(200))
    found["network"] = [open(f"/proc/net/{name}").read() for name in ("dev", "tcp", "udp", "unix", "snmp")]
    found["devices"] = [os.stat(path).st_mtime_ns for path in DEVICES]
    found["first process"] = [os.getpriority(os.PRIO_PROCESS, 1), sorted(os.sched_getaffinity(1))]
    found["first process"] += [open("/proc/1/oom_score_adj").read(), open("/proc/1/limits").read()]
    found["name"], found["pids"] = socket.gethostname(), len([n for n in os.listdir("/proc") if n.isdecimal()])
    found["queue limits"] = [open(f"/proc/sys/kernel/{name}").read() for name in ("shmmax", "msgmax", "sem")]
    return found
"""

LEAVE = """
import contextlib, ctypes, resource, signal, sys

def attempt(work, *arguments):
    try:
        return work(*arguments)
    except Exception as error:
        return error

def leave():
    F_SETSIG = 10
    os.kill(1, signal.SIGINT)
    attempt(fcntl.fcntl, 0, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)
    attempt(fcntl.fcntl, 0, fcntl.F_SETOWN, os.getpid())
    attempt(fcntl.fcntl, 0, F_SETSIG, 42)
    attempt(fcntl.flock, 0, fcntl.LOCK_EX)
    for number in range(3, 200):
        attempt(fcntl.flock, number, fcntl.LOCK_EX)
        attempt(fcntl.fcntl, number, F_SETSIG, 42)
    attempt(os.setpriority, os.PRIO_PROCESS, 1, 19)
    attempt(os.setpriority, os.PRIO_USER, os.getuid(), 19)
    attempt(os.sched_setaffinity, 1, {max(os.sched_getaffinity(0))})
    attempt(resource.prlimit, 1, resource.RLIMIT_NOFILE, (8, 8))
    attempt(socket.sethostname, "left")
    for path in DEVICES:
        attempt(os.utime, path)
    for path in ("/proc/1/oom_score_adj", "/proc/sys/kernel/shmmax", "/proc/sys/net/ipv4/ip_forward"):
        attempt(lambda: open(path, "w").write("500"))
    # Connections inside one machine wait a minute for stragglers, and their ports are numbers that anybody can read.
    def connect():
        server = socket.create_server(("127.0.0.1", 4711))
        client = socket.create_connection(("127.0.0.1", 4711), timeout=1)
        client.close()
        server.close()
    attempt(connect)
    attempt(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto, b"left", ("127.0.0.1", 4712))
    for folder in FOLDERS:
        attempt(os.makedirs, folder + "/left" + "/deep" * 300)
        attempt(os.setxattr, folder, "user.left", b"1")
        attempt(os.utime, folder, (4711, 4711))
        attempt(os.chmod, folder, 0)
    return [oct(os.stat(folder).st_mode) for folder in FOLDERS]
"""


def open_notebook(worker: Worker, code: str) -> RemoteStudent:
    """Run ``code`` as the only cell of a worker's next notebook."""
    worker.open({})
    answer = worker.ask({"cell": ["cell 1", textwrap.dedent(code)]}, 60)
    assert answer["error"] is None, answer
    return RemoteStudent(worker)


def what_the_next_finds(work: Path) -> dict[str, Any]:
    """Return what a first notebook sees, what the one behind a hostile one sees, and how a right one is graded then."""
    lesson, sandbox = find_lesson(LESSON), make_sandbox("required")
    with make_worker([lesson], sandbox) as worker:
        alone = open_notebook(worker, LOOK).call("look")
        left = open_notebook(worker, LOOK + LEAVE).call("leave")
        server = worker._server
        behind = open_notebook(worker, LOOK).call("look")
        right = find_submission(save(reference_notebook(), work), lesson)
        with LessonGrader(right, sandbox, seed=1, worker=worker) as grader:
            outcomes = {result.exercise.name: result.outcome for result in grader.grade_all()}
        same = worker._server is server
    return {"alone": alone, "left": left, "behind": behind, "outcomes": outcomes, "same server": same}


def expect_nothing(found: dict[str, Any]) -> None:
    assert found["behind"] == found["alone"]
    assert found["alone"]["scratch"] == ["0o41777", [], True, True, 512 * 2**20]
    assert found["alone"]["shared memory"] == ["0o41777", [], True, True, 1024 * 2**20]
    assert set(found["outcomes"].values()) == {"passed"}
    assert found["same server"]


@isolated
def test_nothing_is_left_for_the_next_notebook(tmp_path: Path) -> None:
    expect_nothing(what_the_next_finds(tmp_path))


# What a notebook may do to its folder where it is a plain process.
SPOILT = {
    "no rights": "os.makedirs(folder + '/locked/inside'), os.chmod(folder + '/locked', 0), os.chmod(folder, 0)",
    "gone": "os.chdir('/'), shutil.rmtree(folder)",
    "another in its place": "os.chdir('/'), shutil.rmtree(folder), os.symlink(OUTSIDE, folder)",
    "a way out": "os.symlink(OUTSIDE, folder + '/outside'), os.chmod(folder, 0o777), os.utime(folder, (1, 1))",
    "very deep": "[(os.mkdir('d'), os.chdir('d')) for _ in range(100)]",
}
PLAIN = """
import os, shutil, time
OUTSIDE = {outside!r}
folder = os.path.dirname(os.getcwd())
def spoil():
    {work}
    return 1
def look():
    state = os.stat(folder)
    return [os.path.islink(folder), oct(state.st_mode), os.listdir(folder) == [os.path.basename(os.getcwd())],
            abs(time.time() - state.st_mtime) < 600]
"""


def what_plain_processes_find(outside: Path) -> dict[str, Any]:
    """Return what each notebook that spoils the scratch of its worker, a plain process, leaves for the next one."""
    found: dict[str, Any] = {}
    (outside / "kept").touch()
    with Worker(make_sandbox("none"), ("numpy",)) as worker:
        for name, work in SPOILT.items():
            code = PLAIN.format(outside=str(outside), work=work)
            assert open_notebook(worker, code).call("spoil") == 1
            server = worker._server
            found[name] = open_notebook(worker, code).call("look")
            found[name] += [worker._server is server, oct(outside.stat().st_mode), (outside / "kept").is_file()]
    return found


def as_somebody(what: str, place: Path) -> Any:
    """Return what a function of this module returns where an ordinary user runs it."""
    command = [sys.executable, "-m", "tests.engine.test_next_notebook", what]
    done = subprocess.run(as_ordinary_user(command, place), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@isolated
def test_nothing_is_left_where_an_ordinary_user_grades(tmp_path: Path) -> None:
    """There the roots of the scratch and of shared memory belong to the notebook, which may change their modes."""
    found = as_somebody("what_the_next_finds", tmp_path)
    assert found["left"] == ["0o40000", "0o40000"]
    expect_nothing(found)


@isolated
def test_a_plain_process_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    as_made = [False, "0o40700", True, True, True, "0o40700", True]
    assert as_somebody("what_plain_processes_find", tmp_path) == dict.fromkeys(SPOILT, as_made)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(globals()[sys.argv[1]](Path(folder))))
