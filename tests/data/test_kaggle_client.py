"""Kaggle's official client itself, without its servers: what the command says when it cannot log in or connect."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_scripts.kaggle import download

ROOT = Path(__file__).resolve().parents[2]


def command(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user whose home is empty; a dead proxy keeps it from any network there may be."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("KAGGLE", "XDG"))}
    dead = "http://127.0.0.1:9"
    environment = {
        **kept,
        "HOME": str(home),
        "USERPROFILE": str(home),
        "HTTPS_PROXY": dead,
        "HTTP_PROXY": dead,
        "https_proxy": dead,
        "http_proxy": dead,
        **variables,
    }
    arguments = [sys.executable, "-m", "data_scripts.kaggle_download", "--out", str(home / "kaggle")]
    return subprocess.run(arguments, cwd=ROOT, text=True, capture_output=True, env=environment, check=False)


def test_the_official_client_without_credentials(tmp_path: Path) -> None:
    done = command(tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "expected credentials for Kaggle, found none that work" in done.stderr
    assert download.RULES_PAGE in done.stderr
    assert not (tmp_path / "kaggle").exists()


@pytest.mark.parametrize("credentials", [{"KAGGLE_API_TOKEN": "x"}, {"KAGGLE_USERNAME": "x", "KAGGLE_KEY": "y"}])
def test_the_official_client_without_a_network(credentials: dict[str, str], tmp_path: Path) -> None:
    done = command(tmp_path, **credentials)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "expected an answer from Kaggle, got " in done.stderr
    assert not (tmp_path / "kaggle").exists()


def test_the_official_client_has_the_method_that_is_called() -> None:
    # Importing the package logs in, which without a network and credentials does nothing.
    program = (
        "import inspect; from kaggle.api.kaggle_api_extended import KaggleApi as api; "
        "print(list(inspect.signature(api.competition_download_files).parameters))"
    )
    dead = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=True, env={**os.environ, **dead}
    )
    imitated = list(inspect.signature(download.KaggleClient.competition_download_files).parameters)
    assert done.stdout.splitlines()[-1] == str(imitated)
