"""Size and first paint of the built site: ``python -m tests.bench_site [DIR]``, after ``make site``."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from autograder.authoring.site.settings import OUT
from tests.site.browser import chromium, served

PAGES = ("index.html", "lessons/01_pixel_parsing/01_pixel_parsing.html")
TIMES = 7
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
FETCHED = "performance.getEntries().reduce((sum, entry) => sum + (entry.encodedBodySize || 0), 0)"


def main(folder: Path) -> None:
    """Load each page in a browser that has seen nothing yet, and print what it took."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    with served(folder) as address, chromium() as browser:
        for place in PAGES:
            paints, fetched = [], 0
            for _ in range(TIMES):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                page = context.new_page()
                page.goto(address + place, wait_until="load")
                paints.append(page.evaluate(PAINT))
                fetched = page.evaluate(FETCHED)
                context.close()
            print(
                f"{place}: first paint {statistics.median(paints):.0f} ms (of {TIMES}), {fetched / 1e6:.2f} MB fetched"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
