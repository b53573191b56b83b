"""A students' repository with one click: links for its README, and notebooks that install the course in Colab."""

from __future__ import annotations

import json

from ...course.address import REPOSITORY, open_links, with_address
from ...course.manifest import CourseError, load_course

BRANCH = "main"
_WITHOUT = """\
The folder `.devcontainer` makes a container that has everything, for VS Code (command "Reopen in Container") and its
like."""
_WITH = """\
[Open it in Codespaces](https://codespaces.new/{repository}) or, in VS Code, with the command "Reopen in Container":
everything is there, set up as on a computer of your own.

In [Colab](https://colab.research.google.com) and on [Binder](https://mybinder.org) a lesson runs in the browser, with
its checks. In Colab the first cell installs the course; keep your work with *File, Save a copy in Drive*, and put the
notebook into `lessons/` to hand it in. Binder forgets what you don't download, and has little memory: take it for a
look. Both need this repository to be public.

| lesson | | |
|---|---|---|
{rows}"""


def check_repository(name: str) -> str:
    """Return a repository's name as it is. Raises CourseError where it is not ``OWNER/NAME``."""
    if not REPOSITORY.fullmatch(name):
        raise CourseError(f"--repository {name!r}; expected OWNER/NAME, as in the address of the repository on GitHub")
    return name


def one_click(repository: str | None) -> str:
    """Return what a README says about working without setting anything up."""
    if repository is None:
        return _WITHOUT
    rows = []
    for lesson in load_course().notebooks:
        links = open_links(repository, BRANCH, lesson.id)
        rows.append(f"| `{lesson.id}` | [Colab]({links['Colab']}) | [Binder]({links['Binder']}) |")
    return _WITH.format(repository=repository, rows="\n".join(rows))


def notebook_with_address(content: bytes, repository: str) -> bytes:
    """Return a lesson's notebook whose setup cell installs the course in Colab."""
    notebook = json.loads(content)
    for cell in notebook["cells"]:
        if "setup" in cell["metadata"].get("tags", []):
            cell["source"] = with_address("".join(cell["source"]), repository).splitlines(keepends=True)
    return f"{json.dumps(notebook, indent=1, ensure_ascii=False)}\n".encode()
