"""``python -m autograder COMMAND``: what authors and teachers do from a terminal."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from .course.manifest import ROOT, CourseError, find_lesson, load_course
from .isolation.sandbox import ISOLATIONS


def _build(arguments: argparse.Namespace) -> int:
    from .authoring.build import build

    chosen = tuple(find_lesson(text) for text in arguments.lesson) or load_course().lessons
    found = build(chosen, check=arguments.check, force=arguments.force)
    if not arguments.check:
        written = sum("written" in finding.note for finding in found)
        print(f"{len(chosen)} lesson{'s' * (len(chosen) != 1)} built, {written} file{'s' * (written != 1)} written")
        return 0
    if found:
        print("Out of step with the sources; run python -m autograder build, which says more", file=sys.stderr)
        return 1
    print(f"{len(chosen)} lesson{'s are' if len(chosen) != 1 else ' is'} in step with the sources")
    return 0


def _new(arguments: argparse.Namespace) -> int:
    from .authoring.new import make_new

    make_new(arguments.kind, arguments.lesson, arguments.name, arguments.probe)
    return 0


def _unfilled(arguments: argparse.Namespace) -> int:
    from .authoring.unfilled import unfilled

    found = [line for text in arguments.lesson for line in unfilled(find_lesson(text))]
    print("\n".join(found) or "nothing is left to fill in")
    return 1 if found else 0


def _add_new(commands: argparse._SubParsersAction) -> None:
    new = commands.add_parser("new", help="write the skeleton of a lesson or an exercise, and say what to fill in")
    kinds = new.add_subparsers(required=True, metavar="KIND", dest="kind")
    command = kinds.add_parser("lesson", help="a lesson behind the last one, with one exercise")
    command.add_argument("lesson", metavar="NN_name", help="its number and name, such as 10_mirror_faces")
    command.add_argument("name", nargs="?", help="of its exercise (default: the lesson's name)")
    command.add_argument("--probe", action="store_true", help="also a probe, which looks beside the student's code")
    command.set_defaults(run=_new)
    command = kinds.add_parser("exercise", help="an exercise at the end of a lesson")
    command.add_argument("lesson", metavar="NN", help="the lesson's number or name")
    command.add_argument("name", help="the function that the student writes")
    command.add_argument("--probe", action="store_true", help="also a probe, which looks beside the student's code")
    command.set_defaults(run=_new)


def _demo(arguments: argparse.Namespace) -> int:
    from .authoring.demo import OUT, run_demo

    shown = tuple(lesson for lesson in load_course().lessons if lesson.demo)
    chosen = tuple(find_lesson(text) for text in arguments.lesson) or shown
    run_demo(arguments.data, arguments.scale, arguments.out or OUT, chosen, arguments.force)
    return 0


def _grade(arguments: argparse.Namespace) -> int:
    from .classroom.run.batch import GradeRequest, grade_class, say

    request = GradeRequest(
        assignments=tuple(arguments.assignment),
        course=arguments.course,
        students=tuple(arguments.student),
        seed=arguments.seed,
        force=arguments.force,
        isolation=arguments.isolation,
        processes=arguments.processes,
    )
    if arguments.cluster is None:
        return grade_class(request)
    from .classroom.run.cluster import Cluster

    return grade_class(request, Cluster(arguments.cluster, say))


def _count(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from {least}")
        return int(text)

    return read


def _lessons(arguments: argparse.Namespace) -> int:
    from .authoring.readme_table import readme_table

    print(readme_table())
    return 0


def _overview(arguments: argparse.Namespace) -> int:
    from .classroom.overview.overview import run_overview

    return run_overview(arguments.course, arguments.out)


def _export_grades(arguments: argparse.Namespace) -> int:
    from .classroom.exports.grades import ExportRequest, export_grades

    request = ExportRequest(
        system=arguments.system,
        lessons=tuple(arguments.lesson),
        course=arguments.course,
        roster=arguments.roster,
        column=arguments.column,
        titles=tuple(arguments.title),
        out=arguments.out,
    )
    return export_grades(request)


def _export_gradescope(arguments: argparse.Namespace) -> int:
    from .classroom.exports.gradescope import export_gradescope

    return export_gradescope(arguments.lesson, arguments.isolation, arguments.extra_index_url, arguments.out)


def _export_github(arguments: argparse.Namespace) -> int:
    from .classroom.exports.github import export_github

    return export_github(arguments.lesson, arguments.repository, arguments.out)


def _add_export(commands: argparse._SubParsersAction) -> None:
    export = commands.add_parser("export", help="grades and graders for other systems")
    systems = export.add_subparsers(required=True, metavar="SYSTEM", dest="system")
    for system, name in (("canvas", "Canvas"), ("moodle", "Moodle")):
        command = systems.add_parser(system, help=f"grades as a CSV file that {name} imports")
        command.add_argument("lesson", nargs="*", help="numbers or names; all that were handed in without any")
        command.add_argument(
            "--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)"
        )
        command.add_argument("--roster", type=Path, metavar="FILE.csv", help="who students are (default: nbgrader's)")
        command.add_argument("--column", metavar="NAME", help="of the roster: holds the names of nbgrader's folders")
        command.add_argument(
            "--title", action="append", default=[], metavar="NN=TITLE", help="a lesson's column; repeatable"
        )
        command.add_argument("--out", type=Path, metavar="FILE", help=f"default: grading/{system}.csv")
        command.set_defaults(run=_export_grades)
    command = systems.add_parser("gradescope", help="the autograder zip of an assignment")
    command.add_argument("lesson", nargs="+", help="numbers or names of what the assignment asks for")
    command.add_argument("--isolation", choices=ISOLATIONS, default="auto", help="required: refuse to grade without")
    command.add_argument("--extra-index-url", metavar="URL", help="for pip, such as that of PyTorch's CPU builds")
    command.add_argument("--out", type=Path, metavar="FILE", help="default: build/gradescope.zip")
    command.set_defaults(run=_export_gradescope)
    command = systems.add_parser("github", help="a workflow for GitHub Classroom")
    command.add_argument("lesson", nargs="*", help="numbers or names; all of them without any")
    command.add_argument(
        "--repository", metavar="OWNER/NAME", help="where the course is (default: in what is handed in)"
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="write DIR/.github/workflows/grade.yml (default: print)"
    )
    command.set_defaults(run=_export_github)


def _watch(arguments: argparse.Namespace) -> int:
    from .isolation.sandbox import make_sandbox
    from .notebook_api.watch import run_watch

    chosen = tuple(find_lesson(text) for text in arguments.lesson)
    work = (arguments.work or ROOT / "lessons").resolve()
    if not work.is_dir():
        raise CourseError(f"--work {work} is no folder; expected one with <lesson>/<lesson>.ipynb in it")
    run_watch(chosen or load_course().lessons, work, make_sandbox(), secrets.randbits(48), prepare=bool(chosen))
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the parsed command line; each command carries the function that runs it as ``run``."""
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("build", help="regenerate every notebook from its source")
    command.add_argument("lesson", nargs="*", help="numbers or names; all of them without any")
    command.add_argument("--check", action="store_true", help="change nothing; fail where a notebook is out of step")
    command.add_argument("--force", action="store_true", help="overwrite notebooks edited by hand; a copy is kept")
    command.set_defaults(run=_build)
    _add_new(commands)
    command = commands.add_parser("unfilled", help="list what of a lesson's skeleton is still to be filled in")
    command.add_argument("lesson", nargs="+", help="numbers or names")
    command.set_defaults(run=_unfilled)
    command = commands.add_parser("demo", help="run the reference lessons and gather what they show")
    command.add_argument("--data", type=Path, metavar="DIR", help="in Kaggle's format (default: embedded faces)")
    scales = ("trial", "quick", "full")
    command.add_argument("--scale", choices=scales, default="quick", help="full is the sources' recipe")
    command.add_argument("--out", type=Path, metavar="DIR", help="where everything goes (default: build/demo)")
    command.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; repeatable")
    command.add_argument("--force", action="store_true", help="run lessons again that were run before")
    command.set_defaults(run=_demo)
    command = commands.add_parser("watch", help="grade a lesson again whenever its notebook is saved")
    command.add_argument("--lesson", action="append", default=[], metavar="NN", help="only this lesson; repeatable")
    command.add_argument(
        "--work", type=Path, metavar="DIR", help="folder with <lesson>/<lesson>.ipynb (default: lessons/)"
    )
    command.set_defaults(run=_watch)
    command = commands.add_parser("grade", help="grade what nbgrader collected, on all cores, into its gradebook")
    command.add_argument("assignment", nargs="*", help="numbers or names of lessons; all of them without any")
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.add_argument("--student", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    command.add_argument("--force", action="store_true", help="grade anew what did not change, too")
    command.add_argument("--seed", type=_count(0), metavar="N", help="draw the hidden inputs of an earlier run again")
    command.add_argument("--isolation", choices=ISOLATIONS, default="auto", help="required: refuse to grade without")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--processes", type=_count(1), metavar="N", help="default: one for each core")
    where.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler whose workers do the grading")
    command.set_defaults(run=_grade)
    command = commands.add_parser("overview", help="a class on one page, and the tables behind its figures")
    command.add_argument("--course", type=Path, metavar="DIR", help="with nbgrader_config.py (default: this folder)")
    command.add_argument("--out", type=Path, metavar="DIR", help="where it goes (default: grading/overview)")
    command.set_defaults(run=_overview)
    _add_export(commands)
    command = commands.add_parser("lessons", help="print the table of lessons that the README shows")
    command.set_defaults(run=_lessons)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0 fine, 1 found something, 2 a bad request, 130 interrupted."""
    arguments = parse(argv)
    # jsonschema, which every program that reads notebooks imports, builds a grammar of web addresses from this package
    # each time it starts: seconds, and nothing here needs it. Without it, jsonschema leaves such addresses unchecked.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how Python marks it as missing
    try:
        return arguments.run(arguments)
    except CourseError as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("autograder: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output, such as head, has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        print(f"autograder: {error.filename}: {error.strerror}; nothing more was done", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
