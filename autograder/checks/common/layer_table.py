"""The ladder of a network that a lesson gives by a table of layers (``table_network``)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from autograder.checks.common.module_shapes import say_shape_problem, shape_problem, shapes_text
from autograder.checks.common.shared import Shared
from autograder.checks.common.table_network import (
    BENDS,
    COMMON_MISTAKES,
    Layer,
    LayerTable,
    Shape,
    Step,
    Variant,
    draw_network,
    may_be_biased,
    may_be_normalized,
    run_grays,
    run_table,
)
from autograder.ladder import expect
from autograder.ladder.ladder import Ladder, Rung
from autograder.ladder.student import Student, StudentError

__all__ = ["Layer", "LayerTable", "Variant", "table_ladder"]

Found = dict[str, Any]

# float32 beside float64, where the outputs are of the size of 1; a mistake in a layer changes them by a hundredth.
TOLERANCE = 1e-4
_VIEW = re.compile(r"shape '\[-?\d+, (\d+)\]' is invalid for input of size (\d+)")


def _misfit(table: LayerTable, error: StudentError) -> tuple[str, int, int] | None:
    """Return what does not fit between two layers, also where view or reshape fails; see ``shape_problem``."""
    found = _VIEW.search(error.message)
    return ("features", int(found[2]) // table.images[0], int(found[1])) if found else shape_problem(error)


def _ask(table: LayerTable, probe: str, student: Student, rng: np.random.Generator) -> Found:
    """Return what the student's network does; raise Mismatch where its layers do not fit each other."""
    seed = int(rng.integers(2**31))
    x, values = draw_network(table, seed)
    upstream = rng.normal(size=(table.images[0], table.outputs)).astype(np.float32)
    grays = rng.uniform(0.2, 0.6, table.images[0]).astype(np.float32)
    try:
        found = student.probe(probe, x=x, values=list(values.values()), upstream=upstream, grays=grays)
    except StudentError as error:
        problem = _misfit(table, error)
        if problem is None:
            raise
        takes = say_shape_problem(*problem, unequal="two tensors that do not fit")
        hint = "Print x.shape after each layer and compare it with the table. The first line that differs is the one."
        raise expect.Mismatch(table.maps(table.images[0]), takes, hint=hint, where=error.where) from None
    return {**found, "seed": seed, "x": x, "grays": grays}


def _answer(table: LayerTable, found: Found, key: str) -> np.ndarray:
    """Return an answer of the network as rows of numbers; axes of another form cost points where shapes are asked."""
    value = expect.array(found[key], kind="torch", what="the network's answer")
    count = 1 if key == "alone" else table.images[0]
    return value.reshape(count, -1) if value.size == count * table.outputs else value


def _computes_something(table: LayerTable, found: Found, shapes: Counter[Shape], normalized: bool = False) -> bool:
    """Return whether the answers to images of one gray come from the network's weights, whatever is mistaken between,
    be it ``normalized``.

    What a network says of its layers proves nothing; these answers can't be made up.
    """
    got = _answer(table, found, "gray_output")
    sides = np.resize(np.array(table.images[:1:-1]), table.outputs)
    ends: list[Step] = [lambda out: out, lambda out: out * sides]
    ends += [variant.end for variant in COMMON_MISTAKES.values() if variant.end is not None]
    # 0.5 is what the lessons take off a picture, and some take off once more.
    # Layers with a normalization that the table does not have come last, and only where they may be there.
    choices = [(biased, frozenset[int]()) for biased in may_be_biased(table, shapes)]
    choices += may_be_normalized(table, shapes) if normalized else []
    for bend, (biased, behind), off in product(BENDS, choices, (0.0, 0.5)):
        if behind and bend is not BENDS[0]:
            # Two mistakes at once; and where many layers are normalized there are many choices.
            continue
        want = run_grays(table, found["seed"], biased, found["grays"].astype(float) - off, bend, behind)
        if any(_close(got, end(want)) for end in ends if got.shape == want.shape):
            return True
    return False


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def _is_a_module(table: LayerTable, found: Found) -> None:
    hint = "Derive it from nn.Module."
    expect.true(found["is_module"], f"{table.name}() is an nn.Module", f"a {found['type']}", hint=hint)


