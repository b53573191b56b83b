"""Measure lesson 07's settings: train its reference network under each of them, from several first weights.

    python -m data_scripts.nose_tip_settings --root DIR --out nose_tip.json

Every run is kept in the file as soon as it is done; the same command goes on where it was. Without `--root` the faces
are those that lesson 07 takes: `$COURSE_IMM`, or the embedded ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

import autograder
from data_scripts.errors import DataError
from data_scripts.imm_faces import load_imm
from data_scripts.imm_points import NOSE_TIP

# Batch size, learning rate, and by how much the number of epochs is multiplied.
SETTINGS = ((1, 1e-3, 1), (4, 1e-3, 1), (32, 1e-3, 1), (1, 1e-4, 1), (4, 1e-4, 1), (32, 1e-4, 1), (1, 1e-2, 1))
AS_MANY_STEPS = ((4, 1e-3, 4),)
SIZE = (60, 80)  # height, width
TOLERANCE = 3.0  # pixels


@dataclass(frozen=True)
class Split:
    """The faces of lesson 07, split by person."""

    train: TensorDataset
    val: TensorDataset
    mean_mse: float  # of a constant answer, the mean of the training tips


def load_split(root: Path | None) -> Split:
    """Read the faces and split them as the lesson does: the last eight persons validate."""
    faces = load_imm(root, SIZE)
    split_by_person = autograder.earlier("07_nose_tip").split_by_person
    place = {file: number for number, file in enumerate(faces.files)}
    train, val = (np.array([place[file] for file in part]) for part in split_by_person(list(faces.files)))
    images = torch.from_numpy(faces.images).unsqueeze(1) - 0.5
    tips = torch.from_numpy(faces.keypoints[:, NOSE_TIP])
    mean_mse = float((tips[val] - tips[train].mean(dim=0)).square().mean())
    return Split(*(TensorDataset(images[rows], tips[rows]) for rows in (train, val)), mean_mse)


def train_once(split: Split, batch_size: int, lr: float, epochs: int, seed: int) -> dict[str, float]:
    """Train one network; -> its last and its lowest validation MSE, and the faces found within the tolerance."""
    lesson = autograder.earlier("07_nose_tip")
    torch.manual_seed(seed)
    model = lesson.NoseTipNet()
    val_loader = DataLoader(split.val, 256)
    curve = lesson.train_with_curve(model, DataLoader(split.train, batch_size, shuffle=True), val_loader, epochs, lr)
    model.eval()
    with torch.no_grad():
        errors = torch.cat([model(images) - tips for images, tips in val_loader])
    distances = (errors * torch.tensor(SIZE[::-1])).norm(dim=1)
    return {
        "steps": curve["step"][-1],
        "val_mse": curve["val_mse"][-1],
        "lowest_val_mse": min(curve["val_mse"]),
        "within_tolerance": int((distances <= TOLERANCE).sum()),
    }


def _print_table(kept: dict[str, dict[str, float]], keys: dict[str, list[str]], faces: int) -> None:
    print(
        f"{'setting':<32} {'steps':>6}  validation MSE: mean (each)  lowest  faces within {TOLERANCE:g} px of {faces}"
    )
    for setting, own in keys.items():
        runs = [kept[key] for key in own]
        each = ", ".join(f"{run['val_mse']:.5f}" for run in runs)
        mean, lowest, within = (
            float(np.mean([run[name] for run in runs])) for name in ("val_mse", "lowest_val_mse", "within_tolerance")
        )
        print(f"{setting:<32} {runs[0]['steps']:>6}  {mean:.5f} ({each})  {lowest:.5f}  {within:.1f}")


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.nose_tip_settings", description="Train lesson 07's network under each setting."
    )
    parser.add_argument("--root", type=Path, default=None, metavar="DIR", help="folder of the IMM faces")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json", help="keeps every run that is done")
    parser.add_argument("--epochs", type=int, default=25, help="of every setting (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="how often each setting is trained (%(default)s)")
    args = parser.parse_args(argv)
    if args.epochs < 1 or args.seeds < 1:
        parser.error("--epochs and --seeds must be 1 or more")
    try:
        split = load_split(args.root)
        kept = json.loads(args.out.read_text(encoding="utf-8")) if args.out.is_file() else {}
        keys: dict[str, list[str]] = {}
        for seed in range(args.seeds):
            for batch_size, lr, times in (*SETTINGS, *AS_MANY_STEPS):
                setting = f"batch size {batch_size}, {lr:g}, {times * args.epochs} epochs"
                # A file of runs on other faces is another file's.
                key = f"{setting}, seed {seed}, constant {split.mean_mse:.8f}"
                keys.setdefault(setting, []).append(key)
                if key not in kept:
                    kept[key] = train_once(split, batch_size, lr, times * args.epochs, seed)
                    args.out.parent.mkdir(parents=True, exist_ok=True)
                    part = args.out.with_name(args.out.name + ".part")
                    part.write_text(json.dumps(kept, indent=1), encoding="utf-8")
                    part.replace(args.out)
                    print(f"{key}: {kept[key]}", flush=True)
    except (DataError, OSError, json.JSONDecodeError) as error:
        print(f"nose_tip_settings: {error}", file=sys.stderr)
        return 1
    print(f"constant mean of the training tips: validation MSE {split.mean_mse:.5f}")
    _print_table(kept, keys, len(split.val))
    return 0


if __name__ == "__main__":
    sys.exit(main())
