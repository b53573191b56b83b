"""Lesson 09's training, under the name by which the lesson imports it.

`training/landmarks.py` has the loop, `training/crops.py` the faces, `training/recipe.py` what it depends on,
`training/processes.py` how several processes train one network.
"""

from data_scripts.training.crops import (
    Crops,
    cut_faces,
    error_by_eyes,
    in_pictures,
    pixel_error,
    to_crop_pixels,
    to_units,
    with_points,
)
from data_scripts.training.landmarks import History, predict, start_at_mean, train_network
from data_scripts.training.recipe import Recipe, load_recipe

__all__ = [
    "Crops",
    "History",
    "Recipe",
    "cut_faces",
    "error_by_eyes",
    "in_pictures",
    "load_recipe",
    "pixel_error",
    "predict",
    "start_at_mean",
    "to_crop_pixels",
    "to_units",
    "train_network",
    "with_points",
]
