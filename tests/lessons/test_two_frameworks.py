"""What a lesson shows folded in the other framework agrees with the lesson: tried by ``both_frameworks``, in a process
of its own, because PyTorch's threads and TensorFlow's don't stand each other in one process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from autograder.course.manifest import ROOT


@pytest.mark.long
def test_both_frameworks_agree() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/lessons/both_frameworks.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
