"""What the site needs is pinned with the rest, and is all that its files import."""

from __future__ import annotations

import ast
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.course.manifest import ROOT
from tests.test_setup import SYSTEMS, applies, read_pins, versions

# Module to the package that brings it, where the names differ.
PACKAGES = {"myst_nb": "myst-nb", "axe_playwright_python": "axe-playwright-python"}


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in project["optional-dependencies"]["site"]]


@pytest.mark.parametrize("python", ["3.11.9", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_sites_tools_are_pinned_within_what_is_asked_for(system: str, python: str) -> None:
    pins = versions(read_pins("constraints.txt"), system, python)
    for requirement in wanted():
        if applies(requirement, system, python):
            assert pins[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_sites_files_import_what_is_asked_for() -> None:
    names = {canonicalize_name(requirement.name) for requirement in wanted()}
    own = {path.stem for path in (ROOT / "docs" / "site" / "extensions").glob("*.py")} | {"autograder"}
    for path in (ROOT / "docs" / "site").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for module in {module.partition(".")[0] for module in modules} - own - sys.stdlib_module_names:
                assert PACKAGES.get(module, module) in names, f"{path.name} imports {module}"
