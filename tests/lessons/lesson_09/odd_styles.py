"""Right answers to lesson 09 in odd styles, as code."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.lessons.battery import names_after

# By exercise and id.
CODES = {
    ("mean_absolute_error", "sklearnish"): """
def mean_absolute_error(pred, target):
    if np.shape(pred) != np.shape(target):
        raise ValueError("shapes")
    d = np.subtract(pred, target, dtype=np.float64).ravel()
    return np.abs(d).sum() / d.size
""",
    ("crop_face", "affine-warp"): """
def crop_face(image, box, keypoints, size=224):
    left, top, width, height = box
    sx, sy = size / width, size / height
    M = np.array([[sx, 0, (0.5 - left) * sx - 0.5], [0, sy, (0.5 - top) * sy - 0.5]])
    crop = cv2.warpAffine(image, M, (size, size), flags=cv2.INTER_LINEAR, borderValue=0)
    if keypoints is None:
        return crop, None
    return crop, (keypoints @ M[:, :2].T + M[:, 2]).astype(np.float32)


def uncrop(points, box, size=224):
    left, top, width, height = box
    return np.stack(
        [(points[:, 0] + 0.5) * width / size - 0.5 + left, (points[:, 1] + 0.5) * height / size - 0.5 + top], 1
    )
""",
    ("crop_face", "torch-interp"): """
def crop_face(image, box, keypoints, size=224):
    l, t, w, h = box
    pad = max(0, -l, -t, l + w - image.shape[1], t + h - image.shape[0])
    big = np.pad(image, pad)
    cut = big[t + pad : t + pad + h, l + pad : l + pad + w]
    crop = torch.nn.functional.interpolate(
        torch.tensor(cut)[None, None], size=(size, size), mode="bilinear", align_corners=False, antialias=True
    )[0, 0].numpy()
    crop = np.clip(crop, 0, 1).astype(np.float32)
    if keypoints is None:
        return (crop, None)
    f = np.float32([size / w, size / h])
    return crop, (keypoints + np.float32([0.5 - l, 0.5 - t])) * f - np.float32(0.5)


def uncrop(points, box, size=224):
    l, t, w, h = box
    return (points + 0.5) / np.array([size / w, size / h]) + np.array([l, t]) - 0.5
""",
    ("crop_face", "copyMakeBorder"): """
def crop_face(image, box, keypoints, size=224):
    l, t, w, h = map(int, box)
    H, W = image.shape
    before_y, before_x = max(0, -t), max(0, -l)
    after_y, after_x = max(0, t + h - H), max(0, l + w - W)
    big = cv2.copyMakeBorder(image, before_y, after_y, before_x, after_x, cv2.BORDER_CONSTANT, value=0)
    cut = big[t + before_y :, l + before_x :][:h, :w]
    crop = cv2.resize(cut, dsize=(size, size), interpolation=cv2.INTER_LINEAR)
    if keypoints is not None:
        keypoints = np.asarray(keypoints, np.float64).copy()
        keypoints[:, 0] = (keypoints[:, 0] - l + 0.5) * (size / w) - 0.5
        keypoints[:, 1] = (keypoints[:, 1] - t + 0.5) * (size / h) - 0.5
        keypoints = keypoints.astype(np.float32)
    return crop, keypoints
""",
    ("read_ibug_xml", "minidom"): """
def read_ibug_xml(path):
    from xml.dom import minidom
    from xml.parsers.expat import ExpatError

    try:
        doc = minidom.parse(str(path))
    except (ExpatError, LookupError) as e:
        raise ValueError(str(e))

    def need(el, name):
        if not el.hasAttribute(name):
            raise ValueError(name)
        return el.getAttribute(name)

    out = []
    for im in doc.getElementsByTagName("image"):
        f = need(im, "file")
        for b in im.getElementsByTagName("box"):
            box = tuple(int(need(b, s)) for s in ("left", "top", "width", "height"))
            parts = {}
            els = b.getElementsByTagName("part")
            for p in els:
                xy = float(need(p, "x")), float(need(p, "y"))
                if not all(map(math.isfinite, xy)) if "math" in globals() else not np.isfinite(xy).all():
                    raise ValueError("nan")
                parts[need(p, "name")] = xy
            if not els:
                kp = None
            elif len(els) == 68 and set(parts) == {"%02d" % i for i in range(68)}:
                kp = np.float32([parts[k] for k in sorted(parts)])
            else:
                raise ValueError("points")
            out.append(FaceRecord(f, box, kp))
    return out
""",
    ("resnet18", "modules-add"): """
class Block(nn.Module):
    def __init__(s, i, o, st=1):
        super().__init__()
        s.conv1 = nn.Conv2d(i, o, kernel_size=(3, 3), stride=(st, st), padding="same" if st == 1 else 1, bias=False)
        s.bn1 = nn.BatchNorm2d(o)
        s.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        s.bn2 = nn.BatchNorm2d(o)
        if st > 1 or i != o:
            s.add_module("downsample", nn.Sequential(nn.Conv2d(i, o, 1, st, bias=False), nn.BatchNorm2d(o)))

    def forward(s, x):
        y = torch.nn.functional.relu(s.bn1(s.conv1(x)))
        y = s.bn2(s.conv2(y))
        return (y + (s.downsample(x) if hasattr(s, "downsample") else x)).clamp(min=0)


def resnet18(outputs=136, in_channels=1):
    from collections import OrderedDict

    parts = [
        ("conv1", nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)),
        ("bn1", nn.BatchNorm2d(64)),
        ("r", nn.ReLU()),
        ("m", nn.MaxPool2d(3, 2, 1)),
    ]
    i = 64
    for n, o in enumerate((64, 128, 256, 512)):
        parts.append((f"layer{n + 1}", nn.Sequential(Block(i, o, 1 if n == 0 else 2), Block(o, o))))
        i = o
    return nn.Sequential(
        OrderedDict(
            parts + [("a", nn.AdaptiveAvgPool2d((1, 1))), ("f", nn.Flatten()), ("fc", nn.Linear(512, outputs))]
        )
    )
""",
}
RIGHT = [
    Answer(exercise, f"odd style: {id}", partial(names_after, "09_larger_dataset", code), seeds=3)
    for (exercise, id), code in CODES.items()
]
