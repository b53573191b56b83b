"""Small trusted functions that run the student's code on given inputs and say what happened; one module a lesson."""
