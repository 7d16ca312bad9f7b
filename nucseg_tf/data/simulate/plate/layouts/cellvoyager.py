"""As Yokogawa's CellVoyager leaves a plate: a TIFF a plane, and files of what was measured.

MeasurementDetail.mrf has pixel size and plate size, the .mes file the channels' targets, and
MeasurementData.mlf a record of each image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from nucseg_tf.data.simulate.plate.screen import CHANNELS, Screen, Spot
from nucseg_tf.data.simulate.write import write_image
from nucseg_tf.io.files import atomic_path

SCHEMA = "http://www.yokogawa.co.jp/BTS/BTSSchema/1.0"
SETTINGS = "Simulated.mes"


def image_name(screen: Screen, spot: Spot, channel: int) -> str:
    """Name of the image of a channel, which counts from 1."""
    return f"{screen.name}_{spot.well}_T0001F{spot.field:03d}L01A01Z01C{channel:02d}.tif"


def write_field(out: Path, screen: Screen, spot: Spot, images: Sequence[np.ndarray]) -> None:
    """Write the images (H, W) uint16 of a field."""
    for channel, image in enumerate(images, start=1):
        write_image(out / image_name(screen, spot, channel), image, screen.line.pixel_size)


def begin(out: Path, screen: Screen) -> None:
    """Write the files that go with the images."""
    height, width = screen.shape
    channels = range(1, screen.channels + 1)
    size = f"{screen.line.pixel_size:g}"
    detail = [
        _tag("MeasurementSamplePlate", Name=screen.name),
        *(
            _tag(
                "MeasurementChannel",
                Ch=channel,
                HorizontalPixelDimension=size,
                VerticalPixelDimension=size,
                InputBitDepth=16,
                InputLevel=65535,
                HorizontalPixels=width,
                VerticalPixels=height,
            )
            for channel in channels
        ),
    ]
    _write(
        out / "MeasurementDetail.mrf",
        "MeasurementDetail",
        detail,
        Title=screen.name,
        MeasurementSettingFileName=SETTINGS,
        RowCount=screen.rows,
        ColumnCount=screen.columns,
    )
    targets = (_tag("Channel", Ch=channel, Target=CHANNELS[channel - 1]) for channel in channels)
    _write(
        out / SETTINGS, "MeasurementSetting", ["<bts:ChannelList>", *targets, "</bts:ChannelList>"]
    )
    _write(out / "MeasurementData.mlf", "MeasurementData", _records(screen))


def _records(screen: Screen) -> Iterator[str]:
    """A record of each image; fields lie side by side."""
    width = screen.shape[1] * screen.line.pixel_size
    for spot in screen.spots():
        for channel in range(1, screen.channels + 1):
            yield _tag(
                "MeasurementRecord",
                image_name(screen, spot, channel),
                Type="IMG",
                Column=spot.column,
                Row=spot.row,
                TimePoint=1,
                FieldIndex=spot.field,
                ZIndex=1,
                TimelineIndex=1,
                ActionIndex=1,
                Action="2D",
                X=f"{(spot.field - 1) * width:.2f}",
                Y=0,
                Z=0,
                Ch=channel,
            )


def _tag(name: str, text: str = "", **attributes: object) -> str:
    inner = "".join(f" bts:{key}={quoteattr(str(value))}" for key, value in attributes.items())
    return f"<bts:{name}{inner}>{text}</bts:{name}>" if text else f"<bts:{name}{inner} />"


def _write(
    path: Path, name: str, lines: Sequence[str] | Iterator[str], **attributes: object
) -> None:
    head = _tag(name, "", **attributes).removesuffix(" />")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.write(f'<?xml version="1.0" encoding="utf-8"?>\n{head} xmlns:bts="{SCHEMA}">\n')
        stream.writelines(f"  {line}\n" for line in lines)
        stream.write(f"</bts:{name}>\n")
