"""Right answers to lesson 07 in odd styles, as code."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.lessons.battery import names_after

# By exercise and id.
CODES = {
    ("read_asf", "genfromtxt"): """
def read_asf(path):
    rows = []
    announced = None
    with open(path, errors="ignore") as f:
        for line in f:
            line = line.strip()
            if not line or line[0] == "#":
                continue
            parts = line.split()
            if announced is None:
                announced = int(line)
            elif len(rows) < announced and len(parts) >= 4 and "jpg" not in line:
                rows.append([float(parts[2]), float(parts[3])])
            elif "jpg" not in line:
                raise ValueError("extra")
    if announced != 58 or len(rows) != 58:
        raise ValueError("count")
    p = np.array(rows, "float32")
    if np.isnan(p).any() or np.isinf(p).any():
        raise ValueError("nan")
    return p
""",
    ("split_by_person", "groupby"): """
def split_by_person(files, n_val=8):
    from collections import defaultdict

    g = defaultdict(list)
    for f in files:
        g[Path(f).stem.split("-")[0]].append(f)
    people = sorted(g, key=int)
    k = max(len(people) - n_val, 0)
    who = {p: i >= k for i, p in enumerate(people)}
    return [f for f in files if not who[Path(f).stem.split("-")[0]]], [
        f for f in files if who[Path(f).stem.split("-")[0]]
    ]
""",
    ("NoseTipNet", "sequential"): """
class NoseTipNet(nn.Sequential):
    def __init__(self):
        layers = []
        for i, o in ((1, 16), (16, 32), (32, 32)):
            layers += [nn.Conv2d(i, o, 3), nn.MaxPool2d(2), nn.ReLU(True)]
        super().__init__(*layers, nn.Flatten(), nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, 2))
""",
    ("train_with_curve", "numpy-lists"): """
def train_with_curve(model, train_loader, val_loader, epochs, lr):
    opt = torch.optim.Adam(params=model.parameters(), lr=lr)
    step, train_mse, val_step, val_mse = [], [], [], []
    n = 0
    for e in range(epochs):
        model.train(True)
        for x, y in train_loader:
            loss = ((model(x) - y) ** 2).mean()
            model.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            n += 1
            step.append(n)
            train_mse.append(float(loss.detach()))
        model.train(False)
        with torch.inference_mode():
            p = [(model(x) - y).pow(2).flatten() for x, y in val_loader]
        val_step.append(n)
        val_mse.append(torch.cat(p).mean().item())
    return dict(step=step, train_mse=train_mse, val_step=val_step, val_mse=val_mse)
""",
}
RIGHT = [
    Answer(exercise, f"odd style: {id}", partial(names_after, "07_nose_tip", code), seeds=3)
    for (exercise, id), code in CODES.items()
]
