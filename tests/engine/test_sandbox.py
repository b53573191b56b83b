"""What a worker lets a notebook see, use and leave behind."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import ROOT
from autograder.isolation import sandbox
from autograder.isolation.process import Crashed, Limits, OutOfTime, Worker
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder.student import RemoteStudent, StudentError, read_error

isolated = pytest.mark.skipif(not make_sandbox().isolated, reason="bubblewrap does not work here")


def ask(code: str, modules: tuple[str, ...] = ("numpy",)) -> Any:
    """Run ``code`` as a notebook's only cell and return what its function ``answer`` returns."""
    with Worker(make_sandbox(), modules) as worker:
        return ask_again(worker, code)


def ask_again(worker: Worker, code: str) -> Any:
    """Like ``ask``, as the next notebook of a worker that goes on."""
    worker.open({})
    assert worker.ask({"cell": ["cell 1", textwrap.dedent(code)]}, 60)["error"] is None
    return RemoteStudent(worker).call("answer")


@isolated
@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/passwd",
        str(ROOT / "solutions"),
        str(ROOT / "tests"),
        str(ROOT / "autograder" / "checks"),
        str(ROOT / "lessons"),
        str(Path.home() / ".bashrc"),
        str(ROOT / ".git"),
    ],
)
def test_sandbox_shows_nothing_but_the_interpreter(path: str) -> None:
    code = f"""
    import os
    def answer():
        try:
            return os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}).read()
        except OSError as error:
            return "no: " + type(error).__name__
    """
    assert ask(code).startswith("no: ")


@isolated
def test_sandbox_has_no_network_no_privileges_and_no_other_processes() -> None:
    code = """
    import os, socket
    def answer():
        try:
            socket.create_connection(("127.0.0.1", 22), timeout=2)
            network = "yes"
        except OSError:
            network = "no"
        interfaces = [name for _, name in socket.if_nameindex()]
        status = open("/proc/self/status").read()
        privileges = [line for line in status.splitlines() if line.startswith(("NoNewPrivs", "CapEff"))]
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
        return [network, interfaces, privileges, len(processes), os.getuid(), sorted(os.environ)]
    """
    network, interfaces, privileges, processes, uid, names = ask(code)
    assert network == "no"
    assert interfaces == ["lo"]
    assert privileges == ["CapEff:\t0000000000000000", "NoNewPrivs:\t1"]
    assert processes < 10
    assert uid != 0
    assert not {name for name in names if "COURSE" in name or "PYTEST" in name}


@isolated
def test_sandbox_writes_to_its_scratch_and_shared_memory_only() -> None:
    code = """
    import os, sys
    def answer():
        said = []
        scratch = os.environ["TMPDIR"]
        for path in (scratch + "/x", "/dev/shm/x", sys.prefix + "/x", "/usr/x", "/course/worker/x", "/course/x", "/x"):
            try:
                open(path, "w").write("x")
                said.append(True)
            except OSError:
                said.append(False)
        return said
    """
    assert ask(code) == [True, True, False, False, False, False, False]


def test_worker_sees_no_checks_and_no_answers() -> None:
    code = """
    import sys
    def answer():
        return [name for name in sys.modules if "checks" in name or "ladder" in name or "expect" in name]
    """
    assert ask(code) == []


def test_error_in_a_probe_names_type_and_message() -> None:
    with pytest.raises(StudentError, match="ZeroDivisionError"):
        ask("def answer():\n    return 1 / 0\n")


@pytest.mark.parametrize(("prefix", "scratch"), [("/opt/course/.venv", "/tmp"), ("/tmp/course/.venv", "/scratch")])
def test_scratch_holds_nothing_but_what_a_notebook_leaves(
    prefix: str, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    command = sandbox._bubblewrap()
    assert [command[i + 1] for i, part in enumerate(command) if part == "--tmpfs"] == ["/dev/shm", scratch]
    assert command[command.index("--chdir") + 1] == scratch
    shown = [command[i + 1] for i, part in enumerate(command) if part == "--ro-bind-try"]
    assert f"{prefix}/lib" in shown
    assert not {prefix, str(Path(prefix).parent)} & set(shown)


@pytest.mark.parametrize("prefix", ["", ".venv"])
def test_a_course_among_the_interpreters_files_is_not_called_isolated(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / prefix))
    monkeypatch.setattr(sandbox, "ROOT", tmp_path)
    # A course folder that is an environment too shows the interpreter's folders alone.
    assert sandbox._exposed() is None
    monkeypatch.setattr(sandbox, "ROOT", tmp_path / prefix / "lib" / "python3.11" / "site-packages")
    assert "lies among the interpreter's own files" in sandbox._exposed()


