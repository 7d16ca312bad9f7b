"""`nucseg augment`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from nucseg_tf.commands.options import (
    Changes,
    Channel,
    ConfigName,
    Data,
    Invert,
    Plane,
    SplitBinary,
)
from nucseg_tf.commands.settings import settings_and_fields
from nucseg_tf.console import show_progress
from nucseg_tf.engines.tensorflow import load_tensorflow
from nucseg_tf.errors import Signalled, UsageError
from nucseg_tf.io.files import ensure_folder

LOG = logging.getLogger(__name__)


def augment(
    config: ConfigName,
    *,
    data: Data,
    out: Path | None = None,
    preview: Path | None = None,
    rois: int = 35000,
    bits: int = 8,
    masks: bool = False,
    channel: Channel = None,
    z: Plane = None,
    invert: Invert = False,
    split_binary: SplitBinary = False,
    set: Changes = (),
) -> Path:
    """Cut augmented ROIs out of the training fields and keep them, or show what that looks like.

    Writes an HDF5 store for `nucseg train --store`, or a PNG; prints its path. After an
    interruption, the same command goes on.

    Args:
        out: store to write (.h5)
        preview: contact sheet to write (.png)
        rois: how many, an equal number of each group of fields
        bits: of the grey values, 8 or 16
        masks: also store mask, erosion, boundary and background
    """
    targets = [path for path in (out, preview) if path is not None]
    if not targets:
        raise UsageError("--out or --preview is missing")
    if bits not in (8, 16):
        raise UsageError(f"--bits: expected 8 or 16. Received: {bits}")
    if rois < 1:
        raise UsageError(f"--rois: expected 1 or more. Received: {rois}")
    settings, fields = settings_and_fields(
        config, data, set, channel=channel, z=z, invert=invert, split_binary=split_binary
    )
    for path in targets:
        ensure_folder(path.parent)
    load_tensorflow()
    from nucseg_tf.data.fields import field_hash
    from nucseg_tf.data.preview import write_preview
    from nucseg_tf.data.roi_store.write import write_store
    from nucseg_tf.data.sample import load_samples
    from nucseg_tf.scale.finder import typical_diameter

    find = typical_diameter if settings.data.find_diameter else None
    samples = load_samples(fields[0], settings, find)
    if preview:
        write_preview(preview, samples, settings)
    if out:
        sources = [field_hash(field) for field in fields[0]]
        options: dict[str, Any] = {"count": rois, "bits": bits, "masks": masks}
        with show_progress() as progress:
            done = write_store(out, samples, settings, sources, progress=progress, **options)
        if done < rois:
            LOG.warning("stopped by SIGTERM with %d of %d; the same command goes on", done, rois)
            raise Signalled
    return targets[0]
