"""The 300-W contest's faces: 68 points in XML files, read, and written with drawn faces."""
