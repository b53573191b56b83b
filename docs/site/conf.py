"""How Sphinx puts the site together. `make site` writes the lessons' pages first, then runs Sphinx on this folder."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE / "extensions")]

from autograder.course.manifest import load_course  # noqa: E402

project = load_course().title
release = version = load_course().version
language = "en"

# The folder of this site mirrors the repository, so that links from page to page are those of the files.
extensions = [
    "myst_nb",
    "sphinx.ext.githubpages",
    "equations",
    "arrows",
    "face_demo",
    "read_aloud",
]
templates_path = ["_templates"]
exclude_patterns = ["demo", "extensions", "_static", "_templates"]
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_hide = "Hide this code"
myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_favicon = "_static/face.svg"
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_sidebars = {"**": ["course-home.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
# As the reader's system is set, until the reader chooses.
html_context = {"default_mode": "auto"}
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "search_bar_text": "Search the course",
    # The search stands in the sidebar; a bar above the page for it alone is a second one.
    "navbar_persistent": [],
    "footer_content_items": ["extra-footer.html"],
    "extra_footer": "Text: CC BY 4.0. Code: MIT. Every face is drawn by a program.",
}
repository = os.environ.get("COURSE_REPOSITORY", "")
if repository:
    html_theme_options |= {
        "repository_url": f"https://github.com/{repository}",
        "repository_branch": os.environ.get("COURSE_BRANCH") or "main",
        "use_repository_button": True,
        "use_issues_button": True,
    }
