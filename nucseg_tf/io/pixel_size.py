"""What a TIFF file says of its pixel sizes and channels, in metadata of OME or ImageJ, or tags."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    import tifffile

# µm per pixel that a microscope image may have, and the resolutions (dpi) that programs write into
# files they know nothing about.
PLAUSIBLE_PIXEL_SIZES = (0.01, 100.0)
PRINT_DPI = (72, 96, 100, 120, 144, 150, 180, 200, 240, 300, 350, 360, 400, 600, 1200, 2400)
SQUARE = 0.001  # pixels this near to square are
MICRONS_PER_UNIT = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "\\u00b5m"), 1.0),
    **dict.fromkeys(("nm", "nanometer"), 1e-3),
    **dict.fromkeys(("mm", "millimeter"), 1e3),
    **dict.fromkeys(("cm", "centimeter"), 1e4),
    **dict.fromkeys(("in", "inch"), 25_400.0),
    **{"pm": 1e-6, "å": 1e-4, "m": 1e6},
}
# https://www.openmicroscopy.org/Schemas/Documentation/Generated/OME-2016-06/ome_xsd.html#UnitsLength
# As written there: Mm is a megametre. Not among them: "pixel" and "reference frame", whose size
# nobody knows.
_METRES = {
    **{"Ym": 24, "Zm": 21, "Em": 18, "Pm": 15, "Tm": 12, "Gm": 9, "Mm": 6, "km": 3, "hm": 2},
    **{"dam": 1, "m": 0, "dm": -1, "cm": -2, "mm": -3, "µm": -6, "nm": -9, "pm": -12},
    **{"fm": -15, "am": -18, "zm": -21, "ym": -24, "Å": -10},
}
_INCHES = {"thou": 1e-3, "li": 1 / 12, "in": 1, "ft": 12, "yd": 36, "mi": 63_360, "pt": 1 / 72}
MICRONS_PER_OME_UNIT = {
    **{unit: 10.0 ** (power + 6) for unit, power in _METRES.items()},
    **{unit: inches * 25_400.0 for unit, inches in _INCHES.items()},
    **{"ua": 1.495978707e17, "ly": 9.4607304725808e21, "pc": 3.0856775814913673e22},
}


@dataclass(frozen=True)
class PixelSizes:
    """Sizes in µm, None where unknown; a height of None is that of the width."""

    pixel_size: float | None = None
    pixel_height: float | None = None
    plane_distance: float | None = None


def tiff_pixel_sizes(tiff: tifffile.TiffFile, scene: int = 0) -> PixelSizes:
    """Sizes from OME, then ImageJ, then plain resolution tags, of one of the images."""
    if tiff.is_ome and tiff.ome_metadata:
        return _ome_sizes(_ome_pixels(tiff.ome_metadata, scene))
    tags = (tiff.pages.first if tiff.is_imagej else tiff.series[scene].keyframe).tags
    width, height = (_size_of(tags.valueof(f"{axis}Resolution", default=(0, 1))) for axis in "XY")
    if width is None:
        return PixelSizes()
    if tiff.is_imagej:
        found = tiff.imagej_metadata or {}
        across, down, along = (_imagej_unit(found, name) for name in ("unit", "yunit", "zunit"))
        if across is None or down is None:
            return PixelSizes()
        spacing = found.get("spacing") if "slices" in found else None
        distance = None
        if along is not None and isinstance(spacing, int | float) and 0 < spacing < math.inf:
            distance = along * spacing
        size = width * across
        other = None if height is None else _if_other(height * down, size, 1.0)
        return PixelSizes(size, other, distance)
    tag_unit = {2: "inch", 3: "cm"}.get(int(tags.valueof("ResolutionUnit", default=1)))
    if tag_unit is None:
        return PixelSizes()
    unit = MICRONS_PER_UNIT[tag_unit]
    size = width * unit
    dpi = MICRONS_PER_UNIT["inch"] / size
    plausible = PLAUSIBLE_PIXEL_SIZES[0] <= size <= PLAUSIBLE_PIXEL_SIZES[1]
    if any(abs(dpi - p) < 0.005 * p for p in PRINT_DPI) or not plausible:
        return PixelSizes()
    return PixelSizes(size, _if_other(height, width, unit))


def tiff_channels(tiff: tifffile.TiffFile, scene: int = 0) -> tuple[str, ...]:
    """Names of the channels of an OME-TIFF's image; empty where one has none."""
    pixels = _ome_pixels(tiff.ome_metadata, scene) if tiff.is_ome and tiff.ome_metadata else None
    found = [e for e in (pixels if pixels is not None else ()) if e.tag.endswith("Channel")]
    names = tuple(channel.attrib.get("Name", "") for channel in found)
    return names if all(names) else ()


def _imagej_unit(found: dict[str, Any], name: str) -> float | None:
    """µm per unit of an axis, which is that of x where it has none of its own."""
    return MICRONS_PER_UNIT.get(str(found.get(name, found.get("unit", ""))).lower())


def _size_of(resolution: tuple[int, int]) -> float | None:
    """Units per pixel, from pixels per unit as a fraction."""
    pixels, units = resolution
    return units / pixels if pixels and units else None


def _if_other(height: float | None, width: float, unit: float) -> float | None:
    """The height of a pixel, where it is not as good as its width."""
    return None if height is None or abs(height / width - 1) < SQUARE else height * unit


def _ome_pixels(xml: str, scene: int) -> ElementTree.Element | None:
    """The element that describes the pixels of one of the images."""
    with contextlib.suppress(ElementTree.ParseError, IndexError):
        found = ElementTree.fromstring(xml).iter()
        pixels = [element for element in found if element.tag.endswith("Pixels")]
        return [element for element in pixels if not _is_empty(element)][scene]
    return None


def _is_empty(pixels: ElementTree.Element) -> bool:
    """Whether an image is described alone, so that tifffile does not count it."""
    kinds = [child.tag.rpartition("}")[2] for child in pixels]
    return "MetadataOnly" in kinds and "TiffData" not in kinds


def _ome_sizes(pixels: ElementTree.Element | None) -> PixelSizes:
    attributes = {} if pixels is None else pixels.attrib
    width, height, distance = (_ome_size(attributes, axis) for axis in "XYZ")
    if width is None or (height is None and "PhysicalSizeY" in attributes):
        return PixelSizes(plane_distance=distance)
    return PixelSizes(width, _if_other(height, width, 1.0), distance)


def _ome_size(attributes: dict[str, str], axis: str) -> float | None:
    with contextlib.suppress(ValueError, KeyError):
        unit = attributes.get(f"PhysicalSize{axis}Unit", "µm")
        microns = MICRONS_PER_OME_UNIT.get(unit) or MICRONS_PER_UNIT.get(unit.lower(), math.nan)
        size = float(attributes[f"PhysicalSize{axis}"]) * microns
        return size if math.isfinite(size) and size > 0 else None
    return None
