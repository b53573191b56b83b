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


def _methods(owner: ast.ClassDef) -> list[ast.FunctionDef]:
    return [part for part in owner.body if isinstance(part, ast.FunctionDef)]


def _arguments(method: ast.FunctionDef) -> set[str]:
    return {argument.arg for argument in ast.walk(method.args) if isinstance(argument, ast.arg)}


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _of_self(name: str, context: ast.expr_context) -> ast.Attribute:
    return ast.Attribute(ast.Name("self", ast.Load()), name, context)


def _keep_in_self(constructor: ast.FunctionDef, wanted: set[str]) -> bool:
    """Let ``name = …`` in a constructor set ``self.name``, too, for the wanted names; return whether any did."""
    found = False
    for node in ast.walk(constructor):
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name) and target.id in wanted]
            node.targets += [_of_self(name, ast.Store()) for name in names]
            found = found or bool(names)
    return found


def _write_self(method: ast.FunctionDef, wanted: set[str]) -> bool:
    """Put ``self.`` before the wanted names in a method; return whether there were any."""

    def make(node: ast.AST) -> ast.AST | None:
        return _of_self(node.id, node.ctx) if isinstance(node, ast.Name) and node.id in wanted else None

    replace = Replace(make)
    replace.visit(ast.Module(method.body, []))
    return replace.count > 0


def put_self_before_names(tree: ast.Module) -> Iterator[ast.Module]:
    """Names of the object's that stand without ``self`` get it, where they are made or where they are used."""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    elsewhere = {part.asname or part.name for node in imports for part in node.names} | set(dir(builtins))
    elsewhere |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    changed = False
    for owner, constructor in _constructors(tree):
        attributes = [node for node in ast.walk(owner) if isinstance(node, ast.Attribute)]
        own = [node for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "self"]
        made = {node.attr for node in own if isinstance(node.ctx, ast.Store)} | {part.name for part in _methods(owner)}
        used = {node.attr for node in own if isinstance(node.ctx, ast.Load)}
        others = [method for method in _methods(owner) if method is not constructor]
        in_others = {name for method in others for name in _names(method) - _arguments(method)}
        local = set(assigned_names(constructor))
        missing = (used - made) & local | (in_others & local - _arguments(constructor) - made)
        for method in others:
            bare = (made - set(assigned_names(method)) - elsewhere) | missing
            changed |= _write_self(method, bare - _arguments(method))
        changed |= _write_self(constructor, made - local - _arguments(constructor) - elsewhere)
        changed |= _keep_in_self(constructor, missing)
    if changed:
        yield tree


def take_self(tree: ast.Module) -> Iterator[ast.Module]:
    """Methods that don't take ``self`` take it."""
    changed = False
    for owner in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
        for method in _methods(owner):
            if not method.decorator_list and (not method.args.args or method.args.args[0].arg not in ("self", "cls")):
                method.args.args.insert(0, ast.arg("self"))
                changed = True
    if changed:
        yield tree