def _has_its_shape(table: LayerTable, found: Found) -> None:
    for count, key in ((table.images[0], "output"), (1, "alone")):
        shape = expect.array(found[key], kind="torch", what=table.maps(count)).shape
        hint = "Keep the axis of the batch: flatten from axis 1 on, and squeeze nothing away."
        if shape[:1] == (count,) and len(shape) > 2:
            hint = f"One row of {table.outputs} numbers for each {table.image}: leave them in a single axis."
        expect.true(shape == (count, table.outputs), table.maps(count), f"shape {shape}", hint=hint)


def _is_float32(table: LayerTable, found: Found) -> None:
    output = found["train_output"]
    expect.array(output, dtype="float32", kind="torch", what="the network's answer")
    expect.true(output.requires_grad, "an answer with a gradient", "an answer cut off from the parameters")


def _has_each_layer(table: LayerTable, found: Found) -> None:
    got, due = Counter(tuple(shape) for shape in found["shapes"]), Counter(layer.weight for layer in table.layers)
    hint = (
        "Count the channels and the sizes of the kernels; layers in a plain list or dict, or created in forward, are "
        "invisible to PyTorch."
    )
    lacking = shapes_text(list((due - got).elements()))
    expect.true(not due - got, f"weights of the shapes {lacking}", "none of them, or too few", hint=hint)
    hint = "Does forward use every layer that __init__ makes, in the order of the table?"
    came, example = "an answer that these layers do not give", f"{table.image}s of a single gray, and no weight below 0"
    made = _computes_something(table, found, got, normalized=True)
    expect.true(made, "an answer computed by these layers", came, example, hint)


def _has_the_layers(table: LayerTable, found: Found) -> None:
    got, most = Counter(tuple(shape) for shape in found["shapes"]), Counter(table.parameters)
    least = Counter(layer.weight for layer in table.layers) if table.bias_free else most
    wrong = [shape for shape in got | most if not least[shape] <= got[shape] <= most[shape]]
    texts = [shapes_text([shape for shape in wrong for _ in range(count[shape])]) for count in (most, got)]
    hint = (
        "Count the channels, the sizes of the kernels, and one bias a layer. Normalizations bring parameters too; "
        "layers in a plain Python list or dict, or created in forward, are invisible to PyTorch."
    )
    expect.true(not wrong, f"parameters: {texts[0]}", texts[1], "those shapes that differ from the table's", hint)
    others = [tuple(shape) for shape in found["others"]]
    hint = "Running statistics and frozen weights are no part of this network."
    expect.true(not others, "nothing but trained parameters", f"kept besides: {shapes_text(others)}", hint=hint)
    hint = "Does forward use every layer that __init__ makes, in the order of the table, and nothing else?"
    example = f"{table.image}s of a single gray, and no weight below 0"
    came = "an answer that these layers do not give"
    expect.true(_computes_something(table, found, got), "an answer computed by these layers", came, example, hint)


def _computes_the_table(table: LayerTable, found: Found) -> None:
    got, seed = _answer(table, found, "output"), found["seed"]
    choices = may_be_biased(table, Counter(tuple(shape) for shape in found["shapes"]))
    if any(_close(got, run_table(table, seed, biased)) for biased in choices):
        return
    example = f"random {table.image}s, and random numbers for all of your weights"
    hint = "Compare your layers and their order with the table of the lesson, one by one."
    for words, variant in {**table.mistakes, **COMMON_MISTAKES}.items():
        if _close(got, run_table(table, seed, choices[-1], variant)):
            raise expect.Mismatch(table.answer, f"the result of {words}", example, hint)
    want = run_table(table, seed, choices[-1])
    expect.close(got, want, rtol=TOLERANCE, atol=TOLERANCE, what=table.answer, example=example, hint=hint)


