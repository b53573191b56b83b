"""What OpenCV was given that it does not take, in a sentence: its own messages name files and lines of C++."""

from __future__ import annotations

from autograder.ladder.expect import Mismatch
from autograder.ladder.student import StudentError

_CAUSES = (
    ("ssize.empty()", "an image without pixels: what was cut out is empty"),
    ("src.empty()", "an image without pixels: what was cut out is empty"),
    ("dsize.empty()", "a size with a 0 in it"),
    ("!dsize.empty", "a size with a 0 in it"),
    ("inv_scale_x > 0", "a size with a 0 in it"),
    ("Can't parse 'dsize'", "a size that is no pair of whole numbers (width, height)"),
    ("func != 0", "an image of a dtype that it can't resize; float32 and uint8 it can"),
    ("is not a numerical tuple", "something that is no array"),
    ("src is not a numpy array", "something that is no array"),
    ("data type = ", "an image of a dtype that it does not know; float32 and uint8 it knows"),
)


def raise_in_words(error: StudentError, expected: str, example: str) -> None:
    """Raise the mismatch of an error of OpenCV's; return for any other error."""
    if "OpenCV" not in error.message:
        return
    cause = next((words for sign, words in _CAUSES if sign in error.message), "something that it does not take")
    hint = "Print type, shape and dtype of each argument right before the call of cv2."
    raise Mismatch(expected, f"OpenCV was given {cause}", example, hint, where=error.where) from None
