"""The files that belong to one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nucseg_tf.inference.stages.values import Measured, Written
from nucseg_tf.io.labels import write_labels
from nucseg_tf.registry import WRITERS

LABELS = "_labels.tif"


class Write:
    """The last stage.

    Args:
        out: folder that is there.
        writers: names in `registry.WRITERS`.

    Raises:
        UsageError: there is no such writer.
    """

    def __init__(self, out: Path, writers: Sequence[str] = ()):
        self.out = out
        self.writers = [WRITERS[name] for name in writers]

    def __call__(self, measured: Measured) -> Written:
        """Write STEM_labels.tif, and a file by each writer.

        Raises:
            OutputError: a file cannot be written.
        """
        image, instances = measured.image, measured.instances
        stem = image.path.stem
        write_labels(self.out / f"{stem}{LABELS}", instances.labels, pixel_size=image.pixel_size)
        for writer in self.writers:
            writer.write(self.out / f"{stem}{writer.ending}", image, instances)
        scale = {"zoom": round(image.zoom, 4)}
        if image.diameter is not None:
            scale = {"diameter": round(image.diameter, 1)} | scale
        return Written(instances.labels.shape, measured.table, scale)


def remove_results(out: Path, file: Path) -> None:
    """Remove what an earlier run left of an image that failed now."""
    for ending in (LABELS, *(writer.ending for writer in WRITERS)):
        (out / f"{file.stem}{ending}").unlink(missing_ok=True)
