"""The runtime of the face demo: npm brings it, and it is served with the pages, so that they ask nobody else."""

from __future__ import annotations

import shutil
import subprocess

from .settings import SOURCE

DEMO = SOURCE / "demo"
RUNTIME = DEMO / "ort"
INSTALL = ("npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund")
COPY = ("node", "build.mjs")


def _said(command: tuple[str, ...]) -> str:
    """Run a command in the demo's folder; "" where it went well, else the last line that it said."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not installed"
    done = subprocess.run(command, cwd=DEMO, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    lines = (done.stderr or done.stdout).strip().splitlines()
    return f"{' '.join(command[:2])}: {lines[-1] if lines else done.returncode}" if done.returncode else ""


def bring_runtime() -> str:
    """Put ONNX Runtime Web beside the face demo where it is not there yet; return why that can't be, or ""."""
    if not (DEMO / "package.json").is_file() or RUNTIME.is_dir():
        return ""
    installed = (DEMO / "node_modules" / "onnxruntime-web").is_dir()
    return ("" if installed else _said(INSTALL)) or _said(COPY)
