"""Slips in functions, and how each is mended: every function yields mended copies of a tree, none without the slip."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

from .trees import Replace, assigned_names, call_of, each_function, gives_back, own_nodes, replaced

RETURNS_NONE = {"sort", "append", "extend", "reverse", "insert", "update", "remove", "clear"}
CHANGES_ITS_ARGUMENT = {"shuffle"}


def _is_nan(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
        return bool(node.args) and isinstance(node.args[0], ast.Constant) and str(node.args[0].value).lower() == "nan"
    return isinstance(node, ast.Attribute) and node.attr.lower() == "nan"


def compare_with_itself(tree: ast.Module) -> Iterator[ast.Module]:
    """``x == np.nan`` becomes ``x != x``, which is true where x is NaN."""

    def make(node: ast.AST) -> ast.AST | None:
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            return None
        sides = [side for side in (node.left, node.comparators[0]) if not _is_nan(side)]
        if len(sides) != 1:
            return None
        same = isinstance(node.ops[0], ast.Eq | ast.Is)
        if not same and not isinstance(node.ops[0], ast.NotEq | ast.IsNot):
            return None
        return ast.Compare(sides[0], [ast.NotEq() if same else ast.Eq()], [copy.deepcopy(sides[0])])

    return replaced(tree, make)


def return_what_is_printed(tree: ast.Module) -> Iterator[ast.Module]:
    """``print(x)`` becomes ``return x`` in functions that return nothing."""

    def mend(function: ast.FunctionDef) -> bool:
        found = [node for node in own_nodes(function) if (call := call_of(node, "print")) and call.args]
        if not found:
            return False
        call = call_of(found[-1], "print")
        assert call is not None
        value = call.args[0] if len(call.args) == 1 else ast.Tuple(call.args, ast.Load())
        replace = Replace(lambda node: ast.Return(value) if node is found[-1] else None)
        replace.visit(function)
        return True

    return each_function(tree, lambda function: not gives_back(function), mend)


def raise_what_is_printed(tree: ast.Module) -> Iterator[ast.Module]:
    """``print("…")`` or ``return ValueError("…")`` under a condition becomes ``raise ValueError("…")``."""

    def error_of(node: ast.AST, handled: bool) -> ast.expr | None:
        value = node.value if isinstance(node, ast.Return | ast.Expr) else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id.endswith("Error"):
            return value
        call = call_of(node, "print")
        if call is None or not call.args:
            return None
        # What handles an error prints the error itself.
        text = handled or isinstance(call.args[0], ast.JoinedStr | ast.Constant)
        return ast.Call(ast.Name("ValueError", ast.Load()), [call.args[0]], []) if text else None

    def make(node: ast.AST) -> ast.AST | None:
        if not isinstance(node, ast.If | ast.ExceptHandler):
            return None
        bodies = [node.body, *([node.orelse] if isinstance(node, ast.If) else [])]
        changed = False
        for body in bodies:
            for position, statement in enumerate(body):
                error = error_of(statement, isinstance(node, ast.ExceptHandler))
                if error is not None:
                    body[position] = ast.Raise(error, None)
                    changed = True
        return node if changed else None

    return replaced(tree, make)


def return_last_names(tree: ast.Module) -> Iterator[ast.Module]:
    """Functions that return nothing return their last expression, or the one, two or three names assigned last."""

    def needs(function: ast.FunctionDef) -> bool:
        return not gives_back(function) and not (function.name.startswith("__") and function.name != "__getitem__")

    def expression(function: ast.FunctionDef) -> bool:
        last = function.body[-1]
        if not isinstance(last, ast.Expr) or isinstance(last.value, ast.Constant):
            return False
        function.body[-1] = ast.Return(last.value)
        return True

    def names(count: int) -> Callable[[ast.FunctionDef], bool]:
        def mend(function: ast.FunctionDef) -> bool:
            found: list[ast.expr] = [ast.Name(name, ast.Load()) for name in assigned_names(function)[-count:]]
            if len(found) < count:
                return False
            function.body.append(ast.Return(found[0] if count == 1 else ast.Tuple(found, ast.Load())))
            return True

        return mend

    for mend in (expression, names(1), names(2), names(3)):
        yield from each_function(tree, needs, mend)


def use_what_was_changed(tree: ast.Module) -> Iterator[ast.Module]:
    """``y = x.sort()`` becomes ``x.sort(); y = x``, and ``return rng.shuffle(x)`` ``rng.shuffle(x); return x``."""

    def make(node: ast.AST) -> list[ast.stmt] | None:
        if not isinstance(node, ast.Assign | ast.Return):
            return None
        value = node.value
        if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
            return None
        if value.func.attr in RETURNS_NONE:
            changed = value.func.value
        elif value.func.attr in CHANGES_ITS_ARGUMENT and value.args:
            changed = value.args[0]
        else:
            return None
        again = copy.deepcopy(changed)
        after = ast.Return(again) if isinstance(node, ast.Return) else ast.Assign(node.targets, again)
        return [ast.Expr(value), after]

    return replaced(tree, make)


def _is_one_before(node: ast.AST, index: str) -> bool:
    """Return whether a node is an index such as ``[i - 1]`` or ``[i - 1, j]``."""
    if not isinstance(node, ast.Subscript):
        return False
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return any(
        isinstance(part, ast.BinOp)
        and isinstance(part.op, ast.Sub)
        and isinstance(part.left, ast.Name)
        and part.left.id == index
        and isinstance(part.right, ast.Constant)
        and part.right.value == 1
        for part in parts
    )


def start_at_one(tree: ast.Module) -> Iterator[ast.Module]:
    """``range(n)`` becomes ``range(1, n)`` where the loop looks at index minus one."""

    def make(node: ast.AST) -> ast.AST | None:
        if not isinstance(node, ast.For) or not isinstance(node.target, ast.Name):
            return None
        call, index = node.iter, node.target.id
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "range":
            return None
        if len(call.args) == 1:
            end = call.args[0]
        elif len(call.args) == 2 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0:
            end = call.args[1]
        else:
            return None
        if not any(_is_one_before(part, index) for part in ast.walk(node)):
            return None
        return ast.For(node.target, ast.Call(call.func, [ast.Constant(1), end], []), node.body, node.orelse)

    return replaced(tree, make)


def make_arrays(tree: ast.Module) -> Iterator[ast.Module]:
    """What is returned is made an array: of NumPy, in float32 or not, or of PyTorch."""
    for text in (
        "__import__('numpy').asarray(x)",
        "__import__('numpy').asarray(x, 'float32')",
        "__import__('torch').as_tensor(x)",
    ):

        def wrap(value: ast.expr, text: str = text) -> ast.expr:
            call = ast.parse(text, mode="eval").body
            assert isinstance(call, ast.Call)
            return ast.Call(call.func, [value, *call.args[1:]], [])

        def make(node: ast.AST) -> ast.AST | None:
            if not isinstance(node, ast.Return) or node.value is None:
                return None
            value = node.value
            return ast.Return(
                ast.Tuple([wrap(part) for part in value.elts], ast.Load())
                if isinstance(value, ast.Tuple)
                else wrap(value)
            )

        yield from replaced(tree, make)
