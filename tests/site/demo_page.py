"""The face demo in a real browser: the page built and served, a browser with a film in its camera's place."""

from __future__ import annotations

import functools
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "site" / "demo"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
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


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a line for each file."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's own name
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as any plain web server would; -> its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def browser(film: Path | None = None) -> Iterator[Any]:
    """Start Chromium, with a film in its camera's place or no camera at all; -> playwright's browser."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright: python -m pip install -e '.[web]'")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    camera = ["--use-fake-ui-for-media-stream"]
    if film is not None:
        camera += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *camera], timeout=START_MS
        )
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
    document.addEventListener("face", ({ detail }) => {
      const { picture, points, crop, found, milliseconds } = detail;
      let number = null;
      if (window.numbered) {
        const { data } = picture.getContext("2d").getImageData(0, 8, 160, 1);
        number = 0;
        for (let bit = 0; bit < 10; bit++) if (data[4 * (16 * bit + 8)] > 128) number |= 1 << bit;
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

    def wait_for_status(self, pattern: str) -> str:
        """Wait until the line matches a regular expression; -> the line."""
        self.page.wait_for_function(
            "pattern => new RegExp(pattern).test(document.getElementById('status').textContent)", arg=pattern
        )
        return self.status()

    def seen(self) -> list[dict[str, Any]]:
        """Return what the page found so far, frame by frame."""
        return self.page.evaluate("window.seen")
