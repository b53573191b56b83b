"""A class's submissions: graded on all cores, kept, and written into nbgrader's gradebook."""
