"""The training loops of lessons 08 and 09."""
