"""Slips in classes, and how each is mended: every function yields the mended tree, nothing without the slip."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from .trees import Replace, assigned_names


def _constructors(tree: ast.AST) -> Iterator[tuple[ast.ClassDef, ast.FunctionDef]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    yield node, part


def call_parent_constructor(tree: ast.Module) -> Iterator[ast.Module]:
    """``super().__init__()`` goes before everything else in constructors of classes with a parent that lack it."""
    changed = False
    for owner, constructor in _constructors(tree):
        if owner.bases and "__init__" not in [
            node.attr for node in ast.walk(constructor) if isinstance(node, ast.Attribute)
        ]:
            constructor.body.insert(0, ast.parse("super().__init__()").body[0])
            changed = True
    if changed:
        yield tree


def _makes_layer(node: ast.AST) -> bool:
    """Return whether a node is ``nn.Name(…)``: functions of ``nn.functional`` begin with a small letter."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.func.attr[:1].isupper():
        return False
    module = node.func.value
    return (isinstance(module, ast.Name) and module.id == "nn") or (
        isinstance(module, ast.Attribute) and module.attr == "nn"
    )


def make_layers_once(tree: ast.Module) -> Iterator[ast.Module]:
    """Layers that ``forward`` makes are made in the constructor."""
    changed = False
    for owner, constructor in list(_constructors(tree)):
        for method in owner.body:
            if not isinstance(method, ast.FunctionDef) or method.name != "forward":
                continue

            def make(node: ast.AST, constructor: ast.FunctionDef = constructor) -> ast.AST | None:
                if not _makes_layer(node):
                    return None
                name = f"_made_{len(constructor.body)}"
                target = ast.Attribute(ast.Name("self", ast.Load()), name, ast.Store())
                assert isinstance(node, ast.Call)
                constructor.body.append(ast.Assign([target], node))
                return ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())

            replace = Replace(make)
            replace.visit(method)
            changed = changed or replace.count > 0
    if changed:
        yield tree


def put_self_before_names(tree: ast.Module) -> Iterator[ast.Module]:
    """Names of the object's that stand without ``self`` get it, where they are made or where they are used."""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    elsewhere = {part.asname or part.name for node in imports for part in node.names} | set(dir(builtins))
    elsewhere |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    changed = False
    for owner in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
        attributes = [node for node in ast.walk(owner) if isinstance(node, ast.Attribute)]
        own = [node for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "self"]
        made = {node.attr for node in own if isinstance(node.ctx, ast.Store)}
        made |= {part.name for part in owner.body if isinstance(part, ast.FunctionDef)}
        used = {node.attr for node in own if isinstance(node.ctx, ast.Load)}
        for method in [part for part in owner.body if isinstance(part, ast.FunctionDef)]:
            local = set(assigned_names(method)) | {
                argument.arg for argument in ast.walk(method.args) if isinstance(argument, ast.arg)
            }
            missing = (used - made) & set(assigned_names(method)) if method.name == "__init__" else set()
            wanted = missing | (made - local - elsewhere)

            def make(node: ast.AST, wanted: set[str] = wanted) -> ast.AST | None:
                if not isinstance(node, ast.Name) or node.id not in wanted:
                    return None
                return ast.Attribute(ast.Name("self", ast.Load()), node.id, node.ctx)

            replace = Replace(make)
            replace.visit(ast.Module(method.body, []))
            changed = changed or replace.count > 0
    if changed:
        yield tree
