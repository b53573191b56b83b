"""Code as a sequence of what it does: its syntax tree without names of its own, notes, layout and order of equals."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
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


def _keyword_name(node: ast.keyword) -> str:
    return node.arg or ""


class _Reader:
    """Turns nodes into tokens; ``names`` are those that the code itself gives."""

    def __init__(self, names: _Names) -> None:
        self._names = names
        self._line = 1

    def _token(self, text: str) -> Token:
        return Token(text, self._line)

    def read(self, node: ast.AST) -> Iterator[Token]:
        """Yield the tokens of a node, from the outside inwards."""
        if isinstance(node, _SILENT) or _is_note(node):
            return
        self._line = getattr(node, "lineno", self._line)
        special = getattr(self, f"_{type(node).__name__.lower()}", None)
        if special is not None:
            yield from special(node)
            return
        yield self._token(type(node).__name__)
        yield from self._children(node)

    def _children(self, node: ast.AST) -> Iterator[Token]:
        for child in ast.iter_child_nodes(node):
            yield from self.read(child)

    def _all(self, nodes: Sequence[ast.AST]) -> Iterator[Token]:
        for node in nodes:
            yield from self.read(node)

    def _name(self, node: ast.Name) -> Iterator[Token]:
        yield self._token("own" if node.id in self._names.own else f"name {node.id}")

    def _attribute(self, node: ast.Attribute) -> Iterator[Token]:
        yield self._token("attribute" if node.attr in self._names.attributes else f"attribute {node.attr}")
        yield from self.read(node.value)

    def _constant(self, node: ast.Constant) -> Iterator[Token]:
        text = "text" if isinstance(node.value, str | bytes) else repr(node.value)[:40]
        yield self._token(text)

    def _joinedstr(self, _: ast.JoinedStr) -> Iterator[Token]:
        # What a message says is soon said in other words.
        yield self._token("text")

    def _arg(self, _: ast.arg) -> Iterator[Token]:
        # Without its annotation.
        yield self._token("parameter")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Token]:
        yield self._token("function")
        yield from self.read(node.args)
        yield from self._all(node.body)
        yield from self._all(node.decorator_list)

    _functiondef = _asyncfunctiondef = _function

    def _annassign(self, node: ast.AnnAssign) -> Iterator[Token]:
        yield self._token("Assign")
        yield from self._all([each for each in (node.target, node.value) if each is not None])

    def _augassign(self, node: ast.AugAssign) -> Iterator[Token]:
        # As it would read written out.
        yield self._token("Assign")
        yield from self.read(node.target)
        yield self._token("BinOp")
        yield from self._all((node.target, node.op, node.value))

    def _compare(self, node: ast.Compare) -> Iterator[Token]:
        left, right, flipped = node.left, node.comparators[0], _FLIPPED.get(type(node.ops[0]))
        if len(node.ops) > 1 or flipped is None:
            yield self._token("Compare")
            yield from self._children(node)
            return
        yield self._token("Compare")
        yield from self._all((right, flipped(), left))

    def _call(self, node: ast.Call) -> Iterator[Token]:
        yield self._token("Call")
        yield from self._all((node.func, *node.args))
        yield from self._all(sorted(node.keywords, key=_keyword_name))

    def _keyword(self, node: ast.keyword) -> Iterator[Token]:
        yield self._token("keyword" if node.arg in self._names.own else f"keyword {node.arg}")
        yield from self.read(node.value)


def tokens(nodes: Sequence[ast.AST]) -> list[Token]:
    """Return what these pieces of code do, step by step; nothing where they are nested too deeply to be followed."""
    names = _Names()
    try:
        for node in nodes:
            names.visit(node)
        return [token for node in nodes for token in _Reader(names).read(node)]
    except (RecursionError, MemoryError):
        return []
