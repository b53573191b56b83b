"""Lesson 08's training loop, under the name by which the lesson imports it: see `training/keypoints.py`."""

from data_scripts.training.keypoints import Errors, errors_of, predict, start_at_mean, train_keypoints

__all__ = ["Errors", "errors_of", "predict", "start_at_mean", "train_keypoints"]
