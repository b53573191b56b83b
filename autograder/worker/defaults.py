"""Global settings back to where a notebook begins, before each of its cells and each question about it.

A notebook may change what all of a program shares: default types, random states, filters of warnings. Its other
exercises must not pay for that, and unseeded work must get the same grade twice.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

SEED = 0
RECURSION_LIMIT = sys.getrecursionlimit()


def _restore_torch(torch: Any) -> None:
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    # Asked first: setting it imports PyTorch's compiler, which takes seconds.
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)
    torch.manual_seed(SEED)


def _restore_keras(keras: Any) -> None:
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(SEED)


def restore_defaults(scratch: Path) -> None:
    """Set every global setting to its default and every global random state to the same beginning.

    ``scratch`` is the working folder. Frameworks that the notebook has not imported are left alone.
    """
    os.chdir(scratch)
    sys.setrecursionlimit(RECURSION_LIMIT)
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 (the state that a student's code may draw from)
    for name, restore in (("torch", _restore_torch), ("keras", _restore_keras)):
        # What a notebook has put in a framework's place may fail in any way; it answers for that itself.
        with contextlib.suppress(BaseException):
            if name in sys.modules:
                restore(sys.modules[name])