@isolated
def test_nothing_of_a_notebook_reaches_the_next() -> None:
    leave = """
    import os, sys, time
    def answer():
        for path in (os.environ["TMPDIR"] + "/left", "/dev/shm/left"):
            os.makedirs(path + "/locked/inside")
            open(path + "/file", "w").write("x")
            os.chmod(path + "/locked", 0)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    time.sleep(1)
            os._exit(0)
        sys.modules["numpy"].left = True
        return 1
    """
    look = """
    import os, numpy
    def answer():
        processes = [name for name in os.listdir("/proc") if name.isdecimal()]
        scratch = os.listdir(os.environ["TMPDIR"])
        return [scratch == [os.path.basename(os.getcwd())], os.listdir("/dev/shm"), len(processes),
                hasattr(numpy, "left")]
    """
    with Worker(make_sandbox("required"), ("numpy",)) as worker:
        alone = ask_again(worker, look)
        assert ask_again(worker, leave) == 1
        assert ask_again(worker, look) == alone
        assert alone[0] is True
        assert alone[1] == []
        assert alone[3] is False


@isolated
def test_no_other_process_is_within_reach() -> None:
    code = """
    import ctypes, os, signal
    def answer():
        own, said = os.readlink("/proc/self"), []
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            if pid == own:
                continue
            for name, mode in (("mem", "rb"), ("mem", "r+b"), ("environ", "rb"), ("maps", "rb")):
                try:
                    open(f"/proc/{pid}/{name}", mode).read(1)
                    said.append(f"{pid} {name}")
                except OSError:
                    pass
            # Their numbers may be listed; what they are open on may not be reached.
            for number in range(16):
                for reach in (os.readlink, open):
                    try:
                        said.append(f"{pid} {reach(f'/proc/{pid}/fd/{number}')}")
                    except OSError:
                        pass
            PTRACE_ATTACH = 16
            if ctypes.CDLL(None).ptrace(PTRACE_ATTACH, int(pid), 0, 0) == 0:
                said.append(f"{pid} ptrace")
        for pid in range(1, 50):
            try:
                os.kill(pid, 0)
                said += [] if pid in (1, os.getpid()) else [f"{pid} kill"]
            except OSError:
                pass
        # The first process of the namespace takes no signal from inside.
        os.kill(1, signal.SIGKILL)
        return said
    """
    assert ask(code) == []


@isolated
def test_no_object_and_no_frame_of_a_worker_holds_an_answer() -> None:
    code = """
    import gc, sys
    # Backwards, so that the search does not find itself.
    WORDS = [word[::-1] for word in ("NOITULOS NIGEB", "txen siht xiF", "rotareneg_gnur", "rof_tnih", "noitpecnocsim")]
    def answer():
        found = set()
        for holder in gc.get_objects():
            if isinstance(holder, (dict, list, tuple)) and holder is not WORDS:
                values = holder.values() if isinstance(holder, dict) else holder
                texts = [value for value in values if type(value) is str and value not in WORDS]
                found |= {word for word in WORDS for text in texts if word in text}
        frame = sys._getframe(1)
        while frame is not None:
            texts = [value for value in frame.f_locals.values() if type(value) is str]
            found |= {word for word in WORDS for text in texts if word in text}
            frame = frame.f_back
        return sorted(found)
    """
    assert ask(code) == []


