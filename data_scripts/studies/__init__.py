"""Measurements with the lessons' own functions; each is a command of the same purpose."""
