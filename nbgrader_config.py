"""nbgrader's settings: solutions/ is released to lessons/, with the exercise's number in every stub."""

import os
import sys
from pathlib import Path

from nbgrader import preprocessors

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from autograder.authoring.stubs import NameStubs  # noqa: E402
from autograder.classroom.folders.settings import find_programs  # noqa: E402 (found through the line above)

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

# Where work is handed out and handed in, on this machine; another place for a class that shares one.
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", str(ROOT / "exchange"))
# Students work in lessons/: what they hand in is taken from there, and fetching brings only what is missing.
c.Exchange.assignment_dir = str(ROOT / "lessons")
c.ExchangeFetchAssignment.replace_missing_files = True

# What Canvas and Moodle give to download becomes submitted/: `nbgrader zip_collect LESSON`.
UPLOADS = "autograder.classroom.gradebook.uploads"
c.ZipCollectApp.extractor_plugin = f"{UPLOADS}.UploadExtractor"
c.ZipCollectApp.collector_plugin = f"{UPLOADS}.UploadCollector"

# nbgrader's own list, with the course's engine in place of Execute and SaveAutoGrades: imported when it is needed.
ENGINE = "autograder.classroom.run.preprocessors"
c.Autograde.exporter_class = f"{ENGINE}.SubmissionExporter"
c.Autograde.pre_convert_hook = f"{ENGINE}.leave_one_notebook"
c.Autograde.autograde_preprocessors = [
    f"{ENGINE}.GradeWithEngine",
    preprocessors.IgnorePattern,
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    preprocessors.LimitOutput,
    f"{ENGINE}.SaveVerdicts",
    preprocessors.AssignLatePenalties,
    preprocessors.CheckCellMetadata,
]

# The Validate button and `nbgrader validate` run a notebook as it is, and some lessons train for minutes.
c.Execute.timeout = 1800
# It is validated with the course's own kernel, whichever a student's tools wrote into it.
c.Validator.Execute.kernel_name = "python3"

# Feedback and formgrader show a student's text cells; the HTML in them must not run with the teacher's rights.
c.HTMLExporter.filters = {"markdown2html": f"{ENGINE}.safe_markdown"}

find_programs()
