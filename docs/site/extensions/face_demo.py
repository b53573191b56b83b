"""The place of the face demo: static files in `demo/`, shown in a frame where they are complete."""

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = "demo"
# Without the network and the runtime the page could only apologize.
NEEDED = ("index.html", "model.onnx", "ort")
# What builds the page is not part of it.
LEFT_OUT = ("node_modules", "package*.json", "build.mjs", "README.md", ".*")
# A closed frame loads nothing, so that only who opens it waits for the runtime.
FRAME = """<details class="face-demo"><summary>Start it here (loads {megabytes} MB)</summary>
<iframe src="demo/index.html" title="Find the points of a face" loading="lazy" allow="camera"></iframe></details>
<p><a href="demo/index.html">Open it in a page of its own</a></p>
"""


def folder_of(app: Sphinx) -> Path | None:
    """Return the folder of the demo, None where something of it is not there."""
    folder = Path(app.srcdir) / FOLDER
    return folder if all((folder / name).exists() for name in NEEDED) else None


def _megabytes(folder: Path) -> int:
    files = [path for name in NEEDED for path in (folder / name, *(folder / name).rglob("*")) if path.is_file()]
    return max(1, round(sum(path.stat().st_size for path in files) / 1e6))


class FaceDemo(SphinxDirective):
    """``{face-demo}``: a heading, what it is, and the frame; or nothing."""

    def run(self) -> list[nodes.Node]:
        """Return what stands in its place."""
        # Files that come and go beside the page do not make it new by themselves.
        self.env.note_reread()
        folder = folder_of(self.env.app)
        if folder is None:
            return []
        section = nodes.section(ids=["your-own-face"], names=["your own face"])
        section += nodes.title(text="Your own face")
        text = (
            "A small network that saw drawn faces alone finds the keypoints of yours, from the camera or a picture. "
            "Nothing leaves the page. Students can load the network that they trained in lesson 05 or 10."
        )
        section += nodes.paragraph(text=text)
        section += nodes.raw("", FRAME.format(megabytes=_megabytes(folder)), format="html")
        return [section]


def copy_files(app: Sphinx, error: Exception | None) -> None:
    """Put the demo's files beside the pages, as they are."""
    folder = folder_of(app)
    if folder and not error and app.builder.format == "html":
        left_out = shutil.ignore_patterns(*LEFT_OUT)
        shutil.copytree(folder, Path(app.outdir) / FOLDER, ignore=left_out, dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the directive, and copy at the end."""
    app.add_directive("face-demo", FaceDemo)
    app.connect("build-finished", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
