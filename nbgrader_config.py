"""nbgrader's settings: solutions/ is released to lessons/, with the exercise's number in every stub."""

import sys
from pathlib import Path

from nbgrader import preprocessors

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from autograder.stubs import NameStubs  # noqa: E402 (found through the line above)

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "facial-keypoints"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "lessons"
# nbgrader copies whatever else lies in an assignment's folder, and the literate source holds every solution.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py", "*.log"]

# nbgrader's own list, with NameStubs in place of ClearSolutions.
c.GenerateAssignment.preprocessors = [
    preprocessors.IncludeHeaderFooter,
    preprocessors.LockCells,
    NameStubs,
    preprocessors.ClearOutput,
    preprocessors.CheckCellMetadata,
    preprocessors.ComputeChecksums,
    preprocessors.SaveCells,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ComputeChecksums,
    preprocessors.CheckCellMetadata,
]
