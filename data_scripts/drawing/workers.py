"""Several processes that draw faces side by side, in order and independent of their number.

Each worker is this module run on its own (`python -m data_scripts.drawing.workers`) and hands its faces over a pipe.
multiprocessing is not used: forked, it copies a notebook's threads in an unknown state; spawned, it runs the caller's
script again from the top, and a lesson run as a script would start itself anew.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

import cv2
import numpy as np

from data_scripts.drawing.face import draw_face
from data_scripts.drawing.shape import IMAGE_SIZE, KEYPOINT_NAMES

ROOT = Path(__file__).resolve().parents[2]
BATCH = 32  # faces a worker draws before it hands them over
Faces = tuple[np.ndarray, np.ndarray]


def face_seed(sequence: np.random.SeedSequence, number: int) -> np.random.SeedSequence:
    """The seed of face `number`: it depends on the sequence and the number alone."""
    return np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, number))


def draw_faces(
    n: int, seed: int | np.random.SeedSequence, workers: int = 1, lifelike: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` faces: -> (n, 96, 96) uint8 and (n, 15, 2) float32 pixels, the same for the same seed.

    `workers` processes draw; 1 draws in this one. `lifelike` is `draw_face`'s. ValueError for a negative `n`.
    """
    if n < 0:
        raise ValueError(f"n must be 0 or more, got {n}; give the number of faces to draw")
    if n == 0:
        return np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), np.uint8), np.zeros((0, len(KEYPOINT_NAMES), 2), np.float32)
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    drawn = list(draw_batches(n, sequence, workers, lifelike))
    return np.concatenate([images for images, _ in drawn]), np.concatenate([points for _, points in drawn])


def draw_batches(n: int, sequence: np.random.SeedSequence, workers: int, lifelike: bool = False) -> Iterator[Faces]:
    """Draw faces 0 … n-1 in order, in batches: (B, 96, 96) uint8 and (B, 15, 2) float32 pixels.

    `workers` processes draw; 1 draws in this one. RuntimeError where a worker fails.
    """
    starts = range(0, n, BATCH)
    workers = min(workers, len(starts))
    if workers <= 1:
        for start in starts:
            yield _draw(sequence, start, min(start + BATCH, n), lifelike)
        return
    command = [sys.executable, "-m", "data_scripts.drawing.workers", str(n), str(sequence.entropy)]
    command += ["--lifelike"] if lifelike else []
    key = ",".join(map(str, sequence.spawn_key))
    # The workers share the processors already: none of them needs threads of its own.
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [*command, f"--key={key}", f"--first={w}", f"--step={workers}"], cwd=ROOT, env=env, stdout=subprocess.PIPE
        )
        for w in range(workers)
    ]
    try:
        for batch, start in enumerate(starts):
            yield _receive(processes[batch % workers], min(start + BATCH, n) - start)
    finally:
        for process in processes:
            process.kill()
            _pipe(process).close()
            process.wait()


def _pipe(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None, "workers are started with a pipe"
    return process.stdout


def _draw(sequence: np.random.SeedSequence, start: int, stop: int, lifelike: bool) -> Faces:
    faces = [draw_face(np.random.default_rng(face_seed(sequence, number)), lifelike) for number in range(start, stop)]
    return np.stack([image for image, _ in faces]), np.stack([points for _, points in faces])


def _receive(process: subprocess.Popen[bytes], count: int) -> Faces:
    pixels = count * IMAGE_SIZE * IMAGE_SIZE
    size = pixels + count * len(KEYPOINT_NAMES) * 2 * 4
    data = _pipe(process).read(size)
    if len(data) < size:
        raise RuntimeError(
            f"a process that draws faces ended early (exit status {process.wait()}); its own message stands above; "
            "draw with workers=1 to see it here"
        )
    images = np.frombuffer(data, np.uint8, pixels).reshape(count, IMAGE_SIZE, IMAGE_SIZE)
    return images, np.frombuffer(data, np.float32, offset=pixels).reshape(count, len(KEYPOINT_NAMES), 2)


def _send(out: BinaryIO, faces: Faces) -> None:
    for array in faces:
        out.write(array.tobytes())
    out.flush()


def main(argv: list[str] | None = None) -> int:
    """Draw every `step`-th batch, from batch `first` on, and write the arrays' bytes to standard output."""
    parser = argparse.ArgumentParser(description="Draw faces for another process; use data_scripts.synthetic_faces.")
    parser.add_argument("n", type=int)
    parser.add_argument("entropy", type=int)
    parser.add_argument("--key", default="")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--lifelike", action="store_true")
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)  # the other workers have the other processors
    key = tuple(int(part) for part in args.key.split(",") if part)
    sequence = np.random.SeedSequence(args.entropy, spawn_key=key)
    try:
        for start in range(args.first * BATCH, args.n, args.step * BATCH):
            _send(sys.stdout.buffer, _draw(sequence, start, min(start + BATCH, args.n), args.lifelike))
    except (BrokenPipeError, KeyboardInterrupt):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
