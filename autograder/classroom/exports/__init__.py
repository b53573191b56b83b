"""Marks and grading for other systems: Canvas, Moodle, Gradescope, GitHub Classroom."""
