"""Read Kaggle's look-up table, which says what each row of a submission asks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from data_scripts.files.errors import DataError, explain_os_error
from data_scripts.kaggle.rows import shorten

_COLUMNS = ["RowId", "ImageId", "FeatureName"]


def read_lookup(csv_path: Path | str) -> pd.DataFrame:
    """Read an ``IdLookupTable.csv``: which coordinate of which image each row of a submission asks for.

    Args:
        csv_path: the file; a column ``Location``, which Kaggle leaves empty, is ignored.

    Returns:
        Columns ``RowId`` (int64, unique), ``ImageId`` (int64, counts from 1) and ``FeatureName`` (str), in file order.

    Raises:
        DataError: for a missing column, a missing or repeated number, or a file that cannot be read.
    """
    path = Path(csv_path)
    try:
        # Everything as text first, so that the message can quote what stands in the file.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {explain_os_error(error)}") from error
    except ValueError as error:
        said = shorten(" ".join(str(error).split()), 100)
        raise DataError(
            f"{path}: expected a CSV table with the columns {', '.join(_COLUMNS)}, got something else "
            f"(pandas: {said}); download or write the file again"
        ) from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing or table.empty:
        got = f"no column {', '.join(missing)}" if missing else "no rows"
        raise DataError(
            f"{path}: expected rows with the columns {', '.join(_COLUMNS)}, got {got}; download or write the file again"
        )
    table = table[_COLUMNS]
    for name in ("RowId", "ImageId"):
        whole = table[name].str.fullmatch(r"[1-9][0-9]{0,8}")
        _demand(path, table[name], whole, f"a whole number from 1 in column {name!r}")
    _demand(path, table["FeatureName"], table["FeatureName"] != "", "a name in column 'FeatureName'")
    _demand(path, table["RowId"], ~table["RowId"].duplicated(), "every RowId once")
    return table.astype({"RowId": np.int64, "ImageId": np.int64})


def check_lookup(csv_path: Path, lookup: pd.DataFrame, columns: Iterable[str], image_ids: Iterable[int]) -> None:
    """Hold a look-up table against the faces that it asks about.

    Args:
        csv_path: where the table comes from, for the message.
        lookup: what ``read_lookup`` returned.
        columns: the names of the coordinates in ``training.csv``.
        image_ids: the ``ImageId`` of every row of ``test.csv``.

    Raises:
        DataError: naming the first row that asks for an unknown coordinate or image.
    """
    for name, known, where in (("FeatureName", columns, "training.csv"), ("ImageId", image_ids, "test.csv")):
        _demand(csv_path, lookup[name], lookup[name].isin(list(known)), f"a {name} that {where} has")


def _demand(path: Path, column: pd.Series, is_right: pd.Series, expected: str) -> None:
    wrong = np.flatnonzero(~is_right.to_numpy(dtype=bool))
    if len(wrong):
        row = int(wrong[0]) + 1
        got = shorten(str(column.iloc[row - 1]), 20)
        raise DataError(
            f"{path}, row {row} (line {row + 1}): expected {expected}, got {got!r}; "
            "correct it or download the file again"
        )
