"""Work that tries to trick, flood or break the grader, each as a notebook of lesson 01 and what must become of it.

The code of a threat stands in the cell of ``split_rows``; the other exercises are solved. ``outcome`` is that of
``split_rows``; where ``others`` is "passed", the other exercises must keep their points.
"""

from __future__ import annotations

from dataclasses import dataclass

DEF = "def split_rows(n_rows, val_fraction=0.2, seed=0):\n"
RIGHT = """
import numpy as np
def right(n_rows, val_fraction, seed):
    rows = np.random.default_rng(seed).permutation(n_rows)
    n_val = round(n_rows * val_fraction)
    return rows[n_val:], rows[:n_val]
"""


@dataclass(frozen=True)
class Threat:
    """``outcome`` names one or several outcomes, where these are as good as each other."""

    id: str
    code: str
    outcome: tuple[str, ...]
    others: str | None = "passed"


def _body(id: str, text: str, *outcome: str, before: str = "", others: str | None = "passed") -> Threat:
    """A threat that lies in the body of split_rows."""
    indented = "".join(f"    {line}\n" for line in text.strip("\n").splitlines())
    return Threat(id, before + DEF + indented, outcome, others)


NOISE = _body(
    "stderr and warnings",
    """
import sys, warnings, logging
print("Traceback (most recent call last)", file=sys.stderr)
warnings.warn("deprecated", DeprecationWarning)
logging.error("E tensorflow/stream_executor: could not load")
return right(n_rows, val_fraction, seed)
""",
    "passed",
    before=RIGHT + "import sys\nprint('x' * 100_000, file=sys.stderr)\n",
)

ENDINGS = [
    _body("infinite loop", "while True:\n    pass", "timeout"),
    _body(
        "loop that swallows everything",
        """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
        "timeout",
        before="import signal\n"
        "for number in (signal.SIGTERM, signal.SIGXCPU, signal.SIGINT, signal.SIGALRM, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_IGN)\n",
    ),
    _body("sleep", "import time\ntime.sleep(10**6)", "timeout"),
    _body("memory in one process", "return [bytearray(10**8) for _ in range(10**6)]", "error", "crashed"),
    _body(
        "memory in many processes",
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        kept = bytearray(b"x") * (300 * 2**20)
        time.sleep(60)
time.sleep(60)
""",
        "crashed",
    ),
    _body("fork bomb", "import os\nwhile True:\n    os.fork()", "crashed", "error", "timeout"),
    _body(
        "a bomb of processes that leave their group",
        "import os, contextlib\nwhile True:\n    with contextlib.suppress(OSError):\n        os.fork() or os.setsid()",
        "crashed",
        "timeout",
    ),
    _body(
        "threads",
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(99,)).start()",
        "error",
        "timeout",
        "crashed",
    ),
    _body("sys.exit", "import sys\nsys.exit(0)", "error"),
    _body("os._exit", "import os\nos._exit(0)", "crashed"),
    _body("SIGKILL", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    _body("segmentation fault", "import ctypes\nctypes.string_at(0)", "crashed"),
    _body("abort", "import os\nos.abort()", "crashed"),
    _body("deep recursion", "return split_rows(n_rows, val_fraction, seed)", "error"),
    _body(
        "recursion without a limit",
        "import sys\nsys.setrecursionlimit(10**9)\nreturn split_rows(n_rows)",
        "crashed",
        "error",
        "timeout",
    ),
    _body("KeyboardInterrupt", "raise KeyboardInterrupt", "error"),
    _body(
        "an error that can't be read",
        "raise Bad()",
        "error",
        before="""
class Bad(Exception):
    def __str__(self):
        raise RuntimeError("no")
    __repr__ = __str__
""",
    ),
    _body("open files", "kept = [open('/dev/null') for _ in range(10**6)]", "error"),
    _body("kills the server", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "crashed", "failed", "error"),
    _body(
        "stops the server",
        "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nos._exit(0)",
        "crashed",
        "failed",
        "error",
    ),
    _body("kills whatever it can", "import os, signal\nos.kill(-1, signal.SIGKILL)", "crashed", "failed", "error"),
    _body("closes every descriptor", "import os\nos.closerange(0, 10_000)\nreturn 1", "crashed", "timeout"),
]

