"""The set-up files agree with each other, with what the code imports, and with what really gets installed."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
SETUP_FILES = (
    "pyproject.toml",
    "requirements.txt",
    "constraints.txt",
    "environment.yml",
    "Makefile",
    "setup.mk",
    "hatch_build.py",
    ".ci/run",
)

# Requirements that no file imports: commands, the notebooks' kernel, and keras's backend.
NOT_IMPORTED = {"ipykernel", "jupyterlab", "nbgrader", "pytest-xdist", "tensorflow", "tensorflow-cpu"}
# The tools of `make lint` and the types that mypy reads.
NOT_IMPORTED |= {"mypy", "pandas-stubs", "ruff", "types-pyyaml", "types-tqdm"}

# The repository's own packages; inside the sandbox, autograder/worker stands alone as `worker`.
OWN = {"autograder", "data_scripts", "tests", "worker"}

# The systems the pins are for, as the variables that a marker may ask about.
SYSTEMS = {
    "Linux": {"sys_platform": "linux", "platform_machine": "x86_64", "os_name": "posix"},
    "Linux on ARM": {"sys_platform": "linux", "platform_machine": "aarch64", "os_name": "posix"},
    "macOS": {"sys_platform": "darwin", "platform_machine": "arm64", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_machine": "AMD64", "os_name": "nt"},
}


def read_pins(name: str) -> list[Requirement]:
    """The requirements in one of the two pin files, without comments and options."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]


def loose_dependencies() -> list[Requirement]:
    """The dependencies as pyproject.toml states them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in project["dependencies"]]


def applies(requirement: Requirement, system: str = "", python: str = "3.11.9") -> bool:
    """Whether a requirement holds on one of SYSTEMS with one release of Python; "" is the running interpreter."""
    if requirement.marker is None:
        return True
    release = python.rpartition(".")[0]
    environment = {**SYSTEMS[system], "python_full_version": python, "python_version": release} if system else None
    return requirement.marker.evaluate(environment)


def versions(requirements: list[Requirement], system: str = "", python: str = "3.11.9") -> dict[str, str]:
    """Name to pinned version, for one system; fails where a name is pinned twice."""
    found: dict[str, str] = {}
    for requirement in requirements:
        if not applies(requirement, system, python):
            continue
        pins = [pin for pin in requirement.specifier if pin.operator == "=="]
        assert len(pins) == len(requirement.specifier) == 1, f"{requirement} is not pinned with =="
        name = canonicalize_name(requirement.name)
        assert name not in found, f"{name} is pinned twice for {system or 'this system'}"
        found[name] = pins[0].version
    return found


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command without input, its output and errors in one text; the caller looks at the exit status."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_requirements_start_with_the_constraints() -> None:
    first = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()[0]
    assert first == "-c constraints.txt"


@pytest.mark.parametrize("python", ["3.11.0", "3.11.9", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_direct_requirements_are_pinned_to_their_constraints(system: str, python: str) -> None:
    direct = versions(read_pins("requirements.txt"), system, python)
    everything = versions(read_pins("constraints.txt"), system, python)
    assert direct.items() <= everything.items()


@pytest.mark.parametrize("python", ["3.11.9", "3.13.0"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_loose_dependencies_are_the_direct_requirements(system: str, python: str) -> None:
    direct = versions(read_pins("requirements.txt"), system, python)
    loose = {canonicalize_name(each.name): each for each in loose_dependencies() if applies(each, system, python)}
    assert loose.keys() == direct.keys()
    for name, requirement in loose.items():
        assert direct[name] in requirement.specifier, f"{name}=={direct[name]} is not within {requirement}"


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_system_gets_one_tensorflow(system: str) -> None:
    builds = {name for name in versions(read_pins("requirements.txt"), system) if name.startswith("tensorflow")}
    assert builds == ({"tensorflow-cpu"} if system in ("Linux", "Windows") else {"tensorflow"})


def test_constraints_hold_the_packages_of_one_system_only() -> None:
    def only_on(name: str) -> set[str]:
        return {system for system in SYSTEMS if name in versions(read_pins("constraints.txt"), system)}

    assert only_on("colorama") == only_on("pywinpty") == {"Windows"}
    assert only_on("appnope") == {"macOS"}
    assert only_on("ptyprocess") == {"Linux", "Linux on ARM", "macOS"}


def test_conda_installs_the_same_pins() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert environment["name"] == "facial-keypoints"
    assert environment["channels"] == ["conda-forge"]
    assert environment["dependencies"] == ["python=3.11", "pip", {"pip": ["-r requirements.txt", "-e ."]}]
    assert project["requires-python"] == ">=3.11,<3.14"


@pytest.mark.parametrize("name", SETUP_FILES)
def test_set_up_files_name_no_registry_and_no_machine(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    forbidden = re.findall(
        r"\w+://\S+|--(?:extra-)?index-url|--find-links|--trusted-host|pypi|(?<!\w)/(?:root|home|opt|work|tmp|Users)/\S+",
        text,
    )
    assert forbidden == []


def test_every_import_is_a_direct_requirement() -> None:
    sources = [ROOT / "nbgrader_config.py", *(ROOT / "solutions").glob("*/*.py")]
    for package in ("autograder", "data_scripts", "tests"):
        sources += (ROOT / package).rglob("*.py")
    own = OWN | {path.stem for folder in ("tests", "docs/site/extensions") for path in (ROOT / folder).glob("*.py")}
    imported: dict[str, Path] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"), str(source))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0]: source for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported[node.module.split(".")[0]] = source
    direct = versions(read_pins("requirements.txt"))
    distributions = packages_distributions()
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    # What a group brings may be absent here; its packages are imported by their own names.
    optional = {canonicalize_name(Requirement(line).name) for group in groups.values() for line in group}
    used: set[str] = set()
    for module, source in imported.items():
        if module in own or module in sys.stdlib_module_names or canonicalize_name(module) in optional:
            continue
        providers = {canonicalize_name(name) for name in distributions.get(module, [])} & direct.keys()
        assert providers, f"{source.relative_to(ROOT)} imports {module}, which no line of requirements.txt provides"
        used |= providers
    assert direct.keys() - used - NOT_IMPORTED == set(), "a direct requirement is imported nowhere"


def test_every_target_is_in_the_help() -> None:
    rules = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "setup.mk"))
    phony = {target for line in re.findall(r"^\.PHONY: (.*)$", rules, re.MULTILINE) for target in line.split()}
    shown = run("make", cwd=ROOT)
    assert shown.returncode == 0, shown.stdout
    listed = set(re.findall(r"^make ([\w-]+)", shown.stdout, re.MULTILINE))
    assert listed == phony - {"help", "isolation", "about-setup"}


@pytest.fixture
def small_course(tmp_path: Path) -> Path:
    """A folder with the course's Makefiles and nothing to install, so that a bootstrap takes seconds."""
    for name in ("Makefile", "setup.mk"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "requirements.txt").write_text("-c constraints.txt\n", encoding="utf-8")
    (tmp_path / "constraints.txt").touch()
    return tmp_path


