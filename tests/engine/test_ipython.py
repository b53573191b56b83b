"""Cells as Jupyter runs them: IPython's own syntax, awaits, and lines that fail without harm to the others."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from autograder.course.manifest import find_lesson
from autograder.grading.grader import LessonGrader
from autograder.grading.ipython_cells import CellReader
from autograder.grading.notebook_choice import find_submission
from autograder.grading.submission import Submission, read_submission
from autograder.isolation.sandbox import make_sandbox
from autograder.ladder.verdict import Result
from autograder.worker.running import CellRunner
from autograder.worker.shell import Shell
from tests.notebooks import LESSON, cell_of, reference_notebook, save

lesson = find_lesson(LESSON)


def answer(name: str) -> str:
    """Return the reference's code of an exercise."""
    return "".join(cell_of(reference_notebook(), name)["source"])


def with_cells(answers: dict[str, str], *before: str) -> dict[str, Any]:
    """Return the solved notebook with other code for some exercises, and cells before all others."""
    notebook = reference_notebook()
    for name, source in answers.items():
        cell_of(notebook, name)["source"] = source
    notebook["cells"][:0] = [{"cell_type": "code", "metadata": {}, "source": source} for source in before]
    return notebook


def read(notebook: dict[str, Any]) -> Submission:
    return read_submission(json.dumps(notebook).encode(), lesson)


def grade(notebook: dict[str, Any], folder: Path) -> tuple[dict[str, Result], list[str]]:
    with LessonGrader(find_submission(save(notebook, folder), lesson), make_sandbox(), seed=1) as grader:
        return {result.exercise.name: result for result in grader.grade_all()}, grader.notes


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%matplotlib inline\nANSWER = 1\n", 2),
        ("!pip install numpy \\\n  pandas \\\n  scipy\nANSWER = 1\n", 4),
        ("files = !ls -l\nANSWER = 1", 2),
        ("home = %env HOME\nANSWER = 1", 2),
        ("np.array?\nANSWER = 1\nnp.array??", 2),
        ("?np.array\nANSWER = 1", 2),
        ("%%time\nANSWER = 1", 2),
        ("\n\n%%time\n\nANSWER = 1", 5),
        ("%%capture out\n%%prun -s cumulative\nANSWER = 1\n%time x = 2", 3),
        ("%%timeit -n 1\nANSWER = 1", 2),
        (">>> x = 1\n>>> ANSWER = 1\n", 2),
        ("In [3]: x = 1\nIn [4]: ANSWER = 1\n", 2),
        ("    x = 1\n    ANSWER = 1\n", 2),
        ("for x in (1, 2):\n    !echo {x}\n    y = x\nANSWER = 1", 4),
        ("text = '''\n!top\n%time\n'''\n%matplotlib inline\nANSWER = 1", 6),
        ("text = 'a %s'\\\n  % 1\n%matplotlib inline\nANSWER = 1", 4),
        ("import asyncio\nawait asyncio.sleep(0)\nANSWER = 1", 3),
    ],
)
def test_what_jupyter_runs_is_python_with_the_same_lines(cell: str, line: int) -> None:
    found = CellReader().read(cell)
    assert found.tree is not None, found.error
    assert found.magic is None
    assigned = [node for node in found.tree.body if getattr(getattr(node, "targets", [None])[0], "id", "") == "ANSWER"]
    assert [node.lineno for node in assigned] == [line]


def test_what_is_python_stays_as_it_is() -> None:
    for cell in ("text = '''\n>>> 1\n!top\n'''\n", "x = 7 \\\n  % 2\n", "def f():\n    '''Doc.\n\n>>> f()\n'''\n"):
        assert CellReader().read(cell).source == cell


@pytest.mark.parametrize("cell", ["pip install numpy", "ls -l\n", "  cd data ", "load_ext autoreload"])
def test_a_magic_without_its_sign_is_no_error(cell: str) -> None:
    assert not read(with_cells({}, cell)).notes


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile pixels.py", "%%html", "%%skip"])
def test_a_cell_of_another_language_is_none(magic: str) -> None:
    found = read(with_cells({}, f"{magic}\necho hello"))
    assert len(found.cells) == len(lesson.exercises)
    assert not found.notes


