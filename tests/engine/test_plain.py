"""Plain data crosses the wire unchanged; anything else is refused or described, never executed."""

from __future__ import annotations

import json
import pickle
import struct
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.worker.plain import MAGIC, Opaque, TensorValue, TooMuchData, WireError, decode, encode

scalars = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=20)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]), hnp.array_shapes(max_side=4)
)


@given(trees)
def test_plain_values_come_back(value: Any) -> None:
    assert decode(encode(value)) == value


@given(arrays)
def test_arrays_come_back_with_shape_and_dtype(array: np.ndarray) -> None:
    found = decode(encode({"a": array}))["a"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_layouts_and_odd_numbers_come_back() -> None:
    for array in (np.arange(6.0).reshape(2, 3).T, np.array(3, np.int8), np.zeros((0, 4)), np.array([np.nan, -np.inf])):
        np.testing.assert_array_equal(decode(encode(array)), array)
    assert np.isnan(decode(encode(float("nan"))))


class Liar(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __float__(self) -> float:
        return 42.0

    __hash__ = float.__hash__


class Evil:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_subclasses_become_exact_built_ins() -> None:
    found = decode(encode([Liar(1.5), True]))
    assert type(found[0]) is float
    assert found[0] == 1.5
    assert found[1] is True

    class Poisoned(np.ndarray):
        def __array_finalize__(self, other: object) -> None: ...

        def __eq__(self, other: object) -> bool:
            return True

    assert type(decode(encode(np.zeros(2).view(Poisoned)))) is np.ndarray


def test_other_objects_become_a_description() -> None:
    assert decode(encode(Evil())).type_name.endswith("Evil")
    assert isinstance(decode(encode(np.array([object()]))), Opaque)
    assert isinstance(decode(encode({1: 2})), Opaque)
    assert isinstance(decode(encode(10**40)), Opaque)
    nested: list = []
    nested.append(nested)
    decode(encode(nested))


def test_tensors_say_whether_they_require_a_gradient() -> None:
    import torch

    found = decode(encode(torch.ones(2, requires_grad=True)))
    assert isinstance(found, TensorValue)
    assert found.requires_grad
    assert found.array.dtype == np.float32


def frame(header: object, blocks: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return MAGIC + struct.pack("<I", len(text)) + text + struct.pack("<Q", len(blocks)) + blocks


def npy(shape: str, descr: str = "'<f8'", data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    header += b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    "data",
    [
        b"PASSED" * 10,
        MAGIC + struct.pack("<I", 2**31),
        MAGIC + struct.pack("<I", 2) + b"{}" + struct.pack("<Q", 2**60),
        frame({"t": "array", "n": 10}, pickle.dumps([1, 2])[:10]),
        frame({"t": "array", "n": 128}, npy("(1000000000000,)")[:128]),
        frame({"t": "array", "n": 200}, npy("(1,)", "'|O'", b"12345678")),
        frame({"t": "surprise"}),
        frame({"t": "float", "v": "import os"}),
        frame({"t": "dict", "k": ["a"], "v": []}),
        MAGIC + struct.pack("<I", 100_000) + b"[" * 100_000 + struct.pack("<Q", 0),
        frame([{"t": "array", "n": 128}] * 150_000, npy("(0,)") * 150_000),
        frame([[]] * 3_000_000),
        frame([0] * 1_100_000),
        frame({"t": "array", "n": 128}, npy(f"({2**50}, 0)")),
        frame({"t": "array", "n": 128}, npy("(-1, 0)")),
        frame({"t": "array", "n": -5}),
        frame({"t": "array", "n": 5}),
        frame({"t": "array"}),
        frame({"t": "tensor", "a": 5, "g": True}),
        frame({"t": "table", "columns": ["a"], "data": [1], "index": {"t": "float", "v": "0x1p+0"}}),
        frame({"t": "table", "columns": 5, "data": [], "index": []}),
        frame({"t": []}),
        frame(1.5),
    ],
    ids=[
        *("text", "long header", "long blocks", "pickle", "huge array", "objects", "kind", "float", "dict", "nested"),
        *("empty arrays", "lists", "items", "no values", "negative", "negative size", "cut", "no size", "tensor"),
        *("table index", "table columns", "odd kind", "a bare number"),
    ],
)
def test_forged_frames_are_refused(data: bytes) -> None:
    started = time.monotonic()
    with pytest.raises((WireError, EOFError)):
        decode(data)
    assert time.monotonic() - started < 20


def test_far_too_many_arrays_are_not_sent() -> None:
    with pytest.raises(TooMuchData, match="too many arrays"):
        encode([np.zeros(0)] * 100_001)


def test_very_large_numbers_are_described() -> None:
    assert decode(frame(10**30)) == Opaque("int", "a very large int")