def test_bootstrap_twice_installs_once(small_course: Path) -> None:
    python = f"PYTHON={sys.executable}"
    first = run("make", "setup", python, cwd=small_course)
    assert first.returncode == 0, first.stdout
    assert "setup: creating .venv" in first.stdout
    assert "setup: installing" in first.stdout
    second = run("make", "setup", python, cwd=small_course)
    assert second.returncode == 0, second.stdout
    assert "creating" not in second.stdout
    assert "installing" not in second.stdout


@pytest.mark.long
def test_interrupted_bootstrap_is_taken_up_again(small_course: Path) -> None:
    python = f"PYTHON={sys.executable}"
    (small_course / "requirements.txt").write_text("./not-there-yet\n", encoding="utf-8")
    assert run("make", "setup", python, cwd=small_course).returncode != 0
    (small_course / "requirements.txt").write_text("-c constraints.txt\n", encoding="utf-8")
    # What an interruption in the very first step leaves: an environment without its interpreter.
    (small_course / ".venv" / "bin" / "python").unlink()
    again = run("make", "setup", python, cwd=small_course)
    assert again.returncode == 0, again.stdout
    assert "setup: installing" in again.stdout


def test_new_pins_are_installed(small_course: Path) -> None:
    stamp = small_course / ".venv" / ".installed"
    stamp.parent.mkdir()
    stamp.touch()
    assert "pip install" not in run("make", "-n", "test", cwd=small_course).stdout
    later = stamp.stat().st_mtime + 10
    os.utime(small_course / "constraints.txt", (later, later))
    assert "pip install" in run("make", "-n", "test", cwd=small_course).stdout


def test_another_python_is_refused_with_the_way_out(small_course: Path) -> None:
    refused = run("make", "setup", "PYTHON=false", cwd=small_course)
    assert refused.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13, and false is not one" in refused.stdout
    assert "make PYTHON=" in refused.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap exists on Linux alone")
