"""The machine's Chromium, and a server for a folder of pages."""

from __future__ import annotations

import contextlib
import functools
import http.server
import importlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str | None:
    """Return where the machine's Chromium lies, None where it has none."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser without a window; playwright's own browsers are not needed."""
    # By name, because only the site's optional group brings it.
    playwright = importlib.import_module("playwright.sync_api").sync_playwright
    with playwright() as started:
        browser = started.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone and yield its address, with a slash at the end."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
