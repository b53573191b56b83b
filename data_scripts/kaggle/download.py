"""Fetch Kaggle's facial keypoint files with its official client and the user's own credentials.

A download goes on where it was interrupted. The project's tests run it against a stand-in for the client: the exchange
with Kaggle's servers themselves is Kaggle's code and is not tested there.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.kaggle.archive import TABLES, unpack_tables
from data_scripts.kaggle.tables import FolderSummary, verify_folder

COMPETITION = "facial-keypoints-detection"
RULES_PAGE = f"https://www.kaggle.com/competitions/{COMPETITION}/rules"
TOKEN_PAGE = "https://www.kaggle.com/settings/api"
PARTIAL_FOLDER = ".kaggle-download"

GET_A_TOKEN = (
    f"log in at {TOKEN_PAGE}, choose 'Generate New Token', save the token in ~/.kaggle/access_token or in the variable "
    f"KAGGLE_API_TOKEN, accept the rules at {RULES_PAGE}, and run it again"
)


class KaggleClient(Protocol):
    """The one method of ``kaggle.KaggleApi`` (2.2) that is needed here."""

    def competition_download_files(
        self, competition: str, path: str | None = None, force: bool = False, quiet: bool = True
    ) -> None:
        """Write ``<path>/<competition>.zip``, going on with a partial file of an earlier call."""


def official_client() -> KaggleClient:
    """Connect the official client with the user's credentials.

    Returns:
        An authenticated ``kaggle.KaggleApi``.

    Raises:
        DataError: saying how to get credentials, or that the client or the network is missing.
    """
    try:
        # The client tries to log in as soon as it is imported, and prints a page of help where it can't.
        with contextlib.redirect_stdout(io.StringIO()):
            from kaggle.api.kaggle_api_extended import KaggleApi

            client = KaggleApi()
            client.authenticate()
    except ImportError as error:
        raise DataError(
            f"expected the package kaggle, got {error}; install the course's requirements.txt and run it again"
        ) from error
    except SystemExit:
        raise DataError(f"expected credentials for Kaggle, found none that work; {GET_A_TOKEN}") from None
    except Exception as error:
        raise DataError(_explain_client_error(error)) from error
    return client


def download(out: Path, connect: Callable[[], KaggleClient] = official_client) -> FolderSummary:
    """Make sure that a folder holds Kaggle's files, checked and cached.

    Args:
        out: where ``training.csv``, ``test.csv``, ``IdLookupTable.csv`` and ``SampleSubmission.csv`` shall lie; made
            where missing. Other files in it stay as they are.
        connect: gives the client; called only where something must be downloaded.

    Returns:
        What the folder holds, with Kaggle's own counts.

    Raises:
        DataError: if the files cannot be downloaded, are not Kaggle's or cannot be written, or if ``out`` holds
            other files of these names. Nothing half-written stays behind, except, after an interruption, the
            partial archive that the next call goes on with.
    """
    out = Path(out)
    present = [name for name in TABLES if (out / name).exists()]
    if len(present) == len(TABLES):
        try:
            return verify_folder(out, expect_kaggle=True)
        except DataError as error:
            raise DataError(f"{error} (after moving the files out of {out}, or into another folder)") from error
    if present:
        raise DataError(
            f"{out}: expected all of {', '.join(TABLES)} or none, got {', '.join(present)}; "
            "move them away or choose another folder"
        )
    client = connect()
    partial = out / PARTIAL_FOLDER
    try:
        partial.mkdir(parents=True, exist_ok=True)
        summary = _install(_fetch(client, partial), out)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise DataError(f"{out}: Kaggle's files cannot be written: {explain_os_error(error)}") from error
    finally:
        # rmdir removes empty folders only: what a later call can go on with, or other files, stay.
        for folder in (partial, out):
            with contextlib.suppress(OSError):
                folder.rmdir()
    return summary


def _install(archive: Path, out: Path) -> FolderSummary:
    """Unpack an archive, check and cache what was in it, move it into ``out``, and remove the archive's folder."""
    with tempfile.TemporaryDirectory(dir=out, prefix=".kaggle-unpack-") as scratch:
        unpacked = Path(scratch)
        try:
            unpack_tables(archive, unpacked)
            summary = verify_folder(unpacked, expect_kaggle=True)
        except DataError as error:
            # Going on with a wrong archive would only find the same fault again.
            shutil.rmtree(archive.parent, ignore_errors=True)
            raise DataError(str(error).replace(str(unpacked), archive.name)) from error
        for path in sorted(unpacked.iterdir()):
            os.replace(path, out / path.name)
    shutil.rmtree(archive.parent, ignore_errors=True)
    return summary


def _fetch(client: KaggleClient, folder: Path) -> Path:
    """Let the client write the archive into a folder, and put what goes wrong into one line."""
    try:
        client.competition_download_files(COMPETITION, path=str(folder), force=False, quiet=False)
    except SystemExit:
        raise DataError(f"expected Kaggle to accept the credentials, but its client gave up; {GET_A_TOKEN}") from None
    except OSError as error:
        # A failure of the network is an OSError as well, but one without the disk's error numbers.
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise DataError(_explain_client_error(error)) from error
    except Exception as error:
        raise DataError(_explain_client_error(error)) from error
    archive = folder / f"{COMPETITION}.zip"
    if not archive.is_file():
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise DataError(f"{folder}: expected {archive.name} from Kaggle's client, got {found}; run it again")
    return archive


def _explain_client_error(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return f"expected Kaggle to accept the credentials, got status 401 (not authorized); {GET_A_TOKEN}"
    if status == 403:
        return (
            "expected Kaggle to send the files, got status 403 (forbidden): the rules of the contest are not "
            f"accepted yet; log in, choose 'Join' or 'Late Submission' at {RULES_PAGE}, and run it again"
        )
    if status is not None:
        return f"expected Kaggle to send the files, got status {status}; wait a little and run it again"
    first_line = (str(error).splitlines() or [""])[0][:160]
    return (
        f"expected an answer from Kaggle, got {type(error).__name__} ({first_line}); check the network and run it "
        "again: a download goes on where it stopped"
    )
