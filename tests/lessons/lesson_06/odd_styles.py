"""Right answers to lesson 06 in odd styles, as code."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.lessons.battery import names_after

# By exercise and id.
CODES = {
    ("make_submission", "apply-at"): """
def make_submission(keypoints, names, lookup):
    table = pd.DataFrame(
        keypoints.reshape(len(keypoints), -1),
        index=range(1, len(keypoints) + 1),
        columns=[n + a for n in names for a in ("_x", "_y")],
    )

    def one(row):
        try:
            return table.at[row["ImageId"], row["FeatureName"]]
        except KeyError:
            raise ValueError("unknown") from None

    return pd.DataFrame(dict(RowId=lookup.RowId, Location=lookup.apply(one, axis=1).astype(float)))
""",
    ("make_submission", "reset-index"): """
def make_submission(keypoints, names, lookup):
    t = lookup.reset_index(drop=True)
    feats = [f"{n}_{c}" for n in names for c in "xy"]
    if not t.FeatureName.isin(feats).all() or not t.ImageId.between(1, len(keypoints)).all():
        raise ValueError("bad")
    loc = []
    for i in range(len(t)):
        loc.append(keypoints.reshape(len(keypoints), -1)[t.ImageId[i] - 1, feats.index(t.FeatureName[i])])
    t["Location"] = loc
    return t[["RowId", "Location"]]
""",
    ("score_submission", "map-series"): """
def score_submission(submission, truth):
    if not submission.RowId.is_unique:
        raise ValueError("rep")
    if not np.isfinite(submission.Location).all():
        raise ValueError("inf")
    s = truth.RowId.map(submission.set_index("RowId").Location)
    if s.isna().any():
        raise ValueError("missing")
    return ((s - truth.Location) ** 2).mean() ** 0.5
""",
    ("score_submission", "merge-validate"): """
def score_submission(submission, truth):
    try:
        m = truth.merge(
            submission, on="RowId", how="left", validate="one_to_one", suffixes=("", "_s"), indicator=True
        )
    except pd.errors.MergeError as e:
        raise ValueError(str(e))
    if (m._merge != "both").any() or not np.isfinite(submission["Location"]).all():
        raise ValueError("bad")
    return np.sqrt(np.mean(np.square(m.Location - m.Location_s)))
""",
}
RIGHT = [
    Answer(exercise, f"odd style: {id}", partial(names_after, "06_kaggle_submission", code), seeds=3)
    for (exercise, id), code in CODES.items()
]
