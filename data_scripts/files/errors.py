"""The one exception of the data readers, and the plain words for what an operating system refused."""

from __future__ import annotations

import errno
import os


class DataError(ValueError):
    """Data that cannot be read or written, explained in one line.

    The message names the file (and the row, where there is one) and says what was expected, what came and what
    to do next, so that a command can print it as it stands.
    """


def explain_os_error(error: OSError) -> str:
    """Say in a few words why the operating system refused to read or write.

    Args:
        error: the exception that ``open``, ``write``, ``mkdir`` … raised.

    Returns:
        A phrase without a full stop, with what to do next where that is known.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk; free some and run it again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission; change the folder's permissions or choose another folder"
    return os.strerror(error.errno) if error.errno is not None else str(error) or type(error).__name__