FLOODS = [
    _body(
        "200 MB of output",
        """
if not said:
    said.append(1)
    for _ in range(200):
        print("PASSED " * 150_000)
return right(n_rows, val_fraction, seed)
""",
        "passed",
        before=RIGHT + "said = []\n",
    ),
    _body(
        "full disk",
        """
if not said:
    said.append(1)
    try:
        for number in range(40):
            open(f"/tmp/full{number}", "wb").write(bytes(50 * 2**20))
        raise AssertionError("the disk has no end")
    except OSError:
        pass
return right(n_rows, val_fraction, seed)
""",
        "passed",
        "error",
        before=RIGHT + "said = []\n",
    ),
    _body("one endless file", "file = open('x', 'wb')\nwhile True:\n    file.write(bytes(2**24))", "error"),
    _body("a huge answer", "return np.zeros(10**8), np.zeros(10**8)", "error", before=RIGHT),
    _body("a wide answer", "return [[0] * 1000] * 100_000, []", "error"),
    _body("an endless answer", "x = []\nx.append(x)\nreturn x, x", "failed", "error"),
    _body("a long text", "return 'x' * 10**9, ''", "failed", "error"),
]

FORGERIES = [
    _body(
        "forged PASSED lines",
        """
print("split_rows PASSED [100%]\\n27 passed in 0.1s")
import sys
print('{"score": 340, "outcome": "passed"}', file=sys.stderr)
return [], []
""",
        "failed",
    ),
    _body(
        "forged result files",
        """
import json, os
for name in ("results.json", "/tmp/results.json", "/tmp/gradebook.db", "report.json", "answers.npy"):
    try:
        with open(name, "w") as file:
            json.dump({"score": 340, "tests": []}, file)
    except OSError:
        continue
return [], []
""",
        "failed",
    ),
    _body(
        "forged JSON on every descriptor",
        """
import os
for descriptor in range(200):
    try:
        os.write(descriptor, b'{"value": {"value": [[], []], "args": []}, "passed": true}\\n')
    except OSError:
        pass
return [], []
""",
        "crashed",
        "timeout",
        "failed",
    ),
    _body(
        "forged frames ahead of the question",
        """
import os, struct
header = b'{"t": "dict", "k": ["value"], "v": [{"t": "dict", "k": ["value", "args"], "v": [[[], []], []]}]}'
frame = b"FKP1" + struct.pack("<I", len(header)) + header + struct.pack("<Q", 0)
for descriptor in range(3, 200):
    try:
        os.write(descriptor, frame * 20)
    except OSError:
        pass
return [], []
""",
        "crashed",
        "timeout",
        "failed",
    ),
    _body(
        "forged frames with the ticket of the question",
        """
import os, struct, sys, json
frame, ticket = sys._getframe(), ""
while frame is not None:
    ticket = (frame.f_locals.get("request") or {}).get("ticket", ticket)
    frame = frame.f_back
text = json.dumps({"t": "dict", "k": ["ticket", "value"], "v": [ticket,
    {"t": "dict", "k": ["value", "args"], "v": [[[], []], []]}]}).encode()
whole = b"FKP1" + struct.pack("<I", len(text)) + text + struct.pack("<Q", 0)
for descriptor in range(3, 200):
    try:
        os.write(descriptor, whole)
    except OSError:
        pass
os._exit(0)
""",
        "crashed",
        "timeout",
        "failed",
    ),
    _body(
        "always equal",
        "return Equal(), Equal()",
        "failed",
        before="""
class Equal:
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    def __getattr__(self, name):
        return self
    def __call__(self, *args, **kwargs):
        return self
    def __len__(self):
        return 1
    def __iter__(self):
        return iter([self])
    def __bool__(self):
        return True
    __hash__ = object.__hash__
""",
    ),
    _body(
        "arrays that always agree",
        "return Array([1, 2]), Array([3])",
        "failed",
        before="""
import numpy as np
class Array(np.ndarray):
    def __new__(cls, values):
        return np.asarray(values).view(cls)
    def __array_finalize__(self, other):
        pass
    def __array_ufunc__(self, *args, **kwargs):
        return True
    def __array_function__(self, *args, **kwargs):
        return True
    def __eq__(self, other):
        return True
    def all(self, *args, **kwargs):
        return True
    def __array__(self, *args, **kwargs):
        raise SystemExit(0)
""",
    ),
    _body(
        "a list that lies",
        "return Liar([1]), Liar([2])",
        "failed",
        before="""
class Liar(list):
    def __iter__(self):
        raise SystemExit(0)
    def __eq__(self, other):
        return True
    def __len__(self):
        return 10**9
""",
    ),
    _body(
        "a false class",
        "return False_(), False_()",
        "failed",
        "error",
        before="""
class False_:
    @property
    def __class__(self):
        return float
    def __float__(self):
        return 1.0
""",
    ),
    _body(
        "patched comparisons",
        "return [], []",
        "failed",
        "error",
        "crashed",
        before="""
import builtins, json, numpy as np
for name in ("allclose", "isclose", "array_equal", "array_equiv"):
    setattr(np, name, lambda *args, **kwargs: True)
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *args, **kwargs: None
builtins.all = builtins.any = lambda *args: True
json.loads = lambda *args, **kwargs: {"passed": True}
""",
        others=None,
    ),
    _body(
        "patched pytest",
        "return [], []",
        "failed",
        before="""
import sys, types
pytest = types.ModuleType("pytest")
pytest.fail = lambda *args, **kwargs: None
sys.modules["pytest"] = sys.modules["_pytest"] = sys.modules["autograder.checks"] = pytest
""",
    ),
    _body(
        "patched answers",
        "return [], []",
        "failed",
        "crashed",
        "timeout",
        "error",
        before="""
import sys
for name, module in list(sys.modules.items()):
    for attribute in ("encode", "run_probe", "describe_error", "call"):
        if name.startswith("worker") and hasattr(module, attribute):
            setattr(module, attribute, lambda *args, **kwargs: {"value": {"value": [[], []], "args": []}})
""",
        others=None,
    ),
    _body(
        "modules of probes put back",
        "return [], []",
        "failed",
        before="""
import sys, types
for name in ("worker", "worker.running", "worker.probes", "worker.probes.calling", "worker.probes.lesson_01"):
    sys.modules[name] = module = types.ModuleType(name)
    module.call = module.run_probe = lambda *args, **kwargs: {"value": [[0, 1], [2]], "args": []}
    module.__getattr__ = lambda name: lambda *args, **kwargs: True
""",
    ),
    _body(
        "transformers of IPython",
        "return [], []",
        "failed",
        before="""
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return None
    def visit_Expr(self, node):
        return None
shell = get_ipython()
shell.ast_transformers.append(Drop())
shell.input_transformers_cleanup.append(lambda lines: [])
shell.input_transformers_post.append(lambda lines: ["42\\n"])
""",
    ),
    _body(
        "an import hook for what comes next",
        "return [], []",
        "failed",
        before="""
import sys, types
class Hook:
    def find_spec(self, name, path=None, target=None):
        raise SystemExit(0)
sys.meta_path.insert(0, Hook())
""",
    ),
    _body(
        "threads and exit handlers left behind",
        "return [], []",
        "failed",
        before="""
import atexit, threading, time
atexit.register(lambda: print("PASSED"))
threading.Thread(target=time.sleep, args=(10**6,)).start()
""",
    ),
    _body("hard-coded example", "return ([1, 3, 0, 4], [2]) if n_rows == 5 else ([], [])", "failed"),
    _body(
        "right on the first calls only",
        """
calls.append(1)
return right(n_rows, val_fraction, seed) if len(calls) < 3 else ([], [])
""",
        "failed",
        before=RIGHT + "calls = []\n",
    ),
    _body(
        "the reference of this very lesson",
        "return copied(n_rows, val_fraction, seed)",
        "error",
        before="""
import autograder
def copied(*args):
    return autograder.earlier("01_pixel_parsing").split_rows(*args)
""",
    ),
    _body(
        "the reference from the file",
        """
import json, pathlib
for place in ("/course", "/work", "/home", "/root", "/tmp", "/opt", ".."):
    for notebook in pathlib.Path(place).rglob("01_pixel_parsing.*"):
        raise AssertionError(f"there it is: {notebook}")
return [], []
""",
        "failed",
        "timeout",
    ),
    _body(
        "global random state",
        "np.random.seed(seed)\nrows = np.random.permutation(n_rows)\n"
        "n = round(n_rows * val_fraction)\nreturn rows[n:], rows[:n]",
        "failed",
        before="import numpy as np\n",
    ),
    _body(
        "pip and network",
        """
import subprocess, sys, urllib.request
done = subprocess.run([sys.executable, "-m", "pip", "download", "six"], capture_output=True, text=True)
assert done.returncode != 0
try:
    urllib.request.urlopen("http://127.0.0.1:8888", timeout=2)
except OSError:
    return [], []
raise AssertionError("the network answered")
""",
        "failed",
    ),
]

# Changes of what all of a program shares; the other exercises must not pay for them.
GLOBALS = [
    Threat(
        "global settings",
        RIGHT
        + "split_rows = right\n"
        + """
import os, sys, warnings, random, numpy as np
np.seterr(all="raise")
warnings.simplefilter("error")
sys.setrecursionlimit(80)
os.environ.clear()
os.makedirs("elsewhere", exist_ok=True)
os.chdir("elsewhere")
np.set_printoptions(precision=1)
def split_rows(n_rows, val_fraction=0.2, seed=0):
    return right(n_rows, val_fraction, seed)
""",
        ("passed",),
    ),
]

THREATS = [NOISE, *ENDINGS, *FLOODS, *FORGERIES, *GLOBALS]
