"""Kaggle's facial keypoint files: read fast, downloaded, and written with drawn faces."""
