"""Code as a sequence of what it does: its syntax tree without names of its own, notes, layout and order of equals."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

# Flipped to the left, so that ``0 > x`` and ``x < 0`` are the same.
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}
# What says nothing about how code works.
_SILENT = (ast.expr_context, ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)


@dataclass(frozen=True)
class Token:
    """A step of the code; ``line`` is where it stands, counted from 1."""

    text: str
    line: int


def _is_note(node: ast.AST) -> bool:
    """Return whether a statement is only a text, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Names(ast.NodeVisitor):
    """The names that a piece of code gives: what it defines, its parameters and variables, the attributes it sets."""

    def __init__(self) -> None:
        self.own: set[str] = set()
        self.attributes: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.own.add(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        self.own.add(node.arg)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.own |= {node.name} if node.name else set()
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.attributes.add(node.attr)
        self.generic_visit(node)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.own.add(node.name)
        self.attributes.add(node.name)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._define(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._define(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._define(node)


class _Reader:
    """Turns nodes into tokens, which it puts into ``found``; ``names`` are those that the code itself gives."""

    def __init__(self, names: _Names) -> None:
        self.found: list[Token] = []
        self._names = names
        self._line = 1

    def _put(self, text: str) -> None:
        self.found.append(Token(text, self._line))

    def read(self, node: ast.AST) -> None:
        """Put down the tokens of a node, from the outside inwards."""
        if isinstance(node, _SILENT) or _is_note(node):
            return
        self._line = getattr(node, "lineno", self._line)
        special = getattr(self, f"_{type(node).__name__.lower()}", None)
        if special is not None:
            special(node)
            return
        self._put(type(node).__name__)
        self._children(node)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self.read(child)

    def _all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.read(node)

    def _name(self, node: ast.Name) -> None:
        self._put("own" if node.id in self._names.own else f"name {node.id}")

    def _attribute(self, node: ast.Attribute) -> None:
        self._put("attribute" if node.attr in self._names.attributes else f"attribute {node.attr}")
        self.read(node.value)

    def _constant(self, node: ast.Constant) -> None:
        text = "text" if isinstance(node.value, str | bytes) else repr(node.value)[:40]
        self._put(text)

    def _joinedstr(self, _: ast.JoinedStr) -> None:
        # What a message says is soon said in other words.
        self._put("text")

    def _arg(self, _: ast.arg) -> None:
        # Without its annotation.
        self._put("parameter")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._put("function")
        self.read(node.args)
        self._all(node.body)
        self._all(node.decorator_list)

    _functiondef = _asyncfunctiondef = _function

    def _annassign(self, node: ast.AnnAssign) -> None:
        self._put("Assign")
        self._all([each for each in (node.target, node.value) if each is not None])

    def _augassign(self, node: ast.AugAssign) -> None:
        # As it would read written out.
        self._put("Assign")
        self.read(node.target)
        self._put("BinOp")
        self._all((node.target, node.op, node.value))

    def _compare(self, node: ast.Compare) -> None:
        left, right, flipped = node.left, node.comparators[0], _FLIPPED.get(type(node.ops[0]))
        if len(node.ops) > 1 or flipped is None:
            self._put("Compare")
            self._children(node)
            return
        self._put("Compare")
        self._all((right, flipped(), left))

    def _call(self, node: ast.Call) -> None:
        self._put("Call")
        self._all((node.func, *node.args))
        keywords = sorted(node.keywords, key=lambda each: each.arg or "")
        self._all(keywords)

    def _keyword(self, node: ast.keyword) -> None:
        self._put("keyword" if node.arg in self._names.own else f"keyword {node.arg}")
        self.read(node.value)


def tokens(nodes: Sequence[ast.AST]) -> list[Token]:
    """Return what these pieces of code do, step by step; nothing where they are nested too deeply to be followed."""
    names = _Names()
    try:
        for node in nodes:
            names.visit(node)
        reader = _Reader(names)
        for node in nodes:
            reader.read(node)
    except (RecursionError, MemoryError):
        return []
    return reader.found
