"""Nuclei by a package of `nucseg models export fpn2ws-nuclei package.zip --to bioimageio`.

python bioimageio_labels.py package.zip image.tif labels.tif  # needs bioimageio.core, onnxruntime

The image is one channel, its nuclei of the size that the model knows (docs/export.md).
"""

import json
import sys
import zipfile

import numpy as np
from decode_numpy import decode

LEAST, STEP = 256, 32  # sides that the package takes are LEAST, LEAST + STEP, ...
WHOLE = 2048**2  # px of what is looked at as a whole
BLOCKS = 24  # larger images: in blocks of LEAST + 24 STEP = 1024 px


def filled(image):
    """The image (H, W), mirrored below and to the right up to sides that the package takes."""
    sides = [max(LEAST, -(-side // STEP) * STEP) for side in image.shape]
    pads = [(0, new - old) for new, old in zip(sides, image.shape, strict=True)]
    return np.pad(image, pads, mode="symmetric")


def main(package, source, target):
    import tifffile
    from bioimageio.core import predict
    from bioimageio.spec import load_model_description

    image = tifffile.imread(source)
    if image.ndim != 2:
        sys.exit(f"{source}: expected one channel, (H, W). Received: {image.shape}")
    with zipfile.ZipFile(package) as archive:
        thresholds = json.loads(archive.read("model.json"))["thresholds"]
    seen = filled(image.astype(np.float32))
    blocks = BLOCKS if min(seen.shape) > LEAST + BLOCKS * STEP and seen.size > WHOLE else None
    found = predict(
        model=load_model_description(package),
        inputs=seen[None, ..., None],
        blocksize_parameter=blocks,
    )
    maps = found.members["maps"].data.to_numpy()[0, : image.shape[0], : image.shape[1]]
    labels = decode(maps, thresholds)
    tifffile.imwrite(target, labels)
    print(f"{target}: {labels.max()} nuclei")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
