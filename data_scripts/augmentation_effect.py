"""Measure what each augmentation of lesson 08 is worth: the same training without and with it, several times over.

    python -m data_scripts.augmentation_effect --root imm_face_db

Without --root the drawn faces are used. Each finished training is kept in the file of --out, and not repeated: a
command that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import autograder
from data_scripts.imm_faces import ImmFaces, load_imm
from data_scripts.keypoint_training import errors_of, train_keypoints

SIZE = (120, 160)
# What AugmentedFaces is told in each setting.
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {"max_shift": 0},
    "shift": {"max_shift": 10},
    "shift, rotation": {"max_shift": 10, "max_degrees": 15.0},
    "shift, jitter": {"max_shift": 10, "max_jitter": 0.2},
}


def split(faces: ImmFaces, n_val: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers to train and to validate on: all pictures of the last ``n_val`` persons validate."""
    last = np.isin(faces.persons, np.unique(faces.persons)[-n_val:])
    return np.flatnonzero(~last), np.flatnonzero(last)


def train_once(faces: ImmFaces, setting: str, seed: int, args: argparse.Namespace) -> dict[str, list[float]]:
    """Train lesson 08's network once; return its history."""
    lesson = autograder.earlier("08_full_keypoints")
    train, val = split(faces, args.n_val)
    generator = torch.Generator().manual_seed(seed + 1)
    train_set = lesson.AugmentedFaces(
        faces.images[train], faces.keypoints[train], **SETTINGS[setting], generator=generator
    )
    torch.manual_seed(seed)
    return train_keypoints(
        lesson.FaceKeypointNet(),
        train_set,
        faces.images[val],
        faces.keypoints[val],
        epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        seed=seed,
        title=f"{setting}, seed {seed}",
    )


def _save(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def _kept(path: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    """Return the runs that the file holds, none where there is no file. ValueError where they are of another recipe."""
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["recipe"] != recipe:
        raise ValueError(f"{path} holds runs of {content['recipe']}, asked for {recipe}: name another file with --out")
    return content["runs"]


def summary(runs: dict[str, dict[str, list[float]]], constant: tuple[float, float]) -> str:
    """Return a table: MSE and distance after the last epoch, mean of the runs and, in brackets, lowest to highest."""
    lines = [f"{'':<18}{'MSE':>10}{'pixels':>9}  runs", f"{'mean shape':<18}{constant[0]:>10.6f}{constant[1]:>9.2f}"]
    for setting in SETTINGS:
        found = [run for name, run in runs.items() if name.rpartition(" / ")[0] == setting]
        if found:
            mse = np.array([run["val_mse"][-1] for run in found])
            pixels = np.array([run["val_pixels"][-1] for run in found])
            spread = f"({pixels.min():.2f} to {pixels.max():.2f} pixels)" if len(found) > 1 else ""
            lines.append(f"{setting:<18}{mse.mean():>10.6f}{pixels.mean():>9.2f}  {len(found)} {spread}".rstrip())
    return "\n".join(lines)


def _count(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from {least}")
        return int(text)

    return read


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(description="What each augmentation of lesson 08 is worth, measured.")
    parser.add_argument("--root", type=Path, metavar="DIR", help="the IMM face database (default: drawn faces)")
    parser.add_argument("--epochs", type=_count(1), default=30, help="of each training (default 30)")
    parser.add_argument("--seeds", type=_count(1), default=3, help="trainings of each setting (default 3)")
    parser.add_argument("--batch-size", type=_count(1), default=2, help="pictures a step (default 2)")
    parser.add_argument("--lr", type=float, default=3e-4, help="of Adam (default 3e-4)")
    parser.add_argument("--n-val", type=_count(1), default=8, help="persons to validate on (default 8)")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="default: output/augmentation_effect.json")
    args = parser.parse_args(argv)
    out = args.out or Path(__file__).resolve().parents[1] / "output" / "augmentation_effect.json"
    # The name of the folder, not where it lies: results may be shown to others.
    data = args.root.resolve().name if args.root else "drawn faces"
    recipe = {"data": data, "epochs": args.epochs, "batch_size": args.batch_size, "lr": args.lr, "n_val": args.n_val}
    try:
        runs = _kept(out, recipe)
        faces = load_imm(args.root, SIZE)
        train, val = split(faces, args.n_val)
        mean_shape = errors_of(faces.keypoints[train].mean(axis=0), faces.keypoints[val], SIZE)
        print(f"{data}: {len(train)} pictures to train on, {len(val)} of other persons to validate on")
        for seed in range(args.seeds):
            for setting in SETTINGS:
                name = f"{setting} / {seed}"
                if name not in runs:
                    runs[name] = train_once(faces, setting, seed, args)
                    _save(out, {"recipe": recipe, "runs": runs})
    except (ValueError, OSError) as error:
        print(f"augmentation_effect: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("augmentation_effect: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    print(summary(runs, (mean_shape.mse, mean_shape.pixels)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
