"""Faces drawn from measures, pose, look and light; from the head's surface to the photograph of 96x96 pixels."""
