"""What the repairs of slips are made with: looking at a function's own nodes, replacing nodes of a tree."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

Make = Callable[[ast.AST], ast.AST | list[ast.stmt] | None]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    """Return every function and method of a tree."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, but for those of functions and classes inside it."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            yield from own_nodes(node)


def gives_back(function: ast.AST) -> bool:
    """Return whether a function has a ``return`` with a value, or yields."""
    nodes = list(own_nodes(function))
    returns = any(isinstance(node, ast.Return) and node.value is not None for node in nodes)
    return returns or any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes)


def call_of(node: ast.AST, name: str) -> ast.Call | None:
    """Return the call that a statement is, where it is one of the built-in function ``name``."""
    call = node.value if isinstance(node, ast.Expr) else None
    named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == name
    return call if named and isinstance(call, ast.Call) else None


def each_function(
    tree: ast.Module, wanted: Callable[[ast.FunctionDef], bool], mend: Callable[[ast.FunctionDef], bool]
) -> Iterator[ast.Module]:
    """Yield a copy of the tree in which ``mend`` changed every wanted function, where it changed one."""
    mended = copy.deepcopy(tree)
    if sum(mend(function) for function in functions(mended) if wanted(function)):
        yield mended


class Replace(ast.NodeTransformer):
    """Puts ``make(node)`` in the place of each node for which it returns something; ``count`` says how often."""

    def __init__(self, make: Make) -> None:
        self._make, self.count = make, 0

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        made = self._make(node)
        if made is None:
            return self.generic_visit(node)
        self.count += 1
        return made


def replaced(tree: ast.Module, make: Make) -> Iterator[ast.Module]:
    """Yield a copy of the tree with what ``make`` returns in place of nodes, where it returned something at all."""
    replace = Replace(make)
    mended = replace.visit(copy.deepcopy(tree))
    if replace.count and isinstance(mended, ast.Module):
        yield mended


def assigned_names(function: ast.FunctionDef) -> list[str]:
    """Return the names that a function's own statements assign, in order, each where it is assigned last."""
    names: list[str] = []
    for node in ast.walk(ast.Module(function.body, [])):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
    last = {name: position for position, name in enumerate(names)}
    return sorted(last, key=lambda name: last[name])
