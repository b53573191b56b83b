"""The mistakes of lesson 07 in another hand: a diagnosis knows the mistake, not the way in which it is written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lessons.battery import MISTAKE_SEED, changed, grade, grade_and_diagnose, names_after, remembering, story

LESSON = "07_nose_tip"
pytestmark = remembering(LESSON)

# Right answers in another style than the reference, for the mistakes to be made in.
OTHER = {
    "read_asf": """
def read_asf(path):
    points = []
    with open(path) as file:
        lines = [line for line in file if line.strip() and line[0] != "#"]
    if len(lines) == 0 or lines[0].strip() != "58":
        raise ValueError("the file does not announce 58 points")
    for line in lines[1:-1]:
        words = line.split()
        if len(words) < 4:
            raise ValueError("a line is too short")
        x, y = float(words[2]), float(words[3])
        if x - x != 0 or y - y != 0:
            raise ValueError("no finite number")
        points.append((x, y))
    if len(points) != 58:
        raise ValueError("wrong number of points")
    return np.asarray(points).astype("float32")
""",
    "split_by_person": """
def split_by_person(files, n_val=8):
    def person(file):
        return int(Path(file).name.split("-")[0])

    everybody = sorted({person(file) for file in files})
    cut = max(0, len(everybody) - n_val)
    validating = everybody[cut:]
    train, val = [], []
    for file in files:
        (val if person(file) in validating else train).append(file)
    return train, val
""",
    "NoseTipNet": """
class NoseTipNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, 2))

    def forward(self, x):
        x = self.body(x)
        x = x.reshape(x.shape[0], -1)
        return self.head(x)
""",
    "train_with_curve": """