def test_the_only_definition_below_a_foreign_magic_is_read_and_said() -> None:
    found = read(with_cells({"split_rows": f"%%writefile split.py\n{answer('split_rows')}"}))
    assert "def split_rows" in found.cells[-1].source
    assert found.notes[0].startswith("split_rows stands in cell ")
    assert "begins with %%writefile" in found.notes[0]


@pytest.mark.parametrize(
    "cell",
    ["%a\n" * 300 + "x = 1\n" * 2000, "a" * 50_000 + " ?\n", "a." * 40_000 + "b ?\n", "%\n" * 40_000, "?" * 90_000],
    ids=["magics", "word", "dots", "signs", "questions"],
)
def test_cells_made_to_take_long_do_not(cell: str) -> None:
    started = time.monotonic()
    found = read(with_cells({}, *[cell] * 10))
    assert time.monotonic() - started < 60
    assert len(found.cells) >= len(lesson.exercises)
    assert not found.broken


def test_a_cell_that_python_cannot_read_is_named_whatever_it_holds() -> None:
    found = read(with_cells({}, "def helper(text)\n    return text\n", "x = 1\n<<<<<<< HEAD\n"))
    assert found.notes[0].startswith("cell 1 can't be read: SyntaxError: expected ':' (line 1: def helper(text))")
    assert "cell 2 can't be read" in found.notes[1]
    assert "marks of a merge" in found.notes[1]
    many = read(with_cells({}, *["x ="] * 30))
    assert len(many.notes) == 11
    assert many.notes[-1] == "20 more cells can't be read"


def test_a_notebook_full_of_ipython_keeps_its_points(tmp_path: Path) -> None:
    answers = {
        "parse_pixels": f"here = !pwd\nSIZE = 96\nassert len(here) == 0\n{answer('parse_pixels')}".replace("96", "SIZE")
        + "\nSIZE = 96",
        "scale_pixels": f"%%time\nimport asyncio\nawait asyncio.sleep(0)\n{answer('scale_pixels')}",
        "load_faces": f"%matplotlib inline\nload_faces?\nTEXT = '''\n!top\n'''\n{answer('load_faces')}",
        "split_rows": f"out = %timeit -o 1\n%time D = 2\n{answer('split_rows')}\nassert D and '!top' in TEXT",
    }
    results, notes = grade(with_cells(answers), tmp_path)
    assert {result.outcome for result in results.values()} == {"passed"}
    assert not notes


def test_a_line_that_fails_costs_what_depends_on_it(tmp_path: Path) -> None:
    code = (
        "table = pd.read_csv('nowhere.csv')\nprint(table.shape)\nLIMIT = 255\n"
        f"def helper(rows):\n    return rows\n{answer('split_rows')}\nraise SystemExit\n"
    )
    wrong = "from somewhere import shuffle\ndef scale_pixels(images):\n    return shuffle(images)\n"
    results, notes = grade(with_cells({"split_rows": code, "scale_pixels": wrong}), tmp_path)
    assert results["split_rows"].outcome == "passed"
    assert any("nowhere.csv" in note for note in notes)
    problem = results["scale_pixels"].problem
    assert problem is not None
    assert "name 'shuffle' is not defined" in problem.got
    assert "line 1, which should set shuffle, ended with ModuleNotFoundError" in problem.got
    assert "is missing here" in str(problem.hint)


