"""A network as one file that a page can run: from a face to its keypoints, with what the page needs to know about it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from data_scripts.browser.sharpness import sharpness_limit
from data_scripts.drawing.workers import draw_faces
from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.files.whole import write_whole
from data_scripts.heatmaps.exported import answers, own_points, wrap
from data_scripts.heatmaps.faces import SIZE

OPSET = 18
FORMAT = "facial-keypoints 1"  # what a page looks for; the number changes when an old page could not read it
TOLERANCE = 0.05  # pixels between PyTorch's answer and the file's
INSTALL = 'install what it needs with: python -m pip install "onnx>=1.18" "onnxscript>=0.5" "onnxruntime>=1.20"'


def export(model: nn.Module, names: Sequence[str], path: str | Path) -> str:
    """Write a trained network as a file that the face demo opens, and say in a line what it holds.

    Args:
        model: (B, 1, 96, 96) float32 in [0, 1] -> (B, 2 * K) pixels, x then y of each keypoint, as lessons 05 and 10
            train; where it has a method ``maps``, -> (B, K, h, w) logits, the page shows them. It stays as it is.
        names: the K keypoints, in the order of the network's answers.
        path: of the file, ``model.onnx`` for instance; a file that is there is replaced.

    Raises:
        DataError: a package is missing, the network can't be exported, the file answers otherwise than the network, or
            it can't be written.
    """
    return write_onnx(wrap(model), names, Path(path))


def write_onnx(wrapped: nn.Module, names: Sequence[str], path: Path) -> str:
    """Write a network that one of ``heatmaps.exported`` wraps; see ``export``."""
    if path.suffix != ".onnx":
        raise DataError(f"{path}: expected a name that ends in .onnx; name such a file")
    modes = {module: module.training for module in wrapped.modules()}
    try:
        wrapped.eval()
        shapes = _shapes(wrapped, names)
        content = _content(wrapped, names, shapes)
        difference = _compare(wrapped, content)
    finally:
        for module, training in modes.items():
            module.training = training
    if difference > TOLERANCE:
        raise DataError(
            f"{path.name}: not written: its keypoints are up to {difference:.2f} px from the network's, expected at most "
            f"{TOLERANCE}; does forward read the points out of maps as soft_argmax does?"
        )
    try:
        write_whole(path, content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {explain_os_error(error)}") from error
    kind = "heat maps and keypoints" if len(shapes) == 2 else "keypoints"
    return f"{path}: {len(content):,} bytes, {len(names)} {kind}; differs from PyTorch by {difference:.4f} px at most"


def _shapes(wrapped: nn.Module, names: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the shapes of the answers to one face; DataError where they don't fit the names."""
    try:
        found = answers(wrapped, torch.zeros(1, 1, SIZE, SIZE))
    except Exception as error:  # a student's network may raise anything
        raise DataError(f"the network cannot answer to an image of (1, 1, 96, 96): {error!r:.120}") from None
    if tuple(found[0].shape) != (1, len(names), 2):
        raise DataError(
            f"expected keypoints of {len(names)} names, got {tuple(found[0].shape)} from the network; "
            "give the names that it was trained with"
        )
    return [tuple(answer.shape) for answer in found]


def _content(wrapped: nn.Module, names: Sequence[str], shapes: list[tuple[int, ...]]) -> bytes:
    try:
        import onnx
        import onnxruntime  # noqa: F401  # `_compare` needs it; who has two of three should hear it before the work
        import onnxscript  # noqa: F401  # torch asks for it late, and in other words
    except ImportError as error:
        raise DataError(f"exporting needs the package {error.name}; {INSTALL}") from None
    # A traced answer, not the frame around it: torch says in several screens what it does.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                wrapped,
                (torch.rand(1, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0)),),
                input_names=["image"],
                output_names=["keypoints", "maps"][: len(shapes)],
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # torch raises classes of many modules
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(f"torch cannot export this network: {first:.160}") from None
    assert program is not None, "torch answers with a program unless it is asked for the old exporter"
    proto = program.model_proto
    # Names of modules and lines of code: a fifth of a small file, of use to nobody who runs it.
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del value.metadata_props[:]
    del proto.metadata_props[:]
    about = {
        "format": FORMAT,
        "size": str(SIZE),
        "keypoints": json.dumps(list(names)),
        "output": "maps" if len(shapes) == 2 else "points",
    }
    if len(shapes) == 2:
        about["sharpness_limit"] = f"{sharpness_limit(lambda images: _maps(wrapped, images)):.4f}"
    onnx.helper.set_model_props(proto, about)
    proto.producer_name = "facial-keypoints-course"
    return proto.SerializeToString(deterministic=True)


def _maps(wrapped: nn.Module, images: np.ndarray) -> np.ndarray:
    """(N, 96, 96) uint8 -> (N, K, h, w)."""
    faces = torch.from_numpy(images)[:, None].float() / 255
    return torch.cat([answers(wrapped, face[None])[1] for face in faces]).numpy()


def _compare(wrapped: nn.Module, content: bytes) -> float:
    """Return by how many pixels the file's keypoints differ from the network's on a few drawn faces, at most."""
    images = torch.from_numpy(draw_faces(8, 20)[0])[:, None].float() / 255
    own = torch.cat([own_points(wrapped, image[None]) for image in images]).numpy()
    return float(np.abs(run_onnx(content, images.numpy()) - own).max())


def run_onnx(content: bytes, images: np.ndarray) -> np.ndarray:
    """Run a file on faces: (N, 1, 96, 96) float32 in [0, 1] -> (N, K, 2) pixels."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["keypoints"], {"image": image[None]})[0] for image in images])
