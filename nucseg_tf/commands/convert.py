"""`nucseg convert`."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from nucseg_tf.commands.options import Channel, Invert, Plane
from nucseg_tf.console import show_progress
from nucseg_tf.errors import Signalled, SomeImagesFailed, UsageError
from nucseg_tf.suggest import nearest

LOG = logging.getLogger(__name__)
FILES = (".json", ".xml")  # data sets of others, of COCO and CVAT
TARGETS, SHAPES = ("supervisely", "coco", "labels"), ("bitmap", "polygon")


def convert(
    src: Path,
    dst: Path,
    *,
    to: str,
    nuclei: int = 50,
    shape: str = "bitmap",
    labels: Path | None = None,
    channel: Channel = None,
    z: Plane = None,
    invert: Invert = False,
    regions: Path | None = None,
    partial: bool = False,
    overwrite: bool = False,
) -> Path:
    """Take labelled fields to Supervisely or CVAT for correction, and bring them back.

    Out, fields are cut into regions, each an image with its nuclei. Back, the regions of a field
    become masks/[GROUP/]STEM.tif; conflicts.csv tells what contradicted and how it was settled.
    A data set of others (COCO, CVAT, Supervisely) becomes masks/STEM.tif as it is.

    Args:
        src: data set of images/ with masks/ or prelabels/; or a project, a folder, zip or tar;
            or a set of others, a .json of COCO, an .xml of CVAT for images, or a zip of them
        dst: project to write, a folder, or a zip file; or the data set that gets the masks
        to: supervisely, coco (for CVAT), or labels (back)
        nuclei: about how many in a region; 0 for whole fields
        shape: bitmap or polygon; nuclei that no polygon gives exactly are bitmaps all the same
        labels: folder of labels to export, instead of masks/, then prelabels/
        invert: exchange dark and bright, so that dark nuclei are shown bright
        regions: nucseg_regions.json of the export, if the project does not bring it back
        partial: keep the labels of regions that did not come back, instead of failing
        overwrite: replace masks that exist; copies are kept below annotation/
    """
    for flag, value, known in (("--to", to, TARGETS), ("--shape", shape, SHAPES)):
        if value not in known:
            raise UsageError(f"{flag}: there is no {value!r}; {nearest(value, known)}")
    if nuclei < 0:
        raise UsageError(f"--nuclei: expected 0 or more. Received: {nuclei}")
    back = {"--regions": regions, "--partial": partial, "--overwrite": overwrite}
    unused = {"--labels": labels} if to == "labels" else back
    if given := [flag for flag, value in unused.items() if value]:
        raise UsageError(f"{given[0]} says nothing with --to {to}; leave it away")
    is_file = to == "labels" and src.suffix.lower() in FILES
    if is_file and (given := [flag for flag, value in back.items() if value]):
        raise UsageError(
            f"{given[0]} says nothing of {src}, which is no export of ours; leave it away"
        )
    from nucseg_tf.annotation.exchange import sets
    from nucseg_tf.annotation.exchange.exporting import Export, export
    from nucseg_tf.annotation.exchange.others import open_set
    from nucseg_tf.annotation.exchange.restoring import restore

    with show_progress() as progress, contextlib.ExitStack() as stack:
        if to != "labels":
            options = Export(to, nuclei, shape == "polygon", labels, channel, z, invert)
            outcome = export(src, dst, options, progress)
        elif not any(back.values()) and (found := stack.enter_context(open_set(src))):
            outcome = sets.bring(found, src, dst, progress)
        else:
            outcome = restore(src, dst, regions, partial, overwrite, progress)
    if outcome.stopped:
        LOG.warning("stopped by SIGTERM after %d fields", len(outcome.done))
        raise Signalled
    if outcome.conflicts:
        LOG.warning("%d conflicts, see %s", outcome.conflicts, dst / "conflicts.csv")
    if outcome.failures:
        print(dst)
        count = len(outcome.failures) + len(outcome.done)
        where = f", see {dst / 'failures.csv'}" if to == "labels" else ""
        raise SomeImagesFailed(f"{len(outcome.failures)} of {count} fields failed{where}")
    return dst
