"""Checks of lesson 08: the network of six convolutions, and faces that move."""

from __future__ import annotations

from autograder.checks.lesson_08.augmented_faces import augmented_faces
from autograder.checks.lesson_08.face_network import face_keypoint_net
from autograder.checks.lesson_08.first_filters import first_layer_filters
from autograder.checks.lesson_08.moving_faces import translate

__all__ = ["augmented_faces", "face_keypoint_net", "first_layer_filters", "translate"]