def run(*cells: str) -> tuple[dict[str, Any], list[list[str]]]:
    """Run cells as a worker does; return their names, and the types of errors of each."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    namespace["get_ipython"] = lambda: shell
    shell = Shell(namespace)
    runner = CellRunner(namespace)
    errors = [[error["type"] for error in runner.run(f"c{i}", cell)] for i, cell in enumerate(cells)]
    if runner._loop is not None:
        runner._loop.close()
    return namespace, errors


def test_statements_run_as_a_cell_would() -> None:
    names, errors = run(
        "from __future__ import annotations\ndef f(x: Nowhere) -> None: ...\n",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    rate: float = 1.0\n",
        "x = 1\n1 / 0\ny = x + 1\nreturn 3\nz = 4\n",
    )
    assert errors == [[], [], ["ZeroDivisionError", "SyntaxError"]]
    assert (names["y"], names["z"]) == (2, 4)
    # As in the kernel, the import holds for the cells below.
    assert names["C"].__annotations__ == {"rate": "float"}


def test_annotations_are_what_they_are_in_the_kernel() -> None:
    names, errors = run("class C:\n    rate: float = 1.0\n", "def f(x: Nowhere) -> int:\n    return 3\n")
    assert errors == [[], []]
    assert names["C"].__annotations__ == {"rate": float}
    assert names["f"](1) == 3


def test_an_error_names_its_own_line() -> None:
    runner = CellRunner({})
    (second, first) = runner.run("cell 3", "x = 1\n\nopen('nowhere')\n@missing\ndef f():\n    return 1\n")
    assert (first["type"], first["line_number"], first["line"], first["cell"]) == (
        "FileNotFoundError",
        3,
        "open('nowhere')",
        "cell 3",
    )
    assert (second["type"], second["line_number"], second["line"]) == ("NameError", 4, "@missing")


@pytest.mark.filterwarnings("ignore:coroutine 'work' was never awaited")
def test_awaits_share_one_loop() -> None:
    names, errors = run(
        "import asyncio\nasync def work():\n    return 5\n",
        "first = await work()\nqueue = asyncio.Queue()\nawait queue.put(2)",
        "second = await queue.get()\nasync with asyncio.Lock() as lock:\n    third = 3",
        "values = [await work() for _ in range(2)]",
        "task = asyncio.create_task(work())\nfourth = await task",
    )
    assert errors == [[], [], [], [], []]
    assert names["fourth"] == 5
    assert (names["first"], names["second"], names["third"], names["values"]) == (5, 2, 3, [5, 5])


def test_the_shell_stands_in_for_itself() -> None:
    names, errors = run(
        "ip = get_ipython()\nip.run_line_magic('matplotlib', 'inline')\nip.set_next_input('x')\n"
        "lines = ip.getoutput('ls')\ntext = lines.s + lines.n\n"
        "x = ip.run_line_magic('time', '3 + 4')\nip.run_line_magic('time', 'y = 5')\n"
        "best = ip.run_line_magic('timeit', '-o 1').best\nip.user_ns['z'] = 6\n"
    )
    assert errors == [[]]
    assert (names["lines"], names["text"], names["x"], names["y"], names["z"]) == ([], "", 7, 5, 6)


def test_a_line_that_never_ends_is_stopped_and_the_others_run() -> None:
    namespace: dict[str, Any] = {}
    runner = CellRunner(namespace, seconds=4.0)
    started = time.monotonic()
    errors = [runner.run(f"c{i}", f"while True:\n    pass\nx{i} = {i}\n") for i in range(4)]
    assert time.monotonic() - started < 20
    assert [[error["type"] for error in each] for each in errors] == [["Stopped"]] * 4
    assert errors[0][0]["message"] == "it took more than 2 seconds"
    assert [namespace[f"x{i}"] for i in range(4)] == [0, 1, 2, 3]


def test_what_stops_a_line_is_gone_afterwards() -> None:
    runner = CellRunner({"time": time}, seconds=3.0)
    assert not runner.run("c1", "x = 1\ny = 2\n")
    time.sleep(2.0)
    assert not runner.run("c2", "time.sleep(0.2)\n")


@pytest.mark.slow
@pytest.mark.long
def test_a_definition_below_an_endless_line_keeps_its_points(tmp_path: Path) -> None:
    endless = "import time\nwhile True:\n    time.sleep(1)\n"
    results, notes = grade(with_cells({"split_rows": endless + answer("split_rows")}), tmp_path)
    assert results["split_rows"].outcome == "passed"
    assert any("Stopped: it took more than 45 seconds" in note for note in notes)
