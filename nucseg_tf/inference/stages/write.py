"""The files that belong to one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nucseg_tf.inference.inside import write_inside
from nucseg_tf.inference.stages.values import Measured, Written
from nucseg_tf.io.labels import write_labels
from nucseg_tf.registry import WRITERS

LABELS = "_labels.tif"


class Write:
    """The last stage.

    Args:
        out: folder that is there.
        writers: names in `registry.WRITERS`.
        stacked: whether images are planes of stacks, whose labels are written together.
        inside: names of the labels, and of the table, that go into images that are OME-Zarr; None:
            none do.

    Raises:
        UsageError: there is no such writer.
    """

    def __init__(
        self,
        out: Path,
        writers: Sequence[str] = (),
        stacked: bool = False,
        inside: tuple[str, str] | None = None,
    ):
        self.out, self.stacked, self.inside = out, stacked, inside
        self.writers = [WRITERS[name] for name in writers]

    def __call__(self, measured: Measured) -> Written:
        """Write NAME_labels.tif, or labels into the image, and a file by each writer.

        Raises:
            OutputError: a file cannot be written.
        """
        image, labels = measured.image, measured.instances.labels
        name = image.name or image.path.stem
        if not self.stacked and self.inside and image.group:
            places = [(image.t, image.z)]
            write_inside(image.group, [labels], places, measured.table, self.inside)
        elif not self.stacked:
            target = self.out / f"{name}{LABELS}"
            write_labels(target, labels, image.pixel_size, image.aspect)
        for writer in self.writers:
            writer.write(
                self.out / f"{name}{writer.ending}", image, measured.instances, measured.table
            )
        scale = {"zoom": round(image.zoom, 4)}
        if image.diameter is not None:
            scale = {"diameter": round(image.diameter, 1)} | scale
        kept = labels if self.stacked else None
        return Written(labels.shape, measured.table, scale, kept, image.spacing, measured.quality)


def remove_results(out: Path, name: str) -> None:
    """Remove what an earlier run left of an image that failed now."""
    for ending in (LABELS, *(writer.ending for writer in WRITERS)):
        (out / f"{name}{ending}").unlink(missing_ok=True)
