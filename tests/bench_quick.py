"""What the training of lessons 04 and 05 at quick scale ends with, seed after seed, on faces never trained on.

    python -m tests.bench_quick --lesson 05 --seeds 5

runs the reference notebook up to its training, with the seed of quick.yaml replaced, and prints the seconds of the
training and the RMSE of Kaggle's look-up table on the drawn test faces. Nothing is chosen by these figures.
`--replace OLD NEW` changes the notebook's text first, such as the slope of lesson 04.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from autograder.course.manifest import ROOT, Lesson, find_lesson
from tests.notebooks import reference_notebook

TRAINED = "\nruns = "  # the cell with this line trains the lesson's network


def cells_to_the_training(lesson: Lesson) -> list[str]:
    """Return the code of the reference notebook, its checks left out, up to the training."""
    cells = ["".join(cell["source"]) for cell in reference_notebook(lesson.id)["cells"] if cell["cell_type"] == "code"]
    last = next(place for place, code in enumerate(cells) if TRAINED in f"\n{code}")
    return [code for code in cells[: last + 1] if not code.startswith("autograder.check")]


def train(lesson: Lesson, seed: int, changes: list[list[str]]) -> None:
    """Train in this process with this seed, and print what came of it."""
    import matplotlib as mpl

    mpl.use("Agg")
    from data_scripts import folders
    from data_scripts.kaggle_csv import read_lookup, read_test, read_training

    settings = yaml.safe_load((ROOT / "solutions" / lesson.id / "quick.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "quick.yaml").write_text(yaml.safe_dump(settings | {"seed": seed}), encoding="utf-8")
        folders.lesson_folder = lambda _: Path(place)
        folders.output_folder = lambda _: Path(place)
        names: dict = {"__name__": "__main__"}
        for code in cells_to_the_training(lesson):
            for old, new in changes:
                code = code.replace(old, new)
            exec(compile(code, lesson.id, "exec"), names)
        import pandas as pd

        import autograder

        scoring, data = autograder.earlier("06_kaggle_submission"), folders.data_folder()
        keypoints = scoring.predict_keypoints(names["model"], read_test(data / "test.csv").images)
        lookup, truth = read_lookup(data / "IdLookupTable.csv"), pd.read_csv(data / "truth.csv")
        submission = scoring.make_submission(keypoints, read_training(data / "training.csv").names, lookup)
        rmse = scoring.score_submission(submission, truth)
    print(
        f"\nRESULT lesson {lesson.number}, seed {seed}: {names['seconds']:.0f} s of training, test RMSE {rmse:.2f} px"
    )


def main() -> None:
    """Train with each seed in a process of its own, so that none inherits what another left."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_quick", description=__doc__)
    parser.add_argument("--lesson", default="05", choices=("04", "05"))
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to this number, without it")
    parser.add_argument("--replace", nargs=2, action="append", default=[], metavar=("OLD", "NEW"))
    parser.add_argument("--seed", type=int, help="this one alone, in this process")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        train(find_lesson(arguments.lesson), arguments.seed, arguments.replace)
        return
    for seed in range(arguments.seeds):
        changes = [word for change in arguments.replace for word in ("--replace", *change)]
        command = [
            sys.executable,
            "-m",
            "tests.bench_quick",
            "--lesson",
            arguments.lesson,
            "--seed",
            str(seed),
            *changes,
        ]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"COURSE_SCALE": "quick"}, capture_output=True, text=True
        )
        results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        print(results[0].removeprefix("RESULT ") if results else done.stderr[-1500:], flush=True)


if __name__ == "__main__":
    main()
