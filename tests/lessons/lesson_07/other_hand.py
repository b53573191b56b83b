"""The mistakes of lesson 07 in another hand: a diagnosis knows the mistake, not the way in which it is written."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.lessons.battery import names_after
from tests.lessons.other_hand import named_in_other_hand, right_in_other_hand

LESSON = "07_nose_tip"

# Right answers in another style than the reference, for the mistakes to be made in.
CODES = {
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

MISTAKES: dict[str, list[tuple[str, ...]]] = {
    "read_asf": [
        ("x-and-y-exchanged", "points.append((x, y))", "points.append((y, x))"),
        ("pixels-returned", "points.append((x, y))", "points.append((x * 640, y * 480))"),
        ("pixels-of-the-small-image", "points.append((x, y))", "points.append((x * 80, y * 60))"),
        ("fields-from-the-right", "float(words[2]), float(words[3])", "float(words[-5]), float(words[-4])"),
        ("float64", '.astype("float32")', ""),
        ("flat-points", '.astype("float32")', '.astype("float32").flatten()'),
        ("short-files-accepted", '    if len(points) != 58:\n        raise ValueError("wrong number of points")\n', ""),
        ("first-58-taken", "in lines[1:-1]:", "in lines[1:-1][:58]:"),
        ("announcement-ignored", ' or lines[0].strip() != "58"', ""),
        (
            "announcement-believed",
            ' or lines[0].strip() != "58"',
            "",
            "if len(points) != 58:",
            "if len(points) != int(lines[0]):",
        ),
        (
            "nan-accepted",
            '        if x - x != 0 or y - y != 0:\n            raise ValueError("no finite number")\n',
            "",
        ),
    ],
    "split_by_person": [
        ("first-persons-validate", "everybody[cut:]", "everybody[:n_val]"),
        ("lists-exchanged", "return train, val", "return val, train"),
        (
            "order-of-appearance",
            "sorted({person(file) for file in files})",
            "[]\n    for file in files:\n        everybody += [person(file)] * (person(file) not in everybody)",
        ),
        ("number-of-the-whole-path", "int(Path(file).name", "int(str(file)"),
        ("names-in-place-of-paths", ".append(file)", ".append(Path(file).name)"),
        ("zero-means-everybody", "everybody[cut:]", "everybody[-n_val:]"),
        ("list-sorted-in-place", "    train, val = [], []", "    files.sort(key=person)\n    train, val = [], []"),
        (
            "files-counted",
            "    return train, val",
            "    cut = max(0, len(files) - n_val)\n    return files[:cut], files[cut:]",
        ),
        (
            "last-files-validate",
            "    return train, val",
            "    cut = max(0, len(files) - n_val * 6)\n    return files[:cut], files[cut:]",
        ),
    ],
    "NoseTipNet": [
        ("no-relu-between-the-linear-layers", "512), nn.ReLU(), nn.Linear", "512), nn.Linear"),
        ("no-relu-after-the-convolutions", "nn.ReLU(), nn.MaxPool2d(2)", "nn.MaxPool2d(2)"),
        ("padded-convolutions", ", 3)", ", 3, padding='same')"),
        ("padded-and-adapted", ", 3)", ", 3, padding=1)", "1280", "32 * 7 * 10"),
        ("larger-first-kernel", "(1, 16, 3)", "(1, 16, 5)"),
        ("average-pooling", "MaxPool2d", "AvgPool2d"),
        ("one-pooling-missing", "32, 3), nn.ReLU(), nn.MaxPool2d(2),\n        )", "32, 3), nn.ReLU(),\n        )"),
        ("channels-doubled-again", "nn.Conv2d(32, 32", "nn.Conv2d(32, 64", "1280", "2560"),
        ("one-linear-layer", "nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, 2)", "nn.Linear(1280, 2)"),
        ("batch-normalization", "(1, 16, 3), nn", "(1, 16, 3), nn.BatchNorm2d(16), nn"),
        ("dropout", "512), nn.ReLU(),", "512), nn.ReLU(), nn.Dropout(0.3),"),
        ("sigmoid-at-the-end", "nn.Linear(512, 2))", "nn.Linear(512, 2), nn.Sigmoid())"),
        ("relu-at-the-end", "return self.head(x)", "return self.head(x).relu()"),
        ("batch-flattened", "x.reshape(x.shape[0], -1)", "x.view(-1)"),
        ("single-image-squeezed", "return self.head(x)", "return torch.squeeze(self.head(x))"),
        (
            "convolutions-in-a-plain-list",
            "        self.head =",
            "        self.layers = list(self.body)\n        del self.body\n        self.head =",
            "x = self.body(x)",
            "for layer in self.layers:\n            x = layer(x)",
        ),
    ],
    "train_with_curve": [
        ("gradients-add-up", "            optimizer.zero_grad()\n", ""),
        ("plain-gradient-descent", "optim.Adam", "optim.SGD"),
        ("adamw", "optim.Adam", "optim.AdamW"),
        ("rate-ignored", "parameters(), lr)", "parameters())"),
        ("loss-kept-as-tensor", "float(loss.detach())", "loss"),
        ("squares-of-x-and-y-added", "(model(x) - y) ** 2).mean()", "(model(x) - y) ** 2).sum() / len(y)"),
        ("squares-of-a-batch-summed", "(model(x) - y) ** 2).mean()", "(model(x) - y) ** 2).sum()"),
        ("root-of-the-training-error", "float(loss.detach())", "float(loss.detach().sqrt())"),
        (
            "one-error-an-epoch",
            "            losses.append(float(loss.detach()))\n",
            "",
            "        model.eval()",
            "        losses.append(loss.item())\n        model.eval()",
        ),
        (
            "error-after-the-step",
            "losses.append(float(loss.detach()))",
            "losses.append(((model(x) - y) ** 2).mean().item())",
        ),
        (
            "steps-count-anew",
            "        model.train()\n",
            "        model.train()\n        before, taken = taken, 0\n",
            "        model.eval()",
            "        taken += before\n        model.eval()",
        ),
        ("steps-from-zero", "steps.append(taken)", "steps.append(taken - 1)"),
        ("val-step-is-the-epoch", "val_steps.append(taken)", "val_steps.append(epoch + 1)"),
        ("first-validation-at-step-zero", "val_steps.append(taken)", "val_steps.append(epoch)"),
        (
            "mean-of-batch-means",
            "torch.cat([model(x) - y for",
            "torch.stack([(model(x) - y).pow(2).mean() for",
            "(errors ** 2).mean()",
            "errors.mean()",
        ),
        (
            "last-validation-batch-alone",
            "errors = torch.cat([model(x) - y for x, y in val_loader])",
            "for x, y in val_loader:\n                errors = model(x) - y",
        ),
        (
            "first-validation-batch-alone",
            "errors = torch.cat([model(x) - y for x, y in val_loader])",
            "x, y = next(iter(val_loader))\n            errors = model(x) - y",
        ),
        ("validation-squares-of-x-and-y-added", "(errors ** 2).mean()", "(errors ** 2).sum(1).mean()"),
        ("validation-error-never-divided", "(errors ** 2).mean()", "(errors ** 2).sum()"),
        ("root-of-the-validation-error", ".mean().item()", ".mean().sqrt().item()"),
        ("eval-mode-forever", "        model.train()\n", "", "    taken = 0\n", "    taken = 0\n    model.train()\n"),
        ("measured-in-train-mode", "        model.eval()\n", ""),
        ("gradients-while-measuring", "with torch.inference_mode():", "if True:"),
        (
            "copy-trained",
            "    taken = 0\n",
            "    taken, given = 0, model\n    model = __import__('copy').deepcopy(given)\n"
            "    optimizer = torch.optim.Adam(model.parameters(), lr)\n",
        ),
    ],
    "sweep": [
        (
            "one-network-for-all",
            "        torch.manual_seed(42)\n        net = NoseTipNet()\n",
            "",
            "    for size, rate",
            "    torch.manual_seed(42)\n    net = NoseTipNet()\n    for size, rate",
        ),
        (
            "seed-set-once",
            "        torch.manual_seed(42)\n",
            "",
            "    for size, rate",
            "    torch.manual_seed(42)\n    for size, rate",
        ),
        ("seed-set-once", "        torch.manual_seed(42)\n", ""),
        ("sets-exchanged", "loader = DataLoader(train_set", "loader = DataLoader(val_set"),
        ("batch-size-ignored", "batch_size=size", "batch_size=32"),
        ("last-batch-dropped", "shuffle=True", "shuffle=True, drop_last=True"),
        ("never-shuffled", "shuffle=True", "shuffle=False"),
        ("rate-ignored-in-sweep", "epochs, rate)", "epochs, 0.001)"),
        ("steps-of-one-epoch", 'len(curve["step"])', "len(loader)"),
        ("epochs-for-steps", 'len(curve["step"])', "epochs"),
        ("best-epoch-reported", 'curve["val_mse"][-1]', 'np.min(curve["val_mse"])'),
        ("training-error-reported", 'curve["val_mse"][-1]', 'curve["train_mse"][-1]'),
        ("tolerance-in-relative-numbers", " * torch.tensor([80.0, 60.0])", ""),
        ("tolerance-along-each-axis", "off.pow(2).sum(1).sqrt()", "off.abs().amax(dim=1)"),
        ("width-and-height-exchanged", "[80.0, 60.0]", "[60.0, 80.0]"),
        ("share-in-place-of-a-number", "(far <= 3).sum().item()", "(far <= 3).float().mean().item()"),
        ("list-of-dicts", "    return pd.DataFrame(table)", '    return pd.DataFrame(table).to_dict("records")'),
    ],
}

# A mistake in one exercise is not paid for in another.
BESIDE_A_WRONG_NETWORK = """
class NoseTipNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4800, 2)

    def forward(self, x):
        return torch.sigmoid(self.layer(x.flatten(1)))
"""
RIGHT = [
    *right_in_other_hand(LESSON, CODES),
    Answer(
        "sweep",
        "beside-a-wrong-network",
        partial(names_after, LESSON, CODES["sweep"] + BESIDE_A_WRONG_NETWORK),
        seeds=1,
    ),
]
NAMED = named_in_other_hand(LESSON, CODES, MISTAKES)
