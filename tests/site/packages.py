"""Which of the group `web` is installed: tests that need it are skipped without it, and say what to type."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest

MISSING = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]


def needs_onnx(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that exports: it takes long, and is skipped where the packages for it are missing."""
    reason = f"{', '.join(MISSING)} not installed: python -m pip install -e '.[web]'"
    return pytest.mark.long(pytest.mark.skipif(bool(MISSING), reason=reason)(test))
