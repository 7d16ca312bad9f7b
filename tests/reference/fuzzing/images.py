"""Targets: image files of all formats, their metadata, and what microscopes write beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image as Pillow
from reference.drawn import drawn_nuclei
from reference.fuzzing.places import made
from reference.fuzzing.target import Target
from reference.microscopes import write_lif, write_nd2

from nucseg_tf.errors import PlaneChoiceError
from nucseg_tf.io.choices import Choice
from nucseg_tf.io.formats import is_image_folder
from nucseg_tf.io.images import read_raw, scenes_in
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.omezarr.plate import is_plate
from nucseg_tf.io.planes import select_plane
from nucseg_tf.io.plates.headers import read_header
from nucseg_tf.io.plates.metadata import read_metadata
from nucseg_tf.io.plates.zarr_folder import read_zarr_plate

IMAGE = drawn_nuclei()[0]
FIRST = Choice(channel=0, z=0, t=0)
FEW = 10**8  # pixels of a plane that is read whole


def _read(name: str) -> Callable[[Path], None]:
    """Read the first plane of the first image, and what is said of it."""

    def read(folder: Path) -> None:
        path = folder / name
        scenes = scenes_in(path)
        if len(scenes) == 1:
            read_header(path)
        raw = read_raw(path, 0)
        assert len(raw.axes) == len(raw.data.shape)
        for size in (raw.pixel_size, raw.pixel_height, raw.plane_distance):
            assert size is None or (np.isfinite(size) and size > 0), size
        sides = [raw.data.shape[raw.axes.index(axis)] for axis in "YX"]
        if np.prod(sides, dtype=float) <= FEW:
            plane = select_plane(path, raw, FIRST)
            assert list(plane.shape) == sides
            assert plane.dtype.kind in "uif"
        for scene in scenes[1:3]:
            read_raw(path, scene)

    return read


def _read_labels(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        labels = read_labels(folder / name)
        assert labels.ndim == 2
        assert labels.dtype == np.int32
        assert labels.min() >= 0

    return read


def _tiff(data: np.ndarray, **options: Any) -> bytes:
    return made("a.tif", lambda path: tifffile.imwrite(path, data, **options))


def _tiffs() -> list[bytes]:
    small = IMAGE[:20, :24]
    colours = np.stack([small, small[::-1], small], -1)
    grey = np.repeat(np.arange(256, dtype=np.uint16) * 257, 3).reshape(256, 3).T
    size = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER"}
    stack = np.stack([small, small.T[:20, :20].repeat(2, 1)[:, :24], small])
    ome = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeZ": 2.0}
    return [
        _tiff(small, **size, metadata=None),
        _tiff(small.astype(np.uint16), compression="zlib", predictor=True, metadata=None),
        _tiff(small, compression="lzw", tile=(16, 16), metadata=None),
        _tiff(small, compression="packbits", metadata=None),
        _tiff(small, compression="jpeg", metadata=None),
        _tiff(small, photometric="palette", colormap=grey, metadata=None),
        _tiff(small, photometric="miniswhite", metadata=None),
        _tiff(colours, photometric="rgb", metadata=None),
        _tiff(small.astype(np.float32), bigtiff=True, byteorder=">", metadata=None),
        _tiff(stack, imagej=True, metadata={"axes": "ZYX", "unit": "um", "spacing": 2.0}, **size),
        _tiff(stack, ome=True, metadata=ome),
    ]


def _pictures() -> list[bytes]:
    small = IMAGE[:24, :30]
    colours = np.stack([small, small[::-1], small, small], -1)
    found = [(".png", small), (".png", small.astype(np.uint16) * 200), (".png", colours)]
    found += [(".jpg", small), (".jpg", colours[..., :3]), (".bmp", small)]
    moving = [Pillow.fromarray(small + number) for number in range(2)]
    gifs = [{"save_all": True, "append_images": moving[1:]}, {}]
    return [
        *(cv2.imencode(suffix, data)[1].tobytes() for suffix, data in found),
        *(made("a.gif", partial(moving[0].save, **options)) for options in gifs),
    ]


OME = b"""<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="a">
<Pixels DimensionOrder="XYCZT" ID="Pixels:0" SizeC="2" SizeT="1" SizeX="8" SizeY="6" SizeZ="3"
 Type="uint8" PhysicalSizeX="0.5" PhysicalSizeXUnit="mm" PhysicalSizeY="0.5" PhysicalSizeZ="2">
