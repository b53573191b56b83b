"""The students' repository: it grades as the course does, no file of it spells an answer out, and work stays."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote

import pytest
from traitlets.config import PyFileConfigLoader

from autograder.authoring.handout import repository
from autograder.authoring.handout.files import Preset, handout_files
from autograder.authoring.handout.one_click import check_repository
from autograder.authoring.handout.seal import ARCHIVE, SEALED_ROOMS, TEACHERS_ROOMS, files_below
from autograder.authoring.handout.write import RECORD, Change, hand_out
from autograder.checks.catalogue import catalogue
from autograder.checks.edition import edition
from autograder.course.address import without_address
from autograder.course.manifest import ROOT, CourseError, find_lesson, load_course
from autograder.course.released import load_released, normalize, reference_path, released_cells, solution_code
from autograder.grading.submission import read_submission
from tests.classroom.course_folder import environment
from tests.notebooks import LESSON, reference_notebook, with_code

LESSONS = load_course().lessons
PRESET = Preset("faces-1", "/srv/exchange")
ON_GITHUB = Preset("faces-1", "/srv/exchange", "a-school/faces.2")
WORK = f"lessons/{LESSON}/{LESSON}.ipynb"
SHORTEST = 20  # signs of a line that tells something


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return handout_files(PRESET)


@pytest.fixture(scope="module")
def handout(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A students' repository that no test changes."""
    folder = tmp_path_factory.mktemp("handout") / "course"
    hand_out(folder, files, "1")
    return folder


@pytest.fixture
def own(files: dict[str, bytes], tmp_path: Path) -> Path:
    """A students' repository to work in."""
    hand_out(tmp_path / "course", files, "1")
    return tmp_path / "course"


def run(folder: Path, *command: str, status: int | None = 0) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=300
    )
    said = done.stdout + done.stderr
    assert status is None or done.returncode == status, said[-3000:]
    assert "Traceback" not in said, said[-3000:]
    return said


def plain(text: str) -> str:
    """Return a text with single spaces, so that no line break or indent hides a line."""
    return re.sub(r"\s+", " ", text)


def telling_lines() -> dict[str, str]:
    """Return the lines of code of all references that no released notebook holds, and whose they are."""
    shown = plain("\n".join(cell["text"] for lesson in LESSONS for cell in released_cells(lesson)))
    found = {}
    for lesson in LESSONS:
        for line in solution_code(lesson).splitlines():
            code = plain(line.split("  # ")[0]).strip()
            says = re.search(r"[=(\[]", code) and not code.startswith(("#", "import ", "from ", "def ", "class "))
            if says and len(code) >= SHORTEST and code not in shown:
                found[code] = lesson.id
    return found


def test_no_file_holds_a_line_of_a_reference(handout: Path) -> None:
    telling = telling_lines()
    assert {*telling.values()} == {lesson.id for lesson in LESSONS}
    assert len(telling) > 300
    for path in sorted(path for path in handout.rglob("*") if path.is_file()):
        # As a program that searches reads it, and as JSON keeps it.
        text = plain(path.read_bytes().decode("utf-8", errors="ignore").replace('\\"', '"').replace("\\n", "\n"))
        assert not [line for line in telling if line in text], path


def test_the_same_lines_are_found_where_they_stand() -> None:
    """What the test above looks for is there, in the course's own files."""
    mistakes = plain((ROOT / "autograder" / "checks" / "lesson_03" / "mistakes.yaml").read_text(encoding="utf-8"))
    assert [line for line in telling_lines() if line in mistakes]


def test_solutions_tests_and_the_teachers_rooms_stay_at_home(files: dict[str, bytes]) -> None:
    rooms = ("solutions", "tests", "docs", *TEACHERS_ROOMS, *SEALED_ROOMS)
    assert not [place for place in files for room in rooms if place == room or place.startswith(f"{room}/")]
    assert {f"lessons/{lesson.id}/{lesson.id}.ipynb" for lesson in load_course().notebooks} <= files.keys()


