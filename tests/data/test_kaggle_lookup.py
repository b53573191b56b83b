"""The look-up table, good and broken."""

from pathlib import Path

import numpy as np
import pytest

from data_scripts.files.errors import DataError
from data_scripts.kaggle.lookup import read_lookup
from tests.data.face_files import write


def test_lookup_has_kaggles_columns(tmp_path: Path) -> None:
    lines = "\ufeffRowId,ImageId,FeatureName,Location", "2,7,a_x,", "1,8,a_y,"
    path = write(tmp_path / "IdLookupTable.csv", *lines, end="\r\n")
    got = read_lookup(path)
    assert list(got.columns) == ["RowId", "ImageId", "FeatureName"]
    assert got["RowId"].tolist() == [2, 1]
    assert got["ImageId"].dtype == np.int64
    assert got["FeatureName"].tolist() == ["a_x", "a_y"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), "expected a CSV table"),
        (("RowId,ImageId,FeatureName",), "got no rows"),
        (("RowId,FeatureName", "1,a_x"), "got no column ImageId"),
        (("RowId,ImageId,FeatureName", "1,1,a_x", "x,1,a_x"), "row 2 (line 3): expected a whole number"),
        (("RowId,ImageId,FeatureName", "1,0,a_x"), "in column 'ImageId', got '0'"),
        (("RowId,ImageId,FeatureName", "1,,a_x"), "in column 'ImageId', got ''"),
        (("RowId,ImageId,FeatureName", "1,1"), "expected"),
        (("RowId,ImageId,FeatureName", "1,1,a_x", "1,2,a_x"), "row 2 (line 3): expected every RowId once, got '1'"),
        (("RowId,ImageId,FeatureName", "1,1,a_x", "2,2,a_x,4,5"), "expected"),
    ],
)
def test_broken_lookups_are_explained(lines: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    path = write(tmp_path / "IdLookupTable.csv", *lines)
    with pytest.raises(DataError) as caught:
        read_lookup(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
