"""The course without setting anything up: container, Binder, Colab, and what GitHub runs and asks.

What can't run here is held against what is here: each command, file, target and version that is named exists.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from autograder.course.manifest import ROOT
from tests.test_setup import interpreters

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
REPOSITORY = "school/faces"
# What Colab has of what the lessons and their checks import, by its own list of August 2026.
COLAB = (
    "beautifulsoup4==4.13.5",
    "filelock==3.32.3",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "matplotlib==3.10.0",
    "nbformat==5.11.1",
    "numpy==2.1.3",
    "opencv-python-headless==5.0.0.93",
    "packaging==26.3",
    "pandas==2.2.3",
    "pillow==11.3.0",
    "psutil==5.9.5",
    "PyYAML==6.0.3",
    "rich==13.9.4",
    "setuptools==75.2.0",
    "tqdm==4.67.3",
    "traitlets==5.7.1",
)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def make_targets() -> set[str]:
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "setup.mk"))
    return set(re.findall(r"^([\w-]+):(?!=)", text, re.MULTILINE))


def supported() -> SpecifierSet:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return SpecifierSet(project["requires-python"])


@pytest.fixture
def container() -> dict[str, Any]:
    return json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))


def test_the_container_is_built_from_the_pins(container: dict[str, Any]) -> None:
    assert container["updateContentCommand"] == "make setup"
    assert "setup" in make_targets()
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).is_file()
    settings = container["customizations"]["vscode"]["settings"]
    assert settings["python.defaultInterpreterPath"].endswith("/.venv/bin/python")
    for place in container["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / place).is_file(), place


def test_the_container_has_what_the_course_does_not_install(container: dict[str, Any]) -> None:
    steps = (ROOT / ".devcontainer" / "Dockerfile").read_text(encoding="utf-8")
    [installed] = re.findall(r"apt-get install -y --no-install-recommends (.*) \\$", steps, re.MULTILINE)
    # The same as continuous integration brings to a bare machine.
    wanted = re.findall(r"missing\+=\(([\w -]+)\)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert set(installed.split()) == set(" ".join(wanted).split())
    # What bubblewrap needs: namespaces, mounts, and a /proc without masks, which it may not mount anew otherwise.
    assert set(container["securityOpt"]) == {"seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"}


def test_binder_makes_the_same_environment() -> None:
    folder = ROOT / ".binder"
    assert {path.name for path in folder.iterdir()} == {"apt.txt", "postBuild", "runtime.txt"}
    python = (folder / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    assert python in supported()
    script = folder / "postBuild"
    assert os.access(script, os.X_OK)
    assert "pip install --no-cache-dir -q -r requirements.txt -e ." in script.read_text(encoding="utf-8")
    subprocess.run([shutil.which("bash") or "bash", "-n", script], check=True)


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])
def test_a_workflow_may_only_read_ends_and_runs_what_is_there(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "on" in workflow, "unquoted, YAML takes it for true"
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        assert {*([job["needs"]] if "needs" in job else [])} <= workflow["jobs"].keys()
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1")), step
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False
            for target in re.findall(r"\bmake ([\w-]+)", step.get("run", "")):
                assert target in make_targets(), target
            for program in re.findall(r"^\.\S+", step.get("run", ""), re.MULTILINE):
                assert os.access(ROOT / program, os.X_OK), program


def test_workflows_ask_for_interpreters_that_the_course_supports() -> None:
    tests = load(GITHUB / "workflows" / "tests.yml")
    choice = tests["on"]["workflow_dispatch"]["inputs"]["python"]
    assert choice["default"] in choice["options"]
    assert all(version in supported() for version in choice["options"])
    # setup.mk takes the interpreter from this variable.
    assert "PYTHON ?=" in (ROOT / "setup.mk").read_text(encoding="utf-8")
    assert tests["env"]["PYTHON"].startswith("python${{ inputs.python || '")


def test_only_the_last_job_of_the_site_may_publish() -> None:
    jobs = load(GITHUB / "workflows" / "site.yml")["jobs"]
    assert {name for name, job in jobs.items() if "permissions" in job} == {"publish"}
    assert jobs["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert not [step for step in jobs["publish"]["steps"] if "run" in step]


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_a_form_has_what_github_asks_of_one(path: Path) -> None:
    form = load(path)
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields
    ids = [field["id"] for field in fields]
    assert len(ids) == len(set(ids))
    for field in fields:
        assert field["type"] in ("input", "textarea", "dropdown", "checkboxes")
        assert field["attributes"]["label"]


def test_dependabot_looks_where_the_pins_are() -> None:
    updates = {each["package-ecosystem"]: each for each in load(GITHUB / "dependabot.yml")["updates"]}
    assert {"pip", "github-actions", "docker"} <= updates.keys()
    assert (ROOT / updates["docker"]["directory"].lstrip("/") / "Dockerfile").is_file()
    [ignored] = updates["pip"]["ignore"]
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    [bound] = [line.rpartition(",<")[2] for line in dependencies if line.startswith("pytest>=")]
    assert ignored == {"dependency-name": "pytest", "versions": [f">={bound}"]}


@pytest.mark.long
@pytest.mark.slow
def test_github_reads_its_files_by_their_schemas(tmp_path: Path) -> None:
    """By the schemas that check-jsonschema brings along."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    install = [scripts / "python", "-m", "pip", "install", "-qq", "--no-compile", "check-jsonschema==0.39.0"]
    subprocess.run(install, check=True)
    by_schema = {
        "github-workflows": [*WORKFLOWS, ROOT / "autograder" / "classroom" / "exports" / "grade.yml"],
        "github-issue-forms": FORMS,
        "github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
        "dependabot": [GITHUB / "dependabot.yml"],
    }
    for schema, paths in by_schema.items():
        done = subprocess.run(
            [scripts / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


IN_COLAB = """
import json, sys, types
from IPython.core.interactiveshell import InteractiveShell

sys.modules["google.colab"] = types.ModuleType("google.colab")
shell = InteractiveShell.instance()
cells = json.load(open(sys.argv[1]))["cells"]
run = [c for c in cells if c["cell_type"] == "code" and c["metadata"].get("nbgrader", {}).get("solution")]
setup = [c for c in cells if "setup" in c["metadata"].get("tags", [])]
for cell in setup + run:
    shell.run_cell("".join(cell["source"])).raise_error()
shell.run_cell(sys.argv[2]).raise_error()
"""


@pytest.mark.long
@pytest.mark.slow
def test_a_lesson_installs_its_course_in_colab(tmp_path: Path) -> None:
    """Colab's Python and versions, an empty folder, and a lesson opened from the students' repository on GitHub, which
    is a folder here."""
    python = interpreters().get("3.13") or interpreters().get("3.12")
    if python is None:
        pytest.skip("neither Python 3.13 nor 3.12 is on this machine")
    git = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org"}
    git |= {"GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.org"}
    handout, empty, environment = tmp_path / "handout", tmp_path / "empty", tmp_path / "env"
    command = [sys.executable, "-m", "autograder", "handout", handout, "--git", "--repository", REPOSITORY]
    subprocess.run(command, cwd=ROOT, env=os.environ | git, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([python, "-m", "venv", environment], check=True)
    colab = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([colab, "-m", "pip", "install", "-qq", *COLAB], check=True)
    empty.mkdir()
    # The lesson from GitHub, solved by its student.
    lesson = "lessons/01_pixel_parsing/01_pixel_parsing.ipynb"
    solved = json.loads((handout / lesson).read_text(encoding="utf-8"))
    reference = json.loads((ROOT / lesson.replace("lessons", "solutions")).read_text(encoding="utf-8"))
    answers = {c["metadata"]["nbgrader"]["grade_id"]: c for c in reference["cells"] if "nbgrader" in c["metadata"]}
    for cell in solved["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = answers[cell["metadata"]["nbgrader"]["grade_id"]]["source"]
    (empty / "lesson.ipynb").write_text(json.dumps(solved), encoding="utf-8")
    (empty / "run.py").write_text(IN_COLAB, encoding="utf-8")
    asks = textwrap.dedent("""
        print(autograder.check("parse_pixels"))
        print(autograder.check("split_rows"))
        print(autograder.hint("scale_pixels"))
        from data_scripts.folders import course_folder
        print(course_folder(), autograder.__file__)
    """)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "PYTHON"))}
    variables |= {
        "HOME": str(empty),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{handout.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{REPOSITORY}",
    }
    done = subprocess.run(
        [colab, "run.py", "lesson.ipynb", asks], cwd=empty, env=variables, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "parse_pixels: passed" in done.stdout or done.stdout.count("passed") >= 2, done.stdout
    assert str(empty / "facial-keypoints") in done.stdout
    assert str(environment) in done.stdout.splitlines()[-1]
