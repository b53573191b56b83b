"""What a check may expect of an answer. Each function returns quietly or raises Mismatch with both sides."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..worker.plain import Opaque, TableValue, TensorValue, type_name
from .array_difference import ArrayDifference, cut_difference, tell_apart
from .student import Student, StudentError

SHOWN = 12


@dataclass
class Mismatch(Exception):
    """What was expected, what came, the smallest input that shows it, what the mistake may be, and unequal arrays.

    ``where`` is the student's own line, where an error of the student's code led here.
    """

    expected: str
    got: str
    example: str | None = None
    hint: str | None = None
    difference: ArrayDifference | None = field(default=None, compare=False, repr=False)
    where: str | None = None


def show(value: Any) -> str:
    """Return a short text of a plain value; long arrays show their beginning only."""
    if isinstance(value, TensorValue):
        return f"tensor({show(value.array)})"
    if isinstance(value, Opaque):
        return value.text
    if isinstance(value, TableValue):
        columns = ", ".join(value.columns[:6]) + (", …" if len(value.columns) > 6 else "")
        return f"{len(value.index)} rows of the columns {columns}"[:200]
    if isinstance(value, np.ndarray):
        if value.size <= SHOWN:
            return np.array2string(value, separator=", ", precision=6, floatmode="maxprec")
        start = ", ".join(f"{item:.6g}" if value.dtype.kind == "f" else str(item) for item in value.ravel()[:6])
        return f"array of shape {value.shape}, {value.dtype}: {start}, …"
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, list):
        # Lists inside a list are not looked into: of many in many there would be no end.
        items = ", ".join(repr(item)[:200] if isinstance(item, list | dict) else show(item) for item in value[:SHOWN])
        text = f"[{items}{', …' if len(value) > SHOWN else ''}]"
    else:
        text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"


def show_typed(value: Any) -> str:
    """Return a short text of a plain value with its type in front, which None says by itself."""
    return "None" if value is None else f"{type_name(value)}: {show(value)}"


def _shape_text(shape: tuple[int | None, ...]) -> str:
    sizes = ["any" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def array(
    value: Any,
    shape: tuple[int | None, ...] | None = None,
    dtype: str | tuple[str, ...] | None = None,
    kind: str = "numpy",
    what: str = "the result",
) -> np.ndarray:
    """Expect an array (``kind`` numpy or torch) of this shape and dtype; return it as a NumPy array.

    ``None`` in place of a shape, of one of its sizes or of a dtype means: anything. ``dtype`` may also be
    ``"integer"`` or ``"float"``, or several names.
    """
    wanted = "a numpy.ndarray" if kind == "numpy" else "a torch.Tensor"
    found = value.array if kind == "torch" and isinstance(value, TensorValue) else value
    if not isinstance(found, np.ndarray) or (kind == "torch") != isinstance(value, TensorValue):
        raise Mismatch(f"{what}: {wanted}", show_typed(value))
    if kind == "numpy" and found.ndim == 0 and shape not in (None, ()):
        raise Mismatch(f"{what}: {wanted} of shape {_shape_text(shape)}", f"a single number: {show(found)}")
    if shape is not None:
        fits = len(shape) == found.ndim and all(s in (None, n) for s, n in zip(shape, found.shape, strict=True))
        if not fits:
            raise Mismatch(f"{what}: shape {_shape_text(shape)}", f"shape {found.shape}")
    if dtype is not None:
        names = (dtype,) if isinstance(dtype, str) else dtype
        kinds = {"i": "integer", "u": "integer", "f": "float"}
        if found.dtype.name not in names and kinds.get(found.dtype.kind) not in names:
            raise Mismatch(f"{what}: dtype {' or '.join(names)}", f"dtype {found.dtype.name}")
    return found


def several(value: Any, expected: str, example: str) -> None:
    """Expect more than a single number, be it Python's or NumPy's."""
    single = isinstance(value, int | float) or (isinstance(value, np.ndarray) and value.ndim == 0)
    true(not single, expected, f"a single number: {show(value)}", example)


def _plain_array(value: Any) -> np.ndarray | None:
    if isinstance(value, TensorValue):
        return value.array
    if isinstance(value, np.ndarray | bool | int | float):
        return np.asarray(value)
    if isinstance(value, list):
        try:
            result = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            return None
        return result
    return None


def close(
    got: Any,
    want: Any,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    what: str = "the result",
    example: str | None = None,
    hint: str | None = None,
) -> None:
    """Expect numbers equal within ``atol + rtol * |want|``; NaN equals NaN, an infinity only itself."""
    found, wanted = _plain_array(got), np.asarray(_plain_array(want))
    if found is None or found.dtype.kind not in "biuf":
        raise Mismatch(f"{what}: {show(want)}", show_typed(got), example, hint)
    if found.shape != wanted.shape:
        raise Mismatch(f"{what}: shape {wanted.shape}", f"shape {found.shape}", example, hint)
    found, wanted = found.astype(float), wanted.astype(float)
    agree = np.isclose(found, wanted, rtol=rtol, atol=atol, equal_nan=True)
    if agree.all():
        return
    if found.ndim == 0:
        expected, came = tell_apart(float(wanted), float(found))
        raise Mismatch(f"{what}: {expected}", came, example, hint)
    index = tuple(int(i) for i in np.argwhere(~agree)[0])
    place = f"[{', '.join(map(str, index))}]"
    expected, came = tell_apart(wanted[index], found[index])
    wrong = f"{np.count_nonzero(~agree)} of {agree.size} values differ; the first: {place} = {came}"
    raise Mismatch(f"{what}: {place} = {expected}", wrong, example, hint, cut_difference(wanted, found, ~agree))


def equal(got: Any, want: Any, what: str = "the result", example: str | None = None, hint: str | None = None) -> None:
    """Expect the very same plain value: type and content, or every element of an array; NaN equals NaN."""
    if isinstance(want, np.ndarray):
        found, nan = _plain_array(got), want.dtype.kind == "f"
        same = found is not None and found.shape == want.shape and bool(np.array_equal(found, want, equal_nan=nan))
    else:
        same = type(got) is type(want) and got == want
    if not same:
        if isinstance(want, np.ndarray) and want.dtype.kind in "biuf":
            close(got, want, rtol=0, atol=0, what=what, example=example, hint=hint)
        raise Mismatch(f"{what}: {show(want)}", show_typed(got), example, hint)


def number(value: Any, what: str = "the result") -> float:
    """Expect one real number (a Python or NumPy number) and return it as a float; NaN is a number here."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf":
        return float(value)
    if type(value) in (int, float):
        return float(value)
    raise Mismatch(f"{what}: a float", show_typed(value))


