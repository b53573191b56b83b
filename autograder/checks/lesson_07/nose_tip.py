"""Checks of lesson 07, gathered: the reader, the split, the network, the training, the sweep."""

from __future__ import annotations

from autograder.checks.lesson_07.asf_file import read_asf
from autograder.checks.lesson_07.nose_network import nose_tip_net
from autograder.checks.lesson_07.nose_sweep import sweep
from autograder.checks.lesson_07.nose_training import train_with_curve
from autograder.checks.lesson_07.person_split import split_by_person

__all__ = ["nose_tip_net", "read_asf", "split_by_person", "sweep", "train_with_curve"]