def test_rooms_that_are_sealed_or_left_out_exist_and_the_wheel_leaves_them_out() -> None:
    for room in (*SEALED_ROOMS, *TEACHERS_ROOMS):
        assert (ROOT / room).exists(), room
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    excluded = project["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]
    assert sorted(excluded) == sorted(f"/{room}" for room in (*SEALED_ROOMS, *TEACHERS_ROOMS))


def test_editions_and_mistakes_are_those_of_the_course(handout: Path) -> None:
    """A mark of one is a mark of the other: the same digests of what decides it."""
    ask = (
        "import json; from autograder.checks.catalogue import catalogue; from autograder.checks.edition import edition;"
        "from autograder.course.manifest import load_course; print(json.dumps([(each.key, edition(lesson, each), "
        "len(catalogue(lesson)[each.name])) for lesson in load_course().lessons for each in lesson.exercises]))"
    )
    here = [
        [each.key, edition(lesson, each), len(catalogue(lesson)[each.name])]
        for lesson in LESSONS
        for each in lesson.exercises
    ]
    assert json.loads(run(handout, "-c", ask)) == here


def test_references_pass_stubs_do_not_and_mistakes_are_named(handout: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong" / LESSON / f"{LESSON}.ipynb"
    wrong.parent.mkdir(parents=True)
    mistake = catalogue(find_lesson(LESSON))["split_rows"][0]
    [node] = [each for each in ast.parse(mistake.code).body[::-1] if getattr(each, "name", "") == "split_rows"][:1]
    wrong.write_text(json.dumps(with_code("split_rows", ast.unparse(node))), encoding="utf-8")
    assert "40 of 40 points" in run(handout, "-m", "autograder", "check", "01", "--work", str(ROOT / "solutions"))
    assert "0 of 40 points" in run(handout, "-m", "autograder", "check", "01", status=1)
    said = run(handout, "-m", "autograder", "check", "01", "--work", str(wrong.parent.parent), status=1)
    assert plain(mistake.hint)[:40] in plain(said)


@pytest.mark.long
@pytest.mark.slow
def test_every_reference_passes_in_full(handout: Path) -> None:
    said = run(handout, "-m", "pytest", "autograder", "--work", str(ROOT / "solutions"))
    points = sum(lesson.points for lesson in LESSONS)
    assert f"{points:g} of {points:g} points" in said


def test_earlier_lends_the_reference_and_says_so(handout: Path) -> None:
    code = (
        "import os, autograder; os.chdir('lessons/05_resnet_training'); print(autograder.earlier('03').ResidualBlock)"
    )
    said = run(handout, "-c", code)
    assert "the reference solution is used here instead" in said
    assert "ResidualBlock" in said.splitlines()[-1]


def test_what_a_student_asks_for_is_there(handout: Path) -> None:
    assert "hint 1 of 3" in run(handout, "-m", "autograder", "hint", "03.1")
    assert "01.1" in run(handout, "-m", "autograder", "next")
    helped = run(handout, "-m", "autograder", "--help")
    assert "watch" in helped
    assert "overview" not in helped
    assert "invalid choice: 'build'" in run(handout, "-m", "autograder", "build", status=2)
    # A room that lies in the archive is run as one in a folder is.
    assert "usage" in run(handout, "-m", "data_scripts.train_heatmaps", "--help")


def test_nbgrader_of_a_student_is_preset(handout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_EXCHANGE", raising=False)
    config = PyFileConfigLoader("nbgrader_config.py", path=str(handout)).load_config()
    assert (config.CourseDirectory.course_id, config.Exchange.root) == ("faces-1", "/srv/exchange")
    monkeypatch.setenv("COURSE_EXCHANGE", "/srv/other")
    assert PyFileConfigLoader("nbgrader_config.py", path=str(handout)).load_config().Exchange.root == "/srv/other"


def test_no_mark_of_a_template_is_left(files: dict[str, bytes]) -> None:
    for place in ("README.md", "nbgrader_config.py"):
        assert not re.findall(rb"@[A-Z-]+@", files[place])


@pytest.mark.parametrize("folder", ["handout", "course"])
def test_assignment_list_finds_the_settings_where_make_lab_looks(folder: str, handout: Path) -> None:
    """It reads the folder that the server shows: its link leads to the notebook if that is where work is fetched to."""
    root = handout if folder == "handout" else ROOT
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root / "lessons")).load_config()
    assert config.CourseDirectory.course_id == ("faces-1" if folder == "handout" else "facial-keypoints")
    assert Path(config.Exchange.assignment_dir) == root / "lessons"
    assert re.search(r"jupyterlab --notebook-dir lessons", (root / "setup.mk").read_text(encoding="utf-8"))


def test_make_lists_the_targets_of_a_student(handout: Path) -> None:
    done = subprocess.run(["make"], cwd=handout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^make ([\w-]+)", done.stdout, re.MULTILINE) == ["lab", "grade", "setup", "clean"]


def places(changes: list[Change]) -> dict[str, str]:
    return {change.place: change.what for change in changes}


def test_handed_out_again_nothing_changes(own: Path, files: dict[str, bytes]) -> None:
    record = (own / RECORD).read_bytes()
    assert hand_out(own, files, "1") == []
    assert (own / RECORD).read_bytes() == record


def test_lessons_that_nobody_touched_are_updated_and_work_stays(own: Path, files: dict[str, bytes]) -> None:
    untouched = "lessons/02_nan_masking/02_nan_masking.ipynb"
    gone = "lessons/03_residual_block/03_residual_block.ipynb"
    (own / WORK).write_bytes(b"my work")
    (own / gone).unlink()
    (own / "Makefile").write_bytes(b"mine")
    (own / "notes.txt").write_bytes(b"mine, too")
    later = files | {place: files[place] + b"\n" for place in (WORK, untouched, "Makefile")}
    dropped = "data_scripts/reader_bench.py"
    del later[dropped]
    changes = hand_out(own, later, "2")
    assert places(changes) == {
        WORK: "kept", untouched: "updated", gone: "written", "Makefile": "replaced", dropped: "removed",
    }  # fmt: skip
    assert (own / WORK).read_bytes() == b"my work"
    assert (own / "updates" / WORK).read_bytes() == later[WORK]
    assert (own / untouched).read_bytes() == later[untouched]
    assert (own / "Makefile").read_bytes() == later["Makefile"]
    assert (own / "updates" / "Makefile").read_bytes() == b"mine"
    assert (own / "notes.txt").read_bytes() == b"mine, too"
    assert not (own / dropped).exists()
    assert hand_out(own, later, "2") == []


def test_work_on_a_lesson_that_did_not_change_is_not_spoken_of(own: Path, files: dict[str, bytes]) -> None:
    (own / WORK).write_bytes(b"my work")
    assert hand_out(own, files, "2") == []
    assert not (own / "updates").exists()


def test_interrupted_it_goes_on(own: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder.authoring.handout import write

    later = {place: content + b"\n" for place, content in files.items()}
    put, done = write._put, []

    def stops(path: Path, content: bytes) -> None:
        if len(done) == 20:
            raise KeyboardInterrupt
        done.append(path)
        put(path, content)

    (own / WORK).write_bytes(b"my work")
    with monkeypatch.context() as patch:
        patch.setattr(write, "_put", stops)
        with pytest.raises(KeyboardInterrupt):
            hand_out(own, later, "2")
    changes = places(hand_out(own, later, "2"))
    assert changes.pop(WORK, "kept") == "kept"
    assert {*changes.values()} == {"updated"}
    assert (own / WORK).read_bytes() == b"my work"
    assert all((own / place).read_bytes() == later[place] for place in later if place != WORK)


@pytest.mark.parametrize("where", ["inside", "around", "other", "file", "damaged", "blocked"])
def test_a_folder_that_will_not_do(where: str, tmp_path: Path, files: dict[str, bytes]) -> None:
    targets = {"inside": ROOT / "build" / "students", "around": ROOT.parent}
    target = targets.get(where, tmp_path / "target")
    expected = {
        "inside": "course's own folder",
        "around": "course's own folder",
        "other": "no students' repository",
        "file": "is a file",
        "damaged": "is damaged",
        "blocked": "is a folder",
    }
    if where == "file":
        target.write_text("x", encoding="utf-8")
    elif where == "other":
        target.mkdir()
        (target / "thesis.txt").write_text("x", encoding="utf-8")
    elif where == "damaged":
        target.mkdir()
        (target / RECORD).write_text("[]", encoding="utf-8")
    elif where == "blocked":
        (target / "Makefile").mkdir(parents=True)
        (target / RECORD).write_text('{"version": "1", "files": {}}', encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CourseError, match=expected[where]):
        hand_out(target, files, "1")
    assert where == "blocked" or sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("place", ["README.md", "autograder/report", "updates", RECORD])
def test_no_link_is_followed(place: str, own: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "README.md").parent.mkdir()
    (outside / "README.md").write_text("a teacher's own", encoding="utf-8")
    path = own / place
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(outside / "README.md" if "." in place else outside)
    with pytest.raises(CourseError, match="is a link"):
        hand_out(own, files, "2")
    assert [each.name for each in outside.iterdir()] == ["README.md"]


@pytest.mark.parametrize("place", ["../precious.txt", "/etc/hosts", "a\0b", "a\ud800", "C:/x", "a\\..\\b", "a//b"])
def test_a_record_of_files_elsewhere_is_refused(place: str, own: Path, files: dict[str, bytes], tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("x", encoding="utf-8")
    digest = hashlib.sha256(b"x").hexdigest()
    (own / RECORD).write_text(json.dumps({"version": "1", "files": {place: digest}}), encoding="utf-8")
    with pytest.raises(CourseError, match="is damaged"):
        hand_out(own, files, "2")
    assert precious.exists()


def test_a_teachers_own_work_in_lessons_is_not_handed_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from autograder.authoring import generated
    from autograder.authoring.handout import files as listing

    for name in ("lessons", "solutions"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for module in (listing, generated):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    shutil.copy(reference_path(find_lesson(LESSON)), tmp_path / WORK)
    with pytest.raises(CourseError, match="not as it was built"):
        list(listing._lesson_files(find_lesson(LESSON)))
    quick = tmp_path / "lessons" / "05_resnet_training" / "quick.yaml"
    quick.write_text("epochs: 1\n", encoding="utf-8")
    with pytest.raises(CourseError, match="quick.yaml is not what"):
        list(listing._lesson_files(find_lesson("05")))


def setup_cell(notebook: bytes) -> str | None:
    cells = json.loads(notebook)["cells"]
    found = ["".join(cell["source"]) for cell in cells if "setup" in cell["metadata"].get("tags", [])]
    return found[0] if found else None


def test_on_github_every_lesson_opens_with_a_click_and_installs_the_course(files: dict[str, bytes]) -> None:
    there = handout_files(ON_GITHUB)
    readme = there["README.md"].decode()
    assert "https://codespaces.new/a-school/faces.2)" in readme
    for lesson in load_course().notebooks:
        place = f"lessons/{lesson.id}/{lesson.id}.ipynb"
        assert f"https://colab.research.google.com/github/a-school/faces.2/blob/main/{place})" in readme
        assert f"https://mybinder.org/v2/gh/a-school/faces.2/main?labpath={quote(place, safe='')})" in readme
        cell, built = setup_cell(there[place]), setup_cell(files[place])
        assert (cell is None) == (built is None)
        if cell is not None and built is not None:
            ast.parse(cell)
            assert cell.count("git+https://github.com/a-school/faces.2") == 2
            assert "ADDRESS" not in cell
            assert without_address(cell) == built
    differ = {place for place in files if files[place] != there[place]}
    assert {place for place in differ if not place.startswith("lessons/")} == {"README.md"}
    assert there.keys() == files.keys()


def test_a_notebook_of_a_repository_on_github_is_graded_as_any_other() -> None:
    lesson, there = find_lesson(LESSON), handout_files(ON_GITHUB)[WORK]
    assert normalize(setup_cell(there) or "") in load_released(lesson).given
    plain = read_submission((ROOT / WORK).read_bytes(), lesson)
    handed = read_submission(there, lesson)
    assert (handed.cells, handed.notes) == (plain.cells, plain.notes)


def test_without_an_address_there_are_no_links(files: dict[str, bytes]) -> None:
    readme = files["README.md"].decode()
    assert "colab" not in readme.lower()
    assert "ONE-CLICK" not in readme
    assert "Reopen in Container" in readme


def test_container_and_binder_are_the_courses_own(files: dict[str, bytes]) -> None:
    for folder in (".devcontainer", ".binder"):
        for path in (ROOT / folder).iterdir():
            assert files[path.relative_to(ROOT).as_posix()] == path.read_bytes()
    container = json.loads(files[".devcontainer/devcontainer.json"])
    assert {*container["customizations"]["codespaces"]["openFiles"]} <= files.keys()


@pytest.mark.parametrize("name", ["faces", "a/b/c", "https://github.com/a/b", "a school/faces", ""])
def test_what_is_no_repository_is_refused(name: str) -> None:
    with pytest.raises(CourseError, match="expected OWNER/NAME"):
        check_repository(name)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/a-school/faces.2", "a-school/faces.2"),
        ("https://x:secret@github.com/a-school/faces.2.git", "a-school/faces.2"),
        ("git@github.com:a-school/faces.2.git", "a-school/faces.2"),
        ("/srv/git/faces.git", None),
        (None, None),
    ],
)
def test_the_address_is_that_of_the_repositorys_origin(url: str | None, name: str | None, tmp_path: Path) -> None:
    assert repository.origin(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    if url is not None:
        git(tmp_path, "remote", "add", "origin", url)
    assert repository.origin(tmp_path) == name


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that git commits by, whatever the machine's own settings are."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "T")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "t@example.org")


def test_git_commits_what_is_handed_out_and_nothing_else(own: Path, files: dict[str, bytes], author: None) -> None:
    (own / "notes.txt").write_text("mine", encoding="utf-8")
    assert repository.commit(own, files, "1").startswith("committed as")
    listed = set(git(own, "ls-files").splitlines())
    assert listed == {*files, RECORD}
    assert repository.commit(own, files, "1").startswith("nothing to commit")
    assert not git(own, "status", "--porcelain", "--untracked-files=no")


def test_git_is_told_of_no_file_that_it_never_knew(own: Path, files: dict[str, bytes], author: None) -> None:
    """Handed out without git, then brought up to date with it, a file of the course gone in between."""
    gone = "data_scripts/reader_bench.py"
    later = {place: content for place, content in files.items() if place != gone}
    removed = [change.place for change in hand_out(own, later, "2")]
    assert removed == [gone]
    assert repository.commit(own, [*later, *removed], "2").startswith("committed as")
    assert set(git(own, "ls-files").splitlines()) == {*later, RECORD}


def test_git_without_a_name_says_so(own: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name, value in (("COUNT", "1"), ("KEY_0", "user.useConfigOnly"), ("VALUE_0", "true")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    with pytest.raises(CourseError, match=r"git config --global user\.name"):
        repository.commit(own, files, "1")


@pytest.mark.slow
def test_a_clone_is_solved_and_handed_in(own: Path, files: dict[str, bytes], author: None, tmp_path: Path) -> None:
    repository.commit(own, files, "1")
    mine, exchange = tmp_path / "mine", tmp_path / "exchange"
    git(tmp_path, "clone", "--quiet", str(own), str(mine))
    exchange.mkdir()
    exchange.chmod(0o777)
    (mine / WORK).write_text(json.dumps(reference_notebook()), encoding="utf-8")
    assert "40 of 40 points" in run(mine, "-m", "autograder", "check", "01")
    inbound = exchange / PRESET.course_id / "inbound"
    inbound.mkdir(parents=True)
    released = exchange / PRESET.course_id / "outbound" / LESSON
    shutil.copytree(own / "lessons" / LESSON, released)
    settings = ["-m", "nbgrader", "submit", LESSON, f"--Exchange.root={exchange}"]
    run(mine, *settings)
    [handed] = list(inbound.iterdir())
    assert (handed / f"{LESSON}.ipynb").read_bytes() == (mine / WORK).read_bytes()
    # The exchange and the grader's own files are no change that git would ask about, the work is.
    assert git(mine, "status", "--porcelain").split() == ["M", WORK]


def test_the_archive_is_the_same_each_time(files: dict[str, bytes]) -> None:
    assert handout_files(PRESET)[ARCHIVE] == files[ARCHIVE]
    assert files_below(ROOT, SEALED_ROOMS[0])


def test_handed_out_again_the_settings_stay(tmp_path: Path) -> None:
    folder = tmp_path / "course"
    handout = ("-m", "autograder", "handout", str(folder))
    said = run(ROOT, *handout, "--course-id", "faces-7", "--exchange", "/srv/seven", "--repository", "a-school/seven")
    assert "its nbgrader is set to the course faces-7 and the exchange /srv/seven" in said
    assert "nothing changed" in run(ROOT, *handout)
    assert "exchange /srv/eight" in run(ROOT, *handout, "--exchange", "/srv/eight")
    config = (folder / "nbgrader_config.py").read_text(encoding="utf-8")
    assert "/srv/eight" in config
    assert "faces-7" in config


def test_the_course_and_its_hand_outs_share_an_exchange(tmp_path: Path) -> None:
    said = run(ROOT, "-m", "autograder", "handout", str(tmp_path / "course"))
    assert f"the course facial-keypoints and the exchange {ROOT / 'exchange'}" in said
    assert "the course itself releases" not in said
    said = run(ROOT, "-m", "autograder", "handout", str(tmp_path / "course"), "--exchange", "/srv/other")
    assert f"the course itself releases to facial-keypoints in {ROOT / 'exchange'}" in said


def test_work_in_a_hand_out_is_not_committed(own: Path, files: dict[str, bytes], author: None) -> None:
    repository.commit(own, files, "1")
    (own / WORK).write_bytes(b"my answers")
    (own / "notes.txt").write_bytes(b"mine")
    subprocess.run(["git", "add", "notes.txt"], cwd=own, check=True)
    later = files | {"Makefile": files["Makefile"] + b"\n"}
    hand_out(own, later, "2")
    assert repository.worked_on(own, later) == [WORK]
    said = repository.commit(own, [place for place in later if place != WORK], "2")
    assert said.startswith("committed as ")
    names = subprocess.run(["git", "show", "--name-only", "--format="], cwd=own, capture_output=True, text=True).stdout
    assert names.split() == [RECORD, "Makefile"]
    assert repository.commit(own, [place for place in later if place != WORK], "2").startswith("nothing to commit")
