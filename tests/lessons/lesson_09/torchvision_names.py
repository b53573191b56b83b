"""Every name and shape of torchvision's ResNet18, written out: 3 channels in, 1000 classes out."""

# A line a block: where it stands, then its layers and the shapes of their weights. A layer of one number is a
# normalization of so many channels.
RESNET18 = """
. conv1 64x3x7x7 bn1 64
layer1.0. conv1 64x64x3x3 bn1 64 conv2 64x64x3x3 bn2 64
layer1.1. conv1 64x64x3x3 bn1 64 conv2 64x64x3x3 bn2 64
layer2.0. conv1 128x64x3x3 bn1 128 conv2 128x128x3x3 bn2 128 downsample.0 128x64x1x1 downsample.1 128
layer2.1. conv1 128x128x3x3 bn1 128 conv2 128x128x3x3 bn2 128
layer3.0. conv1 256x128x3x3 bn1 256 conv2 256x256x3x3 bn2 256 downsample.0 256x128x1x1 downsample.1 256
layer3.1. conv1 256x256x3x3 bn1 256 conv2 256x256x3x3 bn2 256
layer4.0. conv1 512x256x3x3 bn1 512 conv2 512x512x3x3 bn2 512 downsample.0 512x256x1x1 downsample.1 512
layer4.1. conv1 512x512x3x3 bn1 512 conv2 512x512x3x3 bn2 512
"""
NORM = ("weight", "bias", "running_mean", "running_var")
PARAMETERS = 11_689_512  # as torchvision's documentation gives it


def named_shapes() -> dict[str, tuple[int, ...]]:
    """Return the name and shape of everything in the state_dict, in its order."""
    shapes: dict[str, tuple[int, ...]] = {}
    for line in RESNET18.strip().splitlines():
        place, *words = line.split()
        for layer, text in zip(words[::2], words[1::2], strict=True):
            name, shape = f"{place}{layer}".lstrip("."), tuple(map(int, text.split("x")))
            if len(shape) > 1:
                shapes[f"{name}.weight"] = shape
            else:
                shapes |= {f"{name}.{part}": shape for part in NORM}
                shapes[f"{name}.num_batches_tracked"] = ()
    return {**shapes, "fc.weight": (1000, 512), "fc.bias": (1000,)}
