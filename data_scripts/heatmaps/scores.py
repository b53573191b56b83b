"""How far off predictions are: as a whole, by label source, and with an ingredient left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_scripts.heatmaps.faces import Faces
from data_scripts.heatmaps.predicting import Trained, predict


def rmse(found: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean squared error over the labelled coordinates, in pixels; NaN where there is none."""
    labelled = np.isfinite(truth)
    return float(np.sqrt(np.mean((found - truth)[labelled] ** 2))) if labelled.any() else float("nan")


def describe(networks: Sequence[Trained], faces: Faces) -> str:
    """Say, a line each, the RMSE on faces that the networks have not seen."""
    found = predict(networks, faces.images)
    ways = {
        f"{len(networks)} averaged": found,
        "the first alone": predict(networks[:1], faces.images),
        "no mirrored copy": predict(networks, faces.images, mirrored=False),
        "no offsets": predict(networks, faces.images, offsets=False),
        "told the source": predict(networks, faces.images, faces.sources),
    }
    lines = [f"{way:<20} {rmse(points, faces.keypoints):.3f} px" for way, points in ways.items()]
    for source in np.unique(faces.sources):
        of_it = faces.sources == source
        lines.append(f"source {source}, {of_it.sum()} faces: {rmse(found[of_it], faces.keypoints[of_it]):.3f} px")
    return "\n".join([f"{len(faces.images)} faces held out", *lines])
