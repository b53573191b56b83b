"""The face demo in a real browser: the page built and served, a browser with a film in its camera's place."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.site.browser import chromium_path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "docs" / "site" / "demo"
CHROMIUM = chromium_path()
START_MS = 120_000  # on a busy machine a browser takes its time


def build_page(out: Path) -> None:
    """Copy the page and its runtime to a folder; skip the test where npm can't bring the runtime."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed: sudo apt-get install nodejs npm")
    if not (DEMO / "node_modules" / "onnxruntime-web").is_dir():
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed: sudo apt-get install npm")
        done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=DEMO, capture_output=True, text=True, timeout=600)
        if done.returncode:
            pytest.skip(f"npm ci could not fetch onnxruntime-web: {done.stderr.strip()[-200:]}")
    done = subprocess.run(["node", "build.mjs", str(out)], cwd=DEMO, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@contextmanager
def playwright_running() -> Iterator[Any]:
    """Start playwright, once for all browsers; skip the test where it or Chromium is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright: python -m pip install -e '.[web]'")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    with api.sync_playwright() as playwright:
        yield playwright


@contextmanager
def browser(playwright: Any, film: Path | None = None) -> Iterator[Any]:
    """Start Chromium, with a film in its camera's place or no camera at all; -> playwright's browser."""
    camera = ["--use-fake-ui-for-media-stream"]
    if film is not None:
        camera += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *camera], timeout=START_MS)
    try:
        yield chromium
    finally:
        chromium.close()


class Watched:
    """A page whose requests, errors and answers are written down.

    Attributes:
        page: playwright's page.
        requests: addresses asked for after the page was ready.
        trouble: what the console and the page complained of.
    """

    # Reads the number of a film's picture in its corner, as tests/site/test_film.py does.
    LISTEN = """
    window.seen = [];
    // Read on a canvas of its own: reading changes how a browser keeps the page's.
    const reader = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    window.pixels = (canvas, wide = canvas.width, high = canvas.height) => {
      Object.assign(reader.canvas, { width: wide, height: high });
      reader.drawImage(canvas, 0, 0);
      return reader.getImageData(0, 0, wide, high).data;
    };
    document.addEventListener("face", ({ detail }) => {
      const { picture, points, crop, found, milliseconds } = detail;
      let number = null;
      if (window.numbered) {
        const data = window.pixels(picture, 160, 16);
        number = 0;
        for (let bit = 0; bit < 10; bit++) if (data[4 * (160 * 8 + 16 * bit + 8)] > 128) number |= 1 << bit;
      }
      window.seen.push({ number, points, side: crop.side, found, milliseconds, at: performance.now() });
    });
    """

    def __init__(self, chromium: Any, address: str, *, numbered: bool = False, **options: Any) -> None:
        self.page = chromium.new_page(**options)
        self.page.set_default_timeout(START_MS)
        self.requests: list[str] = []
        self.trouble: list[str] = []
        self.page.on(
            "console", lambda line: self.trouble.append(line.text) if line.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.add_init_script(self.LISTEN + f"window.numbered = {str(numbered).lower()};")
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]")
        # Tiles and icons of the browser's own start are over: whatever comes from here on, the page asked for.
        self.page.wait_for_load_state("networkidle")
        self.page.on("request", lambda request: self.requests.append(request.url))

    def status(self) -> str:
        """Return the line that the page says."""
        return self.page.text_content("#status")

    def wait_for(self, expression: str, arg: object = None) -> None:
        """Wait until an expression, or a function of ``arg``, is true in the page.

        Asked from outside again and again: the page's policy lets nobody inside evaluate a text.
        """
        deadline = time.monotonic() + START_MS / 1000
        while not self.page.evaluate(expression, arg):
            assert time.monotonic() < deadline, (
                f"{expression} with {arg!r} never came true; the page says: {self.status()}"
            )
            self.page.wait_for_timeout(100)

    def wait_for_status(self, pattern: str) -> str:
        """Wait until the line matches a regular expression; -> the line."""
        self.wait_for("pattern => new RegExp(pattern).test(document.getElementById('status').textContent)", pattern)
        return self.status()

    def wait_for_network(self, start: str) -> None:
        """Wait until the page names a network that begins so."""
        self.wait_for("start => document.getElementById('network').textContent.startsWith(start)", start)

    def wait_for_more(self, before: int) -> None:
        """Wait until the page has looked at more than so many frames."""
        self.wait_for("before => window.seen.length > before", before)

    def seen(self) -> list[dict[str, Any]]:
        """Return what the page found so far, frame by frame."""
        return self.page.evaluate("window.seen")
