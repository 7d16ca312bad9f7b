"""Files that are easily read wrongly in silence: how each is drawn, and what is right for it.

docs/reliability/odd_files.md is written from these cases: python tests/reference/odd_files.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image as Pillow

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from reference.sets import colour_file, labelme_file, svg_file

from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.imagej import write_imagej_rois

PAGE = Path(__file__).parents[2] / "docs" / "reliability" / "odd_files.md"
BEGIN, END = "<!-- cases: written by tests/reference/odd_files.py -->", "<!-- end of cases -->"


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """(128, 176) uint8 image of bright nuclei, and its labels int32; not symmetric."""
    rng = np.random.default_rng(3)
    labels = np.zeros((128, 176), np.int32)
    centres = ((24, 25), (27, 70), (20, 150), (62, 48), (60, 112), (98, 20), (104, 92), (92, 160))
    for number, (row, column) in enumerate(centres, start=1):
        axes = (9 + number % 3, 7 + number % 4)
        cv2.ellipse(labels, (column, row), axes, 40.0 * number, 0, 360, number, -1)
    soft = cv2.GaussianBlur((labels > 0).astype(np.float32), (0, 0), 1.2)
    grey = 18 + 190 * soft + rng.normal(0, 3, labels.shape)
    return grey.clip(0, 255).astype(np.uint8), labels


Draw = Callable[[Path, np.ndarray], None]
DrawLabels = Callable[[Path, np.ndarray], object]


@dataclass(frozen=True)
class Image:
    """An image file.

    Attributes:
        file: its name.
        what: it is.
        right: to do with it.
        draw: the file of a path and a grey picture.
        options: of `nucseg predict`.
        error: what is said where it cannot be read.
        warning: what is said where it can.
        pixel: (height, width) of a pixel in µm, where the file says that.
    """

    file: str
    what: str
    right: str
    draw: Draw
    options: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    warning: str = ""
    pixel: tuple[float, float] | None = None


@dataclass(frozen=True)
class Labels:
    """Labels of a field `a.png`.

    Attributes:
        file, what, right: as of `Image`.
        draw: the file of a path and true labels.
        options: of `nucseg validate`.
        warning: what that says.
        exact: whether the labels that are read are the true ones, but for their numbers.
    """

    file: str
    what: str
    right: str
    draw: DrawLabels
    options: Mapping[str, Any] = field(default_factory=dict)
    warning: str = ""
    exact: bool = True


def _tiff(**options: Any) -> Draw:
    return lambda path, grey: tifffile.imwrite(path, grey, **options)


def _wide(grey: np.ndarray) -> np.ndarray:
    return grey.astype(np.uint16) * 40 + 300


def _palette(path: Path, grey: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(256)
    colours = np.stack([order.astype(np.uint16) * 257] * 3)
    indices = np.argsort(order).astype(np.uint8)[grey]
    tifffile.imwrite(path, indices, photometric="palette", colormap=colours)


def _fire(path: Path, grey: np.ndarray) -> None:
    ramp = np.arange(256)
    fire = np.stack([np.minimum(ramp * 3, 255), ramp, np.maximum(ramp * 3 - 510, 0)]) * 257
    tifffile.imwrite(path, grey, photometric="palette", colormap=fire.astype(np.uint16))


def _coloured(path: Path, grey: np.ndarray) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    colours[2] = np.arange(256) * 257  # blue is the nuclei
    tifffile.imwrite(path, grey, photometric="palette", colormap=colours)


def _quantized(path: Path, grey: np.ndarray) -> None:
    Pillow.fromarray(grey).quantize(128).save(path)


def _ome(**sizes: Any) -> Draw:
    return lambda path, grey: tifffile.imwrite(
        path, _wide(grey), ome=True, metadata={"axes": "YX", **sizes}
    )


def _five(path: Path, grey: np.ndarray) -> None:
    wide = _wide(grey)
    stack = np.empty((2, 3, 2, *grey.shape), np.uint16)
    stack[:] = wide[:, ::-1]
    stack[:, :, 1] = wide[::-1]
    stack[1, 2, 0] = wide
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TZCYX"})


def _renamed(kind: str) -> Draw:
    def write(path: Path, grey: np.ndarray) -> None:
        Pillow.fromarray(grey).save(path.with_suffix(f".{kind}"), quality=95)
        path.with_suffix(f".{kind}").rename(path)

    return write


def _link(target: str) -> Draw:
    return lambda path, grey: path.symlink_to(target)


def _cmyk(path: Path, grey: np.ndarray) -> None:
    inks = np.stack([0 * grey] * 3 + [255 - grey], axis=-1)
    tifffile.imwrite(path, inks, photometric="separated", planarconfig="contig")


MAPPED, INVERTED = "the colour map applied", "inverted"
BRIGHT = "its background seems bright; where nuclei are dark, use --invert"
IMAGES = (
    Image("palette.tif", "TIFF of 8-bit indices into greys", MAPPED, _palette),
    Image("palette.png", "PNG with a palette of greys", MAPPED, _quantized),
    Image("palette.gif", "GIF with a palette of greys", MAPPED, _quantized),
    Image("palette.bmp", "BMP with a palette of greys", MAPPED, _quantized),
    Image("fire.tif", "TIFF of intensities under a map that gets brighter (fire)",
          "intensities as they are", _fire),
    Image("coloured.tif", "TIFF of indices into colours", "asks for --channel", _coloured,
          error=r"channels red, green, blue\)\. Choose with --channel"),
    Image("coloured_blue.tif", "the same with `--channel blue`", "blue of the colours", _coloured,
          {"channel": "blue"}),
    Image("white8.tif", "TIFF whose white is 0 (MinIsWhite), 8 bits", INVERTED,
          lambda path, grey: tifffile.imwrite(path, 255 - grey, photometric="miniswhite")),
    Image("white16.tif", "the same, 16 bits", INVERTED,
          lambda path, grey: tifffile.imwrite(path, 65535 - _wide(grey), photometric="miniswhite")),
    Image("white32.tif", "the same, floating point", INVERTED,
          lambda path, grey: tifffile.imwrite(path, -grey.astype(np.float32),
                                              photometric="miniswhite")),
    Image("cmyk.tif", "TIFF of inks, and other spaces without intensities", "refused", _cmyk,
          error="its values are CMYK or other inks, not intensities. Save it as grey or RGB"),
    Image("bright.png", "dark nuclei on a bright background", "warned of",
          lambda path, grey: cv2.imwrite(str(path), 255 - grey) or None, warning=BRIGHT),
    Image("bright_inverted.png", "the same with `--invert`", "the labels of its negative",
          lambda path, grey: cv2.imwrite(str(path), 255 - grey) or None, {"invert": True}),
    Image("oblong.ome.tif", "pixels of 0.65 x 1.3 µm", "areas by 0.845 µm² a pixel",
          _ome(PhysicalSizeX=0.65, PhysicalSizeY=1.3), pixel=(1.3, 0.65)),
    Image("oblong_nm.ome.tif", "the same, its height in nm", "the same",
          _ome(PhysicalSizeX=0.65, PhysicalSizeY=1300, PhysicalSizeYUnit="nm"), pixel=(1.3, 0.65)),
    Image("frame.ome.tif", "pixel sizes in a unit without size (reference frame)",
          "no areas in µm²",
          _ome(PhysicalSizeX=0.65, PhysicalSizeXUnit="reference frame")),
    Image("movie.tif", "a stack along time", "asks for --t",
          lambda path, grey: tifffile.imwrite(path, np.stack([_wide(grey)] * 3), imagej=True,
                                              metadata={"axes": "TYX"}),
          error=r"axes T=3.*Choose with --t 0\.\.2"),
    Image("five.tif", "five axes", "asks for --t, --z and --channel", _five,
          error=r"Choose with --t 0\.\.1 .*--z 0\.\.2 .*--channel 0\.\.1"),
    Image("five_chosen.tif", "the same with `--t 1 --z 2 --channel 0`", "that plane", _five,
          {"t": 1, "z": 2, "channel": 0}),
    Image("last.tif", "(H, W, 2) without names of axes", "asks for --channel",
          lambda path, grey: tifffile.imwrite(path, np.stack([grey, grey // 2], -1)),
          error=r"Choose with --channel 0\.\.1"),
    Image("last_chosen.tif", "the same with `--channel 0`", "the first channel",
          lambda path, grey: tifffile.imwrite(path, np.stack([grey, grey // 2], -1)),
          {"channel": 0}),
    Image("jpeg.tif", "JPEG named .tif", "read as what it is, and warned of", _renamed("jpeg"),
          warning=r"its content is that of \.jpg or \.jpeg"),
    Image("png.jpg", "PNG named .jpg", "the same", _renamed("png"),
          warning=r"its content is that of \.png"),
    Image("dangling.tif", "a symbolic link that leads nowhere", "fails: failures.csv, exit code 3",
          _link("gone/nowhere.tif"), error=r"the link leads nowhere \(to gone/nowhere\.tif\)"),
    Image("ring.tif", "a symbolic link to itself", "the same", _link("ring.tif"),
          error="the link leads nowhere"),
)  # fmt: skip


def _png(change: Callable[[np.ndarray], np.ndarray]) -> DrawLabels:
    return lambda path, labels: cv2.imwrite(str(path), change(labels).astype(np.uint16)) or None


def _binary(labels: np.ndarray) -> np.ndarray:
    return (labels > 0) * 255


def _coloured_mask(colours: np.ndarray) -> DrawLabels:
    return lambda path, labels: colour_file(path, labels, colours)


COLOURS = np.array([(n, 40 * n % 256, 255 - n) for n in range(1, 9)], np.uint8)
NOT_BRIGHTER = "nuclei are not brighter than what surrounds them"
LABELS = (
    Labels("a_masks.png", "labels as they should be", "taken", _png(lambda labels: labels)),
    Labels("a_masks.png", "1 for the background", "warned of", _png(lambda labels: labels + 1),
           warning="label 1 surrounds all others", exact=False),
    Labels("a_masks.png", "upside down, transposed or turned", "warned of",
           _png(lambda labels: labels[::-1]), warning=NOT_BRIGHTER, exact=False),
    Labels("a_masks.png", "of another image", "warned of",
           _png(lambda labels: np.roll(labels, (30, 40), (0, 1))), warning=NOT_BRIGHTER,
           exact=False),
    Labels("a_masks.png", "binary", "warned of", _png(_binary), warning="is a binary mask",
           exact=False),
    Labels("a_masks.png", "the same with `--split-binary`", "connected pieces are nuclei",
           _png(_binary), {"split_binary": True}),
    Labels("a_cp_masks.png", "Cellpose's masks", "paired and read", _png(lambda labels: labels)),
    Labels("a_seg.npy", "Cellpose's _seg.npy", "paired and read, and nothing in it run",
           lambda path, labels: np.save(path, {"masks": labels, "filename": "a.png"})),
    Labels("a.geojson", "GeoJSON as of QuPath", "paired and read",
           lambda path, labels: write_geojson(path, labels)),
    Labels("a_rois.zip", "ROIs of ImageJ, as StarDist writes them, too", "paired and read",
           lambda path, labels: write_imagej_rois(path, labels)),
    Labels("a.json", "a file of labelme, of polygons", "paired and read", labelme_file),
    Labels("a_labelme.json", "the same, of masks", "paired and read",
           lambda path, labels: labelme_file(path, labels, masks=True)),
    Labels("a.svg", "a drawing in SVG", "paired and read", svg_file),
    Labels("a_masks.npy", "an array of NumPy", "paired and read",
           lambda path, labels: np.save(path, labels)),
    Labels("a.npz", "arrays of NumPy, one of them called labels", "paired and read",
           lambda path, labels: np.savez(path, image=labels * 0, labels=labels)),
    Labels("a_masks.png", "a colour for each nucleus", "taken", _coloured_mask(COLOURS)),
    Labels("a_masks.png", "colours that come again, as in BBBC039", "connected pieces are nuclei",
           _coloured_mask(COLOURS[[0, 1, 0, 1, 0, 2, 0, 1]])),
    Labels("a_masks.png", "a single colour", "warned of",
           _coloured_mask(COLOURS[[0] * 8]), warning="is a binary mask", exact=False),
)  # fmt: skip


def table() -> str:
    """The cases, for the page."""
    lines = ["| Image | Right |", "|---|---|"]
    lines += [f"| {case.what} | {case.right} |" for case in IMAGES]
    lines += ["", "| Labels | Right |", "|---|---|"]
    lines += [f"| {case.what} (`{case.file}`) | {case.right} |" for case in LABELS]
    return "\n".join(lines)


def with_table(page: str) -> str:
    """The page with the table as it is now."""
    between = re.escape(BEGIN) + ".*" + re.escape(END)
    return re.sub(between, lambda _: f"{BEGIN}\n\n{table()}\n\n{END}", page, flags=re.DOTALL)


if __name__ == "__main__":
    text = with_table(PAGE.read_text(encoding="utf-8"))
    temporary = PAGE.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(PAGE)
