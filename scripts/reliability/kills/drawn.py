"""Small fields and a small model, so that a run takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

TINY = """
import sys
if sys.argv[:1] != ["-c"] or "multiprocessing" in str(sys.argv):
    from nucseg_tf.registry import FAMILIES
    def build(arch, pretrained=False):
        from reference.small import tiny
        return tiny(arch)
    FAMILIES["fpn2ws"].build = build
"""


def use_tiny() -> None:
    """Let the first family build a tiny network."""
    from reference.small import tiny

    from nucseg_tf.registry import FAMILIES

    FAMILIES["fpn2ws"].build = tiny  # type: ignore[method-assign]


def make_model(folder: Path, seed: int | None = None) -> Path:
    """A tiny network: with random weights, or, without a seed, one that finds what is bright."""
    import keras
    from reference.small import tiny

    from nucseg_tf.models import zoo
    from nucseg_tf.registry import FAMILIES

    use_tiny()
    keras.utils.set_random_seed(seed or 0)
    arch = FAMILIES["fpn2ws"].architecture(  # type: ignore[call-arg]
        encoder="mobilenetv2", filters=8
    )
    network = tiny(arch)
    if seed is None:
        kernel = np.zeros((3, 3, 1, 4), np.float32)
        kernel[1, 1, 0, 0] = 1
        head = np.zeros((1, 1, 4, 2), np.float32)
        head[0, 0, 0, 0] = 12
        network.get_layer("block_1_expand").set_weights([kernel, np.zeros(4)])
        network.get_layer("head_conv").set_weights([head, np.array([-5.0, -5.0])])
    folder.mkdir(parents=True)
    info = zoo.ModelInfo(name=f"m{seed or 0}", architecture=arch, diameter=22.0)
    return zoo.save_model(folder / "model", info, network, "")


def draw_images(folder: Path, count: int) -> None:
    """Images of four bright discs each."""
    from reference.drawn import drawn_discs

    folder.mkdir(parents=True)
    for number in range(count):
        tifffile.imwrite(folder / f"f{number:02d}.tif", drawn_discs(number))


def draw_zarr(folder: Path, count: int) -> None:
    """The same as OME-Zarr."""
    from reference.drawn import drawn_discs

    from nucseg_tf.io.omezarr.write_image import write_image

    folder.mkdir(parents=True)
    for number in range(count):
        write_image(folder / f"f{number:02d}.zarr", drawn_discs(number), pixel_size=0.5)


def draw_data(folder: Path, count: int) -> None:
    """A data set: images and masks of drawn nuclei."""
    from reference.drawn import drawn_nuclei

    image, labels = drawn_nuclei()
    for name, array in (("images", image), ("masks", labels.astype(np.uint16))):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            shifted = np.roll(array, 9 * number, axis=1)
            tifffile.imwrite(folder / name / f"f{number:02d}.tif", shifted)


def draw_plate(folder: Path, layout: str) -> None:
    """A plate of two wells with two fields each."""
    from nucseg_tf.__main__ import main

    options = ["--plate", "1x2", "--fields", "2", "--channels", "2", "--size", "96x120"]
    if main(["simulate", *options, "--seed", "1", "--layout", layout, "--out", str(folder)]):
        raise SystemExit(f"{folder}: no plate")
