"""How a worker process is started: under bubblewrap where the system allows it, else as a plain process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..course.root import INSTALLED, PACKAGE, ROOT, CourseError

WORKER = Path(__file__).resolve().parent.parent / "worker"
SCRATCH_BYTES = 512 * 2**20
SHARED_MEMORY_BYTES = 1024 * 2**20
NOBODY = "65534"
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
ISOLATIONS = ("auto", "required", "none")
GET_BUBBLEWRAP = "install it (Debian, Ubuntu: sudo apt-get install bubblewrap; Fedora: sudo dnf install bubblewrap)"


@dataclass(frozen=True)
class Sandbox:
    """``command`` is put before the interpreter; ``worker`` is where the interpreter finds the worker package.

    ``scratch`` is the one folder that a notebook may write to, of an isolated worker.
    """

    isolated: bool
    command: tuple[str, ...]
    worker: str
    notice: str
    scratch: str = ""


# What makes an interpreter of a folder: of a virtual environment, of conda, of a Python that was built by hand.
INTERPRETER = ("bin", "lib", "lib64", "lib32", "libexec", "include", "share", "etc", "ssl", "pyvenv.cfg")
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin")


def _read_only(*paths: str) -> list[str]:
    return [part for path in paths for part in ("--ro-bind-try", path, path)]


def interpreter() -> str:
    """Return the interpreter's path: a relative one would be looked for elsewhere once the working folder changes."""
    return os.path.abspath(sys.executable)


def _needed(prefix: Path) -> list[Path]:
    """Return what an interpreter needs of its folder, which may hold anything else besides: a whole course."""
    return [prefix / name for name in INTERPRETER]


def _interpreter(*prefixes: str) -> list[str]:
    """Return the mounts of the interpreter's folders, with parents that the unprivileged user may pass through."""
    arguments: list[str] = []
    for prefix in map(Path, dict.fromkeys(prefixes)):
        if any(prefix.is_relative_to(folder) for folder in SYSTEM):
            continue
        for parent in reversed((prefix / "lib").parents[:-1]):
            arguments += ["--perms", "0755", "--dir", str(parent)]
        arguments += _read_only(*map(str, _needed(prefix)))
    return arguments


def _shown() -> list[Path]:
    """Return the folders that the sandbox shows."""
    shown = [Path(folder) for folder in SYSTEM]
    return shown + [path for prefix in (sys.base_prefix, sys.prefix) for path in _needed(Path(prefix))]


def _private() -> list[Path]:
    """Return folders that may lie in what the sandbox shows, and that no notebook is to read.

    Courses that were installed, this one or another copy, with their sealed solutions; and nbgrader's exchange, which
    holds other students' work.
    """
    exchanges = [Path("/usr/local/share/nbgrader"), *map(Path, filter(None, [os.environ.get("COURSE_EXCHANGE")]))]
    packages = [path for folder in _shown() for path in folder.glob("python3*/*-packages/autograder")]
    packages += [path for folder in _shown() for path in folder.glob("lib*/python3*/*-packages/autograder")]
    beside = [Path(entry) / "autograder" for entry in sys.path if entry]
    installed = [path for path in (*packages, *beside) if (path / "course.yaml").is_file()]
    return [path.resolve() for path in (*exchanges, *installed, PACKAGE) if path.is_dir()]


def _covered() -> list[str]:
    """Return the mounts of empty folders over those that are private, wherever the sandbox shows them."""
    shown = [(folder, folder.resolve()) for folder in _shown()]
    inside = [
        folder / path.relative_to(real)
        for path in _private()
        for folder, real in shown
        if path != real and path.is_relative_to(real)
    ]
    mounts = [("--perms", "0755", "--tmpfs", place, "--remount-ro", place) for place in dict.fromkeys(map(str, inside))]
    return [part for mount in mounts for part in mount]


def _exposed() -> str | None:
    """Return what of the course lies in a folder that the sandbox shows, or None."""
    if INSTALLED:
        return None
    shown = _shown()
    for name in ("solutions", "autograder", ".git"):
        path = (ROOT / name).resolve()
        if any(path.is_relative_to(folder.resolve()) for folder in shown):
            return f"{path} lies among the interpreter's own files, which graded code can read; move the course out"
    return None


