"""Small files of microscopes, built byte by byte as their formats are described.

No library writes ND2 or LIF, and files of microscopes are too large, and not ours, to be kept here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Value = int | float | str | bool | Mapping[str, Any]


def lite_variant(values: Mapping[str, Value]) -> bytes:
    """Nested values as ND2 has them: type, length of the name, name, value.

    Types are bool 1, uint32 3, double 6, text 8 and a level of further values 11, which ends with
    the place of each of them.
    """
    return b"".join(_item(name, value) for name, value in values.items())


def _item(name: str, value: Value) -> bytes:
    letters = (name + "\0").encode("utf-16-le")
    kinds = {bool: (1, "<B"), int: (3, "<I"), float: (6, "<d")}
    if isinstance(value, Mapping):
        head = struct.pack("<BB", 11, len(name) + 1) + letters
        items = [_item(key, inner) for key, inner in value.items()]
        length = len(head) + 12 + sum(map(len, items))
        places = np.cumsum([len(head) + 12, *map(len, items)])[:-1]
        table = b"".join(struct.pack("<Q", place) for place in places.tolist())
        return head + struct.pack("<IQ", len(items), length) + b"".join(items) + table
    if isinstance(value, str):
        text = (value + "\0").encode("utf-16-le")
        return struct.pack("<BB", 8, len(name) + 1) + letters + text
    kind, form = kinds[type(value)]
    return struct.pack("<BB", kind, len(name) + 1) + letters + struct.pack(form, value)


def write_nd2(
    path: Path,
    frames: np.ndarray,
    loops: Mapping[str, int],
    channels: list[str],
    positions: list[str],
    pixel_size: float,
    plane_distance: float,
    missing: tuple[int, ...] = (),
) -> None:
    """Write an ND2 of version 3.

    Args:
        path: the file.
        frames: (N, H, W, C) uint16, in the order of the loops.
        loops: lengths of T, P and Z, the outermost first.
        channels: names.
        positions: names of those along P.
        pixel_size, plane_distance: µm.
        missing: frames that are left out.
    """
    count, height, width, components = frames.shape
    attributes = {
        "uiWidth": width, "uiWidthBytes": width * components * 2, "uiHeight": height,
        "uiComp": components, "uiBpcInMemory": 16, "uiBpcSignificant": 16,
        "uiSequenceCount": count, "eCompression": 2, "uiTileWidth": width, "uiTileHeight": height,
    }  # fmt: skip
    planes = {
        f"a{number}": {
            "uiCompCount": 1,
            "uiModalityMask": 0,
            "sDescription": name,
            "uiColor": 255,
            "pFluorescentProbe": {"m_sName": name},
        }
        for number, name in enumerate(channels)
    }
    metadata = {
        "dCalibration": pixel_size, "bCalibrated": True,
        "sPicturePlanes": {"uiCount": components, "uiCompCount": components, "sPlaneNew": planes},
    }  # fmt: skip
    chunks = {
        "ImageAttributesLV!": lite_variant({"SLxImageAttributes": attributes}),
        "ImageMetadataSeqLV|0!": lite_variant({"SLxPictureMetadata": metadata}),
        "ImageMetadataLV!": lite_variant(
            {"SLxExperiment": _experiment(list(loops.items()), positions, plane_distance)}
        ),
        "ImageTextInfoLV!": lite_variant({"SLxImageTextInfo": {"TextInfoItem_5": ""}}),
    }
    for number in set(range(count)) - set(missing):
        chunks[f"ImageDataSeq|{number}!"] = bytes(8) + frames[number].astype("<u2").tobytes()
    with path.open("wb") as file:
        file.write(_chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), 32))
        places = {}
        for name, content in chunks.items():
            places[name.encode()] = (file.tell(), len(content))
            file.write(_chunk(name.encode(), content, 4072 if "Data" in name else len(name)))
        start = file.tell()
        entries = b"".join(name + struct.pack("<QQ", *place) for name, place in places.items())
        signature = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", start)
        file.write(_chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", entries + signature, 32))


def _chunk(name: bytes, content: bytes, reserved: int) -> bytes:
    return (
        struct.pack("<IIQ", 0x0ABECEDA, reserved, len(content))
        + name.ljust(reserved, b"\0")
        + content
    )


def _experiment(loops: list[tuple[str, int]], positions: list[str], step: float) -> dict[str, Any]:
    """Loops, each inside the one before."""
    (axis, count), *inner = loops
    kind, said = {
        "T": (1, {"uiCount": count, "dStart": 0.0, "dPeriod": 1.0, "dDuration": 1.0}),
        "P": (2, {"uiCount": count, "Points": {
            f"i{n:010}": {"dPosX": float(n), "dPosY": 0.0, "dPosZ": 0.0, "dPosName": name}
            for n, name in enumerate(positions)}}),
        "Z": (4, {"uiCount": count, "dZStep": step, "dZLow": 0.0, "dZHigh": step, "iType": 0}),
    }[axis]  # fmt: skip
    more = {"ppNextLevelEx": {"i0000000000": _experiment(inner, positions, step)}} if inner else {}
    return {"eType": kind, "uLoopPars": said, **more}


def write_lif(path: Path, images: Mapping[str, tuple[str, np.ndarray]], pixel_size: float) -> None:
    """Write a LIF: XML that describes the images, and a block of memory for each.

    Args:
        path: the file.
        images: name to axes, of T, M, Z, C, Y, X in this order, and uint16 pixels.
        pixel_size: µm, along all of Z, Y and X.
    """
    elements = "".join(
        f'<Element Name="{name}"><Data><Image><ImageDescription>'
        f"{_lif_axes(axes, data, pixel_size)}</ImageDescription></Image></Data>"
        f'<Memory Size="{data.nbytes}" MemoryBlockID="Block{number}"/></Element>'
        for number, (name, (axes, data)) in enumerate(images.items())
    )
    header = (
        '<LMSDataContainerHeader Version="2"><Element Name="all"><Memory Size="0" '
        f'MemoryBlockID="None"/><Children>{elements}</Children></Element></LMSDataContainerHeader>'
    )
    with path.open("wb") as file:
        file.write(struct.pack("<IIBI", 0x70, 2 * len(header) + 5, 0x2A, len(header)))
        file.write(header.encode("utf-16-le"))
        for number, (_, data) in enumerate(images.values()):
            name = f"Block{number}".encode("utf-16-le")
            file.write(
                struct.pack(
                    "<IIBQBI", 0x70, len(name) + 14, 0x2A, data.nbytes, 0x2A, len(name) // 2
                )
            )
            file.write(name + data.astype("<u2").tobytes())


def _lif_axes(axes: str, data: np.ndarray, pixel_size: float) -> str:
    numbers = {"X": 1, "Y": 2, "Z": 3, "T": 4, "M": 10}
    dimensions, channels = "", ""
    for axis, length, stride in zip(axes, data.shape, data.strides, strict=True):
        if axis == "C":
            for number in range(length):
                channels += (
                    '<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" '
                    'NameOfMeasuredQuantity="" Min="0" Max="65535" Unit="" LUTName="Blue" '
                    f'IsLUTInverted="0" BytesInc="{number * stride}" BitInc="0"><ChannelProperty>'
                    f"<Key>DyeName</Key><Value>dye {number}</Value></ChannelProperty>"
                    "</ChannelDescription>"
                )
            continue
        extent = (length - 1) * pixel_size * 1e-6
        dimensions += (
            f'<DimensionDescription DimID="{numbers[axis]}" NumberOfElements="{length}" Origin="0" '
            f'Length="{extent}" Unit="m" BitInc="0" BytesInc="{stride}"/>'
        )
    return f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
