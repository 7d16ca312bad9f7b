"""The illumination that the images of a run have in common, channel by channel.

It is estimated once, and kept beside the journal until all parts of the run are put together: parts
on other machines, or after a stop, go by the same one to the last bit, whatever can be read by then
and however many threads sum up there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import DataError, ImageReadError
from nucseg_tf.imaging.illumination import Light, sample
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.io.choices import refuse_if_no_image_has
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.sources import Source, find_views

LOG = logging.getLogger(__name__)
FOLDER = "illumination"
KEPT = ".illumination.npz"
KEY = "key"  # of the array that says which run it is of; others have the numbers of channels
NAMES = "names"


def light_of_run(
    folder: Path, key: str, sources: Sequence[Source], options: Options
) -> dict[str, np.ndarray]:
    """The illumination that another part of the run has kept in its folder, or a new estimate.

    Args:
        folder: of the results, which exists.
        key: what the estimate depends on.
        sources, options: as of `estimate_light`, result and errors, too.
    """
    kept = _recall(folder / KEPT, key)
    if kept is not None:
        return kept
    lights = estimate_light(sources, options)
    kept = _recall(folder / KEPT, key)  # of another part, if it was faster
    if kept is not None:
        return kept
    arrays: dict[str, Any] = {str(number): light for number, light in enumerate(lights.values())}
    arrays |= {KEY: np.array(key), NAMES: np.array(json.dumps([*lights]))}
    with atomic_path(folder / KEPT) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)
    return lights


def forget_light(folder: Path) -> None:
    """Remove what was kept, once all parts of a run are done."""
    (folder / KEPT).unlink(missing_ok=True)


def digest_of(lights: Mapping[str, np.ndarray]) -> str:
    """A hash of the illumination of all channels; "" where none is corrected."""
    if not lights:
        return ""
    digest = hashlib.sha256(json.dumps([*lights]).encode())
    for light in lights.values():
        digest.update(light.tobytes())
    return digest.hexdigest()


def _recall(path: Path, key: str) -> dict[str, np.ndarray] | None:
    """What is kept of this run; None if that is nothing, or cannot be read."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            if str(kept[KEY]) != key:
                return None
            names = json.loads(str(kept[NAMES]))
            return {name: kept[str(number)] for number, name in enumerate(names)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def estimate_light(sources: Sequence[Source], options: Options) -> dict[str, np.ndarray]:
    """Estimate the illumination from up to a hundred images, spread over all.

    Args:
        sources: all images of the run, or of the plate.
        options: how they are read; the first plane of a stack is looked at.

    Returns:
        (H, W) float32 with mean 1 for each channel, by name; "" where images have one.

    Raises:
        ChoiceError: none has the channel or plane asked for.
        DataError: too few images can be read, they differ in size, or their background is dark.
    """
    read, lights, errors = Read(options, all_channels=True), dict[str, Light](), list[Exception]()
    # In an order of their own: that of the command line is to change nothing.
    for source in sample(sorted(sources, key=lambda source: source.name)):
        try:
            image = read(find_views(source, options.choice).views[0])
        except ImageReadError as error:  # named again when it is predicted
            LOG.debug("%s", error)
            errors.append(error)
            continue
        for name, pixels in (image.channels or {"": image.pixels}).items():
            lights.setdefault(name, Light()).add(pixels)
    if not lights:
        refuse_if_no_image_has(errors, 0)
        raise DataError("illumination: none of the images can be read")
    return {name: light.estimate(options.offset) for name, light in lights.items()}


def write_light(folder: Path, lights: Mapping[str, np.ndarray]) -> None:
    """Write the illumination of each channel as TIFF, to be looked at."""
    if not lights:
        return
    import tifffile

    ensure_folder(folder / FOLDER)
    for number, (name, light) in enumerate(lights.items()):
        known = "".join(c if c.isalnum() or c in "-_." else "-" for c in name) or f"channel{number}"
        with atomic_path(folder / FOLDER / f"{known}.tif") as temporary:
            tifffile.imwrite(temporary, light)
