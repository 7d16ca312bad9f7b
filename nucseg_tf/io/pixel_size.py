"""The pixel size of a TIFF file, from OME or ImageJ metadata or resolution tags."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    import tifffile

# µm per pixel that a microscope image may have, and the resolutions (dpi) that programs write into
# files they know nothing about.
PLAUSIBLE_PIXEL_SIZES = (0.01, 100.0)
PRINT_DPI = (72, 96, 100, 120, 144, 150, 180, 200, 240, 300, 350, 360, 400, 600, 1200, 2400)
MICRONS_PER_UNIT = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "\\u00b5m"), 1.0),
    **dict.fromkeys(("nm", "nanometer"), 1e-3),
    **dict.fromkeys(("mm", "millimeter"), 1e3),
    **dict.fromkeys(("cm", "centimeter"), 1e4),
    **dict.fromkeys(("in", "inch"), 25_400.0),
    **{"pm": 1e-6, "å": 1e-4, "m": 1e6},
}


def tiff_pixel_size(tiff: tifffile.TiffFile) -> float | None:
    """Pixel width in µm from OME, then ImageJ, then plain resolution tags; None where unknown."""
    if tiff.is_ome and tiff.ome_metadata:
        return _ome_pixel_size(tiff.ome_metadata)
    tags = tiff.pages.first.tags
    pixels, units = tags.valueof("XResolution", default=(0, 1))
    if not (pixels and units):
        return None
    width = units / pixels
    if tiff.is_imagej:
        unit = str((tiff.imagej_metadata or {}).get("unit", "")).lower()
        return width * MICRONS_PER_UNIT[unit] if unit in MICRONS_PER_UNIT else None
    tag_unit = {2: "inch", 3: "cm"}.get(int(tags.valueof("ResolutionUnit", default=1)))
    if tag_unit is None:
        return None
    size = width * MICRONS_PER_UNIT[tag_unit]
    dpi = MICRONS_PER_UNIT["inch"] / size
    plausible = PLAUSIBLE_PIXEL_SIZES[0] <= size <= PLAUSIBLE_PIXEL_SIZES[1]
    return None if any(abs(dpi - p) < 0.005 * p for p in PRINT_DPI) or not plausible else size


def _ome_pixel_size(xml: str) -> float | None:
    with contextlib.suppress(ElementTree.ParseError, ValueError):
        for element in ElementTree.fromstring(xml).iter():
            if element.tag.endswith("Pixels") and "PhysicalSizeX" in element.attrib:
                unit = element.attrib.get("PhysicalSizeXUnit", "µm").lower()
                size = float(element.attrib["PhysicalSizeX"]) * MICRONS_PER_UNIT.get(unit, math.nan)
                return size if math.isfinite(size) and size > 0 else None
    return None
