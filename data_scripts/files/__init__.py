"""What all formats share: errors in one line, files written whole, generated folders, pictures."""
