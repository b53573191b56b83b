"""Plain data between the two processes: a JSON header and raw ``.npy`` blocks, never pickles.

One frame is ``<magic 4 bytes><length uint32><JSON header><npy block>...``. ``encode`` turns any value
into the plain types that both sides agree on; whatever is not plain becomes an ``Opaque`` description.
Reading trusts nothing: lengths are capped before memory is taken, and arrays are read without pickles.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from .plain_values import (
    MAX_ARRAYS,
    MAX_BLOCKS,
    MAX_DEPTH,
    MAX_HEADER,
    MAX_INTEGER,
    MAX_ITEMS,
    MAX_SIGNS,
    MAX_TEXT,
    NPY_HEADER,
    Opaque,
    TableValue,
    TensorValue,
    TooMuchData,
    WireError,
)
from .unpacking import Unpacker

MAGIC = b"FKP1"


def type_name(value: object) -> str:
    """Return the type of a plain value as a student would name it."""
    if isinstance(value, Opaque):
        return value.type_name
    if isinstance(value, TensorValue):
        return "torch.Tensor"
    if isinstance(value, TableValue):
        return "pandas.DataFrame"
    if isinstance(value, np.ndarray):
        return "numpy.ndarray" if value.ndim else f"numpy.{value.dtype.name}"
    return "None" if value is None else type(value).__name__


def _short_text(value: object) -> str:
    try:
        return str.__str__(repr(value))[:200]
    except BaseException:
        return "<no text>"


class _Blocks(list[bytes]):
    """The ``.npy`` blocks of one frame, and how much it holds so far."""

    items = 0
    size = 0
    arrays = 0

    def take(self, size: int = 0) -> None:
        """Count one more value of so many bytes. Raises TooMuchData before memory is taken for it."""
        self.items += 1
        self.size += size
        if self.size > MAX_BLOCKS or self.items > MAX_ITEMS:
            most = f"{MAX_BLOCKS // 2**20} MB of arrays and {MAX_ITEMS:,} values"
            raise TooMuchData(f"the answer is too large; at most {most} are taken")

    def take_array(self, size: int) -> None:
        """Count one more array of so many bytes. Raises TooMuchData."""
        self.arrays += 1
        if self.arrays > MAX_ARRAYS:
            raise TooMuchData(f"the answer holds too many arrays; at most {MAX_ARRAYS:,} are taken")
        self.take(size + NPY_HEADER)


def _pack_array(array: np.ndarray, blocks: _Blocks) -> dict:
    blocks.take_array(array.nbytes)
    if array.dtype.kind not in "biufc":
        if array.dtype.kind in "OUSMmT" and array.ndim <= 2 and array.size <= 1_000_000:
            return {"t": "opaque", "name": f"numpy.ndarray of {array.dtype}", "text": _short_text(array)}
        raise WireError(f"an array of dtype {array.dtype} is not plain data")
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)
    blocks.append(buffer.getvalue())
    return {"t": "array", "n": len(blocks[-1])}


def _pack_table(frame: Any, blocks: _Blocks, depth: int) -> dict:
    columns = [str(column) for column in frame.columns]
    data = []
    for position in range(len(columns)):
        series = frame.iloc[:, position]
        array = series.to_numpy()
        data.append(_pack(array if array.dtype.kind in "biuf" else series.tolist(), blocks, depth + 1))
    return {"t": "table", "columns": columns, "data": data, "index": _pack(frame.index.tolist(), blocks, depth + 1)}


def _pack(value: Any, blocks: _Blocks, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        return {"t": "opaque", "name": type(value).__name__, "text": "nested too deeply"}
    kind = type(value)
    blocks.take(len(value) if kind is str else 0)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if abs(value) < MAX_INTEGER else {"t": "opaque", "name": "int", "text": "a very large int"}
    if kind is str:
        return value[:MAX_TEXT]
    if kind is float:
        return {"t": "float", "v": value.hex()}
    # The base classes' own methods: what a subclass makes of them is not asked.
    for sequence in (list, tuple):
        if issubclass(kind, sequence):
            return [_pack(item, blocks, depth + 1) for item in sequence.__iter__(value)]
    if issubclass(kind, dict) and all(type(key) is str for key in dict.keys(value)):
        packed = [_pack(item, blocks, depth + 1) for item in dict.values(value)]
        return {"t": "dict", "k": list(dict.keys(value)), "v": packed}
    if isinstance(value, np.generic):
        return _pack_array(np.asarray(value), blocks)
    if isinstance(value, np.ndarray):
        return _pack_array(np.ndarray.view(value, np.ndarray), blocks)
    if isinstance(value, TensorValue):
        return {"t": "tensor", "a": _pack_array(value.array, blocks), "g": value.requires_grad}
    if isinstance(value, Opaque):
        return {"t": "opaque", "name": value.type_name, "text": value.text}
    if isinstance(value, TableValue):
        data = [_pack(value.data[column], blocks, depth + 1) for column in value.columns]
        return {"t": "table", "columns": value.columns, "data": data, "index": _pack(value.index, blocks, depth + 1)}
    torch, pandas = sys.modules.get("torch"), sys.modules.get("pandas")
    if torch is not None and isinstance(value, torch.Tensor):
        with torch._C.DisableTorchFunctionSubclass():
            plain = value.detach().cpu()
            array = (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy()
            requires_grad = bool(value.requires_grad)
        return {"t": "tensor", "a": _pack_array(np.array(array, subok=False), blocks), "g": requires_grad}
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return _pack_table(value, blocks, depth)
    plainer: tuple[tuple[type, Callable[[Any], Any]], ...] = (
        (bool, bool),
        (int, int.__int__),
        (float, float.__float__),
        (str, str.__str__),
    )
    for base, convert in plainer:
        if isinstance(value, base):
            return _pack(convert(value), blocks, depth + 1)
    name = f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else kind.__qualname__
    return {"t": "opaque", "name": name, "text": _short_text(value)}


def encode(value: object) -> bytes:
    """Return one frame that holds ``value`` as plain data."""
    blocks = _Blocks()
    header = json.dumps(_pack(value, blocks), allow_nan=False).encode()
    if len(header) > MAX_HEADER:
        raise TooMuchData(f"the answer holds {len(header):,} bytes of text; at most {MAX_HEADER:,} are taken")
    return b"".join([MAGIC, struct.pack("<I", len(header)), header, struct.pack("<Q", sum(map(len, blocks))), *blocks])


def read_frame(read: Callable[[int], bytes]) -> Any:
    """Return the value of the next frame.

    ``read(n)`` returns exactly n bytes or raises EOFError. Raises WireError for anything that is not a frame.
    """
    if read(4) != MAGIC:
        raise WireError("not a frame")
    (length,) = struct.unpack("<I", read(4))
    if length > MAX_HEADER:
        raise WireError(f"a header of {length:,} bytes; at most {MAX_HEADER:,} are read")
    header = read(length)
    (length,) = struct.unpack("<Q", read(8))
    if length > MAX_BLOCKS:
        raise WireError(f"arrays of {length:,} bytes; at most {MAX_BLOCKS:,} are read")
    blocks = read(length)
    if sum(map(header.count, (b",", b"[", b"{"))) > MAX_SIGNS:
        raise WireError("a header of too many values")
    try:
        return Unpacker(blocks).value(json.loads(header))
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"not plain data: {type(error).__name__}: {error}") from error


def exact_reader(stream: BinaryIO) -> Callable[[int], bytes]:
    """Return ``read(n)`` for ``read_frame``: exactly n bytes of ``stream``, or EOFError where it ends before."""

    def read(count: int) -> bytes:
        data = stream.read(count)
        if len(data) < count:
            raise EOFError
        return data

    return read


def decode(frame: bytes) -> Any:
    """Return the value of a frame held in memory; see ``read_frame``."""
    return read_frame(exact_reader(io.BytesIO(frame)))