def _same_in_train_mode(table: LayerTable, found: Found) -> None:
    whole = _answer(table, found, "output")
    expect.true(whole.shape == (table.images[0], table.outputs), "answers of the table's size", f"shape {whole.shape}")
    hint = "The table has no dropout and no normalization."
    trained = _answer(table, found, "train_output")
    same = _close(trained, whole)
    expect.true(same, "the same answer in train and in eval mode", "another answer in train mode", hint=hint)
    same = _close(_answer(table, found, "alone"), whole[:1])
    others = "others" if table.images[0] > 2 else "other"
    alone = f"the first {table.image} alone: the answer as beside the {others}"
    expect.true(same, alone, "another answer", hint=hint)


def _has_gradients(table: LayerTable, found: Found) -> None:
    missing = found.get("without_grad")
    if missing is None:
        raise expect.Mismatch("an answer that can be led back to the weights", "no gradient at all")
    hint = "A layer that __init__ creates is never used by forward, or another one is used twice in its place."
    got = f"none for {shapes_text([tuple(shape) for shape in missing])}"
    expect.true(not missing, "a gradient for every parameter", got, hint=hint)


def _leaves_its_input(table: LayerTable, found: Found) -> None:
    kept = np.array_equal(found["x_after"].array, found["x"])
    hint = "An operation in place (-=, relu_, inplace=True) wrote into x itself."
    expect.true(kept, f"{table.image}s as they were", f"{table.image}s that were overwritten", hint=hint)


def table_ladder(table: LayerTable, probe: str, *, shape_rung: str, layers: str, answer_points: float) -> Ladder:
    """Return the ladder of a network that is given by its table.

    Args:
        table: the network's layers.
        probe: the probe that builds and runs it; see ``network`` in ``probes/layer_table.py``.
        shape_rung: the name of the rung about shapes.
        layers: in words, what the table consists of.
        answer_points: what the rung about the network's answer is worth.
    """
    ladder = Ladder(table.name)
    asked: Shared[Found] = Shared(table.name, lambda student, rng: _ask(table, probe, student, rng))

    def add(
        kind: str,
        points: float,
        name: str,
        looked_at: str,
        check: Callable[[LayerTable, Found], None],
        gate: bool = False,
    ) -> None:
        ladder.add(Rung(kind, points, gate, name, looked_at, lambda student, rng: check(table, asked(student, rng))))

    asks = f"{table.image.capitalize()}s (B, {', '.join(map(str, table.images[1:]))})"
    becomes = f"{asks} become (B, {table.outputs}), one {table.image} alone included."
    has = f"{layers} with the shapes of the table, and nothing else to learn."
    computes = "The answer is that of the table's layers in their order, from the network's own weights."
    alone = "Train mode changes nothing, and neither does who shares the batch."
    built = f"{table.name} is an nn.Module that can be built and run."
    add("type", 1, "is_a_module", built, _is_a_module, gate=True)
    add("shape", 2, shape_rung, becomes, _has_its_shape)
    add("dtype", 1, "answers_in_float32", "The answer is float32 and can be trained.", _is_float32)
    add("values", 2, "has_the_layers_of_the_table", has, _has_the_layers)
    add("values", 2, "has_each_layer_of_the_table", f"{layers}, whatever else there is.", _has_each_layer)
    add("values", answer_points, "computes_the_table", computes, _computes_the_table)
    add("edge cases", 1, "answers_the_same_in_train_mode", alone, _same_in_train_mode)
    add("gradients", 1, "trains_every_layer", "Every parameter gets a gradient.", _has_gradients)
    add("side effects", 1, f"leaves_the_{table.image}s", "The network does not change its input.", _leaves_its_input)
    return ladder
