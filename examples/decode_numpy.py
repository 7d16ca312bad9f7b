"""Nuclei by the network of `nucseg models export fpn2ws-nuclei DIR --to onnx`, without nucseg_tf.

python decode_numpy.py DIR/network.onnx image.npy labels.npy  # image (H, W), see docs/export.md
"""

import heapq
import json
import sys

import numpy as np
from onnxruntime import InferenceSession
from scipy import ndimage as ndi


def see(session, about, image):
    low, high = np.percentile(image, [about["normalisation"][key] for key in ("low", "high")])
    least, most = (about["normalisation"][key] for key in ("least", "most"))
    edge, (height, width) = about["tiles"]["mirrored"], image.shape
    pads = [(edge, edge + -(side + 2 * edge) % 64) for side in image.shape]
    if high == low:
        low, high = image.min(), max(image.max(), image.min() + 1)
    seen = np.pad(np.clip((image - low) / (high - low), least, most), pads, mode="symmetric")
    maps = session.run(["maps"], {"image": seen[None, ..., None].astype(np.float32)})[0]
    return maps[0, edge : edge + height, edge : edge + width]


def decode(maps, rule):
    border, blur = maps[..., 1], np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
    distance = ndi.convolve(maps[..., 0], blur, mode="mirror")
    height = distance - rule["seed_border"] * border
    seeds, _ = ndi.label(height > rule["seed"])
    seeds *= np.isin(seeds, seeds[height >= rule["seed"] + rule["peak"]])
    joined = (border < rule["join"]) & (distance >= rule["background"])
    seeds = ndi.label(joined | (seeds > 0))[0] * (seeds > 0)
    flat, dark = border < rule["ridge"], distance < rule["background"]
    pieces, count = ndi.label((flat & ~dark) | (seeds > 0))
    piece, seed = np.unique(np.stack([pieces[seeds > 0], seeds[seeds > 0]]), axis=1)
    owner = np.zeros(count + 1, int)  # of each piece that holds one seed alone
    owner[piece] = np.where(np.bincount(piece, minlength=count + 1)[piece] == 1, seed, 0)
    labels = np.where(seeds > 0, seeds, np.where(flat & dark, -1, owner[pieces]))
    land = border - rule["slope"] * distance
    queue = sorted((land[place], 0, place) for place in zip(*labels.nonzero(), strict=True))
    while queue:  # flooded from the seeds and from the background, the lowest first
        _, age, (r, c) = heapq.heappop(queue)
        for y, x in ((r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)):
            if 0 <= y < len(land) and 0 <= x < land.shape[1] and labels[y, x] == 0:
                labels[y, x] = labels[r, c]
                heapq.heappush(queue, (land[y, x], age + 1, (y, x)))
    tidy, number = np.zeros(labels.shape, np.int32), 0
    for value, box in enumerate(ndi.find_objects(np.maximum(labels, 0)), 1):
        mask = ndi.binary_fill_holes(labels[box] == value) if box else np.zeros(1, bool)
        if np.count_nonzero(mask) >= max(rule["min_area"], 1):
            tidy[box][mask] = number = number + 1
    return tidy


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    session, image = InferenceSession(sys.argv[1]), np.load(sys.argv[2])
    said, keys = session.get_modelmeta().custom_metadata_map, ("channels", "tiles", "thresholds")
    about = {key: json.loads(said[key]) for key in ("normalisation", *keys)}
    if about["channels"] != ["distance", "border"] or image.ndim != 2:
        sys.exit(f"expected a network of FPN2-WS and an image (H, W). Received: {image.shape}")
    np.save(sys.argv[3], decode(see(session, about, image), about["thresholds"]))