@isolated
def test_workers_of_a_data_loader_share_memory() -> None:
    code = """
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    def answer():
        loader = DataLoader(TensorDataset(torch.arange(100.0)), batch_size=10, num_workers=2)
        return float(sum(batch.sum() for batch, in loader))
    """
    assert ask(code, ("numpy", "torch")) == 4950.0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def answer():\n    return [0] * 10**7\n", "TooMuchData: the answer is too large"),
        ("import numpy as np\ndef answer():\n    return np.zeros(10**9, np.uint8)\n", "TooMuchData"),
        ("def answer():\n    return ['x' * 200_000] * 1000\n", "TooMuchData"),
        ("def answer():\n    return bytearray(10**11)\n", "MemoryError"),
        ("def answer():\n    return [open('/dev/null') for _ in range(10**6)]\n", "Too many open files"),
    ],
    ids=["items", "array", "text", "memory", "files"],
)
def test_each_limit_has_its_own_message(code: str, said: str) -> None:
    with pytest.raises(StudentError, match=said):
        ask(code)


@isolated
@pytest.mark.parametrize(
    ("limits", "code", "said"),
    [
        (Limits(processes=8), "[subprocess.Popen(['sleep', '99']) for _ in range(20)]", "more than 8 processes"),
        (Limits(memory=2**29), "os.fork() or os.fork()\nx = bytearray(b'x') * (300 * 2**20)", "0.5 GB of memory"),
    ],
    ids=["processes", "memory"],
)
def test_limits_of_all_processes_together(limits: Limits, code: str, said: str) -> None:
    with Worker(make_sandbox("required"), ("numpy",), limits=limits) as worker:
        worker.open({})
        with pytest.raises(Crashed, match=said):
            worker.ask({"cell": ["cell 1", f"import os, subprocess, time\n{code}\ntime.sleep(99)"]}, 60)


@isolated
def test_processor_time_ends_what_the_clock_would_let_run() -> None:
    with Worker(make_sandbox("required"), ("numpy",)) as worker:
        worker.open({})
        worker.grant(1.0)
        with pytest.raises(OutOfTime, match="processor"):
            worker.ask({"cell": ["cell 1", "while True:\n    pass"]}, 60)


def test_unseeded_work_gets_the_same_numbers_in_every_run() -> None:
    code = "import random, numpy as np\ndef answer():\n    return [random.random(), float(np.random.rand())]\n"
    assert ask(code) == ask(code)


def test_global_settings_of_one_exercise_do_not_reach_the_next() -> None:
    code = """
    import numpy as np, torch, warnings
    def answer():
        found = [str(torch.get_default_dtype()), str(torch.get_default_device()), torch.is_grad_enabled()]
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        warnings.simplefilter("error")
        np.seterr(all="raise")
        return found
    """
    with Worker(make_sandbox(), ("numpy", "torch")) as worker:
        first = ask_again(worker, code)
        assert first == ["torch.float32", "cpu", True]
        assert RemoteStudent(worker).call("answer") == first


def test_a_worker_that_is_still_importing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.isolation.process.OPEN_SECONDS", 0.0)
    with Worker(make_sandbox(), ("numpy", "pandas")) as worker:
        worker.warm_up()
        worker.open({})
        assert worker.running


@pytest.mark.parametrize("error", [3, [], {}, {"type": 5, "bases": 7}, {"message": None, "line_number": 2}])
def test_an_error_that_no_worker_would_tell_of_is_one_all_the_same(error: Any) -> None:
    told = read_error({"error": error})
    assert told is not None
    assert all(isinstance(text, str) for text in (told.type, told.message))
    assert told.bases == []
    assert read_error({"value": error}) is None


def test_an_exchange_and_other_copies_of_the_course_are_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the sandbox shows the folder that they lie in, it shows an empty one in their place."""
    exchange, copy = tmp_path / "exchange", tmp_path / "lib" / "python3.11" / "site-packages" / "autograder"
    exchange.mkdir()
    copy.mkdir(parents=True)
    (copy / "course.yaml").touch()
    monkeypatch.setenv("COURSE_EXCHANGE", str(exchange))
    monkeypatch.setattr(sandbox, "_shown", lambda: [tmp_path])
    covered = sandbox._covered()
    assert {covered[covered.index(str(path)) - 1] for path in (exchange, copy)} == {"--tmpfs"}
    monkeypatch.setattr(sandbox, "_shown", lambda: [tmp_path / "elsewhere"])
    assert sandbox._covered() == []
