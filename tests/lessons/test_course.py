"""The course tests itself: manifest, sources, stubs, references and generated notebooks agree."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.authoring import source
from autograder.authoring.build import build
from autograder.authoring.source import BEGIN, read_source
from autograder.checks import ladders
from autograder.course.manifest import ROOT, CourseError, Lesson, load_course
from autograder.course.released import definitions, load_released, released_path
from autograder.ladder.ladder import KINDS

LESSONS = load_course().lessons
by_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.id for lesson in LESSONS])


def run_grader(*arguments: str, report: Path) -> tuple[int, dict, str]:
    """Run ``pytest autograder`` as a user does; return its exit code, its results and its terminal output."""
    command = [sys.executable, "-m", "pytest", "autograder", "--report", str(report), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    return done.returncode, json.loads(report.read_text(encoding="utf-8")), done.stdout


@pytest.fixture(scope="module")
def stub_results(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict, str]:
    return run_grader(report=tmp_path_factory.mktemp("stubs") / "results.json")


@pytest.fixture(scope="module")
def reference_results(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict, str]:
    return run_grader("--work", "solutions", report=tmp_path_factory.mktemp("reference") / "results.json")


def test_every_stub_is_not_attempted(stub_results: tuple[int, dict, str]) -> None:
    code, results, _ = stub_results
    expected = [exercise.key for lesson in LESSONS for exercise in lesson.exercises]
    assert [test["name"] for test in results["tests"]] == expected
    assert {test["extra_data"]["outcome"] for test in results["tests"]} == {"not_attempted"}
    assert results["score"] == 0
    assert code == 1


@pytest.mark.slow
def test_every_reference_scores_in_full(reference_results: tuple[int, dict, str]) -> None:
    code, results, output = reference_results
    short = {test["name"]: test["output"] for test in results["tests"] if test["score"] != test["max_score"]}
    assert not short, output
    assert code == 0
    assert results["score"] == results["max_score"] == sum(lesson.points for lesson in LESSONS)
    assert {test["extra_data"]["outcome"] for test in results["tests"]} == {"passed"}


def test_notebooks_are_in_step_with_their_sources() -> None:
    said: list[str] = []
    assert build(load_course().notebooks, check=True, say=said.append) == [], (
        "run: python -m autograder build\n" + "\n".join(said)
    )


@by_lesson
def test_release_holds_no_solution(lesson: Lesson) -> None:
    folder = ROOT / "lessons" / lesson.id
    files = [path for path in folder.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts]
    assert {path.suffix for path in files} <= {".ipynb", ".yaml", ".png"}
    texts = [path for path in files if path.suffix != ".png"]
    text = "".join(path.read_text(encoding="utf-8") for path in [*texts, released_path(lesson)])
    assert BEGIN not in text
    for cell in read_source(lesson):
        if cell.kind == "solution":
            solution = [
                line.strip() for part in cell.text.split(BEGIN)[1:] for line in part.split("### END")[0].splitlines()
            ]
            body = "\n".join(line for line in solution if line)
            assert body
            assert json.dumps(body)[1:-1] not in text


@by_lesson
def test_stubs_name_their_exercise_and_document_it(lesson: Lesson) -> None:
    numbers = {name: exercise.id for exercise in lesson.exercises for name in exercise.names}
    seen = set()
    for cell in json.loads(released_path(lesson).read_text(encoding="utf-8"))["cells"]:
        if cell["kind"] != "solution":
            continue
        assert 'raise NotImplementedError("Exercise ' in cell["text"]
        for name, node in definitions(ast.parse(cell["text"])).items():
            if name in numbers:
                seen.add(name)
                documented = [part for part in ast.walk(node) if isinstance(part, ast.FunctionDef | ast.ClassDef)]
                words = " ".join(ast.get_docstring(part) or "" for part in documented)
                assert ast.get_docstring(node), name
                assert len(words) > 60, f"{name}: docstrings give shapes, units and errors"
                assert f"Exercise {numbers[name]}:" in cell["text"]
    assert seen == set(numbers) == set(load_released(lesson).stubs) & set(numbers)


@by_lesson
def test_every_exercise_has_points_a_hint_and_a_ladder(lesson: Lesson) -> None:
    for exercise in lesson.exercises:
        assert exercise.points > 0
        assert len(exercise.hint) > 40
        rungs = ladders(lesson)[exercise.name].rungs
        assert len(rungs) >= 3
        assert len({rung.name for rung in rungs}) == len(rungs)
        values = sum(rung.points for rung in rungs if rung.kind not in ("type", "shape", "dtype"))
        assert values > sum(rung.points for rung in rungs) / 2, f"{exercise.name}: most points belong to the values"
        assert {rung.kind for rung in rungs} <= set(KINDS)


@by_lesson
def test_check_cells_follow_their_exercise_and_are_locked(lesson: Lesson) -> None:
    kinds = [(cell.kind, cell.exercise) for cell in read_source(lesson) if cell.kind in ("solution", "check")]
    assert kinds == [(kind, e) for e in lesson.exercises for kind in ("solution", "check")]
    released = json.loads((ROOT / "lessons" / lesson.id / f"{lesson.id}.ipynb").read_text(encoding="utf-8"))
    for cell in released["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            assert cell["metadata"]["editable"] is False
            assert cell["metadata"]["deletable"] is False


def test_deciding_side_imports_no_framework() -> None:
    code = "import autograder.grading.grader, autograder.checks as k, autograder.course.manifest as c, sys\n"
    code += "[k.ladders(lesson) for lesson in c.load_course().lessons]\n"
    code += "print([m for m in ('torch', 'keras', 'tensorflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def split_rows((:\n    pass\n", "line 2: .*split_rows"),
        ("def split_rows():\n    ### BEGIN SOLUTION\n    return 1\n", "do not pair"),
        ("def other():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n", "no exercise of the manifest"),
    ],
)
def test_a_broken_source_is_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    path = tmp_path / "01_pixel_parsing.py"
    path.write_text(f"# %%\n{code}")
    monkeypatch.setattr(source, "ROOT", tmp_path)
    monkeypatch.setattr(source, "source_path", lambda lesson: path)
    with pytest.raises(CourseError, match=said) as caught:
        read_source(LESSONS[0])
    assert "\n" not in str(caught.value)
