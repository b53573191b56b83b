"""Read the values of a frame back, trusting nothing of what it says."""

from __future__ import annotations

import io
import math
from functools import lru_cache
from typing import Any

import numpy as np

from .plain_values import (
    MAX_ARRAYS,
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_ITEMS,
    Opaque,
    TableValue,
    TensorValue,
    WireError,
)


@lru_cache(maxsize=1000)
def _array_header(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, order and dtype of a ``.npy`` header, from its magic to its end."""
    stream = io.BytesIO(header)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise WireError("an array in an unexpected version of the .npy format")
    return np.lib.format.read_array_header_1_0(stream, max_header_size=10_000)


class Unpacker:
    """Reads the values of one frame back: each is looked at before it is used, for whoever wrote it may be lying."""

    def __init__(self, blocks: bytes) -> None:
        self._blocks = blocks
        self._place = 0
        self._items = 0
        self._arrays = 0

    def value(self, node: Any, depth: int = 0) -> Any:
        """Return the value that a node of the header stands for. Raises WireError, or KeyError where one lacks."""
        self._items += 1
        if self._items > MAX_ITEMS or depth > 2 * MAX_DEPTH:
            raise WireError("too many values, or nested too deeply")
        if node is None or isinstance(node, bool | str):
            return node
        if isinstance(node, int):
            return node if abs(node) < MAX_INTEGER else Opaque("int", "a very large int")
        if isinstance(node, list):
            return [self.value(item, depth + 1) for item in node]
        match node["t"]:
            case "float":
                return float.fromhex(node["v"])
            case "array":
                return self._array(node)
            case "tensor":
                return TensorValue(self._array(node["a"]), bool(node["g"]))
            case "dict":
                return self._mapping(node["k"], node["v"], depth)
            case "table":
                columns = [str(column) for column in node["columns"]]
                index = self.value(node["index"], depth + 1)
                if not isinstance(index, list):
                    raise WireError("a table whose index is no list")
                return TableValue(columns, self._mapping(columns, node["data"], depth), index)
            case "opaque":
                return Opaque(str(node["name"])[:200], str(node["text"])[:200])
        raise WireError(f"unknown kind of value {node['t']!r}")

    def _mapping(self, keys: list[str], values: list[Any], depth: int) -> dict[str, Any]:
        return {str(key): self.value(value, depth + 1) for key, value in zip(keys, values, strict=True)}

    def _array(self, node: dict[str, Any]) -> np.ndarray:
        self._arrays += 1
        if self._arrays > MAX_ARRAYS:
            raise WireError(f"more than {MAX_ARRAYS:,} arrays")
        size = int(node["n"])
        block = memoryview(self._blocks)[self._place : self._place + size]
        # Ten bytes tell how long the header is.
        begin = 10 + int.from_bytes(block[8:10], "little")
        if not begin <= size == len(block):
            raise WireError("an array that is cut off")
        self._place += size
        shape, fortran_order, dtype = _array_header(bytes(block[:begin]))
        data = block[begin:]
        if 0 in shape and max(shape) > MAX_ITEMS:
            raise WireError(f"an array of no values and shape {shape}")
        if dtype.kind not in "biufc" or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
            raise WireError(f"an array of dtype {dtype} and shape {shape} in {len(data)} bytes is not plain data")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C").copy()
