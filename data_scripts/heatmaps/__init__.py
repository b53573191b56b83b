"""Lesson 10's network at full scale: how it moves faces, what it looks like, how it trains, and how it predicts."""
