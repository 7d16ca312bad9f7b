"""How images are read, scaled and predicted, and what is written of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.io.choices import EACH, Choice, parse
from nucseg_tf.io.images import check_pixel_size

AUTO, NATIVE = "auto", "native"
NUCLEI = "nuclei"
INSIDE, TIF = "inside", "tif"


@dataclass(frozen=True)
class Options:
    """Choices of the user, the same for all images of a run.

    Attributes:
        channel, z, t, scene: see `io.choices.Choice`.
        pixel_size: µm; that of the file without.
        diameter: typical nucleus, px; rescales to the model's. Goes before `pixel_size`. Or "auto":
            found in each image; or "native": images stay as they are. None: by pixel size, if the
            model has one, else as the model says.
        tile: largest side of tiles, px; the family's usual one without.
        tta: test-time augmentation; how many of the square's eight symmetries are averaged over,
            1 (none) to 8.
        link: whether the planes of a stack become nuclei in three dimensions, or frames tracks.
        labels: "inside": label images go into the images that are OME-Zarr, or "tif": none does.
        overwrite: whether labels inside images are replaced.
        label_name, table_name: of labels and tables inside images.
        illumination: whether uneven light, that all images have in common, is corrected.
        offset: grey value of the camera without light, for that.
        invert: whether dark and bright are exchanged, of images with dark nuclei; None: as the
            model was trained, see `Segmenter.inverts`, and not where there is none.
        writers: names in `registry.WRITERS`, of what is written besides label images.
    """

    channel: int | str | None = None
    z: int | str | None = None
    pixel_size: float | None = None
    diameter: float | str | None = None
    tile: int | None = None
    tta: int = 1
    writers: tuple[str, ...] = ()
    t: int | str | range | None = None
    scene: int | str | None = None
    link: bool = False
    labels: str = INSIDE
    overwrite: bool = False
    label_name: str = NUCLEI
    table_name: str = NUCLEI
    illumination: bool = False
    offset: float = 0.0
    invert: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense to take of any image; UsageError."""
        choice = parse(self.channel, self.z, self.t, self.scene)
        check_pixel_size(self.pixel_size)
        for name in (self.label_name, self.table_name):
            if not re.fullmatch(r"\w[\w .-]*", name):
                raise UsageError(
                    "labels and tables inside images: expected names of letters, digits, '_', '-' "
                    f"and '.', that begin with none of the last two. Received: {name!r}."
                )
        if not np.isfinite(self.offset) or (self.offset and not self.illumination):
            raise UsageError(
                f"--offset: expected a grey value, beside --illumination. Received: {self.offset}."
            )
        if self.link and (choice.z == EACH) == choice.has_times:
            raise UsageError(
                "--link: joins the planes of stacks (--z each) or the frames of movies (--t each), "
                f"one of both. Received: --z {self.z}, --t {self.t}."
            )

    @property
    def inside(self) -> tuple[str, str] | None:
        """Names of labels and tables inside images; None where they are written beside them."""
        return (self.label_name, self.table_name) if self.labels == INSIDE else None

    @property
    def choice(self) -> Choice:
        """What to take of an image."""
        return parse(self.channel, self.z, self.t, self.scene, bool(self.invert))


def parse_diameter(text: str | float | None) -> float | str | None:
    """A diameter as the user gives it: "auto", "native" or a number of px.

    Raises:
        UsageError: for anything else.
    """
    if text is None or text in (AUTO, NATIVE):
        return text
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = np.nan
    if not (np.isfinite(value) and value > 0):
        raise UsageError(
            f"--diameter: expected auto, native or a positive number. Received: {text}."
        )
    return value
