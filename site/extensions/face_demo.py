"""The place of the face demo: static files in `demo/`, shown in a frame where they are there."""

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = "demo"
FRAME = """<iframe class="face-demo" src="demo/index.html" title="Keypoints on your own face, live" loading="lazy"
  allow="camera; clipboard-read"></iframe>
<p><a href="demo/index.html">Open it in a page of its own</a></p>
"""


def folder_of(app: Sphinx) -> Path | None:
    """Return the folder of the demo, None where this course has none."""
    folder = Path(app.srcdir) / FOLDER
    return folder if (folder / "index.html").is_file() else None


class FaceDemo(SphinxDirective):
    """``{face-demo}``: a heading and the frame, or nothing."""

    def run(self) -> list[nodes.Node]:
        """Return what stands in its place."""
        self.env.note_dependency(f"{FOLDER}/index.html")
        if folder_of(self.env.app) is None:
            return []
        section = nodes.section(ids=["your-face"], names=["your face"])
        section += nodes.title(text="Your own face")
        section += nodes.paragraph(text="A small network finds the keypoints. Your picture does not leave this page.")
        section += nodes.raw("", FRAME, format="html")
        return [section]


def copy_files(app: Sphinx, error: Exception | None) -> None:
    """Put the demo's files beside the pages, as they are."""
    folder = folder_of(app)
    if folder and not error and app.builder.format == "html":
        shutil.copytree(folder, Path(app.outdir) / FOLDER, dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the directive, and copy at the end."""
    app.add_directive("face-demo", FaceDemo)
    app.connect("build-finished", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
