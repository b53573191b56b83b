"""Right answers to lesson 10 in odd styles, as code."""

from __future__ import annotations

from functools import partial

from tests.lessons.answers import Answer
from tests.lessons.battery import names_after

# By exercise and id.
CODES = {
    ("mirror_faces", "fliplr-dict"): """
def mirror_faces(images, keypoints, names, axis=47.5):
    swap = {}
    for i, n in enumerate(names):
        words = n.split("_")
        words = [{"left": "right", "right": "left"}.get(w, w) for w in words]
        try:
            swap[i] = list(names).index("_".join(words))
        except ValueError:
            raise ValueError("no partner for " + n) from None
    out = np.empty_like(keypoints)
    for i, j in swap.items():
        out[:, i] = keypoints[:, j]
    a = np.broadcast_to(np.asarray(axis, np.float32), (len(images),))
    for n in range(len(out)):
        out[n, :, 0] = 2 * a[n] - out[n, :, 0]
    return np.array([np.fliplr(i) for i in images], dtype=images.dtype), out
""",
    ("mirror_faces", "take-flip"): """
def mirror_faces(images, keypoints, names, axis=47.5):
    names = np.array(names)
    partner = np.array([n.replace("left", "?").replace("right", "left").replace("?", "right") for n in names])
    if not np.isin(partner, names).all():
        raise ValueError(f"missing {set(partner) - set(names)}")
    order = [int(np.flatnonzero(names == p)[0]) for p in partner]
    k = np.take(keypoints, order, axis=1).astype(np.float32, copy=True)
    k[:, :, 0] *= -1
    k[:, :, 0] += 2 * (axis[:, None] if np.ndim(axis) else axis)
    return np.ascontiguousarray(np.flip(images, 2)), k
""",
    ("move_faces", "loops-bilinear"): """
def move_faces(images, keypoints, degrees, scale, shift):
    B, _, H, W = images.shape
    c = torch.tensor([(W - 1) / 2, (H - 1) / 2])
    ys, xs = torch.meshgrid(torch.arange(H, dtype=torch.float32), torch.arange(W, dtype=torch.float32), indexing="ij")
    out_i, out_k = [], []
    for b in range(B):
        a = torch.deg2rad(degrees[b])
        R = torch.stack([torch.stack([torch.cos(a), -torch.sin(a)]), torch.stack([torch.sin(a), torch.cos(a)])])
        out_k.append(scale[b] * (keypoints[b] - c) @ R.T + c + shift[b])
        p = torch.stack([xs, ys], -1) - c - shift[b]
        s = p @ R / scale[b] + c
        sx, sy = s[..., 0].clamp(0, W - 1), s[..., 1].clamp(0, H - 1)
        x0, y0 = sx.floor().long().clamp(max=W - 2), sy.floor().long().clamp(max=H - 2)
        fx, fy = sx - x0, sy - y0
        im = images[b, 0]
        v = (
            im[y0, x0] * (1 - fx) * (1 - fy)
            + im[y0, x0 + 1] * fx * (1 - fy)
            + im[y0 + 1, x0] * (1 - fx) * fy
            + im[y0 + 1, x0 + 1] * fx * fy
        )
        out_i.append(v[None])
    return torch.stack(out_i), torch.stack(out_k)
""",
    ("move_faces", "grid-align-false"): """
def move_faces(images, keypoints, degrees, scale, shift):
    B, _, H, W = images.shape
    rad = degrees * torch.pi / 180
    cos, sin = torch.cos(rad)[:, None], torch.sin(rad)[:, None]
    cx, cy = (W - 1) / 2, (H - 1) / 2
    dx, dy = keypoints[..., 0] - cx, keypoints[..., 1] - cy
    s = scale[:, None]
    kp = torch.stack(
        [s * (cos * dx - sin * dy) + cx + shift[:, :1], s * (sin * dx + cos * dy) + cy + shift[:, 1:]], -1
    )
    x = torch.arange(W, dtype=torch.float32).view(1, 1, W) - cx - shift[:, 0].view(-1, 1, 1)
    y = torch.arange(H, dtype=torch.float32).view(1, H, 1) - cy - shift[:, 1].view(-1, 1, 1)
    c3, s3, k3 = cos[..., None], sin[..., None], scale.view(-1, 1, 1)
    fx = (c3 * x + s3 * y) / k3 + cx
    fy = (-s3 * x + c3 * y) / k3 + cy
    grid = torch.stack([(fx + 0.5) * 2 / W - 1, (fy + 0.5) * 2 / H - 1], -1)
    return torch.nn.functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    ), kp
""",
    ("soft_argmax", "logsumexp-einsum"): """
def soft_argmax(maps, stride=4):
    b, k, h, w = maps.shape
    p = (maps - maps.logsumexp(dim=(2, 3), keepdim=True)).exp()
    xs = torch.tensor([stride * (c + 0.5) - 0.5 for c in range(w)], dtype=p.dtype)
    ys = torch.tensor([stride * (r + 0.5) - 0.5 for r in range(h)], dtype=p.dtype)
    return torch.stack((torch.einsum("bkhw,w->bk", p, xs), torch.einsum("bkhw,h->bk", p, ys)), -1)
""",
    ("soft_argmax", "matmul-meshgrid"): """
def soft_argmax(maps, stride=4):
    h, w = maps.size(2), maps.size(3)
    gy, gx = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    cells = (torch.stack([gx, gy], -1).reshape(-1, 2) + 0.5) * stride - 0.5
    return torch.softmax(maps.reshape(*maps.shape[:2], -1), -1) @ cells.to(maps)
""",
    ("one_cycle", "from-torch"): """
def one_cycle(step, steps, peak, warmup=0.25):
    if step < 0 or step >= steps:
        raise ValueError("step")
    o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    s = torch.optim.lr_scheduler.OneCycleLR(o, max_lr=peak, total_steps=steps, pct_start=warmup)
    for _ in range(step):
        o.step()
        s.step()
    return s.get_last_lr()[0]
""",
    ("one_cycle", "numpy"): """
def one_cycle(step, steps, peak, warmup=0.25):
    if step not in range(steps):
        raise ValueError(step)

    def cos(a, b, t):
        return b + (a - b) / 2 * (np.cos(np.pi * t) + 1)

    up = float(warmup * steps) - 1
    down = steps - 1
    if step <= up:
        return float(cos(peak / 25, peak, step / up)) if up else peak
    return float(cos(peak, peak / 25e4, (step - up) / (down - up)))
""",
    ("average_predictions", "batches-tta"): """
def average_predictions(models, images, names, batch_size=256, axis=47.5):
    outs = []
    axis = np.broadcast_to(np.asarray(axis, float), (len(images),))
    for m in models:
        mode = m.training
        m.eval()
        try:
            with torch.inference_mode():
                for flip in (False, True):
                    x = torch.tensor(np.ascontiguousarray(images[:, :, ::-1] if flip else images))[:, None]
                    y = torch.cat([m(b) for b in x.split(batch_size)]).numpy().reshape(len(images), len(names), 2)
                    outs.append(mirror_faces(images, y, names, axis)[1] if flip else y)
        finally:
            m.train(mode)
    return np.mean(outs, axis=0).astype("float32")
""",
}
RIGHT = [
    Answer(exercise, f"odd style: {id}", partial(names_after, "10_beyond_the_sources", code), seeds=3)
    for (exercise, id), code in CODES.items()
]
