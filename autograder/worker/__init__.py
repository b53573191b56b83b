"""What runs beside a student's code: no tests, no answers, nothing that decides a grade."""
