"""Wrong answers to lesson 07: the reference with a text of it replaced, and what is said of it."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.reference import reference_names

# By exercise: the id, what is said, the old text and the one in its place.
CHANGES = {
    "read_asf": [
        ("y alone may be nan", "a point whose y is nan", "isfinite(points).all()", "isfinite(points[:, 0]).all()"),
        ("the last point lost", "got 57 lines", "rows = lines[1:-1]", "rows = lines[1:-2]"),
        (
            "fields three and four",
            "58 of 58 points differ",
            "float(fields[2]), float(fields[3])",
            "float(fields[3]), float(fields[4])",
        ),
        ("points in reverse", "58 of 58 points differ", "    return points\n", "    return points[::-1]\n"),
    ],
    "split_by_person": [
        ("persons as text", "who validates: 7, 8, 9", "int(Path(file).name[:2])", "Path(file).name[:2].lstrip('0')"),
        ("one person fewer", "validates: 9, 10", "len(numbers) - n_val", "len(numbers) - n_val + 1"),
        ("nine by default", "n_val not given", "n_val: int = 8", "n_val: int = 9"),
        ("a file lost", "of 60 files", "return train, val", "return train[1:], val"),
    ],
    "NoseTipNet": [
        ("one ReLU missing", "6 of 6 values", "torch.relu(self.conv2(x))", "self.conv2(x)"),
        ("leaky ReLU", "6 of 6 values", "torch.relu(self.fc1(x))", "nn.functional.leaky_relu(self.fc1(x))"),
        ("input centered again", "6 of 6 values", "torch.relu(self.conv1(x))", "torch.relu(self.conv1(x - 0.5))"),
        ("answers clipped", "the network's answer", "return self.fc2(x)", "return self.fc2(x).clamp(0, 1)"),
        ("answers in pixels", "6 of 6 values", "self.fc2(x)", "self.fc2(x) * torch.tensor([80, 60])"),
        ("tanh at the end", "a tanh behind", "return self.fc2(x)", "return torch.tanh(self.fc2(x))"),
        ("softmax at the end", "a softmax behind", "return self.fc2(x)", "return torch.softmax(self.fc2(x), 1)"),
        ("no third ReLU", "behind the third convolution", "torch.relu(self.conv3(x))", "self.conv3(x)"),
    ],
    "train_with_curve": [
        ("never trained", "smaller after the training", "            optimizer.step()\n", ""),
        (
            "arrays",
            "step: ndarray",
            "    return curve\n",
            "    return {key: np.array(values) for key, values in curve.items()}\n",
        ),
        (
            "optimizer anew in every epoch",
            "train_mse",
            "        model.train()\n",
            "        model.train()\n        optimizer = torch.optim.Adam(model.parameters(), lr=lr)\n",
        ),
        ("absolute error", "train_mse", "nn.MSELoss()", "nn.L1Loss()"),
        ("sum of squares", "train_mse", "nn.MSELoss()", 'nn.MSELoss(reduction="sum")'),
        ("one epoch too few", "6 in step", "tqdm(range(epochs)", "tqdm(range(epochs - 1)"),
        ("measured on training images", "val_mse", "targets in val_loader", "targets in train_loader"),
        ("other betas", "train_mse", "lr=lr)", "lr=lr, betas=(0.5, 0.999))"),
    ],
    "sweep": [
        (
            "the first row copied",
            "predictions that no such training gives",
            "    for batch_size, lr in settings:\n",
            "    for batch_size, lr in settings:\n"
            "        if rows:\n"
            "            steps = epochs * -(-len(train_set) // batch_size)\n"
            "            rows.append({**rows[0], 'batch_size': batch_size, 'lr': lr, 'steps': steps})\n"
            "            continue\n",
        ),
        (
            "invented",
            "no such training",
            "            curve = train_with_curve(model, train_loader, val_loader, epochs, lr)\n",
            "            curve = {'step': [], 'val_mse': [0.1]}\n"
            "            for _ in range(epochs):\n"
            "                for images, _ in train_loader:\n"
            "                    model(images).sum().backward()\n"
            "                    curve['step'].append(len(curve['step']) + 1)\n",
        ),
        (
            "made up",
            "no such training",
            "    rows = []\n",
            "    return pd.DataFrame([{'batch_size': b, 'lr': r, 'steps': epochs * -(-len(train_set) // b), "
            "'val_mse': 0.1, 'within_tolerance': 0, 'predictions': np.zeros((len(val_set), 2))} "
            "for b, r in settings])\n",
        ),
        ("predictions in pixels", "in pixels", '"predictions": predictions', '"predictions": predictions * [80, 60]'),
        ("strictly within", "within_tolerance", "<= TOLERANCE", "<= TOLERANCE - 0.5"),
        ("one epoch for all", "batches of", "val_loader, epochs, lr)", "val_loader, 1, lr)"),
        ("predictions of an untrained network", "no such training", "cat([model(images)", "cat([NoseTipNet()(images)"),
        (
            "first setting trained, the others copied",
            "no such training",
            "    return pd.DataFrame(rows)",
            "    return pd.DataFrame([{**rows[0], 'batch_size': b, 'lr': r, 'steps': epochs * -(-len(train_set) // b)} "
            "for b, r in settings])",
        ),
        (
            "first setting alone trained, the others copied",
            "no such training",
            "    rows = []\n",
            "    if len(settings) > 1:\n"
            "        row = sweep(settings[:1], train_set, val_set, epochs).iloc[0].to_dict()\n"
            "        return pd.DataFrame([{**row, 'batch_size': b, 'lr': r, 'steps': epochs * -(-len(train_set) // b)} "
            "for b, r in settings])\n"
            "    rows = []\n",
        ),
        ("first setting alone", "1 rows", "    return pd.DataFrame(rows)", "    return pd.DataFrame(rows[:1])"),
    ],
}
WRONG = [
    Answer(exercise, id, partial(reference_names, "07_nose_tip", (old, new)), said=said, seeds=2)
    for exercise, changes in CHANGES.items()
    for id, said, old, new in changes
]
