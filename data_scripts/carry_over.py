"""Measure what carries over from drawn faces to photographs: train on synthetic faces alone, score on real ones.

    python -m data_scripts.carry_over --real real_faces.npz

The photographs stay where they are: `real_faces.npz` holds test_images (N, 96, 96) uint8, test_keypoints (N, 15, 2) in
pixels, test_asked (N, 15) bool, the keypoints that count, and train_keypoints (M, 15, 2), whose mean is the baseline.
"""

import argparse
import dataclasses
import os
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import autograder
from data_scripts.label_pattern import missing_labels
from data_scripts.synthetic_faces import draw_faces

RECIPE = Path(__file__).resolve().parents[1] / "solutions" / "05_resnet_training" / "full.yaml"


@dataclasses.dataclass(frozen=True)
class RealFaces:
    """Photographs to score on."""

    images: np.ndarray  # (N, 96, 96) float32 in [0, 1]
    keypoints: np.ndarray  # (N, 15, 2) float32, pixels
    asked: np.ndarray  # (N, 15) bool
    mean_face: np.ndarray  # (15, 2) float32, pixels: the mean label of other photographs


def load_real(path: Path) -> RealFaces:
    """Read the photographs of an .npz file; ValueError where an array is missing, OSError where it cannot be read."""
    with np.load(path, allow_pickle=False) as arrays:
        needed = ("test_images", "test_keypoints", "test_asked", "train_keypoints")
        absent = [name for name in needed if name not in arrays]
        if absent:
            raise ValueError(f"{path} should hold {', '.join(needed)}; it lacks {', '.join(absent)}: name another file")
        images, keypoints, asked, others = (arrays[name] for name in needed)
    return RealFaces(images.astype(np.float32) / 255, keypoints, asked, np.nanmean(others, axis=0))


def asked_rmse(predicted: np.ndarray, real: RealFaces) -> float:
    """RMSE in pixels over the asked keypoints, as Kaggle scores; `predicted` is (N, 15, 2) or broadcasts to it."""
    errors = (np.broadcast_to(predicted, real.keypoints.shape) - real.keypoints)[real.asked]
    return float(np.sqrt(np.mean(errors**2)))


def train_on_synthetic(n_train: int, seed: int, epochs: int | None) -> tuple[nn.Module, np.ndarray]:
    """Train lesson 03's network by lesson 05's recipe on faces drawn here.

    -> the network, (B, 1, 96, 96) to (B, 30) pixels, and the mean of the training labels, (15, 2). `epochs` None takes
    the recipe's.
    """
    lesson = autograder.earlier("05_resnet_training")
    config = lesson.load_config(RECIPE)
    if epochs is not None:
        config = dataclasses.replace(config, epochs=epochs)
    face_seed, pattern_seed = np.random.SeedSequence(seed).spawn(2)
    images, keypoints = draw_faces(n_train, face_seed, workers=os.cpu_count() or 1)
    keypoints[missing_labels(n_train, np.random.default_rng(pattern_seed))] = np.nan
    train, val = autograder.earlier("01_pixel_parsing").split_rows(n_train, config.val_fraction, config.seed)
    order = torch.Generator().manual_seed(config.seed)
    loaders = [
        DataLoader(
            lesson.FaceDataset(images[rows].astype(np.float32) / 255, keypoints[rows]),
            batch_size=config.batch_size,
            shuffle=learns,
            generator=order if learns else None,
        )
        for rows, learns in ((train, True), (val, False))
    ]
    torch.manual_seed(config.seed)
    model = autograder.earlier("03_residual_block").KeypointResNet()
    history = lesson.fit(model, *loaders, config)
    best = int(np.argmin(history["val_rmse"]))
    print(f"{len(history['val_rmse'])} epochs; best on synthetic validation faces: {history['val_rmse'][best]:.3f} px")
    return model, np.nanmean(keypoints, axis=0)


def predict(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """(N, 96, 96) float32 in [0, 1] -> (N, 15, 2) pixels."""
    model.eval()
    with torch.no_grad():
        parts = [model(batch.unsqueeze(1)) for batch in torch.from_numpy(images).split(256)]
    return torch.cat(parts).numpy().reshape(len(images), -1, 2)


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(description="Train on synthetic faces alone and score on photographs.")
    parser.add_argument("--real", type=Path, required=True, help="real_faces.npz")
    parser.add_argument("--train", type=int, default=7049, help="synthetic training faces (default 7049)")
    parser.add_argument("--epochs", type=int, default=None, help="at most so many (default: the full recipe's)")
    parser.add_argument("--seed", type=int, default=0, help="of the faces")
    args = parser.parse_args(argv)
    if args.train < 10:
        parser.error(f"--train must be 10 or more, so that some faces can validate; got {args.train}")
    start = time.monotonic()
    try:
        real = load_real(args.real)
        model, drawn_mean = train_on_synthetic(args.train, args.seed, args.epochs)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        print(f"carry_over: {error}", file=sys.stderr)
        return 1
    mean_face = asked_rmse(real.mean_face, real)
    score = asked_rmse(predict(model, real.images), real)
    print(f"{args.train} synthetic training faces, {len(real.images)} photographs, {time.monotonic() - start:.0f} s")
    print(f"constant mean of the photographs     RMSE {mean_face:.2f} px")
    print(f"constant mean of the synthetic faces RMSE {asked_rmse(drawn_mean, real):.2f} px")
    print(f"ResNet trained on synthetic faces    RMSE {score:.2f} px, ratio {score / mean_face:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