def test_missing_bubblewrap_is_said_and_forgiven(small_course: Path) -> None:
    tools = small_course / "tools"
    tools.mkdir()
    (tools / "uname").symlink_to(shutil.which("uname") or "uname")
    make = shutil.which("make") or "make"
    said = run(make, "isolation", cwd=small_course, PATH=str(tools))
    assert said.returncode == 0, said.stdout
    assert "apt-get install bubblewrap" in said.stdout
    assert "plain process" in said.stdout


def test_code_keeps_the_style() -> None:
    checked = run(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=ROOT)
    assert checked.returncode == 0, checked.stdout


def interpreters() -> dict[str, str]:
    """The interpreters of the supported versions that are there and run, by version; pyenv keeps some off the path."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for version in ("3.11", "3.12", "3.13"):
        places = [shutil.which(f"python{version}"), *Path.home().glob(f".pyenv/versions/{version}.*/bin/python3")]
        for place in filter(None, places):
            if version not in found and run(place, "-c", "import ensurepip", cwd=ROOT).returncode == 0:
                found[version] = str(place)
    return found


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_references_pass_on_other_interpreters(version: str, tmp_path: Path) -> None:
    """The pins install there, and what TensorFlow, PyTorch and NumPy answer is right."""
    python = interpreters().get(version)
    if python is None:
        pytest.skip(f"no Python {version} is on this machine")
    environment = tmp_path / "env"
    created = run(python, "-m", "venv", environment, cwd=ROOT)
    assert created.returncode == 0, created.stdout
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = (python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile")
    installed = run(*pip, "-r", "requirements.txt", cwd=ROOT)
    assert installed.returncode == 0, installed.stdout
    # As `make setup` does: a worker may not write compiled files, and compiling both frameworks takes too long.
    run(python, "-m", "compileall", "-qq", "-j", "0", environment / "lib", cwd=ROOT)
    lessons = [f"--lesson={number}" for number in ("01", "03", "04", "06")]
    command = (python, "-m", "pytest", "autograder", "--work", "solutions", "-p", "no:cacheprovider", *lessons)
    graded = run(*command, cwd=ROOT)
    shutil.rmtree(environment)
    assert graded.returncode == 0, graded.stdout


@pytest.fixture(scope="module")
def fresh_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of a new environment with what environment.yml's pip section installs; about two minutes."""
    folder = tmp_path_factory.mktemp("fresh") / "env"
    created = run(sys.executable, "-m", "venv", folder, cwd=ROOT)
    assert created.returncode == 0, created.stdout
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    # Conda writes the pip section to a requirements file and hands that to pip, in the folder of environment.yml.
    section = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    options = [part for line in section for part in line.split()]
    # Compiling takes as long as installing, and shows nothing that these tests look at.
    quick = ("-qq", "--disable-pip-version-check", "--no-compile")
    installed = run(python, "-m", "pip", "install", *quick, *options, cwd=ROOT)
    assert installed.returncode == 0, installed.stdout
    yield python
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def fresh_packages(fresh_environment: Path) -> dict[str, str]:
    """Name to version of what lies in the fresh environment, without pip itself."""
    listed = subprocess.run(
        [fresh_environment, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    packages = {canonicalize_name(each["name"]): each["version"] for each in json.loads(listed.stdout)}
    assert packages.pop("pip")
    assert packages.pop("facial-keypoints-course")
    return packages


@pytest.mark.long
@pytest.mark.slow
def test_fresh_environment_holds_the_pinned_versions(fresh_packages: dict[str, str]) -> None:
    pins = versions(read_pins("constraints.txt"))
    # A build's own label ("2.13.0+cpu") is part of the same release.
    installed = {name: Version(version).public for name, version in fresh_packages.items()}
    assert {name: pins.get(name) for name in installed} == installed
    assert versions(read_pins("requirements.txt")).keys() <= installed.keys()


@pytest.mark.long
@pytest.mark.slow
def test_fresh_environment_is_consistent(fresh_environment: Path) -> None:
    checked = run(fresh_environment, "-m", "pip", "check", "--disable-pip-version-check", cwd=ROOT)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.long
@pytest.mark.slow
def test_no_cuda_package_comes_along_on_a_cpu(fresh_environment: Path, fresh_packages: dict[str, str]) -> None:
    asked = run(fresh_environment, "-c", "import torch; print(torch.version.cuda)", cwd=ROOT)
    assert asked.returncode == 0, asked.stdout
    if asked.stdout.split()[-1] != "None":
        pytest.skip(f"the registry gave the CUDA build of torch {fresh_packages['torch']}, which needs its packages")
    assert [name for name in fresh_packages if name.startswith(("nvidia-", "cuda-", "triton"))] == []
