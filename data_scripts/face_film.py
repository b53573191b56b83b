"""Draw a film of one face that moves and turns a little, in a camera's place; or one picture of it.

    python -m data_scripts.face_film --out face.y4m
    python -m data_scripts.face_film --out face.jpg
    chromium --use-fake-device-for-media-stream --use-file-for-fake-video-capture=face.y4m

640 x 480, 30 pictures a second; each picture's number stands in its upper left corner. The film's truth is written
beside it, face.npz: `keypoints` (N, 15, 2) float32 pixels and `names`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from data_scripts.browser.film import draw_actor, draw_picture, pose_at, write_film
from data_scripts.drawing.shape import KEYPOINT_NAMES
from data_scripts.files.errors import explain_os_error
from data_scripts.files.whole import whole_file, write_whole


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.face_film", description="Draw a film of a face, or one picture of it."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="FILE.y4m, or FILE.jpg or FILE.png")
    parser.add_argument("--frames", type=int, default=300, metavar="N", help="pictures of the film (default: 300)")
    parser.add_argument("--seed", type=int, default=3, metavar="S", help="of the face (default: 3)")
    arguments = parser.parse_args(argv)
    out = arguments.out
    if out.suffix not in (".y4m", ".jpg", ".png") or not 1 <= arguments.frames <= 1023 or arguments.seed < 0:
        parser.error("expected --out FILE.y4m, .jpg or .png, --frames of 1 to 1023 and --seed of 0 or more")
    try:
        if out.suffix == ".y4m":
            truth = write_film(out, arguments.frames, arguments.seed)
            with whole_file(out.with_suffix(".npz")) as unfinished, open(unfinished, "wb") as file:
                np.savez(file, keypoints=truth, names=np.array(KEYPOINT_NAMES))
            print(f"{out}: {len(truth)} pictures; their keypoints in {out.with_suffix('.npz').name}")
        else:
            pose = replace(pose_at(0.12), scale=1.0, shift_x=6.0, shift_y=0.0)
            picture, _ = draw_picture(draw_actor(arguments.seed), pose)
            write_whole(out, cv2.imencode(out.suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())
            print(f"{out}: one picture")
    except OSError as error:
        print(f"face_film: {out}: cannot be written: {explain_os_error(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
