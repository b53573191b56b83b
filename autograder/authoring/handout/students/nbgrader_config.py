"""nbgrader's settings of a student: work in lessons/ is fetched, handed in and validated from there."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 (nbgrader provides it)

LESSONS = Path(__file__).resolve().parent / "lessons"

c.CourseDirectory.course_id = "COURSE-ID"
c.CourseDirectory.root = str(LESSONS)
# Where work is handed out and handed in, on a machine that teacher and students share.
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", "EXCHANGE")
c.Exchange.assignment_dir = str(LESSONS)
# What you wrote stays: fetching brings only what is missing.
c.ExchangeFetchAssignment.replace_missing_files = True
# Some lessons train for minutes.
c.Execute.timeout = 1800
c.Validator.Execute.kernel_name = "python3"
