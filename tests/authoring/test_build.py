"""What a build refuses, what it names, and that it never loses what somebody wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from nbgrader.apps.api import NbGraderAPI

from autograder.__main__ import main
from autograder.authoring import build as building
from autograder.authoring import generated, readme_table, unfilled
from autograder.authoring.build import build
from autograder.authoring.numbering import fill_in_numbers
from autograder.checks import catalogue
from autograder.course.manifest import Course, CourseError, find_lesson
from tests.notebooks import LESSON

lesson = find_lesson(LESSON)


def into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let lesson 01 be built into a folder; grading it is another test's."""
    monkeypatch.setattr(building, "SOLUTIONS", folder / "solutions")
    monkeypatch.setattr(building, "LESSONS", folder / "lessons")
    monkeypatch.setattr(building, "COPIES", folder / "copies")
    monkeypatch.setattr(building, "released_path", lambda lesson: folder / "copies" / f"{lesson.id}.json")
    monkeypatch.setattr(building, "prove", lambda lesson: None)
    monkeypatch.setattr(generated, "KEPT", folder / "kept")
    return folder


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that nothing was built into."""
    return into(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = into(tmp_path_factory.mktemp("built"), monkeypatch)
        assert {finding.note for finding in build((lesson,), say=lambda _: None)} == {"written"}
    return folder


@pytest.fixture
def built(course: Path, first_build: Path) -> Path:
    """A folder after a build."""
    return shutil.copytree(first_build, course, dirs_exist_ok=True)


def notebook(course: Path, folder: str) -> Path:
    return course / folder / LESSON / f"{LESSON}.ipynb"


def content(course: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in course.rglob("*") if path.is_file()}


def test_a_build_on_top_of_a_build_changes_nothing(built: Path) -> None:
    before = content(built)
    assert build((lesson,)) == []
    assert content(built) == before


@pytest.mark.parametrize("folder", ["solutions", "lessons"])
def test_a_notebook_that_somebody_edited_is_kept(built: Path, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = notebook(built, folder)
    path.write_text(path.read_text(encoding="utf-8").replace("float32", "float64"), encoding="utf-8")
    before = content(built)
    assert main(["build", "01"]) == 2
    said = capsys.readouterr().err
    assert f"{path}: edited since it was generated" in said
    assert "build --force" in said
    assert content(built) == before
    assert [str(finding) for finding in build((lesson,), check=True)] == [f"{path}: edited by hand"]
    said_of: list[str] = []
    assert [finding.path for finding in build((lesson,), force=True, say=said_of.append)] == [path]
    (copy,) = (built / "kept").rglob("*.ipynb")
    assert copy.read_bytes() == before[path]
    assert f"{copy}: kept, as it was edited by hand" in said_of
    assert build((lesson,), check=True) == []


def test_what_was_generated_from_an_older_source_is_overwritten(built: Path) -> None:
    path, released = notebook(built, "lessons"), built / "copies" / f"{LESSON}.json"
    older = path.read_bytes().replace(b"float32", b"float64")
    path.write_bytes(older)
    copy = json.loads(released.read_text(encoding="utf-8"))
    copy["generated"] |= generated.digests({path: older})
    released.write_text(json.dumps(copy), encoding="utf-8")
    assert {finding.path for finding in build((lesson,))} == {path, released}
    assert not (built / "kept").exists()


def test_line_ends_of_another_system_are_no_edit(built: Path) -> None:
    path = notebook(built, "solutions")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert [finding.path for finding in build((lesson,))] == [path]


def test_a_mistake_that_no_longer_fits_the_reference_is_refused(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    room = built / "lesson_01"
    room.mkdir()
    (room / "mistakes.yaml").write_text(
        "scale_pixels:\n"
        "  renamed: {hint: a, change: [no such text, x]}\n"
        "  broken: {hint: a, change: [return, return return]}\n"
        "  fine: {hint: a, change: ['255', '256']}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(catalogue, "FOLDER", built)
    assert main(["build", "01"]) == 2
    said = capsys.readouterr().err
    assert f"{room / 'mistakes.yaml'}: misconception scale_pixels/renamed: " in said
    assert "the reference does not hold 'no such text'" in said
    assert "misconception scale_pixels/broken: what it makes of the reference is no Python" in said
    assert "fine" not in said
    assert main(["build", "--check", "01"]) == 2


def interrupted_by_the_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    def prove(lesson: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "prove", prove)


def interrupted_in_nbgrader(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"success": False, "log": "", "error": "Traceback …\nKeyboardInterrupt\n"}
    monkeypatch.setattr(NbGraderAPI, "generate_assignment", lambda *_: answer)


@pytest.mark.parametrize("interrupt", [interrupted_by_the_grader, interrupted_in_nbgrader])
def test_ctrl_c_ends_in_a_line_and_leaves_every_file_as_it_was(
    course: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    interrupt: Callable[[pytest.MonkeyPatch], None],
) -> None:
    interrupt(monkeypatch)
    assert main(["build", "01"]) == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("autograder: interrupted")
    assert content(course) == {}


def test_a_folder_that_cannot_be_written_ends_in_a_line(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, content: bytes) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert main(["build", "01"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"autograder: {notebook(course, 'solutions')}: Permission denied; nothing more was done"


def test_folders_of_lessons_that_are_not_listed_are_named(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "load_course", lambda: Course("A course", "1.0.0", (lesson,)))
    assert build((lesson,), check=True) == []
    for folder in ("solutions", "lessons"):
        (built / folder / "77_forgotten").mkdir()
    found = [str(finding) for finding in build((lesson,), check=True)]
    assert found == [
        f"{built / folder / '77_forgotten'}: course.yaml lists no such lesson; list it there, or remove the folder"
        for folder in ("lessons", "solutions")
    ]


def test_the_readme_gets_its_table(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = course / "README.md"
    monkeypatch.setattr(readme_table, "README", readme)
    monkeypatch.setattr(building, "README", readme)
    readme.write_text(f"Before.\n{readme_table.BEGIN}old\n{readme_table.END}\nAfter.\n", encoding="utf-8")
    assert "table of lessons out of step" in [finding.note for finding in build((lesson,), check=True)]
    assert "old" in readme.read_text(encoding="utf-8")
    build((lesson,))
    text = readme.read_text(encoding="utf-8")
    assert text == f"Before.\n{readme_table.BEGIN}{readme_table.readme_table()}\n{readme_table.END}\nAfter.\n"
    readme.write_text("Nothing here.\n", encoding="utf-8")
    with pytest.raises(CourseError, match=r"README\.md: expected the table of lessons between"):
        build((lesson,))


def test_what_is_not_filled_in_does_not_go_out(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfilled, "ROOT", course)
    source = course / "solutions" / LESSON / f"{LESSON}.py"
    source.parent.mkdir(parents=True)
    source.write_text("# FILL IN this\n\n# FILL IN that\n", encoding="utf-8")
    with pytest.raises(CourseError, match=rf"is not filled in: {source}, line 1: # FILL IN this and 1 more; list them"):
        build((lesson,))
    assert unfilled.unfilled(lesson) == [f"{source}, line 1: # FILL IN this", f"{source}, line 3: # FILL IN that"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## Exercise 2: scale", "'Exercise 2' is numbered by hand"),
        ("as in exercise 01.2 above", "'exercise 01.2' is numbered by hand"),
        ("|---|\n| 01.2 `scale_pixels` |", "'01.2' is numbered by hand"),
        ("## Exercise {{scale_pixel}}", "{{scale_pixel}} is no exercise of course.yaml"),
    ],
)
def test_numbers_by_hand_and_unknown_marks_are_refused(text: str, said: str) -> None:
    with pytest.raises(CourseError) as caught:
        fill_in_numbers(lesson, text)
    assert said in str(caught.value)


def test_marks_are_filled_in_from_the_manifest() -> None:
    text = "# {{lesson}}\n{{minutes}} minutes, {{scale_pixels}}, {{ResidualBlock}}; 66.03 px, {x}, | 02.1 |"
    filled = f"# 01 · {lesson.title}\n{lesson.minutes} minutes, 01.2, 03.1; 66.03 px, {{x}}, | 02.1 |"
    assert fill_in_numbers(lesson, text) == filled
