"""Export a trained network as a file that a browser runs: the face demo opens it.

    python -m data_scripts.export_onnx DIR/network_0.pt --out model.onnx

Takes what `train_heatmaps` wrote. The file holds the maps and the keypoints read from them, in pixels of the 96 × 96
face, and as metadata the size, the keypoints' names, the kind of output and how sharp the maps of a face are. It is
compared with PyTorch before it is written. The networks of lessons 05 and 10 are exported where they are trained:

    from data_scripts.export_onnx import export
    print(export(network, names, "model.onnx"))
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from data_scripts.browser.onnx_file import export, write_onnx
from data_scripts.files.errors import DataError
from data_scripts.heatmaps.exported import TrainedOutput
from data_scripts.heatmaps.predicting import load_network

__all__ = ["export", "export_trained"]


def export_trained(source: Path, out: Path) -> str:
    """Export a network that ``train_heatmaps`` wrote; -> a line about the file; DataError in a line."""
    trained = load_network(source)
    return write_onnx(TrainedOutput(trained), trained.names, out)


def main(argv: list[str] | None = None) -> int:
    """Command line; -> exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_scripts.export_onnx", description="Export a trained network for the face demo."
    )
    parser.add_argument("model", type=Path, metavar="MODEL.pt", help="what train_heatmaps wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="MODEL.onnx", help="the exported network")
    arguments = parser.parse_args(argv)
    try:
        torch.set_num_threads(1)
        print(export_trained(arguments.model, arguments.out))
    except DataError as error:
        print(f"export_onnx: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