def train_with_curve(model, train_loader, val_loader, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr)
    steps, losses, val_steps, val_losses = [], [], [], []
    taken = 0
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            loss = ((model(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            taken += 1
            steps.append(taken)
            losses.append(float(loss.detach()))
        model.eval()
        with torch.inference_mode():
            errors = torch.cat([model(x) - y for x, y in val_loader])
        val_steps.append(taken)
        val_losses.append((errors ** 2).mean().item())
    return {"step": steps, "train_mse": losses, "val_step": val_steps, "val_mse": val_losses}
""",
    "sweep": """
def sweep(settings, train_set, val_set, epochs):
    table = {key: [] for key in ("batch_size", "lr", "steps", "val_mse", "within_tolerance", "predictions")}
    for size, rate in settings:
        torch.manual_seed(42)
        net = NoseTipNet()
        loader = DataLoader(train_set, batch_size=size, shuffle=True)
        curve = train_with_curve(net, loader, DataLoader(val_set, batch_size=4), epochs, rate)
        images, tips = next(iter(DataLoader(val_set, batch_size=len(val_set))))
        net.eval()
        guess = net(images).detach()
        off = (guess - tips) * torch.tensor([80.0, 60.0])
        far = off.pow(2).sum(1).sqrt()
        table["batch_size"].append(size)
        table["lr"].append(rate)
        table["steps"].append(len(curve["step"]))
        table["val_mse"].append(curve["val_mse"][-1])
        table["within_tolerance"].append((far <= 3).sum().item())
        table["predictions"].append(guess.numpy())
    return pd.DataFrame(table)
""",
}

MISTAKES: list[tuple[str, ...]] = [
    ("read_asf/x-and-y-exchanged", "points.append((x, y))", "points.append((y, x))"),
    ("read_asf/pixels-returned", "points.append((x, y))", "points.append((x * 640, y * 480))"),
    ("read_asf/fields-from-the-right", "float(words[2]), float(words[3])", "float(words[-5]), float(words[-4])"),
    ("read_asf/float64", '.astype("float32")', ""),
    ("read_asf/flat-points", '.astype("float32")', '.astype("float32").flatten()'),
    (
        "read_asf/short-files-accepted",
        '    if len(points) != 58:\n        raise ValueError("wrong number of points")\n',
        "",
    ),
    ("read_asf/first-58-taken", "in lines[1:-1]:", "in lines[1:-1][:58]:"),
    ("read_asf/announcement-ignored", ' or lines[0].strip() != "58"', ""),
    (
        "read_asf/announcement-believed",
        ' or lines[0].strip() != "58"',
        "",
        "if len(points) != 58:",
        "if len(points) != int(lines[0]):",
    ),
    (
        "read_asf/nan-accepted",
        '        if x - x != 0 or y - y != 0:\n            raise ValueError("no finite number")\n',
        "",
    ),
    ("split_by_person/first-persons-validate", "everybody[cut:]", "everybody[:n_val]"),
    ("split_by_person/lists-exchanged", "return train, val", "return val, train"),
    (
        "split_by_person/order-of-appearance",
        "sorted({person(file) for file in files})",
        "[]\n    for file in files:\n        everybody += [person(file)] * (person(file) not in everybody)",
    ),
    ("split_by_person/number-of-the-whole-path", "int(Path(file).name", "int(str(file)"),
    ("split_by_person/names-in-place-of-paths", ".append(file)", ".append(Path(file).name)"),
    ("split_by_person/zero-means-everybody", "everybody[cut:]", "everybody[-n_val:]"),
    (
        "split_by_person/list-sorted-in-place",
        "    train, val = [], []",
        "    files.sort(key=person)\n    train, val = [], []",
    ),
    (
        "split_by_person/files-counted",
        "    return train, val",
        "    cut = max(0, len(files) - n_val)\n    return files[:cut], files[cut:]",
    ),
    (
        "split_by_person/last-files-validate",
        "    return train, val",
        "    cut = max(0, len(files) - n_val * 6)\n    return files[:cut], files[cut:]",
    ),
    ("NoseTipNet/no-relu-between-the-linear-layers", "512), nn.ReLU(), nn.Linear", "512), nn.Linear"),
    ("NoseTipNet/no-relu-after-the-convolutions", "nn.ReLU(), nn.MaxPool2d(2)", "nn.MaxPool2d(2)"),
    ("NoseTipNet/padded-convolutions", ", 3)", ", 3, padding='same')"),
    ("NoseTipNet/padded-and-adapted", ", 3)", ", 3, padding=1)", "1280", "32 * 7 * 10"),
    ("NoseTipNet/larger-first-kernel", "(1, 16, 3)", "(1, 16, 5)"),
    ("NoseTipNet/average-pooling", "MaxPool2d", "AvgPool2d"),
    (
        "NoseTipNet/one-pooling-missing",
        "32, 3), nn.ReLU(), nn.MaxPool2d(2),\n        )",
        "32, 3), nn.ReLU(),\n        )",
    ),
    ("NoseTipNet/channels-doubled-again", "nn.Conv2d(32, 32", "nn.Conv2d(32, 64", "1280", "2560"),
    ("NoseTipNet/one-linear-layer", "nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, 2)", "nn.Linear(1280, 2)"),
    ("NoseTipNet/batch-normalization", "(1, 16, 3), nn", "(1, 16, 3), nn.BatchNorm2d(16), nn"),
    ("NoseTipNet/dropout", "512), nn.ReLU(),", "512), nn.ReLU(), nn.Dropout(0.3),"),
    ("NoseTipNet/sigmoid-at-the-end", "nn.Linear(512, 2))", "nn.Linear(512, 2), nn.Sigmoid())"),
    ("NoseTipNet/relu-at-the-end", "return self.head(x)", "return self.head(x).relu()"),
    ("NoseTipNet/batch-flattened", "x.reshape(x.shape[0], -1)", "x.view(-1)"),
    ("NoseTipNet/single-image-squeezed", "return self.head(x)", "return torch.squeeze(self.head(x))"),
    ("train_with_curve/gradients-add-up", "            optimizer.zero_grad()\n", ""),
    ("train_with_curve/plain-gradient-descent", "optim.Adam", "optim.SGD"),
    ("train_with_curve/adamw", "optim.Adam", "optim.AdamW"),
    ("train_with_curve/rate-ignored", "parameters(), lr)", "parameters())"),
    ("train_with_curve/loss-kept-as-tensor", "float(loss.detach())", "loss"),
    (
        "train_with_curve/one-error-an-epoch",
        "            losses.append(float(loss.detach()))\n",
        "",
        "        model.eval()",
        "        losses.append(loss.item())\n        model.eval()",
    ),
    (
        "train_with_curve/error-after-the-step",
        "losses.append(float(loss.detach()))",
        "losses.append(((model(x) - y) ** 2).mean().item())",
    ),
    (
        "train_with_curve/steps-count-anew",
        "        model.train()\n",
        "        model.train()\n        before, taken = taken, 0\n",
        "        model.eval()",
        "        taken += before\n        model.eval()",
    ),
    ("train_with_curve/steps-from-zero", "steps.append(taken)", "steps.append(taken - 1)"),
    ("train_with_curve/val-step-is-the-epoch", "val_steps.append(taken)", "val_steps.append(epoch + 1)"),
    (
        "train_with_curve/mean-of-batch-means",
        "torch.cat([model(x) - y for",
        "torch.stack([(model(x) - y).pow(2).mean() for",
        "(errors ** 2).mean()",
        "errors.mean()",
    ),
    (
        "train_with_curve/last-validation-batch-alone",
        "errors = torch.cat([model(x) - y for x, y in val_loader])",
        "for x, y in val_loader:\n                errors = model(x) - y",
    ),
    ("train_with_curve/root-of-the-validation-error", ".mean().item()", ".mean().sqrt().item()"),
    (
        "train_with_curve/eval-mode-forever",
        "        model.train()\n",
        "",
        "    taken = 0\n",
        "    taken = 0\n    model.train()\n",
    ),
    ("train_with_curve/measured-in-train-mode", "        model.eval()\n", ""),
    ("train_with_curve/gradients-while-measuring", "with torch.inference_mode():", "if True:"),
    (
        "train_with_curve/copy-trained",
        "    taken = 0\n",
        "    taken, given = 0, model\n    model = __import__('copy').deepcopy(given)\n"
        "    optimizer = torch.optim.Adam(model.parameters(), lr)\n",
    ),
    (
        "sweep/one-network-for-all",
        "        torch.manual_seed(42)\n        net = NoseTipNet()\n",
        "",
        "    for size, rate",
        "    torch.manual_seed(42)\n    net = NoseTipNet()\n    for size, rate",
    ),
    (
        "sweep/seed-set-once",
        "        torch.manual_seed(42)\n",
        "",
        "    for size, rate",
        "    torch.manual_seed(42)\n    for size, rate",
    ),
    ("sweep/seed-set-once", "        torch.manual_seed(42)\n", ""),
    ("sweep/sets-exchanged", "loader = DataLoader(train_set", "loader = DataLoader(val_set"),
    ("sweep/batch-size-ignored", "batch_size=size", "batch_size=32"),
    ("sweep/last-batch-dropped", "shuffle=True", "shuffle=True, drop_last=True"),
    ("sweep/never-shuffled", "shuffle=True", "shuffle=False"),
    ("sweep/rate-ignored-in-sweep", "epochs, rate)", "epochs, 0.001)"),
    ("sweep/steps-of-one-epoch", 'len(curve["step"])', "len(loader)"),
    ("sweep/epochs-for-steps", 'len(curve["step"])', "epochs"),
    ("sweep/best-epoch-reported", 'curve["val_mse"][-1]', 'np.min(curve["val_mse"])'),
    ("sweep/training-error-reported", 'curve["val_mse"][-1]', 'curve["train_mse"][-1]'),
    ("sweep/tolerance-in-relative-numbers", " * torch.tensor([80.0, 60.0])", ""),
    ("sweep/tolerance-along-each-axis", "off.pow(2).sum(1).sqrt()", "off.abs().amax(dim=1)"),
    ("sweep/width-and-height-exchanged", "[80.0, 60.0]", "[60.0, 80.0]"),
    ("sweep/share-in-place-of-a-number", "(far <= 3).sum().item()", "(far <= 3).float().mean().item()"),
    ("sweep/list-of-dicts", "    return pd.DataFrame(table)", '    return pd.DataFrame(table).to_dict("records")'),
]


def names_with(exercise: str, *changes: str) -> dict[str, Any]:
    """Return the lesson's names with the other answer, changed."""
    return names_after(LESSON, changed(OTHER[exercise], *changes))


@pytest.mark.parametrize("exercise", OTHER)
def test_the_other_hand_is_right(exercise: str) -> None:
    result = grade(exercise, names_with(exercise), seed=0)
    assert result.outcome == "passed", story(result)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0])
def test_a_mistake_is_named_in_another_hand(mistake: tuple[str, ...]) -> None:
    id, *changes = mistake
    exercise = id.partition("/")[0]
    result = grade_and_diagnose(exercise, names_with(exercise, *changes), MISTAKE_SEED)
    assert result.misconception == id, story(result)