def _scratch() -> str:
    """Return where the scratch folder is mounted: at /tmp, unless the interpreter itself lies there.

    Each notebook gets an empty folder mounted there, below which nothing can be seen.
    """
    inside = any(Path(prefix).is_relative_to("/tmp") for prefix in (sys.base_prefix, sys.prefix))
    return "/scratch" if inside else "/tmp"


def _bubblewrap() -> list[str]:
    """Return the bubblewrap command: its own processes, network and files, and an unprivileged user.

    Started by root, bubblewrap's own ``--uid`` would leave the host's uid 0 behind the new name. So root makes
    the mounts, drops to nobody with setpriv, and a second bubblewrap makes the user namespace.
    """
    root = os.geteuid() == 0
    command = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    command += [] if root else ["--unshare-user"]
    command += ["--die-with-parent", "--new-session"]
    command += _read_only(*SYSTEM, "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts")
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--perms", "1777", "--size", str(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    scratch = _scratch()
    command += ["--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", scratch]
    command += [*_interpreter(sys.base_prefix, sys.prefix), *_covered()]
    command += ["--perms", "0755", "--dir", "/course", "--ro-bind", str(WORKER), "/course/worker", "--chdir", scratch]
    # The folders made for the mounts belong to whoever starts this: without it, a notebook could leave files there.
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    if root:
        command += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
        command += ["--inh-caps=-all", "--bounding-set=-all", "bwrap", "--unshare-user"]
        command += ["--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--chdir", scratch]
    return command


@lru_cache(maxsize=1)
def _why_not_isolated() -> str | None:
    """Return why bubblewrap can't be used on this system, or None where it works (it is tried once)."""
    if not sys.platform.startswith("linux"):
        return "isolation needs Linux and bubblewrap"
    if shutil.which("bwrap") is None:
        return f"bubblewrap is missing: {GET_BUBBLEWRAP}"
    exposed = _exposed()
    if exposed is not None:
        return exposed
    python = [interpreter(), "-I", "/course/worker/separation.py"]
    try:
        trial = subprocess.run([*_bubblewrap(), *python], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not run: {error}"
    if trial.stdout.strip() == "works":
        return None
    return f"bubblewrap does not run: {(trial.stderr.strip() or 'no output').splitlines()[-1]}"


def make_sandbox(isolation: str = "auto") -> Sandbox:
    """Return how to start workers. ``isolation`` is ``auto``, ``required`` or ``none``.

    Raises CourseError where isolation is required and can't be had.
    """
    if isolation not in ISOLATIONS:
        raise CourseError(f"isolation {isolation!r}; expected one of {', '.join(ISOLATIONS)}")
    reason = "switched off by --isolation=none" if isolation == "none" else _why_not_isolated()
    if reason is None:
        return Sandbox(True, tuple(_bubblewrap()), "/course/worker", "isolated (bubblewrap)", _scratch())
    if isolation == "required":
        raise CourseError(f"--isolation=required, but {reason}. Nothing was graded.")
    return Sandbox(False, (), str(WORKER), f"not isolated: {reason}")


def worker_environment(scratch: str, sandbox: Sandbox) -> dict[str, str]:
    """Return the whole environment of a worker: nothing of the caller's but what a program needs to start.

    One thread each: small networks gain nothing from more, sums come out the same in every run, and a class is graded
    by as many workers as there are cores.
    """
    threads = dict.fromkeys(ONE_THREAD, "1") | ({"SHARED_MEMORY": "/dev/shm"} if sandbox.isolated else {})
    keep = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return (
        keep
        | threads
        | {
            "HOME": scratch,
            "TMPDIR": scratch,
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": scratch,
            "KERAS_BACKEND": "tensorflow",
            "KERAS_HOME": scratch,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        }
    )


def new_scratch(sandbox: Sandbox) -> str:
    """Return the worker's scratch folder; inside bubblewrap it is one of the sandbox's own."""
    return sandbox.scratch if sandbox.isolated else tempfile.mkdtemp(prefix="autograder-")
