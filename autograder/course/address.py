"""Where a course lies on GitHub: its lessons open there with one click, and a notebook gets its course from there.

The setup cell says where to get it, or, in Colab, does it, once an address is known.

In the course's own lessons the cell only says what to run, since nobody knows where the course will lie. A students'
repository knows, and its notebooks are known again by the text that they were built with.
"""

from __future__ import annotations

import re
from urllib.parse import quote

_PLACE = "ADDRESS-OF-YOUR-COURSE"
_SAYS = f"""\
    raise ModuleNotFoundError(
        "This notebook needs its course: open it in the course's folder, or run %pip install {_PLACE}"
    ) from None"""
# Without what the course depends on: Colab has it, and other versions of it would break what Colab needs.
_INSTALLS = f"""\
    if "google.colab" not in sys.modules:
        raise ModuleNotFoundError(
            "This notebook needs its course: open it in the course's folder, or run %pip install {_PLACE}"
        ) from None
    get_ipython().run_line_magic("pip", "install -q --no-deps {_PLACE}")
    import autograder"""
_INSTALLED_FROM = re.compile(re.escape(_INSTALLS).replace(re.escape(_PLACE), r"git\+https://github\.com/[\w./-]+"))
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[\w.-]+", re.ASCII)


def with_address(text: str, repository: str) -> str:
    """Return a setup cell that installs the course from ``OWNER/NAME`` on GitHub where it runs in Colab."""
    return text.replace(_SAYS, _INSTALLS.replace(_PLACE, f"git+https://github.com/{repository}"))


def without_address(text: str) -> str:
    """Return a cell's text as it was built, whichever repository was put into it."""
    return _INSTALLED_FROM.sub(lambda _: _SAYS, text)


def open_links(repository: str, branch: str, lesson_id: str) -> dict[str, str]:
    """Return where a lesson of ``OWNER/NAME`` on GitHub opens with one click, by the name of what opens it."""
    place, branch = f"lessons/{lesson_id}/{lesson_id}.ipynb", quote(branch, safe="")
    return {
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/{branch}/{place}",
        "Binder": f"https://mybinder.org/v2/gh/{repository}/{branch}?labpath={quote(place, safe='')}",
        "Codespaces": f"https://codespaces.new/{repository}/tree/{branch}?quickstart=1",
    }