def finite(value: Any, what: str = "the result") -> float:
    """Expect one finite number and return it as a float."""
    result = number(value, what)
    if not math.isfinite(result):
        raise Mismatch(f"{what}: a finite number", show(result))
    return result


def true(condition: bool, expected: str, got: str, example: str | None = None, hint: str | None = None) -> None:
    """Expect ``condition``; the texts say both sides where it does not hold."""
    if not condition:
        raise Mismatch(expected, got, example, hint)


def raises(
    student: Student,
    error: type[BaseException],
    name: str,
    /,
    *args: Any,
    example: str | None = None,
    hint: str | None = None,
    **kwargs: Any,
) -> str:
    """Expect ``name(*args, **kwargs)`` to raise ``error`` (or a subclass of it) and return its message."""
    try:
        value = student.call(name, *args, **kwargs)
    except StudentError as raised:
        if is_stub(raised):
            raise
        if error.__name__ in raised.bases:
            return raised.message
        raise Mismatch(f"{name} raises {error.__name__}", str(raised), example, hint, where=raised.where) from None
    raise Mismatch(f"{name} raises {error.__name__}", f"no error; it returned {show(value)}", example, hint)


def is_stub(error: StudentError) -> bool:
    """Return whether the error is a stub's own, the course's or nbgrader's bare one: nothing is written yet."""
    return error.type == "NotImplementedError" and (not error.message or error.message.startswith("Exercise "))
