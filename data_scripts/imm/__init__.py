"""The IMM Face Database: 58 points in .asf files, read, and written with drawn faces."""
