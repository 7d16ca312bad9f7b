"""What microscopes write beside the images of a plate: names of channels, pixel size, its size.

CellVoyager: MeasurementDetail.mrf has the pixel size (µm) and the size of the plate, and names the
.mes file that has the channels' targets. Harmony: Index.idx.xml (also .ref.xml, or Index.xml) has
it all. MetaXpress: the .HTD file, lines of text, has no pixel size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nucseg_tf.errors import DataError
from nucseg_tf.io.pixel_size import MICRONS_PER_UNIT, PLAUSIBLE_PIXEL_SIZES
from nucseg_tf.io.plain_xml import read_elements

HTD_BYTES = 2**20


@dataclass
class Metadata:
    """What is known of a plate but for its images; filled as it is read.

    Attributes:
        channels: number -> what it shows.
        pixel_size: µm.
        rows, columns: of wells.
    """

    channels: dict[int, str] = field(default_factory=dict)
    pixel_size: float | None = None
    rows: int | None = None
    columns: int | None = None


def read_metadata(folders: Sequence[Path], channels: int) -> tuple[Metadata, list[str]]:
    """Look for what a microscope wrote beside the images.

    Args:
        folders: where it may lie; the first that has any is taken.
        channels: how many the images have; no more are looked for.

    Returns:
        What was found, and what was wrong with it.
    """
    for folder in folders:
        for pattern, read in _KINDS:
            for path in sorted(folder.glob(pattern)):
                found = Metadata()
                try:
                    read(path, found, channels)
                except DataError as error:
                    return found, [str(error)]
                return found, []
    return Metadata(), []


def number_of(channel: str) -> int | None:
    """The number in a channel's name in file names: 1 of "C01", "w1", "ch1"."""
    digits = re.findall(r"\d+", channel)
    return int(digits[-1]) if digits else None


def _cellvoyager(path: Path, found: Metadata, channels: int) -> None:
    settings = ""
    for element in read_elements(path):
        if element.tag == "MeasurementChannel" and found.pixel_size is None:
            found.pixel_size = _size(element.attributes.get("HorizontalPixelDimension", ""), 1.0)
        if element.tag == "MeasurementDetail":
            found.rows = _count(element.attributes.get("RowCount", ""))
            found.columns = _count(element.attributes.get("ColumnCount", ""))
            settings = element.attributes.get("MeasurementSettingFileName", "")
    beside = path.with_name(re.split(r"[\\/]", settings)[-1]) if settings else path
    if beside.suffix.lower() != ".mes" or not beside.is_file():
        return
    for element in read_elements(beside):
        number = _count(element.attributes.get("Ch", ""))
        name = element.attributes.get("Target") or element.attributes.get("Acquisition")
        if element.tag == "Channel" and number and name:
            found.channels[number] = name


def _harmony(path: Path, found: Metadata, channels: int) -> None:
    current = None  # of the image that is being described
    for element in read_elements(path):
        tag, text = element.tag, element.text
        if tag == "PlateRows":
            found.rows = _count(text)
        elif tag == "PlateColumns":
            found.columns = _count(text)
        elif tag == "ChannelID":
            current = _count(text)
        elif tag == "ChannelName":
            number = _count(element.parent.get("ChannelID", "")) or current
            if number and text:
                found.channels.setdefault(number, text)
        elif tag == "ImageResolutionX" and found.pixel_size is None:
            unit = MICRONS_PER_UNIT.get(element.attributes.get("Unit", "m").lower(), math.nan)
            found.pixel_size = _size(text, unit)
        if found.pixel_size and found.columns and len(found.channels) >= channels:
            return  # the rest, hundreds of MB, says it again for every image


def _metaxpress(path: Path, found: Metadata, channels: int) -> None:
    for key, value in _htd_lines(path):
        wave = re.fullmatch(r"WaveName(\d+)", key)
        if wave and value:
            found.channels[int(wave[1])] = value
        elif key == "XWells":
            found.columns = _count(value)
        elif key == "YWells":
            found.rows = _count(value)


def _htd_lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open("rb") as stream:
            text = stream.read(HTD_BYTES).decode("latin-1")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    for line in text.splitlines():
        key, comma, value = line.partition(",")
        if comma:
            yield key.strip().strip('"'), value.strip().strip('"')


def _count(text: str) -> int | None:
    """A number from 1, or None: microscopes count from there, and no plate has 0 rows."""
    return (int(text) or None) if text.isdecimal() and len(text) < 6 else None


def _size(text: str, unit: float) -> float | None:
    """A pixel size in µm, or None where it cannot be one."""
    try:
        size = float(text) * unit
    except ValueError:
        return None
    low, high = PLAUSIBLE_PIXEL_SIZES
    return size if low <= size <= high else None


_KINDS: tuple[tuple[str, Callable[[Path, Metadata, int], None]], ...] = (
    ("MeasurementDetail.mrf", _cellvoyager),
    ("Index.idx.xml", _harmony),
    ("Index.ref.xml", _harmony),
    ("Index.xml", _harmony),
    ("*.[Hh][Tt][Dd]", _metaxpress),
)
