"""Train the network of the face demo, on drawn faces alone, and export it.

    python -m data_scripts.demo_network --out docs/site/demo/model.onnx

Lesson 10's network, half as wide, so that a page loads it in a moment; faces moved further than for a contest, for the
crop of a face in motion is never quite right. Weights and checkpoint lie in --work: run it again after an interruption
and it goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from data_scripts.export_onnx import export_trained
from data_scripts.files.errors import DataError
from data_scripts.files.generated import REPOSITORY
from data_scripts.folders import output_folder
from data_scripts.heatmaps.crew import INTERRUPTED, train_networks
from data_scripts.heatmaps.faces import Faces, read_faces
from data_scripts.heatmaps.run import Interrupted
from data_scripts.heatmaps.training import Recipe
from data_scripts.kaggle.folder import drawn_folder

RECIPE = Recipe(width=16, degrees=8.0, scale=0.09, shift=3.0, gamma=0.3)


def drawn_faces(folder: Path) -> Faces:
    """Read the course's drawn faces; whichever points are labelled, one program drew and labelled them all."""
    faces = read_faces(folder)
    return replace(faces, sources=np.zeros_like(faces.sources))


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.demo_network", description="Train the network of the face demo on drawn faces."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL.onnx", help="the exported network")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where it is trained (default: output/demo_network)")
    parser.add_argument("--faces", type=Path, metavar="FOLDER", help="drawn ones (default: data/synthetic)")
    parser.add_argument("--steps", type=int, default=2000, metavar="N", help="of 16 faces each (default: 2000)")
    parser.add_argument("--seed", type=int, default=17, metavar="S", help="of the training (default: 17)")
    arguments = parser.parse_args(argv)
    if arguments.steps < 10 or arguments.seed < 0:
        parser.error("expected --steps of 10 or more and --seed of 0 or more")
    try:
        work = arguments.work or output_folder("demo_network")
        faces = drawn_faces(arguments.faces or drawn_folder(REPOSITORY / "data" / "synthetic"))
        train_networks(faces, work, RECIPE, 1, arguments.seed, minutes=1.0, steps=arguments.steps)
        print(export_trained(work / "network_0.pt", arguments.out))
    except DataError as error:
        print(f"demo_network: {error}", file=sys.stderr)
        return 1
    except (Interrupted, KeyboardInterrupt):
        print("demo_network: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
