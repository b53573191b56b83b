"""Measure lesson 07's settings: train its reference network under each of them, from several first weights.

    python -m data_scripts.nose_tip_settings --root DIR --out nose_tip.json

Every run is kept in the file as soon as it is done; the same command goes on where it was. Without `--root` the faces
are those that lesson 07 takes: `$COURSE_IMM`, or the embedded ones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from data_scripts.studies.arguments import at_least
from data_scripts.studies.nose_tip import load_split, measure, summary


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.nose_tip_settings", description="Train lesson 07's network under each setting."
    )
    parser.add_argument("--root", type=Path, default=None, metavar="DIR", help="folder of the IMM faces")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json", help="keeps every run that is done")
    parser.add_argument("--epochs", type=at_least(1), default=25, help="of every setting (%(default)s)")
    parser.add_argument("--seeds", type=at_least(1), default=3, help="how often each setting is trained (%(default)s)")
    args = parser.parse_args(argv)
    try:
        split = load_split(args.root)
        settings = measure(split, args.epochs, args.seeds, args.out)
    except (ValueError, OSError) as error:
        print(f"nose_tip_settings: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nose_tip_settings: stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    print(f"constant mean of the training tips: validation MSE {split.mean_mse:.5f}")
    print(summary(settings, len(split.val)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