<Channel ID="Channel:0:0" Name="DAPI"/><Channel ID="Channel:0:1" Name="GFP"/>
<TiffData IFD="0" PlaneCount="6"/></Pixels></Image></OME>"""


def _read_described(folder: Path) -> None:
    """A TIFF of six planes, 6 x 8, with an input as description: OME, ImageJ, or anything."""
    said = (folder / "said").read_bytes().replace(b"\0", b" ")
    planes = np.arange(288, dtype=np.uint8).reshape(6, 6, 8)
    tifffile.imwrite(folder / "a.tif", planes, description=said, metadata=None)
    _read("a.tif")(folder)


IMAGEJ = (
    b"ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nhyperstack=true\nunit=micron\nspacing=2.0\n"
)


def _hdf5() -> list[bytes]:
    import h5py

    def write(path: Path, tags: bool) -> None:
        with h5py.File(path, "w") as file:
            data = file.create_dataset("a/b", data=np.stack([IMAGE[:20, :24]] * 3), chunks=True)
            data.attrs["element_size_um"] = [2.0, 0.5, 0.5]
            if tags:
                axes = [{"key": key} for key in "zyx"]
                data.attrs["axistags"] = json.dumps({"axes": axes})
            else:
                data.attrs["axes"] = "zyx"
            more = file.create_dataset("c", data=IMAGE[:8, :9], compression="gzip", shuffle=True)
            more.dims[0].label = "y"
            more.dims[1].label = "x"

    return [made("a.h5", partial(write, tags=tags)) for tags in (True, False)]


def _lif() -> list[bytes]:
    pixels = np.arange(2 * 3 * 8 * 10, dtype=np.uint16).reshape(2, 3, 8, 10)
    images = {"one": ("CZYX", pixels[:1]), "two": ("CZYX", pixels)}
    return [made("a.lif", lambda path: write_lif(path, images, 0.5))]


def _nd2() -> list[bytes]:
    frames = np.arange(6 * 8 * 10 * 2, dtype=np.uint16).reshape(6, 8, 10, 2)
    loops = {"P": 2, "Z": 3}
    return [
        made("a.nd2", lambda path: write_nd2(path, frames, loops, ["A", "B"], ["p", "q"], 0.5, 2.0))
    ]


def _czi() -> list[bytes]:
    from pylibCZIrw import czi

    def write(path: Path) -> None:
        with czi.create_czi(str(path)) as file:
            for z in range(2):
                file.write(np.full((8, 10, 1), z, np.uint16), plane={"T": 0, "Z": z, "C": 0})
            file.write_metadata("a", {0: "DAPI"}, scale_x=0.3e-6, scale_y=0.3e-6, scale_z=2e-6)

    return [made("a.czi", write)]


# --- OME-Zarr --------------------------------------------------------------------------------


def _zarr(folder: Path, version: int) -> None:
    """A plate a.zarr of one field B/3/0, two channels, with labels."""
    import zarr

    from nucseg_tf.io.omezarr.labels import write_labels
    from nucseg_tf.io.omezarr.multiscale import Multiscale, multiscale_attributes
    from nucseg_tf.io.omezarr.store import put_ome_attributes

    root = folder / "a.zarr"
    shutil.rmtree(root, ignore_errors=True)
    plate = {"wells": [{"path": "B/3", "rowIndex": 0, "columnIndex": 0}], "name": "P"}
    plate |= {"rows": [{"name": "B"}], "columns": [{"name": "3"}], "version": "0.4"}
    group = zarr.create_group(str(root), zarr_format=version)
    put_ome_attributes(group, {"plate": plate})
    well = group.create_group("B/3")
    put_ome_attributes(well, {"well": {"images": [{"path": "0", "acquisition": 0}]}})
    field = well.create_group("0")
    said = Multiscale(
        "cyx", ("0",), ((1.0, 0.5, 0.5),), ((0.0, 0.0, 0.0),), ("", *["micrometer"] * 2)
    )
    omero = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
    multiscales = multiscale_attributes(said, "0.4" if version == 2 else "0.5")
    put_ome_attributes(field, {"multiscales": multiscales, "omero": omero})
    array = field.create_array("0", shape=(2, 12, 16), chunks=(1, 8, 8), dtype="uint16")
    array[:] = np.arange(2 * 12 * 16).reshape(2, 12, 16)
    write_labels(root / "B/3/0", np.ones((12, 16), np.int32))


FIELD = "a.zarr/B/3/0"


def _read_zarr(folder: Path) -> None:
    is_plate(folder / "a.zarr")
    is_image_folder(folder / FIELD)
    _read_zarr_image(folder / FIELD)
    read_zarr_plate(folder / "a.zarr")


def _read_zarr_image(path: Path) -> None:
    raw = read_raw(path, 0)
    assert len(raw.axes) == len(raw.data.shape)
    for size in (raw.pixel_size, raw.pixel_height, raw.plane_distance):
        assert size is None or (np.isfinite(size) and size > 0), size
    if np.prod(raw.data.shape, dtype=float) <= FEW:
        try:
            plane = select_plane(path, raw, FIRST)
        except PlaneChoiceError:
            return
        assert plane.ndim == 2


def _zarr_file(name: str, version: int) -> Callable[[], list[bytes]]:
    def seeds() -> list[bytes]:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            _zarr(Path(folder), version)
            return [(Path(folder) / name).read_bytes()]

    return seeds


def _zarr_target(name: str, file: str, version: int, kind: Any = "json") -> Target:
    return Target(name, file, _read_zarr, _zarr_file(file, version), kind,
                  partial(_zarr, version=version), decoder=True)  # fmt: skip


# --- beside the images of a plate ------------------------------------------------------------

MRF = b"""<?xml version="1.0" encoding="utf-8"?><bts:MeasurementDetail bts:RowCount="16"
 xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0" bts:ColumnCount="24"
 bts:MeasurementSettingFileName="a.mes"><bts:MeasurementChannel bts:Ch="1"
 bts:HorizontalPixelDimension="0.325"/></bts:MeasurementDetail>"""
MES = b"""<bts:MeasurementSetting xmlns:bts="b"><bts:Channel bts:Ch="1" bts:Target="DAPI"/>
<bts:Channel bts:Ch="2" bts:Acquisition="GFP"/></bts:MeasurementSetting>"""
HARMONY = b"""<EvaluationInputData><Plates><Plate><PlateRows>16</PlateRows>
<PlateColumns>24</PlateColumns></Plate></Plates><Images><Image><ChannelID>1</ChannelID><ChannelName>HOECHST</ChannelName>
<ImageResolutionX Unit="m">2.9e-7</ImageResolutionX></Image></Images></EvaluationInputData>"""
HTD = b'"HTSInfoFile", Version 1.0\r\n"XWells", 24\r\n"YWells", 16\r\n"WaveName1", "DAPI"\r\n'


def _read_beside(folder: Path) -> None:
    found, troubles = read_metadata([folder], 4)
    for side in (found.rows, found.columns):
        assert side is None or side > 0
    assert found.pixel_size is None or 0 < found.pixel_size < 1e6
    assert all(isinstance(number, int) and name for number, name in found.channels.items())
    assert all(isinstance(trouble, str) for trouble in troubles)


def _beside(folder: Path) -> None:
    (folder / "MeasurementDetail.mrf").write_bytes(MRF)


TARGETS = (
    Target("tiff", "a.tif", _read("a.tif"), _tiffs, decoder=True),
    Target("tiff-labels", "a.tif", _read_labels("a.tif"), _tiffs, decoder=True),
    Target("tiff-description", "said", _read_described, lambda: [OME, IMAGEJ], decoder=True),
    Target("pictures", "a.png", _read("a.png"), _pictures, decoder=True),
    Target("hdf5", "a.h5", _read("a.h5"), _hdf5, decoder=True),
    Target("lif", "a.lif", _read("a.lif"), _lif, decoder=True),
    Target("nd2", "a.nd2", _read("a.nd2"), _nd2, decoder=True),
    Target("czi", "a.czi", _read("a.czi"), _czi, decoder=True),
    _zarr_target("zarr2-image", f"{FIELD}/.zattrs", 2),
    _zarr_target("zarr2-array", f"{FIELD}/0/.zarray", 2),
    _zarr_target("zarr2-plate", "a.zarr/.zattrs", 2),
    _zarr_target("zarr2-well", "a.zarr/B/3/.zattrs", 2),
    _zarr_target("zarr2-chunk", f"{FIELD}/0/0.0.0", 2, "bytes"),
    _zarr_target("zarr3-image", f"{FIELD}/zarr.json", 3),
    _zarr_target("zarr3-array", f"{FIELD}/0/zarr.json", 3),
    _zarr_target("zarr3-plate", "a.zarr/zarr.json", 3),
    _zarr_target("zarr3-chunk", f"{FIELD}/0/c/0/0/0", 3, "bytes"),
    Target("cellvoyager", "MeasurementDetail.mrf", _read_beside, lambda: [MRF]),
    Target("cellvoyager-settings", "a.mes", _read_beside, lambda: [MES], prepare=_beside),
    Target("harmony", "Index.idx.xml", _read_beside, lambda: [HARMONY]),
    Target("metaxpress", "a.HTD", _read_beside, lambda: [HTD]),
)  # fmt: skip
